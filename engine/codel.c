// SPDX-License-Identifier: GPL-2.0-only
/*
 * codel - drop packets at the front of a queue whose delay stays too long
 *
 * Nichols, Jacobson, McGregor, Iyengar: Controlled Delay Active Queue Management (RFC 8289),
 * section 5. A delay above the target throughout an interval begins a series of drops; the n-th
 * follows the one before after interval / sqrt(n), until the delay is below the target, or no more
 * than a full packet is left. A series that begins soon (16 intervals) after the last one takes up
 * its pace. With ECN packets are marked instead, where that can be.
 */
#include <math.h>

#include "link.h"

static __u64 next_drop(const struct engine_link *link, __u64 from, __u32 count)
{
	return from + (__u64)(link->config.interval / sqrt(count));
}

/* The next packet; *act: its delay has been above the target for an interval. */
static struct engine_packet *look(struct engine_link *link, struct codel *codel, struct line *line,
				  __u64 now, bool *act)
{
	struct engine_packet *packet = line_pop(line);

	*act = false;
	if (!packet) {
		codel->first_above = 0;
		return NULL;
	}
	queue_out(link, packet);
	if (now - packet->time < link->config.target || line->bytes <= link->queue.longest)
		codel->first_above = 0;
	else if (!codel->first_above)
		codel->first_above = now + link->config.interval;
	else
		*act = now >= codel->first_above;
	return packet;
}

static void drop(struct engine_link *link, struct engine_packet *packet)
{
	link->counters.dropped_codel++;
	link_drop(link, packet, ENGINE_CODEL);
}

/* In a series: all drops that are due, at most until a packet takes a mark instead. */
static struct engine_packet *go_on(struct engine_link *link, struct codel *codel, struct line *line,
				   __u64 now, struct engine_packet *packet, bool act)
{
	bool marked = false;

	codel->dropping = act;
	while (codel->dropping && now >= codel->drop_next && !marked) {
		codel->count++;
		marked = queue_mark(link, packet);
		if (!marked) {
			drop(link, packet);
			packet = look(link, codel, line, now, &codel->dropping);
		}
		if (codel->dropping)
			codel->drop_next = next_drop(link, codel->drop_next, codel->count);
	}
	return packet;
}

static struct engine_packet *begin(struct engine_link *link, struct codel *codel, struct line *line,
				   __u64 now, struct engine_packet *packet)
{
	__u32 last = codel->count - codel->last_count;
	bool act;

	if (!queue_mark(link, packet)) {
		drop(link, packet);
		packet = look(link, codel, line, now, &act);
	}
	codel->dropping = true;
	codel->count = 1;
	if (last > 1 && (__s64)(now - codel->drop_next) < 16LL * link->config.interval)
		codel->count = last;
	codel->last_count = codel->count;
	codel->drop_next = next_drop(link, now, codel->count);
	return packet;
}

struct engine_packet *codel_take(struct engine_link *link, struct codel *codel, struct line *line,
				 __u64 now)
{
	struct engine_packet *packet;
	bool act;

	packet = look(link, codel, line, now, &act);
	if (codel->dropping)
		return go_on(link, codel, line, now, packet, act);
	return act ? begin(link, codel, line, now, packet) : packet;
}
