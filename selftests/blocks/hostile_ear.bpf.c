// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_ear - refused when it is loaded: its event function reads what may not be there
 *
 * in          anything
 * out         never
 * config      none
 * counters    read
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_ear_config {
};

struct hostile_ear_counters {
	__u64 read;
};

static __always_inline int hostile_ear_process(struct lana_pkt *pkt,
					       const struct hostile_ear_config *config,
					       struct hostile_ear_counters *counters)
{
	return -LANA_DROP_POLICY;
}

static __always_inline void hostile_ear_on_event(const struct lana_event_data *event,
						 const struct hostile_ear_config *config,
						 struct hostile_ear_counters *counters)
{
	counters->read += ((const __u64 *)event)[event->event];
}

LANA_BLOCK(hostile_ear);
LANA_ON_EVENT(hostile_ear);
