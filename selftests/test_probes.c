// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_probes - what is measured is so, and afterwards nothing is left of it; the stack and its
 * frames are those of probed.h. Traces and captures are for test_traces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect.h"
#include "probed.h"
#include "tap.h"
#include "topology.h"
#include "victim.h"

/* ---- nothing is left -------------------------------------------------------------------- */

static void test_nothing_left(enum lana_hook hook, bool hot)
{
	struct lana_capture *capture;
	struct lana_trace *trace;
	char *before, *after;
	char what[64];

	snprintf(what, sizeof(what), "%s%s", lana_hook_name(hook), hot ? ", hot blocks" : "");
	probed_build(hook, hot);
	before = inspect_code(PROBED_STACK);
	probed_measure(true);
	after = inspect_code(PROBED_STACK);
	tap_ok(strcmp(before, after), "%s: measuring is other programs", what);
	free(after);
	probed_open_all(&trace, &capture);
	tap_is(inspect_faults(probed_stack), 0, "%s: with all probes the stack is sound", what);
	lana_trace_close(trace);
	probed_measure(false);
	after = inspect_code(PROBED_STACK);
	tap_ok(strcmp(before, after), "%s: a capture is", what);
	free(after);
	lana_capture_close(capture);
	after = inspect_code(PROBED_STACK);
	tap_is_text(after, before, "%s: afterwards they are the same to the instruction", what);
	free(after);
	free(before);
	tap_ok(!probed_has_sessions(), "%s: and nothing is pinned", what);
	tap_is(inspect_faults(probed_stack), 0, "%s: and the stack is sound", what);
	live_close(probed_stack);
}

/* ---- measuring -------------------------------------------------------------------------- */

static void check_way(const char *block, const char *way, uint64_t packets, uint64_t dropped)
{
	struct lana_way_stats found = probed_measured(block, way);

	tap_is(found.packets, packets, "%s:%s: packets", block, way);
	tap_is(found.bytes, packets * PROBED_SIZE, "%s:%s: bytes", block, way);
	tap_is(found.dropped, dropped, "%s:%s: dropped", block, way);
}

static void test_measured(enum lana_hook hook, bool hot, uint64_t rate, uint64_t frames)
{
	struct lana_block_stats *stats;
	struct lana_error error = {};
	struct traffic_report r;
	size_t count;

	probed_build(hook, hot);
	probed_measure(true);
	probed_start(rate, 0);
	probed_let_flow(frames);
	r = probed_finish();
	tap_note("%s%s: sent %lu, received %lu; %.2f Mpps", lana_hook_name(hook),
		 hot ? ", hot blocks" : "", r.sent, r.received, r.sent / r.seconds / 1e6);
	tap_ok(r.sent && r.received && !r.duplicated && !r.reordered, "traffic passes");
	check_way("in", "next", r.sent, 0);
	check_way("split", "match", r.received, 0);
	check_way("split", "other", r.sent - r.received, 0);
	check_way("narp", "next", r.sent - r.received, r.sent - r.received);
	check_way("c1", "next", r.received, 0);
	check_way("fork", "next", r.received, 0);
	check_way("c2", "next", r.received, 0);
	check_way("out", "sent", r.received, 0);

	probed_must(lana_block_stats(probed_stack, "c1", &stats, &count, &error), &error, "stats");
	tap_is(stats->path[LANA_INGRESS].samples, r.received / 1024,
	       "one packet of 1,024 is timed");
	tap_ok(stats->path[LANA_INGRESS].ns >= 0 && stats->path[LANA_INGRESS].ns < 1e6,
	       "and that takes a time");
	tap_note("c1 takes %.1f ns", stats->path[LANA_INGRESS].ns);
	free(stats);
	probed_measure(false);
	probed_measure(true);
	check_way("c1", "next", 0, 0);
	live_close(probed_stack);
}

/* A port that comes to lead nowhere while it is measured, and one that did before. */
static void test_unbound(enum lana_hook hook, bool hot, uint64_t rate)
{
	uint64_t packets;
	struct traffic_report r;
	char *before, *after;

	probed_build(hook, hot);
	probed_measure(true);
	probed_start(rate, 0);
	probed_let_flow(1000);
	live_do(probed_stack, "unbind out c2 ingress");
	probed_let_flow(1000);
	r = probed_finish();
	packets = probed_measured("c2", "next").packets;
	tap_ok(r.received && r.received < packets, "%s%s: an edge is unbound under load",
	       lana_hook_name(hook), hot ? ", hot blocks" : "");
	check_way("c2", "next", packets, packets - r.received);
	probed_measure(false);

	before = inspect_code(PROBED_STACK);
	probed_measure(true);
	probed_start(rate, 0);
	probed_let_flow(1000);
	r = probed_finish();
	tap_is(r.received, 0, "it stays so");
	packets = probed_measured("c2", "next").packets;
	check_way("c2", "next", packets, packets);
	check_way("in", "next", r.sent, 0);
	tap_is(inspect_faults(probed_stack), 0, "the stack is sound");
	probed_measure(false);
	after = inspect_code(PROBED_STACK);
	tap_is_text(after, before, "what counts misses is the same as before");
	free(before);
	free(after);
	live_close(probed_stack);
}

