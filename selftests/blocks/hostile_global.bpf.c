// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_global - refused when it is loaded: it keeps state in a variable, which all blocks of the
 * type would share
 *
 * in          anything
 * out         none
 * config      none
 * counters    none
 * state       seen: packets
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_global_config {
};

struct hostile_global_counters {
};

static volatile __u64 seen;

static __always_inline int hostile_global_process(struct lana_pkt *pkt,
						  const struct hostile_global_config *config,
						  struct hostile_global_counters *counters)
{
	seen++;
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(hostile_global);
