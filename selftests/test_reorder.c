// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_reorder - what becomes of each segment, by the events of docs/reorder.md
 *
 * A case is written as segments and what comes of them: "c=200+100/F@2" is segment c, of 100 bytes
 * from number 200 on, with FIN, by path 2. "c=7" is a packet of number 7 with a header, "c=7@2#5"
 * one that is number 5 on path 2. In half of the runs numbers wrap around soon after the first.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "segments.h"
#include "tap.h"
#include "workers.h"

#define NAMES	   26
#define STAGES_MAX 12
#define PATIENCE   5000 /* ms, for a segment that should come; for one that should not: */
#define BYTES	   50	/* behind a header */
#define QUIET	   15

struct stage {
	/*
	 * Segments; or "set OPTIONS"; "wait" until the worker has let go of the flow; "sleep" until
	 * a flow is not young any more.
	 */
	const char *in;
	const char *out; /* what comes then, by their names, in this order, and nothing else */
};

static const struct events {
	const char *name, *options; /* beside those by default */
	struct stage stages[STAGES_MAX];
	const char *counters; /* by how much they grow */
} events[] = {
	{ "in order",
	  "",
	  { { "a=0+100 b=100+100", "ab" }, { "c=200+1/F", "c" } },
	  "to_user=0 gaps=0 held=0 late=0" },
	{ "a missing one comes",
	  "",
	  { { "a=0+100", "a" }, { "c=200+100 d=300+100", "" }, { "b=100+100", "bcd" } },
	  "to_user=3 gaps=1 held=2 filled=1 holding=0" },
	{ "several are missing",
	  "",
	  { { "a=0+100", "a" },
	    { "g=600+100 e=400+100 c=200+100", "" },
	    { "b=100+100", "bc" },
	    { "d=300+100", "de" },
	    { "f=500+100", "fg" } },
	  "gaps=1 held=3 filled=3 holding=0" },
	{ "the kernel has the flow again",
	  "",
	  { { "a=0+100", "a" },
	    { "c=200+100", "" },
	    { "b=100+100", "bc" },
	    { "wait", "" },
	    { "d=300+100", "d" },
	    { "e=400+100", "e" },
	    { "g=600+100", "" },
	    { "f=500+100", "fg" } },
	  "to_user=4 gaps=2 held=2" },
	{ "pure ACKs wait for nothing",
	  "",
	  { { "a=0+100", "a" },
	    { "c=200+100", "" },
	    { "x=300+0/A y=0+0/A", "xy" },
	    { "b=100+100", "bc" } },
	  "to_user=2 held=1" },
	{ "a probe of one byte that is there already",
	  "",
	  { { "a=0+100", "a" },
	    { "p=99+1/A", "p" },
	    { "c=200+100", "" },
	    { "q=99+1/A", "q" },
	    { "b=100+100", "bc" } },
	  "late=2 held=1" },
	{ "SYN and FIN are numbered",
	  "",
	  { { "s=0+0/S", "s" }, { "a=1+100/A", "a" }, { "f=101+0/F", "f" }, { "l=102+0/A", "l" } },
	  "to_user=0 late=0" },
	{ "SYN with data", "", { { "s=0+50/S", "s" }, { "a=51+100/A", "a" } }, "to_user=0" },
	{ "SYN begins anew: what waits goes first",
	  "",
	  { { "a=0+100", "a" },
	    { "d=300+100 c=200+100", "" },
	    { "s=5000+0/S", "cds" },
	    { "b=5001+100", "b" },
	    { "x=5201+1", "" },
	    { "y=5101+100", "yx" } },
	  "restarts=0 held=3" },
	{ "SYN begins anew in the kernel",
	  "",
	  { { "a=0+100", "a" },
	    { "s=5000+0/S b=5001+100", "sb" },
	    { "t=300+0/S c=301+100", "tc" } },
	  "to_user=0 restarts=0 late=0" },
	{ "behind a SYN a flow is young",
	  "timer=none hold=100ms",
	  { { "a=0+100@1", "a" },
	    { "sleep", "" },
	    { "s=100+0/S@1", "s" },
	    { "c=201+100@1", "" },
	    { "b=101+100@1", "bc" } },
	  "lost=0 filled=1" },
	{ "FIN waits for data before it",
	  "",
	  { { "a=0+100", "a" }, { "f=200+0/F", "" }, { "b=100+100", "bf" } },
	  "held=1" },
	{ "RST in its place goes at once",
	  "",
	  { { "a=0+100", "a" }, { "r=100+0/R", "r" }, { "q=50+0/R", "q" } },
	  "to_user=0 late=0" },
	{ "RST waits for data before it",
	  "",
	  { { "a=0+100", "a" }, { "r=200+0/R", "" }, { "b=100+100", "br" } },
	  "held=1 duplicates=0" },
	{ "one that waits is sent again",
	  "",
	  { { "a=0+100", "a" },
	    { "c=200+100", "" },
	    { "d=200+100 e=250+50", "" },
	    { "b=100+100", "bc" } },
	  "held=1 duplicates=2" },
	{ "one that has left is sent again",
	  "",
	  { { "a=0+100 b=100+100", "ab" }, { "c=0+100 d=150+50", "cd" } },
	  "late=2 duplicates=0 to_user=0" },
	{ "one that overlaps what has left",
	  "",
	  { { "a=0+100", "a" }, { "b=50+100", "b" }, { "c=150+50", "c" } },
	  "to_user=0 late=0" },
	{ "ones that overlap where they wait",
	  "",
	  { { "a=0+100", "a" },
	    { "c=200+100 d=250+100", "" },
	    { "b=100+100", "bcd" },
	    { "e=350+1", "e" } },
	  "duplicates=0 held=2" },
	{ "one that brings what waits, and more",
	  "",
	  { { "a=0+100", "a" }, { "c=200+50 d=200+200", "" }, { "b=100+100", "bcd" } },
	  "duplicates=0 held=2" },
	{ "one that fills the gap and brings what waits",
	  "",
	  { { "a=0+100", "a" }, { "c=200+50 d=250+50", "" }, { "b=100+150", "bd" } },
	  "duplicates=1 held=2 filled=1" },
	{ "its time is not up",
	  "",
	  { { "a=0+100", "a" }, { "c=200+100", "" }, { "sleep", "" }, { "b=100+100", "bc" } },
	  "timeouts=0 filled=1" },
	{ "its time is up, and it comes late",
	  "hold=30ms",
	  { { "a=0+100", "a" },
	    { "c=200+100 e=400+100", "ce" },
	    { "b=100+100", "b" },
	    { "d=300+100", "d" } },
	  "timeouts=2 late=2 held=2" },
	{ "each path has brought a later one: it is lost",
	  "timer=none hold=100ms",
	  { { "a=0+100@1 b=100+100@2", "ab" },
	    { "sleep", "" },
	    { "d=300+100@1", "" },
	    { "e=400+100@1", "" },
	    { "f=500+100@2", "def" },
	    { "c=200+100@1", "c" } },
	  "lost=1 timeouts=0 late=1" },
	{ "one path: what it has not brought is lost",
	  "timer=none hold=100ms",
	  { { "a=0+100@1", "a" }, { "sleep", "" }, { "c=200+100@1", "c" } },
	  "lost=1 held=1" },
	{ "a flow is young: other paths may still show up",
	  "timer=none",
	  { { "a=0+100@1", "a" }, { "c=200+100@1", "" }, { "b=100+100@2", "bc" } },
	  "lost=0 filled=1" },
	{ "a path is not known: nobody knows what is lost",
	  "",
	  { { "a=0+100@1 b=100+100", "ab" },
	    { "sleep", "" },
	    { "d=300+100@1 e=400+100", "" },
	    { "c=200+100@1", "cde" } },
	  "lost=0 filled=1" },
	{ "fragments leave at once, and move nothing",
	  "",
	  { { "a=0+100", "a" },
	    { "c=200+100/f b=100+100/f", "cb" },
	    { "e=200+100", "" },
	    { "d=100+100", "de" } },
	  "to_user=2 late=0" },
	{ "numbers of another life",
	  "",
	  { { "a=0+100", "a" },
	    { "c=200+100", "" },
	    { "x=80000000+100", "cx" },
	    { "y=80000100+100", "y" } },
	  "restarts=1" },
	{ "the same in the kernel",
	  "",
	  { { "a=0+100", "a" }, { "x=80000000+100 y=80000100+100", "xy" } },
	  "restarts=1 to_user=0" },
	{ "a flow is full",
	  "size=3",
	  { { "a=0+100", "a" },
	    { "c=200+100 d=300+100 g=600+100", "" },
	    { "h=700+100", "cd" },
	    { "e=400+200", "egh" } },
	  "full=1 held=4 late=0" },
	{ "all are full",
	  "total=2",
	  { { "a=0+100 A=0+100:1", "aA" },
	    { "c=200+100 C=200+100:1", "" },
	    { "D=300+100:1", "CD" },
	    { "b=100+100", "bc" } },
	  "full=1" },
	{ "flows do not wait for each other",
	  "",
	  { { "a=0+100 A=0+100:1", "aA" },
	    { "c=200+100 B=100+100:1", "B" },
	    { "D=300+100:1", "" },
	    { "b=100+100", "bc" },
	    { "C=200+100:1", "CD" } },
	  "gaps=2 held=2" },
	{ "order=off lets go, and on begins where the flow is",
	  "",
	  { { "a=0+100", "a" },
	    { "d=300+100 c=200+100", "" },
	    { "set order=off", "cd" },
	    { "f=500+100 b=100+100", "fb" },
	    { "set order=on", "" },
	    { "g=600+100", "g" },
	    { "i=800+100", "" },
	    { "h=700+100", "hi" } },
	  "full=0 timeouts=0" },
	{ "a time that is set counts for what waits",
	  "",
	  { { "a=0+100", "a" },
	    { "c=200+100", "" },
	    { "set hold=20ms", "c" },
	    { "set timer=none", "" },
	    { "e=400+100", "" },
	    { "d=300+100", "de" } },
	  "timeouts=1 filled=1" },
};

