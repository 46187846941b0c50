// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_events - what blocks publish, and what is done to them, their subscribers hear and monitors
 * tell
 *
 *	wb1 (hooked xdp) ──┐
 *			   ├── dut (crier, which publishes) ── …
 *	wb2 (hooked tc)  ──┘		 ear, ear0 … ear7: no edge leads to them
 *
 * Packets enter the roots by BPF_PROG_TEST_RUN, on one CPU.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include <loader/event_log.h>

#include "inspect.h"
#include "live.h"
#include "tap.h"
#include "topology.h"
#include "workbench.h"

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

#define WAIT_MS 20000

static void send_packets(struct workbench *bench, enum lana_flavour flavour, unsigned int count)
{
	static const unsigned char bytes[64];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes, .data_size_in = sizeof(bytes),
		    .repeat = count);

	if (bpf_prog_test_run_opts(bench->roots[flavour], &options))
		tap_bail("test run: %s", strerror(errno));
}

/* A counter of a block on ingress; "published" and "suppressed" are the engine's. */
static unsigned long long count_of(struct lana_stack *stack, const char *block, const char *name)
{
	unsigned long long value = ~0ULL;
	struct lana_block_stats *stats;
	struct lana_error error = {};
	size_t count;

	if (lana_block_stats(stack, block, &stats, &count, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < stats->path[LANA_INGRESS].own_count; i++)
		if (!strcmp(stats->path[LANA_INGRESS].own[i].name, name))
			value = stats->path[LANA_INGRESS].own[i].value;
	if (!strcmp(name, "published"))
		value = stats->events_published;
	if (!strcmp(name, "suppressed"))
		value = stats->events_suppressed;
	free(stats);
	return value;
}

static void expect(struct lana_stack *stack, const char *block, const char *name,
		   unsigned long long wanted, const char *what)
{
	tap_is(count_of(stack, block, name), wanted, "%s: %s has counted %llu %s", what, block,
	       wanted, name);
}

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

static void tear_down(struct lana_stack *stack)
{
	static const char hooks[] = "hooks: { wb1: { netns: bench }, wb2: { netns: bench, "
				    "hook: tc } }";
	struct lana_error error = {};

	tap_is(inspect_faults(stack), 0, "the stack is sound");
	if (lana_apply(stack, hooks, strlen(hooks), NULL, NULL, &error))
		tap_bail("%s", error.text);
}

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
	send_packets(bench, flavour, 5);
	expect(stack, "ear", "heard", 5, what);
	expect(stack, "ear", "sum", 5 * 7 * 3, what);
	expect(stack, "ear", "second", 5, what);
	expect(stack, "ear", "egress", egress ? 5 : 0, what);
	expect(stack, "ear", "wrong", 0, what);
	expect(stack, "dut", "published", 5, what);
	expect(stack, "dut", "suppressed", 0, what);
	check_told(monitor, 5, text, what);
	lana_monitor_close(monitor);

	/* The new weight counts from the next packet on. */
	live_do(stack, "set ear weight=10");
	send_packets(bench, flavour, 1);
	expect(stack, "ear", "sum", 5 * 7 * 3 + 70, what);
	live_do(stack, "unsubscribe ear dut");
	send_packets(bench, flavour, 1);
	expect(stack, "ear", "heard", 6, what);
	expect(stack, "dut", "published", 7, what);
	tear_down(stack);
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
	send_packets(bench, flavour, 3);
	expect(stack, "ear", "heard", 6, what);
	expect(stack, "ear", "second", 3, what);
	expect(stack, "ear", "sum", 3, what);
	tear_down(stack);
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
	send_packets(bench, flavour, FLOOD);
	took = now() - begun;
	published = count_of(stack, "dut", "published");
	tap_note("%s: %llu of %d published in %llu us", what, published, FLOOD,
		 (unsigned long long)took / 1000);
	tap_ok(published >= EVENT_BURST && published <= EVENT_BURST + took / EVENT_GAP_NS + 1,
	       "%s: 10 at once, and 100 a second", what);
	expect(stack, "dut", "suppressed", FLOOD - published, what);
	expect(stack, "ear", "heard", published, what);
	check_told(monitor, published, "dut: fire 1 (ingress)", what);
	lana_monitor_close(monitor);

	/* What was counted goes with the block where it has to begin another cell. */
	live_do(stack, "rm ear");
	live_do(stack, "replace dut counter drop-state");
	expect(stack, "dut", "published", 0, what);
	tear_down(stack);
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
		send_packets(bench, LANA_XDP, 1);
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
	tear_down(stack);
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
	send_packets(bench, LANA_XDP, packets - 2);
	for (; told < 100; told++) /* some of them */
		lana_monitor_next(monitor, 0, &event);
	tap_is(event.number, told, "a monitor that keeps up loses nothing");
	late = open_monitor(stack);
	send_packets(bench, LANA_XDP, 2);
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
	tear_down(stack);
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
	send_packets(bench, flavour, 2);
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX; i++) {
		snprintf(name, sizeof(name), "ear%d", i);
		expect(stack, name, "sum", 2 * 11 * i, what);
	}
	live_do(stack, "rm ear3");
	live_do(stack, "subscribe ear8 dut");
	send_packets(bench, flavour, 1);
	expect(stack, "ear8", "sum", 40, what);
	expect(stack, "ear7", "sum", 3 * 11 * 7, what);
	expect(stack, "ear7", "wrong", 0, what);
	tear_down(stack);
}

