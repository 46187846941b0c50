// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_socket - what one program sends another one receives, through two stacks
 *
 * The topology is that of sockets.h.
 */
#include <net/ethernet.h>

#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"

static struct side left, right;

/* One way, and what comes is compared. */
static bool cross(struct lana_socket *from, struct lana_socket *to, unsigned int length)
{
	unsigned char frame[4096], got[4096];

	frame_make(frame, length, 1);
	return !lana_socket_send(from, frame, length, SECOND) &&
	       lana_socket_recv(to, got, sizeof(got), NULL, SECOND) == length &&
	       frame_is(got, length, 1);
}

static void test_sizes(const char *hook)
{
	unsigned int last = lana_socket_mtu(left.socket) + ETH_HLEN, length = 60;

	while (length <= last && cross(left.socket, right.socket, length) &&
	       cross(right.socket, left.socket, length))
		length++;
	tap_is(length, last + 1, "frames of 60 to %u bytes cross both ways at %s", last, hook);
}

static unsigned int count_direct(const struct side *side)
{
	struct lana_socket_stats stats = {};

	lana_socket_stats(side->socket, &stats);
	return stats.direct;
}

static void test_hook(enum lana_hook hook)
{
	sides_open(&left, &right, hook);
	left.socket = side_socket(&left, "app", NULL);
	right.socket = side_socket(&right, "app", NULL);
	side_do(&left, "bind app l0");
	side_do(&right, "bind app r0");
	test_sizes(lana_hook_name(hook));
	tap_is(count_direct(&left), hook == LANA_HOOK_XDP, "directly, if at all, at XDP");
	tap_is(inspect_faults(left.stack), 0, "the stack is consistent");
	sides_close(&left, &right);
}

int main(void)
{
	topology_begin();
	test_hook(LANA_HOOK_XDP);
	test_hook(LANA_HOOK_TC);
	test_hook(LANA_HOOK_SKB);
	return tap_done();
}
