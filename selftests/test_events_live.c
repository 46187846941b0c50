// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_events_live - subscribers hear each event once, whatever is done to them meanwhile
 *
 *	wb1 (hooked xdp) ── dut (crier) ── … ── c11	hark: subscribed to all of them, ear to dut
 *	wb2 (hooked tc) ── p				witness, second: subscribed to p
 *
 * One process sends packets without pause while another changes subscriber, publisher and edges;
 * then writers are killed by SIGKILL in the middle of changes of p, EVENTS_KILLS times (200 if not
 * set). What monitors tell of p is what witness must have heard of it. EVENTS_SEED repeats a run,
 * as far as the scheduler lets it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "inspect.h"
#include "live.h"
#include "tap.h"
#include "topology.h"
#include "traced.h"
#include "victim.h"
#include "workbench.h"

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

#define ROUNDS 120
#define CRIERS 12

static unsigned int seed;

static struct lana_stack *open_stack(void)
{
	const struct lana_stack_options options = { .bpffs = topology_bpffs(), .types = types };
	struct lana_error error = {};
	struct lana_stack *stack;

	if (lana_stack_open(&options, &stack, &error))
		tap_bail("%s", error.text);
	return stack;
}

static struct lana_block_stats *stats_of(struct lana_stack *stack, const char *block)
{
	struct lana_block_stats *stats;
	struct lana_error error = {};
	size_t count;

	if (lana_block_stats(stack, block, &stats, &count, &error))
		tap_bail("%s", error.text);
	return stats;
}

static unsigned long long count_of(struct lana_stack *stack, const char *block, const char *name)
{
	struct lana_block_stats *stats = stats_of(stack, block);
	unsigned long long value = 0;

	for (size_t i = 0; i < stats->path[LANA_INGRESS].own_count; i++)
		if (!strcmp(stats->path[LANA_INGRESS].own[i].name, name))
			value = stats->path[LANA_INGRESS].own[i].value;
	free(stats);
	return value;
}

/* ---- under load ----------------------------------------------------------------------------- */

static void send_for_ever(int root)
{
	static const unsigned char bytes[64];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes, .data_size_in = sizeof(bytes),
		    .repeat = 10000);

	while (!bpf_prog_test_run_opts(root, &options) || errno == EINTR)
		;
	_exit(1);
}

/* None of these lets an event pass unheard: hark is always there, and subscribed. */
static const char *const rounds[] = {
	"set hark weight=%u",
	"set hark weight=%u",
	"bind other c11 ingress",
	"set c5 value=1",
	"replace hark hark_more weight=%u",
	"unbind other c11 ingress",
	"replace dut crier value=1",
	"subscribe ear dut",
	"replace hark hark_more weight=%u",
	"unsubscribe ear dut",
};

static void add_criers(struct lana_stack *stack)
{
	char name[16], lower[16] = "wb1";

	live_do(stack, "add hark hark weight=1");
	for (int i = 0; i < CRIERS; i++) {
		snprintf(name, sizeof(name), i ? "c%d" : "dut", i);
		live_do(stack, "add %s crier value=1", name);
		live_do(stack, "bind %s %s ingress", name, lower);
		live_do(stack, "subscribe hark %s", name);
		strcpy(lower, name);
	}
	live_do(stack, "add other counter");
	live_do(stack, "add ear ear weight=1");
}

/* What all criers have published; and what they should have. */
static unsigned long long sum_up(struct lana_stack *stack, unsigned long long *cries)
{
	unsigned long long published = 0;

	*cries = 0;
	for (int i = 0; i < CRIERS; i++) {
		struct lana_block_stats *stats;
		char name[16];

		snprintf(name, sizeof(name), i ? "c%d" : "dut", i);
		stats = stats_of(stack, name);
		published += stats->events_published;
		*cries += count_of(stack, name, "cries") - stats->events_suppressed;
		free(stats);
	}
	return published;
}

/* What a monitor has told. */
struct told {
	unsigned long long published, lost;
};

static void read_events(struct lana_monitor *monitor, struct told *told)
{
	struct lana_event event;

	while (!lana_monitor_next(monitor, 0, &event)) {
		told->published += event.kind == LANA_EVENT_PUBLISHED;
		told->lost += event.kind == LANA_EVENT_LOST;
	}
}

