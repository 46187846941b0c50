// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_userblock - packets through blocks that live in a worker: what they do to them
 *
 *	 left                                        right
 *	+----------------------------------+        +------------------------+
 *	| "app" ── x or y ── l0 ●──────────|────────|─────● r0 ────── "app"  |
 *	|            ║                     |        +------------------------+
 *	|          worker                  |
 *	+----------------------------------+
 */
#include <net/ethernet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow.h"
#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"
#include "workers.h"

#define REBINDS 1000

static struct side left, right;
static const char *hook_name; /* for descriptions */

static void open_sides(enum lana_hook hook)
{
	hook_name = lana_hook_name(hook);
	sides_open(&left, &right, hook);
	side_do(&left, "load %s/userkit.bpf.o", inspect_build("selftests/blocks"));
	left.socket = side_socket(&left, "app", NULL);
	right.socket = side_socket(&right, "app", NULL);
	side_do(&right, "bind app r0");
}

/* ---- both ways, under load ------------------------------------------------------------------- */

static void test_flows(enum lana_hook hook)
{
	struct flow flows[2] = { { .name = "left to right" }, { .name = "right to left" } };
	unsigned long long passed;
	pid_t worker;

	open_sides(hook);
	flows[0].from = flows[1].to = left.socket;
	flows[1].from = flows[0].to = right.socket;
	side_do(&left, "add x userforward dead=closed");
	side_do(&left, "add y userkit dead=closed");
	side_bind_two(&left);
	worker = worker_start(left.stack, "l0", NULL, "y");
	worker_wait(left.stack, "x", "worker");

	flow_start(&flows[0]);
	flow_start(&flows[1]);
	/* One worker has both ways and both blocks, so frames keep their order. */
	for (unsigned int turn = 0; turn < REBINDS; turn++) {
		side_rebind(&left, turn);
		if (turn % 50 == 0)
			for (int i = 0; i < 2; i++)
				flow_wait(&flows[i], flows[i].received + 100);
	}
	flow_finish(&flows[0], hook_name);
	flow_finish(&flows[1], hook_name);
	passed =
		worker_count(left.stack, "x", "packets") + worker_count(left.stack, "y", "packets");
	tap_is(passed, flows[0].sent + flows[1].sent, "%s: each has passed one of the blocks",
	       hook_name);
	passed =
		worker_count(left.stack, "x", "to_user") + worker_count(left.stack, "y", "to_user");
	tap_is(passed, flows[0].sent + flows[1].sent, "%s: as the kernel halves have counted",
	       hook_name);
	tap_is(worker_count(left.stack, "worker", "overruns"), 0, "%s: no overruns", hook_name);
	tap_is(inspect_faults(left.stack), 0, "%s: the stack is consistent", hook_name);
	tap_is(worker_end(worker, SIGTERM), 0, "%s: the worker ends when told", hook_name);
	sides_close(&left, &right);
}

/* ---- what a half can do ---------------------------------------------------------------------- */

#define FRAMES 8
#define LENGTH 100

/* What comes of frames that are sent to a kit, as "SEED:LENGTH" each, in front of what else. */
static const struct kit_case {
	const char *name, *options;
	unsigned int length;		/* of each frame that comes */
	unsigned int next, other, back; /* frames that come by each way */
	unsigned int push, pull, flip;	/* as of the options */
	const char *drop;		/* reason of those that do not come; NULL: all do */
} kit_cases[] = {
	{ "as it is", "", LENGTH, FRAMES, 0, 0, 0, 0, 0, NULL },
	{ "changed", "flip=90", LENGTH, FRAMES, 0, 0, 0, 0, 90, NULL },
	{ "longer in front", "push=8", LENGTH + 8, FRAMES, 0, 0, 8, 0, 0, NULL },
	{ "as long as can be", "push=200", LENGTH + 200, FRAMES, 0, 0, 200, 0, 0, NULL },
	{ "longer than there is room in front", "push=300", 0, 0, 0, 0, 0, 0, 0, "malformed" },
	{ "shorter in front", "pull=14", LENGTH - 14, FRAMES, 0, 0, 0, 14, 0, NULL },
	{ "shorter than a header", "pull=87", 0, 0, 0, 0, 0, 0, 0, "malformed" },
	{ "longer behind", "add=1400", LENGTH + 1400, FRAMES, 0, 0, 0, 0, 0, NULL },
	{ "longer than a frame", "add=1419", 0, 0, 0, 0, 0, 0, 0, "malformed" },
	{ "dropped, one in four", "drop_every=4", LENGTH, FRAMES - 2, 0, 0, 0, 0, 0, "policy" },
	{ "by two ports", "split=1", LENGTH, FRAMES / 2, FRAMES / 2, 0, 0, 0, 0, NULL },
	{ "turned round", "turn=1", LENGTH, 0, 0, FRAMES, 0, 0, 0, NULL },
	{ "doubled", "twice=1", LENGTH, 2 * FRAMES, 0, 0, 0, 0, 0, NULL },
	{ "by two ports, doubled", "split=1 twice=1", LENGTH, FRAMES, FRAMES, 0, 0, 0, 0, NULL },
};

