// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_figure - packets a second through chains of counters, by length and by size of the frames
 *
 * The figure of LANA's chapter 6 with lana: chains of 1 to 100 counting blocks, frames of 64 to
 * 1518 bytes (FCS included), into a drop, on a veth. Beside it XDP_DROP alone, a program written by
 * hand that counts as often, and the same chains with blocks not fused, up to the 31 that the
 * kernel's limit of tail calls allows. Medians of seven runs. Writes figure.svg beside its JSON.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "fused.h"
#include "plot.h"
#include "rate.h"
#include "selftests/traffic.h"

#define FCS	  4
#define RUNS	  (bench_quick() ? 1 : 7)
#define RUNS_MAX  7
#define WINDOW_MS (bench_quick() ? 10 : 30)
#define ALONE_MAX 31 /* blocks, each with a program of its own */

static const unsigned int lengths[] = { 1, 2, 5, 10, 20, 50, 100 };
static const unsigned int sizes[] = { 64, 128, 256, 512, 1024, 1280, 1518 };

enum kind { DROP, HAND, FUSED, ALONE, KINDS };

static const char *const kind_names[] = { "XDP_DROP", "one program by hand", "fused", "not fused" };

static double rates[KINDS][LENGTH(lengths)][LENGTH(sizes)][RUNS_MAX]; /* frames a second */

/* 50 forwarding blocks, 64-byte frames, and XDP_DROP at the same time. */
static double forwards[RUNS_MAX], drops[RUNS_MAX];

/* All sizes through what stands behind a veth now. */
static void measure_sizes(struct traffic *const *traffics, enum kind kind, size_t l, int run)
{
	for (size_t s = 0; s < LENGTH(sizes); s++)
		rates[kind][l][s][run] = rate_window(traffics[s], WINDOW_MS);
}

static void open_traffics(const char *send, struct traffic **traffics)
{
	for (size_t s = 0; s < LENGTH(sizes); s++) {
		struct traffic_options options = {
			.send = send, .size = sizes[s] - FCS, .pin = true, .cpu = BENCH_CPU_TRAFFIC
		};

		bench_must(traffic_open(&options, &traffics[s]), NULL, "traffic from %s", send);
	}
}

static void measure_all(struct fused *fused)
{
	struct traffic *lana[LENGTH(sizes)], *hand[LENGTH(sizes)];

	fused_hand(fused, "drop");
	open_traffics("gen:out0", lana);
	open_traffics("gen:out1", hand);
	for (int run = 0; run < RUNS; run++)
		for (size_t l = 0; l < LENGTH(lengths); l++) {
			fused_hand(fused, "drop");
			measure_sizes(hand, DROP, l, run);
			fused_hand_count(fused, lengths[l]);
			measure_sizes(hand, HAND, l, run);
			fused_chain(fused, "counter", lengths[l], true);
			measure_sizes(lana, FUSED, l, run);
			if (lengths[l] > ALONE_MAX)
				continue;
			fused_chain(fused, "counter", lengths[l], false);
			measure_sizes(lana, ALONE, l, run);
		}
	for (int run = 0; run < RUNS; run++) {
		fused_hand(fused, "drop");
		fused_chain(fused, "forward", 50, true);
		drops[run] = rate_window(hand[0], WINDOW_MS);
		forwards[run] = rate_window(lana[0], WINDOW_MS);
	}
	for (size_t s = 0; s < LENGTH(sizes); s++) {
		traffic_close(lana[s]);
		traffic_close(hand[s]);
	}
}

static double median(enum kind kind, size_t l, size_t s)
{
	if (kind == ALONE && lengths[l] > ALONE_MAX)
		return NAN;
	return bench_quantile(rates[kind][l][s], RUNS, 0.5);
}

/* ---- results ---------------------------------------------------------------------------- */

static const struct bench_column columns[] = {
	{ "chain", -20, 0 }, { "blocks", 6, 0 }, { "64", 6, 2 },
	{ "128", 6, 2 },     { "256", 6, 2 },	 { "512", 6, 2 },
	{ "1024", 6, 2 },    { "1280", 6, 2 },	 { "1518", 6, 2 },
};

static void report(void)
{
	bench_table("mpps", "Mpps, by bytes of the frames (FCS included)", columns,
		    LENGTH(columns));
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t l = 0; l < LENGTH(lengths); l++) {
			double m[LENGTH(sizes)];

			if (isnan(median(kind, l, 0)))
				continue;
			for (size_t s = 0; s < LENGTH(sizes); s++)
				m[s] = median(kind, l, s) / 1e6;
			bench_row(kind_names[kind], (double)lengths[l], m[0], m[1], m[2], m[3],
				  m[4], m[5], m[6]);
		}
}

static void draw(void)
{
	struct plot plot = { .title = "Counting blocks in a chain, packets a second through a veth",
			     .panels_count = 2 };
	struct plot_panel *by_length = &plot.panels[0], *by_size = &plot.panels[1];
	size_t fifty = 5;

	*by_length = (struct plot_panel){ .title = "64-byte frames",
					  .x = "blocks",
					  .y = "Mpps",
					  .points = LENGTH(lengths),
					  .lines_count = KINDS };
	*by_size = (struct plot_panel){ .title = "50 blocks (20, not fused)",
					.x = "bytes of a frame",
					.y = "Mpps",
					.points = LENGTH(sizes),
					.lines_count = KINDS };
	for (size_t i = 0; i < LENGTH(lengths); i++)
		by_length->at[i] = lengths[i];
	for (size_t i = 0; i < LENGTH(sizes); i++)
		by_size->at[i] = sizes[i];
	for (int kind = 0; kind < KINDS; kind++) {
		by_length->names[kind] = by_size->names[kind] = kind_names[kind];
		for (size_t i = 0; i < LENGTH(lengths); i++)
			by_length->values[kind][i] = median(kind, i, 0) / 1e6;
		for (size_t i = 0; i < LENGTH(sizes); i++)
			by_size->values[kind][i] =
				median(kind, kind == ALONE ? fifty - 1 : fifty, i) / 1e6;
	}
	plot_write(&plot, "figure.svg");
}

int main(void)
{
	struct fused *fused;
	size_t fifty = 5;

	bench_begin("figure");
	bench_pin(BENCH_CPU_CHANGE);
	fused = fused_open();
	measure_all(fused);
	report();
	bench_goal("50 forwarding blocks, 64 bytes: fused / XDP_DROP",
		   bench_quantile(forwards, RUNS, 0.5) / bench_quantile(drops, RUNS, 0.5), 0.95,
		   true);
	bench_goal("50 counting blocks, 64 bytes: fused / by hand",
		   median(FUSED, fifty, 0) / median(HAND, fifty, 0), 1 / 1.05, true);
	draw();
	fused_close(fused);
	return bench_end();
}
