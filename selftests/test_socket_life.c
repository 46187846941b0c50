// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_socket_life - how sockets end, and what is left of them: nothing
 *
 * The topology is that of sockets.h. Sockets of processes that are killed are in children.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"

static struct side left, right;

/* ---- what there is ------------------------------------------------------------------------ */

/* A round trip between two sockets that have nothing to do with the one that ends. */
static struct lana_socket *witness;

static bool stack_runs(void)
{
	unsigned char frame[100], got[100];
	bool crossed;

	side_do(&left, "bind witness l0");
	frame_make(frame, sizeof(frame), 7);
	crossed = !lana_socket_send(witness, frame, sizeof(frame), SECOND) &&
		  lana_socket_recv(right.socket, got, sizeof(got), NULL, SECOND) == sizeof(got) &&
		  !lana_socket_send(right.socket, frame, sizeof(frame), SECOND) &&
		  lana_socket_recv(witness, got, sizeof(got), NULL, SECOND) == sizeof(got);
	side_do(&left, "unbind witness l0");
	return crossed;
}

/* ---- a socket of this process ---------------------------------------------------------------- */

static void end_close(struct lana_socket *socket)
{
	lana_socket_close(socket);
}

static void end_rm(struct lana_socket *socket)
{
	(void)socket;
	side_do(&left, "unbind app l0");
	side_do(&left, "rm app");
}

static void end_device(struct lana_socket *socket)
{
	(void)socket;
	topology_run("ip -n left link del $(ip -n left -o link | "
		     "sed -n 's/^[0-9]*: \\(lana.s[0-9a-f]*\\)@.*alias socket app .*/\\1/p')");
}

static void end_flush(struct lana_socket *socket)
{
	(void)socket;
	lana_stack_flush(left.stack, NULL);
}

static void end_netns(struct lana_socket *socket)
{
	(void)socket;
	topology_run("ip netns del left");
}

static const struct ending {
	const char *name;
	void (*end)(struct lana_socket *socket);
	bool is_close, ends_stack;
	struct lana_socket_options options;
} endings[] = {
	{ .name = "rm", .end = end_rm },
	{ .name = "removing its device", .end = end_device },
	{ .name = "flush", .end = end_flush, .ends_stack = true },
	/* One that took frames directly would keep the namespace: see test_netns(). */
	{ .name = "removing its namespace",
	  .end = end_netns,
	  .ends_stack = true,
	  .options = { .indirect = true } },
	{ .name = "close", .end = end_close, .is_close = true },
};

/* A thread that waits to be told. */
static void *receive(void *socket)
{
	char frame[100];

	return (void *)lana_socket_recv(socket, frame, sizeof(frame), NULL, 20 * SECOND);
}

static void check_down(struct lana_socket *socket, pthread_t thread, const char *name)
{
	struct pollfd ready = { .fd = lana_socket_fd(socket), .events = POLLIN };
	struct lana_socket_stats stats = {};
	char frame[100] = {};
	void *result;

	pthread_join(thread, &result);
	tap_is((long)result, -ENETDOWN, "%s: who waits to receive is told", name);
	tap_is(poll(&ready, 1, 0), 1, "%s: the descriptor is readable", name);
	tap_is(lana_socket_send(socket, frame, sizeof(frame), 0), -ENETDOWN,
	       "%s: who sends is told", name);
	tap_ok(!lana_socket_stats(socket, &stats) && stats.down, "%s: statistics say so", name);
	lana_socket_close(socket);
}

static void test_ending(const struct ending *ending)
{
	struct lana_socket *app;
	pthread_t thread;

	sides_open(&left, &right, LANA_HOOK_XDP);
	app = side_socket(&left, "app", &ending->options);
	side_do(&left, "bind app l0");
	if (ending->is_close) {
		lana_socket_close(app);
	} else {
		pthread_create(&thread, NULL, receive, app);
		usleep(20000);
		ending->end(app);
		check_down(app, thread, ending->name);
	}
	if (!ending->ends_stack) {
		tap_ok(!side_has_block(&left, "app"), "%s: the block has gone", ending->name);
		tap_is(inspect_faults(left.stack), 0, "%s: the stack is consistent", ending->name);
		tap_is(side_pins(&left, "sockets"), 0, "%s: so has its folder", ending->name);
	}
	tap_ok(side_await_devices(&left, 0), "%s: so has its device", ending->name);
	sides_close(&left, &right);
}