/* ---- what is done to blocks ------------------------------------------------------------------ */

struct heard {
	const char *change;
	unsigned int binds, unbinds, sets, replaces, removals, own;
};

/* One after the other; what the ear, subscribed to p, has heard in all. */
static const struct heard changes[] = {
	{ "set p value=1", 0, 0, 1, 0, 0, 0 },
	{ "set p value=1", 0, 0, 2, 0, 0, 0 }, /* it was set, if to the same */
	{ "bind p wb1 ingress", 1, 0, 2, 0, 0, 0 },
	{ "bind q p", 2, 0, 2, 0, 0, 0 }, /* both ways, one event */
	{ "bind r p ingress", 3, 0, 2, 0, 0, 0 },
	{ "bind q wb2 ingress", 3, 0, 2, 0, 0, 0 }, /* not p's */
	{ "bind q wb1 ingress", 3, 1, 2, 0, 0, 0 }, /* wb1 leads to p no more */
	{ "unbind r p ingress", 3, 2, 2, 0, 0, 0 },
	{ "replace p mark value=3", 3, 2, 2, 1, 0, 0 },
	{ "set ear weight=2", 3, 2, 2, 1, 0, 1 },
	{ "replace ear ear", 3, 2, 2, 1, 0, 2 },
	{ "unbind q p egress", 3, 3, 2, 1, 0, 2 },
	{ "subscribe ear q", 3, 3, 2, 1, 0, 2 },
	{ "set q value=4", 3, 3, 3, 1, 0, 2 },
	{ "rm p", 3, 3, 3, 1, 1, 2 },
	{ "add p mark", 3, 3, 3, 1, 1, 2 }, /* another p */
	{ "set p value=1", 3, 3, 3, 1, 1, 2 },
};

static void test_changes(struct workbench *bench)
{
	struct lana_stack *stack = bench->stack;

	live_do(stack, "add p mark");
	live_do(stack, "add q mark");
	live_do(stack, "add r mark");
	live_do(stack, "add ear ear");
	live_do(stack, "subscribe ear p");
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		const struct heard *wanted = &changes[i];
		char got[128], want[128];

		live_do(stack, "%s", wanted->change);
		snprintf(got, sizeof(got), "%llu %llu %llu %llu %llu %llu %llu",
			 count_of(stack, "ear", "binds"), count_of(stack, "ear", "unbinds"),
			 count_of(stack, "ear", "sets"), count_of(stack, "ear", "replaces"),
			 count_of(stack, "ear", "removals"), count_of(stack, "ear", "own"),
			 count_of(stack, "ear", "wrong"));
		snprintf(want, sizeof(want), "%u %u %u %u %u %u 0", wanted->binds, wanted->unbinds,
			 wanted->sets, wanted->replaces, wanted->removals, wanted->own);
		tap_is_text(got, want, "heard after '%s'", wanted->change);
	}
	tear_down(stack);
}

/* Of a commit of many steps each block's subscribers hear once of each kind of step. */
static void test_commit(struct workbench *bench)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	static const struct lana_commit_options dry = { .dry_run = true };
	struct lana_stack *stack = bench->stack;
	struct lana_commit *commit;
	struct lana_error error = {};
	const char *value[] = { "value=9", NULL };

	live_do(stack, "add p mark");
	live_do(stack, "add gone mark");
	live_do(stack, "add deaf ear");
	live_do(stack, "subscribe deaf p");
	if (lana_commit_begin(stack, &commit) || lana_commit_add(commit, "ear", "ear", NULL) ||
	    lana_commit_subscribe(commit, "ear", "p") ||
	    lana_commit_subscribe(commit, "ear", "gone") ||
	    lana_commit_unsubscribe(commit, "deaf", "p") || lana_commit_set(commit, "p", value) ||
	    lana_commit_bind(commit, "p", "wb1", &ingress) ||
	    lana_commit_bind(commit, "p", "wb2", &ingress) || lana_commit_rm(commit, "gone"))
		tap_bail("no memory");
	if (lana_commit_commit(commit, &dry, NULL, &error))
		tap_bail("%s", error.text);
	expect(stack, "deaf", "sets", 0, "a dry run");
	if (lana_commit_commit(commit, NULL, NULL, &error))
		tap_bail("%s", error.text);
	lana_commit_free(commit);
	expect(stack, "ear", "binds", 1, "a commit");
	expect(stack, "ear", "sets", 1, "a commit");
	expect(stack, "ear", "removals", 1, "a commit");
	expect(stack, "deaf", "sets", 0, "a commit that unsubscribes");
	tear_down(stack);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static const struct {
	const char *name, *publisher;
	int err;
	const char *text;
} refusals[] = {
	{ "ear", "nobody", -ENOENT, "no block 'nobody'" },
	{ "nobody", "dut", -ENOENT, "no block 'nobody'" },
	{ "plain", "dut", -EINVAL, "no event function" },
	{ "ear", "ear", -EINVAL, "told of itself" },
	{ "ear", "wb1", -EINVAL, "is a device" },
	{ "ear", "dut", -EEXIST, "already" },
};

