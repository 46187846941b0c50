// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_state - what a block keeps is its own, goes on when its code is replaced, and goes with it
 *
 * learn remembers addresses in a map of its own, recall has the same map and only looks.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

static const char *send_from(struct workbench *bench, unsigned char address)
{
	struct packet packet = { .size = 64 };
	static char where[64];

	packet.bytes[11] = address;
	workbench_run(bench, LANA_XDP, &packet, where, sizeof(where));
	return where;
}

static int count_pins(void)
{
	struct dirent *entry;
	char path[256];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/lana/default/state", topology_bpffs());
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

static int replace(struct workbench *bench, const char *type, bool drop, struct lana_error *error)
{
	return lana_block_replace(bench->stack, "dut", type, NULL, drop, error);
}

static void test_maps(struct workbench *bench)
{
	struct lana_error error;

	if (!tap_is(workbench_add(bench, "learn", NULL, &error), 0, "learn is added"))
		tap_bail("%s", error.text);
	tap_is_text(send_from(bench, 1), "new", "an address is new");
	tap_is_text(send_from(bench, 1), "known", "and known then");

	tap_is(lana_block_add(bench->stack, "other", "learn", NULL, &error), 0,
	       "another block of the type is added");
	tap_is(count_pins(), 2, "each has a map of its own");
	tap_is(replace(bench, "recall", false, &error), 0, "recall takes the block over");
	tap_is_text(send_from(bench, 1), "known", "and finds the address in its state");
	tap_is_text(send_from(bench, 2), "new", "but not one that never came");
	tap_is_text(send_from(bench, 2), "new", "which it does not remember");
	tap_is(replace(bench, "learn", false, &error), 0, "learn is put back");
	tap_is_text(send_from(bench, 1), "known", "and still knows it");

	tap_ok(replace(bench, "forward", false, &error) < 0, "forward would lose the state: %s",
	       error.text);
	tap_ok(strstr(error.text, "drop-state"), "the refusal names the way");
	tap_is(replace(bench, "learn", true, &error), 0, "replaced by itself, state dropped");
	tap_is_text(send_from(bench, 1), "new", "all is forgotten");
	tap_is(count_pins(), 2, "the old map is gone");
	lana_block_rm(bench->stack, "other", NULL);
	tap_is(count_pins(), 1, "a map goes with its block");
	workbench_rm(bench);
	tap_is(count_pins(), 0, "and so does the last");
}

static void test_counters(struct workbench *bench)
{
	struct lana_error error;

	workbench_add(bench, "counter", NULL, NULL);
	send_from(bench, 1);
	tap_is(replace(bench, "counter", false, &error), 0, "a counter is replaced by its like");
	send_from(bench, 1);
	tap_is(workbench_counter(bench, "packets"), 2, "it counts on");
	tap_ok(replace(bench, "ttl", false, &error) < 0, "ttl counts other things: %s", error.text);
	send_from(bench, 1);
	tap_is(workbench_counter(bench, "packets"), 3, "the refusal changed nothing");
	tap_is(replace(bench, "counter", true, &error), 0, "replaced, state dropped");
	tap_is(workbench_counter(bench, "packets"), 0, "it begins anew");
	workbench_rm(bench);
}

/* Options go along by name; what would be lost must be said. */
static void test_config(struct workbench *bench)
{
	struct lana_error error;

	workbench_add(bench, "mark", "value=5", NULL);
	tap_ok(replace(bench, "forward", false, &error) < 0, "forward has no value: %s",
	       error.text);
	tap_is(replace(bench, "mark", false, &error), 0, "mark has");
	tap_is(replace(bench, "forward", true, &error), 0, "it may be dropped");
	workbench_rm(bench);
}

int main(void)
{
	struct lana_finding *findings;
	struct workbench bench;
	size_t count = 1;

	topology_begin();
	workbench_open(&bench, types);
	test_maps(&bench);
	test_counters(&bench);
	test_config(&bench);
	lana_stack_check(bench.stack, &findings, &count, NULL);
	tap_is(count, 0, "the stack is sound after all this");
	workbench_close(&bench);
	return tap_done();
}
