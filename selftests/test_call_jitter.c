// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_call_jitter - which frames a jitter buffer plays, and when: by hand for patterns of arrival,
 * against a model for random ones, and what an adaptive delay comes to
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/call/jitter.h"
#include "tap.h"

#define MS	 1000000ULL
#define INTERVAL (10 * MS)
#define START	 (1000 * MS) /* times are told from here on */

struct arrival {
	uint64_t at;
	uint32_t number;
};

/* ---- patterns ------------------------------------------------------------ */

/*
 * Arrivals are "NUMBER@MS", "end5@MS" says that there are five. Ticks are told as the number that
 * is played, c (concealed), i (inserted), E (over). What is late, duplicate, early is counted.
 */
static const struct {
	const char *what;
	const char *arrivals, *ticks;
	unsigned int delay; /* ms */
	bool adaptive;
	unsigned int before; /* of the late ones, that were not missed */
	unsigned int lost, late, duplicates, reordered, skipped;
} patterns[] = {
	{ .what = "frames in time",
	  .delay = 20,
	  .arrivals = "0@0 1@10 2@20 3@30 end4@31",
	  .ticks = "0 1 2 3 E" },
	{ .what = "frames as late as they may be",
	  .delay = 20,
	  .arrivals = "0@0 1@30 2@40 end3@41",
	  .ticks = "0 1 2 E" },
	{ .what = "a frame that is later",
	  .delay = 20,
	  .arrivals = "0@0 1@31 2@40 end3@41",
	  .ticks = "0 c 2 E",
	  .late = 1 },
	{ .what = "a frame that never comes",
	  .delay = 20,
	  .arrivals = "0@0 2@20 end3@21",
	  .ticks = "0 c 2 E",
	  .lost = 1 },
	{ .what = "two swapped",
	  .delay = 20,
	  .arrivals = "0@0 2@19 1@21 end3@30",
	  .ticks = "0 1 2 E",
	  .reordered = 1 },
	{ .what = "the first two swapped",
	  .delay = 20,
	  .arrivals = "1@10 0@11 2@20 end3@30",
	  .ticks = "0 1 2 E",
	  .reordered = 1 },
	{ .what = "the first one missing",
	  .delay = 20,
	  .arrivals = "1@10 2@20 end3@30",
	  .ticks = "c 1 2 E",
	  .lost = 1 },
	{ .what = "one that comes twice",
	  .delay = 20,
	  .arrivals = "0@0 1@10 1@11 2@20 end3@30",
	  .ticks = "0 1 2 E",
	  .duplicates = 1 },
	{ .what = "one that comes again when it has been played",
	  .delay = 20,
	  .arrivals = "0@0 1@10 0@25 end2@30",
	  .ticks = "0 1 E",
	  .duplicates = 1 },
	{ .what = "one that is late, twice",
	  .delay = 20,
	  .arrivals = "0@0 2@20 1@35 1@36 end3@40",
	  .ticks = "0 c 2 E",
	  .late = 1,
	  .duplicates = 1,
	  .reordered = 1 },
	{ .what = "a burst",
	  .delay = 40,
	  .arrivals = "0@0 1@39 2@39 3@39 4@40 end5@41",
	  .ticks = "0 1 2 3 4 E" },
	{ .what = "an end that is told late",
	  .delay = 20,
	  .arrivals = "0@0 1@10 end2@45",
	  .ticks = "0 1 c E" },
	{ .what = "an end that cannot be",
	  .delay = 20,
	  .arrivals = "500@0 501@10 end400@12",
	  .ticks = "500 501 E" },
	{ .what = "the last one missing",
	  .delay = 20,
	  .arrivals = "0@0 1@10 end3@30",
	  .ticks = "0 1 c E",
	  .lost = 1 },
	{ .what = "a stream that is met on its way",
	  .delay = 20,
	  .arrivals = "500@0 501@10 end502@11",
	  .ticks = "500 501 E" },
	{ .what = "one before that",
	  .delay = 20,
	  .arrivals = "500@0 499@1 501@10 end502@11",
	  .ticks = "500 501 E",
	  .before = 1,
	  .late = 1,
	  .reordered = 1 },
	{ .what = "a stream that was over before",
	  .delay = 20,
	  .arrivals = "end700@0",
	  .ticks = "E" },
	{ .what = "a stream without a frame, told twice",
	  .delay = 20,
	  .arrivals = "end0@0 end0@10",
	  .ticks = "E E" },
	{ .what = "a stream that was over before, told twice",
	  .delay = 20,
	  .arrivals = "end700@0 end700@10",
	  .ticks = "E E" },
	{ .what = "numbers that begin anew",
	  .delay = 20,
	  .arrivals = "4294967294@0 4294967295@10 0@20 1@30 end2@31",
	  .ticks = "4294967294 4294967295 0 1 E" },
	{ .what = "numbers that begin anew, swapped",
	  .delay = 20,
	  .arrivals = "4294967295@0 1@20 0@21 end2@31",
	  .ticks = "4294967295 0 1 E",
	  .reordered = 1 },
	{ .what = "less delay than the jitter wants",
	  .delay = 5,
	  .adaptive = true,
	  .arrivals = "0@0 1@10 2@60 3@60 4@60 5@60 6@60 7@70 8@80 9@90 end10@124",
	  .ticks = "0 1 c c c c i i i 6 7 8 9 E" },
};

