// SPDX-License-Identifier: GPL-2.0-only
/*
 * counter - count packets and bytes
 *
 * in          anything
 * out next    the packet, unchanged
 * config      none
 * counters    packets; bytes, from the Ethernet header to the end of the packet
 * state       none
 * see also    forward
 */
#include <lana/block.h>

struct counter_config {
};

struct counter_counters {
	__u64 packets;
	__u64 bytes;
};

enum counter_port { COUNTER_NEXT };

static __always_inline int counter_process(struct lana_pkt *pkt,
					   const struct counter_config *config,
					   struct counter_counters *counters)
{
	counters->packets++;
	counters->bytes += lana_len(pkt);
	return COUNTER_NEXT;
}

LANA_BLOCK(counter);
