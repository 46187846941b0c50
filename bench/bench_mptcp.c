// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_mptcp - one connection over several paths, beside the kernel's MPTCP on the same links
 *
 *	bench_mptcp [equal] [unequal] [even] [changing] [failing]
 *
 * Tables that are named are medians of three runs, and take three to four minutes each; without
 * names it is all of them, with one run of each.
 *
 * The network is that of mptcp_lab.h. What is pinned: one connection at a time, from s to r; the
 * congestion control, of MPTCP's subflows too; MPTCP's scheduler "default", and its path manager in
 * the kernel; one subflow a path; segmentation offloads off at both; buffers as the kernel sets
 * them by itself; links of 5 ms each way, whose queues hold 64 KB. lana spreads packet by packet,
 * with order on at the receiver, and ACKs go back by all paths as well.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "mptcp_lab.h"
#include "selftests/tap.h"
#include "selftests/topology.h"

#define ROUNDS_MAX 5

static struct paths_record record;
static uint64_t late;
static bool in_one_go; /* one run of each */

static int rounds(void)
{
	return bench_quick() || in_one_go ? 1 : 3;
}

/* How much of the full thing. */
static double seconds(double full)
{
	return bench_quick() ? fmax(full / 5, 1) : full;
}

static double median(double values[ROUNDS_MAX])
{
	return bench_quantile(values, rounds(), 0.5);
}

static void set_rate(unsigned int path, double mbit)
{
	char option[40];

	snprintf(option, sizeof(option), "rate=%gmbit", mbit);
	mptcp_lab_link(path, option);
}

static void set_weights(const char *weights)
{
	for (int i = 0; i < 2; i++) {
		char option[80];

		snprintf(option, sizeof(option), "weights=%s", weights);
		mptcp_lab_set(i, "spread", "%s", option);
		mptcp_lab_set(i, "flows", "%s", option);
	}
}

static void begin_table(void)
{
	late = mptcp_lab_late();
}

/* Links are emulated: what they say of themselves. */
static void end_table(void)
{
	uint64_t now = mptcp_lab_late();

	printf("packets that links let go more than 1 ms late: %llu\n",
	       (unsigned long long)(now - late));
}

/* ---- equal paths ----------------------------------------------------------------------------- */

#define EQUAL 10 /* Mbit/s of a path */

enum by { LANA, ADAPT, MPTCP };

static const char *const names[] = { "lana", "adapt", "mptcp" };

/* Mbit/s of one connection, after its first second; the retransmits of the last. */
static double equal_rate(unsigned int paths, enum by by, const char *congestion, int count)
{
	const struct paths_flow flow = { .mptcp = by == MPTCP,
					 .adapt = by == ADAPT,
					 .congestion = congestion,
					 .seconds = 1 + seconds(3) };
	double values[ROUNDS_MAX];

	mptcp_lab_use(paths);
	for (int round = 0; round < count; round++) {
		mptcp_lab_run(&flow, &record);
		values[round] = paths_record_rate(&record, 1, flow.seconds);
	}
	return bench_quantile(values, count, 0.5);
}

static void bench_equal(void)
{
	static const struct bench_column columns[] = {
		{ "congestion", -10, 0 }, { "paths", 5, 0 },   { "by", -5, 0 },	  { "mbit", 6, 1 },
		{ "of_sum", 6, 3 },	  { "of_rate", 7, 3 }, { "again", 5, 0 },
	};
	static const char *const congestions[] = { "cubic", "reno" };
	double least = INFINITY;

	bench_table("equal",
		    "paths of 10 Mbit/s: Mbit/s; of what one path has times their number; of what "
		    "links carry; segments sent again",
		    columns, LENGTH(columns));
	begin_table();
	for (unsigned int path = 1; path <= MPTCP_LAB_PATHS; path++)
		set_rate(path, EQUAL);
	for (size_t c = 0; c < LENGTH(congestions); c++) {
		double alone[3] = {};

		for (unsigned int n = 1; n <= MPTCP_LAB_PATHS; n += c || bench_quick() ? 4 : 1)
			for (enum by by = LANA; by <= MPTCP; by++) {
				double mbit;

				if (by == ADAPT && n < MPTCP_LAB_PATHS)
					continue;
				mbit = equal_rate(n, by, congestions[c], rounds());
				if (n == 1)
					alone[by] = mbit;
				if (by == ADAPT)
					alone[by] = alone[LANA];
				bench_row(congestions[c], (double)n, names[by], mbit,
					  mbit / alone[by] / n, mbit / n / EQUAL,
					  (double)record.retransmits);
				if (n == MPTCP_LAB_PATHS && by == LANA)
					least = bench_min(least, mbit / alone[by] / n);
			}
	}
	end_table();
	bench_goal("five equal paths, of their sum", least, 0.95, true);
}

/* ---- unequal paths --------------------------------------------------------------------------- */

