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
 * the kernel; one subflow a path; single segments where lana's tunnels begin, and MPTCP's as the
 * kernel sends them (links take super-segments apart); buffers as the kernel sets them by itself;
 * links of 5 ms each way, whose queues hold 64 KB. lana spreads packet by packet, with order on at
 * the receiver, and ACKs go back by all paths as well.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "mptcp_lab.h"
#include "selftests/tap.h"
#include "selftests/topology.h"

#define ROUNDS_MAX 5

static struct mptcp_record record;
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

static const struct by {
	const char *name, *mode;
	bool adapt, mptcp;
} bys[] = { { "weights", "weighted", false, false },
	    { "earliest", "earliest", false, false },
	    { "adapt, earliest", "earliest", true, false },
	    { "mptcp", "weighted", false, true } };

#define WEIGHTS	 0
#define EARLIEST 1
#define MPTCP	 (LENGTH(bys) - 1)

/* Mbit/s of one connection, after its first second. */
static double equal_rate(unsigned int paths, const struct by *by, const char *congestion, int count)
{
	const struct mptcp_flow flow = { .mptcp = by->mptcp,
					 .adapt = by->adapt,
					 .congestion = congestion,
					 .seconds = 1 + seconds(2.5) };
	double values[ROUNDS_MAX];

	for (int round = 0; round < count; round++) {
		mptcp_lab_use(paths);
		for (int i = 0; i < 2; i++)
			mptcp_lab_set(i, "spread", "mode=%s", by->mode);
		mptcp_lab_run(&flow, &record);
		values[round] = mptcp_record_rate(&record, 1, flow.seconds);
	}
	return bench_quantile(values, count, 0.5);
}

/* The same by lana, with weights, or by MPTCP. */
static double alone(unsigned int paths, bool mptcp, const char *congestion, int count)
{
	return equal_rate(paths, &bys[mptcp ? MPTCP : WEIGHTS], congestion, count);
}

