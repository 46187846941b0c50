// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_reorder_turn - a flow goes from one half of block reorder to the other with all that belongs
 * to it, or not at all
 */
#include <arpa/inet.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "account.h"
#include "segments.h"
#include "tap.h"
#include "topology.h"
#include "user/reorder.h"
#include "workers.h"

#define BYTES 100
#define QUIET 50 /* ms, for one that should not come */

static struct lana_stack *stack;
static int to, from;

/* A map of the block's. */
static int open_state(const char *map)
{
	char pattern[200];
	glob_t found;
	int fd;

	snprintf(pattern, sizeof(pattern), "%s/lana/*/state/*@%s", topology_bpffs(), map);
	if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1)
		tap_bail("no map %s", map);
	fd = bpf_obj_get(found.gl_pathv[0]);
	if (fd < 0)
		tap_bail("map %s does not open", map);
	globfree(&found);
	return fd;
}

/* What the kernel half has noted of the flow: whose it is. */
static struct reorder_turn turn_of(const struct reorder_key *key)
{
	struct reorder_flow flow;
	int map = open_state("reorder_flows");

	if (bpf_map_lookup_elem(map, key, &flow))
		tap_bail("no such flow");
	close(map);
	return (struct reorder_turn){ .word = flow.turn };
}

/* The worker offers it, as if so many packets of it had come, all in order. */
static void offer(const struct reorder_key *key, struct reorder_turn turn, uint16_t count,
		  uint32_t expected)
{
	struct reorder_offer offer = { .turn = turn };
	int map = open_state("reorder_offers");

	offer.turn.count = count;
	offer.turn.expected = expected;
	if (bpf_map_update_elem(map, key, &offer, BPF_ANY))
		tap_bail("no offer can be made");
	close(map);
}

static void await_holding(unsigned long long count)
{
	for (int i = 0; i < 5000 && worker_count(stack, "b", "holding") < count; i++)
		usleep(1000);
}

/* The worker is stopped, and what it would have written is written here, at the worst moment. */
static void test_offers(pid_t worker)
{
	/* Those of numbers 2 and 3 are with the worker when it is stopped. */
	static const unsigned int places[] = { 0, 2, 3, 1, 4 };
	const struct reorder_key key = { .source = inet_addr("10.0.0.1"),
					 .dest = inet_addr("10.0.0.2"),
					 .ports = { htons(1000), htons(80) } };
	struct segment segments[5];
	struct reorder_turn turn;

	for (int i = 0; i < 5; i++)
		segments[i] =
			(struct segment){ .flow = 1000, .seq = places[i] * BYTES, .length = BYTES };
	for (int i = 0; i < 3; i++)
		segment_send(to, segments, i);
	tap_is(segment_receive(from, 5000, segments, 5), 0, "%s: the first leaves", account_hook);
	await_holding(2);
	kill(worker, SIGSTOP);
	turn = turn_of(&key);
	tap_is(turn.user, 1, "%s: then the worker has the flow", account_hook);
	tap_is(turn.count, 2, "%s: and both packets behind the gap", account_hook);

	offer(&key, turn, 1, 4 * BYTES);
	segment_send(to, segments, 3);
	tap_is(segment_receive(from, QUIET, segments, 5), SEGMENT_NONE,
	       "%s: an offer that does not know of all packets is not taken", account_hook);
	turn.epoch--;
	offer(&key, turn, 3, 4 * BYTES);
	segment_send(to, segments, 4);
	tap_is(segment_receive(from, QUIET, segments, 5), SEGMENT_NONE,
	       "%s: nor one of an earlier time", account_hook);
	kill(worker, SIGCONT);
	for (int i = 0; i < 4; i++)
		tap_is(segment_receive(from, 5000, segments, 5),
		       i == 0	? 3
		       : i == 3 ? 4
				: i,
		       "%s: all leave in order", account_hook);

	segments_await_none(stack);
}

