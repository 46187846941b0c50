// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_monitor - monitors tell each change once and in order, or how many they have lost
 *
 *	  lab
 *	+---------------------------------+
 *	|  x0 (hooked, unhooked) --- x1   |
 *	|  entry -> left or right         |
 *	+---------------------------------+
 *
 * A writer is killed by SIGKILL in the middle of its changes, MONITOR_KILLS times (200 if not set);
 * eight writers write at once, each of them as fast as it can; and more happens than the log holds
 * while nobody reads it. MONITOR_SEED repeats a run, as far as the scheduler lets it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <loader/registry.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "victim.h"

#define STACK	"default"
#define WRITERS 8
#define SETS	400 /* that each of them makes */
#define WAIT_MS 20000

static unsigned int seed;

static struct lana_stack *open_stack(void)
{
	const struct lana_stack_options options = {
		.name = STACK, .bpffs = topology_bpffs(), .netns = "lab", .create = true
	};
	struct lana_error error = {};
	struct lana_stack *stack;

	if (lana_stack_open(&options, &stack, &error))
		tap_bail("%s", error.text);
	return stack;
}

static void must(int err, const struct lana_error *error)
{
	if (err)
		tap_bail("refused: %s (%s)", error->text, strerror(-err));
}

static struct lana_monitor *open_monitor(struct lana_stack *stack)
{
	struct lana_error error = {};
	struct lana_monitor *monitor;

	must(lana_monitor_open(stack, &monitor, &error), &error);
	return monitor;
}

static int set(struct lana_stack *stack, const char *name, unsigned int value,
	       struct lana_error *error)
{
	char option[32];
	const char *options[] = { option, NULL };

	snprintf(option, sizeof(option), "value=%u", value);
	return lana_block_set(stack, name, options, error);
}

static void add_blocks(struct lana_stack *stack, const char *format, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct lana_error error = {};
		char name[LANA_NAME_MAX];

		snprintf(name, sizeof(name), format, i);
		must(lana_block_add(stack, name, "mark", NULL, &error), &error);
	}
}

/* ---- what is told hangs together --------------------------------------------------------- */

/* The events so far: is each there once, and in order? */
struct told {
	uint64_t number;
	uint32_t generation;
	uint64_t steps; /* since the last commit */
	unsigned int commits, recoveries, finished;
	unsigned int wrong, lost;
};

static void check_event(struct told *told, const struct lana_event *event)
{
	bool right = event->number == told->number + 1 && event->time > 0;

	told->number = event->number;
	switch (event->kind) {
	case LANA_EVENT_LOST:
		told->lost += event->count;
		break;
	case LANA_EVENT_STEP:
		right &= event->generation == told->generation + 1;
		told->steps++;
		break;
	case LANA_EVENT_COMMIT:
		right &= event->generation == told->generation + 1 && event->count == told->steps &&
			 told->steps;
		told->generation++;
		told->steps = 0;
		told->commits++;
		break;
	case LANA_EVENT_RECOVERY:
		told->recoveries++;
		told->finished += !strncmp(event->text, "finished", strlen("finished"));
		/* fall through */
	default:
		right &= event->generation == told->generation && !told->steps;
	}
	if (!right) {
		tap_note("event %lu, generation %u: %s %s", event->number, event->generation,
			 lana_event_kind_name(event->kind), event->text);
		told->wrong++;
	}
}

static void read_all(struct lana_monitor *monitor, struct told *told)
{
	struct lana_event event;

	while (!lana_monitor_next(monitor, 0, &event))
		check_event(told, &event);
}

/* ---- writers that are killed --------------------------------------------------------------- */