static const struct way {
	const char *name;
	const char *mode, *weights;
	bool adapt, mptcp;
} ways[] = {
	{ "weights of the rates", "weighted", "500,50", false, false },
	{ "equal weights", "weighted", "500,500", false, false },
	{ "adapt", "weighted", "500,500", true, false },
	{ "adapt, earliest", "earliest", "500,500", true, false },
	{ "mptcp", "weighted", "500,500", false, true },
};

/* What happens to a path in the midst of a connection; NULL: nothing. */
static void run_way(const struct way *way, double length, double at, void (*act)(void))
{
	const struct paths_flow flow = { .mptcp = way->mptcp,
					 .adapt = way->adapt,
					 .congestion = "cubic",
					 .seconds = length,
					 .events = { { at, act } } };

	for (int i = 0; i < 2; i++) {
		mptcp_lab_set(i, "spread", "mode=%s", way->mode);
		mptcp_lab_set(i, "spread", "delays=0");
	}
	set_weights(way->weights);
	mptcp_lab_run(&flow, &record);
	for (int i = 0; i < 2; i++)
		mptcp_lab_set(i, "spread", "mode=weighted");
}

/* The sum of what each of two paths has alone. */
static double sum_alone(double first, double second, bool mptcp)
{
	double sum;

	set_rate(1, first);
	sum = equal_rate(1, mptcp ? MPTCP : LANA, "cubic", 1);
	set_rate(1, second);
	sum += equal_rate(1, mptcp ? MPTCP : LANA, "cubic", 1);
	set_rate(1, first);
	set_rate(2, second);
	mptcp_lab_use(2);
	return sum;
}

static void bench_pair(const char *key, const char *title, double first, double second,
		       double worst[LENGTH(ways)])
{
	static const struct bench_column columns[] = {
		{ "way", -20, 0 }, { "mbit", 6, 1 },  { "of_sum", 6, 3 },
		{ "later", 6, 3 }, { "least", 6, 3 },
	};
	double length = seconds(12);
	double sums[2] = { sum_alone(first, second, false), sum_alone(first, second, true) };

	bench_table(key, title, columns, LENGTH(columns));
	begin_table();
	for (size_t w = 0; w < LENGTH(ways); w++) {
		double all[ROUNDS_MAX], later[ROUNDS_MAX], sum = sums[ways[w].mptcp];

		if (first == second && w == 0)
			continue;
		for (int round = 0; round < rounds(); round++) {
			run_way(&ways[w], length, 0, NULL);
			all[round] = paths_record_rate(&record, 0, length);
			later[round] = paths_record_rate(&record, length / 4, length);
		}
		worst[w] = median(all);
		bench_row(ways[w].name, worst[w], worst[w] / sum, median(later) / sum,
			  bench_quantile(all, rounds(), 0) / sum);
	}
	end_table();
	for (size_t w = 0; w < LENGTH(ways); w++)
		worst[w] /= sums[ways[w].mptcp];
}

static void bench_unequal(void)
{
	double got[LENGTH(ways)] = {};

	bench_pair(
		"unequal",
		"20 and 2 Mbit/s: mean from the first moment on, of the sum of both alone, after "
		"a quarter of the time, and of the worst run",
		20, 2, got);
	bench_goal("10:1 by adapt, of their sum", got[2], 0.9, true);
	bench_goal("10:1 by adapt and earliest, of their sum", got[3], 0.9, true);
}

static void bench_even(void)
{
	double got[LENGTH(ways)] = {};

	bench_pair("even", "10 and 10 Mbit/s: the same", 10, 10, got);
	bench_goal("equal paths by adapt, of that by equal weights", got[2] / got[1], 0.97, true);
	bench_goal("the same by adapt and earliest", got[3] / got[1], 0.97, true);
}

/* ---- paths that change ----------------------------------------------------------------------- */

static void slow_down(void)
{
	set_rate(1, 5);
}

static void speed_up(void)
{
	set_rate(1, 20);
}

static void bench_changing(void)
{
	static const struct bench_column columns[] = {
		{ "way", -20, 0 },   { "down_mbit", 9, 1 }, { "of_sum", 6, 3 },
		{ "up_mbit", 9, 1 }, { "of_sum_up", 9, 3 },
	};
	double length = seconds(12), least[2] = { INFINITY, INFINITY };
	double slow[2] = { sum_alone(5, 5, false), sum_alone(5, 5, true) };
	double fast[2] = { sum_alone(20, 5, false), sum_alone(20, 5, true) };

	bench_table(
		"changing",
		"20 and 5 Mbit/s, of which one becomes 5, and 5 and 5, of which one becomes 20: "
		"from then on, of the sum",
		columns, LENGTH(columns));
	begin_table();
	for (size_t w = 2; w < LENGTH(ways); w++) {
		double down[ROUNDS_MAX], up[ROUNDS_MAX];
		bool mptcp = ways[w].mptcp;

		for (int round = 0; round < rounds(); round++) {
			set_rate(1, 20);
			run_way(&ways[w], length, length / 4, slow_down);
			down[round] = paths_record_rate(&record, length / 4, length);
			run_way(&ways[w], length, length / 4, speed_up);
			up[round] = paths_record_rate(&record, length / 4, length);
		}
		bench_row(ways[w].name, median(down), median(down) / slow[mptcp], median(up),
			  median(up) / fast[mptcp]);
		if (!mptcp) {
			least[0] = bench_min(least[0], median(down) / slow[0]);
			least[1] = bench_min(least[1], median(up) / fast[0]);
		}
	}
	end_table();
	bench_goal("a path becomes slower, adapt, of the sum from then on", least[0], 0.9, true);
	bench_goal("a path becomes faster, adapt, of the sum from then on", least[1], 0.9, true);
}

