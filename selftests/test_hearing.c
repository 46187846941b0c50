// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_hearing - what is done to blocks their subscribers hear; a gate closes at a threshold
 *
 *	wb1 (hooked xdp) ──┐
 *			   ├── …	  ear, gate: subscribed to blocks
 *	wb2 (hooked tc)  ──┘
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"
#include "listen.h"
#include "live.h"
#include "tap.h"
#include "topology.h"

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

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
			 listen_count(stack, "ear", "binds"), listen_count(stack, "ear", "unbinds"),
			 listen_count(stack, "ear", "sets"), listen_count(stack, "ear", "replaces"),
			 listen_count(stack, "ear", "removals"), listen_count(stack, "ear", "own"),
			 listen_count(stack, "ear", "wrong"));
		snprintf(want, sizeof(want), "%u %u %u %u %u %u 0", wanted->binds, wanted->unbinds,
			 wanted->sets, wanted->replaces, wanted->removals, wanted->own);
		tap_is_text(got, want, "heard after '%s'", wanted->change);
	}
	listen_end(stack);
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
	listen_expect(stack, "deaf", "sets", 0, "a dry run");
	if (lana_commit_commit(commit, NULL, NULL, &error))
		tap_bail("%s", error.text);
	lana_commit_free(commit);
	listen_expect(stack, "ear", "binds", 1, "a commit");
	listen_expect(stack, "ear", "sets", 1, "a commit");
	listen_expect(stack, "ear", "removals", 1, "a commit");
	listen_expect(stack, "deaf", "sets", 0, "a commit that unsubscribes");
	listen_end(stack);
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
	listen_end(stack);
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
		listen_send(bench, flavour, closings[i].packets);
		passed = listen_count(stack, "through", "packets");
		tap_ok(passed >= closings[i].open && passed <= closings[i].open + late,
		       "%s: %llu have passed", what, passed);
		listen_expect(stack, "gate", "refused", closings[i].packets - passed, what);
		listen_expect(stack, "dut", "published", closings[i].events, what);
		listen_expect(stack, "gate", "closings", closings[i].events > 0, what);
		live_do(stack, "set gate closed=off");
		listen_send(bench, flavour, 1);
		listen_expect(stack, "through", "packets", passed + 1, what);
		live_do(stack, "set gate closed=on");
		listen_send(bench, flavour, 1);
		listen_expect(stack, "through", "packets", passed + 1, what);
		listen_end(stack);
	}
}

int main(void)
{
	struct workbench bench;

	topology_begin();
	listen_pin();
	workbench_open(&bench, types);
	test_changes(&bench);
	test_commit(&bench);
	test_refusals(&bench);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		test_gate(&bench, flavour);
	workbench_close(&bench);
	return tap_done();
}
