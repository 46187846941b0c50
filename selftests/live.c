// SPDX-License-Identifier: GPL-2.0-only
/*
 * live - rearrange a stack while numbered frames pass through it, and settle the account
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "live.h"
#include "tap.h"
#include "topology.h"

#define WORDS_MAX 32
#define TEXT_MAX  512

/* ---- words ------------------------------------------------------------------------------ */

/* Each takes the words, NULL behind the last one. */
static int do_add(struct lana_stack *stack, const char **words, struct lana_error *error)
{
	return lana_block_add(stack, words[1], words[2], words + 3, error);
}

static int do_rm(struct lana_stack *stack, const char **words, struct lana_error *error)
{
	return lana_block_rm(stack, words[1], error);
}

static int do_set(struct lana_stack *stack, const char **words, struct lana_error *error)
{
	return lana_block_set(stack, words[1], words + 2, error);
}

static int do_replace(struct lana_stack *stack, const char **words, struct lana_error *error)
{
	const char **word = words + 3;
	bool drop_state;

	while (*word && strcmp(*word, "drop-state"))
		word++;
	drop_state = *word;
	*word = NULL;
	return lana_block_replace(stack, words[1], words[2], words + 3, drop_state, error);
}

static struct lana_bind_options bind_options(const char **words)
{
	struct lana_bind_options options = {};

	for (words += 3; *words; words++) {
		if (!strcmp(*words, "port"))
			options.port = *++words;
		options.ingress |= !strcmp(*words, "ingress");
		options.egress |= !strcmp(*words, "egress");
	}
	return options;
}

static int do_bind(struct lana_stack *stack, const char **words, struct lana_error *error)
{
	struct lana_bind_options options = bind_options(words);

	return lana_bind(stack, words[1], words[2], &options, error);
}

static int do_unbind(struct lana_stack *stack, const char **words, struct lana_error *error)
{
	struct lana_bind_options options = bind_options(words);

	return lana_unbind(stack, words[1], words[2], &options, error);
}

static int do_subscribe(struct lana_stack *stack, const char **words, struct lana_error *error)
{
	return lana_subscribe(stack, words[1], words[2], error);
}

static int do_unsubscribe(struct lana_stack *stack, const char **words, struct lana_error *error)
{
	return lana_unsubscribe(stack, words[1], words[2], error);
}

static const struct verb {
	const char *word;
	int (*run)(struct lana_stack *stack, const char **words, struct lana_error *error);
} verbs[] = {
	{ "add", do_add },
	{ "rm", do_rm },
	{ "set", do_set },
	{ "bind", do_bind },
	{ "unbind", do_unbind },
	{ "replace", do_replace },
	{ "subscribe", do_subscribe },
	{ "unsubscribe", do_unsubscribe },
};

static void run_step(struct lana_stack *stack, const char *text)
{
	const char *words[WORDS_MAX + 1] = {};
	struct lana_error error = {};
	char copy[TEXT_MAX], *rest = copy;
	size_t i, count = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while (count < WORDS_MAX && (words[count] = strsep(&rest, " ")))
		count++;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(words[0], verbs[i].word))
			continue;
		if (verbs[i].run(stack, words, &error))
			tap_bail("%s: %s", text, error.text);
		return;
	}
	tap_bail("%s: no such verb", text);
}

void live_do(struct lana_stack *stack, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	run_step(stack, text);
}

/* ---- topology and stack ----------------------------------------------------------------- */

void live_begin(void)
{
	topology_begin();
	topology_netns("generator");
	topology_netns("stack");
	topology_netns("checker");
	topology_veth("generator", "g0", "stack", "in");
	topology_veth("stack", "out", "checker", "c0");

	/* At tc nothing but GRO makes a veth take what XDP redirects into its other end ... */
	topology_offload("stack", "in", "gro", true);
	/* ... and without a queue it drops what finds its ring full. */
	if (topology_run("tc -n stack qdisc replace dev out root pfifo limit 10000"))
		tap_skip_all("tc has no pfifo");
}

/* The types of this build: those of the tests too. */
static const char *types_path(void)
{
	static char path[2 * PATH_MAX + 64];
	char build[PATH_MAX] = "";
	const char *given = getenv("LANA_BUILD");
	ssize_t length;
	int i;

	if (given) {
		snprintf(build, sizeof(build), "%s", given);
	} else {
		length = readlink("/proc/self/exe", build, sizeof(build) - 1);
		for (i = 0; length > 0 && i < 2; i++)
			*strrchr(build, '/') = 0;
	}
	snprintf(path, sizeof(path), "%s/bpf/blocks:%s/selftests/blocks", build, build);
	return path;
}

