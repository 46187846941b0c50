// SPDX-License-Identifier: GPL-2.0-only
/* call_speech - sound that is like speech */
#include <math.h>
#include <stdbool.h>

#include "call_speech.h"

#define FORMANTS 3
#define SYLLABLE (SPEECH_RATE / 5)

static const struct vowel {
	double hz[FORMANTS];
} vowels[] = {
	{ { 270, 2290, 3010 } }, { { 530, 1840, 2480 } }, { { 730, 1090, 2440 } },
	{ { 570, 840, 2410 } },	 { { 300, 870, 2240 } },
};

#define VOWELS (sizeof(vowels) / sizeof(vowels[0]))

static const double widths[FORMANTS] = { 60, 90, 150 }; /* Hz */

struct resonator {
	double before[2];
};

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* A second-order resonator of unity gain at 0 Hz (Klatt 1980). */
static double resonate(struct resonator *resonator, double hz, double width, double in)
{
	const double c = -exp(-2 * M_PI * width / SPEECH_RATE);
	const double b = 2 * exp(-M_PI * width / SPEECH_RATE) * cos(2 * M_PI * hz / SPEECH_RATE);
	double out = (1 - b - c) * in + b * resonator->before[0] + c * resonator->before[1];

	resonator->before[1] = resonator->before[0];
	resonator->before[0] = out;
	return out;
}

static double noise(uint32_t *state)
{
	return next(state) / (double)(1 << 23) - 1;
}

void speech_make(int16_t *samples, size_t count, uint32_t seed)
{
	struct resonator resonators[FORMANTS] = { 0 };
	const struct vowel *vowel = &vowels[0];
	double phase = 0, pitch = 110, loud = 0, wanted = 0;
	bool hisses = false;

	for (size_t i = 0; i < count; i++) {
		double sound;

		if (i % SYLLABLE == 0) {
			vowel = &vowels[next(&seed) % VOWELS];
			pitch = 90 + next(&seed) % 80;
			hisses = next(&seed) % 5 == 0;
			wanted = next(&seed) % 6 ? 1 : 0;
		}
		loud += (wanted - loud) / (SPEECH_RATE / 50);
		phase += (pitch + 4 * sin(i / 1500.0)) / SPEECH_RATE;
		sound = hisses ? noise(&seed) / 8 : phase >= 1 ? 12 : 0;
		phase -= phase >= 1;
		for (unsigned int f = 0; f < FORMANTS; f++)
			sound = resonate(&resonators[f], vowel->hz[f], widths[f], sound);
		sound *= 6000 * loud;
		samples[i] = sound > 32000 ? 32000 : sound < -32000 ? -32000 : sound;
	}
}
