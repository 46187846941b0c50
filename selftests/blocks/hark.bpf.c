// SPDX-License-Identifier: GPL-2.0-only
/*
 * hark - count published events
 *
 * in          anything
 * out next    the packet, unchanged
 * config      weight: what an event counts, too
 * counters    heard; weighed
 * state       none
 * see also    ear, hark_more
 */
#include <lana/block.h>

struct hark_config {
	__u32 weight;
};

struct hark_counters {
	__u64 heard;
	__u64 weighed;
};

enum hark_port { HARK_NEXT };

static __always_inline int hark_process(struct lana_pkt *pkt, const struct hark_config *config,
					struct hark_counters *counters)
{
	return HARK_NEXT;
}

static __always_inline void hark_on_event(const struct lana_event_data *event,
					  const struct hark_config *config,
					  struct hark_counters *counters)
{
	counters->heard += event->occasion == LANA_ON_PUBLISH;
	counters->weighed += config->weight;
}

LANA_BLOCK(hark);
LANA_ON_EVENT(hark);
