// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_socket_live - what programs send one another survives that the stack under them is rebound
 *
 *	 left                                        right
 *	+----------------------------------+        +------------------------+
 *	| "app" ── x or y ── l0 ●──────────|────────|─────● r0 ────── "app"  |
 *	+----------------------------------+        +------------------------+
 *
 * Frames of every size from 60 bytes to the MTU go both ways.
 */
#include "flow.h"
#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"

#define REBINDS 10000

static struct side left, right;

static void test_hook(enum lana_hook hook)
{
	struct flow flows[2] = { { .name = "left to right" }, { .name = "right to left" } };
	const char *name = lana_hook_name(hook);

	sides_open(&left, &right, hook);
	flows[0].from = flows[1].to = left.socket = side_socket(&left, "app", NULL);
	flows[1].from = flows[0].to = right.socket = side_socket(&right, "app", NULL);
	side_do(&right, "bind app r0");
	side_do(&left, "add x counter");
	side_do(&left, "add y counter");
	side_bind_two(&left);

	flow_start(&flows[0]);
	flow_start(&flows[1]);
	for (unsigned int turn = 0; turn < REBINDS / 2; turn++)
		side_rebind(&left, turn);
	flow_finish(&flows[0], name);
	flow_finish(&flows[1], name);
	tap_is(inspect_faults(left.stack), 0, "the stack is consistent");
	sides_close(&left, &right);
}

int main(void)
{
	topology_begin();
	test_hook(LANA_HOOK_XDP);
	test_hook(LANA_HOOK_TC);
	return tap_done();
}
