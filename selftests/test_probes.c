// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_probes - what is measured, traced and captured is so, and afterwards nothing is left of it
 *
 *	 generator         stack                                                checker
 *	+--------+    +------------------------------------------------+    +--------+
 *	|     g0 |----| in ─► split ─match─► c1 ─► fork ─► c2 ─► out     |----| c0     |
 *	+--------+    |         └─other─► narp   (next: nowhere)         |    +--------+
 *		      +------------------------------------------------+
 *
 * The frames are UDP in IPv4, and every tenth ARP, which gets no further than narp. With hot blocks
 * c1 and c2 are programs of their own.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inspect.h"
#include "live.h"
#include "tap.h"
#include "topology.h"
#include "victim.h"

#define STACK "live"
#define SIZE  200 /* bytes of a frame */

static struct lana_stack *stack;
static struct traffic *traffic;

static void must(int err, const struct lana_error *error, const char *what)
{
	if (err)
		tap_bail("%s: %s", what, error && *error->text ? error->text : strerror(-err));
}

static void build(enum lana_hook hook, bool hot)
{
	static const char *const steps[] = {
		"add split ethertype type=2048",
		"add c1 counter",
		"add fork mark value=5",
		"add c2 counter",
		"add narp counter",
		"bind narp split port other",
		"bind out c2 ingress",
		"bind c2 fork ingress",
		"bind fork c1 ingress",
		"bind c1 split port match",
		"bind split in ingress",
	};
	struct lana_error error = {};

	stack = live_open(hook, true);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		live_do(stack, "%s", steps[i]);
	if (hot)
		must(lana_hot(stack, "c1", NULL, true, &error)
			     ?: lana_hot(stack, "c2", NULL, true, &error),
		     &error, "hot");
}

static void start(uint64_t rate, uint64_t count)
{
	const struct traffic_options options = { .send = "generator:g0",
						 .check = "checker:c0",
						 .size = SIZE,
						 .rate = rate,
						 .count = count,
						 .arp_every = 10,
						 .pin = true,
						 .cpu = 0 };

	must(traffic_open(&options, &traffic), NULL, "traffic");
	must(traffic_start(traffic), NULL, "traffic");
}

static struct traffic_report finish(void)
{
	struct traffic_report report;

	must(traffic_stop(traffic), NULL, "traffic");
	must(traffic_report(traffic, &report), NULL, "traffic");
	traffic_close(traffic);
	return report;
}

/* Until so many more frames have been sent. */
static void let_flow(uint64_t frames)
{
	struct traffic_report report = {};
	uint64_t goal = 0;

	do {
		must(traffic_report(traffic, &report), NULL, "traffic");
		goal = goal ?: report.sent + frames;
		if (traffic_done(traffic) && report.sent < goal)
			tap_bail("the generator ended: %s", strerror(-traffic_stop(traffic)));
		usleep(200);
	} while (report.sent < goal);
}

/* What left a block by a way on ingress. */
static struct lana_way_stats measured(const char *block, const char *way)
{
	struct lana_way_stats found = {};
	struct lana_block_stats *stats;
	struct lana_error error = {};
	size_t count;

	must(lana_block_stats(stack, block, &stats, &count, &error), &error, "stats");
	for (size_t i = 0; i < stats->path[LANA_INGRESS].ways_count; i++)
		if (!strcmp(stats->path[LANA_INGRESS].ways[i].way.name, way))
			found = stats->path[LANA_INGRESS].ways[i];
	free(stats);
	return found;
}

static void measure(bool on)
{
	struct lana_error error = {};

	must(lana_measure(stack, on, &error), &error, "measure");
}

/* ---- nothing is left -------------------------------------------------------------------- */

static void open_all(struct lana_trace **trace, struct lana_capture **capture)
{
	const struct lana_trace_options traced = { .filter = "udp" };
	const struct lana_capture_options captured = { .block = "c1",
						       .way = "next",
						       .filter = "udp port 9" };
	struct lana_error error = {};

	must(lana_trace_open(stack, &traced, trace, &error), &error, "trace");
	must(lana_capture_open(stack, &captured, capture, &error), &error, "capture");
}

static bool has_sessions(void)
{
	return !topology_run("[ -n \"$(ls %s/lana/%s/probes)\" ]", topology_bpffs(), STACK);
}

