// SPDX-License-Identifier: GPL-2.0-only
/*
 * limit - let packets through at a rate, with bursts: a token bucket
 *
 * All CPUs take from one bucket, each path has its own. Nothing is rounded: over any time, what
 * left by next is at most burst + rate * time. A packet that leaves by over took nothing. What has
 * more bits than burst never gets through.
 *
 * in          anything
 * out next    within the rate
 * out over    beyond it
 * config      rate=0..2^63-1: a second (0: no limit)
 *             unit=packets|bits: of rate and burst; bits are those of the packet from its Ethernet
 *             header to its end
 *             burst=0..4294967295: what may come at once (0: the rate of 10 ms, but no less than a
 *             packet, or 65535 bytes)
 * counters    over: packets that left by it
 * state       limit_buckets: the tokens of each path
 * see also    police, meter
 */
#include <stdbool.h>

#include <lana/block.h>
#include <lana/bucket.h>

enum limit_unit { packets, bits };

struct limit_config {
	__u64 rate LANA_RANGE(0, 9223372036854775807);
	enum limit_unit unit;
	__u32 burst;
};

struct limit_counters {
	__u64 over;
};

enum limit_port { LIMIT_NEXT, LIMIT_OVER };

struct limit_bucket {
	struct bpf_spin_lock lock;
	struct lana_bucket tokens;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct limit_bucket);
} limit_buckets SEC(".maps");

static __always_inline __u32 burst_of(const struct limit_config *config)
{
	__u64 least = config->unit == bits ? 8 * 65535 : 1, burst = config->rate / 100;

	if (config->burst)
		return config->burst;
	if (burst < least)
		return least;
	return burst < ~0U ? burst : ~0U;
}

static __always_inline int limit_process(struct lana_pkt *pkt, const struct limit_config *config,
					 struct limit_counters *counters)
{
	__u64 rate = config->rate < 1ULL << 63 ? config->rate : (1ULL << 63) - 1, now;
	__u32 tokens = config->unit == bits ? 8 * lana_len(pkt) : 1;
	__u32 burst = burst_of(config), path = lana_path(pkt);
	struct limit_bucket *bucket;
	bool within;

	if (!rate)
		return LIMIT_NEXT;
	bucket = bpf_map_lookup_elem(&limit_buckets, &path);
	if (!bucket)
		return -LANA_DROP_NO_MEMORY; /* cannot be */

	now = bpf_ktime_get_ns();
	bpf_spin_lock(&bucket->lock);
	lana_bucket_fill(&bucket->tokens, now, rate, burst);
	within = lana_bucket_has(&bucket->tokens, tokens);
	if (within)
		lana_bucket_take(&bucket->tokens, tokens);
	bpf_spin_unlock(&bucket->lock);
	if (within)
		return LIMIT_NEXT;
	counters->over++;
	return LIMIT_OVER;
}

LANA_BLOCK(limit);
