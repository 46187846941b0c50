// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_link_queue - jitter, drr, codel and red as one sees them behind a link
 *
 * test_engine_* compare the engine with models in simulated time, packet by packet. Here real
 * frames go through block and worker, and are looked at where they come. bench_queue prints the
 * figures.
 */
#include <math.h>

#include "queue_lab.h"
#include "tap.h"

/* Frames that a busy host lets go late spoil a sample: one of three has to be right. */
static void test_jitter(const char *distribution, const char *correlation, double expected)
{
	struct queue_lab_jitter seen;
	double band;
	int tries = 0;

	do {
		seen = queue_lab_jitter(distribution, correlation, 7 + tries, 700);
		band = 2.5758 / sqrt(seen.count);
	} while ((seen.distance > 1.63 || fabs(seen.correlation - expected) > band) && ++tries < 3);
	tap_ok(seen.distance < 1.63, "%s, correlation %s: distributed so (distance %.2f)",
	       distribution, correlation, seen.distance);
	tap_ok(fabs(seen.correlation - expected) < band, "%s, correlation %s: %.3f, %.3f is meant",
	       distribution, correlation, seen.correlation, expected);
}

static void test_shares(const char *queue)
{
	struct queue_lab_flow flows[] = { { 64, 4700, 0 }, { 900, 340, 0 }, { 1514, 200, 0 } };

	queue_lab_shares(queue, flows, 3);
	for (int i = 0; i < 3; i++)
		tap_ok(fabs(flows[i].share * 3 - 1) < 0.02,
		       "%s: a third for %u frames of %u bytes: %.4f", queue, flows[i].count,
		       flows[i].length, flows[i].share);
}

static void test_codel(bool ecn)
{
	struct queue_lab_codel seen = queue_lab_codel(ecn);
	const char *what = ecn ? "marks" : "drops";

	tap_ok((ecn ? seen.marks : seen.drops) > 40 && !(ecn ? seen.drops : seen.marks),
	       "codel: %zu drops, %zu marks", seen.drops, seen.marks);
	tap_ok(seen.off < 1.01, "codel: %s come interval / sqrt(n) after another (to %.2f frames)",
	       what, seen.off);
}

static void test_red(bool ecn)
{
	struct queue_lab_red seen = queue_lab_red(ecn, 12);

	tap_ok(ecn ? seen.marks > 1000 && !seen.lost : seen.lost > 1000 && !seen.marks,
	       "red: %zu drops, %zu marks", seen.lost, seen.marks);
	for (int i = 0; i < QUEUE_LAB_PARTS; i++) {
		double band = 0.05 * seen.expected[i] + 3 * sqrt(seen.expected[i] / 3);

		tap_ok(seen.frames[i] > 500 && fabs(seen.drops[i] - seen.expected[i]) < band,
		       "red: of %.0f frames at an average in quarter %d of its range, %.0f; "
		       "%.0f by the formula",
		       seen.frames[i], i + 1, seen.drops[i], seen.expected[i]);
	}
}

int main(void)
{
	queue_lab_begin();
	test_jitter("uniform", "0", 0);
	test_jitter("normal", "50%", 0.5);
	test_jitter("pareto", "0", 0);
	test_shares("drr");
	test_shares("fq");
	test_codel(false);
	test_red(false);
	/* Right behind the other, CoDel would go on at its pace. */
	test_codel(true);
	test_red(true);
	tap_ok(!queue_lab_is_disturbed(), "and the worker had room for all");
	queue_lab_end();
	return tap_done();
}
