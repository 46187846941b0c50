// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_reorder_random - segments that go by several paths at random, some lost, some twice, and
 * what a model of docs/reorder.md's rules makes of them
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "account.h"
#include "segments.h"
#include "tap.h"
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

/*
 * Packets that are missing come 10 ms later, time and again: so that is how long the block waits,
 * and not hold, for one that does not come at all.
 */
static void test_adapting(void)
{
	enum { GAPS = 40 };
	static struct segment segments[3 * GAPS];
	unsigned long long timeouts = worker_count(stack, "b", "timeouts");
	unsigned int number = 0, came = 0;

	segments_set(stack, "timer=adapt hold=30s");
	for (unsigned int i = 0; i < 3 * GAPS; i++)
		segments[i] = (struct segment){ .flow = flow, .seq = i * BYTES, .length = BYTES };
	for (; number < 3 * (GAPS - 1); number += 3) {
		segment_send(to, segments, number);
		segment_send(to, segments, number + 2);
		usleep(10000);
		segment_send(to, segments, number + 1);
		usleep(50000);
	}
	segment_send(to, segments, number);
	segment_send(to, segments, number + 2);
	while (segment_receive(from, 10000, segments, 3 * GAPS) >= 0 && ++came < 3 * GAPS - 1)
		;
	tap_is(came, 3 * GAPS - 1, "%s: the time adapts to what is seen", account_hook);
	tap_is(worker_count(stack, "b", "timeouts") - timeouts, 1, "%s: it is up once",
	       account_hook);
	flow++;
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
	if (hook == LANA_HOOK_TC)
		test_adapting();
	tap_is(worker_end(worker, SIGTERM), 0, "%s: the worker ends", account_hook);
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