static void test_nothing_left(enum lana_hook hook, bool hot)
{
	struct lana_capture *capture;
	struct lana_trace *trace;
	char *before, *after;
	char what[64];

	snprintf(what, sizeof(what), "%s%s", lana_hook_name(hook), hot ? ", hot blocks" : "");
	build(hook, hot);
	before = inspect_code(STACK);
	measure(true);
	after = inspect_code(STACK);
	tap_ok(strcmp(before, after), "%s: measuring is other programs", what);
	free(after);
	open_all(&trace, &capture);
	tap_is(inspect_faults(stack), 0, "%s: with all probes the stack is sound", what);
	lana_trace_close(trace);
	measure(false);
	after = inspect_code(STACK);
	tap_ok(strcmp(before, after), "%s: a capture is", what);
	free(after);
	lana_capture_close(capture);
	after = inspect_code(STACK);
	tap_is_text(after, before, "%s: afterwards they are the same to the instruction", what);
	free(after);
	free(before);
	tap_ok(!has_sessions(), "%s: and nothing is pinned", what);
	tap_is(inspect_faults(stack), 0, "%s: and the stack is sound", what);
	live_close(stack);
}

/* ---- measuring -------------------------------------------------------------------------- */

static void check_way(const char *block, const char *way, uint64_t packets, uint64_t dropped)
{
	struct lana_way_stats found = measured(block, way);

	tap_is(found.packets, packets, "%s:%s: packets", block, way);
	tap_is(found.bytes, packets * SIZE, "%s:%s: bytes", block, way);
	tap_is(found.dropped, dropped, "%s:%s: dropped", block, way);
}

static void test_measured(enum lana_hook hook, bool hot, uint64_t rate, uint64_t frames)
{
	struct lana_block_stats *stats;
	struct lana_error error = {};
	struct traffic_report r;
	size_t count;

	build(hook, hot);
	measure(true);
	start(rate, 0);
	let_flow(frames);
	r = finish();
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

	must(lana_block_stats(stack, "c1", &stats, &count, &error), &error, "stats");
	tap_is(stats->path[LANA_INGRESS].samples, r.received / 1024,
	       "one packet of 1,024 is timed");
	tap_ok(stats->path[LANA_INGRESS].ns >= 0 && stats->path[LANA_INGRESS].ns < 1e6,
	       "and that takes a time");
	tap_note("c1 takes %.1f ns", stats->path[LANA_INGRESS].ns);
	free(stats);
	measure(false);
	measure(true);
	check_way("c1", "next", 0, 0);
	live_close(stack);
}

/* A port that comes to lead nowhere while it is measured, and one that did before. */
static void test_unbound(enum lana_hook hook, bool hot, uint64_t rate)
{
	uint64_t packets;
	struct traffic_report r;
	char *before, *after;

	build(hook, hot);
	measure(true);
	start(rate, 0);
	let_flow(1000);
	live_do(stack, "unbind out c2 ingress");
	let_flow(1000);
	r = finish();
	packets = measured("c2", "next").packets;
	tap_ok(r.received && r.received < packets, "%s%s: an edge is unbound under load",
	       lana_hook_name(hook), hot ? ", hot blocks" : "");
	check_way("c2", "next", packets, packets - r.received);
	measure(false);

	before = inspect_code(STACK);
	measure(true);
	start(rate, 0);
	let_flow(1000);
	r = finish();
	tap_is(r.received, 0, "it stays so");
	packets = measured("c2", "next").packets;
	check_way("c2", "next", packets, packets);
	check_way("in", "next", r.sent, 0);
	tap_is(inspect_faults(stack), 0, "the stack is sound");
	measure(false);
	after = inspect_code(STACK);
	tap_is_text(after, before, "what counts misses is the same as before");
	free(before);
	free(after);
	live_close(stack);
}

