// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_counter - refused when it is loaded: a counter is not a __u64
 *
 * in          anything
 * out         none
 * config      none
 * counters    small: 32 bits
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_counter_config {
};

struct hostile_counter_counters {
	__u64 sound;
	__u32 small;
};

static __always_inline int hostile_counter_process(struct lana_pkt *pkt,
						   const struct hostile_counter_config *config,
						   struct hostile_counter_counters *counters)
{
	counters->small++;
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(hostile_counter);
