// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_numbers - buckets and random numbers as blocks have them, beside slow and plain arithmetic
 *
 * Buckets are told the time here, so it is simulated. Distributions are judged by the band that
 * holds 99.9 % of all seeds.
 */
#include <math.h>
#include <stdlib.h>

#include <lana/bucket.h>
#include <lana/random.h>

#include "tap.h"

#define BAND 3.2905 /* standard deviations to each side: 99.9 % */

/* ---- buckets, in simulated time -------------------------------------------------------------- */

/* The bucket as a rule: what it holds is what came in, in 128 bits. */
static unsigned int bucket_differs(unsigned long long rate, unsigned int burst, unsigned int most)
{
	struct lana_bucket bucket = {};
	unsigned __int128 full = (unsigned __int128)burst * LANA_BUCKET_BILLION, level = full;
	unsigned long long time = 1, step = 0;
	unsigned int differs = 0;

	for (int i = 0; i < 200000; i++) {
		unsigned int tokens = 1 + random() % most;
		int has = level >= tokens * LANA_BUCKET_BILLION;

		lana_bucket_fill(&bucket, time, rate, burst);
		differs += has != lana_bucket_has(&bucket, tokens);
		if (has) {
			level -= tokens * LANA_BUCKET_BILLION;
			lana_bucket_take(&bucket, tokens);
		}
		differs += bucket.level != (unsigned long long)level;
		step = random() % 100 ? random() % (2000000000ULL * tokens / rate + 2)
				      : (unsigned long long)random() * random();
		/* A packet of another CPU that read the clock before: nothing comes in for it. */
		lana_bucket_fill(&bucket, time - (i % 3 ? 0 : random() % time), rate, burst);
		time += step;
		level += (unsigned __int128)step * rate;
		if (level > full)
			level = full;
	}
	return differs;
}

static void test_bucket(void)
{
	srandom(1);
	tap_is(bucket_differs(3, 1, 1), 0, "bucket: 3 a second, of 1");
	tap_is(bucket_differs(14880952, 64, 1), 0, "bucket: 14,880,952 a second, of 64");
	tap_is(bucket_differs(9999999967, 12144 * 3, 12144), 0, "bucket: 10 Gbit/s");
	tap_is(bucket_differs(~0ULL >> 1, ~0U, 524280), 0, "bucket: the most there can be");
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void test_gaps(void)
{
	static const unsigned long long every[] = { 10, 1000, 12144, 1000000007, 1ULL << 57 };
	double worst = 0, sum = 0, squares = 0;
	int trials = 1000000;

	for (int i = 0; i < 100000; i++) {
		unsigned long long draw = lana_random(i, 1, 2);
		double e = -log(((double)draw + 1) / 18446744073709551616.0);
		double log2 = lana_minus_log2(draw) / 4294967296.0;

		worst = fmax(worst, fabs(log2 - e / M_LN2));
	}
	tap_ok(worst < 1e-6, "random: logarithms are right to %.1e", worst);
	tap_is(lana_minus_log2(~0ULL), 0x100, "random: that of the largest draw is next to 0");
	tap_is(lana_minus_log2(0), 64LL << 32, "random: that of the smallest is 64");
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		worst = 0;
		for (int j = 0; j < 10000; j++) {
			unsigned long long draw = lana_random(j, 2, 3);
			double e = -log(((double)draw + 1) / 18446744073709551616.0);
			double gap = e * (every[i] - 0.5), got = lana_random_gap(draw, every[i]);

			worst = fmax(worst, fabs(got - gap) - 1 - 1e-6 * every[i]);
		}
		tap_ok(worst <= 1e-6 * every[i], "random: gaps of one in %llu", every[i]);
	}

	for (int i = 0; i < trials; i++) {
		double gap = lana_random_gap(lana_random(11, 0, i), 100);

		sum += gap;
		squares += gap * gap;
	}
	/* Geometric: mean 99, variance 100 * 99. */
	tap_ok(fabs(sum / trials - 99) < BAND * sqrt(9900.0 / trials), "random: gaps' mean: %.3f",
	       sum / trials);
	sum /= trials;
	tap_ok(fabs((squares / trials - sum * sum) / 9900 - 1) < BAND * sqrt(8.0 / trials),
	       "random: gaps' variance: %.0f of 9900", squares / trials - sum * sum);
}

int main(void)
{
	test_bucket();
	test_gaps();
	return tap_done();
}
