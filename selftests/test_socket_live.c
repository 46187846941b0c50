// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_socket_live - what programs send one another survives that the stack under them is rebound
 *
 *	 left                                        right
 *	+----------------------------------+        +------------------------+
 *	| "app" ── x or y ── l0 ●──────────|────────|─────● r0 ────── "app"  |
 *	+----------------------------------+        +------------------------+
 *
 * Frames of every size from 60 bytes to the MTU go both ways, numbered, and are looked at byte by
 * byte. As many are on their way at most as every ring on it can hold: so none may be lost.
 */
#include <net/ethernet.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"

#define WINDOW	192
#define REBINDS 10000
#define LEAST	60

static struct side left, right;
static bool stopping;

/* One direction. */
struct flow {
	const char *name;
	struct lana_socket *from, *to;
	uint64_t sent, received; /* atomic: each is the other thread's to read */
	uint64_t wrong;		 /* not the frame that was due, or another one than was sent */
	pthread_t sender, receiver;
};

static unsigned int length_of(uint64_t number)
{
	return LEAST + number % (1500 + ETH_HLEN - LEAST + 1);
}

static void *run_sender(void *cookie)
{
	struct flow *flow = cookie;
	unsigned char frame[2048];

	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		unsigned int length = length_of(flow->sent);

		if (flow->sent - __atomic_load_n(&flow->received, __ATOMIC_RELAXED) >= WINDOW) {
			usleep(50);
			continue;
		}
		frame_make(frame, length, flow->sent);
		memcpy(frame + ETH_HLEN, &flow->sent, sizeof(flow->sent));
		if (lana_socket_send(flow->from, frame, length, SECOND))
			flow->wrong++;
		__atomic_add_fetch(&flow->sent, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static bool is_due(const struct flow *flow, unsigned char *frame, unsigned int length)
{
	uint64_t number;

	if (length != length_of(flow->received))
		return false;
	memcpy(&number, frame + ETH_HLEN, sizeof(number));
	if (number != flow->received)
		return false;
	/* As frame_make() has written it, before the number was put there. */
	unsigned char want[2048];

	frame_make(want, length, number);
	memcpy(want + ETH_HLEN, &number, sizeof(number));
	return !memcmp(frame, want, length);
}

static void *run_receiver(void *cookie)
{
	struct flow *flow = cookie;
	struct lana_frame frames[32];
	int got;

	do {
		got = lana_socket_borrow(flow->to, frames, 32, SECOND);
		for (int i = 0; i < got; i++) {
			flow->wrong += !is_due(flow, frames[i].data, frames[i].length);
			__atomic_add_fetch(&flow->received, 1, __ATOMIC_RELAXED);
		}
		if (got > 0)
			lana_socket_give_back(flow->to, frames, got);
	} while (got > 0 || !__atomic_load_n(&stopping, __ATOMIC_RELAXED));
	return NULL;
}

static void start(struct flow *flow)
{
	pthread_create(&flow->receiver, NULL, run_receiver, flow);
	pthread_create(&flow->sender, NULL, run_sender, flow);
}

static void finish(struct flow *flow, const char *hook)
{
	struct lana_socket_stats stats;

	pthread_join(flow->sender, NULL);
	pthread_join(flow->receiver, NULL);
	lana_socket_stats(flow->to, &stats);
	tap_note("%s at %s: %lu frames, %lu overruns, %lu link_full", flow->name, hook, flow->sent,
		 stats.overruns, stats.link_full);
	tap_ok(flow->sent > WINDOW, "%s at %s: frames were sent", flow->name, hook);
	tap_is(flow->received, flow->sent, "%s at %s: all came", flow->name, hook);
	tap_is(flow->wrong, 0, "%s at %s: whole, and in order", flow->name, hook);
}

/* The way up and the way down, each by itself. */
static void rebind(unsigned int turn)
{
	const struct lana_bind_options up = { .ingress = true }, down = { .egress = true };
	const char *block = turn & 2 ? "x" : "y";
	struct lana_error error = {};
	int err = turn & 1 ? lana_bind(left.stack, block, "l0", &up, &error)
			   : lana_bind(left.stack, "app", block, &down, &error);

	if (err)
		tap_bail("bind: %s", error.text);
}

static void test_hook(enum lana_hook hook)
{
	struct flow flows[2] = { { .name = "left to right" }, { .name = "right to left" } };
	const char *name = lana_hook_name(hook);

	stopping = false;
	sides_open(&left, &right, hook);
	flows[0].from = flows[1].to = left.socket = side_socket(&left, "app", NULL);
	flows[1].from = flows[0].to = right.socket = side_socket(&right, "app", NULL);
	side_do(&right, "bind app r0");
	side_do(&left, "add x counter");
	side_do(&left, "add y counter");
	side_do(&left, "bind y l0");
	side_do(&left, "bind x l0");
	side_do(&left, "bind app y");
	side_do(&left, "bind app x");

	start(&flows[0]);
	start(&flows[1]);
	for (unsigned int turn = 0; turn < REBINDS / 2; turn++)
		rebind(turn);
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	finish(&flows[0], name);
	finish(&flows[1], name);
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