static struct lana_stack *open_stack(bool create, bool fuse)
{
	const struct lana_stack_options options = {
		.name = "live",
		.bpffs = topology_bpffs(),
		.types = types_path(),
		.netns = "stack",
		.create = create,
		.fuse = fuse,
	};
	struct lana_error error = {};
	struct lana_stack *stack;

	if (lana_stack_open(&options, &stack, &error))
		tap_bail("no stack: %s", error.text);
	return stack;
}

struct lana_stack *live_open_again(void)
{
	return open_stack(false, false);
}

struct lana_stack *live_open(enum lana_hook hook, bool fuse)
{
	const struct lana_hook_options hooked = { .hook = hook };
	struct lana_stack *stack = open_stack(true, fuse);
	struct lana_error error = {};

	if (lana_hook(stack, "in", &hooked, &error) || lana_hook(stack, "out", &hooked, &error))
		tap_bail("not hooked: %s", error.text);
	return stack;
}

void live_close(struct lana_stack *stack)
{
	struct lana_error error = {};

	if (lana_stack_flush(stack, &error))
		tap_bail("flush: %s", error.text);
	lana_stack_close(stack);
}

static void check_stack(struct lana_stack *stack, const char *name)
{
	struct lana_finding *findings = NULL;
	struct lana_error error = {};
	size_t i, count = 0;
	int err;

	err = lana_stack_check(stack, &findings, &count, &error);
	tap_ok(!err && !count, "%s: the stack is sound", name);
	if (err)
		tap_note("check: %s", error.text);
	for (i = 0; i < count; i++)
		tap_note("%s: %s", findings[i].subject, findings[i].text);
	free(findings);
}

/* ---- counts ------------------------------------------------------------------------------- */

struct books {
	struct lana_block_stats *stats;
	size_t count;
	uint64_t booked; /* packets dropped or unbound */
	char text[512];	 /* where and why; as in struct live_case */
};

static void book(struct books *books, const char *block, const struct lana_count *counts,
		 size_t count)
{
	size_t i, length;

	for (i = 0; i < count; i++) {
		length = strlen(books->text);
		snprintf(books->text + length, sizeof(books->text) - length, "%s%s:%s",
			 length ? " " : "", block, counts[i].name);
		books->booked += counts[i].value;
		tap_note("%s:%s %lu", block, counts[i].name, counts[i].value);
	}
}

static void read_books(struct lana_stack *stack, struct books *books)
{
	struct lana_error error = {};
	size_t i;
	int path;

	*books = (struct books){};
	if (lana_block_stats(stack, NULL, &books->stats, &books->count, &error))
		tap_bail("stats: %s", error.text);
	for (i = 0; i < books->count; i++) {
		const struct lana_block_stats *block = &books->stats[i];

		for (path = 0; path < LANA_PATHS; path++) {
			const struct lana_path_stats *stats = &block->path[path];

			book(books, block->name, stats->drops, stats->drops_count);
			book(books, block->name, stats->unbound, stats->unbound_count);
		}
	}
}

static uint64_t packets_of(const struct books *books, const char *block)
{
	uint64_t packets = 0;
	size_t i, j;
	int path;

	for (i = 0; i < books->count; i++) {
		const struct lana_block_stats *stats = &books->stats[i];

		if (strcmp(stats->name, block))
			continue;
		for (path = 0; path < LANA_PATHS; path++)
			for (j = 0; j < stats->path[path].own_count; j++)
				if (!strcmp(stats->path[path].own[j].name, "packets"))
					packets += stats->path[path].own[j].value;
	}
	return packets;
}

/* The blocks named have counted the frames, and each of them some. */
static void check_counted(const char *name, const struct books *books, const char *blocks,
			  uint64_t received)
{
	char copy[128], *rest = copy, *block;
	uint64_t sum = 0, packets;
	bool idle = false;

	snprintf(copy, sizeof(copy), "%s", blocks);
	while ((block = strsep(&rest, " "))) {
		packets = packets_of(books, block);
		idle |= !packets;
		sum += packets;
	}
	tap_ok(sum == received && !idle, "%s: counted by %s", name, blocks);
	if (sum != received || idle)
		tap_note("counted %lu%s, received %lu", sum, idle ? ", one of them none" : "",
			 received);
}

