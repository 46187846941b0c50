// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_reorder - what becomes of each segment, by the events of docs/reorder.md
 *
 * reorder_cases.c has them. In half of the runs numbers wrap around soon after the first.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "reorder_cases.h"
#include "segments.h"
#include "tap.h"
#include "workers.h"

#define NAMES	 26
#define PATIENCE 5000 /* ms, for a segment that should come; for one that should not: */
#define BYTES	 50   /* behind a header */
#define QUIET	 15

static struct lana_stack *stack;
static int to, from;
static uint16_t flow = 1000; /* of the case; its others are those behind it */

/* ---- events ---------------------------------------------------------------------------------- */

static unsigned int number_of(char name)
{
	return name >= 'a' ? name - 'a' : name - 'A' + NAMES;
}

/*
 * "a=0+100/FA@2#5:1": name, number, length; flags, path, number on the path, and flow, as far as
 * they are not 0. Without a length: with a header.
 */
static char parse(const char *text, uint32_t base, struct segment segments[2 * NAMES])
{
	static const char flags[] = "FSRPA"; /* of TCP; and f: a fragment */
	struct segment segment = { .flow = flow };
	char name = *text, *at;

	segment.seq = base + strtoul(text + 2, &at, 10);
	segment.numbered = *at != '+';
	segment.length = segment.numbered ? BYTES : strtoul(at + 1, &at, 10);
	if (*at == '/') {
		for (at++; *at && strchr(flags, *at); at++)
			segment.flags |= 1U << (strchr(flags, *at) - flags);
		segment.fragment = *at == 'f';
		at += segment.fragment;
	}
	if (*at == '@')
		segment.path = strtoul(at + 1, &at, 10);
	if (*at == '#')
		segment.path_number = strtoul(at + 1, &at, 10);
	if (*at == ':')
		segment.flow += strtoul(at + 1, &at, 10);
	if (*at)
		tap_bail("%s is no segment", text);
	segments[number_of(name)] = segment;
	return name;
}

static void send_all(const char *text, uint32_t base, struct segment segments[2 * NAMES])
{
	char copy[200], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, " ")))
		segment_send(to, segments, number_of(parse(word, base, segments)));
}

/* Does exactly this come? What has come is written to got. */
static bool comes(const char *want, const struct segment *segments, char got[2 * NAMES + 1])
{
	size_t count = 0;

	for (;;) {
		int number = segment_receive(from, count < strlen(want) ? PATIENCE : QUIET,
					     segments, 2 * NAMES);

		if (number == SEGMENT_NONE || count == 2 * NAMES)
			break;
		got[count++] = number == SEGMENT_OTHER ? '?'
			       : number < NAMES	       ? 'a' + number
						       : 'A' + number - NAMES;
	}
	got[count] = 0;
	return !strcmp(got, want);
}

/* The value of the next counter in "held=3 gaps=1"; *text goes behind it. NULL: no more. */
static const char *next_counter(const char **text, char name[32], long long *value)
{
	int length;

	if (sscanf(*text, " %31[a-z_]=%lld%n", name, value, &length) != 2)
		return NULL;
	*text += length;
	return name;
}

static void read_counters(const char *text, long long values[16])
{
	long long unused;
	char name[32];

	for (int i = 0; i < 16 && next_counter(&text, name, &unused); i++)
		values[i] = worker_count(stack, "b", name);
}

static bool have_grown(const char *text, const long long before[16])
{
	bool all = true;
	long long want, now;
	char name[32];

	for (int i = 0; next_counter(&text, name, &want); i++) {
		now = worker_count(stack, "b", name) - before[i];
		if (now != want)
			tap_note("%s is %lld, not %lld", name, now, want);
		all &= now == want;
	}
	return all;
}

static void test_events(const struct events *events, uint32_t base)
{
	struct segment segments[2 * NAMES] = {};
	long long before[16];
	bool passed = true;

	segments_set(stack, SEGMENTS_DEFAULTS);
	if (*events->options)
		segments_set(stack, events->options);
	read_counters(events->counters, before);
	for (const struct stage *stage = events->stages; stage->in && passed; stage++) {
		char got[2 * NAMES + 1];

		if (!strcmp(stage->in, "wait"))
			segments_await_none(stack);
		else if (!strcmp(stage->in, "sleep"))
			usleep(SEGMENTS_YOUNG_US);
		else if (!strncmp(stage->in, "set ", 4))
			segments_set(stack, stage->in + 4);
		else
			send_all(stage->in, base, segments);
		passed = comes(stage->out, segments, got);
		if (!passed)
			tap_note("after \"%s\": \"%s\" instead of \"%s\"", stage->in, got,
				 stage->out);
	}
	segments_await_none(stack);
	passed &= have_grown(events->counters, before) & !worker_count(stack, "b", "holding");
	tap_ok(passed, "%s, from %u on: %s", account_hook, base, events->name);
	flow += 10;
}

static void test_all(const struct events *events, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		test_events(&events[i], 1000000);
		test_events(&events[i], events[i].stages[0].in[3] == '+' ? -150U : -2U);
	}
}

static void test_hook(enum lana_hook hook)
{
	pid_t worker;

	stack = segments_open(hook, "reorder dead=closed");
	to = segments_sender();
	from = segments_receiver();
	worker = worker_start(stack, "live", NULL, "b");
	test_all(tcp_events, tcp_events_count);
	segments_set(stack, "sequence=header");
	test_all(header_events, header_events_count);
	test_all(other_events, other_events_count);
	tap_is(worker_end(worker, SIGTERM), 0, "%s: the worker ends", account_hook);
	close(to);
	close(from);
	segments_close(stack);
}

int main(void)
{
	live_begin();
	test_hook(LANA_HOOK_XDP);
	test_hook(LANA_HOOK_TC);
	return tap_done();
}
