/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * jitter - how much longer or shorter than usual a packet is on its way
 *
 * A distribution is the table of its quantiles: what a random number u between 0 and 1 becomes, in
 * units of the jitter. Its cells are as narrow as u, or 1 - u, is near to 0 (loglinear.h), down to
 * 2^-32, so that tails are as long as they should be; between two cells values are interpolated.
 * Tables are made by floating-point functions; drawing from them takes integers alone.
 */
#ifndef ENGINE_JITTER_H
#define ENGINE_JITTER_H

#include <stddef.h>

#include <lana/stack.h>

#include "loglinear.h"

#define JITTER_ONE   18			       /* values: 2^18 is once the jitter */
#define JITTER_CELLS (LOGLINEAR_CELLS(31) + 1) /* of u in 2^-32, up to 1/2, which has one too */

struct jitter_table {
	__s32 low[JITTER_CELLS];  /* at u */
	__s32 high[JITTER_CELLS]; /* at 1 - u */
};

/*
 * The functions that all links share: quantiles of the normal distribution (mean 0, standard
 * deviation 1) and of Pareto's (exponent 3, moved and scaled to mean 0, standard deviation 1; never
 * below -0.58), and the upper tail of the normal one, at steps of 2^-6 from 0 on, times 2^32.
 */
#define JITTER_TAIL_STEPS (7 << 6)

struct jitter_tables {
	struct jitter_table normal, pareto;
	__u32 tail[JITTER_TAIL_STEPS + 1];
};

void jitter_make_tables(struct jitter_tables *tables);

/*
 * A table of the user's: text as the tables of netem (tc-netem(8)) are, whole numbers from the
 * least to the largest quantile, where 8192 is once the jitter; what follows a '#' is a comment.
 * Number i of n is the quantile (i + 1/2) / n. -EINVAL: it is no such text, or not in order.
 */
int jitter_read_table(const char *text, size_t size, struct jitter_table *table,
		      struct lana_error *error);

/* The value at u = draw / 2^32. */
static inline __s32 jitter_value(const struct jitter_table *table, __u32 draw)
{
	const __s32 *side = draw >> 31 ? table->high : table->low;
	__u32 u = draw >> 31 ? ~draw : draw, cell = loglinear_cell(u),
	      width = loglinear_width(cell);
	__s64 step = (__s64)side[cell + 1] - side[cell];

	return side[cell] + (step * (__s64)(u - loglinear_least(cell)) >> width);
}

/*
 * Draws that depend on the one before: what a draw becomes after a last one of *state, if numbers
 * that follow each other are to have the correlation (in 2^-16ths; rest: the square root of 1 less
 * its square, too). They are a normal autoregressive process, z' = r z + sqrt(1 - r²) g, read by
 * the distribution's quantiles (a Gaussian copula). So the distribution remains what was asked for;
 * the correlation is r exactly for the normal one, and within 0.02 for the uniform one (6/π
 * asin(r/2)). netem's own formula, x' = r x + (1 - r) u, keeps the correlation and narrows the
 * distribution instead, by sqrt((1 - r) / (1 + r)).
 */
__u32 jitter_correlate(const struct jitter_tables *tables, __s64 *state, __u32 draw,
		       __u32 correlation, __u32 rest);

#endif