static void change_under_load(struct lana_stack *stack, struct lana_monitor *monitor,
			      struct told *told)
{
	struct lana_error error = {};

	for (unsigned int i = 0; i < ROUNDS; i++) {
		char text[128];

		snprintf(text, sizeof(text), rounds[i % (sizeof(rounds) / sizeof(*rounds))], i);
		live_do(stack, "%s", text);
		if (i % 4 == 3 && lana_stack_fuse(stack, i % 8 == 3, &error))
			tap_bail("%s", error.text);
		read_events(monitor, told);
	}
}

static void test_load(struct workbench *bench)
{
	struct lana_stack *stack = bench->stack;
	unsigned long long published, cries;
	struct lana_error error = {};
	struct lana_monitor *monitor;
	struct told told = {};
	pid_t pid;

	add_criers(stack);
	if (lana_monitor_open(stack, &monitor, &error))
		tap_bail("%s", error.text);
	pid = tap_fork();
	if (!pid)
		send_for_ever(bench->roots[LANA_XDP]);
	change_under_load(stack, monitor, &told);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	read_events(monitor, &told);
	published = sum_up(stack, &cries);
	tap_note("%llu published", published);
	tap_ok(published > 11 * CRIERS, "events were published meanwhile");
	tap_is(published, cries, "each is published or suppressed");
	tap_is(count_of(stack, "hark", "heard"), published,
	       "each that was published was heard once, whichever code it met");
	tap_is(told.published, published, "and told once");
	tap_is(told.lost, 0, "none was lost");
	tap_is(count_of(stack, "ear", "wrong"), 0, "they were as they should be");
	tap_is(inspect_faults(stack), 0, "the stack is sound");
	lana_monitor_close(monitor);
}

/* ---- writers that are killed ------------------------------------------------------------ */

static int change_once(struct lana_stack *stack, unsigned int n, struct lana_error *error)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	char option[32];
	const char *options[] = { option, NULL };

	snprintf(option, sizeof(option), "value=%u", n);
	switch (n % 6) {
	case 0:
		return lana_block_set(stack, "p", options, error);
	case 1:
		return lana_bind(stack, "p", "wb2", &ingress, error);
	case 2:
		return lana_block_replace(stack, "p", "mark", options, false, error);
	case 3:
		return lana_block_set(stack, "far", options, error);
	case 4:
		return lana_unbind(stack, "p", "wb2", &ingress, error);
	default:
		return lana_block_replace(stack, "p", "mark", options, true, error);
	}
}

static void *open_in_victim(void)
{
	return open_stack();
}

static void change(void *stack, unsigned int n)
{
	struct lana_error error;

	change_once(stack, n, &error);
}

static const struct victim changer = { .begin = open_in_victim, .work = change, .rounds = 4 };

/* What was done to p, as the monitor tells it. */
struct done {
	unsigned long long sets, binds, unbinds, replaces;
};

static void read_all(struct lana_monitor *monitor, struct done *done)
{
	struct lana_event event;

	while (!lana_monitor_next(monitor, 0, &event)) {
		if (event.kind == LANA_EVENT_LOST)
			tap_bail("the monitor lost events");
		done->sets += !strncmp(event.text, "set p ", strlen("set p "));
		done->binds += !strncmp(event.text, "bind p ", strlen("bind p "));
		done->unbinds += !strncmp(event.text, "unbind p ", strlen("unbind p "));
		done->replaces += !strncmp(event.text, "replace p ", strlen("replace p "));
	}
}

