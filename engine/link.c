// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transmitter needs no timer of its own. When a packet is done, and which one is next, follows
 * from what has arrived; so it is worked out when it matters: before the next packet arrives, and
 * before the first moment at which something might leave.
 */
#include "link.h"

/* ---- the way -------------------------------------------------------------------------------- */

/* It passes others, or is passed: it waits in the wheel by itself. */
static void go_alone(struct engine_link *link, struct engine_packet *packet, __u64 when)
{
	packet->span = METER_ALONE;
	link->alone++;
	wheel_add(&link->engine->wheel, &packet->timer, when);
}

static void go_in_order(struct engine_link *link, struct engine_packet *packet, __u64 when)
{
	packet->span = link->run == RUN_NONE ? 0 : link->run;
	link->run = 0;
	packet->timer.when = when;
	line_push(&link->way, packet);
}

void link_put_on_way(struct engine_link *link, struct engine_packet *packet, __u64 end)
{
	enum engine_drop why = ENGINE_NOT_DROPPED;
	__u64 when = end + link->delay;
	bool held_back = false;

	packet->time = end;
	packet->copies = 1;
	if (link->fate.lossy)
		why = fate_decide(link, packet);
	if (!why && link->fate.uneven)
		when = end + fate_delay(link, &held_back);
	link->fate.state.packets++;
	if (why) {
		link_drop(link, packet, why);
		return;
	}
	if (held_back) {
		link->counters.reordered++;
		go_alone(link, packet, when);
		return;
	}
	if (when < link->way_last && !link->overtake)
		when = link->way_last;
	if (when > link->way_last)
		link->way_last = when;
	if (link->overtake)
		go_alone(link, packet, when);
	else
		go_in_order(link, packet, when);
}

/* ---- the transmitter ------------------------------------------------------------------------ */

/* The first bit of a packet is sent, right after the last one of another, or after a pause. */
static void transmit(struct engine_link *link, struct engine_packet *packet, __u64 begin,
		     bool after_pause)
{
	__u64 bytes = link_wire(link, packet);
	unsigned __int128 took = (unsigned __int128)bytes * link->byte_time;

	if (after_pause)
		link->run = RUN_NONE;
	else
		took += link->wire_part;
	if (link->run != RUN_NONE)
		link->run += bytes;
	link->wire = packet;
	link->wire_end = begin + (__u64)(took >> 32);
	link->wire_part = took;
}

void link_advance(struct engine_link *link, __u64 now)
{
	struct engine_packet *packet;

	while ((packet = link->wire) && link->wire_end <= now) {
		link->wire = NULL;
		link_put_on_way(link, packet, link->wire_end);
		packet = link->queue.packets ? link->queue.kind->take(link, link->wire_end) : NULL;
		if (packet)
			transmit(link, packet, link->wire_end, false);
	}
}

/* ---- in ------------------------------------------------------------------------------------- */

void engine_link_enqueue(struct engine_link *link, struct engine_packet *packet, __u64 now)
{
	struct queue *queue = &link->queue;

	if (now < link->time)
		now = link->time;
	link->time = now;
	packet->link = link;
	packet->time = now;
	packet->drop = packet->marked = packet->flipped = 0;
	link->counters.packets++;
	link->counters.bytes += packet->length;
	if (packet->length > queue->longest)
		queue->longest = packet->length;

	link_advance(link, now);
	if (!link->byte_time) {
		link_put_on_way(link, packet, now);
	} else if (link->wire) {
		queue->kind->put(link, packet, now);
	} else {
		bool after_pause = now > link->wire_end;

		if (queue->kind != &queue_fifo) {
			queue->kind->put(link, packet, now);
			packet = queue->packets ? queue->kind->take(link, now) : NULL;
		}
		if (packet)
			transmit(link, packet, after_pause ? now : link->wire_end, after_pause);
	}
	link_arm(link);
}

void engine_link_prefetch(const struct engine_link *link)
{
	__builtin_prefetch(&link->timer);
	__builtin_prefetch(&link->wire);
	__builtin_prefetch(&link->queue);
	__builtin_prefetch(&link->way);
	__builtin_prefetch(&link->counters);
}

/* ---- out ------------------------------------------------------------------------------------ */

/* Before which time nothing leaves by itself. Packets that are alone have timers of their own. */
static __u64 next_departure(const struct engine_link *link)
{
	__u64 next = ENGINE_NEVER;

	if (link->way.packets)
		next = link->way.first->timer.when;
	/* What is on the wire leaves behind those on the way, unless it may overtake. */
	if (link->wire && (next == ENGINE_NEVER || link->overtake) &&
	    link->wire_end + link->delay_min < next)
		next = link->wire_end + link->delay_min;
	return next;
}

void link_arm(struct engine_link *link)
{
	__u64 next;

	/* It is armed for the first packet on the way, or for what was to become it. */
	if (wheel_waits(&link->timer) && link->way.packets && !link->overtake)
		return;
	next = next_departure(link);
	if (next == ENGINE_NEVER)
		return;
	if (wheel_waits(&link->timer)) {
		if (link->timer.when <= next)
			return; /* it will be looked at in time, and armed anew */
		wheel_remove(&link->engine->wheel, &link->timer);
	}
	wheel_add(&link->engine->wheel, &link->timer, next);
}

static void leave(struct engine_link *link, struct engine_packet *packet, __u64 now)
{
	link->counters.sent++;
	link->counters.sent_bytes += packet->length;
	link->counters.late += meter_leave(&link->meter, now, packet->timer.when, packet->time,
					   packet->span, link->late);
}

/* A link's time has come. How many packets leave? */
static size_t run_link(struct engine_link *link, __u64 now, struct engine_packet **packets,
		       size_t most)
{
	const struct wheel *wheel = &link->engine->wheel;
	struct engine_packet *packet;
	size_t count = 0;
	__u64 until;

	link_advance(link, link->timer.when);
	until = wheel_next(wheel); /* others must not wait for this one */
	if (until > now)
		until = now;
	while (count < most && link->way.packets && link->way.first->timer.when <= until) {
		packet = line_pop(&link->way);
		if (link->way.packets)
			__builtin_prefetch(link->way.first->next);
		leave(link, packet, now);
		packets[count++] = packet;
	}
	link_arm(link);
	return count;
}

size_t engine_run(struct engine *engine, __u64 now, struct engine_packet **packets, size_t most)
{
	struct wheel_entry *entry;
	struct engine_link *link;
	size_t count = 0;

	while (count < most && (entry = wheel_pop(&engine->wheel, now))) {
		link = ((struct waiting *)entry)->link;
		if (entry == &link->timer) {
			count += run_link(link, now, packets + count, most - count);
		} else {
			packets[count] = (struct engine_packet *)entry;
			link->alone--;
			leave(link, packets[count++], now);
		}
	}
	return count;
}

struct engine_packet *engine_dropped(struct engine *engine)
{
	return line_pop(&engine->dropped);
}

__u64 engine_next(const struct engine *engine)
{
	return wheel_next(&engine->wheel);
}

__u64 engine_link_next(const struct engine_link *link)
{
	return wheel_waits(&link->timer) ? link->timer.when : ENGINE_NEVER;
}