#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static void tell(char *ticks, size_t size, enum jitter_decision decision, uint64_t number)
{
	const size_t length = strlen(ticks);
	const char *blank = length ? " " : "";

	switch (decision) {
	case JITTER_PLAY:
		snprintf(ticks + length, size - length, "%s%u", blank, (uint32_t)number);
		break;
	case JITTER_CONCEAL:
		snprintf(ticks + length, size - length, "%sc", blank);
		break;
	case JITTER_INSERT:
		snprintf(ticks + length, size - length, "%si", blank);
		break;
	case JITTER_END:
		snprintf(ticks + length, size - length, "%sE", blank);
		break;
	case JITTER_WAIT:
		break;
	}
}

/* All ticks that are due before a time. False: the stream is over. */
static bool run_until(struct jitter *jitter, uint64_t time, char *ticks, size_t size)
{
	struct jitter_frame frame = {};
	uint64_t due;

	while (jitter_due(jitter, &due) && due < time) {
		enum jitter_decision decision = jitter_take(jitter, due, true, &frame);

		tell(ticks, size, decision, frame.number);
		if (decision == JITTER_END)
			return false;
	}
	return true;
}

static struct jitter *new_jitter(bool adaptive, uint64_t delay, uint64_t max)
{
	const struct jitter_options options = {
		.interval = INTERVAL, .adaptive = adaptive, .delay = delay, .min = delay, .max = max
	};
	struct jitter *jitter = jitter_new(&options);

	if (!jitter)
		tap_bail("no memory");
	return jitter;
}

static void test_pattern(size_t i)
{
	struct jitter *jitter = new_jitter(patterns[i].adaptive, patterns[i].delay * MS, 200 * MS);
	const char *at = patterns[i].arrivals;
	struct jitter_counts counts;
	char ticks[256] = "";
	unsigned int number, ms;
	int length;

	for (; *at; at += length, at += *at == ' ') {
		bool end = sscanf(at, "end%u@%u%n", &number, &ms, &length) == 2;

		if (!end && sscanf(at, "%u@%u%n", &number, &ms, &length) != 2)
			tap_bail("no arrival: %s", at);
		run_until(jitter, START + ms * MS, ticks, sizeof(ticks));
		if (end)
			jitter_end(jitter, number);
		else
			jitter_put(jitter, number, (const uint8_t *)"x", 1, START + ms * MS);
	}
	run_until(jitter, UINT64_MAX, ticks, sizeof(ticks));
	counts = jitter_counts(jitter);
	tap_is_text(ticks, patterns[i].ticks, "%s: what is played", patterns[i].what);
	tap_ok(counts.expected - counts.received == patterns[i].lost &&
		       counts.duplicates == patterns[i].duplicates &&
		       counts.reordered == patterns[i].reordered &&
		       (patterns[i].adaptive || (counts.late == patterns[i].late &&
						 counts.concealed + patterns[i].before ==
							 patterns[i].lost + patterns[i].late)),
	       "%s: lost %d, late %d, duplicates %d, reordered %d", patterns[i].what,
	       (int)(counts.expected - counts.received), (int)counts.late, (int)counts.duplicates,
	       (int)counts.reordered);
	jitter_free(jitter);
}

/* ---- against a model ------------------------------------------------------------ */

#define FRAMES	 400
#define ROUNDS	 300
#define ARRIVALS (2 * FRAMES)

static int by_time(const void *left, const void *right)
{
	const struct arrival *a = left, *b = right;

	return a->at < b->at ? -1 : a->at > b->at;
}

static size_t random_arrivals(struct arrival *arrivals, uint32_t first, unsigned int spread)
{
	size_t count = 0;

	for (uint32_t n = 0; n < FRAMES; n++) {
		unsigned int copies = n && random() % 10 == 0 ? 0 : 1;

		copies += copies && random() % 10 == 0;
		for (; copies; copies--)
			arrivals[count++] = (struct arrival){
				.number = first + n,
				/* The first one is the first to come. No two at the same time. */
				.at = START + n * INTERVAL + (n ? random() % spread : 0) * MS +
				      1000 * count + 1,
			};
	}
	qsort(arrivals, count, sizeof(*arrivals), by_time);
	return count;
}

