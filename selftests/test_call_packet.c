// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_call_packet - what lana-call sends is read as it was written, octet by octet as the format
 * says; what is no such packet is refused; and WAV files are read whatever is in them
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apps/call/packet.h"
#include "apps/call/wav.h"
#include "tap.h"

#define ROUNDS 200000

static const uint8_t payload[] = { 0xe8, 1, 2, 3 };

static const struct call_packet audio = {
	.to = { 2, 0, 0, 0, 0, 1 },
	.from = { 2, 0, 0, 0, 0, 2 },
	.kind = CALL_AUDIO,
	.duration = 2,
	.stream = 0x01020304,
	.sequence = 0xfffefdfc,
	.time = 0x11121314,
	.payload = payload,
	.length = sizeof(payload),
};

static const struct call_packet report = {
	.kind = CALL_TELL,
	.flags = CALL_ENDED,
	.stream = 7,
	.sequence = 12000,
	.time = 48,
	.report = { .heard = 9,
		    .received = 11,
		    .lost = 12,
		    .late = 13,
		    .jitter = 14,
		    .sent = 0x0102030405060708,
		    .echo = 0x1112131415161718,
		    .held = 0x2122232425262728 },
};

/* The page behind the octets cannot be read, so a step too far is a fault. */
static uint8_t *guarded(const uint8_t *bytes, size_t size)
{
	static uint8_t *pages;
	const size_t page = sysconf(_SC_PAGESIZE);

	if (!pages) {
		pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE))
			tap_bail("no memory");
	}
	memcpy(pages + page - size, bytes, size);
	return pages + page - size;
}

static int read_guarded(const uint8_t *bytes, size_t size, struct call_packet *packet)
{
	return call_packet_read(guarded(bytes, size), size, CALL_ETHERTYPE, packet);
}

static void test_octets(void)
{
	static const uint8_t want[] = { 2,    0,    0,	  0,	0,    1, /* to */
					2,    0,    0,	  0,	0,    2, /* from */
					0x88, 0xb6, 0x11, 2,	0,    4,    1,	  2,	3, 4, 0xff,
					0xfe, 0xfd, 0xfc, 0x11, 0x12, 0x13, 0x14, 0xe8, 1, 2, 3 };
	uint8_t bytes[CALL_PACKET_MAX];
	size_t size;

	memset(bytes, 0xaa, sizeof(bytes));
	size = call_packet_write(&audio, CALL_ETHERTYPE, bytes);
	tap_is(size, CALL_PACKET_LEAST, "a short frame is padded");
	tap_ok(!memcmp(bytes, want, sizeof(want)), "addresses, type, header and payload");
	for (size_t i = CALL_HEADER + sizeof(payload); i < size; i++)
		if (bytes[i])
			tap_bail("padding is not 0");
}

static void test_same(void)
{
	uint8_t bytes[CALL_PACKET_MAX];
	struct call_packet read = {};
	size_t size = call_packet_write(&audio, CALL_ETHERTYPE, bytes);

	tap_is(read_guarded(bytes, size, &read), 0, "audio is read");
	tap_ok(read.length == audio.length && !memcmp(read.payload, payload, sizeof(payload)),
	       "its payload is as long as it was, without the padding");
	tap_ok(read.kind == CALL_AUDIO && read.duration == 2 && read.stream == audio.stream &&
		       read.sequence == audio.sequence && read.time == audio.time &&
		       !memcmp(read.to, audio.to, 6) && !memcmp(read.from, audio.from, 6),
	       "and so is the rest");

	size = call_packet_write(&report, CALL_ETHERTYPE, bytes);
	tap_is(size, CALL_HEADER + CALL_REPORT, "a report has its length");
	tap_is(read_guarded(bytes, size, &read), 0, "a report is read");
	tap_ok(!memcmp(&read.report, &report.report, sizeof(report.report)) &&
		       read.flags == CALL_ENDED && read.sequence == 12000 && read.time == 48,
	       "as it was written");
	tap_is(call_packet_read(bytes, size, 0x88b5, &read), -ENOMSG, "another type is not ours");
}

/* An octet of a packet that makes another one of it. */
static const struct {
	const char *what;
	const struct call_packet *packet;
	size_t at;
	uint8_t octet;
	int want;
} changes[] = {
	{ "another Ethernet type", &audio, 13, 0xb7, -ENOMSG },
	{ "another version", &audio, 14, 0x21, -ENOMSG },
	{ "another kind", &audio, 14, 0x13, -ENOMSG },
	{ "no duration", &audio, 15, 0, -EBADMSG },
	{ "a duration of more than 20 ms", &audio, 15, 9, -EBADMSG },
	{ "a payload that is longer than the frame", &audio, 17, 31, -EBADMSG },
	{ "a payload as long as the frame allows", &audio, 17, 30, 0 },
	{ "no payload", &audio, 17, 0, -EBADMSG },
	{ "flags that are not known yet", &report, 15, 0xf0, 0 },
	{ "a report that is cut", &report, 17, CALL_REPORT - 1, -EBADMSG },
};

