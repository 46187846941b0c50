// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_echo - refused when it is loaded: its event function publishes
 *
 * in          anything
 * out         never
 * config      none
 * counters    none
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_echo_config {
};

struct hostile_echo_counters {
};

enum hostile_echo_event { HOSTILE_ECHO_HEARD };

static __always_inline int hostile_echo_process(struct lana_pkt *pkt,
						const struct hostile_echo_config *config,
						struct hostile_echo_counters *counters)
{
	return -LANA_DROP_POLICY;
}

static __always_inline void hostile_echo_on_event(const struct lana_event_data *event,
						  const struct hostile_echo_config *config,
						  struct hostile_echo_counters *counters)
{
	lana_publish(0, HOSTILE_ECHO_HEARD, event->value);
}

LANA_BLOCK(hostile_echo);
LANA_PUBLISHES(hostile_echo);
LANA_ON_EVENT(hostile_echo);