/* Woven in and out, and blocks replaced under it, at full load. */
static void test_under_load(enum lana_hook hook, uint64_t rate)
{
	struct lana_way_stats found, other;
	struct traffic_report r;

	probed_build(hook, false);
	probed_start(rate, 0);
	for (int i = 0; i < 10; i++) {
		struct lana_capture *capture;
		struct lana_trace *trace;

		probed_measure(true);
		probed_let_flow(500);
		probed_open_all(&trace, &capture);
		probed_let_flow(500);
		lana_capture_close(capture);
		lana_trace_close(trace);
		probed_measure(false);
		probed_let_flow(500);
	}
	r = probed_finish();
	tap_note("%s: sent %lu, received %lu; %.2f Mpps", lana_hook_name(hook), r.sent, r.received,
		 r.sent / r.seconds / 1e6);
	tap_is(r.lost - (int64_t)(r.sent - r.received), 0, "the books are kept");
	tap_ok(!r.duplicated && !r.reordered && !r.corrupt, "nothing doubled or overtaken");
	found = probed_measured("narp", "next");
	tap_is(found.packets, 0, "and nothing is measured any more");

	probed_measure(true);
	probed_start(rate, 0);
	for (int i = 0; i < 25; i++) {
		live_do(probed_stack, "replace c1 forward drop-state");
		live_do(probed_stack, "set fork value=%d", i);
		probed_let_flow(300);
		live_do(probed_stack, "replace c1 counter drop-state");
		probed_let_flow(300);
	}
	live_do(probed_stack, "add late counter");
	live_do(probed_stack, "bind late c2 ingress");
	probed_let_flow(300);
	live_do(probed_stack, "bind out late ingress");
	probed_let_flow(3000);
	r = probed_finish();
	check_way("in", "next", r.sent, 0);
	check_way("c1", "next", r.sent - probed_measured("split", "other").packets, 0);
	check_way("fork", "next", probed_measured("c1", "next").packets, 0);
	found = probed_measured("late", "next");
	other = probed_measured("out", "sent");
	tap_ok(found.packets && found.packets > found.dropped,
	       "a block that came later is measured");
	tap_is(other.packets, r.received, "what is transmitted is what is received");
	tap_is(found.dropped,
	       found.packets + r.sent - probed_measured("split", "other").packets - found.packets -
		       r.received,
	       "and what was dropped meanwhile is what is missing");
	live_close(probed_stack);
}

/* ---- killed ----------------------------------------------------------------------------- */

static void *open_in_victim(void)
{
	const struct lana_stack_options options = { .name = PROBED_STACK,
						    .bpffs = topology_bpffs() };
	struct lana_error error = {};

	if (lana_stack_open(&options, &probed_stack, &error))
		_exit(1);
	return probed_stack;
}

/* Measure, trace and capture. */
static void watch(void *opened, unsigned int n)
{
	struct lana_capture *capture;
	struct lana_trace *trace;

	(void)opened, (void)n;
	probed_measure(true);
	probed_open_all(&trace, &capture);
	lana_trace_close(trace);
	probed_measure(false);
	lana_capture_close(capture);
}

static const struct victim watcher = { .begin = open_in_victim, .work = watch, .rounds = 2 };

static void test_kills(unsigned int kills)
{
	unsigned int sound = 0, same = 0, measuring = 0, watching = 0, seed = 7;
	struct traffic_report r;
	char *before, *after;

	probed_build(LANA_HOOK_XDP, false);
	before = inspect_code(PROBED_STACK);
	probed_start(0, 0);
	for (unsigned int i = 0; i < kills; i++) {
		bool on = false;

		victim_kill(&watcher, i, &seed);
		watching += probed_has_sessions();
		probed_must(lana_measured(probed_stack, &on, NULL), NULL, "measured");
		measuring += on;
		probed_measure(false);
		sound += !inspect_faults(probed_stack) && !probed_has_sessions();
		after = inspect_code(PROBED_STACK);
		same += !strcmp(before, after);
		free(after);
	}
	r = probed_finish();
	tap_note("%u kills, %u while measuring, %u with pins", kills, measuring, watching);
	tap_ok(measuring && watching, "some were killed in the midst of it");
	tap_is(sound, kills, "the next command finds a sound stack without probes of the dead");
	tap_is(same, kills, "and the same programs");
	tap_ok(!r.duplicated && !r.reordered && !r.corrupt, "no frame doubled or overtaken");
	tap_is(probed_measured("in", "next").packets, 0, "and nothing is measured");
	free(before);
	live_close(probed_stack);
}

int main(void)
{
	live_begin();
	test_nothing_left(LANA_HOOK_XDP, false);
	test_nothing_left(LANA_HOOK_XDP, true);
	test_nothing_left(LANA_HOOK_TC, true);
	test_measured(LANA_HOOK_XDP, false, 0, 3000000);
	test_measured(LANA_HOOK_XDP, true, 0, 3000000);
	test_measured(LANA_HOOK_TC, false, 100000, 50000);
	test_unbound(LANA_HOOK_XDP, false, 0);
	test_unbound(LANA_HOOK_XDP, true, 0);
	test_unbound(LANA_HOOK_TC, false, 100000);
	test_under_load(LANA_HOOK_XDP, 0);
	test_under_load(LANA_HOOK_TC, 100000);
	test_kills(20);
	return tap_done();
}
