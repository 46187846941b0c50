/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * echo.h - takes out of what a microphone hears what the loudspeaker beside it plays
 *
 * The two tell what they have played and recorded, and when it could be heard, each from a thread
 * of its own. What was heard meanwhile is found by time, so neither has to be called at certain
 * moments.
 */
#ifndef CALL_ECHO_H
#define CALL_ECHO_H

#include <stdint.h>

struct echo;

struct echo_options {
	uint32_t samples; /* of a frame, of 48 kHz */
	uint32_t tail_ms; /* for how long a sound is heard again in the room; 0: 150 */
};

/* NULL: out of memory. */
struct echo *echo_new(const struct echo_options *options);
void echo_free(struct echo *echo);

/* Samples are heard from time heard_at on, in ns. */
void echo_played(struct echo *echo, const int16_t *samples, uint32_t count, uint64_t heard_at);

/* Take the echo, and noise, out of a frame that was recorded from time taken_at on, in ns. */
void echo_cancel(struct echo *echo, int16_t *samples, uint64_t taken_at);

#endif
