// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_reorder_random - segments that go by several paths at random, some lost, some twice, and
 * what a model of docs/reorder.md's rules makes of them
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <lana/userblock.h>

#include "account.h"
#include "segments.h"
#include "tap.h"
#include "turns.h"
#include "workers.h"

#define MANY  3000
#define BYTES 100
#define BATCH 8 /* between two pauses */
#define SENT  (MANY + MANY / 10)

static struct lana_stack *stack;
static int to, from;
static uint16_t flow = 1000;

/* What arrives: numbers of segments, and by which path. */
struct arrival {
	unsigned int number, path;
	double when;
};

static struct arrival arrivals[SENT];

static int by_time(const void *a, const void *b)
{
	const struct arrival *one = a, *two = b;

	return one->when < two->when ? -1 : one->when > two->when;
}

static double chance(void)
{
	return drand48();
}

/*
 * Segments go by three paths, of which each keeps their order; some are lost, and some come once
 * more, a while later.
 */
static unsigned int draw(double loss)
{
	const double delays[SEGMENT_PATHS] = { 0, 30 * chance(), 100 * chance() };
	unsigned int count = 0;

	for (unsigned int i = 0; i < MANY; i++) {
		unsigned int path = chance() * SEGMENT_PATHS;
		double when = i + delays[path];

		/* The first ones tell the block which paths there are. */
		if (i < 3 * SEGMENT_PATHS) {
			path = i % SEGMENT_PATHS;
			when = -1.0 / (i + 1);
		} else if (chance() < loss) {
			continue;
		}
		arrivals[count++] = (struct arrival){ i, path + 1, when };
		if (chance() < 0.05 && count < SENT)
			arrivals[count++] =
				(struct arrival){ i, path + 1, when + 150 * chance() * chance() };
	}
	qsort(arrivals, count, sizeof(*arrivals), by_time);
	return count;
}

/* The rules of docs/reorder.md in their plainest form. */
struct model {
	bool waits[MANY];
	unsigned int expected, passed[SEGMENT_PATHS]; /* by a path: the number behind */
	unsigned int order[SENT + 1], count;	      /* what comes out, as numbers of arrivals */
	unsigned int arrival_of[MANY];
	unsigned int duplicates, lost, waiting;
};

static void let_out(struct model *model)
{
	for (; model->expected < MANY && model->waits[model->expected]; model->expected++) {
		model->waits[model->expected] = false;
		model->waiting--;
		model->order[model->count++] = model->arrival_of[model->expected];
	}
}

static void skip(struct model *model)
{
	while (!model->waits[model->expected])
		model->expected++;
	let_out(model);
}

static bool is_lost(const struct model *model)
{
	for (int path = 0; path < SEGMENT_PATHS; path++)
		if (model->passed[path] <= model->expected)
			return false;
	return model->waiting;
}

static void arrive(struct model *model, const struct arrival *arrival, unsigned int index)
{
	unsigned int number = arrival->number;

	if (number < model->expected) {
		model->order[model->count++] = index;
	} else if (model->waits[number]) {
		model->duplicates++;
	} else {
		model->waits[number] = true;
		model->waiting++;
		model->arrival_of[number] = index;
		let_out(model);
	}
	if (arrival->path && model->passed[arrival->path - 1] <= number)
		model->passed[arrival->path - 1] = number + 1;
	while (is_lost(model)) {
		model->lost++;
		skip(model);
	}
}

/* What comes of so many arrivals, with a pause of about so many us behind each batch. */
static void test(const char *name, unsigned int count, uint32_t base, unsigned int batch,
		 unsigned int pause)
{
	static struct segment segments[SENT + 1];
	struct model *model = calloc(1, sizeof(*model));
	unsigned long long duplicates = worker_count(stack, "b", "duplicates");
	unsigned long long lost = worker_count(stack, "b", "lost");
	unsigned int came = 0;
	int wrong = -1, got;

	for (unsigned int i = 0; i < count; i++) {
		segments[i] = (struct segment){ .flow = flow,
						.seq = base + arrivals[i].number * BYTES,
						.length = BYTES,
						.path = arrivals[i].path };
		arrive(model, &arrivals[i], i);
		segment_send(to, segments, i);
		if (i == 3 * SEGMENT_PATHS - 1)
			usleep(SEGMENTS_YOUNG_US);
		else if (i % batch == batch - 1)
			usleep(pause / 2 + chance() * pause);
	}
	/* What waits at the end leaves before what begins anew. */
	while (model->waiting)
		skip(model);
	model->order[model->count++] = count;
	segments[count] = (struct segment){ .flow = flow, .seq = base, .flags = 2 };
	segment_send(to, segments, count++);
	while ((got = segment_receive(from, came < model->count ? 5000 : 50, segments, count)) !=
	       SEGMENT_NONE) {
		if (wrong < 0 && (came >= model->count || got != (int)model->order[came]))
			wrong = came;
		came++;
	}
	tap_is(came, model->count, "%s: %s: as many come as should", account_hook, name);
	tap_is(wrong, -1, "%s: each in its place", account_hook);
	segments_await_none(stack);
	tap_is(worker_count(stack, "b", "duplicates") - duplicates, model->duplicates,
	       "%s: duplicates are counted", account_hook);
	tap_is(worker_count(stack, "b", "lost") - lost, model->lost, "%s: and gaps", account_hook);
	tap_note("%u arrive, %u come out", count, came);
	free(model);
	flow++;
}

