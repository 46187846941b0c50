/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * call_speech.h - sound that is like speech, for calls: syllables of vowels and hisses, with pauses
 *
 * A pulse train (or noise) goes through three resonators, the formants of a vowel, whose
 * frequencies are those that Peterson and Barney measured (1952). The same seed makes the same
 * samples.
 */
#ifndef CALL_SPEECH_H
#define CALL_SPEECH_H

#include <stddef.h>
#include <stdint.h>

#define SPEECH_RATE 48000

/* Fill in samples of one channel. */
void speech_make(int16_t *samples, size_t count, uint32_t seed);

#endif
