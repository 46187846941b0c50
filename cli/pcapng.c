// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lana/lana.h>

#include "pcapng.h"

enum block_type {
	SECTION_HEADER = 0x0a0d0d0a,
	INTERFACE_DESCRIPTION = 1,
	INTERFACE_STATISTICS = 5,
	ENHANCED_PACKET = 6,
};

enum option_code {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_RESOLUTION = 9,
	STATISTICS_RECEIVED = 4,
	STATISTICS_DROPPED = 5,
};

#define BYTE_ORDER_MAGIC  0x1a2b3c4d
#define LINKTYPE_ETHERNET 1
#define NANOSECONDS	  9 /* ten to the power of minus that */

/* What a block consists of, while it is being put together. */
struct body {
	char *bytes;
	size_t size;
	FILE *file;
};

static bool body_open(struct body *body)
{
	body->file = open_memstream(&body->bytes, &body->size);
	return body->file;
}

static void put32(FILE *file, uint32_t value)
{
	fwrite(&value, sizeof(value), 1, file);
}

static void put_padded(FILE *file, const void *bytes, size_t size)
{
	static const char zeros[4];

	fwrite(bytes, 1, size, file);
	if (size % 4)
		fwrite(zeros, 1, -size % 4, file);
}

static void put_option(FILE *file, enum option_code code, const void *bytes, size_t size)
{
	put32(file, code | (uint32_t)size << 16);
	put_padded(file, bytes, size);
}

static void put_time(FILE *file, uint64_t time)
{
	put32(file, time >> 32);
	put32(file, time);
}

static int put_block(FILE *file, enum block_type type, struct body *body)
{
	bool whole = !fclose(body->file);
	uint32_t length = 12 + body->size;

	if (whole) {
		put32(file, type);
		put32(file, length);
		fwrite(body->bytes, 1, body->size, file);
		put32(file, length);
	}
	free(body->bytes);
	return whole ? 0 : -ENOMEM;
}

void pcapng_begin(struct pcapng *pcapng)
{
	char application[64];
	struct body body;

	if (!body_open(&body))
		return;
	snprintf(application, sizeof(application), "%s " LANA_VERSION,
		 program_invocation_short_name);
	put32(body.file, BYTE_ORDER_MAGIC);
	put32(body.file, 1);  /* version 1.0 */
	put32(body.file, -1); /* the section's length is not known */
	put32(body.file, -1);
	put_option(body.file, SECTION_APPLICATION, application, strlen(application));
	put_option(body.file, OPTION_END, "", 0);
	put_block(pcapng->file, SECTION_HEADER, &body);
}

/* The number of an interface, which is described when it is first named. */
static int find_interface(struct pcapng *pcapng, const char *name, uint32_t *number)
{
	const unsigned char resolution = NANOSECONDS;
	struct body body;
	void *grown;

	for (*number = 0; *number < pcapng->count; ++*number)
		if (!strcmp(pcapng->interfaces[*number], name))
			return 0;
	grown = reallocarray(pcapng->interfaces, *number + 1, sizeof(*pcapng->interfaces));
	if (!grown)
		return -ENOMEM;
	pcapng->interfaces = grown;
	snprintf(pcapng->interfaces[pcapng->count++], sizeof(*pcapng->interfaces), "%s", name);

	if (!body_open(&body))
		return -ENOMEM;
	put32(body.file, LINKTYPE_ETHERNET);
	put32(body.file, pcapng->snaplen);
	put_option(body.file, INTERFACE_NAME, name, strlen(name));
	put_option(body.file, INTERFACE_RESOLUTION, &resolution, 1);
	put_option(body.file, OPTION_END, "", 0);
	return put_block(pcapng->file, INTERFACE_DESCRIPTION, &body);
}

int pcapng_interface(struct pcapng *pcapng, const char *name)
{
	uint32_t number;

	return find_interface(pcapng, name, &number);
}

static size_t padded(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* Written at once, as there may be millions a second of them. */
int pcapng_packet(struct pcapng *pcapng, const struct pcapng_packet *packet)
{
	const size_t said = packet->comment ? strlen(packet->comment) : 0;
	const uint32_t length = 32 + padded(packet->captured) + (said ? 8 + padded(said) : 0);
	FILE *file = pcapng->file;
	uint32_t number;
	int err = find_interface(pcapng, packet->interface, &number);

	if (err)
		return err;
	put32(file, ENHANCED_PACKET);
	put32(file, length);
	put32(file, number);
	put_time(file, packet->time);
	put32(file, packet->captured);
	put32(file, packet->length);
	put_padded(file, packet->bytes, packet->captured);
	if (said) {
		put_option(file, OPTION_COMMENT, packet->comment, said);
		put_option(file, OPTION_END, "", 0);
	}
	put32(file, length);
	return 0;
}

int pcapng_end(struct pcapng *pcapng, const char *name, uint64_t time, uint64_t seen, uint64_t lost)
{
	struct body body;
	int err = pcapng->count ? 0 : pcapng_interface(pcapng, name);

	if (err || !body_open(&body))
		return err ? err : -ENOMEM;
	put32(body.file, 0);
	put_time(body.file, time);
	put_option(body.file, STATISTICS_RECEIVED, &seen, sizeof(seen));
	put_option(body.file, STATISTICS_DROPPED, &lost, sizeof(lost));
	put_option(body.file, OPTION_END, "", 0);
	return put_block(pcapng->file, INTERFACE_STATISTICS, &body);
}

void pcapng_free(struct pcapng *pcapng)
{
	free(pcapng->interfaces);
}
