// SPDX-License-Identifier: GPL-2.0-only
/* jitter - a buffer that makes an even stream of frames that come unevenly */
#include <stdlib.h>
#include <string.h>

#include "jitter.h"

#define REFERENCE_FRAMES \
	1024 /* the least transit time is that of so many frames, or twice as many */
#define FADE_SHIFT 9
#define BASE	   (1ULL << 32) /* numbers begin here, so that none is ever negative */
#define URGENT	   4		/* intervals by which the delay may be off until it is quiet */

struct slot {
	uint64_t number;
	bool seen, held;
	uint64_t arrival;
	uint16_t length;
	uint8_t payload[CALL_PAYLOAD_MAX];
};

struct jitter {
	struct jitter_options options;
	struct jitter_counts counts; /* expected: of the streams before this one */

	bool begun, ended;
	uint64_t first, next, highest; /* numbers; next is not taken yet */
	uint64_t end;		       /* the first number that is not of the stream, if ended */
	uint64_t tick;		       /* when the next frame is due */
	uint64_t late_since;	       /* all frames have been late since then; 0: they are not */
	uint32_t depth;

	/* Transit times begin anywhere: only their differences mean something. */
	int64_t transit, jitter, peak;
	int64_t least, least_before; /* transit time, of this turn and the turn before */
	uint32_t turn;		     /* frames of this turn */

	struct slot slots[JITTER_FRAMES];
};

struct jitter *jitter_new(const struct jitter_options *options)
{
	struct jitter *jitter = calloc(1, sizeof(*jitter));

	if (jitter)
		jitter->options = *options;
	return jitter;
}

void jitter_free(struct jitter *jitter)
{
	free(jitter);
}

static uint64_t expected(const struct jitter *jitter)
{
	if (!jitter->begun)
		return 0;
	return (jitter->ended ? jitter->end : jitter->highest + 1) - jitter->first;
}

void jitter_reset(struct jitter *jitter, uint64_t interval)
{
	struct jitter_counts counts = jitter->counts;
	struct jitter_options options = jitter->options;

	counts.expected += expected(jitter);
	memset(jitter, 0, sizeof(*jitter));
	jitter->counts = counts;
	jitter->options = options;
	jitter->options.interval = interval;
}

/* The number next to the highest one that has these low 32 bits. */
static uint64_t extend(const struct jitter *jitter, uint32_t sequence)
{
	int32_t ahead = sequence - (uint32_t)jitter->highest;

	return jitter->highest + ahead;
}

static int64_t transit_of(const struct jitter *jitter, uint64_t number, uint64_t now)
{
	return now - (int64_t)(number - BASE) * jitter->options.interval;
}

static void begin(struct jitter *jitter, uint64_t number, uint64_t now)
{
	uint64_t missing = number < JITTER_MISSABLE ? number : 0;

	jitter->begun = true;
	jitter->highest = BASE + number;
	jitter->first = jitter->highest - missing;
	jitter->next = jitter->first;
	jitter->tick = now + jitter->options.delay - missing * jitter->options.interval;
	jitter->transit = transit_of(jitter, jitter->highest, now);
	jitter->least = jitter->least_before = jitter->transit;
}

static int64_t reference(const struct jitter *jitter)
{
	return jitter->least < jitter->least_before ? jitter->least : jitter->least_before;
}

static void measure(struct jitter *jitter, uint64_t number, uint64_t now)
{
	int64_t transit = transit_of(jitter, number, now), above;

	jitter->jitter += (llabs(transit - jitter->transit) - jitter->jitter) / 16;
	jitter->transit = transit;

	if (transit < jitter->least)
		jitter->least = transit;
	if (++jitter->turn == REFERENCE_FRAMES) {
		jitter->least_before = jitter->least;
		jitter->least = transit;
		jitter->turn = 0;
	}
	above = transit - reference(jitter);
	if (above >= jitter->peak)
		jitter->peak = above;
	else
		jitter->peak -= jitter->peak >> FADE_SHIFT;
}

/* Frames that have all come late for a while will go on to do so: the way is another one. */
static bool resync(struct jitter *jitter, uint64_t number, uint64_t now)
{
	if (!jitter->late_since)
		jitter->late_since = now;
	if (now - jitter->late_since < JITTER_RESYNC)
		return false;
	jitter->late_since = 0;
	jitter->counts.resyncs++;
	jitter->next = number;
	jitter->tick = now + jitter->options.delay;
	jitter->least = jitter->least_before = jitter->transit;
	jitter->peak = 0;
	return true;
}

static void hold(struct jitter *jitter, struct slot *slot, uint64_t now, const uint8_t *payload,
		 uint16_t length)
{
	slot->held = true;
	slot->arrival = now;
	slot->length = length;
	memcpy(slot->payload, payload, length);
	jitter->depth++;
	jitter->late_since = 0;
}

static enum jitter_arrival late(struct jitter *jitter, struct slot *slot, uint64_t number)
{
	jitter->counts.late++;
	jitter->counts.received++;
	if (slot->number < number && !slot->held)
		*slot = (struct slot){ .number = number, .seen = true };
	return JITTER_LATE;
}

