// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_event - refused when it is loaded: it publishes and declares no events
 *
 * in          anything
 * out         never
 * config      none
 * counters    none
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_event_config {
};

struct hostile_event_counters {
};

static __always_inline int hostile_event_process(struct lana_pkt *pkt,
						 const struct hostile_event_config *config,
						 struct hostile_event_counters *counters)
{
	lana_publish(pkt, 0, 1);
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(hostile_event);