/* The obvious way to tell what a buffer of a fixed delay does. */
static struct jitter_counts model(const struct arrival *arrivals, size_t count, uint32_t first,
				  uint64_t delay, bool *played)
{
	struct jitter_counts counts = { .expected = FRAMES };
	bool come[FRAMES] = {};
	uint32_t highest = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t n = arrivals[i].number - first;
		uint64_t due = arrivals[0].at + delay + n * INTERVAL;

		if (come[n]) {
			counts.duplicates++;
			continue;
		}
		come[n] = true;
		counts.received++;
		counts.reordered += n < highest;
		highest = n > highest ? n : highest;
		played[n] = arrivals[i].at <= due;
		counts.late += !played[n];
		counts.played += played[n];
	}
	counts.concealed = FRAMES - counts.played;
	return counts;
}

static bool run_random(uint32_t first, uint64_t delay, unsigned int spread)
{
	static struct arrival arrivals[ARRIVALS];
	struct jitter *jitter = new_jitter(false, delay, delay);
	size_t count = random_arrivals(arrivals, first, spread), next = 0;
	bool played[FRAMES] = {}, good = true;
	struct jitter_counts want, got;

	want = model(arrivals, count, first, delay, played);
	for (uint32_t n = 0; n < FRAMES;) {
		struct jitter_frame frame = {};
		enum jitter_decision decision;
		uint64_t due;

		if (next < count && (!jitter_due(jitter, &due) || arrivals[next].at <= due)) {
			jitter_put(jitter, arrivals[next].number,
				   (const uint8_t *)&arrivals[next].number, 4, arrivals[next].at);
			next++;
			continue;
		}
		decision = jitter_take(jitter, due, true, &frame);
		good &= (decision == JITTER_PLAY) == played[n];
		good &= !played[n] || (frame.length == 4 && (uint32_t)frame.number == first + n &&
				       !memcmp(frame.payload, &(uint32_t){ first + n }, 4));
		n++;
	}
	for (; next < count; next++)
		jitter_put(jitter, arrivals[next].number, (const uint8_t *)"", 1,
			   arrivals[next].at);
	jitter_end(jitter, first + FRAMES);
	got = jitter_counts(jitter);
	jitter_free(jitter);
	return good && !memcmp(&got, &want, sizeof(got));
}

static void test_random(void)
{
	unsigned int wrong = 0;

	srandom(1);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint32_t first = i % 2 ? 0xffffff00 + random() % 512 : (uint32_t)random() | 256;
		/* So long that there is always one in time for half a second. */
		uint64_t delay = (40 + random() % 100) * MS;

		wrong += !run_random(first, delay, 1 + random() % 150);
	}
	tap_is(wrong, 0, "%d random streams are played as the model says, and counted", ROUNDS);
}

/* ---- an adaptive delay ------------------------------------------------------------ */

struct result {
	struct jitter_counts counts;
	uint64_t delay;		     /* at the end, from the even time of a frame to its tick */
	uint64_t delay_max;	     /* in the second half */
	unsigned int concealed_late; /* of that half */
	bool ordered;
};

/*
 * So many frames come with a jitter that is spread evenly; from the middle on, by another one. The
 * player's clock is off by ppm. It is quiet now and then.
 */
static struct result run_adaptive(uint32_t frames, unsigned int spread, unsigned int spread_after,
				  int ppm)
{
	struct jitter *jitter = new_jitter(true, 5 * MS, 200 * MS);
	struct result result = { .ordered = true };
	uint64_t due = 0, last = 0, tick = 0;
	uint32_t n = 0;
	uint64_t arrival = START;

	while (n < frames) {
		struct jitter_frame frame = {};
		enum jitter_decision decision;

		if (!tick || arrival <= tick) {
			unsigned int width = 1 + (n < frames / 2 ? spread : spread_after);

			jitter_put(jitter, n, (const uint8_t *)"x", 1, arrival);
			if (!tick && jitter_due(jitter, &due))
				tick = due;
			n++;
			arrival = START + n * INTERVAL + random() % width * MS;
			continue;
		}
		decision = jitter_take(jitter, tick, random() % 8 == 0, &frame);
		if (decision == JITTER_PLAY) {
			result.ordered &= !last || frame.number > last;
			last = frame.number;
			result.delay = tick - (START + frame.number * INTERVAL);
			if (n > frames * 3 / 4 && result.delay > result.delay_max)
				result.delay_max = result.delay;
		}
		result.concealed_late += n > frames * 3 / 4 && decision == JITTER_CONCEAL;
		tick += INTERVAL + (int64_t)INTERVAL * ppm / 1000000;
	}
	result.counts = jitter_counts(jitter);
	jitter_free(jitter);
	return result;
}

