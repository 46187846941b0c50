// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_queue - a link's jitter and queues as one sees them from outside
 *
 * Frames are numbered and stamped where they are sent and written down where they come
 * (selftests/queue_lab.h): jitter beside its distribution, flows' shares, drops and marks beside
 * the formulas of CoDel and RED. None of it depends on how fast the machine is, but jitter, which
 * is late by what the worker is late by. Then kernel TCP through a link of 20 Mbit/s and 10 ms each
 * way, whose queue may hold 200 ms, under each discipline: what it gets, and what its round trip
 * takes beyond the 20 ms.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench.h"
#include "selftests/queue_lab.h"
#include "selftests/tap.h"
#include "selftests/tcp_lab.h"
#include "selftests/topology.h"
#include "selftests/workers.h"

/* ---- jitter --------------------------------------------------------------------------------- */

static void bench_jitter(void)
{
	static const struct bench_column columns[] = {
		{ "distribution", -12, 0 }, { "frames", 7, 0 },	      { "distance", 9, 2 },
		{ "of_1.63", 8, 2 },	    { "correlation", 11, 3 }, { "meant", 7, 3 },
	};
	static const struct {
		const char *name, *correlation;
		double expected;
	} cases[] = { { "uniform", "0", 0 },
		      { "normal", "0", 0 },
		      { "pareto", "0", 0 },
		      { "uniform", "50%", 0.4826 },
		      { "normal", "50%", 0.5 } };
	double worst = 0;

	bench_table("jitter", "delays of frames beside the distribution that is asked for", columns,
		    LENGTH(columns));
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct queue_lab_jitter seen = queue_lab_jitter(cases[i].name, cases[i].correlation,
								1, bench_quick() ? 500 : 4000);

		bench_row(cases[i].name, (double)seen.count, seen.distance, seen.distance / 1.63,
			  seen.correlation, cases[i].expected);
		worst = bench_max(worst, seen.distance / 1.63);
	}
	bench_goal("distance of Kolmogorov and Smirnov, of that of 99 % of samples", worst, 1,
		   false);
}

/* ---- shares --------------------------------------------------------------------------------- */

static void bench_shares(void)
{
	static const struct bench_column columns[] = {
		{ "queue", -6, 0 }, { "bytes", 6, 0 },	      { "frames", 7, 0 },
		{ "share", 8, 4 },  { "off_percent", 11, 2 },
	};
	static const char *const queues[] = { "drr", "fq" };
	double worst = 0;

	bench_table("shares", "what flows get that always have something to send", columns,
		    LENGTH(columns));
	for (size_t q = 0; q < LENGTH(queues); q++) {
		struct queue_lab_flow flows[] = {
			{ 64, 5000, 0 }, { 300, 1100, 0 }, { 900, 360, 0 }, { 1514, 220, 0 }
		};

		queue_lab_shares(queues[q], flows, LENGTH(flows));
		for (size_t i = 0; i < LENGTH(flows); i++) {
			double off = fabs(flows[i].share * LENGTH(flows) - 1) * 100;

			bench_row(queues[q], (double)flows[i].length, (double)flows[i].count,
				  flows[i].share, off);
			worst = bench_max(worst, off);
		}
	}
	bench_goal("shares are off by at most so many percent", worst, 2, false);
}

/* ---- CoDel and RED -------------------------------------------------------------------------- */

static void bench_codel(void)
{
	static const struct bench_column columns[] = {
		{ "ecn", -4, 0 }, { "drops", 7, 0 }, { "marks", 7, 0 }, { "off_frames", 10, 2 }
	};
	double worst = 0;

	bench_table("codel", "drop n + 1 follows n after interval / sqrt(n): how far is it off?",
		    columns, LENGTH(columns));
	for (int ecn = 0; ecn < 2; ecn++) {
		struct queue_lab_codel seen = queue_lab_codel(ecn);

		bench_row(ecn ? "on" : "off", (double)seen.drops, (double)seen.marks, seen.off);
		worst = bench_max(worst, seen.off);
		tcp_lab_run(NULL, 0,
			    2); /* within 16 intervals a series takes up the last one's pace */
	}
	bench_goal("drops are late by so many frames, which each takes 1 ms", worst, 1, false);
}

