// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_loop - refused when it is loaded: it may never come to an end
 *
 * in          anything
 * out         none
 * config      none
 * counters    none
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_loop_config {
};

struct hostile_loop_counters {
};

static __always_inline int hostile_loop_process(struct lana_pkt *pkt,
						const struct hostile_loop_config *config,
						struct hostile_loop_counters *counters)
{
	while (bpf_get_prandom_u32())
		;
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(hostile_loop);