/* ---- paths that fail ------------------------------------------------------------------------- */

#define FAILING 3 /* paths, of which the second fails */

static void cut(void)
{
	if (topology_run("ip -n lab link set b2 down"))
		tap_bail("no link to cut");
}

static void mend(void)
{
	if (topology_run("ip -n lab link set b2 up"))
		tap_bail("no link to mend");
}

static void drop(void)
{
	mptcp_lab_link(2, "loss=100%");
}

static void pass(void)
{
	mptcp_lab_link(2, "loss=0%");
}

static const struct failure {
	const char *name;
	void (*fail)(void), (*come_back)(void);
} failures[] = { { "link down", cut, mend }, { "drops all", drop, pass } };

/* What is missing to a steady rate, in seconds of it. */
static double cost(double from, double to, double steady)
{
	return (1 - paths_record_rate(&record, from, to) / steady) * (to - from);
}

/* Until it is used again: a rate of so much, over a fifth of a second; NaN: not before the end. */
static double until_rate(double from, double to, double rate)
{
	for (double at = from; at + 0.2 < to; at += 0.02)
		if (paths_record_rate(&record, at, at + 0.2) >= rate)
			return at - from;
	return NAN;
}

static void bench_failing(void)
{
	static const struct bench_column columns[] = {
		{ "failure", -10, 0 }, { "by", -6, 0 },		 { "cost_s", 7, 2 },
		{ "silence_s", 9, 2 }, { "back_cost_s", 11, 2 }, { "back_after_s", 12, 2 },
		{ "worst_s", 7, 2 },
	};
	const double begin = 3, gone = 5, back = 5;
	double rest[2], worst = 0;

	for (unsigned int path = 1; path <= FAILING; path++)
		set_rate(path, EQUAL);
	for (int mptcp = 0; mptcp < 2; mptcp++)
		rest[mptcp] = equal_rate(FAILING - 1, mptcp ? MPTCP : LANA, "cubic", 1);
	bench_table("failing",
		    "one of three paths of 10 Mbit/s fails for 5 s: what is missing to the rate of "
		    "the other two, in seconds of it",
		    columns, LENGTH(columns));
	begin_table();
	mptcp_lab_use(FAILING);
	for (size_t f = 0; f < LENGTH(failures); f++)
		for (int mptcp = 0; mptcp < 2; mptcp++) {
			double costs[ROUNDS_MAX], silence[ROUNDS_MAX], later[ROUNDS_MAX];
			double after[ROUNDS_MAX], cost_median;
			const struct paths_flow flow = { .mptcp = mptcp,
							 .congestion = "cubic",
							 .seconds = begin + gone + back,
							 .events = { { begin, failures[f].fail },
								     { begin + gone,
								       failures[f].come_back } } };

			for (int round = 0; round < rounds(); round++) {
				mptcp_lab_run(&flow, &record);
				costs[round] = cost(begin, begin + gone, rest[mptcp]);
				silence[round] = paths_record_silence(&record, begin, begin + gone);
				later[round] = cost(begin + gone, begin + gone + 2, rest[mptcp]);
				after[round] =
					until_rate(begin + gone, flow.seconds, 1.25 * rest[mptcp]);
			}
			cost_median = median(costs);
			bench_row(failures[f].name, mptcp ? "mptcp" : "lana", cost_median,
				  median(silence), median(later), median(after),
				  bench_quantile(costs, rounds(), 1));
			if (!mptcp)
				worst = bench_max(worst, cost_median);
		}
	end_table();
	bench_goal("seconds that a path costs which fails", worst, 1, false);
}

/* ---- all -------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(void);
} tables[] = {
	{ "equal", bench_equal },	{ "unequal", bench_unequal }, { "even", bench_even },
	{ "changing", bench_changing }, { "failing", bench_failing },
};

int main(int argc, char **argv)
{
	in_one_go = argc < 2;
	bench_begin("mptcp");
	mptcp_lab_begin();
	for (unsigned int path = 1; path <= MPTCP_LAB_PATHS; path++) {
		mptcp_lab_link(path, "delay=5ms");
		mptcp_lab_link(path, "limit=64kb");
	}
	for (size_t i = 0; i < LENGTH(tables); i++) {
		bool wanted = in_one_go;

		for (int a = 1; a < argc; a++)
			wanted |= !strcmp(argv[a], tables[i].name);
		if (wanted)
			tables[i].run();
	}
	mptcp_lab_end();
	return bench_end();
}
