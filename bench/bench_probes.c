// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_probes - what a packet costs in a stack of twelve blocks while it is watched, and again
 * when it is not
 *
 * As bench_fused does: the root is run by BPF_PROG_TEST_RUN. The rows are taken in turns, round by
 * round, and of each the best run counts. No filter matches: what a packet that is told of costs
 * depends on the reader.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bench.h"
#include "fused.h"

#define RUN_SECONDS 0.003
#define ROUNDS	    (bench_quick() ? 2 : 30)
#define RUNS	    5 /* a row and round */
#define NO_PACKET   "tcp port 80"

/* A 64-byte frame of UDP in IPv4. */
static unsigned char frame[64] = { [12] = 8, [14] = 0x45, [22] = 64, [23] = 17 };

static struct lana_stack *stack;
static struct lana_trace *trace;
static struct lana_capture *capture;

static void nothing(void)
{
}

static void measure(void)
{
	struct lana_error error = {};

	bench_must(lana_measure(stack, true, &error), &error, "stats on");
}

static void measure_no_more(void)
{
	struct lana_error error = {};

	bench_must(lana_measure(stack, false, &error), &error, "stats off");
}

static void open_trace(void)
{
	const struct lana_trace_options options = { .filter = NO_PACKET };
	struct lana_error error = {};

	bench_must(lana_trace_open(stack, &options, &trace, &error), &error, "trace");
}

static void close_trace(void)
{
	lana_trace_close(trace);
}

static void open_capture(void)
{
	const struct lana_capture_options options = { .block = "n4", .filter = NO_PACKET };
	struct lana_error error = {};

	bench_must(lana_capture_open(stack, &options, &capture, &error), &error, "capture");
}

static void close_capture(void)
{
	lana_capture_close(capture);
}

static const struct {
	const char *name;
	void (*begin)(void), (*end)(void);
} rows[] = {
	{ "off", nothing, nothing },	      { "stats on", measure, measure_no_more },
	{ "trace", open_trace, close_trace }, { "capture of a block", open_capture, close_capture },
	{ "off again", nothing, nothing },
};

/* ns a packet; the root is another program while there are probes. */
static double run(double guess)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = RUN_SECONDS * 1e9 / guess);
	int program = bench_attached("lana:in0");
	double begin = bench_cpu_time(), end;

	bench_must(bpf_prog_test_run_opts(program, &options) ? -errno : 0, NULL, "test run");
	end = bench_cpu_time();
	close(program);
	return (end - begin) * 1e9 / options.repeat;
}

int main(void)
{
	static const struct bench_column columns[] = {
		{ "probes", -24, 0 },
		{ "ns", 8, 2 },
		{ "more", 8, 2 },
		{ "a_block", 8, 2 },
	};
	double best[LENGTH(rows)];
	struct fused *fused;

	bench_begin("probes");
	bench_pin(BENCH_CPU_TRAFFIC);
	fused = fused_open();
	fused_real(fused);
	stack = fused_stack(fused);
	for (size_t i = 0; i < LENGTH(rows); i++)
		best[i] = INFINITY;
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < LENGTH(rows); i++) {
			rows[i].begin();
			for (int j = 0; j < RUNS; j++)
				best[i] = bench_min(best[i], run(round ? best[i] : 50));
			rows[i].end();
		}
	bench_table("probes", "ns a packet through twelve blocks, of which it meets nine", columns,
		    LENGTH(columns));
	for (size_t i = 0; i < LENGTH(rows); i++)
		bench_row(rows[i].name, best[i], best[i] - best[0], (best[i] - best[0]) / 9);
	bench_goal("off again / off", best[LENGTH(rows) - 1] / best[0], 1.02, false);
	fused_close(fused);
	return bench_end();
}
