// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_events - what blocks publish, their subscribers hear and monitors tell
 *
 *	wb1 (hooked xdp) ──┐
 *			   ├── dut (crier, which publishes) ── …
 *	wb2 (hooked tc)  ──┘		 ear, ear0 … ear7: no edge leads to them
 *
 * Packets enter the roots by BPF_PROG_TEST_RUN, on one CPU.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include <loader/event_log.h>

#include "listen.h"
#include "live.h"
#include "tap.h"
#include "topology.h"
#include "workbench.h"

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

#define WAIT_MS 20000

static struct lana_monitor *open_monitor(struct lana_stack *stack)
{
	struct lana_error error = {};
	struct lana_monitor *monitor;

	if (lana_monitor_open(stack, &monitor, &error))
		tap_bail("%s", error.text);
	return monitor;
}

/* ---- one packet, one event ----------------------------------------------------------------- */

/* On the way of a packet: the crier is fused with its neighbours, or it is not; on which path. */
static const struct {
	const char *name;
	bool fuse;
	enum lana_path path;
	const char *setup[8];
} ways[] = {
	{ "alone, ingress",
	  false,
	  LANA_INGRESS,
	  { "add dut crier event=2 value=7", "bind dut wb1 ingress", "bind dut wb2 ingress" } },
	{ "fused, ingress",
	  true,
	  LANA_INGRESS,
	  { "add dut crier event=2 value=7", "add below counter", "add above ttl",
	    "bind above dut ingress", "bind dut below ingress", "bind below wb1 ingress",
	    "bind below wb2 ingress" } },
	{ "alone, egress",
	  false,
	  LANA_EGRESS,
	  { "add dut crier event=2 value=7", "add below swap_mac", "bind below dut egress",
	    "bind below wb1 ingress", "bind below wb2 ingress" } },
	{ "fused, egress",
	  true,
	  LANA_EGRESS,
	  { "add dut crier event=2 value=7", "add below swap_mac", "bind below dut egress",
	    "bind below wb1 ingress", "bind below wb2 ingress" } },
};

/* The events that a monitor tells, each being as it should. */
static void check_told(struct lana_monitor *monitor, unsigned int wanted, const char *text,
		       const char *what)
{
	unsigned int told = 0, wrong = 0;
	struct lana_event event, last = {};

	while (told < wanted && !lana_monitor_next(monitor, WAIT_MS, &event)) {
		wrong += event.kind != LANA_EVENT_PUBLISHED || strcmp(event.text, text) ||
			 (last.number && event.number != last.number + 1) || event.time < last.time;
		if (event.kind != LANA_EVENT_PUBLISHED || strcmp(event.text, text))
			tap_note("told '%s', wanted '%s'", event.text, text);
		last = event;
		told++;
	}
	tap_is(told, wanted, "%s: a monitor tells all of them", what);
	tap_is(wrong, 0, "%s: each as it is", what);
	tap_is(lana_monitor_next(monitor, 0, &event), -EAGAIN, "%s: and no more", what);
}

static void test_way(struct workbench *bench, size_t i, enum lana_flavour flavour)
{
	struct lana_stack *stack = bench->stack;
	bool egress = ways[i].path == LANA_EGRESS;
	struct lana_monitor *monitor;
	struct lana_error error = {};
	char what[64], text[64];

	snprintf(what, sizeof(what), "%s, %s", flavours[flavour], ways[i].name);
	snprintf(text, sizeof(text), "dut: all_well 7 (%s)", lana_path_name(ways[i].path));
	live_do(stack, "add ear ear weight=3");
	for (size_t j = 0; j < 8 && ways[i].setup[j]; j++)
		live_do(stack, "%s", ways[i].setup[j]);
	if (lana_stack_fuse(stack, ways[i].fuse, &error))
		tap_bail("%s", error.text);
	live_do(stack, "subscribe ear dut");
	monitor = open_monitor(stack);
	listen_send(bench, flavour, 5);
	listen_expect(stack, "ear", "heard", 5, what);
	listen_expect(stack, "ear", "sum", 5 * 7 * 3, what);
	listen_expect(stack, "ear", "second", 5, what);
	listen_expect(stack, "ear", "egress", egress ? 5 : 0, what);
	listen_expect(stack, "ear", "wrong", 0, what);
	listen_expect(stack, "dut", "published", 5, what);
	listen_expect(stack, "dut", "suppressed", 0, what);
	check_told(monitor, 5, text, what);
	lana_monitor_close(monitor);

	/* The new weight counts from the next packet on. */
	live_do(stack, "set ear weight=10");
	listen_send(bench, flavour, 1);
	listen_expect(stack, "ear", "sum", 5 * 7 * 3 + 70, what);
	live_do(stack, "unsubscribe ear dut");
	listen_send(bench, flavour, 1);
	listen_expect(stack, "ear", "heard", 6, what);
	listen_expect(stack, "dut", "published", 7, what);
	listen_end(stack);
}

