/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * codec.h - Opus as a call uses it: its CELT mode with the least delay, one channel of 48 kHz
 *
 * Both directions keep state from frame to frame: a frame that is missing has to be concealed, or
 * what is heard after it differs for a while.
 */
#ifndef CALL_CODEC_H
#define CALL_CODEC_H

#include <stdint.h>

#include "packet.h"

#define CODEC_RATE	48000
#define CODEC_FRAME_MAX 960 /* samples: 20 ms */
#define CODEC_UNIT	120 /* samples: 2.5 ms */

struct codec_options {
	uint32_t samples;    /* of a frame: 120, 240, 480 or 960 */
	uint32_t bitrate;    /* bit/s */
	uint32_t complexity; /* 0 to 10 */
};

struct encoder;
struct decoder;

/* -EINVAL: the options are none. -ENOMEM */
int encoder_new(const struct codec_options *options, struct encoder **encoder);
void encoder_free(struct encoder *encoder);

/* Returns the length of the payload, or -EIO. */
int encoder_encode(struct encoder *encoder, const int16_t *samples,
		   uint8_t payload[CALL_PAYLOAD_MAX]);

/* By how many samples decoded sound is behind what was encoded. */
uint32_t encoder_lookahead(struct encoder *encoder);

int decoder_new(uint32_t samples, struct decoder **decoder);
void decoder_free(struct decoder *decoder);
void decoder_reset(struct decoder *decoder);

/* -EBADMSG: the payload is no frame of that many samples; the frame is concealed. */
int decoder_decode(struct decoder *decoder, const uint8_t *payload, uint16_t length,
		   int16_t *samples);
void decoder_conceal(struct decoder *decoder, int16_t *samples);

#endif