static void bench_red(void)
{
	static const struct bench_column columns[] = {
		{ "ecn", -4, 0 },    { "quarter", 8, 0 }, { "frames", 8, 0 },	   { "hit", 8, 0 },
		{ "formula", 8, 0 }, { "share", 8, 4 },	  { "of_formula", 10, 3 },
	};
	double worst = 1;

	bench_table("red", "frames dropped or marked, by where the average is between min and max",
		    columns, LENGTH(columns));
	for (int ecn = 0; ecn < 2; ecn++) {
		struct queue_lab_red seen = queue_lab_red(ecn, bench_quick() ? 4 : 40);

		for (int i = 0; i < QUEUE_LAB_PARTS; i++) {
			double ratio = seen.drops[i] / seen.expected[i];

			bench_row(ecn ? "on" : "off", i + 1.0, seen.frames[i], seen.drops[i],
				  seen.expected[i], seen.drops[i] / seen.frames[i], ratio);
			worst = bench_max(worst, bench_max(ratio, 1 / ratio));
		}
	}
	bench_goal("times that more or fewer are hit than the formula says", worst, 1.1, false);
}

/* ---- TCP ------------------------------------------------------------------------------------ */

#define LINK	   "rate=20mbit delay=10ms"
#define MBIT	   20
#define ROUND_TRIP 20 /* ms */

static double round_trip_ms(const struct tcp_stream *stream)
{
	struct tcp_info info = {};
	socklen_t size = sizeof(info);

	getsockopt(stream->from, IPPROTO_TCP, TCP_INFO, &info, &size);
	return info.tcpi_rtt / 1e3;
}

struct counts {
	double bytes, hit; /* that arrived; packets that the queue dropped or marked */
};

static struct counts count(const struct tcp_lab *lab, const struct tcp_stream *stream)
{
	static const char *const ways[] = { "dropped_tail", "dropped_head", "dropped_red",
					    "dropped_codel", "ecn_marked" };
	struct counts counts = { .bytes = stream->received };

	for (size_t i = 0; i < LENGTH(ways); i++)
		counts.hit += worker_count(lab->stack, "there", ways[i]);
	return counts;
}

static double through_queue(const struct tcp_lab *lab, const char *queue, bool ecn)
{
	int slices = bench_quick() ? 5 : 60;
	struct counts before, after;
	struct tcp_stream stream;
	double begin, waits = 0;

	live_do(lab->stack, "set there queue=%s ecn=%s", queue, ecn ? "on" : "off");
	if (!tcp_lab_connect(&stream, "cubic"))
		tap_bail("this kernel has no cubic");
	tcp_lab_run(&stream, 1, 2);
	begin = bench_now();
	before = count(lab, &stream);
	for (int i = 0; i < slices; i++) {
		tcp_lab_run(&stream, 1, 0.1);
		waits += (round_trip_ms(&stream) - ROUND_TRIP) / slices;
	}
	after = count(lab, &stream);
	bench_row(queue, ecn ? "on" : "off",
		  (after.bytes - before.bytes) * 8 / (bench_now() - begin) / 1e6 / MBIT, waits,
		  after.hit - before.hit);
	tcp_lab_disconnect(&stream);
	tcp_lab_run(NULL, 0, 0.5);
	return waits;
}

static void bench_tcp(void)
{
	static const struct bench_column columns[] = { { "queue", -6, 0 },
						       { "ecn", -4, 0 },
						       { "of_rate", 8, 3 },
						       { "waits_ms", 9, 1 },
						       { "hit", 7, 0 } };
	static const char *const queues[] = { "fifo", "red", "codel", "fq" };
	struct tcp_lab lab;
	double codel = 0;

	tcp_lab_begin();
	if (topology_run("for n in generator checker; do "
			 "ip netns exec $n sysctl -qw net.ipv4.tcp_ecn=1; done"))
		tap_bail("no ECN");
	tcp_lab_open(&lab, LANA_HOOK_TC, LINK " limit=200ms seed=1", LINK);
	bench_table("tcp", "cubic through " LINK " limit=200ms, for 6 s: how long do packets wait?",
		    columns, LENGTH(columns));
	for (size_t q = 0; q < LENGTH(queues); q++)
		for (int ecn = 0; ecn < (q ? 2 : 1); ecn++) {
			double waits = through_queue(&lab, queues[q], ecn);

			if (q > 1)
				codel = bench_max(codel, waits);
		}
	tcp_lab_close(&lab);
	bench_goal("mean wait under CoDel, whose target is 5 ms", codel, 10, false);
}

int main(void)
{
	bench_begin("queue");
	queue_lab_begin();
	bench_jitter();
	bench_shares();
	bench_codel();
	bench_red();
	if (queue_lab_is_disturbed())
		puts("the worker had to drop frames: these figures are void");
	queue_lab_end();
	bench_tcp();
	return bench_end();
}
