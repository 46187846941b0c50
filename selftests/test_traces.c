// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_traces - what is traced and captured is what passes; the stack and its frames are those of
 * probed.h
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"
#include "probed.h"
#include "tap.h"
#include "topology.h"

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

	probed_build(hook, hot);
	probed_must(lana_trace_open(probed_stack, &options, &trace, &error), &error, "trace");
	tap_is(lana_trace_open(probed_stack, NULL, &second, &error), -EBUSY, "one trace at a time");
	probed_start(rate, 0);
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

	probed_must(lana_trace_open(probed_stack, &filtered, &trace, &error), &error, "trace");
	udps = arps = 0;
	while (!(err = lana_trace_next(trace, 1000, &packet, &error)) || err == -EAGAIN) {
		write_hops(&packet, text);
		if (!err && packet.whole)
			*(strcmp(text, arp) ? &udps : &arps) += 1;
	}
	lost = lana_trace_lost(trace);
	tap_ok(!udps && arps && (lost || arps == filtered.count), "a filter chooses packets");
	lana_trace_close(trace);
	probed_finish();
	live_close(probed_stack);
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

	probed_build(LANA_HOOK_XDP, false);
	live_do(probed_stack, "unbind out c2 ingress");
	probed_must(lana_trace_open(probed_stack, &options, &trace, &error), &error, "trace");
	probed_start(50000, 0);
	while (!(err = lana_trace_next(trace, 1000, &packet, &error)) || err == -EAGAIN) {
		const struct lana_hop *last = &packet.hops[packet.hops_count - 1];

		if (!err)
			*(packet.whole && !strcmp(last->block, "c2") &&
					  last->way.kind == LANA_WAY_UNBOUND
				  ? &unbound
				  : &others) += 1;
	}
	probed_finish();
	lost = lana_trace_lost(trace);
	tap_note("%u packets to an unbound port, %u not so far, %lu records lost", unbound, others,
		 lost);
	tap_ok(err == -ENODATA && unbound, "many packets at once are traced");
	tap_ok(lost || unbound == options.count, "all of them, unless records were lost");
	lana_trace_close(trace);
	live_close(probed_stack);
}

/* ---- captures --------------------------------------------------------------------------- */

static uint64_t take_all(struct lana_capture *capture, uint64_t *wrong)
{
	const struct traffic_options options = { .size = PROBED_SIZE };
	unsigned char frame[PROBED_SIZE];
	struct lana_error error = {};
	struct lana_captured packet;
	uint64_t captured = 0;

	traffic_frame(&options, 0, frame, sizeof(frame));
	while (!lana_capture_next(capture, 0, &packet, &error)) {
		*wrong += packet.length != PROBED_SIZE || packet.captured != 100 ||
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

	probed_build(hook, false);
	probed_must(lana_capture_open(probed_stack, &options, &capture, &error), &error, "capture");
	probed_start(rate, 0);
	probed_let_flow(frames);
	r = probed_finish();
	probed_must(lana_capture_stop(capture, &error), &error, "stop");
	captured = take_all(capture, &wrong);
	counts = lana_capture_counts(capture);
	tap_note("%s: %lu passed, %lu captured, %lu lost", lana_hook_name(hook), r.received,
		 captured, counts.lost);
	tap_is(counts.seen, r.received, "a capture sees every packet");
	tap_is(captured + counts.lost, counts.seen, "and has it, or says that it is lost");
	tap_ok(captured > 0 && counts.lost > 0, "of more than there is room for, some of each");
	tap_is(wrong, 0, "what it has is what left the block");
	lana_capture_close(capture);

	probed_must(lana_capture_open(probed_stack, &options, &capture, &error), &error, "capture");
	probed_start(rate, 0);
	probed_let_flow(frames / 10);
	probed_must(lana_capture_stop(capture, &error), &error, "stop");
	counts = lana_capture_counts(capture);
	captured = take_all(capture, &wrong);
	probed_let_flow(frames / 10);
	tap_ok(counts.seen && captured + counts.lost == counts.seen,
	       "so it is when it is stopped while traffic goes on");
	tap_is(lana_capture_counts(capture).seen, counts.seen, "and it sees no more from then on");
	probed_finish();
	lana_capture_close(capture);

	probed_must(lana_capture_open(probed_stack, &(struct lana_capture_options){ .block = "c1" },
				      &capture, &error),
		    &error, "capture");
	live_do(probed_stack, "unbind c1 split port match");
	live_do(probed_stack, "unbind fork c1 ingress");
	live_do(probed_stack, "rm c1");
	tap_is(lana_capture_next(capture, 0, &(struct lana_captured){}, &error), -ENOENT,
	       "a capture of a block that is removed ends");
	tap_note("%s", error.text);
	lana_capture_close(capture);
	live_close(probed_stack);
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

	probed_build(LANA_HOOK_XDP, false);
	before = inspect_code(PROBED_STACK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tap_is(lana_capture_open(probed_stack, &cases[i].options, &capture, &error),
		       cases[i].err, "refused: %s", error.text);
		tap_ok(!probed_has_sessions(), "and nothing is left");
	}
	while (count < 8 && !(err = lana_capture_open(
				      probed_stack, &(struct lana_capture_options){ .block = "c2" },
				      &captures[count], &error)))
		count++;
	tap_is(err, -EBUSY, "captures are limited: %s", error.text);
	tap_is(count, 4, "four at once");
	while (count)
		lana_capture_close(captures[--count]);
	after = inspect_code(PROBED_STACK);
	tap_is_text(after, before, "afterwards nothing has changed");
	free(before);
	free(after);
	live_close(probed_stack);
}

int main(void)
{
	live_begin();
	test_trace(LANA_HOOK_XDP, false, 50000);
	test_trace(LANA_HOOK_XDP, true, 0);
	test_trace(LANA_HOOK_TC, true, 50000);
	test_crowd();
	test_capture(LANA_HOOK_XDP, 0, 1000000);
	test_capture(LANA_HOOK_TC, 100000, 60000);
	test_refused();
	return tap_done();
}