static int commit_some(struct lana_stack *stack, unsigned int n, struct lana_error *error)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	char option[32];
	const char *options[] = { option, NULL };
	struct lana_commit *commit;
	int err;

	snprintf(option, sizeof(option), "value=%u", n);
	if (lana_commit_begin(stack, &commit) || lana_commit_set(commit, "left", options) ||
	    lana_commit_set(commit, "right", options) ||
	    lana_commit_bind(commit, n % 2 ? "left" : "right", "entry", &ingress))
		tap_bail("no memory");
	err = lana_commit_commit(commit, NULL, NULL, error);
	lana_commit_free(commit);
	return err;
}

#define KINDS 7

static int change_once(struct lana_stack *stack, unsigned int n, struct lana_error *error)
{
	switch (n % KINDS) {
	case 0:
		return set(stack, "left", n, error);
	case 1:
		return lana_block_add(stack, "spare", "counter", NULL, error);
	case 2:
		return commit_some(stack, n, error);
	case 3:
		return lana_block_rm(stack, "spare", error);
	case 4:
		return lana_hook(stack, "x0", NULL, error);
	case 5:
		return lana_stack_fuse(stack, true, error);
	default:
		return lana_unhook(stack, "x0", error);
	}
}

/* Some are refused: the one before was killed anywhere. */
static void change(void *stack, unsigned int n)
{
	struct lana_error error;

	change_once(stack, n, &error);
}

static void *open_in_victim(void)
{
	return open_stack();
}

static const struct victim changer = { .begin = open_in_victim, .work = change, .rounds = 4 };

static void test_kills(unsigned int kills)
{
	struct lana_stack *stack = open_stack();
	struct lana_monitor *monitor;
	struct told told = {};
	unsigned int busy = 0, decided = 0, unlike = 0;
	struct lana_error error = {};

	add_blocks(stack, "left", 1);
	add_blocks(stack, "right", 1);
	must(lana_block_add(stack, "entry", "counter", NULL, &error), &error);
	monitor = open_monitor(stack);
	told.generation = lana_stack_generation(stack);
	told.number = 3 * 2 + 2; /* and two types */
	for (unsigned int n = 0; n < kills; n++) {
		struct inspect_journal journal;

		victim_kill(&changer, n, &seed);
		journal = inspect_journal(STACK);
		busy += journal.busy;
		decided += journal.pending;
		must(set(stack, "left", n, &error), &error);
		read_all(monitor, &told);
		unlike += told.generation != lana_stack_generation(stack);
	}
	tap_note("%u commits; %u kills met a process at work, %u after its decision", told.commits,
		 busy, decided);
	tap_ok(decided > 0, "some writers were killed between decision and end");
	tap_is(told.wrong, 0, "each event is there once, each commit behind its steps");
	tap_is(told.lost, 0, "none is lost");
	tap_is(unlike, 0, "the last commit told is of the stack's generation");
	tap_is(told.recoveries, busy, "each recovery is told");
	tap_ok(told.finished >= decided, "and that what was decided was finished");
	lana_monitor_close(monitor);
	must(lana_stack_flush(stack, &error), &error);
	lana_stack_close(stack);
}

/* ---- eight writers at once ------------------------------------------------------------------ */

static void write_sets(unsigned int number)
{
	struct lana_stack *stack = open_stack();
	struct lana_error error = {};
	char name[LANA_NAME_MAX];

	snprintf(name, sizeof(name), "w%u", number);
	for (unsigned int i = 1; i <= SETS; i++)
		if (set(stack, name, i, &error)) {
			fprintf(stderr, "# %s\n", error.text);
			_exit(1);
		}
	_exit(0);
}

/* Does the step say what its writer did next? */
static bool is_next(const struct lana_event *event, unsigned int done[WRITERS])
{
	unsigned int number, value;

	if (sscanf(event->text, "set w%u value=%u", &number, &value) != 2 || number >= WRITERS)
		return false;
	return value == ++done[number];
}

