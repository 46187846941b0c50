// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_link - how true emulated links are, measured from outside
 *
 *	far                 near                        end
 *	f0 ─────────────── n0 ── link ─── n1 ────────── e0
 *	                          ║
 *	                        worker
 *
 * Numbered and stamped frames are made at f0, and counted and timed where they come to e0, by an
 * XDP program. The sender, with all that its softirq does, keeps to one CPU, the worker to the
 * other. Beside what is seen from outside is what the link's own meter says.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lana/worker.h>

#include "bare_delay.h"
#include "bench.h"
#include "departure.h"
#include "selftests/topology.h"

#define ROUNDS	(bench_quick() ? 1 : 8)
#define SECONDS (bench_quick() ? 0.05 : 0.1)
#define FRAMES	(1 << 18) /* that the worker may hold: of 100 ms at a million a second, and more */

static struct lana_stack *stack;

/* ---- a link and its worker ------------------------------------------------------------------- */

static struct lana_worker *worker;
static pthread_t thread;
static bool stopping;

static void *run_worker(void *cookie)
{
	struct lana_error error = {};

	bench_pin(BENCH_CPU_CHANGE);
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED))
		bench_must(lana_worker_run(cookie, 10, &error), &error, "worker");
	return NULL;
}

/* A block between n0 and n1, and a worker. */
static void put(const char *type, const char *const *options, bool busy)
{
	const struct lana_worker_options how = { .frames = FRAMES, .busy = busy };
	struct lana_error error = {};

	stopping = false;
	bench_must(lana_block_add(stack, "b", type, options, &error), &error, "add");
	bench_bind(stack, "n1", "b", NULL, true);
	bench_bind(stack, "b", "n0", NULL, true);
	bench_must(lana_worker_open(stack, &how, &worker, &error), &error, "worker");
	bench_must(-pthread_create(&thread, NULL, run_worker, worker), NULL, "thread");
	bench_must(lana_stack_fuse(stack, true, &error), &error, "fuse");
}

static void take_away(void)
{
	const struct lana_bind_options in = { .ingress = true };
	struct lana_error error = {};

	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	lana_worker_close(worker);
	bench_must(lana_unbind(stack, "b", "n0", &in, &error), &error, "unbind");
	bench_must(lana_unbind(stack, "n1", "b", &in, &error), &error, "unbind");
	bench_must(lana_block_rm(stack, "b", &error), &error, "rm");
}

/* What the meter says once it has said it. */
static struct link_report meter(void)
{
	struct link_report report = {};
	struct lana_link_info *links;
	struct lana_error error = {};
	size_t count;

	usleep(250000);
	bench_must(lana_link_list(stack, "b", &links, &count, &error), &error, "link");
	if (count)
		report = links->status.report;
	free(links);
	return report;
}

static double count_of(const char *counter)
{
	struct lana_error error = {};
	uint64_t value;

	bench_must(lana_block_count(stack, "b", counter, &value, &error), &error, "%s", counter);
	return value;
}

/* ---- delay ----------------------------------------------------------------------------------- */

static const char *const rates[] = { "10kpps", "100kpps", "1mpps" };
static const struct {
	const char *name, *option;
	uint64_t ns;
} delays[] = { { "1 ms", "delay=1ms", 1000000 },
	       { "10 ms", "delay=10ms", 10000000 },
	       { "100 ms", "delay=100ms", 100000000 } };

/* The least disturbed of several rounds. */
static struct departures best_of_rounds(const char *rate, uint64_t held)
{
	struct departures best = { .p99 = INFINITY };

	for (int round = 0; round < ROUNDS; round++) {
		struct departures now = departure_measure("64", rate, SECONDS, held);

		best = now.p99 < best.p99 ? now : best;
	}
	return best;
}

static struct departures bare[LENGTH(delays)][LENGTH(rates)];

/* Before there is a stack, which has devices to itself. */
static void bench_bare(void)
{
	int home = topology_enter("near");
	struct bare_delay *loop = bare_delay_open("n0", "n1", FRAMES, BENCH_CPU_CHANGE);

	topology_leave(home);
	for (size_t d = 0; d < LENGTH(delays); d++)
		for (size_t r = 0; r < LENGTH(rates); r++) {
			bare_delay_set(loop, delays[d].ns);
			bare[d][r] = best_of_rounds(rates[r], delays[d].ns);
		}
	bare_delay_close(loop);
}

static void bench_delays(void)
{
	static const struct bench_column columns[] = {
		{ "delay", -7, 0 },    { "rate", -9, 0 },  { "holder", -7, 0 }, { "p50_us", 8, 1 },
		{ "p99_us", 8, 1 },    { "p50_of", 7, 2 }, { "p99_of", 7, 2 },	{ "lost", 9, 6 },
		{ "meter_p99", 9, 1 }, { "late", 7, 0 },
	};
	double worst = 0, times = 0;

	bench_table(
		"delays",
		"how late frames of 64 bytes leave: a bare loop on AF_XDP, and a link beside it",
		columns, LENGTH(columns));
	for (size_t d = 0; d < LENGTH(delays); d++)
		for (size_t r = 0; r < LENGTH(rates); r++) {
			const struct departures *by_hand = &bare[d][r];

			bench_row(delays[d].name, rates[r], "bare", by_hand->p50, by_hand->p99, 1.0,
				  1.0, by_hand->lost, NAN, NAN);
			for (int busy = 0; busy < 2; busy++) {
				struct link_report report;
				struct departures best;

				put("link", (const char *[]){ delays[d].option, NULL }, busy);
				best = best_of_rounds(rates[r], delays[d].ns);
				report = meter();
				take_away();
				bench_row(delays[d].name, rates[r], busy ? "busy" : "sleeps",
					  best.p50, best.p99, best.p50 / by_hand->p50,
					  best.p99 / by_hand->p99, best.lost,
					  report.error_p99 / 1e3, (double)report.late);
				if (!busy)
					continue;
				worst = bench_max(worst, best.p99);
				if (r < LENGTH(rates) - 1)
					times = bench_max(times, best.p99 / by_hand->p99);
			}
		}
	bench_goal("p99 of the error of departure, a busy worker, us", worst, 50, false);
	bench_goal("the same beside a bare loop, up to 100 thousand a second", times, 2, false);
}