/* Woven in and out, and blocks replaced under it, at full load. */
static void test_under_load(enum lana_hook hook, uint64_t rate)
{
	struct lana_way_stats found, other;
	struct traffic_report r;

	build(hook, false);
	start(rate, 0);
	for (int i = 0; i < 10; i++) {
		struct lana_capture *capture;
		struct lana_trace *trace;

		measure(true);
		let_flow(500);
		open_all(&trace, &capture);
		let_flow(500);
		lana_capture_close(capture);
		lana_trace_close(trace);
		measure(false);
		let_flow(500);
	}
	r = finish();
	tap_note("%s: sent %lu, received %lu; %.2f Mpps", lana_hook_name(hook), r.sent, r.received,
		 r.sent / r.seconds / 1e6);
	tap_is(r.lost - (int64_t)(r.sent - r.received), 0, "the books are kept");
	tap_ok(!r.duplicated && !r.reordered && !r.corrupt, "nothing doubled or overtaken");
	found = measured("narp", "next");
	tap_is(found.packets, 0, "and nothing is measured any more");

	measure(true);
	start(rate, 0);
	for (int i = 0; i < 25; i++) {
		live_do(stack, "replace c1 forward drop-state");
		live_do(stack, "set fork value=%d", i);
		let_flow(300);
		live_do(stack, "replace c1 counter drop-state");
		let_flow(300);
	}
	live_do(stack, "add late counter");
	live_do(stack, "bind late c2 ingress");
	let_flow(300);
	live_do(stack, "bind out late ingress");
	let_flow(3000);
	r = finish();
	check_way("in", "next", r.sent, 0);
	check_way("c1", "next", r.sent - measured("split", "other").packets, 0);
	check_way("fork", "next", measured("c1", "next").packets, 0);
	found = measured("late", "next");
	other = measured("out", "sent");
	tap_ok(found.packets && found.packets > found.dropped,
	       "a block that came later is measured");
	tap_is(other.packets, r.received, "what is transmitted is what is received");
	tap_is(found.dropped,
	       found.packets + r.sent - measured("split", "other").packets - found.packets -
		       r.received,
	       "and what was dropped meanwhile is what is missing");
	live_close(stack);
}

/* ---- traces ----------------------------------------------------------------------------- */

static void write_hops(const struct lana_traced *packet, char text[1024])
{
	size_t length = 0;

	*text = 0;
	for (size_t i = 0; i < packet->hops_count; i++)
		length += snprintf(text + length, 1024 - length, "%s%s %s", i ? ", " : "",
				   packet->hops[i].block, packet->hops[i].way.name);
}

static void test_trace(enum lana_hook hook, bool hot, uint64_t rate)
{
	static const char udp[] = "in next, split match, c1 next, fork next, c2 next, out sent";
	static const char arp[] = "in next, split other, narp next";
	const struct lana_trace_options options = { .count = 5000 };
	const struct lana_trace_options filtered = { .count = 100, .filter = "arp" };
	unsigned int udps = 0, arps = 0, broken = 0, disordered = 0;
	struct lana_error error = {};
	struct lana_traced packet;
	struct lana_trace *trace, *second;
	uint64_t lost;
	char text[1024];
	int err;

	build(hook, hot);
	must(lana_trace_open(stack, &options, &trace, &error), &error, "trace");
	tap_is(lana_trace_open(stack, NULL, &second, &error), -EBUSY, "one trace at a time");
	start(rate, 0);
	while (!(err = lana_trace_next(trace, 1000, &packet, &error)) || err == -EAGAIN) {
		if (err)
			continue;
		write_hops(&packet, text);
		for (size_t i = 1; i < packet.hops_count; i++)
			disordered += packet.hops[i].ns < packet.hops[i - 1].ns;
		if (!packet.whole)
			broken++;
		else if (!strcmp(text, udp))
			udps++;
		else if (!strcmp(text, arp) &&
			 packet.hops[packet.hops_count - 1].way.kind == LANA_WAY_UNBOUND)
			arps++;
		else
			tap_note("?: %s", text);
	}
	lost = lana_trace_lost(trace);
	tap_is(err, -ENODATA, "a trace ends");
	tap_note("%s%s: %u UDP, %u ARP, %u not whole, %lu records lost", lana_hook_name(hook),
		 hot ? ", hot blocks" : "", udps, arps, broken, lost);
	tap_ok(udps && arps, "both kinds of packets were traced");
	tap_ok(lost || udps + arps == options.count, "all of them, unless records were lost");
	tap_ok(!!lost == (udps + arps < options.count),
	       "packets lack records only if they were lost");
	tap_is(disordered, 0, "time does not run backwards");
	lana_trace_close(trace);

	must(lana_trace_open(stack, &filtered, &trace, &error), &error, "trace");
	udps = arps = 0;
	while (!(err = lana_trace_next(trace, 1000, &packet, &error)) || err == -EAGAIN) {
		write_hops(&packet, text);
		if (!err && packet.whole)
			*(strcmp(text, arp) ? &udps : &arps) += 1;
	}
	lost = lana_trace_lost(trace);
	tap_ok(!udps && arps && (lost || arps == filtered.count), "a filter chooses packets");
	lana_trace_close(trace);
	finish();
	live_close(stack);
}

