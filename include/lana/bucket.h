/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/bucket.h - a bucket of tokens: what has a rate, and may come in bursts
 *
 * It holds up to burst tokens, and gets rate tokens a second. All is kept in billionths of tokens,
 * so that nothing is rounded: over any time no more and no less than rate is given. Who shares a
 * bucket holds a lock over each of these calls.
 *
 * For blocks, and for tests of them: it needs nothing but integers, and is told the time.
 */
#ifndef LANA_BUCKET_H
#define LANA_BUCKET_H

#include <linux/types.h>

#define LANA_BUCKET_BILLION 1000000000ULL

struct lana_bucket {
	__u64 level; /* tokens, times 10^9 */
	__u64 time;  /* when it was that, in nanoseconds; 0: never, it is full */
};

/*
 * Let in what has come since. now never is 0; an earlier one than of the last call (another CPU's)
 * counts as that. rate: tokens a second, less than 2^63.
 */
static inline void lana_bucket_fill(struct lana_bucket *bucket, __u64 now, __u64 rate, __u32 burst)
{
	__u64 full = burst * LANA_BUCKET_BILLION, until_full = rate ? full / rate : ~0ULL;
	__u64 passed = now - bucket->time;

	if (!bucket->time) {
		bucket->level = full;
	} else if ((__s64)passed < 0) {
		return;
	} else if (bucket->level >= full || passed > until_full) {
		bucket->level = full;
	} else {
		bucket->level += passed * rate;
		if (bucket->level > full)
			bucket->level = full;
	}
	bucket->time = now;
}

/* Are so many tokens there? */
static inline int lana_bucket_has(const struct lana_bucket *bucket, __u32 tokens)
{
	return bucket->level >= tokens * LANA_BUCKET_BILLION;
}

/* Take so many out, that are there. */
static inline void lana_bucket_take(struct lana_bucket *bucket, __u32 tokens)
{
	bucket->level -= tokens * LANA_BUCKET_BILLION;
}

#endif
