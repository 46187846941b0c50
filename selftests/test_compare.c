// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_compare - writers that commit at once, each for the generation that it has seen
 *
 *	 writers
 *	+---------------------------------------+
 *	|  w0 (xdp) ─► b0 … b5    c0 … c5 ◄─ w1 |
 *	+---------------------------------------+
 *
 * Each commit sets all twelve blocks to one value. It takes effect, or is refused as the stack has
 * gone on since (-ESTALE). So each generation has one winner, and the stack is all of the last
 * one's in the end. And a change that follows from what the stack is is made anew as often as
 * another writer is quicker.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"

#define NETNS	"writers"
#define WRITERS 4
#define WINS	25 /* of each writer */
#define CHAIN	6

/* In memory that all processes share. */
static struct shared {
	uint32_t base;			     /* generation before the first commit */
	unsigned int winner[WRITERS * WINS]; /* of generation base + 1 + index; 0: nobody */
	unsigned int stale[WRITERS], strange;
} * shared;

static struct lana_stack *open_stack(void)
{
	const struct lana_stack_options options = { .bpffs = topology_bpffs(),
						    .netns = NETNS,
						    .create = true };
	struct lana_error error = {};
	struct lana_stack *stack;

	if (lana_stack_open(&options, &stack, &error))
		tap_bail("%s", error.text);
	return stack;
}

static void build(struct lana_stack *stack)
{
	static const char file[] = "hooks: { w0: { hook: xdp }, w1: { hook: tc } }\n"
				   "blocks: { b0: mark, b1: mark, b2: mark, b3: mark, b4: mark, "
				   "b5: mark, c0: mark, c1: mark, c2: mark, c3: mark, c4: mark, "
				   "c5: mark }\n"
				   "bind:\n"
				   "  - w0 -> b0 -> b1 -> b2 -> b3 -> b4 -> b5\n"
				   "  - w1 -> c0 -> c1 -> c2 -> c3 -> c4 -> c5\n";
	struct lana_error error = {};

	if (lana_apply(stack, file, strlen(file), NULL, NULL, &error))
		tap_bail("%s", error.text);
}

/* ---- a writer ----------------------------------------------------------------------------- */

static int commit_all(struct lana_stack *stack, uint32_t generation, unsigned int value,
		      struct lana_commit_result *result)
{
	const struct lana_commit_options options = { .compare = true, .generation = generation };
	struct lana_commit *commit;
	char text[32], name[8];
	const char *words[] = { text, NULL };
	int err = lana_commit_begin(stack, &commit);

	snprintf(text, sizeof(text), "value=%u", value);
	for (int i = 0; !err && i < 2 * CHAIN; i++) {
		snprintf(name, sizeof(name), "%c%d", i < CHAIN ? 'b' : 'c', i % CHAIN);
		err = lana_commit_set(commit, name, words);
	}
	err = err ?: lana_commit_commit(commit, &options, result, NULL);
	lana_commit_free(commit);
	return err;
}

static void write_all(unsigned int number)
{
	struct lana_stack *stack = open_stack();

	for (unsigned int wins = 0; wins < WINS;) {
		uint32_t generation = lana_stack_generation(stack);
		unsigned int value = 1 + number * WINS + wins;
		struct lana_commit_result result = {};
		int err = commit_all(stack, generation, value, &result);

		if (!err && result.generation == generation + 1) {
			shared->winner[generation - shared->base] = value;
			wins++;
		} else if (err == -ESTALE) {
			shared->stale[number]++;
		} else {
			__atomic_add_fetch(&shared->strange, 1, __ATOMIC_RELAXED);
			break;
		}
	}
	lana_stack_close(stack);
}

static void run_writers(void)
{
	pid_t pids[WRITERS];

	for (unsigned int i = 0; i < WRITERS; i++) {
		pids[i] = tap_fork();
		if (pids[i])
			continue;
		write_all(i);
		_exit(0);
	}
	for (unsigned int i = 0; i < WRITERS; i++) {
		int status = 1;

		waitpid(pids[i], &status, 0);
		tap_is(status, 0, "writer %u comes to its end", i);
	}
}

