// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_call_echo - an echo of what is played goes out of what is recorded, wherever in time the
 * two threads are, and what is said here stays
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/call/echo.h"
#include "call_speech.h"
#include "tap.h"

#define FRAME	240
#define SECONDS 8
#define FRAMES	(SECONDS * SPEECH_RATE / FRAME)
#define SAMPLES (FRAMES * FRAME)
#define ROOM	(SPEECH_RATE / 50) /* samples from loudspeaker to microphone: 20 ms */
#define NS	(1000000000ULL * FRAME / SPEECH_RATE)
#define LAST \
	(2 * SPEECH_RATE) /* samples at the end that are judged, when it has learned the room */

static int16_t played[SAMPLES], own[SAMPLES], recorded[SAMPLES], left[SAMPLES];

static double loudness(const int16_t *samples)
{
	double sum = 1;

	for (size_t i = SAMPLES - LAST; i < SAMPLES; i++)
		sum += (double)samples[i] * samples[i];
	return 10 * log10(sum / LAST);
}

/* What the microphone hears: the room, half as loud, and what is said here. */
static void record(double loud)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		double echo = i < ROOM ? 0 : 0.5 * played[i - ROOM];

		echo += i < 2 * ROOM ? 0 : 0.2 * played[i - 2 * ROOM];
		recorded[i] = echo + loud * own[i];
	}
}

/* Played sound is told so much before it is heard. */
static void run(uint64_t early_ns)
{
	const struct echo_options options = { .samples = FRAME };
	const uint64_t begin = 1000000000, early = early_ns / NS;
	struct echo *echo = echo_new(&options);

	if (!echo)
		tap_bail("no memory");
	memcpy(left, recorded, sizeof(left));
	for (uint64_t n = 0; n < FRAMES + early; n++) {
		if (n < FRAMES)
			echo_played(echo, played + n * FRAME, FRAME, begin + n * NS);
		if (n >= early)
			echo_cancel(echo, left + (n - early) * FRAME, begin + (n - early) * NS);
	}
	echo_free(echo);
}

int main(void)
{
	speech_make(played, SAMPLES, 1);
	speech_make(own, SAMPLES, 2);

	record(0);
	for (uint64_t early = 0; early <= 100; early += 50) {
		run(early * 1000000 + NS);
		tap_ok(loudness(recorded) - loudness(left) > 15,
		       "played %d ms ahead, the echo is %.0f dB softer", (int)early,
		       loudness(recorded) - loudness(left));
	}

	memset(played, 0, sizeof(played));
	record(0.5);
	run(NS);
	tap_ok(loudness(recorded) - loudness(left) < 6,
	       "what is said here while nothing is played stays, %.1f dB softer",
	       loudness(recorded) - loudness(left));
	return tap_done();
}