/* ---- cases -------------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static unsigned int soak(void)
{
	const char *text = getenv("LANA_SOAK");
	int factor = text ? atoi(text) : 1;

	return factor > 0 ? factor : 1;
}

/* The frames of one CPU stay in order. */
static unsigned int last_cpu(void)
{
	cpu_set_t cpus;
	unsigned int cpu, last = 0;

	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			last = cpu;
	return last;
}

/* Wait until some thousand more frames were sent: whatever was rearranged has met traffic. */
static void let_flow(struct traffic *traffic, uint64_t frames)
{
	struct traffic_report report;
	uint64_t goal;

	traffic_report(traffic, &report);
	goal = report.sent + frames;
	while (report.sent < goal) {
		if (traffic_done(traffic))
			tap_bail("the generator ended: %s", strerror(-traffic_stop(traffic)));
		usleep(200);
		traffic_report(traffic, &report);
	}
}

static void churn(const struct live_case *live, struct lana_stack *stack, struct traffic *traffic)
{
	unsigned int turns = live->turns * soak(), i;
	double start = now(), flowed = 0, before;
	size_t changes = 0, j;

	for (i = 0; i < turns && live->act; i++)
		live->act(stack);
	for (i = 0; i < turns; i++)
		for (j = 0; j < LIVE_STEPS_MAX && live->turn[j]; j++) {
			bool flow = !strcmp(live->turn[j], "flow");

			if (!flow) {
				run_step(stack, live->turn[j]);
				changes++;
			}
			before = now();
			/* Frames meet each step in the first turn, however busy CPUs are. */
			if (flow || !i)
				let_flow(traffic, 300);
			flowed += now() - before;
		}
	if (changes)
		tap_note("%zu changes, %.0f a second", changes, changes / (now() - start - flowed));
	let_flow(traffic, 5000);
}

static void settle(const struct live_case *live, struct lana_stack *stack,
		   const struct traffic_report *r)
{
	struct books books;
	size_t i;

	read_books(stack, &books);
	tap_note("sent %lu, received %lu, lost %ld, duplicated %lu, reordered %lu, stale %lu, "
		 "corrupt %lu, foreign %lu, overrun %lu; %.2f Mpps",
		 r->sent, r->received, r->lost, r->duplicated, r->reordered, r->stale, r->corrupt,
		 r->foreign, r->overrun, r->seconds > 0 ? r->sent / r->seconds / 1e6 : 0);
	tap_is(r->lost - (int64_t)books.booked, 0, "%s: sent = received + booked", live->name);
	tap_ok(!r->duplicated && !r->reordered && !r->stale && !r->corrupt && !r->foreign,
	       "%s: no frame duplicated, reordered or damaged", live->name);
	tap_is_text(books.text, live->booked ? live->booked : "", "%s: booked where and why",
		    live->name);
	for (i = 0; i < sizeof(live->counted) / sizeof(live->counted[0]) && live->counted[i]; i++)
		check_counted(live->name, &books, live->counted[i], r->received);
	if (live->settled)
		live->settled(live->name, r->received);
	check_stack(stack, live->name);
	free(books.stats);
}

void live_test(const struct live_case *live, struct lana_stack *stack)
{
	struct traffic_options options = live->traffic;
	struct traffic_report report = {};
	struct traffic *traffic;
	int err;

	options.send = "generator:g0";
	options.check = "checker:c0";
	options.pin = true;
	options.cpu = last_cpu();
	err = traffic_open(&options, &traffic);
	if (!err)
		err = traffic_start(traffic);
	if (err)
		tap_bail("no traffic: %s", strerror(-err));

	let_flow(traffic, 5000);
	churn(live, stack, traffic);
	err = traffic_stop(traffic);
	if (err || traffic_report(traffic, &report))
		tap_bail("the generator failed: %s", strerror(-err));
	settle(live, stack, &report);
	traffic_close(traffic);
}

void live_run(const struct live_case *live, enum lana_hook hook, bool fuse)
{
	struct lana_stack *stack = live_open(hook, fuse);
	struct live_case copy = *live;
	char name[128];
	size_t i;

	snprintf(name, sizeof(name), "%s%s", fuse ? "fused: " : "", live->name);
	copy.name = name;
	if (fuse && live->booked_fused)
		copy.booked = live->booked_fused;
	for (i = 0; i < LIVE_STEPS_MAX && live->setup[i]; i++)
		run_step(stack, live->setup[i]);
	live_test(&copy, stack);
	live_close(stack);
}
