// SPDX-License-Identifier: GPL-2.0-only
/* packet - write and read the frames of a call */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "packet.h"

#define TYPE_AT	       12
#define UNITS_OF_20_MS 8

static void put16(uint8_t *at, uint16_t value)
{
	value = htobe16(value);
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htobe32(value);
	memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return be16toh(value);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

static void write_report(const struct call_report *report, uint8_t *at)
{
	put32(at, report->heard);
	put32(at + 4, report->received);
	put32(at + 8, report->lost);
	put32(at + 12, report->late);
	put32(at + 16, report->jitter);
	put64(at + 20, report->sent);
	put64(at + 28, report->echo);
	put64(at + 36, report->held);
}

static void read_report(struct call_report *report, const uint8_t *at)
{
	*report = (struct call_report){
		.heard = get32(at),
		.received = get32(at + 4),
		.lost = get32(at + 8),
		.late = get32(at + 12),
		.jitter = get32(at + 16),
		.sent = get64(at + 20),
		.echo = get64(at + 28),
		.held = get64(at + 36),
	};
}

size_t call_packet_write(const struct call_packet *packet, uint16_t ethertype, uint8_t *bytes)
{
	bool audio = packet->kind == CALL_AUDIO;
	uint16_t length = audio ? packet->length : CALL_REPORT;
	size_t size = CALL_HEADER + length;

	memcpy(bytes, packet->to, sizeof(packet->to));
	memcpy(bytes + 6, packet->from, sizeof(packet->from));
	put16(bytes + TYPE_AT, ethertype);
	bytes[14] = CALL_VERSION << 4 | packet->kind;
	bytes[15] = audio ? packet->duration : packet->flags;
	put16(bytes + 16, length);
	put32(bytes + 18, packet->stream);
	put32(bytes + 22, packet->sequence);
	put32(bytes + 26, packet->time);
	if (audio)
		memcpy(bytes + CALL_HEADER, packet->payload, length);
	else
		write_report(&packet->report, bytes + CALL_HEADER);
	if (size >= CALL_PACKET_LEAST)
		return size;
	memset(bytes + size, 0, CALL_PACKET_LEAST - size);
	return CALL_PACKET_LEAST;
}

int call_packet_read(const uint8_t *bytes, size_t size, uint16_t ethertype,
		     struct call_packet *packet)
{
	struct call_packet read = {};

	if (size < CALL_HEADER || get16(bytes + TYPE_AT) != ethertype ||
	    bytes[14] >> 4 != CALL_VERSION)
		return -ENOMSG;
	read.kind = bytes[14] & 15;
	if (read.kind != CALL_AUDIO && read.kind != CALL_TELL)
		return -ENOMSG;

	memcpy(read.to, bytes, sizeof(read.to));
	memcpy(read.from, bytes + 6, sizeof(read.from));
	read.length = get16(bytes + 16);
	read.stream = get32(bytes + 18);
	read.sequence = get32(bytes + 22);
	read.time = get32(bytes + 26);
	if (read.length > size - CALL_HEADER || !read.stream)
		return -EBADMSG;
	if (read.kind == CALL_AUDIO) {
		read.duration = bytes[15];
		read.payload = bytes + CALL_HEADER;
		if (!read.length || read.length > CALL_PAYLOAD_MAX || !read.duration ||
		    read.duration > UNITS_OF_20_MS)
			return -EBADMSG;
	} else {
		read.flags = bytes[15];
		if (read.length < CALL_REPORT)
			return -EBADMSG;
		read_report(&read.report, bytes + CALL_HEADER);
	}
	*packet = read;
	return 0;
}
