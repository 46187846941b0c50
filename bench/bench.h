/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench.h - what benchmarks share: clock, statistics, a stack, tables on paper and in JSON
 *
 *	bench_begin("chain");
 *	bench_table("blocks", "ns a block", columns, LENGTH(columns));
 *	bench_row("forward", 31.0, 1.1);
 *	return bench_end();
 *
 * prints tables and writes $LANA_BUILD/bench/chain.json. What cannot be set up ends the process,
 * for it would measure nothing. BENCH_QUICK in the environment makes all runs short: to try the
 * benchmark itself.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <lana/lana.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The changing thread keeps to one CPU, the traffic to another. */
enum { BENCH_CPU_CHANGE, BENCH_CPU_TRAFFIC };

void bench_begin(const char *name);

/* What main() returns. Goals that are missed are no failure: time is not what is tested. */
int bench_end(void) __attribute__((warn_unused_result));

/* A file to be written beside the JSON; the process ends if it cannot be. */
FILE *bench_file(const char *name);

/* Whether a table is to be made: it is among the arguments, or there are none. */
bool bench_wanted(int argc, char **argv, const char *table);

/* ---- results ---------------------------------------------------------------------------- */

struct bench_column {
	const char *key; /* in JSON, and the head of the column */
	int width;	 /* negative: text, on the left */
	int decimals;	 /* of numbers */
};

/* Begin a table. The columns must outlive it. */
void bench_table(const char *key, const char *title, const struct bench_column *columns,
		 size_t count);

/* A value a column: const char * for text, double for numbers (NaN: none). */
void bench_row(const char *first, ...);

/* Say whether a goal is met: worst is to be at most (or at least) limit. */
void bench_goal(const char *text, double worst, double limit, bool at_least);

/* ---- numbers ---------------------------------------------------------------------------- */

static inline double bench_min(double a, double b)
{
	return a < b ? a : b;
}

static inline double bench_max(double a, double b)
{
	return a > b ? a : b;
}

double bench_now(void);	     /* seconds, monotonic */
double bench_cpu_time(void); /* seconds that the calling thread has run */
bool bench_quick(void);

/* Sorts. Quantile 0 … 1. */
double bench_quantile(double *values, size_t count, double quantile);

/* Keep the calling thread on a CPU. */
void bench_pin(unsigned int cpu);

/* ---- a stack ---------------------------------------------------------------------------- */

/* A new stack in the benchmark's bpffs; devices are named in netns. */
struct lana_stack *bench_stack(const char *netns);

/* The path of a block type that only the benchmarks use. */
const char *bench_type(const char *name);

/* End the process unless err is 0. */
void bench_must(int err, const struct lana_error *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Block `upper` onto `lower`, or the process ends. */
void bench_bind(struct lana_stack *stack, const char *upper, const char *lower, const char *port,
		bool ingress);
void bench_add(struct lana_stack *stack, const char *name, const char *type);

/* The XDP program that is attached to "NETNS:DEV". */
int bench_attached(const char *device);

#endif