/* ---- calls from functions, and other state -------------------------------------------------- */

static void test_functions(struct workbench *bench, enum lana_flavour flavour)
{
	struct lana_stack *stack = bench->stack;
	const char *what = flavours[flavour];

	live_do(stack, "add dut crier event=0 value=0 twice=on");
	live_do(stack, "add ear ear weight=1");
	live_do(stack, "bind dut wb1 ingress");
	live_do(stack, "bind dut wb2 ingress");
	live_do(stack, "subscribe ear dut");
	listen_send(bench, flavour, 3);
	listen_expect(stack, "ear", "heard", 6, what);
	listen_expect(stack, "ear", "second", 3, what);
	listen_expect(stack, "ear", "sum", 3, what);
	listen_end(stack);
}

/* ---- how fast ------------------------------------------------------------------------------- */

#define FLOOD 200000

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void test_rate(struct workbench *bench, enum lana_flavour flavour)
{
	struct lana_stack *stack = bench->stack;
	const char *what = flavours[flavour];
	unsigned long long published;
	struct lana_monitor *monitor;
	uint64_t begun, took;

	live_do(stack, "add dut crier value=1");
	live_do(stack, "add ear ear weight=1");
	live_do(stack, "bind dut wb1 ingress");
	live_do(stack, "bind dut wb2 ingress");
	live_do(stack, "subscribe ear dut");
	monitor = open_monitor(stack);
	begun = now();
	listen_send(bench, flavour, FLOOD);
	took = now() - begun;
	published = listen_count(stack, "dut", "published");
	tap_note("%s: %llu of %d published in %llu us", what, published, FLOOD,
		 (unsigned long long)took / 1000);
	tap_ok(published >= EVENT_BURST && published <= EVENT_BURST + took / EVENT_GAP_NS + 1,
	       "%s: 10 at once, and 100 a second", what);
	listen_expect(stack, "dut", "suppressed", FLOOD - published, what);
	listen_expect(stack, "ear", "heard", published, what);
	check_told(monitor, published, "dut: fire 1 (ingress)", what);
	lana_monitor_close(monitor);

	/* What was counted goes with the block where it has to begin another cell. */
	live_do(stack, "rm ear");
	live_do(stack, "replace dut counter drop-state");
	listen_expect(stack, "dut", "published", 0, what);
	listen_end(stack);
}

/* ---- in order with the rest ----------------------------------------------------------------- */

static void test_order(struct workbench *bench)
{
	struct lana_stack *stack = bench->stack;
	struct lana_monitor *monitor;
	struct lana_event event;
	unsigned int wrong = 0;
	char text[64];

	live_do(stack, "add dut crier value=0");
	live_do(stack, "bind dut wb1 ingress");
	monitor = open_monitor(stack);
	for (unsigned int i = 1; i <= EVENT_BURST; i++) {
		live_do(stack, "set dut value=%u", i);
		listen_send(bench, LANA_XDP, 1);
	}
	for (unsigned int i = 0; i < 3 * EVENT_BURST; i++) {
		snprintf(text, sizeof(text),
			 i % 3 == 0   ? "set dut value=%u"
			 : i % 3 == 1 ? "commit"
				      : "dut: fire %u (ingress)",
			 i / 3 + 1);
		if (lana_monitor_next(monitor, WAIT_MS, &event))
			tap_bail("no event");
		wrong += strcmp(event.text, text) != 0;
	}
	tap_is(wrong, 0, "what blocks publish is told in order with what is done");
	lana_monitor_close(monitor);
	listen_end(stack);
}

/* ---- more than the log holds ---------------------------------------------------------------- */

#define CRIERS 440

