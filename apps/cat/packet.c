// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "packet.h"

enum {
	TYPE = 12,
	MAGIC = 14,
	FLAGS = 17,
	STREAM = 18,
	HEARD = 22,
	NUMBER = 26,
	OFFSET = 34,
	GRANT = 42,
	LOST = 50,
	LENGTH = 58,
	LENGTH_MAX = 60,
};

static const uint8_t magic[] = { 'l', 'c', 2 };

void cat_packet_put(uint8_t *frame, const uint8_t to[APP_MAC], const uint8_t from[APP_MAC],
		    const struct cat_packet *packet)
{
	memcpy(frame, to, APP_MAC);
	memcpy(frame + APP_MAC, from, APP_MAC);
	app_put(frame + TYPE, 2, APP_ETHERTYPE);
	memcpy(frame + MAGIC, magic, sizeof(magic));
	frame[FLAGS] = packet->flags;
	app_put(frame + STREAM, 4, packet->stream);
	app_put(frame + HEARD, 4, packet->heard);
	app_put(frame + NUMBER, 8, packet->number);
	app_put(frame + OFFSET, 8, packet->offset);
	app_put(frame + GRANT, 8, packet->grant);
	app_put(frame + LOST, 8, packet->lost);
	app_put(frame + LENGTH, 2, packet->length);
	app_put(frame + LENGTH_MAX, 2, packet->length_max);
}

bool cat_packet_get(const uint8_t *frame, uint32_t length, struct cat_packet *packet)
{
	if (length < CAT_HEADER || app_get(frame + TYPE, 2) != APP_ETHERTYPE ||
	    memcmp(frame + MAGIC, magic, sizeof(magic)))
		return false;
	*packet = (struct cat_packet){
		.flags = frame[FLAGS],
		.stream = app_get(frame + STREAM, 4),
		.heard = app_get(frame + HEARD, 4),
		.number = app_get(frame + NUMBER, 8),
		.offset = app_get(frame + OFFSET, 8),
		.grant = app_get(frame + GRANT, 8),
		.lost = app_get(frame + LOST, 8),
		.length = app_get(frame + LENGTH, 2),
		.length_max = app_get(frame + LENGTH_MAX, 2),
	};
	return packet->stream && packet->length_max && packet->length <= length - CAT_HEADER;
}