#define PATIENCE (5 * SECOND) /* for a frame that should come; for one that should not: */
#define QUIET	 (SECOND / 20)

/*
 * Take frames, of which so many should come, until none comes any more; count those of that length
 * that hold what they should.
 */
static unsigned int take(struct lana_socket *socket, const struct kit_case *c, unsigned int due)
{
	unsigned char frame[2048], want[2048];
	unsigned int good = 0;
	ssize_t length;

	while ((length = lana_socket_recv(socket, frame, sizeof(frame), NULL,
					  good < due ? PATIENCE : QUIET)) > 0) {
		frame_make(want, LENGTH, 0);
		for (int i = ETH_HLEN; i < LENGTH; i++)
			want[i] ^= c->flip;
		good += length == c->length && (!c->push || frame[c->push - 1] == 0xee) &&
			!memcmp(frame + c->push, want + c->pull, LENGTH - c->pull);
	}
	return good;
}

static unsigned long long dropped(struct lana_stack *stack, const char *block, const char *reason)
{
	struct lana_block_stats *stats;
	unsigned long long sum = 0;
	size_t count;

	if (lana_block_stats(stack, block, &stats, &count, NULL))
		tap_bail("no counters of %s", block);
	for (int path = 0; path < LANA_PATHS; path++) {
		for (size_t i = 0; i < stats->path[path].drops_count; i++)
			if (!strcmp(stats->path[path].drops[i].name, reason))
				sum += stats->path[path].drops[i].value;
		for (size_t i = 0; i < stats->path[path].unbound_count; i++)
			if (!strcmp(stats->path[path].unbound[i].name, reason))
				sum += stats->path[path].unbound[i].value;
	}
	free(stats);
	return sum;
}

static void send_frames(struct side *side, unsigned int count)
{
	unsigned char frame[LENGTH];

	frame_make(frame, LENGTH, 0);
	for (unsigned int i = 0; i < count; i++)
		if (lana_socket_send(side->socket, frame, LENGTH, SECOND))
			tap_bail("a frame cannot be sent");
}

static void test_kit(const struct kit_case *c, struct lana_socket *other)
{
	unsigned int next, by_other, back;

	side_do(&left, "add kit userkit dead=closed %s", c->options);
	side_do(&left, "bind app kit ingress");
	side_do(&left, "bind other kit port other ingress");
	side_do(&left, "bind kit l0 egress");
	side_do(&left, "bind kit l0 ingress");
	worker_wait(left.stack, "kit", "worker");
	send_frames(&right, FRAMES);
	next = take(left.socket, c, c->next);
	by_other = c->other ? take(other, c, c->other) : 0;
	back = c->back ? take(right.socket, c, c->back) : 0;
	tap_ok(next == c->next && by_other == c->other && back == c->back, "%s: frames come %s",
	       hook_name, c->name);
	if (next != c->next || by_other != c->other || back != c->back)
		tap_note("%u by next, %u by other, %u back", next, by_other, back);
	tap_is(worker_count(left.stack, "kit", "packets"), FRAMES, "%s: all were handled",
	       hook_name);
	if (c->drop)
		tap_is(dropped(left.stack, "kit", c->drop), FRAMES - c->next,
		       "%s: the others are counted", hook_name);
	side_do(&left, "unbind kit l0");
	side_do(&left, "unbind app kit ingress");
	side_do(&left, "unbind other kit port other ingress");
	side_do(&left, "rm kit");
}

/* What is sent with a header that is not the library's gets nowhere, and is counted. */
static void test_forged(const char *what, const char *counter)
{
	unsigned long long before = worker_count(left.stack, "worker", counter), after = 0;
	static const struct kit_case as_it_is = { .options = "", .length = LENGTH };

	side_do(&left, "add kit userkit dead=closed forge=%s", what);
	side_do(&left, "bind app kit ingress");
	side_do(&left, "bind kit l0 ingress");
	worker_wait(left.stack, "kit", "worker");
	send_frames(&right, FRAMES);
	tap_is(take(left.socket, &as_it_is, 0), 0, "%s: frames with a forged %s get nowhere",
	       hook_name, what);
	for (int i = 0; i < 100 && after < before + FRAMES; i++, usleep(10000))
		after = worker_count(left.stack, "worker", counter);
	tap_is(after - before, FRAMES, "%s: they are counted as %s", hook_name, counter);
	side_do(&left, "unbind kit l0 ingress");
	side_do(&left, "unbind app kit ingress");
	side_do(&left, "rm kit");
}

