// SPDX-License-Identifier: GPL-2.0-only
/*
 * drop - discard every packet
 *
 * in          anything
 * out         none
 * config      none
 * counters    none; the engine counts the drops, with the reason "policy"
 * state       none
 * see also    pass
 */
#include <lana/block.h>

struct drop_config {
};

struct drop_counters {
};

static __always_inline int drop_process(struct lana_pkt *pkt, const struct drop_config *config,
					struct drop_counters *counters)
{
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(drop);