/*
 * One in two batches has two segments change places, and then there is a pause: so the flow goes
 * from one half to the other all the time. None is to overtake another.
 */
static unsigned int draw_pairs(void)
{
	for (unsigned int i = 0; i < MANY; i++)
		arrivals[i] = (struct arrival){ .number = i };
	for (unsigned int i = 2 * BATCH; i < MANY; i += 2 * BATCH) {
		unsigned int place = i + chance() * (BATCH - 1);

		arrivals[place].number = place + 1;
		arrivals[place + 1].number = place;
	}
	return MANY;
}

/* ---- how long it waits ----------------------------------------------------------------------- */

enum { TRIALS = 12 };
static struct segment trials[3 * TRIALS];
static unsigned int trial;

/* A worker that knows nothing yet, and a flow. */
static pid_t begin_trials(const char *options)
{
	pid_t worker = worker_start(stack, "live", NULL, "b");

	segments_set(stack, options);
	trial = 0;
	flow++;
	return worker;
}

/* One of the three of the trial comes: ns since that time. */
static uint64_t comes(uint64_t begun)
{
	int number = segment_receive(from, 20000, trials, 3 * TRIALS) - 3 * trial;

	if (number < 0 || number > 2)
		tap_bail("a segment of trial %u does not come", trial);
	return lana_user_now() - begun;
}

/* A segment, and the one behind the next, which waits then; since before that time. */
static uint64_t open_gap(uint32_t stamp, unsigned int path)
{
	uint64_t begun;

	for (unsigned int i = 3 * trial; i < 3 * trial + 3; i++)
		trials[i] = (struct segment){ .flow = flow,
					      .seq = i * BYTES,
					      .length = BYTES,
					      .stamp = stamp,
					      .path = path };
	segment_send(to, trials, 3 * trial);
	comes(0);
	begun = lana_user_now();
	segment_send(to, trials, 3 * trial + 2);
	return begun;
}

/* The missing one comes so many ms later at least. */
static void differ(unsigned int ms, uint32_t stamp, unsigned int path)
{
	open_gap(1000, path);
	segments_await_held(stack, 1);
	usleep(ms * 1000);
	trials[3 * trial + 1].stamp = stamp;
	segment_send(to, trials, 3 * trial + 1);
	comes(0);
	comes(0);
	trial++;
}

/* It does not come, and the other one waits so many ms at least. */
static void lose(unsigned int ms, const char *why)
{
	uint64_t waited = comes(open_gap(1000, 0));

	tap_ok(waited >= ms * 1000000ULL, "%s: %s: it waits %u ms at least (%lu us)", account_hook,
	       why, ms, waited / 1000);
	trial++;
}

/* A window of what is measured passes, and the next begins: they have a second, and 8 gaps. */
static void pass_window(uint32_t stamp, unsigned int path)
{
	for (int i = 0; i < 8; i++)
		differ(1, stamp, path);
	usleep(1000000);
	differ(1, stamp, path);
}

#define SLACK 5 /* ms */

/*
 * By timer=adapt a packet waits twice as long as others have been later, and 5 ms, but as long as
 * hold at most, or if nothing has been measured: as what was sent again is not.
 */
static void test_adapting(void)
{
	pid_t worker = begin_trials("timer=adapt hold=30s");

	differ(200, 1000, 0);
	pass_window(1000, 0);
	lose(2 * 200 + SLACK, "the greatest difference counts"); /* not hold, or it did not come */
	worker_end(worker, SIGTERM);

	worker = begin_trials("timer=adapt hold=300ms");
	lose(300, "nothing is known");
	worker_end(worker, SIGTERM);

	worker = begin_trials("timer=adapt hold=30s");
	pass_window(1001, 0);
	segments_set(stack, "hold=300ms");
	lose(300, "by their timestamps all were sent again");
	worker_end(worker, SIGTERM);

	worker = begin_trials("timer=adapt hold=30s");
	pass_window(1000, 1);
	segments_set(stack, "hold=300ms");
	lose(300, "by their path all were sent again");
	worker_end(worker, SIGTERM);

	/* It comes when the other has left: the worker must still have the flow. */
	worker = begin_trials("timer=adapt hold=100ms");
	open_gap(1000, 0);
	segments_await_held(stack, 1);
	turns_lose(flow);
	comes(0);
	segment_send(to, trials, 1);
	comes(0);
	trial++;
	segments_set(stack, "hold=30s");
	pass_window(1000, 0);
	lose(2 * 100 + SLACK, "who comes when time was up has been later, too");
	worker_end(worker, SIGTERM);
}

