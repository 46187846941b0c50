// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_events - what a block costs that may publish, and what an event costs
 *
 * As bench_fused does: the root is run by BPF_PROG_TEST_RUN. All rows are taken in turns, round by
 * round, and of each the best run counts. A block publishes ten events at once and then has to
 * wait, so runs with events are of ten packets; and so are those that they are compared with.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <loader/event_log.h>

#include "bench.h"
#include "fused.h"

#define RUN_SECONDS 0.003
#define ROUNDS	    (bench_quick() ? 2 : 20)
#define RUNS	    5 /* a row and round */
#define RUN_PACKETS 10

static unsigned char frame[64] = { [12] = 8, [14] = 0x45, [22] = 64, [23] = 17 };

/* Stacks in0 -> the block -> drop; with so many gates that are subscribed to it. */
static const struct row {
	const char *name, *block;
	unsigned int gates;
	bool publishes;
} rows[] = {
	{ "nothing", NULL, 0, false },
	{ "counter", "counter", 0, false },
	{ "threshold", "{ type: threshold, at: 1000000000000 }", 0, false },
	{ "threshold, one subscriber", "{ type: threshold, at: 1000000000000 }", 1, false },
	{ "threshold, exact", "{ type: threshold, at: 1 }", 0, false },
	{ "too fast: suppressed", "{ type: threshold, every: 1 }", 0, false },
	{ "an event", "{ type: threshold, every: 1 }", 0, true },
	{ "an event, one subscriber", "{ type: threshold, every: 1 }", 1, true },
	{ "an event, 8 subscribers", "{ type: threshold, every: 1 }", 8, true },
};

/* Each row before those that publish is compared with one of like packets: few or many. */
static const size_t quiet = 4;

static void shape(struct fused *fused, const struct row *row)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	bench_must(file ? 0 : -ENOMEM, NULL, "stack file");
	fputs("hooks: { in0: }\nblocks:\n  end: drop\n", file);
	if (row->block)
		fprintf(file, "  dut: %s\n", row->block);
	for (unsigned int i = 0; i < row->gates; i++)
		fprintf(file, "  gate%u: gate\n", i);
	fprintf(file, "bind: [ in0 -> %send ]\nsubscribe:\n", row->block ? "dut -> " : "");
	for (unsigned int i = 0; i < row->gates; i++)
		fprintf(file, "  gate%u: dut\n", i);
	fclose(file);
	fused_apply(fused, text);
	free(text);
}

/* ns a packet, by the kernel's clock. */
static double run(int root, unsigned int packets)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = packets);
	double begin = bench_cpu_time(), end;

	bench_must(bpf_prog_test_run_opts(root, &options) ? -errno : 0, NULL, "test run");
	end = bench_cpu_time();
	return packets > RUN_PACKETS ? (end - begin) * 1e9 / packets : options.duration;
}

/* Long enough for ten events at once. */
static void rest(void)
{
	usleep(EVENT_BURST * EVENT_GAP_NS / 1000);
}

int main(void)
{
	static const struct bench_column columns[] = {
		{ "block", -28, 0 },
		{ "ns", 8, 2 },
		{ "more", 8, 2 },
	};
	double many[LENGTH(rows)], few[LENGTH(rows)];
	struct fused *fused;

	bench_begin("events");
	bench_pin(BENCH_CPU_TRAFFIC);
	fused = fused_open();
	for (size_t i = 0; i < LENGTH(rows); i++)
		many[i] = few[i] = INFINITY;
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < LENGTH(rows); i++) {
			int root = fused_root(fused);

			shape(fused, &rows[0]); /* no state is kept */
			shape(fused, &rows[i]);
			run(root, 1000); /* a block that publishes every time has done so now */
			if (rows[i].publishes)
				rest();
			few[i] = bench_min(few[i], run(root, RUN_PACKETS));
			for (int j = 0; !rows[i].publishes && j < RUNS; j++)
				many[i] = bench_min(many[i], run(root, RUN_SECONDS * 1e9 / 20));
		}

	bench_table("blocks", "ns a packet through one block that publishes nothing", columns,
		    LENGTH(columns));
	for (size_t i = 0; i < LENGTH(rows) && !rows[i].publishes; i++)
		bench_row(rows[i].name, many[i], many[i] - many[0]);
	bench_table("events", "ns a packet that causes an event, of ten", columns, LENGTH(columns));
	for (size_t i = quiet; i < LENGTH(rows); i++)
		if (i == quiet || rows[i].publishes)
			bench_row(rows[i].name, few[i], few[i] - few[quiet]);
	bench_goal("threshold / counter", many[2] / many[1], 1.1, false);
	fused_close(fused);
	return bench_end();
}
