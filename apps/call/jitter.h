/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * jitter.h - a buffer that makes an even stream of frames that come unevenly
 *
 * It knows no clock and no codec: who calls it says what time it is. Frames have numbers and
 * follow each other at an interval that is fixed; one is taken at each tick of who plays them.
 *
 * With a fixed delay a frame is played at the arrival of the first one, plus the delay, plus its
 * number times the interval. So what is played depends on which frames came in time and on nothing
 * else.
 *
 * With an adaptive delay the buffer aims at the least delay at which no frame would have come too
 * late lately: the largest transit time seen above the smallest one, which fades by 1/512 a frame,
 * or four times the jitter of RFC 3550, section 6.4.1, if that is more. It gets there a frame at a
 * time, by having one concealed in addition or by leaving one out, where it is quiet if that can be
 * awaited. That also makes up for a player and a recorder whose clocks differ.
 */
#ifndef CALL_JITTER_H
#define CALL_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

#define JITTER_FRAMES 1024 /* that it holds at most, a power of two */
#define JITTER_MISSABLE \
	8 /* frames at a stream's beginning that may be missing and are waited for */
#define JITTER_RESYNC 500000000ULL /* ns during which all frames come late, before it begins anew */

struct jitter_options {
	uint64_t interval; /* of frames, ns */
	bool adaptive;
	uint64_t delay;	   /* fixed, or to begin with, ns */
	uint64_t min, max; /* of an adaptive one, ns */
};

enum jitter_arrival {
	JITTER_HELD,
	JITTER_LATE,	  /* its time had gone by */
	JITTER_DUPLICATE, /* it had come before */
	JITTER_EARLY,	  /* there is no room for it yet */
};

enum jitter_decision {
	JITTER_WAIT,	/* the stream has not begun */
	JITTER_PLAY,	/* this frame */
	JITTER_CONCEAL, /* the frame is not there */
	JITTER_INSERT,	/* conceal, and the frame is played at the next tick */
	JITTER_END,	/* the stream is over */
};

struct jitter_counts {
	uint64_t received; /* frames that came, each once; those that came late included */
	uint64_t expected; /* those that should have come by now, as others after them did */
	uint64_t late, duplicates, early;
	uint64_t reordered; /* came after one with a higher number: RFC 4737 */
	uint64_t played, concealed;
	uint64_t inserted, skipped; /* to change the delay */
	uint64_t resyncs;
};

struct jitter_frame {
	uint64_t number;  /* from the beginning of the stream, not modulo anything */
	uint64_t arrival; /* ns */
	uint16_t length;
	const uint8_t *payload; /* until the next call */
};

struct jitter;

/* NULL: out of memory. */
struct jitter *jitter_new(const struct jitter_options *options);
void jitter_free(struct jitter *jitter);

/* Another stream begins, whose interval is unknown (0) as yet; only the counts go on. */
void jitter_reset(struct jitter *jitter, uint64_t interval);

enum jitter_arrival jitter_put(struct jitter *jitter, uint32_t sequence, const uint8_t *payload,
			       uint16_t length, uint64_t now);

/* The stream has so many frames and no more. */
void jitter_end(struct jitter *jitter, uint32_t frames);

/* When the next frame is to be taken. False: that is not known, as the stream has not begun. */
bool jitter_due(const struct jitter *jitter, uint64_t *due);

/*
 * What is to be played at this tick, whose time is now. frame is written if it is JITTER_PLAY. With
 * quiet, a frame more or less would not be noticed.
 */
enum jitter_decision jitter_take(struct jitter *jitter, uint64_t now, bool quiet,
				 struct jitter_frame *frame);

struct jitter_counts jitter_counts(const struct jitter *jitter);

/* ns: the jitter of RFC 3550; and what the delay is meant to be. */
uint64_t jitter_jitter(const struct jitter *jitter);
uint64_t jitter_target(const struct jitter *jitter);

/* Frames that wait to be played. */
uint32_t jitter_depth(const struct jitter *jitter);

#endif
