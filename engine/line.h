/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * line - packets one behind the other
 *
 * prev is right for all but the first.
 */
#ifndef ENGINE_LINE_H
#define ENGINE_LINE_H

#include "engine.h"

struct line {
	struct engine_packet *first, *last;
	__u64 packets, bytes;
};

static inline void line_push(struct line *line, struct engine_packet *packet)
{
	packet->next = NULL;
	packet->prev = line->last;
	if (line->packets++)
		line->last->next = packet;
	else
		line->first = packet;
	line->last = packet;
	line->bytes += packet->length;
}

/* NULL: there is none. */
static inline struct engine_packet *line_pop(struct line *line)
{
	struct engine_packet *packet = line->first;

	if (!line->packets)
		return NULL;
	line->first = packet->next;
	line->packets--;
	line->bytes -= packet->length;
	return packet;
}

static inline struct engine_packet *line_pop_last(struct line *line)
{
	struct engine_packet *packet = line->last;

	if (line->packets <= 1)
		return line_pop(line);
	line->last = packet->prev;
	line->last->next = NULL;
	line->packets--;
	line->bytes -= packet->length;
	return packet;
}

#endif
