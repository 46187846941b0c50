// SPDX-License-Identifier: GPL-2.0-only
/* codec - Opus as a call uses it */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <opus.h>

#include "codec.h"

struct encoder {
	OpusEncoder *opus;
	uint32_t samples;
};

struct decoder {
	OpusDecoder *opus;
	uint32_t samples;
};

static int error_of(int error)
{
	return error == OPUS_ALLOC_FAIL ? -ENOMEM : -EINVAL;
}

int encoder_new(const struct codec_options *options, struct encoder **encoder)
{
	struct encoder *new = calloc(1, sizeof(*new));
	int error;

	if (!new)
		return -ENOMEM;
	new->samples = options->samples;
	new->opus =
		opus_encoder_create(CODEC_RATE, 1, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
	if (error == OPUS_OK)
		error = opus_encoder_ctl(new->opus, OPUS_SET_BITRATE((int)options->bitrate));
	if (error == OPUS_OK)
		error = opus_encoder_ctl(new->opus, OPUS_SET_COMPLEXITY((int)options->complexity));
	if (error != OPUS_OK) {
		encoder_free(new);
		return error_of(error);
	}
	*encoder = new;
	return 0;
}

void encoder_free(struct encoder *encoder)
{
	if (!encoder)
		return;
	if (encoder->opus)
		opus_encoder_destroy(encoder->opus);
	free(encoder);
}

int encoder_encode(struct encoder *encoder, const int16_t *samples,
		   uint8_t payload[CALL_PAYLOAD_MAX])
{
	int length =
		opus_encode(encoder->opus, samples, encoder->samples, payload, CALL_PAYLOAD_MAX);

	return length > 0 ? length : -EIO;
}

uint32_t encoder_lookahead(struct encoder *encoder)
{
	opus_int32 lookahead = 0;

	opus_encoder_ctl(encoder->opus, OPUS_GET_LOOKAHEAD(&lookahead));
	return lookahead;
}

int decoder_new(uint32_t samples, struct decoder **decoder)
{
	struct decoder *new = calloc(1, sizeof(*new));
	int error;

	if (!new)
		return -ENOMEM;
	new->samples = samples;
	new->opus = opus_decoder_create(CODEC_RATE, 1, &error);
	if (error != OPUS_OK) {
		free(new);
		return error_of(error);
	}
	*decoder = new;
	return 0;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	opus_decoder_destroy(decoder->opus);
	free(decoder);
}

void decoder_reset(struct decoder *decoder)
{
	opus_decoder_ctl(decoder->opus, OPUS_RESET_STATE);
}

void decoder_conceal(struct decoder *decoder, int16_t *samples)
{
	if (opus_decode(decoder->opus, NULL, 0, samples, decoder->samples, 0) < 0)
		memset(samples, 0, decoder->samples * sizeof(*samples));
}

int decoder_decode(struct decoder *decoder, const uint8_t *payload, uint16_t length,
		   int16_t *samples)
{
	const int count = opus_packet_get_nb_samples(payload, length, CODEC_RATE);

	if (count == (int)decoder->samples &&
	    opus_decode(decoder->opus, payload, length, samples, count, 0) == count)
		return 0;
	decoder_conceal(decoder, samples);
	return -EBADMSG;
}
