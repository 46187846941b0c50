// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_change - how long a change takes, from the library call to its return
 *
 *	gen                lana
 *	generator out ──── in ─→ a or b ─→ split ─ match ─→ l1 ─→ u1 or u2 ─→ m ─→ drop
 *	                                        └─ other ─→ l2 ─→ u2 or u1 ─┘
 *
 * What is above split is bound both ways, so that each of l1, l2, u1, u2 has two programs with
 * two bound ports; the rest is bound one way. Every second frame goes by l2, so all blocks carry
 * traffic while one CPU sends at full rate and the other one changes them, with a pause between
 * two changes. Then the same four changes with ever more blocks in
 * the stack, bound both ways in a chain beside the traffic.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"
#include "selftests/topology.h"
#include "selftests/traffic.h"

#define PAUSE_US 500

struct change {
	const char *name;
	unsigned int times;
	void (*before)(struct lana_stack *stack, unsigned int n); /* not timed; or NULL */
	void (*step)(struct lana_stack *stack, unsigned int n);
	bool grows; /* measured with more blocks, too */
};

/* ---- the changes ------------------------------------------------------------------------ */

static void bind_one_way(struct lana_stack *stack, unsigned int n)
{
	bench_bind(stack, n % 2 ? "a" : "b", "in", NULL, true);
}

/* Four binds that bring the edges back to where they were, each of them changing both. */
static void bind_both_ways(struct lana_stack *stack, unsigned int n)
{
	static const char *const pairs[][2] = {
		{ "u1", "l2" }, { "u2", "l1" }, { "u1", "l1" }, { "u2", "l2" }
	};

	bench_bind(stack, pairs[n % 4][0], pairs[n % 4][1], NULL, false);
}

static void bind_a(struct lana_stack *stack, unsigned int n)
{
	(void)n;
	bench_bind(stack, "a", "in", NULL, true);
}

static void unbind_a(struct lana_stack *stack, unsigned int n)
{
	struct lana_bind_options options = { .ingress = true };
	struct lana_error error = {};

	(void)n;
	bench_must(lana_unbind(stack, "a", "in", &options, &error), &error, "unbind");
}

/* Two types with one layout of counters: the counts stay. */
static void replace(struct lana_stack *stack, const char *name, unsigned int n)
{
	struct lana_error error = {};

	bench_must(lana_block_replace(stack, name, n % 2 ? "counter" : "count_linear", NULL, false,
				      &error),
		   &error, "replace %s", name);
}

static void replace_a(struct lana_stack *stack, unsigned int n)
{
	replace(stack, "a", n);
}

static void replace_l1(struct lana_stack *stack, unsigned int n)
{
	replace(stack, "l1", n);
}

static void set(struct lana_stack *stack, unsigned int n)
{
	struct lana_error error = {};
	char value[32];
	const char *options[] = { value, NULL };

	snprintf(value, sizeof(value), "value=%u", n + 1);
	bench_must(lana_block_set(stack, "m", options, &error), &error, "set");
}

static void add(struct lana_stack *stack, unsigned int n)
{
	(void)n;
	bench_add(stack, "guest", "counter");
}

static void rm(struct lana_stack *stack, unsigned int n)
{
	struct lana_error error = {};

	(void)n;
	bench_must(lana_block_rm(stack, "guest", &error), &error, "rm");
}

static void rm_last(struct lana_stack *stack, unsigned int n)
{
	if (n)
		rm(stack, n);
}

/* clang-format off */
static const struct change changes[] = {
	{ "bind, one way",          1000, NULL,     bind_one_way,   true },
	{ "bind, both ways",        1000, NULL,     bind_both_ways, true },
	{ "replace, one way",       1000, NULL,     replace_a,      true },
	{ "replace, both ways",     1000, NULL,     replace_l1,     true },
	{ "set",                    1000, NULL,     set,            false },
	{ "bind an unbound port",    100, unbind_a, bind_a,         false },
	{ "unbind",                  100, bind_a,   unbind_a,       false },
	{ "add",                     100, rm_last,  add,            false },
	{ "rm",                      100, add,      rm,             false },
};
/* clang-format on */