/* What counts misses tells nothing of them: such packets are on their way for long, and many. */
static void test_crowd(void)
{
	const struct lana_trace_options options = { .count = 2000, .filter = "udp" };
	unsigned int unbound = 0, others = 0;
	struct lana_error error = {};
	struct lana_traced packet;
	struct lana_trace *trace;
	uint64_t lost;
	int err;

	build(LANA_HOOK_XDP, false);
	live_do(stack, "unbind out c2 ingress");
	must(lana_trace_open(stack, &options, &trace, &error), &error, "trace");
	start(50000, 0);
	while (!(err = lana_trace_next(trace, 1000, &packet, &error)) || err == -EAGAIN) {
		const struct lana_hop *last = &packet.hops[packet.hops_count - 1];

		if (!err)
			*(packet.whole && !strcmp(last->block, "c2") &&
					  last->way.kind == LANA_WAY_UNBOUND
				  ? &unbound
				  : &others) += 1;
	}
	finish();
	lost = lana_trace_lost(trace);
	tap_note("%u packets to an unbound port, %u not so far, %lu records lost", unbound, others,
		 lost);
	tap_ok(err == -ENODATA && unbound, "many packets at once are traced");
	tap_ok(lost || unbound == options.count, "all of them, unless records were lost");
	lana_trace_close(trace);
	live_close(stack);
}

/* ---- captures --------------------------------------------------------------------------- */

static uint64_t take_all(struct lana_capture *capture, uint64_t *wrong)
{
	const struct traffic_options options = { .size = SIZE };
	unsigned char frame[SIZE];
	struct lana_error error = {};
	struct lana_captured packet;
	uint64_t captured = 0;

	traffic_frame(&options, 0, frame, sizeof(frame));
	while (!lana_capture_next(capture, 0, &packet, &error)) {
		*wrong += packet.length != SIZE || packet.captured != 100 ||
			  memcmp(packet.bytes, frame, 14) || strcmp(packet.block, "c1") ||
			  strcmp(packet.way.name, "next");
		captured++;
	}
	return captured;
}

static void test_capture(enum lana_hook hook, uint64_t rate, uint64_t frames)
{
	const struct lana_capture_options options = {
		.block = "c1", .way = "next", .snaplen = 100, .filter = "udp dst port 9"
	};
	struct lana_capture_counts counts;
	struct lana_capture *capture;
	struct lana_error error = {};
	uint64_t captured, wrong = 0;
	struct traffic_report r;

	build(hook, false);
	must(lana_capture_open(stack, &options, &capture, &error), &error, "capture");
	start(rate, 0);
	let_flow(frames);
	r = finish();
	must(lana_capture_stop(capture, &error), &error, "stop");
	captured = take_all(capture, &wrong);
	counts = lana_capture_counts(capture);
	tap_note("%s: %lu passed, %lu captured, %lu lost", lana_hook_name(hook), r.received,
		 captured, counts.lost);
	tap_is(counts.seen, r.received, "a capture sees every packet");
	tap_is(captured + counts.lost, counts.seen, "and has it, or says that it is lost");
	tap_ok(captured > 0 && counts.lost > 0, "of more than there is room for, some of each");
	tap_is(wrong, 0, "what it has is what left the block");
	lana_capture_close(capture);

	must(lana_capture_open(stack, &options, &capture, &error), &error, "capture");
	start(rate, 0);
	let_flow(frames / 10);
	must(lana_capture_stop(capture, &error), &error, "stop");
	counts = lana_capture_counts(capture);
	captured = take_all(capture, &wrong);
	let_flow(frames / 10);
	tap_ok(counts.seen && captured + counts.lost == counts.seen,
	       "so it is when it is stopped while traffic goes on");
	tap_is(lana_capture_counts(capture).seen, counts.seen, "and it sees no more from then on");
	finish();
	lana_capture_close(capture);

	must(lana_capture_open(stack, &(struct lana_capture_options){ .block = "c1" }, &capture,
			       &error),
	     &error, "capture");
	live_do(stack, "unbind c1 split port match");
	live_do(stack, "unbind fork c1 ingress");
	live_do(stack, "rm c1");
	tap_is(lana_capture_next(capture, 0, &(struct lana_captured){}, &error), -ENOENT,
	       "a capture of a block that is removed ends");
	tap_note("%s", error.text);
	lana_capture_close(capture);
	live_close(stack);
}