/*
 * A worker that is behind: what it has sent on is old, and more of the flow stands in its ring,
 * behind much of another one, which comes backwards, so that it takes time. The flow is not given
 * back without that.
 */
static void test_behind(pid_t worker)
{
	enum { A = 7, B = 1600 };
	static const unsigned int before[] = { 0, 2 };
	static struct segment a[A], b[B];

	for (int i = 0; i < A; i++)
		a[i] = (struct segment){ .flow = 1003, .seq = i * BYTES, .length = BYTES };
	for (int i = 0; i < B; i++)
		b[i] = (struct segment){ .flow = 1004, .seq = i * BYTES, .length = BYTES };
	for (int i = 0; i < 2; i++)
		segment_send(to, a, before[i]);
	tap_is(segment_receive(from, 5000, a, A), 0, "%s: the first leaves", account_hook);
	await_holding(1);
	kill(worker, SIGSTOP);
	segment_send(to, a, 1);
	segment_send(to, b, 0);
	for (int i = B - 1; i > 1; i--)
		segment_send(to, b, i);
	segment_send(to, a, 3);
	segment_send(to, a, 4);
	usleep(30000); /* that old */
	tap_is(segment_receive(from, 5000, b, B), 0, "%s: the other flow begins", account_hook);
	kill(worker, SIGCONT);
	for (int i = 1; i < 5; i++)
		tap_is(segment_receive(from, 5000, a, A), i, "%s: in order, behind another flow",
		       account_hook);
	segment_send(to, a, 5);
	tap_is(segment_receive(from, 5000, a, A), 5, "%s: the flow goes on", account_hook);
	segment_send(to, b, 1);
	for (int i = 1; i < B; i++)
		if (segment_receive(from, 5000, b, B) != i)
			tap_bail("the other flow is not in order");
	segments_await_none(stack);
	segment_send(to, a, 6);
	tap_is(segment_receive(from, 5000, a, A), 6, "%s: whoever has it then", account_hook);
}

/* A packet is lost on the way to the worker: the flow goes back all the same. */
static void test_lost(void)
{
	static const unsigned int places[] = { 0, 2, 1, 3 };
	const struct reorder_key key = { .source = inet_addr("10.0.0.1"),
					 .dest = inet_addr("10.0.0.2"),
					 .ports = { htons(1005), htons(80) } };
	struct segment segments[4];
	struct reorder_flow flow;
	int map = open_state("reorder_flows");

	for (int i = 0; i < 4; i++)
		segments[i] =
			(struct segment){ .flow = 1005, .seq = places[i] * BYTES, .length = BYTES };
	segment_send(to, segments, 0);
	segment_send(to, segments, 1);
	tap_is(segment_receive(from, 5000, segments, 4), 0, "%s: one leaves", account_hook);
	await_holding(1);
	if (bpf_map_lookup_elem(map, &key, &flow))
		tap_bail("no such flow");
	((struct reorder_turn *)&flow.turn)->count++;
	if (bpf_map_update_elem(map, &key, &flow, BPF_EXIST))
		tap_bail("the flow cannot be changed");
	close(map);
	segment_send(to, segments, 2);
	tap_is(segment_receive(from, 5000, segments, 4), 2, "%s: the gap is filled", account_hook);
	tap_is(segment_receive(from, 5000, segments, 4), 1, "%s: and what waited", account_hook);
	segments_await_none(stack);
	segment_send(to, segments, 3);
	tap_is(segment_receive(from, 5000, segments, 4), 3, "%s: a lost packet is not waited for",
	       account_hook);
	tap_is(turn_of(&key).user, 0, "%s: and the kernel half has the flow", account_hook);
}

/*
 * Of numbered packets the first comes by path 2, all others by path 1, and one, at gap, not at all.
 * When path 2 has not been in use for long it is known to be lost: whichever half has seen that.
 */
