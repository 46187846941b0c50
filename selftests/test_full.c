// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_full - a stack of as many blocks as fit works, and refuses one more
 *
 *	  sender       middle                                    checker
 *	+--------+   +---------------------------------------+   +--------+
 *	|     g0 |---| m0 -> the block with the last IDP -> m1 |---| c0     |
 *	+--------+   |   x0 --- x1        4,092 other blocks |   +--------+
 *	             +---------------------------------------+
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "traffic.h"

#define FULL   (LANA_BLOCKS_MAX - 1)
#define LAST   "n4095" /* its IDP */
#define MIDDLE "n2000"

static struct lana_error error;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void must(int err)
{
	if (err)
		tap_bail("%s", error.text);
}

static bool refuses(int err, int want, const char *what)
{
	bool good = err == want && strstr(error.text, "full");

	tap_ok(good, "%s is refused, as the stack is full", what);
	tap_note("%s", error.text);
	return good;
}

static size_t count_blocks(struct lana_stack *stack, uint32_t *last)
{
	struct lana_block_info *blocks;
	size_t count;

	must(lana_block_list(stack, NULL, &blocks, &count, &error));
	*last = blocks[count - 1].idp;
	free(blocks);
	return count;
}

static void fill(struct lana_stack *stack)
{
	double start = now();
	uint32_t last;
	char name[16];

	must(lana_hook(stack, "m0", NULL, &error));
	must(lana_hook(stack, "m1", NULL, &error));
	for (unsigned int idp = 3; idp <= FULL; idp++) {
		snprintf(name, sizeof(name), "n%u", idp);
		must(lana_block_add(stack, name, idp % 2 ? "counter" : "mark", NULL, &error));
	}
	tap_note("%.0f blocks a second", (FULL - 2) / (now() - start));
	tap_is(count_blocks(stack, &last), FULL, "a stack holds %d blocks", FULL);
	tap_is(last, FULL, "the last IDP is in use");
}

static void test_refusals(struct lana_stack *stack)
{
	uint32_t generation = lana_stack_generation(stack), last;

	refuses(lana_block_add(stack, "onemore", "counter", NULL, &error), -ENOSPC,
		"another block");
	refuses(lana_hook(stack, "x0", NULL, &error), -ENOSPC, "another device");
	tap_is(lana_stack_generation(stack), generation, "nothing has changed");
	tap_is(count_blocks(stack, &last), FULL, "there are as many blocks as before");
}

static void test_changes(struct lana_stack *stack)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	const char *options[] = { "value=7", NULL };

	tap_is(lana_bind(stack, LAST, "m0", &ingress, &error), 0, "the last block can be bound");
	tap_is(lana_bind(stack, "m1", LAST, &ingress, &error), 0, "and leads to a device");
	tap_is(lana_block_replace(stack, LAST, "counter", NULL, false, &error), 0, "and replaced");
	tap_is(lana_block_set(stack, MIDDLE, options, &error), 0, "and another one set");
}

static void test_traffic(void)
{
	const struct traffic_options options = { .send = "sender:g0",
						 .check = "checker:c0",
						 .count = 200000,
						 .pin = true,
						 .cpu = sched_getcpu() };
	struct traffic_report r = {};
	struct traffic *traffic;
	int err = traffic_open(&options, &traffic);

	if (err)
		tap_bail("no traffic: %s", strerror(-err));
	err = traffic_start(traffic);
	if (!err)
		err = traffic_wait(traffic);
	traffic_report(traffic, &r);
	tap_ok(!err && traffic_report_good(&r), "all %lu frames pass the last block", r.sent);
	traffic_close(traffic);
}

static void test_room(struct lana_stack *stack)
{
	uint32_t last;

	tap_is(lana_block_rm(stack, MIDDLE, &error), 0, "a block can be removed");
	tap_is(lana_block_add(stack, "onemore", "ttl", NULL, &error), 0, "and another be added");
	refuses(lana_block_add(stack, "twomore", "ttl", NULL, &error), -ENOSPC, "a second one");
	tap_is(count_blocks(stack, &last), FULL, "there are as many blocks as before");
}

static void test_check(struct lana_stack *stack, const char *when)
{
	double start = now();

	tap_is(inspect_faults(stack), 0, "the stack is sound %s", when);
	tap_note("checked in %.2f s", now() - start);
}

int main(void)
{
	struct lana_stack_options options = { .netns = "middle", .create = true };
	struct lana_stack *stack;
	struct leftovers *left;

	topology_begin();
	topology_netns("sender");
	topology_netns("middle");
	topology_netns("checker");
	topology_veth("sender", "g0", "middle", "m0");
	topology_veth("middle", "m1", "checker", "c0");
	topology_veth("middle", "x0", "middle", "x1");

	options.bpffs = topology_bpffs();
	must(lana_stack_open(&options, &stack, &error));
	fill(stack);
	test_refusals(stack);
	test_changes(stack);
	test_check(stack, "when it is full");
	test_traffic();
	test_room(stack);
	test_check(stack, "in the end");

	left = leftovers_note("default");
	tap_is(lana_stack_flush(stack, &error), 0, "it is flushed");
	lana_stack_close(stack);
	tap_ok(!leftovers_pinned("default"), "no pin is left");
	tap_is(leftovers_wait(left), 0, "no map and no program is left");
	return tap_done();
}
