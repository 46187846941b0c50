// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_tcp - kernel TCP through emulated links, beside what formulas say
 *
 *	g0 10.9.0.1 ── in ═ there ═ out ── c0 10.9.0.2
 *	                  ═ back  ═
 *	                   worker
 *
 * Each way is 100 Mbit/s and 50 ms, at tc hooks, with the senders' offloads on. Without loss there
 * is one stream. With loss there are six of each control side by side, which all together leave
 * some of the link empty, so that none meets another; what is told is the mean of them. The windows
 * by formulas, in packets, with a loss of p and a round trip of R = 0.1 s:
 *
 *	reno	1.31 / sqrt(p)		Mathis, Semke, Mahdavi, Ott 1997, table 1, for random
 *					losses; Linux counts packets, however ACKs are sent
 *	cubic	1.054 (R / p)^(3/4)	RFC 8312, section 5.1, or, if that is more,
 *		1.22 / sqrt(p)		section 4.2: no slower than TCP was before
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench.h"
#include "selftests/tap.h"
#include "selftests/tcp_lab.h"

#define LINK	   "rate=100mbit delay=50ms"
#define MBIT	   100
#define ROUND_TRIP 0.1
#define SEGMENT	   1448 /* bytes of a stream in a full packet */
#define EACH	   6	/* streams of each control, side by side */

static double reno(double p)
{
	return 1.31 / sqrt(p);
}

static double cubic(double p)
{
	return fmax(1.054 * pow(ROUND_TRIP / p, 0.75), 1.22 / sqrt(p));
}

static const struct control {
	const char *name;
	double (*window)(double p); /* packets */
} controls[] = { { "cubic", cubic }, { "reno", reno } };

/* ---- streams -------------------------------------------------------------------------------- */

static struct tcp_lab lab;

static double retransmitted(const struct tcp_stream *stream)
{
	struct tcp_info info = {};
	socklen_t size = sizeof(info);

	getsockopt(stream->from, IPPROTO_TCP, TCP_INFO, &info, &size);
	return info.tcpi_total_retrans;
}

struct measured {
	double bytes; /* that arrived */
	double again; /* packets that were sent again */
	double mbit;  /* a stream's */
};

/* Streams side by side, so many of each of the controls. */
static void measure(const struct control *used, size_t count, size_t each, double seconds,
		    struct measured *results)
{
	struct tcp_stream streams[LENGTH(controls) * EACH];
	double begin, end;

	for (size_t i = 0; i < count * each; i++)
		if (!tcp_lab_connect(&streams[i], used[i % count].name))
			tap_bail("this kernel has no %s", used[i % count].name);
	tcp_lab_run(streams, count * each, seconds / 2);
	for (size_t i = 0; i < count * each; i++) {
		results[i % count].bytes -= streams[i].received;
		results[i % count].again -= retransmitted(&streams[i]);
	}
	begin = bench_now();
	tcp_lab_run(streams, count * each, seconds);
	end = bench_now();
	for (size_t i = 0; i < count * each; i++) {
		results[i % count].bytes += streams[i].received;
		results[i % count].again += retransmitted(&streams[i]);
		tcp_lab_disconnect(&streams[i]);
	}
	for (size_t i = 0; i < count; i++)
		results[i].mbit = results[i].bytes * 8 / (end - begin) / 1e6 / each;
	tcp_lab_run(NULL, 0, 0.5); /* what is on its way arrives */
}

static void bench_full(void)
{
	static const struct bench_column columns[] = {
		{ "control", -8, 0 }, { "mbit", 8, 2 }, { "of_rate", 8, 3 }, { "again", 8, 0 }
	};
	double least = INFINITY;

	bench_table("full", "one stream through " LINK " each way", columns, LENGTH(columns));
	for (size_t c = 0; c < LENGTH(controls); c++) {
		struct measured now = {};

		measure(&controls[c], 1, 1, bench_quick() ? 1 : 10, &now);
		bench_row(controls[c].name, now.mbit, now.mbit / MBIT, now.again);
		if (!strcmp(controls[c].name, "cubic"))
			least = now.mbit / MBIT;
	}
	bench_goal("bytes that cubic gets through, of the rate", least, 0.9, true);
}

static void bench_loss(void)
{
	static const struct bench_column columns[] = {
		{ "loss", -6, 0 },   { "control", -8, 0 },    { "streams", 7, 0 }, { "mbit", 7, 3 },
		{ "formula", 8, 3 }, { "of_formula", 10, 2 }, { "again", 7, 0 },
	};
	static const double losses[] = { 0.001, 0.01, 0.03 };
	double off = 1;

	bench_table("loss", "the same with loss: a stream's share, and what the formula says",
		    columns, LENGTH(columns));
	for (size_t l = 0; l < LENGTH(losses); l++) {
		struct measured now[LENGTH(controls)] = {};
		char loss[16];

		snprintf(loss, sizeof(loss), "%g%%", losses[l] * 100);
		live_do(lab.stack, "set there loss=%s", loss);
		measure(controls, LENGTH(controls), EACH, bench_quick() ? 1 : 24, now);
		for (size_t c = 0; c < LENGTH(controls); c++) {
			double formula =
				controls[c].window(losses[l]) * SEGMENT * 8 / ROUND_TRIP / 1e6;

			bench_row(loss, controls[c].name, (double)EACH, now[c].mbit, formula,
				  now[c].mbit / formula, now[c].again);
			off = bench_max(off,
					bench_max(now[c].mbit / formula, formula / now[c].mbit));
		}
	}
	bench_goal("times that a stream is faster or slower than the formula says", off, 1.5,
		   false);
}

int main(void)
{
	bench_begin("tcp");
	tcp_lab_begin();
	tcp_lab_open(&lab, LANA_HOOK_TC, LINK " seed=1", LINK);
	bench_full();
	bench_loss();
	tcp_lab_close(&lab);
	return bench_end();
}