/* Who has not been told by a call that receives is told by the first one that sends. */
static void test_first_send(void)
{
	static const int64_t times[] = { 0, SECOND, LANA_SOCKET_FOREVER };
	char frame[100] = {};
	struct lana_frame frames[3];

	sides_open(&left, &right, LANA_HOOK_XDP);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct lana_socket *app = side_socket(&left, "app", NULL);
		struct lana_socket_stats stats = {};

		side_do(&left, "bind app l0");
		end_rm(app);
		tap_is(lana_socket_send(app, frame, sizeof(frame), times[i]), -ENETDOWN,
		       "the first frame for a block that was removed is not sent");
		tap_ok(!lana_socket_stats(app, &stats) && !stats.sent && !stats.unsent,
		       "nor counted as sent");
		lana_socket_close(app);
	}
	left.socket = side_socket(&left, "app", NULL);
	side_do(&left, "bind app l0");
	lana_socket_reserve(left.socket, frames, 3, SECOND);
	for (int i = 0; i < 3; i++)
		frames[i].length = i == 1 ? 0 : sizeof(frame);
	end_rm(left.socket);
	for (int i = 0; i < 2; i++)
		tap_is(lana_socket_submit(left.socket, frames, 3, SECOND), -ENETDOWN,
		       "frames that were reserved are not taken");
	sides_close(&left, &right);
}

/* A namespace stays as long as there are sockets in it, such as those that take frames directly. */
static void test_netns(void)
{
	struct lana_socket_stats stats = {};

	sides_open(&left, &right, LANA_HOOK_XDP);
	left.socket = side_socket(&left, "app", NULL);
	side_do(&left, "bind app l0");
	end_netns(left.socket);
	usleep(200000);
	lana_socket_stats(left.socket, &stats);
	tap_ok(!stats.down, "a socket that takes frames directly keeps its namespace");
	lana_socket_close(left.socket);
	left.socket = NULL;
	tap_is(topology_run("for i in $(seq 500); do ip -n right link show r0 >/dev/null 2>&1 || "
			    "exit 0; sleep 0.01; done; exit 1"),
	       0, "which goes with it");
	sides_close(&left, &right);
}

/* ---- killed -------------------------------------------------------------------------------- */