static void test_refused(void)
{
	static const struct {
		struct lana_capture_options options;
		int err;
	} cases[] = {
		{ { .block = "nobody" }, -ENOENT },
		{ { .block = "c1", .way = "nowhere" }, -ENOENT },
		{ { .block = "c1", .filter = "not a filter" }, -EINVAL },
		{ { .block = "c1", .snaplen = 65001 }, -ERANGE },
	};
	struct lana_capture *captures[8], *capture;
	struct lana_error error = {};
	char *before, *after;
	size_t count = 0;
	int err;

	build(LANA_HOOK_XDP, false);
	before = inspect_code(STACK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tap_is(lana_capture_open(stack, &cases[i].options, &capture, &error), cases[i].err,
		       "refused: %s", error.text);
		tap_ok(!has_sessions(), "and nothing is left");
	}
	while (count < 8 &&
	       !(err = lana_capture_open(stack, &(struct lana_capture_options){ .block = "c2" },
					 &captures[count], &error)))
		count++;
	tap_is(err, -EBUSY, "captures are limited: %s", error.text);
	tap_is(count, 4, "four at once");
	while (count)
		lana_capture_close(captures[--count]);
	after = inspect_code(STACK);
	tap_is_text(after, before, "afterwards nothing has changed");
	free(before);
	free(after);
	live_close(stack);
}

/* ---- killed ----------------------------------------------------------------------------- */

static void *open_in_victim(void)
{
	const struct lana_stack_options options = { .name = STACK, .bpffs = topology_bpffs() };
	struct lana_error error = {};

	if (lana_stack_open(&options, &stack, &error))
		_exit(1);
	return stack;
}

/* Measure, trace and capture. */
static void watch(void *opened, unsigned int n)
{
	struct lana_capture *capture;
	struct lana_trace *trace;

	(void)opened, (void)n;
	measure(true);
	open_all(&trace, &capture);
	lana_trace_close(trace);
	measure(false);
	lana_capture_close(capture);
}

static const struct victim watcher = { .begin = open_in_victim, .work = watch, .rounds = 2 };

static void test_kills(unsigned int kills)
{
	unsigned int sound = 0, same = 0, measuring = 0, watching = 0, seed = 7;
	struct traffic_report r;
	char *before, *after;

	build(LANA_HOOK_XDP, false);
	before = inspect_code(STACK);
	start(0, 0);
	for (unsigned int i = 0; i < kills; i++) {
		bool on = false;

		victim_kill(&watcher, i, &seed);
		watching += has_sessions();
		must(lana_measured(stack, &on, NULL), NULL, "measured");
		measuring += on;
		measure(false);
		sound += !inspect_faults(stack) && !has_sessions();
		after = inspect_code(STACK);
		same += !strcmp(before, after);
		free(after);
	}
	r = finish();
	tap_note("%u kills, %u while measuring, %u with pins", kills, measuring, watching);
	tap_ok(measuring && watching, "some were killed in the midst of it");
	tap_is(sound, kills, "the next command finds a sound stack without probes of the dead");
	tap_is(same, kills, "and the same programs");
	tap_ok(!r.duplicated && !r.reordered && !r.corrupt, "no frame doubled or overtaken");
	tap_is(measured("in", "next").packets, 0, "and nothing is measured");
	free(before);
	live_close(stack);
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
	test_trace(LANA_HOOK_XDP, false, 50000);
	test_trace(LANA_HOOK_XDP, true, 0);
	test_trace(LANA_HOOK_TC, true, 50000);
	test_crowd();
	test_capture(LANA_HOOK_XDP, 0, 1000000);
	test_capture(LANA_HOOK_TC, 100000, 60000);
	test_refused();
	test_kills(20);
	return tap_done();
}
