/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wav.h - the head of a WAV file: RIFF, a chunk "fmt ", a chunk "data"
 *
 * Multimedia Programming Interface and Data Specifications 1.0, chapter 3 (IBM, Microsoft, 1991).
 */
#ifndef CALL_WAV_H
#define CALL_WAV_H

#include <stddef.h>
#include <stdint.h>

#define WAV_HEAD 44 /* bytes that we write */

struct wav {
	uint32_t rate;
	uint16_t channels;
	uint32_t bytes; /* of samples; UINT32_MAX: up to the file's end */
};

/* One channel of 16 bits. */
void wav_head(uint8_t head[WAV_HEAD], uint32_t rate, uint32_t bytes);

/*
 * Read the head by calls of read, which returns -errno or 0, with as many bytes as were asked for.
 * -EMEDIUMTYPE: it is a WAV file, but not of 16-bit PCM. -EBADMSG: it is none, or is damaged.
 */
int wav_parse(int (*read)(void *cookie, uint8_t *bytes, size_t count), void *cookie,
	      struct wav *wav);

#endif