/* The same of packets with a header, sequence=header. */
static const struct events headers[] = {
	{ "in order", "", { { "a=0 b=1 c=2", "abc" } }, "to_user=0 late=0 duplicates=0" },
	{ "a missing one comes",
	  "",
	  { { "a=0", "a" }, { "c=2 d=3", "" }, { "b=1", "bcd" } },
	  "held=2 filled=1 gaps=1" },
	{ "twice, in the kernel",
	  "",
	  { { "a=0 b=1 c=1 d=0 e=2", "abe" } },
	  "to_user=0 duplicates=2 late=0" },
	{ "twice, where it waits",
	  "",
	  { { "a=0", "a" }, { "c=2 d=2", "" }, { "b=1", "bc" }, { "e=1 f=2 g=0", "" } },
	  "duplicates=4 late=0" },
	{ "twice, whoever had the first",
	  "",
	  { { "a=0", "a" },
	    { "c=2", "" },
	    { "b=1", "bc" },
	    { "wait", "" },
	    { "d=3", "d" },
	    { "e=1 f=2 g=3 h=0", "" },
	    { "j=5", "" },
	    { "k=3 l=2", "" },
	    { "i=4", "ij" } },
	  "duplicates=6 late=0 gaps=2" },
	{ "late, and then twice",
	  "hold=30ms",
	  { { "a=0", "a" }, { "c=2", "c" }, { "b=1", "b" }, { "d=1", "" } },
	  "timeouts=1 late=1 duplicates=1" },
	{ "late, in the kernel",
	  "hold=30ms",
	  { { "a=0", "a" }, { "c=2", "c" }, { "wait", "" }, { "b=1", "b" }, { "d=1", "" } },
	  "timeouts=1 late=1 duplicates=1" },
	{ "each path has brought a later one: it is lost",
	  "timer=none hold=100ms",
	  { { "a=0@1#7 b=1@2#9", "ab" }, { "sleep", "" }, { "d=3@1#9", "" }, { "e=4@2#10", "de" } },
	  "lost=1 path_lost=1" },
	{ "what paths lose is counted",
	  "timer=none hold=100ms",
	  { { "a=0@1#65530", "a" }, { "sleep", "" }, { "b=1@1#65531 c=2@1#4", "bc" } },
	  "path_lost=8" },
	{ "a path's numbers begin anew: nothing is lost",
	  "",
	  { { "a=0@1#100 b=1@1#40000 c=2@1#40002", "abc" }, { "d=3@1#100 e=4@1#102", "de" } },
	  "path_lost=2" },
	{ "a sender that begins anew",
	  "",
	  { { "a=0", "a" }, { "x=100000 y=100001", "xy" }, { "b=1", "b" }, { "c=2", "c" } },
	  "restarts=2 to_user=0" },
	{ "senders do not wait for each other",
	  "",
	  { { "a=0 A=500:1", "aA" }, { "c=2 B=501:1", "B" }, { "b=1", "bc" } },
	  "gaps=1" },
	{ "order=off: none twice all the same",
	  "order=off",
	  { { "a=0 d=3 b=1 c=3", "adb" } },
	  "duplicates=1 late=1 to_user=0" },
};

static const struct events others[] = {
	{ "other packets leave at once",
	  "",
	  { { "a=0+100 c=200+100 b=100+100", "acb" } },
	  "gaps=0" },
};

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
	test_all(events, sizeof(events) / sizeof(events[0]));
	segments_set(stack, "sequence=header");
	test_all(headers, sizeof(headers) / sizeof(headers[0]));
	test_all(others, sizeof(others) / sizeof(others[0]));
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
