/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loglinear - cells that are as wide as their place is far from 0, to one part in 64
 *
 * Numbers below 64 have a cell each; from there on each power of two is cut into 64 equal cells. So
 * a cell is at most 1.6 % wider than the number that it begins with, whatever the range.
 */
#ifndef ENGINE_LOGLINEAR_H
#define ENGINE_LOGLINEAR_H

#include <linux/types.h>

#define LOGLINEAR_BITS 6
#define LOGLINEAR_PART (1U << LOGLINEAR_BITS)

/* How many cells numbers of so many bits have. */
#define LOGLINEAR_CELLS(bits) (((bits)-LOGLINEAR_BITS + 1) << LOGLINEAR_BITS)

static inline __u32 loglinear_cell(__u64 number)
{
	__u32 log;

	if (number < LOGLINEAR_PART)
		return number;
	log = 63 - __builtin_clzll(number);
	return ((log - LOGLINEAR_BITS) << LOGLINEAR_BITS) + (number >> (log - LOGLINEAR_BITS));
}

/* The logarithm to base 2 of how many numbers share a cell. */
static inline __u32 loglinear_width(__u32 cell)
{
	return cell < 2 * LOGLINEAR_PART ? 0 : (cell >> LOGLINEAR_BITS) - 1;
}

/* The least number of a cell. */
static inline __u64 loglinear_least(__u32 cell)
{
	__u32 width = loglinear_width(cell);

	return width ? (__u64)(cell - (width << LOGLINEAR_BITS)) << width : cell;
}

#endif