static void bench_equal(void)
{
	static const struct bench_column columns[] = {
		{ "congestion", -10, 0 }, { "paths", 5, 0 },   { "by", -15, 0 },  { "mbit", 6, 1 },
		{ "of_sum", 6, 3 },	  { "of_rate", 7, 3 }, { "again", 5, 0 },
	};
	static const struct {
		const char *congestion;
		unsigned int paths;
	} rows[] = { { "cubic", 1 }, { "cubic", 2 }, { "cubic", 3 },
		     { "cubic", 5 }, { "reno", 1 },  { "reno", 5 } };
	double one[LENGTH(bys)] = {}, least[LENGTH(bys)] = { 1, 1, 1, 1 };

	bench_table("equal",
		    "paths of 10 Mbit/s: Mbit/s; of what one path has times their number; of what "
		    "links carry; segments sent again in the last run",
		    columns, LENGTH(columns));
	begin_table();
	for (unsigned int path = 1; path <= MPTCP_LAB_PATHS; path++)
		set_rate(path, EQUAL);
	for (size_t i = 0; i < LENGTH(rows); i++)
		for (size_t by = 0; by < LENGTH(bys); by++) {
			unsigned int n = rows[i].paths;
			double mbit, of_sum;

			if (n < MPTCP_LAB_PATHS && by != WEIGHTS && by != MPTCP)
				continue;
			mbit = equal_rate(n, &bys[by], rows[i].congestion, rounds());
			if (n == 1)
				one[by] = mbit;
			of_sum = mbit / n / one[by == MPTCP ? MPTCP : WEIGHTS];
			bench_row(rows[i].congestion, (double)n, bys[by].name, mbit, of_sum,
				  mbit / n / EQUAL, (double)record.retransmits);
			if (n == MPTCP_LAB_PATHS)
				least[by] = bench_min(least[by], of_sum);
		}
	end_table();
	bench_goal("five equal paths by weights, of their sum", least[WEIGHTS], 0.95, true);
	bench_goal("five equal paths by earliest, of their sum", least[EARLIEST], 0.95, true);
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
	const struct mptcp_flow flow = { .mptcp = way->mptcp,
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
	sum = alone(1, mptcp, "cubic", 1);
	set_rate(1, second);
	sum += alone(1, mptcp, "cubic", 1);
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
			all[round] = mptcp_record_rate(&record, 0, length);
			later[round] = mptcp_record_rate(&record, length / 4, length);
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
			down[round] = mptcp_record_rate(&record, length / 4, length);
			run_way(&ways[w], length, length / 4, speed_up);
			up[round] = mptcp_record_rate(&record, length / 4, length);
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

static void set_up(const char *device, bool up)
{
	if (topology_run("ip -n lab link set %s %s", device, up ? "up" : "down"))
		tap_bail("no device %s", device);
}

static void cut_near(void)
{
	set_up("a2", false);
}

static void mend_near(void)
{
	set_up("a2", true);
}

static void cut_far(void)
{
	set_up("b2", false);
}

static void mend_far(void)
{
	set_up("b2", true);
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
} failures[] = { { "sender's device down", cut_near, mend_near },
		 { "receiver's device down", cut_far, mend_far },
		 { "all is dropped", drop, pass } };

struct failed {
	double cost[ROUNDS_MAX], silence[ROUNDS_MAX];	/* seconds, */
	double back_cost[ROUNDS_MAX], back[ROUNDS_MAX]; /* from when it is there again */
};

/* What is missing to a steady rate, in seconds of it. */
static double cost(double from, double to, double steady)
{
	return (1 - mptcp_record_rate(&record, from, to) / steady) * (to - from);
}

/* Until it is used again: a rate of so much, over a fifth of a second; NaN: not before the end. */
static double until_rate(double from, double to, double rate)
{
	for (double at = from; at + 0.2 < to; at += 0.02)
		if (mptcp_record_rate(&record, at, at + 0.2) >= rate)
			return at - from;
	return NAN;
}

/* rest: what the other paths have, Mbit/s. */
static void fail(const struct failure *failure, bool mptcp, double rest, struct failed *failed)
{
	const double gone = bench_quick() ? 1 : 2, back = 3 * gone, end = 5 * gone;
	const struct mptcp_flow flow = { .mptcp = mptcp,
					 .congestion = "cubic",
					 .seconds = end,
					 .events = { { gone, failure->fail },
						     { back, failure->come_back } } };

	for (int round = 0; round < rounds(); round++) {
		mptcp_lab_run(&flow, &record);
		failed->cost[round] = cost(gone, back, rest);
		failed->silence[round] = mptcp_record_silence(&record, gone, back);
		failed->back_cost[round] = cost(back, back + 1, rest);
		failed->back[round] = until_rate(back, end, rest * 1.25);
	}
}

static void bench_failing(void)
{
	static const struct bench_column columns[] = {
		{ "failure", -22, 0 },	   { "by", -5, 0 },	  { "cost_s", 6, 2 },
		{ "worst_s", 7, 2 },	   { "silence_s", 9, 2 }, { "back_cost_s", 11, 2 },
		{ "back_after_s", 12, 2 },
	};
	double rest[2], worst = 0;

	for (unsigned int path = 1; path <= FAILING; path++)
		set_rate(path, EQUAL);
	for (int mptcp = 0; mptcp < 2; mptcp++)
		rest[mptcp] = alone(FAILING - 1, mptcp, "cubic", 1);
	bench_table(
		"failing",
		"one of three paths of 10 Mbit/s fails for 4 s: what is missing to the rate of "
		"the other two, in seconds of it; the same in the first second after it is back, "
		"and how long until it is used",
		columns, LENGTH(columns));
	begin_table();
	mptcp_lab_use(FAILING);
	for (size_t f = 0; f < LENGTH(failures); f++)
		for (int mptcp = 0; mptcp < 2; mptcp++) {
			struct failed failed;
			double most;

			fail(&failures[f], mptcp, rest[mptcp], &failed);
			most = bench_quantile(failed.cost, rounds(), 1);
			bench_row(failures[f].name, mptcp ? "mptcp" : "lana", median(failed.cost),
				  most, median(failed.silence), median(failed.back_cost),
				  median(failed.back));
			if (!mptcp)
				worst = bench_max(worst, most);
		}
	end_table();
	bench_goal("seconds that a path costs which fails, at worst", worst, 1, false);
}

/* ---- all ------------------------------------------------------------------------------------- */

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
	for (size_t i = 0; i < LENGTH(tables); i++)
		if (bench_wanted(argc, argv, tables[i].name))
			tables[i].run();
	mptcp_lab_end();
	return bench_end();
}