/* ---- measuring -------------------------------------------------------------------------- */

struct latency {
	double p50, p99, worst; /* µs */
};

static void measure(struct lana_stack *stack, const struct change *change, struct latency *latency)
{
	struct timespec pause = { .tv_nsec = PAUSE_US * 1000 };
	unsigned int times = bench_quick() ? change->times / 10 : change->times;
	double *took = calloc(times, sizeof(*took)), begin;

	bench_must(took ? 0 : -ENOMEM, NULL, "samples");
	bind_a(stack, 0);
	for (unsigned int n = 0; n < times; n++) {
		if (change->before)
			change->before(stack, n);
		nanosleep(&pause, NULL);
		begin = bench_now();
		change->step(stack, n);
		took[n] = (bench_now() - begin) * 1e6;
	}
	if (change->step == add)
		rm(stack, 0);
	latency->p50 = bench_quantile(took, times, 0.5);
	latency->p99 = bench_quantile(took, times, 0.99);
	latency->worst = took[times - 1];
	free(took);
}

/* The same at full load. Returns frames a second meanwhile. */
static double measure_loaded(struct lana_stack *stack, const struct change *change,
			     struct traffic *traffic, struct latency *latency)
{
	struct timespec time = { .tv_nsec = 100000000 };
	struct traffic_report before, after;
	double begin, rate;

	bench_must(traffic_start(traffic), NULL, "start");
	nanosleep(&time, NULL);
	bench_must(traffic_report(traffic, &before), NULL, "report");
	begin = bench_now();
	if (change)
		measure(stack, change, latency);
	else
		nanosleep(&time, NULL);
	bench_must(traffic_report(traffic, &after), NULL, "report");
	rate = (after.sent - before.sent) / (bench_now() - begin);
	bench_must(traffic_stop(traffic), NULL, "stop");
	return rate;
}

static const struct bench_column kinds_columns[] = {
	{ "change", -20, 0 },	  { "idle_p50_us", 11, 0 }, { "idle_p99_us", 11, 0 },
	{ "load_p50_us", 11, 0 }, { "load_p99_us", 11, 0 }, { "load_max_us", 11, 0 },
	{ "Mpps", 6, 1 },
};

static void measure_kinds(struct lana_stack *stack, struct traffic *traffic)
{
	double worst = 0;

	bench_table("changes", "a change, from call to return", kinds_columns,
		    LENGTH(kinds_columns));
	bench_row("none", NAN, NAN, NAN, NAN, NAN,
		  measure_loaded(stack, NULL, traffic, NULL) / 1e6);
	for (size_t i = 0; i < LENGTH(changes); i++) {
		struct latency idle, load;
		double rate;

		measure(stack, &changes[i], &idle);
		rate = measure_loaded(stack, &changes[i], traffic, &load);
		bench_row(changes[i].name, idle.p50, idle.p99, load.p50, load.p99, load.worst,
			  rate / 1e6);
		if (changes[i].grows)
			worst = bench_max(worst, load.p50);
	}
	bench_goal("bind and replace at full load, p50 in us", worst, 200, false);
}

static const struct bench_column growth_columns[] = {
	{ "change", -20, 0 },	  { "blocks", 6, 0 },	    { "idle_p50_us", 11, 0 },
	{ "idle_p99_us", 11, 0 }, { "load_p50_us", 11, 0 }, { "load_p99_us", 11, 0 },
};

static void grow(struct lana_stack *stack, unsigned int from, unsigned int to)
{
	char name[LANA_NAME_MAX], lower[LANA_NAME_MAX];

	for (unsigned int n = from; n < to; n++) {
		snprintf(name, sizeof(name), "more%u", n);
		bench_add(stack, name, "counter");
		snprintf(lower, sizeof(lower), "more%u", n - 1);
		if (n)
			bench_bind(stack, name, lower, NULL, false);
	}
}

