// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "packet.h"

enum { TYPE = 12, MAGIC = 14, VERSION = 16, RUN = 18, SEQUENCE = 26, TIME = 34 };

void ping_packet_init(uint8_t *frame, uint32_t length, const uint8_t to[APP_MAC],
		      const uint8_t from[APP_MAC], uint64_t run)
{
	for (uint32_t i = 0; i < length; i++)
		frame[i] = i;
	memcpy(frame, to, APP_MAC);
	memcpy(frame + APP_MAC, from, APP_MAC);
	app_put(frame + TYPE, 2, APP_ETHERTYPE);
	memcpy(frame + MAGIC, "lp\1", 4); /* and a 0 */
	app_put(frame + RUN, 8, run);
}

void ping_packet_stamp(uint8_t *frame, uint64_t sequence, uint64_t time)
{
	app_put(frame + SEQUENCE, 8, sequence);
	app_put(frame + TIME, 8, time);
}

enum ping_kind ping_packet_read(const uint8_t *frame, uint32_t length, const uint8_t *sent,
				uint32_t sent_length, struct ping_stamp *stamp)
{
	/* Our own frames may be seen, too: they are not for us. */
	if (length < PING_HEADER || memcmp(frame, sent + APP_MAC, APP_MAC) ||
	    memcmp(frame + TYPE, sent + TYPE, SEQUENCE - TYPE))
		return PING_FOREIGN;
	if (length != sent_length ||
	    memcmp(frame + PING_HEADER, sent + PING_HEADER, length - PING_HEADER))
		return PING_DAMAGED;
	stamp->run = app_get(frame + RUN, 8);
	stamp->sequence = app_get(frame + SEQUENCE, 8);
	stamp->time = app_get(frame + TIME, 8);
	return PING_ANSWER;
}
