// SPDX-License-Identifier: GPL-2.0-only
/*
 * wire_counter - count packets, and bytes as they occupy a wire
 *
 * Counts what counter counts, so that one can take over from the other and go on.
 *
 * in          anything
 * out next    the packet, unchanged
 * config      none
 * counters    packets; bytes, with preamble, check sequence and the gap between frames
 * state       none
 * see also    counter
 */
#include <lana/block.h>

struct wire_counter_config {
};

struct wire_counter_counters {
	__u64 packets;
	__u64 bytes;
};

enum wire_counter_port { WIRE_COUNTER_NEXT };

#define AROUND_A_FRAME (8 + 4 + 12)

static __always_inline int wire_counter_process(struct lana_pkt *pkt,
						const struct wire_counter_config *config,
						struct wire_counter_counters *counters)
{
	counters->packets++;
	counters->bytes += lana_len(pkt) + AROUND_A_FRAME;
	return WIRE_COUNTER_NEXT;
}

LANA_BLOCK(wire_counter);