static void add_criers(struct lana_stack *stack)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	struct lana_commit *commit;
	struct lana_error error = {};
	char name[16], lower[16] = "wb1", value[32];

	if (lana_commit_begin(stack, &commit))
		tap_bail("no memory");
	for (unsigned int i = 0; i < CRIERS; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		snprintf(value, sizeof(value), "value=%u", i);
		if (lana_commit_add(commit, name, "crier", (const char *[]){ value, NULL }) ||
		    lana_commit_bind(commit, name, lower, &ingress))
			tap_bail("no memory");
		strcpy(lower, name);
	}
	if (lana_commit_commit(commit, NULL, NULL, &error))
		tap_bail("%s", error.text);
	lana_commit_free(commit);
}

static void test_overrun(struct workbench *bench)
{
	struct lana_stack *stack = bench->stack;
	unsigned int packets = EVENT_BURST, told = 0, wrong = 0;
	struct lana_monitor *monitor, *late;
	struct lana_event event;
	char text[64];

	add_criers(stack);
	monitor = open_monitor(stack);
	listen_send(bench, LANA_XDP, packets - 2);
	for (; told < 100; told++) /* some of them */
		lana_monitor_next(monitor, 0, &event);
	tap_is(event.number, told, "a monitor that keeps up loses nothing");
	late = open_monitor(stack);
	listen_send(bench, LANA_XDP, 2);
	if (lana_monitor_next(monitor, WAIT_MS, &event))
		tap_bail("no event");
	tap_is(event.kind, LANA_EVENT_LOST, "of %d events some are lost", packets * CRIERS);
	tap_ok(event.published, "which are published ones");
	tap_is(event.count, packets * CRIERS - EVENT_LOG_MAX - told, "it says how many");
	for (told += event.count; !lana_monitor_next(monitor, 0, &event); told++) {
		snprintf(text, sizeof(text), "c%u: fire %u (ingress)", told % CRIERS,
			 told % CRIERS);
		wrong += strcmp(event.text, text) || event.number != told + 1;
	}
	tap_is(told, packets * CRIERS, "the others are told");
	tap_is(wrong, 0, "each of them, in order");
	for (told = 0; !lana_monitor_next(late, 0, &event);)
		told++;
	tap_is(told, 2 * CRIERS, "a monitor that came later has what came after it");
	lana_monitor_close(late);
	lana_monitor_close(monitor);
	listen_end(stack);
}

/* ---- many subscribers ----------------------------------------------------------------------- */

static void test_many(struct workbench *bench, enum lana_flavour flavour)
{
	struct lana_stack *stack = bench->stack;
	const char *what = flavours[flavour];
	struct lana_error error = {};
	char name[16];

	live_do(stack, "add dut crier value=5");
	live_do(stack, "add dut2 crier value=6");
	live_do(stack, "bind dut wb1 ingress");
	live_do(stack, "bind dut wb2 ingress");
	live_do(stack, "bind dut2 dut ingress");
	for (int i = 0; i <= LANA_SUBSCRIBERS_MAX; i++)
		live_do(stack, "add ear%d ear weight=%d", i, i);
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX; i++) {
		live_do(stack, "subscribe ear%d dut", i);
		live_do(stack, "subscribe ear%d dut2", LANA_SUBSCRIBERS_MAX - 1 - i);
	}
	if (lana_stack_fuse(stack, true, &error))
		tap_bail("%s", error.text);
	tap_is(lana_subscribe(stack, "ear8", "dut", &error), -ENOSPC, "%s: a ninth one: %s", what,
	       error.text);
	listen_send(bench, flavour, 2);
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX; i++) {
		snprintf(name, sizeof(name), "ear%d", i);
		listen_expect(stack, name, "sum", 2 * 11 * i, what);
	}
	live_do(stack, "rm ear3");
	live_do(stack, "subscribe ear8 dut");
	listen_send(bench, flavour, 1);
	listen_expect(stack, "ear8", "sum", 40, what);
	listen_expect(stack, "ear7", "sum", 3 * 11 * 7, what);
	listen_expect(stack, "ear7", "wrong", 0, what);
	listen_end(stack);
}

int main(void)
{
	struct workbench bench;

	topology_begin();
	listen_pin();
	workbench_open(&bench, types);
	test_overrun(&bench); /* first: in a log that begins with event 1 */
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
			test_way(&bench, i, flavour);
		test_functions(&bench, flavour);
		test_rate(&bench, flavour);
		test_many(&bench, flavour);
	}
	test_order(&bench);
	workbench_close(&bench);
	return tap_done();
}
