// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_reorder_turn - a flow goes from one half of block reorder to the other with all that belongs
 * to it, or not at all
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <lana/userblock.h>

#include "account.h"
#include "segments.h"
#include "tap.h"
#include "topology.h"
#include "turns.h"
#include "workers.h"

#define BYTES 100
#define QUIET 50 /* ms, for one that should not come */

static struct lana_stack *stack;
static int to, from;

/* The worker is stopped, and what it would have written is written here, at the worst moment. */
static void test_offers(pid_t worker)
{
	/* Those of numbers 2 and 3 are with the worker when it is stopped. */
	static const unsigned int places[] = { 0, 2, 3, 1, 4 };
	struct segment segments[5];
	struct reorder_turn turn;

	for (int i = 0; i < 5; i++)
		segments[i] =
			(struct segment){ .flow = 1000, .seq = places[i] * BYTES, .length = BYTES };
	for (int i = 0; i < 3; i++)
		segment_send(to, segments, i);
	tap_is(segment_receive(from, 5000, segments, 5), 0, "%s: the first leaves", account_hook);
	segments_await_held(stack, 2);
	kill(worker, SIGSTOP);
	turn = turns_read(1000);
	tap_is(turn.user, 1, "%s: then the worker has the flow", account_hook);
	tap_is(turn.count, 2, "%s: and both packets behind the gap", account_hook);

	turns_offer(1000, turn, 1, 4 * BYTES);
	segment_send(to, segments, 3);
	tap_is(segment_receive(from, QUIET, segments, 5), SEGMENT_NONE,
	       "%s: an offer that does not know of all packets is not taken", account_hook);
	turn.epoch--;
	turns_offer(1000, turn, 3, 4 * BYTES);
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
 * A packet that the kernel holds as one for several counts as several, as that is how many the
 * worker gets.
 */
static void test_super(int by, uint16_t flow, const char *device)
{
	enum { MANY = 8 };
	struct segment segments[MANY];

	for (int i = 0; i < MANY; i++)
		segments[i] = (struct segment){ .flow = flow,
						.seq = i * BYTES,
						.length = i == 5 ? BYTES / 2 : BYTES,
						.cut = true };
	for (int i = 6; i < MANY; i++)
		segments[i].seq -= BYTES / 2;
	segment_send(by, segments, 0);
	segments_send_super(by, segments, 2, 4);
	tap_is(segment_receive(from, 5000, segments, MANY), 0, "%s: one leaves", device);
	segments_await_held(stack, 4);
	tap_is(turns_read(flow).count, 4, "%s: a super-segment is as many as the worker gets of it",
	       device);
	segment_send(by, segments, 1);
	for (int i = 1; i < 6; i++)
		tap_is(segment_receive(from, 5000, segments, MANY), i, "%s: they leave in order",
		       device);
	segments_await_none(stack);
	segments_send_super(by, segments, 6, 2);
	for (int i = 6; i < MANY; i++)
		tap_is(segment_receive(from, 5000, segments, MANY), i,
		       "%s: and so does one in the kernel", device);
	tap_is(turns_read(flow).user, 0, "%s: which has the flow again", device);
}

static void test_supers(void)
{
	int fd = segments_tap(stack);

	test_super(to, 1006, "veth");
	if (fd < 0) {
		tap_skip("no tap");
		return;
	}
	test_super(fd, 1009, "tap");
	segments_untap(stack, fd);
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
	segments_await_held(stack, 1);
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

/* It offers a flow of which it has got so many packets. False: it does not. */
static bool await_offer(uint16_t flow, struct reorder_turn turn, uint16_t count)
{
	struct reorder_turn offered;

	for (int i = 0; i < 100000; i++) {
		offered = turns_offered(flow);
		if (offered.epoch == turn.epoch && offered.count == count)
			return true;
		usleep(50);
	}
	return false;
}

/* A flow is given back a millisecond after its last packet at the earliest. */
static void test_pause(void)
{
	enum { ROUNDS = 20, MANY = 3 * ROUNDS };
	uint64_t least = UINT64_MAX, begun, took;
	struct segment segments[MANY];
	struct reorder_turn turn;
	bool offered = true;

	for (int i = 0; i < MANY; i++)
		segments[i] = (struct segment){ .flow = 1007, .seq = i * BYTES, .length = BYTES };
	for (int i = 0; i < MANY; i += 3) {
		segment_send(to, segments, i);
		segment_send(to, segments, i + 2);
		segments_await_held(stack, 1);
		turn = turns_read(1007);
		begun = lana_user_now();
		segment_send(to, segments, i + 1);
		offered &= await_offer(1007, turn, 2);
		took = lana_user_now() - begun;
		least = took < least ? took : least;
		for (int j = i; j < i + 3; j++)
			if (segment_receive(from, 5000, segments, MANY) != j)
				tap_bail("a packet is missing");
	}
	tap_ok(offered, "%s: the flow is given back", account_hook);
	tap_ok(least >= 1000000, "%s: not before a millisecond has passed (%lu ns)", account_hook,
	       least);
	segments_await_none(stack);
}

/* An offer is void when a packet has come behind it, and is not left to be taken later. */
static void test_void(void)
{
	static const unsigned int places[] = { 0, 2, 1, 3 };
	struct reorder_turn turn, offered;
	struct segment segments[4];

	for (int i = 0; i < 4; i++)
		segments[i] = (struct segment){ .flow = 1010, .seq = i * BYTES, .length = BYTES };
	for (int i = 0; i < 3; i++)
		segment_send(to, segments, places[i]);
	for (int i = 0; i < 3; i++)
		tap_is(segment_receive(from, 5000, segments, 4), i, "%s: some leave", account_hook);
	turn = turns_read(1010);
	tap_ok(await_offer(1010, turn, 2), "%s: the flow is offered", account_hook);
	turns_lose(1010);
	segment_send(to, segments, 3);
	tap_is(segment_receive(from, 5000, segments, 4), 3, "%s: another one leaves", account_hook);
	offered = turns_offered(1010);
	tap_ok(offered.epoch != turn.epoch || offered.count != 2, "%s: the offer is withdrawn",
	       account_hook);
	segments_await_none(stack);
}

#define SENDS 20000

static void *send_many(void *segments)
{
	for (int i = 0; i < SENDS; i++)
		segment_send(to, segments, 1);
	return NULL;
}

/* Packets of a flow that several CPUs send at once are all counted. */
static void test_count(void)
{
	struct segment segments[2];
	pthread_t other;

	for (int i = 0; i < 2; i++)
		segments[i] =
			(struct segment){ .flow = 1011, .seq = 2 * i * BYTES, .length = BYTES };
	segment_send(to, segments, 0);
	tap_is(segment_receive(from, 5000, segments, 2), 0, "%s: one leaves", account_hook);
	if (pthread_create(&other, NULL, send_many, segments))
		tap_bail("no thread");
	send_many(segments);
	pthread_join(other, NULL);
	tap_is(turns_read(1011).count, 2 * SENDS, "%s: what two CPUs send is counted",
	       account_hook);
	segments_set(stack, "order=off");
	tap_is(segment_receive(from, 5000, segments, 2), 1, "%s: and the flow goes on",
	       account_hook);
	segments_set(stack, SEGMENTS_DEFAULTS);
	segments_await_none(stack);
}

/* ---- a worker whose packets do not get on ---------------------------------------------------- */

/* Let this process, or another one, run on that CPU only. */
static void pin(pid_t pid, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(pid, sizeof(one), &one);
}

/*
 * What the worker sends is taken in by a thread of the kernel on the second CPU. False: this kernel
 * has no such threads.
 */
static bool thread_device(bool on)
{
	return !topology_run("ip netns exec stack sh -c 'cd /sys/class/net; "
			     "d=$(grep -l ^worker */ifalias); d=${d%%/*}; echo %d >$d/threaded; "
			     "[ %d = 0 ] || for p in $(grep -ls ^napi/$d /proc/[0-9]*/comm); do "
			     "p=${p%%/comm}; taskset -pc 1 ${p##*/}; done | grep -q .'",
			     on, on);
}

/* A process that leaves nothing of the second CPU to threads, for two seconds at most. */
static pid_t start_hog(void)
{
	const struct sched_param real_time = { .sched_priority = 1 };
	int running[2];
	char byte;
	pid_t pid;

	if (pipe(running))
		tap_bail("no pipe");
	pid = tap_fork();
	if (!pid) {
		alarm(20);
		pin(0, 1);
		if (!sched_setscheduler(0, SCHED_FIFO, &real_time) && write(running[1], "", 1) == 1)
			for (;;)
				;
		_exit(1);
	}
	close(running[1]);
	if (read(running[0], &byte, 1) != 1)
		pid = -worker_end(pid, SIGKILL);
	close(running[0]);
	return pid;
}

/* A flow is not given back while packets of it are on their way from the worker. */
static void test_unsent(pid_t worker)
{
	struct segment segments[4];
	cpu_set_t all;
	pid_t hog;

	sched_getaffinity(0, sizeof(all), &all);
	if (!CPU_ISSET(0, &all) || !CPU_ISSET(1, &all) || !thread_device(true)) {
		tap_skip("%s: no thread takes in what the worker sends", account_hook);
		return;
	}
	pin(0, 0);
	pin(worker, 0);
	for (int i = 0; i < 4; i++)
		segments[i] = (struct segment){ .flow = 1008, .seq = i * BYTES, .length = BYTES };
	segment_send(to, segments, 0);
	segment_send(to, segments, 2);
	tap_is(segment_receive(from, 5000, segments, 4), 0, "%s: one leaves", account_hook);
	segments_await_held(stack, 1);
	hog = start_hog();
	if (hog > 0) {
		segment_send(to, segments, 1);
		segments_await_held(stack, 0);
		usleep(20000); /* it looks whether it can give the flow back, again and again */
		segment_send(to, segments, 3);
		tap_is(segment_receive(from, QUIET, segments, 4), SEGMENT_NONE,
		       "%s: what comes next does not overtake what is on its way", account_hook);
		worker_end(hog, SIGKILL);
		for (int i = 1; i < 4; i++)
			tap_is(segment_receive(from, 5000, segments, 4), i,
			       "%s: all leave in order", account_hook);
	} else {
		tap_skip("%s: no process may run in real time", account_hook);
	}
	thread_device(false);
	sched_setaffinity(0, sizeof(all), &all);
	sched_setaffinity(worker, sizeof(all), &all);
	segments_await_none(stack);
}

/* ---- what the worker does not get ------------------------------------------------------------ */

/* A packet is lost on the way to the worker: the flow goes back all the same. */
static void test_lost(void)
{
	static const unsigned int places[] = { 0, 2, 1, 3 };
	struct segment segments[4];

	for (int i = 0; i < 4; i++)
		segments[i] =
			(struct segment){ .flow = 1005, .seq = places[i] * BYTES, .length = BYTES };
	segment_send(to, segments, 0);
	segment_send(to, segments, 1);
	tap_is(segment_receive(from, 5000, segments, 4), 0, "%s: one leaves", account_hook);
	segments_await_held(stack, 1);
	turns_lose(1005);
	segment_send(to, segments, 2);
	tap_is(segment_receive(from, 5000, segments, 4), 2, "%s: the gap is filled", account_hook);
	tap_is(segment_receive(from, 5000, segments, 4), 1, "%s: and what waited", account_hook);
	segments_await_none(stack);
	segment_send(to, segments, 3);
	tap_is(segment_receive(from, 5000, segments, 4), 3, "%s: a lost packet is not waited for",
	       account_hook);
	tap_is(turns_read(1005).user, 0, "%s: and the kernel half has the flow", account_hook);
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
			segments_await_held(stack, 1); /* so the worker has the flow */
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
	segments_await_held(stack, 1);
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
	if (hook == LANA_HOOK_TC)
		test_supers();
	test_pause();
	test_void();
	test_count();
	test_unsent(worker);
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
	topology_offload("generator", "g0", "tx", true); /* super-segments, too */
	test_hook(LANA_HOOK_TC);
	return tap_done();
}
