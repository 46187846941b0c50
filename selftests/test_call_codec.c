// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_call_codec - both ends decode the same samples, what is decoded is what was said, a missing
 * frame is concealed and forgotten, and what is no frame does no harm
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/call/codec.h"
#include "call_speech.h"
#include "tap.h"

#define SECONDS 2
#define SAMPLES (SECONDS * SPEECH_RATE)

static int16_t said[SAMPLES];

struct coded {
	uint32_t frames;
	uint16_t lengths[SAMPLES / CODEC_UNIT];
	uint8_t payloads[SAMPLES / CODEC_UNIT][CALL_PAYLOAD_MAX];
};

static struct codec_options options_of(uint32_t samples)
{
	return (struct codec_options){ .samples = samples, .bitrate = 96000, .complexity = 10 };
}

static uint32_t encode(uint32_t samples, struct coded *coded)
{
	struct codec_options options = options_of(samples);
	struct encoder *encoder;
	uint32_t lookahead;

	if (encoder_new(&options, &encoder))
		tap_bail("no encoder");
	coded->frames = SAMPLES / samples;
	for (uint32_t n = 0; n < coded->frames; n++) {
		int length = encoder_encode(encoder, said + n * samples, coded->payloads[n]);

		if (length < 0)
			tap_bail("cannot encode");
		coded->lengths[n] = length;
	}
	lookahead = encoder_lookahead(encoder);
	encoder_free(encoder);
	return lookahead;
}

/* Without the frames from gap on, of which so many are missing. */
static void decode(uint32_t samples, const struct coded *coded, uint32_t gap, uint32_t missing,
		   int16_t *heard)
{
	struct decoder *decoder;

	if (decoder_new(samples, &decoder))
		tap_bail("no decoder");
	for (uint32_t n = 0; n < coded->frames; n++) {
		int16_t *to = heard + n * samples;

		if (n >= gap && n < gap + missing)
			decoder_conceal(decoder, to);
		else if (decoder_decode(decoder, coded->payloads[n], coded->lengths[n], to))
			tap_bail("cannot decode");
	}
	decoder_free(decoder);
}

static double energy(const int16_t *samples, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (double)samples[i] * samples[i];
	return sum;
}

/* How much louder one signal is than what another one differs by from it, dB. */
static double likeness(const int16_t *one, const int16_t *other, size_t count)
{
	double difference = 1;

	for (size_t i = 0; i < count; i++)
		difference += pow((double)one[i] - other[i], 2);
	return 10 * log10(energy(one, count) / difference);
}

static void test_sizes(void)
{
	static int16_t heard[SAMPLES], again[SAMPLES];
	static struct coded coded, coded_again;

	for (uint32_t samples = CODEC_UNIT; samples <= CODEC_FRAME_MAX; samples *= 2) {
		double ms = samples / 48.0;
		uint32_t lookahead = encode(samples, &coded), most = 0;

		encode(samples, &coded_again);
		decode(samples, &coded, 0, 0, heard);
		decode(samples, &coded_again, 0, 0, again);
		for (uint32_t n = 0; n < coded.frames; n++)
			most = coded.lengths[n] > most ? coded.lengths[n] : most;
		tap_ok(!memcmp(heard, again, sizeof(heard)),
		       "%g ms: the same sound is decoded to the same samples", ms);
		tap_is(lookahead, CODEC_UNIT, "%g ms: decoded sound is 2.5 ms behind", ms);
		tap_ok(likeness(said, heard + lookahead, SAMPLES - lookahead) > 10,
		       "%g ms: and is what was said, %.1f dB above the difference", ms,
		       likeness(said, heard + lookahead, SAMPLES - lookahead));
	}
}

static void test_gap(void)
{
	static int16_t whole[SAMPLES], heard[SAMPLES];
	static struct coded coded;
	const uint32_t samples = 240, gap = 180, missing = 2, at = gap * samples;
	const size_t rest = SAMPLES - at - 40 * samples;

	encode(samples, &coded);
	decode(samples, &coded, 0, 0, whole);
	decode(samples, &coded, gap, missing, heard);
	tap_ok(!memcmp(whole, heard, at * sizeof(*heard)), "up to a gap all is the same");
	tap_ok(memcmp(whole + at, heard + at, missing * samples * sizeof(*heard)),
	       "in the gap it is not");
	tap_ok(energy(heard + at, missing * samples) > 0.1 * energy(whole + at, missing * samples),
	       "but the gap is no silence");
	tap_ok(likeness(whole + at + 40 * samples, heard + at + 40 * samples, rest) > 20,
	       "0.2 s behind it, it is nearly the same again");
}

static void test_refused(void)
{
	struct codec_options options = options_of(240);
	struct encoder *encoder = NULL;
	struct decoder *decoder;
	static struct coded coded;
	int16_t heard[240];
	uint8_t noise[64];
	unsigned int wrong = 0;

	options.bitrate = 0;
	tap_is(encoder_new(&options, &encoder), -EINVAL, "a bit rate of 0 is refused");
	encode(480, &coded);
	if (decoder_new(240, &decoder))
		tap_bail("no decoder");
	tap_is(decoder_decode(decoder, coded.payloads[50], coded.lengths[50], heard), -EBADMSG,
	       "a frame of another length is refused");
	srandom(3);
	for (unsigned int i = 0; i < 20000; i++) {
		size_t size = 1 + random() % sizeof(noise);
		int err;

		for (size_t j = 0; j < size; j++)
			noise[j] = random();
		err = decoder_decode(decoder, noise, size, heard);
		wrong += err && err != -EBADMSG;
	}
	tap_is(wrong, 0, "noise is decoded or refused");
	decoder_free(decoder);
}

int main(void)
{
	speech_make(said, SAMPLES, 1);
	test_sizes();
	test_gap();
	test_refused();
	return tap_done();
}