enum jitter_arrival jitter_put(struct jitter *jitter, uint32_t sequence, const uint8_t *payload,
			       uint16_t length, uint64_t now)
{
	bool first = !jitter->begun;
	struct slot *slot;
	uint64_t number;

	if (first)
		begin(jitter, sequence, now);
	number = extend(jitter, sequence);
	slot = &jitter->slots[number % JITTER_FRAMES];
	if (slot->number == number && slot->seen) {
		jitter->counts.duplicates++;
		return JITTER_DUPLICATE;
	}
	if (number >= jitter->next + JITTER_FRAMES) {
		jitter->counts.early++;
		return JITTER_EARLY;
	}
	if (number + JITTER_FRAMES < jitter->first) {
		jitter->counts.late++;
		return JITTER_LATE;
	}
	if (number < jitter->first)
		jitter->first = number;

	if (!first)
		measure(jitter, number, now);
	if (number < jitter->highest)
		jitter->counts.reordered++;
	else
		jitter->highest = number;
	if (number < jitter->next && !resync(jitter, number, now))
		return late(jitter, slot, number);

	*slot = (struct slot){ .number = number, .seen = true };
	hold(jitter, slot, now, payload, length);
	jitter->counts.received++;
	return JITTER_HELD;
}

void jitter_end(struct jitter *jitter, uint32_t frames)
{
	/* Of a stream of which no frame is known the highest one is that before its end. */
	if (!jitter->begun) {
		jitter->first = jitter->next = BASE + frames;
		jitter->highest = jitter->first - 1;
	}
	jitter->end = extend(jitter, frames);
	/* No stream ends before a frame that it has. */
	if (jitter->begun && jitter->end <= jitter->highest)
		jitter->end = jitter->highest + 1;
	/* Who did not know has made up frames that were never meant to be. */
	if (!jitter->ended && jitter->begun && jitter->next > jitter->end)
		jitter->counts.concealed -= jitter->next - jitter->end;
	jitter->begun = jitter->ended = true;
}

bool jitter_due(const struct jitter *jitter, uint64_t *due)
{
	if (jitter->begun)
		*due = jitter->tick;
	return jitter->begun;
}

uint64_t jitter_target(const struct jitter *jitter)
{
	const struct jitter_options *options = &jitter->options;
	uint64_t target = 4 * jitter->jitter;

	if (!options->adaptive)
		return options->delay;
	if (target < (uint64_t)jitter->peak)
		target = jitter->peak;
	if (target < options->min)
		return options->min;
	return target > options->max ? options->max : target;
}

/* By how much later than it should the next frame would be played now, ns. */
static int64_t behind(const struct jitter *jitter, uint64_t now)
{
	return transit_of(jitter, jitter->next, now) - reference(jitter) -
	       (int64_t)jitter_target(jitter);
}

static bool take_held(struct jitter *jitter, struct jitter_frame *frame)
{
	struct slot *slot = &jitter->slots[jitter->next % JITTER_FRAMES];

	if (slot->number != jitter->next || !slot->held)
		return false;
	slot->held = false;
	jitter->depth--;
	*frame = (struct jitter_frame){
		.number = jitter->next - BASE,
		.arrival = slot->arrival,
		.length = slot->length,
		.payload = slot->payload,
	};
	return true;
}

/* Come closer to the delay that is aimed at. True: a frame is to be inserted. */
static bool adapt(struct jitter *jitter, uint64_t now, bool quiet)
{
	const int64_t interval = jitter->options.interval;
	/* To be too early costs frames, to be late does not; and the aim wavers. */
	const int64_t bearable = interval * 3 / 2 + jitter_target(jitter) / 4;
	struct jitter_frame frame;
	int64_t off = behind(jitter, now);

	if (off <= -interval && (quiet || off <= -URGENT * interval)) {
		jitter->counts.inserted++;
		return true;
	}
	if (off >= bearable && (quiet || off >= URGENT * bearable) && jitter->depth > 1) {
		take_held(jitter, &frame);
		jitter->next++;
		jitter->counts.skipped++;
	}
	return false;
}

enum jitter_decision jitter_take(struct jitter *jitter, uint64_t now, bool quiet,
				 struct jitter_frame *frame)
{
	if (jitter->ended && jitter->next >= jitter->end)
		return JITTER_END;
	if (!jitter->begun)
		return JITTER_WAIT;

	jitter->tick = now + jitter->options.interval;
	if (jitter->options.adaptive && !jitter->ended && adapt(jitter, now, quiet))
		return JITTER_INSERT;
	if (take_held(jitter, frame)) {
		jitter->next++;
		jitter->counts.played++;
		return JITTER_PLAY;
	}
	jitter->next++;
	jitter->counts.concealed++;
	return JITTER_CONCEAL;
}

struct jitter_counts jitter_counts(const struct jitter *jitter)
{
	struct jitter_counts counts = jitter->counts;

	counts.expected += expected(jitter);
	return counts;
}

uint64_t jitter_jitter(const struct jitter *jitter)
{
	return jitter->jitter;
}

uint32_t jitter_depth(const struct jitter *jitter)
{
	return jitter->depth;
}