static void test_writers(void)
{
	struct lana_stack *stack = open_stack();
	struct lana_monitor *monitors[2];
	unsigned int done[WRITERS] = {}, ended = 0, strange = 0, unlike = 0;
	struct lana_event event, same;
	struct lana_error error = {};
	struct told told = {};

	add_blocks(stack, "w%u", WRITERS);
	for (size_t i = 0; i < 2; i++)
		monitors[i] = open_monitor(stack);
	told.generation = lana_stack_generation(stack);
	told.number = WRITERS * 2 + 1;
	for (unsigned int i = 0; i < WRITERS; i++)
		if (!tap_fork())
			write_sets(i);
	while (told.commits < WRITERS * SETS && !lana_monitor_next(monitors[0], WAIT_MS, &event)) {
		check_event(&told, &event);
		if (event.kind == LANA_EVENT_STEP)
			strange += !is_next(&event, done);
		if (lana_monitor_next(monitors[1], 0, &same))
			unlike++;
		unlike += memcmp(&event, &same, sizeof(same)) != 0;
	}
	for (int status; wait(&status) > 0;)
		ended += !status;

	tap_is(ended, WRITERS, "eight writers are done");
	tap_is(told.commits, WRITERS * SETS, "all that they did is told");
	tap_is(told.wrong, 0, "each event once, each commit behind its step");
	tap_is(told.lost, 0, "none is lost");
	tap_is(strange, 0, "and each writer's in its order");
	tap_is(unlike, 0, "a second monitor tells the same");
	tap_is(lana_monitor_next(monitors[0], 0, &event), -EAGAIN, "there is nothing more");

	must(lana_stack_flush(stack, &error), &error);
	for (size_t i = 0; i < 2; i++) {
		tap_is(lana_monitor_next(monitors[i], WAIT_MS, &event), 0, "an event");
		tap_is(event.kind, LANA_EVENT_FLUSH, "the stack was flushed");
		tap_is(lana_monitor_next(monitors[i], -1, &event), -ENOENT, "and that was all");
		lana_monitor_close(monitors[i]);
	}
	lana_stack_close(stack);
}

/* ---- more than the log holds ----------------------------------------------------------------- */

static void test_overrun(unsigned int before, unsigned int sets)
{
	struct lana_stack *stack = open_stack();
	struct lana_monitor *monitor;
	struct lana_event event = {};
	struct lana_error error = {};
	unsigned int events = 2 * (before + sets), read, wrong = 0;

	add_blocks(stack, "m", 1);
	monitor = open_monitor(stack);
	for (unsigned int i = 0; i < before; i++)
		must(set(stack, "m", i + 1, &error), &error);
	for (read = 0; read < before; read++) /* half of them */
		must(lana_monitor_next(monitor, 0, &event), &error);
	for (unsigned int i = 0; i < sets; i++)
		must(set(stack, "m", before + i + 1, &error), &error);

	must(lana_monitor_next(monitor, 0, &event), &error);
	tap_is(event.kind, LANA_EVENT_LOST, "%u events unread: some are lost", events - read);
	tap_is(event.count, events - read - LOG_MAX, "it says how many");
	for (read += event.count; !lana_monitor_next(monitor, 0, &event); read++) {
		unsigned int value = read / 2 + 1;
		char text[64];

		snprintf(text, sizeof(text), "set m value=%u", value);
		wrong += strcmp(event.text, read % 2 ? "commit" : text) != 0;
	}
	tap_is(read, events, "the others are told");
	tap_is(wrong, 0, "each of them");
	lana_monitor_close(monitor);
	must(lana_stack_flush(stack, &error), &error);
	lana_stack_close(stack);
}

static unsigned int number_of(const char *variable, unsigned int otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

int main(void)
{
	seed = number_of("MONITOR_SEED", time(NULL));
	topology_begin();
	tap_note("MONITOR_SEED=%u", seed);
	topology_netns("lab");
	topology_veth("lab", "x0", "lab", "x1");

	test_overrun(0, LOG_MAX / 2 + 1);
	test_overrun(100, LOG_MAX / 2 + 500);
	test_writers();
	test_kills(number_of("MONITOR_KILLS", 200));
	return tap_done();
}