/* At tc the kernel holds the outermost tag beside the packet, which has to come right again. */
static void test_tags(void)
{
	static const unsigned char tags[] = { 0x81, 0, 0x20, 7, 0x81, 0, 0, 9 };
	unsigned char frame[LENGTH + sizeof(tags)], got[2048];

	side_do(&left, "add kit userkit dead=closed");
	side_do(&left, "bind app kit ingress");
	side_do(&left, "bind kit l0 ingress");
	worker_wait(left.stack, "kit", "worker");
	for (unsigned int size = 4; size <= sizeof(tags); size += 4) {
		unsigned int length = LENGTH + size;
		ssize_t came;

		frame_make(frame, LENGTH, 0);
		memmove(frame + 12 + size, frame + 12, LENGTH - 12);
		memcpy(frame + 12, tags, size);
		if (lana_socket_send(right.socket, frame, length, SECOND))
			tap_bail("a frame cannot be sent");
		came = lana_socket_recv(left.socket, got, sizeof(got), NULL, PATIENCE);
		tap_ok(came == length && !memcmp(frame, got, length),
		       "%s: a frame with %u VLAN tags comes as it was", hook_name, size / 4);
	}
	side_do(&left, "unbind kit l0 ingress");
	side_do(&left, "unbind app kit ingress");
	side_do(&left, "rm kit");
}

/* An unbound port of a block in user space counts as any does. */
static void test_unbound(void)
{
	side_do(&left, "add kit userkit dead=closed");
	side_do(&left, "bind kit l0 ingress");
	worker_wait(left.stack, "kit", "worker");
	send_frames(&right, FRAMES);
	for (int i = 0; i < 500 && dropped(left.stack, "kit", "next") < FRAMES; i++)
		usleep(10000);
	tap_is(dropped(left.stack, "kit", "next"), FRAMES, "%s: an unbound port counts", hook_name);
	side_do(&left, "unbind kit l0 ingress");
	side_do(&left, "rm kit");
}

/* Numbers follow one another, and no packet comes before its time. */
static void test_making(void)
{
	enum { WANTED = 100 };
	unsigned int got = 0, wrong = 0;
	unsigned char frame[2048];
	uint64_t last = 0, number;
	int64_t begun;

	side_do(&left, "add kit userkit");
	side_do(&left, "bind app kit ingress");
	worker_wait(left.stack, "kit", "worker");
	begun = lana_user_now();
	side_do(&left, "set kit make_every=1000000");
	for (; got < WANTED; got++) {
		if (lana_socket_recv(left.socket, frame, sizeof(frame), NULL, SECOND) != 60)
			break;
		memcpy(&number, frame + ETH_HLEN, sizeof(number));
		wrong += number != last + (got > 0);
		last = number;
	}
	tap_ok(got == WANTED && !wrong, "%s: packets are made, one after the other", hook_name);
	tap_ok((int64_t)lana_user_now() - begun >= WANTED * 1000000LL,
	       "%s: and not before their time", hook_name);
	side_do(&left, "set kit make_every=0");
	side_do(&left, "unbind app kit ingress");
	tap_is(worker_count(left.stack, "kit", "sets"), 2, "%s: options are set in place",
	       hook_name);
	side_do(&left, "rm kit");
}

static void test_halves(enum lana_hook hook)
{
	struct lana_socket *other;
	pid_t worker;

	open_sides(hook);
	other = side_socket(&left, "other", NULL);
	worker = worker_start(left.stack, "l0", NULL, NULL);
	for (size_t i = 0; i < sizeof(kit_cases) / sizeof(kit_cases[0]); i++)
		test_kit(&kit_cases[i], other);
	test_forged("magic", "rejected");
	test_forged("idp", "rejected");
	test_forged("flavour", "rejected");
	if (hook == LANA_HOOK_TC)
		test_forged("device", "rejected");
	test_forged("life", "stale");
	test_tags();
	test_unbound();
	test_making();
	tap_is(inspect_faults(left.stack), 0, "%s: the stack is consistent", hook_name);
	tap_is(worker_end(worker, SIGTERM), 0, "%s: the worker ends when told", hook_name);
	lana_socket_close(other);
	sides_close(&left, &right);
}

int main(void)
{
	topology_begin();
	test_halves(LANA_HOOK_XDP);
	test_halves(LANA_HOOK_TC);
	test_flows(LANA_HOOK_XDP);
	test_flows(LANA_HOOK_TC);
	return tap_done();
}
