/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/random.h - numbers that look random and can be had again
 *
 * For blocks, and for tests of them: it needs nothing but integers.
 */
#ifndef LANA_RANDOM_H
#define LANA_RANDOM_H

#include <linux/types.h>

/*
 * Number n of the sequence of a seed: 64 bits, all numbers alike. SplitMix64 (Steele, Lea, Flood:
 * Fast splittable pseudorandom number generators, 2014), whose state is a counter, so that any n
 * can be had at once. stream keeps apart what different types of blocks make of one seed.
 */
static inline __u64 lana_random(__u64 seed, __u32 stream, __u64 n)
{
	__u64 z = seed + ((__u64)stream << 32) + (n + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* What each kind of fate is drawn from, plus the path's number. */
#define LANA_STREAM_LOSS      0x6c6f7373
#define LANA_STREAM_CORRUPT   0x63727074
#define LANA_STREAM_DUPLICATE 0x64757031
#define LANA_STREAM_GILBERT   0x67696c62
#define LANA_STREAM_JITTER    0x6a697474
#define LANA_STREAM_REORDER   0x72656f72

#define LANA_BILLION	      1000000000ULL

/* Does what happens to so many in a billion happen, by a draw of 32 bits? */
static inline int lana_random_happens(__u32 draw, __u64 chance)
{
	/* Which billionth of all that can be drawn it is, without a division. */
	return draw * LANA_BILLION >> 32 < chance;
}

#define LANA_LN2_32	2977044472 /* natural logarithm of 2, times 2^32 */

#define LANA_LOG_DIGITS 24 /* of a logarithm, behind the point */

/*
 * Minus the logarithm of (draw + 1) / 2^64 to base 2, times 2^32, digit by digit: the square of a
 * number between 1 and 2 is 2 or more if the next digit of its logarithm is 1.
 */
static inline __u64 lana_minus_log2(__u64 draw)
{
	__u64 log = 63, mantissa, fraction = 0;

	draw += draw != ~0ULL; /* the largest one counts as its neighbour */
	for (int bits = 32; bits; bits /= 2) {
		__u64 below = (draw >> (64 - bits)) - 1, shift;

		/* Nor may the compiler branch here: the verifier would go all 64 ways. */
		asm volatile("" : "+r"(below));
		shift = (below >> 63) * bits;
		draw <<= shift;
		log -= shift;
	}
	mantissa = draw >> 32; /* 1 is 2^31 */
	for (int i = 0; i < LANA_LOG_DIGITS; i++) {
		mantissa = mantissa * mantissa >> 31;
		fraction = fraction << 1 | mantissa >> 32;
		mantissa >>= mantissa >> 32;
	}
	return (64ULL << 32) - (log << 32 | fraction << (32 - LANA_LOG_DIGITS));
}

/* Minus the natural logarithm of (draw + 1) / 2^64, times 2^32. */
static inline __u64 lana_minus_log(__u64 draw)
{
	return (lana_minus_log2(draw) >> 6) * (LANA_LN2_32 >> 6) >> 20;
}

/*
 * How many trials fail before one succeeds, if one in every does on average: what a draw of 64
 * bits makes of it (geometric distribution: the logarithm of the draw by that of the chance to
 * fail, which is -1 / (every - 1/2) to within 1 / 12 every^2). every: 1 to 2^57.
 */
static inline __u64 lana_random_gap(__u64 draw, __u64 every)
{
	__u64 e = lana_minus_log(draw);
	__u64 twice = 2 * every - 1, low = (__u32)e;

	return ((e >> 32) * twice + low * (twice >> 32) + (low * (__u32)twice >> 32)) >> 1;
}

/*
 * Of trials that succeed with a chance in 10^-18ths, of 1 to 10^17 (a tenth): twice the number of
 * those of which one does, less one; of that the whole, and *part, in 2^-16ths. What is rarer than
 * one in 2^57 counts as that.
 */
static inline __u64 lana_random_twice(__u64 chance, __u32 *part)
{
	__u64 every = 1000000000000000000ULL / chance, rest = 1000000000000000000ULL % chance;
	__u64 digits = 0, less;

	/* A division, digit by digit; without branches, as the verifier would go all 2^16 ways. */
	for (int i = 0; i < 17; i++) {
		rest = 2 * rest - chance;
		less = rest >> 63;
		asm volatile("" : "+r"(less));
		rest += chance & -less;
		digits = digits << 1 | !less;
	}
	/* The last one is for rounding, and twice that many are wanted. */
	*part = every >> 57 ? 0 : ((digits + 1) >> 1) << 1;
	return 2 * (every >> 57 ? 1ULL << 57 : every) - 1;
}

/* As lana_random_gap(), for what lana_random_twice() has made of a chance. */
static inline __u64 lana_random_gap_of(__u64 draw, __u64 twice, __u32 part)
{
	__u64 e = lana_minus_log(draw), low = (__u32)e, product = low * (__u32)twice;

	return ((e >> 32) * twice + low * (twice >> 32) + (product >> 32) +
		(((__u32)product + (e * part >> 16)) >> 32)) >>
	       1;
}

#endif
