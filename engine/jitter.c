// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "error.h"
#include "jitter.h"

#define TWO_32 4294967296.0

/* ---- distributions -------------------------------------------------------------------------- */

/* Where the upper tail of the normal distribution is p, 0 < p <= 1/2: by Newton's method. */
static double normal_from_tail(double p)
{
	double z = sqrt(-2 * log(2 * p)); /* too large, and Newton's steps get there from above */

	for (int i = 0; i < 60; i++) {
		double tail = erfc(z * M_SQRT1_2) / 2, density = exp(-z * z / 2) / sqrt(2 * M_PI);
		/* The logarithm of the tail is nearly straight where the tail itself is not. */
		double step = log(tail / p) * tail / density;

		z += step;
		if (fabs(step) < 1e-13)
			break;
	}
	return z;
}

static double normal_quantile(double u, double rest)
{
	return u < rest ? -normal_from_tail(u) : normal_from_tail(rest);
}

/* x^-3 is the tail beyond x; mean 3/2, variance 3/4. */
static double pareto_quantile(double u, double rest)
{
	(void)u;
	return (pow(rest, -1.0 / 3) - 1.5) / sqrt(0.75);
}

/* Quantiles by u and rest = 1 - u, as only one of them is exact near its end. */
static void fill(struct jitter_table *table, double (*quantile)(double u, double rest))
{
	for (__u32 cell = 0; cell < JITTER_CELLS; cell++) {
		double u = (loglinear_least(cell) + 0.5) / TWO_32;

		if (u > 0.5)
			u = 0.5;
		table->low[cell] = lrint(ldexp(quantile(u, 1 - u), JITTER_ONE));
		table->high[cell] = lrint(ldexp(quantile(1 - u, u), JITTER_ONE));
	}
}

void jitter_make_tables(struct jitter_tables *tables)
{
	fill(&tables->normal, normal_quantile);
	fill(&tables->pareto, pareto_quantile);
	for (int i = 0; i <= JITTER_TAIL_STEPS; i++)
		tables->tail[i] = lrint(erfc(i / 64.0 * M_SQRT1_2) / 2 * TWO_32);
}

/* ---- correlation ---------------------------------------------------------------------------- */

/* How much of the normal distribution is below z, times 2^32. */
static __u32 below(const struct jitter_tables *tables, __s64 z)
{
	const int shift = JITTER_ONE - 6;
	__u64 size = z < 0 ? -z : z, step = size >> shift, tail, next;

	if (step >= JITTER_TAIL_STEPS)
		return z < 0 ? 0 : ~0U;
	tail = tables->tail[step];
	next = tables->tail[step + 1];
	tail -= (tail - next) * (size & ((1ULL << shift) - 1)) >> shift;
	return z < 0 ? tail : ~(__u32)tail;
}

__u32 jitter_correlate(const struct jitter_tables *tables, __s64 *state, __u32 draw,
		       __u32 correlation, __u32 rest)
{
	__s64 fresh = jitter_value(&tables->normal, draw);

	*state = (*state * correlation + fresh * rest) >> 16;
	return below(tables, *state);
}

/* ---- tables of the user's ------------------------------------------------------------------- */

#define NETEM_ONE   8192
#define VALUES_MAX  65536
#define VALUE_LIMIT (1 << 24) /* of 8192ths: 2048 times the jitter */

/* The next number of the text. 1: there is one, 0: none is left. */
static int next_value(const char **at, const char *end, long *value)
{
	char word[16];
	size_t length = 0;
	char *behind;

	while (*at < end && (isspace((unsigned char)**at) || **at == '#'))
		if (*(*at)++ == '#')
			while (*at < end && **at != '\n')
				++*at;
	while (*at < end && !isspace((unsigned char)**at) && length < sizeof(word) - 1)
		word[length++] = *(*at)++;
	if (!length)
		return 0;
	word[length] = '\0';
	*value = strtol(word, &behind, 10);
	return *behind || *value >= VALUE_LIMIT || *value <= -VALUE_LIMIT ? -EINVAL : 1;
}

static int read_values(const char *text, size_t size, long *values, size_t *count,
		       struct lana_error *error)
{
	const char *at = text, *end = text + size;
	int found;

	*count = 0;
	while ((found = next_value(&at, end, &values[*count])) > 0) {
		if (*count && values[*count] < values[*count - 1])
			return engine_refuse(error, -EINVAL,
					     "jitter table: number %zu, %ld, is less than the one "
					     "before, %ld",
					     *count + 1, values[*count], values[*count - 1]);
		if (++*count > VALUES_MAX)
			return engine_refuse(error, -EINVAL, "jitter table: more than %d numbers",
					     VALUES_MAX);
	}
	if (found < 0)
		return engine_refuse(error, -EINVAL,
				     "jitter table: word %zu is no whole number, or is beyond %d",
				     *count + 1, VALUE_LIMIT);
	if (*count < 2)
		return engine_refuse(error, -EINVAL, "jitter table: fewer than two numbers");
	return 0;
}

/* The value at u, between two numbers of the table. */
static __s32 interpolate(const long *values, size_t count, double u)
{
	double place = u * count - 0.5, whole = floor(place), value;
	size_t at = whole;

	if (place <= 0)
		value = values[0];
	else if (at >= count - 1)
		value = values[count - 1];
	else
		value = values[at] + (values[at + 1] - values[at]) * (place - whole);
	return lrint(ldexp(value / NETEM_ONE, JITTER_ONE));
}

int jitter_read_table(const char *text, size_t size, struct jitter_table *table,
		      struct lana_error *error)
{
	long *values = calloc(VALUES_MAX + 1, sizeof(*values));
	size_t count;
	int err;

	if (!values)
		return engine_refuse(error, -ENOMEM, "jitter table: no memory");
	err = read_values(text, size, values, &count, error);
	for (__u32 cell = 0; !err && cell < JITTER_CELLS; cell++) {
		double u = (loglinear_least(cell) + 0.5) / TWO_32;

		table->low[cell] = interpolate(values, count, u);
		table->high[cell] = interpolate(values, count, 1 - u);
	}
	free(values);
	return err;
}
