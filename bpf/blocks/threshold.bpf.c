// SPDX-License-Identifier: GPL-2.0-only
/*
 * threshold - count packets or bytes, and publish that so many have come
 *
 * in          anything
 * out next    the packet, unchanged
 * config      at=N: publish "reached" once, when the sum comes to N; 0: never
 *             every=N: publish "passed" each time that the sum passes a multiple of N; 0: never
 *             unit=packets|bytes: what is summed up
 * counters    packets; bytes, from the Ethernet header to the end of the packet
 *             pending: what CPUs have counted and not yet added to the sum, in the unit
 * state       the sum over all CPUs and both paths, in the unit. CPUs add to it in portions of 1 in
 *             4,096 of the lower N, so that they seldom meet: it is exact for N up to 8,191, and
 *             otherwise late by no more than that a CPU and path. Events have the sum as their
 *             value.
 * see also    counter, gate
 */
#include <lana/block.h>

enum threshold_unit { packets, bytes };

struct threshold_config {
	__u64 at;
	__u64 every;
	enum threshold_unit unit;
};

struct threshold_counters {
	__u64 packets;
	__u64 bytes;
	__u64 pending;
};

enum threshold_port { THRESHOLD_NEXT };

enum threshold_event { THRESHOLD_REACHED, THRESHOLD_PASSED };

struct threshold_sum {
	__u64 sum LANA_SUM;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct threshold_sum);
} threshold_sums SEC(".maps");

/* What a CPU counts by itself before it adds to the sum. */
static __always_inline __u64 portion(const struct threshold_config *config)
{
	__u64 at = config->at, every = config->every;
	__u64 lower = !at || (every && every < at) ? every : at;

	return lower >> 12 ?: 1;
}

static __always_inline void add(struct lana_pkt *pkt, const struct threshold_config *config,
				__u64 amount)
{
	__u32 zero = 0;
	struct threshold_sum *sums = bpf_map_lookup_elem(&threshold_sums, &zero);
	__u64 before, now;

	if (!sums)
		return;
	before = __sync_fetch_and_add(&sums->sum, amount);
	now = before + amount;
	if (config->at && before < config->at && now >= config->at)
		lana_publish(pkt, THRESHOLD_REACHED, now);
	if (config->every && before / config->every != now / config->every)
		lana_publish(pkt, THRESHOLD_PASSED, now);
}

static __always_inline int threshold_process(struct lana_pkt *pkt,
					     const struct threshold_config *config,
					     struct threshold_counters *counters)
{
	__u32 length = lana_len(pkt);
	__u64 pending;

	counters->packets++;
	counters->bytes += length;
	if (!config->at && !config->every)
		return THRESHOLD_NEXT;

	pending = counters->pending + (config->unit == bytes ? length : 1);
	if (pending >= portion(config)) {
		counters->pending = 0;
		add(pkt, config, pending);
	} else {
		counters->pending = pending;
	}
	return THRESHOLD_NEXT;
}

LANA_BLOCK(threshold);
LANA_PUBLISHES(threshold);
