// SPDX-License-Identifier: GPL-2.0-only
/*
 * hark_more - count published events as hark does, in another layout
 *
 * in          anything
 * out next    the packet, unchanged
 * config      weight: what an event counts, too
 * counters    weighed; most: published ones with a value above 0; heard
 * state       none
 * see also    hark
 */
#include <lana/block.h>

struct hark_more_config {
	__u32 weight;
};

struct hark_more_counters {
	__u64 weighed;
	__u64 most;
	__u64 heard;
};

enum hark_more_port { HARK_MORE_NEXT };

static __always_inline int hark_more_process(struct lana_pkt *pkt,
					     const struct hark_more_config *config,
					     struct hark_more_counters *counters)
{
	return HARK_MORE_NEXT;
}

/* A function that the event function calls. */
static __attribute__((noinline)) __u64 is_most(__u64 value)
{
	__u64 shifted = value >> 1;

	return shifted ? 1 : value != 0;
}

static __always_inline void hark_more_on_event(const struct lana_event_data *event,
					       const struct hark_more_config *config,
					       struct hark_more_counters *counters)
{
	counters->weighed += config->weight;
	if (event->occasion != LANA_ON_PUBLISH)
		return;
	counters->heard++;
	counters->most += is_most(event->value);
}

LANA_BLOCK(hark_more);
LANA_ON_EVENT(hark_more);