static void test_changes(void)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t bytes[CALL_PACKET_MAX];
		struct call_packet read;
		size_t size = call_packet_write(changes[i].packet, CALL_ETHERTYPE, bytes);

		bytes[changes[i].at] = changes[i].octet;
		tap_is(read_guarded(bytes, size, &read), changes[i].want, "%s", changes[i].what);
	}
}

static void test_cut(void)
{
	const struct call_packet *const packets[] = { &audio, &report };
	unsigned int wrong = 0;

	for (unsigned int p = 0; p < 2; p++) {
		uint8_t bytes[CALL_PACKET_MAX];
		size_t size = call_packet_write(packets[p], CALL_ETHERTYPE, bytes);
		size_t least = CALL_HEADER + (p ? CALL_REPORT : sizeof(payload));

		for (size_t length = 0; length <= size; length++) {
			struct call_packet read;

			wrong += !read_guarded(bytes, length, &read) != (length >= least);
		}
	}
	tap_is(wrong, 0, "cut anywhere, a packet is refused if anything of it is missing");
}

static void test_random(void)
{
	unsigned int wrong = 0, read_well = 0;

	srandom(2);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint8_t bytes[CALL_PACKET_MAX], again[CALL_PACKET_MAX];
		struct call_packet packet = {}, second = {};
		size_t size = random() % 120;

		for (size_t j = 0; j < size; j++)
			bytes[j] = random();
		if (i % 2 && size > 18) {
			/* Near enough to be read now and then. */
			memcpy(bytes + 12, (uint8_t[]){ 0x88, 0xb6, 0x11 + i % 4 / 2, 2, 0 }, 5);
			bytes[17] = random() % 64;
		}
		if (read_guarded(bytes, size, &packet))
			continue;
		read_well++;
		/* What was read, written again, reads the same. */
		size = call_packet_write(&packet, CALL_ETHERTYPE, again);
		wrong += read_guarded(again, size, &second) || second.stream != packet.stream ||
			 second.sequence != packet.sequence || second.time != packet.time ||
			 memcmp(&second.report, &packet.report, sizeof(packet.report));
	}
	tap_ok(read_well > ROUNDS / 20, "of %d random texts %u are packets", ROUNDS, read_well);
	tap_is(wrong, 0, "and read the same when they are written again");
}

/* ---- WAV ------------------------------------------------------------------------------------- */

struct text {
	const uint8_t *bytes;
	size_t size, at;
};

static int read_text(void *cookie, uint8_t *bytes, size_t count)
{
	struct text *text = cookie;

	if (count > text->size - text->at)
		return -EBADMSG;
	memcpy(bytes, text->bytes + text->at, count);
	text->at += count;
	return 0;
}

static int parse(const uint8_t *bytes, size_t size, struct wav *wav)
{
	struct text text = { bytes, size, 0 };

	return wav_parse(read_text, &text, wav);
}

static void test_wav(void)
{
	static const char chunk[] = "LIST\3\0\0\0abc";
	uint8_t bytes[WAV_HEAD + 12], longer[WAV_HEAD + sizeof(chunk)];
	unsigned int whole = 0;
	struct wav wav = {};

	wav_head(bytes, 48000, 8);
	tap_is(parse(bytes, WAV_HEAD, &wav), 0, "our own head is read");
	tap_ok(wav.rate == 48000 && wav.channels == 1 && wav.bytes == 8, "as it was written");
	for (size_t size = 0; size < WAV_HEAD; size++)
		whole += !parse(bytes, size, &wav);
	tap_is(whole, 0, "cut anywhere, it is refused");

	memcpy(longer, bytes, 12);
	memcpy(longer + 12, chunk, sizeof(chunk));
	memcpy(longer + 12 + sizeof(chunk), bytes + 12, WAV_HEAD - 12);
	tap_is(parse(longer, sizeof(longer), &wav), 0,
	       "chunks of odd length before it are skipped");
	bytes[34] = 24;
	tap_is(parse(bytes, WAV_HEAD, &wav), -EMEDIUMTYPE, "samples of 24 bits are refused");

	for (unsigned int i = 0; i < ROUNDS; i++) {
		wav_head(bytes, 48000, 8);
		for (unsigned int j = random() % 4; j > 0; j--)
			bytes[random() % WAV_HEAD] = random();
		whole += !parse(bytes, random() % sizeof(bytes), &wav) &&
			 (!wav.rate || !wav.channels);
	}
	tap_is(whole, 0, "whatever is read of %d damaged heads has a rate and channels", ROUNDS);
}

int main(void)
{
	test_octets();
	test_same();
	test_changes();
	test_cut();
	test_random();
	test_wav();
	return tap_done();
}
