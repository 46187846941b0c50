// SPDX-License-Identifier: GPL-2.0-only
/* wav - the head of a WAV file */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wav.h"

#define PCM	   1
#define EXTENSIBLE 0xfffe /* the format's number is the beginning of a GUID further on */
#define FORMAT	   16	  /* bytes of a chunk "fmt " at least */
#define FORMAT_MAX 40

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

void wav_head(uint8_t head[WAV_HEAD], uint32_t rate, uint32_t bytes)
{
	memcpy(head, "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0", 24);
	put32(head + 4, bytes + WAV_HEAD - 8);
	put32(head + 24, rate);
	put32(head + 28, rate * 2);
	memcpy(head + 32, "\2\0\x10\0data", 8);
	put32(head + 40, bytes);
}

static int skip(int (*read)(void *cookie, uint8_t *bytes, size_t count), void *cookie,
		uint64_t count)
{
	uint8_t bytes[256];
	int err = 0;

	while (count && !err) {
		size_t part = count < sizeof(bytes) ? count : sizeof(bytes);

		err = read(cookie, bytes, part);
		count -= part;
	}
	return err;
}

static int parse_format(const uint8_t *bytes, uint32_t size, struct wav *wav)
{
	uint16_t format = get16(bytes);

	if (format == EXTENSIBLE && size >= FORMAT_MAX)
		format = get16(bytes + 24);
	wav->channels = get16(bytes + 2);
	wav->rate = get32(bytes + 4);
	if (format != PCM || get16(bytes + 14) != 16)
		return -EMEDIUMTYPE;
	if (!wav->channels || !wav->rate || get16(bytes + 12) != 2 * wav->channels)
		return -EBADMSG;
	return 0;
}

int wav_parse(int (*read)(void *cookie, uint8_t *bytes, size_t count), void *cookie,
	      struct wav *wav)
{
	uint8_t bytes[FORMAT_MAX];
	struct wav found = {};
	int err = read(cookie, bytes, 12);

	if (!err && (memcmp(bytes, "RIFF", 4) || memcmp(bytes + 8, "WAVE", 4)))
		return -EBADMSG;
	for (;;) {
		uint32_t size, kept;

		err = err ?: read(cookie, bytes, 8);
		if (err)
			return err;
		size = get32(bytes + 4);
		if (!memcmp(bytes, "data", 4)) {
			/* What is written to a pipe does not know how long it will be. */
			found.bytes = size && size < 0x7ffff000 ? size : UINT32_MAX;
			break;
		}
		kept = 0;
		if (!memcmp(bytes, "fmt ", 4)) {
			if (size < FORMAT)
				return -EBADMSG;
			kept = size < FORMAT_MAX ? size : FORMAT_MAX;
			err = read(cookie, bytes, kept) ?: parse_format(bytes, size, &found);
		}
		/* Chunks are padded to an even length. */
		err = err ?: skip(read, cookie, (uint64_t)size + (size & 1) - kept);
	}
	if (!found.rate)
		return -EBADMSG;
	*wav = found;
	return 0;
}
