// SPDX-License-Identifier: GPL-2.0-only
/*
 * count_linear - counter, but with the length that a program without frags would take
 *
 * Tells what the helper call in counter costs; and, as its counters are laid out like those of
 * counter, one can be replaced by the other with the counts kept.
 *
 * in          anything
 * out next    the packet, unchanged
 * config      none
 * counters    packets; bytes, of XDP frames only those in the first buffer
 * state       none
 * see also    counter
 */
#include <lana/block.h>

struct count_linear_config {
};

struct count_linear_counters {
	__u64 packets;
	__u64 bytes;
};

enum count_linear_port { COUNT_LINEAR_NEXT };

static __always_inline int count_linear_process(struct lana_pkt *pkt,
						const struct count_linear_config *config,
						struct count_linear_counters *counters)
{
	counters->packets++;
	counters->bytes += lana_data_end(pkt) - lana_data(pkt);
	return COUNT_LINEAR_NEXT;
}

LANA_BLOCK(count_linear);
