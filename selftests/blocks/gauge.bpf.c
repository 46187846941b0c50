// SPDX-License-Identifier: GPL-2.0-only
/*
 * gauge - count packets and bytes, as counter does, in another layout (for the tests of state)
 *
 * in          anything
 * out next    the packet, unchanged
 * config      none
 * counters    packets; bytes, from the Ethernet header to the end of the packet
 * state       none
 * see also    counter
 */
#include <lana/block.h>

struct gauge_config {
};

struct gauge_counters {
	__u64 bytes;
	__u64 packets;
};

enum gauge_port { GAUGE_NEXT };

static __always_inline int gauge_process(struct lana_pkt *pkt, const struct gauge_config *config,
					 struct gauge_counters *counters)
{
	counters->bytes += lana_len(pkt);
	counters->packets++;
	return GAUGE_NEXT;
}

LANA_BLOCK(gauge);