/* ---- the account -------------------------------------------------------------------------- */

static unsigned int count_others(struct lana_stack *stack, unsigned int value)
{
	struct lana_block_info *blocks;
	unsigned int others = 0;
	size_t count;

	if (lana_block_list(stack, NULL, &blocks, &count, NULL))
		tap_bail("the stack cannot be listed");
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < blocks[i].config_count; j++)
			if (!strcmp(blocks[i].config[j].name, "value"))
				others += strtoul(blocks[i].config[j].text, NULL, 10) != value;
	free(blocks);
	return others;
}

static void settle(struct lana_stack *stack)
{
	unsigned int none = 0, stale = 0;

	for (unsigned int i = 0; i < WRITERS * WINS; i++)
		none += !shared->winner[i];
	for (unsigned int i = 0; i < WRITERS; i++)
		stale += shared->stale[i];
	tap_note("%u commits took effect, %u came too late", WRITERS * WINS - none, stale);
	tap_is(shared->strange, 0, "each commit took effect or came too late");
	tap_is(lana_stack_generation(stack) - shared->base, WRITERS * WINS,
	       "there are as many generations as winners");
	tap_is(none, 0, "each with one");
	tap_ok(stale > 0, "some came too late");
	tap_is(count_others(stack, shared->winner[WRITERS * WINS - 1]), 0,
	       "the stack is all of the last one's");
	tap_is(inspect_faults(stack), 0, "and sound");
}

/* ---- changes that are made anew ----------------------------------------------------------- */

/* Another writer is quicker, so many times. */
struct disturbance {
	struct lana_stack *other;
	unsigned int times, calls;
};

static int disturb(struct lana_commit *commit, const struct lana_block_info *blocks, size_t count,
		   void *cookie, struct lana_error *error)
{
	static const char *const words[] = { "value=7", NULL };
	struct disturbance *disturbance = cookie;
	char text[32];
	const char *const others[] = { text, NULL };

	(void)blocks, (void)error;
	snprintf(text, sizeof(text), "value=%u", 1000 + disturbance->calls);
	if (disturbance->calls++ < disturbance->times &&
	    lana_block_set(disturbance->other, "b0", others, NULL))
		return -EIO;
	return count == 2 + 2 * CHAIN ? lana_commit_set(commit, "c0", words) : -ENOENT;
}

static void test_change(struct lana_stack *stack)
{
	static const struct {
		unsigned int times, calls;
		int err;
	} cases[] = { { 0, 1, 0 }, { 3, 4, 0 }, { 15, 16, 0 }, { 16, 16, -ESTALE } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct disturbance disturbance = { open_stack(), cases[i].times, 0 };
		struct lana_error error = {};

		tap_is(lana_stack_change(stack, disturb, &disturbance, &error), cases[i].err,
		       "a change, and another writer is quicker %u times", cases[i].times);
		tap_is(disturbance.calls, cases[i].calls, "it is asked for %u times",
		       cases[i].calls);
		lana_stack_close(disturbance.other);
	}
	tap_is(inspect_faults(stack), 0, "the stack is sound");
}

int main(void)
{
	struct lana_stack *stack;
	struct lana_error error = {};
	struct leftovers *left;

	topology_begin();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		tap_bail("no memory");
	topology_netns(NETNS);
	topology_veth(NETNS, "w0", NETNS, "w1");
	stack = open_stack();
	build(stack);
	shared->base = lana_stack_generation(stack);

	run_writers();
	settle(stack);
	test_change(stack);

	left = leftovers_note("default");
	tap_is(lana_stack_flush(stack, &error), 0, "the stack is flushed");
	lana_stack_close(stack);
	tap_ok(!leftovers_pinned("default"), "no pin is left");
	tap_is(leftovers_wait(left), 0, "no map and no program is left");
	return tap_done();
}