static void test_kills(struct workbench *bench, unsigned int kills)
{
	struct lana_stack *stack = bench->stack;
	unsigned int decided = 0, unlike = 0, telling = 0;
	struct lana_monitor *monitor;
	struct lana_error error = {};
	struct done done = {};

	live_do(stack, "add p mark");
	live_do(stack, "add far mark");
	live_do(stack, "add witness ear");
	live_do(stack, "subscribe witness p");
	live_do(stack, "subscribe witness far");
	live_do(stack, "unsubscribe witness far");
	if (lana_monitor_open(stack, &monitor, &error))
		tap_bail("%s", error.text);
	for (unsigned int n = 0; n < kills; n++) {
		struct inspect_journal journal;
		struct done heard;

		victim_kill(&changer, n, &seed);
		journal = inspect_journal("default");
		decided += journal.pending;
		telling += journal.pending && journal.notified;
		live_do(stack, "set far value=%u", n);
		read_all(monitor, &done);
		heard = (struct done){ count_of(stack, "witness", "sets"),
				       count_of(stack, "witness", "binds"),
				       count_of(stack, "witness", "unbinds"),
				       count_of(stack, "witness", "replaces") };
		if (memcmp(&heard, &done, sizeof(done)) && !unlike++)
			tap_note("kill %u: %llu %llu %llu %llu done, %llu %llu %llu %llu heard", n,
				 done.sets, done.binds, done.unbinds, done.replaces, heard.sets,
				 heard.binds, heard.unbinds, heard.replaces);
	}
	tap_note("%llu sets, %llu binds; %u writers killed after a decision, %u of them when the "
		 "subscriber had been told",
		 done.sets, done.binds, decided, telling);
	tap_ok(decided > 0, "some writers were killed between decision and end");
	tap_is(unlike, 0, "what was done to a block its subscriber has heard, each once");
	tap_is(count_of(stack, "witness", "wrong"), 0, "and as it should be");
	tap_is(inspect_faults(stack), 0, "the stack is sound");
	lana_monitor_close(monitor);
}

/* ---- killed and failed at each call --------------------------------------------------- */

static unsigned int value_of(struct lana_stack *stack)
{
	struct lana_block_info *info;
	struct lana_error error = {};
	unsigned int value;
	size_t count;

	if (lana_block_list(stack, "p", &info, &count, &error))
		tap_bail("%s", error.text);
	value = strtoul(info->config[0].text, NULL, 10);
	free(info);
	return value;
}

/* Whatever becomes of a "set", both subscribers hear of it once if it happened, and else not. */
static void test_calls(struct lana_stack *stack, const char *inject)
{
	unsigned long long witness, second;
	unsigned int unlike = 0, happened = 0;
	size_t calls;

	live_do(stack, "subscribe second p");
	calls = traced_run("set p value=999999", "bpf", NULL).calls;
	witness = count_of(stack, "witness", "sets");
	second = count_of(stack, "second", "sets");
	/* The first ones open the stack. */
	for (size_t n = calls / 4; n <= calls; n++) {
		char command[64], injected[64];

		snprintf(command, sizeof(command), "set p value=%zu", n);
		snprintf(injected, sizeof(injected), "%s:when=%zu", inject, n);
		traced_run(command, "bpf", injected);
		happened += value_of(stack) == n;
		unlike += count_of(stack, "witness", "sets") != witness + happened ||
			  count_of(stack, "second", "sets") != second + happened;
	}
	tap_note("%s: %u of %zu happened", inject, happened, calls);
	tap_ok(happened > 0 && happened < calls - calls / 4, "%s: some happened and some did not",
	       inject);
	tap_is(unlike, 0, "%s: both subscribers hear once of what happened", inject);
	tap_is(inspect_faults(stack), 0, "%s: the stack is sound", inject);
	live_do(stack, "unsubscribe second p");
}

static unsigned int number_of(const char *variable, unsigned int otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

int main(void)
{
	struct workbench bench;
	struct leftovers *left;

	seed = number_of("EVENTS_SEED", time(NULL));
	topology_begin();
	tap_note("EVENTS_SEED=%u", seed);
	workbench_open(&bench, types);
	test_load(&bench);
	test_kills(&bench, number_of("EVENTS_KILLS", 200));
	live_do(bench.stack, "add second ear");
	if (traced_works()) {
		test_calls(bench.stack, "signal=KILL");
		test_calls(bench.stack, "error=ENOMEM");
	} else {
		tap_skip("strace cannot trace here");
	}
	left = leftovers_note("default");
	workbench_close(&bench);
	tap_is(leftovers_wait(left), 0, "no map and no program is left");
	return tap_done();
}