static void measure_growth(struct lana_stack *stack, struct traffic *traffic)
{
	static const unsigned int sizes[] = { 0, 10, 100, 1000 };
	struct latency idle[LENGTH(changes)][LENGTH(sizes)], load[LENGTH(changes)][LENGTH(sizes)];
	double worst = 0;

	for (size_t s = 0; s < LENGTH(sizes); s++) {
		grow(stack, s ? sizes[s - 1] : 0, sizes[s]);
		for (size_t i = 0; i < LENGTH(changes); i++)
			if (changes[i].grows) {
				measure(stack, &changes[i], &idle[i][s]);
				measure_loaded(stack, &changes[i], traffic, &load[i][s]);
			}
	}

	bench_table("growth", "the same with so many more blocks in the stack", growth_columns,
		    LENGTH(growth_columns));
	for (size_t i = 0; i < LENGTH(changes); i++) {
		if (!changes[i].grows)
			continue;
		for (size_t s = 0; s < LENGTH(sizes); s++)
			bench_row(changes[i].name, (double)sizes[s], idle[i][s].p50, idle[i][s].p99,
				  load[i][s].p50, load[i][s].p99);
		worst = bench_max(worst, load[i][LENGTH(sizes) - 1].p50 / load[i][0].p50);
	}
	bench_goal("growth of p50 at full load, 1000 more blocks", worst, 1.5, false);
}

/* ---- the stack -------------------------------------------------------------------------- */

static struct lana_stack *build(void)
{
	static const struct lana_bind_options egress = { .egress = true };
	struct lana_stack *stack = bench_stack("lana");
	struct lana_error error = {};

	bench_must(lana_hook(stack, "in", NULL, &error), &error, "hook");
	bench_must(lana_type_load(stack, bench_type("count_linear"), &error), &error, "load");
	bench_add(stack, "a", "counter");
	bench_add(stack, "b", "counter");
	bench_add(stack, "split", "ethertype");
	bench_add(stack, "l1", "counter");
	bench_add(stack, "l2", "counter");
	bench_add(stack, "u1", "counter");
	bench_add(stack, "u2", "counter");
	bench_add(stack, "m", "mark");
	bench_add(stack, "m2", "counter");
	bench_add(stack, "drop", "drop");
	bench_must(lana_block_set(stack, "split", (const char *[]){ "type=0x0800", NULL }, &error),
		   &error, "set");

	bench_bind(stack, "drop", "m", NULL, true);
	bench_bind(stack, "m", "u1", NULL, false);
	bench_bind(stack, "m", "u2", NULL, true);
	bench_bind(stack, "m2", "u2", NULL, false); /* leads there on egress, where m leads to u1 */
	bench_bind(stack, "m", "u2", NULL, true);
	bench_bind(stack, "u1", "l1", NULL, false);
	bench_bind(stack, "u2", "l2", NULL, false);
	bench_bind(stack, "l1", "split", "match", true);
	bench_bind(stack, "l2", "split", "other", true);
	bench_must(lana_bind(stack, "l1", "split", &egress, &error), &error, "bind");
	bench_must(lana_bind(stack, "l2", "split", &egress, &error), &error, "bind");
	bench_bind(stack, "split", "a", NULL, true);
	bench_bind(stack, "split", "b", NULL, true);
	bench_bind(stack, "a", "in", NULL, true);
	return stack;
}

int main(void)
{
	struct traffic_options options = {
		.send = "gen:out", .arp_every = 2, .pin = true, .cpu = BENCH_CPU_TRAFFIC
	};
	struct lana_error error = {};
	struct lana_stack *stack;
	struct traffic *traffic;

	bench_begin("change");
	bench_pin(BENCH_CPU_CHANGE);
	topology_netns("gen");
	topology_netns("lana");
	topology_veth("gen", "out", "lana", "in");
	stack = build();
	bench_must(traffic_open(&options, &traffic), NULL, "traffic");

	measure_kinds(stack, traffic);
	measure_growth(stack, traffic);

	traffic_close(traffic);
	bench_must(lana_stack_flush(stack, &error), &error, "flush");
	lana_stack_close(stack);
	return bench_end();
}
