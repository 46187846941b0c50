// SPDX-License-Identifier: GPL-2.0-only
/*
 * ear - count the events that it hears, by what they are
 *
 * in          anything
 * out next    the packet, unchanged
 * config      weight: what values are multiplied by; from: IDP that must have published it, if any
 * counters    heard: published events; sum: of their values; egress, second: of these, by path and
 *             with number 2
 *             binds, unbinds, sets, replaces, removals: of others; own: of the block's own changes
 *             wrong: events that are not as they should be
 * state       last: the value heard last
 * see also    crier, gate
 */
#include <lana/block.h>

struct ear_config {
	__u32 weight;
	__u32 from;
};

struct ear_counters {
	__u64 heard;
	__u64 sum;
	__u64 egress;
	__u64 second;
	__u64 binds;
	__u64 unbinds;
	__u64 sets;
	__u64 replaces;
	__u64 removals;
	__u64 own;
	__u64 wrong;
};

enum ear_port { EAR_NEXT };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} ear_last SEC(".maps");

static __always_inline int ear_process(struct lana_pkt *pkt, const struct ear_config *config,
				       struct ear_counters *counters)
{
	return EAR_NEXT;
}

static __always_inline void hear_published(const struct lana_event_data *event,
					   const struct ear_config *config,
					   struct ear_counters *counters)
{
	__u32 zero = 0;
	__u64 value = event->value;

	counters->heard++;
	counters->sum += value * config->weight;
	counters->egress += event->path == LANA_EGRESS;
	counters->second += event->event == 2;
	bpf_map_update_elem(&ear_last, &zero, &value, BPF_ANY);
}

static __always_inline void ear_on_event(const struct lana_event_data *event,
					 const struct ear_config *config,
					 struct ear_counters *counters)
{
	__u64 now = bpf_ktime_get_ns();

	if (event->time > now || now - event->time > 10000000000 || event->reserved[0] ||
	    (config->from && !event->own && event->publisher != config->from) ||
	    (event->own && event->occasion != LANA_ON_SET && event->occasion != LANA_ON_REPLACE))
		counters->wrong++;
	if (event->own) {
		counters->own++;
		return;
	}
	switch (event->occasion) {
	case LANA_ON_PUBLISH:
		hear_published(event, config, counters);
		break;
	case LANA_ON_BIND:
		counters->binds++;
		break;
	case LANA_ON_UNBIND:
		counters->unbinds++;
		break;
	case LANA_ON_SET:
		counters->sets++;
		break;
	case LANA_ON_REPLACE:
		counters->replaces++;
		break;
	case LANA_ON_RM:
		counters->removals++;
		break;
	default:
		counters->wrong++;
	}
}

LANA_BLOCK(ear);
LANA_ON_EVENT(ear);