/* ---- rate ------------------------------------------------------------------------------------ */

static void bench_rate(void)
{
	static const struct bench_column columns[] = {
		{ "rate", -9, 0 },	 { "outside_mbit", 13, 4 }, { "off_percent", 12, 3 },
		{ "meter_mbit", 11, 4 }, { "late", 7, 0 },
	};
	static const struct {
		const char *name, *option, *offered;
		double mbit, seconds;
	} rates[] = { { "1 Mbit/s", "rate=1mbit", "100pps", 1, 4 },
		      { "10 Mbit/s", "rate=10mbit", "1kpps", 10, 2 },
		      { "100 Mbit/s", "rate=100mbit", "9kpps", 100, 1 },
		      { "1 Gbit/s", "rate=1gbit", "90kpps", 1000, 1 } };
	double worst = 0;

	bench_table("rates", "frames of 1514 bytes through a link that is always busy", columns,
		    LENGTH(columns));
	for (size_t r = 0; r < LENGTH(rates); r++) {
		struct departures now;
		struct link_report report;
		double mbit, off;

		put("link", (const char *[]){ rates[r].option, "limit=20pkt", NULL }, true);
		now = departure_measure("1518", rates[r].offered,
					bench_quick() ? 0.3 : rates[r].seconds, 0);
		mbit = now.paced * 8 * 1514 / 1e6;
		off = fabs(mbit / rates[r].mbit - 1) * 100;
		report = meter();
		take_away();
		bench_row(rates[r].name, mbit, off, report.rate_achieved / 1e6,
			  (double)report.late);
		worst = bench_max(worst, off);
	}
	bench_goal("rate is off by at most so many percent", worst, 1, false);
}

/* ---- fates ----------------------------------------------------------------------------------- */

static void bench_fates(void)
{
	static const struct bench_column columns[] = {
		{ "settings", -18, 0 }, { "where", -7, 0 },  { "packets", 9, 0 },
		{ "counted", 9, 0 },	{ "outside", 9, 0 }, { "expected", 10, 1 },
		{ "band_99", 8, 1 },
	};
	static const struct {
		const char *name, *option, *counter;
		double chance;
		int sign; /* of what is seen outside: frames missing, or in addition */
	} fates[] = { { "loss 1 %", "loss=1%", "lost", 0.01, 1 },
		      { "ber 1e-5, drop", "ber=1e-5", "corrupt_dropped", 0, 1 },
		      { "duplicate 1 %", "duplicate=1%", "duplicated", 0.01, -1 } };
	double worst = 0, packets = bench_quick() ? 1e5 : 1e6;

	bench_table("fates", "frames of 60 bytes", columns, LENGTH(columns));
	for (size_t f = 0; f < LENGTH(fates); f++)
		for (int user = 0; user < 2; user++) {
			double chance = fates[f].chance ?: 1 - pow(1 - 1e-5, 60 * 8);
			struct departures now;
			double counted, outside, band, n;

			put("link",
			    (const char *[]){ fates[f].option, "seed=1",
					      user ? "delay=10us" : "delay=0", NULL },
			    false);
			now = departure_measure("64", "400kpps", packets / 4e5, 0);
			n = count_of("packets");
			counted = count_of(fates[f].counter);
			take_away();
			outside = fates[f].sign * ((double)now.sent - now.came);
			band = 2.5758 * sqrt(n * chance * (1 - chance)) + 0.5;
			bench_row(fates[f].name, user ? "worker" : "kernel", n, counted, outside,
				  n * chance, band);
			worst = bench_max(worst, fabs(counted - n * chance) / band);
		}
	bench_goal("fates are off by so many 99 % bands", worst, 1, false);
}

/* ---- too much -------------------------------------------------------------------------------- */

static void bench_saturation(void)
{
	static const struct bench_column columns[] = {
		{ "offered", -9, 0 }, { "came_mpps", 9, 2 }, { "p99_us", 9, 1 },
		{ "lost", 9, 4 },     { "no_room", 9, 0 },   { "late", 9, 0 },
	};
	static const char *const rates[] = { "500kpps", "1mpps", "1.5mpps", "2mpps", "max" };

	bench_table("saturation", "frames of 64 bytes through delay=10ms, a busy worker", columns,
		    LENGTH(columns));
	for (size_t r = 0; r < LENGTH(rates); r++) {
		struct departures now;
		struct link_report report;
		double no_room;

		put("link", (const char *[]){ "delay=10ms", NULL }, true);
		now = departure_measure("64", rates[r], 4 * SECONDS, 10000000);
		report = meter();
		no_room = count_of("no_room");
		take_away();
		bench_row(rates[r], now.rate / 1e6, now.p99, now.lost, no_room,
			  (double)report.late);
	}
}

/* ---------------------------------------------------------------------------------------------- */

int main(void)
{
	struct lana_error error = {};

	topology_begin();
	bench_begin("link");
	departure_begin();
	bench_bare();
	stack = departure_open();
	bench_delays();
	bench_rate();
	bench_fates();
	bench_saturation();
	bench_must(lana_stack_flush(stack, &error), &error, "flush");
	return bench_end();
}