static void test_paths(uint16_t flow, unsigned int gap, const char *half)
{
	enum { MANY = 3 * 256 };
	static struct segment segments[MANY];
	unsigned long long lost = worker_count(stack, "b", "lost");
	unsigned int came = 0;

	segments_set(stack, "sequence=header timer=none hold=100ms");
	for (unsigned int i = 0; i < MANY; i++) {
		segments[i] = (struct segment){ .flow = flow,
						.seq = 1000 + i + (i >= gap),
						.length = BYTES,
						.numbered = true,
						.path = i ? 1 : 2 };
		if (i == gap)
			usleep(SEGMENTS_YOUNG_US);
		if (i == gap + 1)
			await_holding(1); /* so the worker has the flow */
		segment_send(to, segments, i);
	}
	while (came < MANY && segment_receive(from, 5000, segments, MANY) == (int)came)
		came++;
	tap_is(came, MANY, "%s: %s: nobody waits for a path that is not in use any more",
	       account_hook, half);
	tap_is(worker_count(stack, "b", "lost") - lost, 1, "%s: %s: one is lost", account_hook,
	       half);
	segments_await_none(stack);
}

/* A worker that ends lets go of what waits. */
static void test_end(pid_t worker)
{
	struct segment segments[2];

	segments_set(stack, SEGMENTS_DEFAULTS);
	for (int i = 0; i < 2; i++) {
		segments[i] =
			(struct segment){ .flow = 1002, .seq = 2 * i * BYTES, .length = BYTES };
		segment_send(to, segments, i);
	}
	tap_is(segment_receive(from, 5000, segments, 2), 0, "%s: one leaves", account_hook);
	await_holding(1);
	tap_is(worker_end(worker, SIGTERM), 0, "%s: the worker ends", account_hook);
	tap_is(segment_receive(from, 5000, segments, 2), 1, "%s: and lets go of one that waits",
	       account_hook);
}

/* Without a worker the kernel half goes on. */
static void test_alone(void)
{
	static const unsigned int places[] = { 0, 2, 1, 3, 4 };
	unsigned long long bypassed, late;
	struct segment segments[5];

	live_do(stack, "set b dead=bypass");
	bypassed = worker_count(stack, "b", "bypassed");
	late = worker_count(stack, "b", "late");
	for (int i = 0; i < 5; i++) {
		segments[i] =
			(struct segment){ .flow = 1001, .seq = places[i] * BYTES, .length = BYTES };
		segment_send(to, segments, i);
	}
	for (int i = 0; i < 5; i++)
		tap_is(segment_receive(from, 5000, segments, 5), i,
		       "%s: without a worker packets leave as they come", account_hook);
	tap_is(worker_count(stack, "b", "bypassed") - bypassed, 1,
	       "%s: those behind a gap are counted", account_hook);
	tap_is(worker_count(stack, "b", "late") - late, 1, "%s: and those that come late",
	       account_hook);
}

static void test_hook(enum lana_hook hook)
{
	pid_t worker;

	stack = segments_open(hook, "reorder dead=closed");
	to = segments_sender();
	from = segments_receiver();
	worker = worker_start(stack, "live", NULL, "b");
	segments_set(stack, SEGMENTS_DEFAULTS);
	test_offers(worker);
	test_behind(worker);
	test_lost();
	test_paths(1, 3 * 256 - 1, "kernel");
	test_paths(2, 2, "worker");
	segments_set(stack, "sequence=tcp");
	test_end(worker);
	test_alone();
	close(to);
	close(from);
	segments_close(stack);
}

static void test_marks(void)
{
	tap_is(reorder_path(0x705, 0), 5, "a mark's lowest five bits say the path");
	tap_is(reorder_path(0x705, 0x700), 7, "or those of mask");
	tap_is(reorder_path(0x21, 0xff), 0, "there are 31 paths");
}

int main(void)
{
	test_marks();
	live_begin();
	test_hook(LANA_HOOK_XDP);
	test_hook(LANA_HOOK_TC);
	return tap_done();
}
