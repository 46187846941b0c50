// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"
#include "link.h"

/* ---- sums ----------------------------------------------------------------------------------- */

void queue_in(struct engine_link *link, const struct engine_packet *packet)
{
	struct queue *queue = &link->queue;

	queue->packets++;
	queue->bytes += packet->length;
	queue->wire += link_wire(link, packet);
}

void queue_out(struct engine_link *link, const struct engine_packet *packet)
{
	struct queue *queue = &link->queue;

	queue->packets--;
	queue->bytes -= packet->length;
	queue->wire -= link_wire(link, packet);
}

bool queue_is_full(const struct engine_link *link, const struct engine_packet *packet)
{
	const struct queue *queue = &link->queue;

	return queue->packets && (queue->packets + 1 > queue->most_packets ||
				  queue->bytes + packet->length > queue->most_bytes ||
				  queue->wire + link_wire(link, packet) > queue->most_wire);
}

bool queue_is_over(const struct engine_link *link)
{
	const struct queue *queue = &link->queue;

	return queue->packets > 1 &&
	       (queue->packets > queue->most_packets || queue->bytes > queue->most_bytes ||
		queue->wire > queue->most_wire);
}

void queue_drop(struct engine_link *link, struct engine_packet *packet, bool head)
{
	if (head)
		link->counters.dropped_head++;
	else
		link->counters.dropped_tail++;
	link_drop(link, packet, head ? ENGINE_HEAD : ENGINE_TAIL);
}

bool queue_mark(struct engine_link *link, struct engine_packet *packet)
{
	if (!link->config.ecn || !packet->bytes ||
	    !frame_mark_congestion(packet->bytes, packet->length))
		return false;
	packet->marked = 1;
	link->counters.ecn_marked++;
	return true;
}

/* ---- first in, first out -------------------------------------------------------------------- */

static void line_append(struct engine_link *link, struct engine_packet *packet)
{
	queue_in(link, packet);
	line_push(&link->queue.line, packet);
}

static struct engine_packet *line_remove(struct engine_link *link)
{
	struct engine_packet *packet = line_pop(&link->queue.line);

	if (packet)
		queue_out(link, packet);
	return packet;
}

static void fifo_put(struct engine_link *link, struct engine_packet *packet, __u64 now)
{
	(void)now;
	if (link->config.drop == LINK_DROP_TAIL && queue_is_full(link, packet)) {
		queue_drop(link, packet, false);
		return;
	}
	while (queue_is_full(link, packet))
		queue_drop(link, line_remove(link), true);
	line_append(link, packet);
}

static struct engine_packet *fifo_take(struct engine_link *link, __u64 now)
{
	(void)now;
	return line_remove(link);
}

const struct queue_kind queue_fifo = {
	.put = fifo_put,
	.take = fifo_take,
	.append = line_append,
	.remove = line_remove,
};

/* ---- CoDel and RED over such a line --------------------------------------------------------- */

static struct engine_packet *codel_take_line(struct engine_link *link, __u64 now)
{
	return codel_take(link, &link->queue.codel, &link->queue.line, now);
}

const struct queue_kind queue_codel = {
	.put = fifo_put,
	.take = codel_take_line,
	.append = line_append,
	.remove = line_remove,
};

static void red_put(struct engine_link *link, struct engine_packet *packet, __u64 now)
{
	if (red_judges(link, packet, now) && !queue_mark(link, packet)) {
		link->counters.dropped_red++;
		link_drop(link, packet, ENGINE_RED);
		return;
	}
	fifo_put(link, packet, now);
}

static struct engine_packet *red_take(struct engine_link *link, __u64 now)
{
	struct engine_packet *packet = line_remove(link);

	if (!link->queue.packets)
		red_idle(link, now);
	return packet;
}

const struct queue_kind queue_red = {
	.put = red_put,
	.take = red_take,
	.append = line_append,
	.remove = line_remove,
};

/* ---- settings ------------------------------------------------------------------------------- */

const struct queue_kind *queue_kind_of(const struct link_config *config)
{
	static const struct queue_kind *const kinds[] = {
		[LINK_FIFO] = &queue_fifo, [LINK_FQ] = &queue_fq,	[LINK_DRR] = &queue_drr,
		[LINK_RED] = &queue_red,   [LINK_CODEL] = &queue_codel,
	};

	return kinds[config->queue];
}

static void set_limits(struct engine_link *link)
{
	const __u32 limit = link->config.limit;
	struct queue *queue = &link->queue;

	queue->most_packets = queue->most_bytes = queue->most_wire = ~0ULL;
	switch ((enum lana_measure)LANA_LIMIT_MEASURE(limit)) {
	case LANA_PACKETS:
		queue->most_packets = LANA_LIMIT_VALUE(limit);
		break;
	case LANA_BYTES:
		queue->most_bytes = LANA_LIMIT_VALUE(limit);
		break;
	case LANA_US:
		if (link->byte_time)
			queue->most_wire =
				((unsigned __int128)LANA_LIMIT_VALUE(limit) * 1000 << 32) /
				link->byte_time;
		break;
	}
}

void queue_empty(struct engine_link *link, struct line *all)
{
	struct engine_packet *packet;

	while (link->queue.kind && (packet = link->queue.kind->remove(link)))
		line_push(all, packet);
}

void queue_configure(struct engine_link *link)
{
	const struct queue_kind *kind = queue_kind_of(&link->config);
	struct queue *queue = &link->queue;

	set_limits(link);
	if (kind == &queue_red)
		red_configure(link, queue->kind != kind);
	if (queue->kind != kind)
		queue->codel = (struct codel){};
	if (queue->kind && queue->kind != kind && kind->flows)
		flows_forget(queue->flows);
	queue->kind = kind;
}

void queue_refill(struct engine_link *link, struct line *all)
{
	struct engine_packet *packet;

	while ((packet = line_pop(all)))
		link->queue.kind->append(link, packet);
}
