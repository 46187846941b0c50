// SPDX-License-Identifier: GPL-2.0-only
/*
 * tally - count packets and bytes, as counter does, by other code
 *
 * The counters are laid out as those of counter, so either may replace the other and go on
 * counting from where it was.
 *
 * in          anything
 * out next    the packet, unchanged
 * config      none
 * counters    packets; bytes, from the Ethernet header to the end of the packet
 * state       none
 * see also    counter
 */
#include <lana/block.h>

struct tally_config {
};

struct tally_counters {
	__u64 packets;
	__u64 bytes;
};

enum tally_port { TALLY_NEXT };

static __always_inline int tally_process(struct lana_pkt *pkt, const struct tally_config *config,
					 struct tally_counters *counters)
{
	counters->bytes += lana_len(pkt);
	counters->packets++;
	return TALLY_NEXT;
}

LANA_BLOCK(tally);