/* Opens a socket and sends until it is killed. */
static pid_t start_child(struct side *side)
{
	int ready[2];
	pid_t child;
	char byte;

	if (pipe(ready))
		tap_bail("pipe: %s", strerror(errno));
	child = fork();
	if (!child) {
		char frame[1514] = {};
		struct lana_stack_options options = { .name = side->device,
						      .bpffs = topology_bpffs(),
						      .types = inspect_build("bpf/blocks"),
						      .netns = side->netns };
		struct lana_stack *stack;

		if (lana_stack_open(&options, &stack, NULL))
			_exit(1);
		side->stack = stack;
		side->socket = side_socket(side, "app", NULL);
		side_do(side, "bind app %s", side->device);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			lana_socket_send(side->socket, frame, sizeof(frame), SECOND);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		tap_bail("the child opens no socket");
	close(ready[0]);
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void check_gone(struct side *side, const char *name)
{
	tap_ok(side_await_devices(side, 0), "%s: the device has gone", name);
	tap_ok(!side_has_block(side, "app"), "%s: the next command has removed the block", name);
	tap_is(side_pins(side, "sockets"), 0, "%s: and its folder", name);
	tap_is(inspect_faults(side->stack), 0, "%s: the stack is consistent", name);
}

static void test_kill_one(enum lana_hook hook)
{
	pid_t child;

	sides_open(&left, &right, hook);
	child = start_child(&left);
	witness = side_socket(&left, "witness", NULL);
	right.socket = side_socket(&right, "app", NULL);
	side_do(&right, "bind app r0");
	end_child(child);
	lana_socket_close(witness);
	check_gone(&left, "killed");
	/* The other one's ring is full of what was sent. */
	lana_socket_close(right.socket);
	right.socket = side_socket(&right, "app", NULL);
	side_do(&right, "bind app r0");
	witness = side_socket(&left, "witness", NULL);
	tap_ok(stack_runs(), "the rest of the stack runs on");
	lana_socket_close(witness);
	sides_close(&left, &right);
}

static void test_kill_both(void)
{
	pid_t children[2];

	sides_open(&left, &right, LANA_HOOK_XDP);
	children[0] = start_child(&left);
	children[1] = start_child(&right);
	usleep(50000);
	end_child(children[0]);
	end_child(children[1]);
	check_gone(&left, "left of both killed");
	check_gone(&right, "right of both killed");
	sides_close(&left, &right);
}

/* Maps and programs of the stack, and the socket's, are held by nothing once all is closed. */
static void test_leftovers(void)
{
	struct leftovers *before;
	pid_t child;

	sides_open(&left, &right, LANA_HOOK_XDP);
	child = start_child(&left);
	before = leftovers_note("l0");
	end_child(child);
	tap_ok(side_await_devices(&left, 0), "the device of a killed process has gone");
	lana_stack_flush(left.stack, NULL);
	lana_stack_close(left.stack);
	left.stack = NULL;
	tap_is(leftovers_wait(before), 0, "so have all maps and programs, once it is flushed");
	lana_stack_flush(right.stack, NULL);
	lana_stack_close(right.stack);
	topology_run("ip netns del left; ip netns del right");
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_refusals(void)
{
	static const struct {
		const char *name, *what;
		struct lana_socket_options options;
		int err;
	} cases[] = {
		{ "app", "a name that is taken", {}, -EEXIST },
		{ "l0", "that of a device", {}, -EEXIST },
		{ "a b", "a bad name", {}, -EINVAL },
		{ "", "no name", {}, -EINVAL },
		{ "x", "a small MTU", { .mtu = 67 }, -ERANGE },
		{ "x", "a large MTU", { .mtu = LANA_SOCKET_MTU_MAX + 1 }, -ERANGE },
		{ "x", "a ring of 3", { .receive_ring = 3 }, -EINVAL },
		{ "x", "a ring of 128 Ki", { .send_ring = 131072 }, -EINVAL },
		{ "x", "generic XDP", { .hook = LANA_HOOK_SKB }, -EINVAL },
	};
	static const char *const steps[] = { "add x socket",	 "replace count socket",
					     "set app slot=1",	 "replace app counter",
					     "vlink unhook app", "rm app" };
	struct lana_socket *socket = NULL;
	char long_frame[1519] = {};

	sides_open(&left, &right, LANA_HOOK_XDP);
	left.socket = side_socket(&left, "app", NULL);
	side_do(&left, "add count counter");
	side_do(&left, "bind app l0");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lana_error error = {};
		int err = lana_socket_open(left.stack, cases[i].name, &cases[i].options, &socket,
					   &error);

		tap_is(err, cases[i].err, "%s is refused: %s", cases[i].what, error.text);
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		tap_is(topology_run("%s -s l0 %s", inspect_lanactl(), steps[i]), 1, "%s is refused",
		       steps[i]);
	tap_is(lana_socket_send(left.socket, long_frame, 13, 0), -EMSGSIZE, "13 bytes are refused");
	tap_is(lana_socket_send(left.socket, long_frame, 1519, 0), -EMSGSIZE, "so are 1519");
	tap_is(lana_socket_recv(left.socket, long_frame, 100, NULL, 0), -EAGAIN, "nothing came");
	tap_is(side_devices(&left), 1, "what was refused has left no device");
	tap_is(inspect_faults(left.stack), 0, "and the stack consistent");
	sides_close(&left, &right);
}

int main(void)
{
	topology_begin();
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		test_ending(&endings[i]);
	test_first_send();
	test_netns();
	test_kill_one(LANA_HOOK_XDP);
	test_kill_one(LANA_HOOK_TC);
	test_kill_both();
	test_leftovers();
	test_refusals();
	return tap_done();
}
