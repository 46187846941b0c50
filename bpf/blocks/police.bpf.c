// SPDX-License-Identifier: GPL-2.0-only
/*
 * police - sort packets by two rates: the two rate three color marker of RFC 2698
 *
 * Color-blind. All CPUs take from one pair of buckets, each path has its own; nothing is rounded.
 * Bits are those of the packet from its Ethernet header to its end. To mark colors, bind a mark
 * block to each port.
 *
 * in          anything
 * out green   within the committed rate
 * out yellow  beyond it, but within the peak rate
 * out red     beyond the peak rate; takes nothing
 * config      rate=0..2^63-1: committed, bits a second (CIR)
 *             burst=0..4294967295: bits (CBS)
 *             peak=0..2^63-1: bits a second (PIR)
 *             peak_burst=0..4294967295: bits (PBS)
 *             (a burst of 0: the rate of 10 ms, but no less than 65535 bytes; both rates 0: all is
 *             green)
 * counters    green, yellow, red: bytes
 * state       police_buckets: the tokens of each path
 * see also    limit, mark
 */
#include <lana/block.h>
#include <lana/bucket.h>

struct police_config {
	__u64 rate LANA_RANGE(0, 9223372036854775807);
	__u64 peak LANA_RANGE(0, 9223372036854775807);
	__u32 burst;
	__u32 peak_burst;
};

struct police_counters {
	__u64 green;
	__u64 yellow;
	__u64 red;
};

enum police_port { POLICE_GREEN, POLICE_YELLOW, POLICE_RED };

struct police_bucket {
	struct bpf_spin_lock lock;
	struct lana_bucket committed;
	struct lana_bucket peak;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct police_bucket);
} police_buckets SEC(".maps");

static __always_inline __u32 burst_of(__u64 rate, __u32 burst)
{
	__u64 some = rate / 100;

	if (burst)
		return burst;
	if (some < 8 * 65535)
		return 8 * 65535;
	return some < ~0U ? some : ~0U;
}

static __always_inline __u64 rate_of(__u64 rate)
{
	return rate < 1ULL << 63 ? rate : (1ULL << 63) - 1;
}

/* RFC 2698, section 3; under the lock. */
static __always_inline int color(struct police_bucket *bucket, const struct police_config *config,
				 __u64 now, __u32 tokens)
{
	lana_bucket_fill(&bucket->committed, now, rate_of(config->rate),
			 burst_of(config->rate, config->burst));
	lana_bucket_fill(&bucket->peak, now, rate_of(config->peak),
			 burst_of(config->peak, config->peak_burst));
	if (!lana_bucket_has(&bucket->peak, tokens))
		return POLICE_RED;
	lana_bucket_take(&bucket->peak, tokens);
	if (!lana_bucket_has(&bucket->committed, tokens))
		return POLICE_YELLOW;
	lana_bucket_take(&bucket->committed, tokens);
	return POLICE_GREEN;
}

static __always_inline int police_process(struct lana_pkt *pkt, const struct police_config *config,
					  struct police_counters *counters)
{
	__u32 path = lana_path(pkt), length = lana_len(pkt);
	struct police_bucket *bucket;
	int port = POLICE_GREEN;
	__u64 now;

	if (config->rate || config->peak) {
		bucket = bpf_map_lookup_elem(&police_buckets, &path);
		if (!bucket)
			return -LANA_DROP_NO_MEMORY; /* cannot be */
		now = bpf_ktime_get_ns();
		bpf_spin_lock(&bucket->lock);
		port = color(bucket, config, now, 8 * length);
		bpf_spin_unlock(&bucket->lock);
	}
	if (port == POLICE_GREEN)
		counters->green += length;
	else if (port == POLICE_YELLOW)
		counters->yellow += length;
	else
		counters->red += length;
	return port;
}

LANA_BLOCK(police);