/* Each waits for its own time: who waits behind another gap does not leave when the first would. */
static void test_oldest(void)
{
	pid_t worker = begin_trials("timer=fixed hold=300ms");
	uint64_t begun;

	open_gap(0, 0);
	segments_await_held(stack, 1);
	usleep(200000);
	begun = lana_user_now();
	trials[5] = (struct segment){ .flow = flow, .seq = 5 * BYTES, .length = BYTES };
	segment_send(to, trials, 5);
	segment_send(to, trials, 1);
	while (segment_receive(from, 5000, trials, 3 * TRIALS) != 5)
		;
	begun = lana_user_now() - begun;
	tap_ok(begun >= 300000000, "%s: time is that of the one that waits (%lu us)", account_hook,
	       begun / 1000);
	worker_end(worker, SIGTERM);
}

/*
 * A worker that has little memory gives up a gap before it has none: nothing is lost. Its ring is
 * large enough for all, so that it may be late.
 */
static void test_room(void)
{
	enum { ALL = 1000 };
	static struct segment segments[ALL];
	pid_t worker = worker_start(stack, "live", "ring 1024 frames 1", "b");
	unsigned long long full = worker_count(stack, "b", "full");
	int came = 0;

	segments_set(stack, "timer=none");
	flow++;
	for (int i = 0; i < ALL; i++) {
		segments[i] =
			(struct segment){ .flow = flow, .seq = (i + !!i) * BYTES, .length = BYTES };
		segment_send(to, segments, i);
	}
	while (came < ALL && segment_receive(from, 5000, segments, ALL) == came)
		came++;
	tap_is(came, ALL, "%s: with little memory all leave, in order", account_hook);
	tap_is(worker_count(stack, "b", "full") - full, 1, "%s: a gap is given up once",
	       account_hook);
	worker_end(worker, SIGTERM);
}

/* More flows than the worker knows at a time: one that it has given back makes room for another. */
static void test_flows(void)
{
	enum { FLOWS = REORDER_FLOWS + 64, TOGETHER = 16, ALL = 3 * FLOWS };
	static const unsigned int places[] = { 0, 2, 1 };
	static struct segment segments[ALL];
	static unsigned int expected[FLOWS];
	pid_t worker = worker_start(stack, "live", NULL, "b");
	unsigned int wrong = 0;
	int number;

	segments_set(stack, "timer=fixed hold=10s");
	for (int i = 0; i < ALL; i++)
		segments[i] = (struct segment){ .flow = 2000 + i / 3,
						.seq = i % 3 * BYTES,
						.length = BYTES };
	for (int first = 0; first < FLOWS; first += TOGETHER) {
		for (int i = 0; i < 3 * TOGETHER; i++)
			segment_send(to, segments,
				     3 * (first + i % TOGETHER) + places[i / TOGETHER]);
		for (int i = 0; i < 3 * TOGETHER; i++) {
			number = segment_receive(from, 5000, segments, ALL);
			if (number < 0)
				tap_bail("a segment does not come");
			wrong += number % 3 != (int)expected[number / 3]++;
		}
	}
	tap_is(wrong, 0, "%s: each of %d flows is put into order", account_hook, FLOWS);
	worker_end(worker, SIGTERM);
}

static void test_hook(enum lana_hook hook)
{
	unsigned long long gaps;
	pid_t worker;

	stack = segments_open(hook, "reorder dead=closed");
	to = segments_sender();
	from = segments_receiver();
	worker = worker_start(stack, "live", NULL, "b");
	segments_set(stack, "timer=none hold=100ms");
	test("by three paths", draw(0), 5, 64, 500);
	test("by three paths that lose 2%", draw(0.02), -100000U, 64, 500);
	gaps = worker_count(stack, "b", "gaps");
	test("handed over and back", draw_pairs(), 5, BATCH, 1200);
	gaps = worker_count(stack, "b", "gaps") - gaps;
	tap_ok(gaps > MANY / BATCH / 8, "%s: the kernel had it again", account_hook);
	tap_note("%llu times, of %d", gaps, MANY / BATCH / 2);
	tap_is(worker_end(worker, SIGTERM), 0, "%s: the worker ends", account_hook);
	test_room();
	if (hook == LANA_HOOK_TC) {
		test_flows();
		test_oldest();
		test_adapting();
	}
	close(to);
	close(from);
	segments_close(stack);
}

int main(void)
{
	live_begin();
	srand48(8);
	test_hook(LANA_HOOK_XDP);
	test_hook(LANA_HOOK_TC);
	return tap_done();
}