static void test_adaptive(void)
{
	static const struct {
		const char *what;
		uint32_t frames;
		unsigned int spread, after; /* ms */
		int ppm;
		unsigned int least, most; /* ms of delay in the end */
	} cases[] = {
		{ "no jitter", 20000, 0, 0, 0, 5, 20 },
		{ "jitter of 50 ms", 20000, 50, 50, 0, 45, 95 },
		{ "jitter that grows", 20000, 5, 80, 0, 75, 145 },
		{ "jitter that shrinks", 40000, 80, 5, 0, 5, 35 },
		{ "a player that is slow by 200 ppm", 60000, 10, 10, 200, 8, 40 },
		{ "a player that is fast by 200 ppm", 60000, 10, 10, -200, 2, 40 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result result = run_adaptive(cases[i].frames, cases[i].spread,
						    cases[i].after, cases[i].ppm);

		tap_ok(result.delay >= cases[i].least * MS &&
			       result.delay_max <= cases[i].most * MS,
		       "%s: in the end the delay is %.1f ms, at most %.1f", cases[i].what,
		       result.delay / 1e6, result.delay_max / 1e6);
		tap_ok(result.ordered,
		       "%s: no frame is played twice, or before one that it follows",
		       cases[i].what);
		tap_ok(result.concealed_late < cases[i].frames / 4 / 200,
		       "%s: then %u of %u frames are concealed; %d were inserted and %d skipped",
		       cases[i].what, result.concealed_late, cases[i].frames / 4,
		       (int)result.counts.inserted, (int)result.counts.skipped);
	}
}

/* ---- other ways ------------------------------------------------------------ */

/* From one moment on, all frames take longer than the delay. */
static void test_resync(bool adaptive)
{
	struct jitter *jitter = new_jitter(adaptive, 20 * MS, 200 * MS);
	unsigned int played_after = 0;
	struct jitter_counts counts;
	struct jitter_frame frame;

	for (uint32_t n = 0; n < 500; n++) {
		uint64_t now = START + n * INTERVAL + (n < 100 ? 0 : 2000 * MS), due;

		while (jitter_due(jitter, &due) && due < now)
			played_after +=
				jitter_take(jitter, due, true, &frame) == JITTER_PLAY && n >= 200;
		jitter_put(jitter, n, (const uint8_t *)"x", 1, now);
	}
	counts = jitter_counts(jitter);
	tap_is(counts.resyncs, 1, "a way that is longer for good: it begins anew, once");
	tap_ok(played_after > 280, "and plays what comes then: %u of 300", played_after);
	jitter_free(jitter);
}

static void test_early(void)
{
	struct jitter *jitter = new_jitter(false, 20 * MS, 20 * MS);

	jitter_put(jitter, 0, (const uint8_t *)"x", 1, START);
	tap_is(jitter_put(jitter, JITTER_FRAMES - 1, (const uint8_t *)"x", 1, START), JITTER_HELD,
	       "there is room for so many frames");
	tap_is(jitter_put(jitter, JITTER_FRAMES, (const uint8_t *)"x", 1, START), JITTER_EARLY,
	       "and for no more");
	tap_is(jitter_put(jitter, 0xc0000000, (const uint8_t *)"x", 1, START), JITTER_LATE,
	       "a number from elsewhere is not the stream's");
	tap_is(jitter_counts(jitter).expected, JITTER_FRAMES, "and nothing is missed for it");
	jitter_free(jitter);
}

/* Every other frame comes 8 ms late: by RFC 3550 the jitter is on its way to these 8 ms. */
static void test_jitter(void)
{
	struct jitter *jitter = new_jitter(false, 100 * MS, 100 * MS);
	double want = 0;

	for (uint32_t n = 0; n < 100; n++) {
		uint64_t now = START + n * INTERVAL + n % 2 * 8 * MS, due;
		struct jitter_frame frame;

		while (jitter_due(jitter, &due) && due < now)
			jitter_take(jitter, due, true, &frame);
		jitter_put(jitter, n, (const uint8_t *)"x", 1, now);
		if (n)
			want += (8 * MS - want) / 16;
	}
	tap_ok(fabs(jitter_jitter(jitter) - want) < 1000,
	       "the jitter is %.3f ms, and %.3f by RFC 3550", jitter_jitter(jitter) / 1e6,
	       want / 1e6);
	jitter_free(jitter);
}

int main(void)
{
	for (size_t i = 0; i < PATTERNS; i++)
		test_pattern(i);
	test_random();
	test_adaptive();
	test_resync(false);
	test_resync(true);
	test_early();
	test_jitter();
	return tap_done();
}