static void test_refusals(struct workbench *bench)
{
	struct lana_stack *stack = bench->stack;
	struct lana_error error = {};
	char *before, *after;

	live_do(stack, "add dut crier");
	live_do(stack, "add plain mark");
	live_do(stack, "add ear ear");
	live_do(stack, "subscribe ear dut");
	before = inspect_stack(stack);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		int err = lana_subscribe(stack, refusals[i].name, refusals[i].publisher, &error);

		tap_is(err, refusals[i].err, "subscribe %s %s is refused", refusals[i].name,
		       refusals[i].publisher);
		tap_ok(strstr(error.text, refusals[i].text), "%s", error.text);
	}
	tap_is(lana_unsubscribe(stack, "plain", "dut", &error), -ENOENT, "unsubscribe: %s",
	       error.text);
	tap_is(lana_block_replace(stack, "dut", "threshold", NULL, true, &error), -EINVAL,
	       "a publisher of other events: %s", error.text);
	tap_is(lana_block_replace(stack, "ear", "mark", NULL, true, &error), -EINVAL,
	       "a subscriber that hears nothing: %s", error.text);
	after = inspect_stack(stack);
	tap_is_text(after, before, "all that has changed nothing");
	tap_is(lana_block_replace(stack, "ear", "gate", NULL, true, &error), 0,
	       "another subscriber is taken");
	free(before);
	free(after);
	tear_down(stack);
}

/* ---- gate and threshold ---------------------------------------------------------------------- */

static const struct {
	const char *options;
	unsigned int packets;
	unsigned int open, events; /* packets that the gate lets pass; events published */
} closings[] = {
	{ "at=100", 1000, 99, 1 },
	{ "every=300", 1000, 299, 3 },
	{ "at=6400 unit=bytes", 1000, 99, 1 },
	{ "at=1 every=1000", 1000, 0, 2 },
	{ "at=2000", 1000, 1000, 0 },
	{ "at=100000", 200000, 99999, 1 }, /* in portions of 24, and 100,000 is no multiple */
};

static void test_gate(struct workbench *bench, enum lana_flavour flavour)
{
	struct lana_stack *stack = bench->stack;

	for (size_t i = 0; i < sizeof(closings) / sizeof(*closings); i++) {
		struct lana_error error = {};
		unsigned long long passed;
		unsigned int late = i == 5 ? 24 : 0;
		char what[64];

		snprintf(what, sizeof(what), "%s, %s", flavours[flavour], closings[i].options);
		live_do(stack, "add dut threshold %s", closings[i].options);
		live_do(stack, "add gate gate");
		live_do(stack, "add through counter");
		live_do(stack, "bind dut wb1 ingress");
		live_do(stack, "bind dut wb2 ingress");
		live_do(stack, "bind gate dut ingress");
		live_do(stack, "bind through gate ingress");
		live_do(stack, "subscribe gate dut");
		if (lana_stack_fuse(stack, i % 2, &error))
			tap_bail("%s", error.text);
		send_packets(bench, flavour, closings[i].packets);
		passed = count_of(stack, "through", "packets");
		tap_ok(passed >= closings[i].open && passed <= closings[i].open + late,
		       "%s: %llu have passed", what, passed);
		expect(stack, "gate", "refused", closings[i].packets - passed, what);
		expect(stack, "dut", "published", closings[i].events, what);
		expect(stack, "gate", "closings", closings[i].events > 0, what);
		live_do(stack, "set gate closed=off");
		send_packets(bench, flavour, 1);
		expect(stack, "through", "packets", passed + 1, what);
		live_do(stack, "set gate closed=on");
		send_packets(bench, flavour, 1);
		expect(stack, "through", "packets", passed + 1, what);
		tear_down(stack);
	}
}

/* The rate is that of a CPU: all is done on one. */
static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(void)
{
	struct workbench bench;

	topology_begin();
	pin();
	workbench_open(&bench, types);
	test_overrun(&bench); /* first: in a log that begins with event 1 */
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
			test_way(&bench, i, flavour);
		test_functions(&bench, flavour);
		test_rate(&bench, flavour);
		test_many(&bench, flavour);
		test_gate(&bench, flavour);
	}
	test_order(&bench);
	test_changes(&bench);
	test_commit(&bench);
	test_refusals(&bench);
	workbench_close(&bench);
	return tap_done();
}
