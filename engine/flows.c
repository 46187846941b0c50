// SPDX-License-Identifier: GPL-2.0-only
/*
 * flows - a line for each flow, served in turn: drr and fq
 *
 * Flows are told apart by a hash, and those that meet in one of 1,024 lines share it. If the queue
 * is over its limit, a packet goes from the longest line, in bytes: lines are kept in lists by the
 * logarithm of their length, so that no search is needed, and what counts as longest is so to
 * within a factor of two. (McKenney's buffer stealing: whoever causes the overflow pays for it.)
 */
#include <errno.h>

#include "frame.h"
#include "link.h"

#define FLOWS	1024
#define CLASSES 41 /* of lengths: powers of two up to a terabyte */

/* Flows that wait for their turn. */
struct turn {
	struct flow *first, *last;
};

struct flow {
	struct line line;
	__s64 deficit; /* bytes that it may still send in this turn */
	struct flow *next;
	enum { ASLEEP, NEW, OLD } state;
	struct codel codel;

	/* Among those of a length. */
	struct flow *longer, *shorter; /* neighbours in the list of a class */
	__u32 class;		       /* 0: it is empty, and in no list */
};

struct flows {
	struct turn fresh, old; /* drr: only old */
	__u64 classes;		/* bit n: there are flows of class n */
	struct flow *of_class[CLASSES];
	struct flow flows[FLOWS];
};

int flows_make(struct slab *slab, struct flows **flows)
{
	struct flows *made = slab_take(slab, sizeof(*made));

	if (!made)
		return -ENOMEM;
	*flows = made;
	return 0;
}

void flows_forget(struct flows *flows)
{
	*flows = (struct flows){};
}

/* ---- turns ---------------------------------------------------------------------------------- */

static void wait_turn(struct turn *turn, struct flow *flow)
{
	flow->next = NULL;
	if (turn->first)
		turn->last->next = flow;
	else
		turn->first = flow;
	turn->last = flow;
}

static void leave_turn(struct turn *turn)
{
	turn->first = turn->first->next;
}

/* ---- lengths -------------------------------------------------------------------------------- */

static void take_out_of_class(struct flows *flows, struct flow *flow)
{
	if (flow->longer)
		flow->longer->shorter = flow->shorter;
	else
		flows->of_class[flow->class] = flow->shorter;
	if (flow->shorter)
		flow->shorter->longer = flow->longer;
	if (!flows->of_class[flow->class])
		flows->classes &= ~(1ULL << flow->class);
}

static void put_into_class(struct flows *flows, struct flow *flow, __u32 class)
{
	struct flow *first = flows->of_class[class];

	flow->class = class;
	flow->longer = NULL;
	flow->shorter = first;
	if (first)
		first->longer = flow;
	flows->of_class[class] = flow;
	flows->classes |= 1ULL << class;
}

/* Its length has changed. */
static void classify(struct flows *flows, struct flow *flow)
{
	__u64 bytes = flow->line.bytes;
	__u32 class = flow->line.packets ? 64 - __builtin_clzll(bytes | 1) : 0;

	if (class >= CLASSES)
		class = CLASSES - 1;
	if (class == flow->class)
		return;
	if (flow->class)
		take_out_of_class(flows, flow);
	flow->class = 0;
	if (class)
		put_into_class(flows, flow, class);
}

static struct flow *longest(const struct flows *flows)
{
	return flows->of_class[63 - __builtin_clzll(flows->classes)];
}

/* ---- what drr and fq have in common --------------------------------------------------------- */

static struct flow *find(const struct engine_link *link, const struct engine_packet *packet)
{
	__u32 flow = packet->flow;

	if (!flow && packet->bytes)
		flow = frame_flow(packet->bytes, packet->length, link->fate.seed);
	return &link->queue.flows->flows[flow % FLOWS];
}

static void push(struct engine_link *link, struct flow *flow, struct engine_packet *packet)
{
	queue_in(link, packet);
	line_push(&flow->line, packet);
	classify(link->queue.flows, flow);
}

/* Make room: packets of the longest flows go until the queue is within its limit. */
static void shorten(struct engine_link *link)
{
	bool head = link->config.drop == LINK_DROP_HEAD;
	struct engine_packet *packet;
	struct flow *flow;

	while (queue_is_over(link)) {
		flow = longest(link->queue.flows);
		packet = head ? line_pop(&flow->line) : line_pop_last(&flow->line);
		queue_out(link, packet);
		classify(link->queue.flows, flow);
		queue_drop(link, packet, head);
	}
}

/* ---- deficit round robin -------------------------------------------------------------------- */

/*
 * Shreedhar, Varghese: Efficient fair queuing using deficit round robin (1995), section 3: a flow
 * whose turn it is gets a quantum, and sends packets as long as they fit into what it has; the rest
 * is kept for its next turn, unless it has nothing more to send.
 */
static void drr_append(struct engine_link *link, struct engine_packet *packet)
{
	struct flow *flow = find(link, packet);

	push(link, flow, packet);
	if (flow->state != ASLEEP)
		return;
	flow->state = OLD;
	flow->deficit = 0;
	wait_turn(&link->queue.flows->old, flow);
	/* A flow that is alone has its turn at once. */
	if (link->queue.flows->old.first == flow)
		flow->deficit = link->config.quantum;
}

static void drr_put(struct engine_link *link, struct engine_packet *packet, __u64 now)
{
	(void)now;
	drr_append(link, packet);
	shorten(link);
}

/* The turn of the first flow is over. */
static void drr_next(struct engine_link *link)
{
	struct turn *turn = &link->queue.flows->old;
	struct flow *flow = turn->first;

	leave_turn(turn);
	if (flow->line.packets)
		wait_turn(turn, flow);
	else
		flow->state = ASLEEP;
	if (turn->first)
		turn->first->deficit += link->config.quantum;
}

static struct engine_packet *drr_remove(struct engine_link *link)
{
	struct turn *turn = &link->queue.flows->old;
	struct engine_packet *packet;
	struct flow *flow;

	while ((flow = turn->first)) {
		packet = flow->line.first;
		if (flow->line.packets && packet->length <= flow->deficit) {
			line_pop(&flow->line);
			queue_out(link, packet);
			classify(link->queue.flows, flow);
			flow->deficit -= packet->length;
			if (!flow->line.packets)
				drr_next(link);
			return packet;
		}
		drr_next(link);
	}
	return NULL;
}

static struct engine_packet *drr_take(struct engine_link *link, __u64 now)
{
	(void)now;
	return drr_remove(link);
}

const struct queue_kind queue_drr = {
	.put = drr_put,
	.take = drr_take,
	.append = drr_append,
	.remove = drr_remove,
	.flows = true,
};

/* ---- fair queueing with CoDel --------------------------------------------------------------- */

/*
 * FQ-CoDel, RFC 8290, section 4: a flow that was empty is new, and served before the old ones for
 * one quantum; each flow's line has a CoDel of its own. Unlike there, an overflow drops one packet
 * at a time, and of the end that the setting drop says.
 */
static void fq_append(struct engine_link *link, struct engine_packet *packet)
{
	struct flow *flow = find(link, packet);

	push(link, flow, packet);
	if (flow->state != ASLEEP)
		return;
	flow->state = NEW;
	flow->deficit = link->config.quantum;
	wait_turn(&link->queue.flows->fresh, flow);
}

static void fq_put(struct engine_link *link, struct engine_packet *packet, __u64 now)
{
	(void)now;
	fq_append(link, packet);
	shorten(link);
}

/* The first flow of its turn has nothing to send: a new one may be back too soon to be new. */
static void fq_empty(struct flows *flows, struct turn *turn)
{
	struct flow *flow = turn->first;

	leave_turn(turn);
	if (flow->state == NEW && flows->old.first) {
		flow->state = OLD;
		wait_turn(&flows->old, flow);
	} else {
		flow->state = ASLEEP;
	}
}

static struct engine_packet *fq_serve(struct engine_link *link, __u64 now, bool judge)
{
	struct flows *flows = link->queue.flows;
	struct engine_packet *packet;
	struct turn *turn;
	struct flow *flow;

	for (;;) {
		turn = flows->fresh.first ? &flows->fresh : &flows->old;
		flow = turn->first;
		if (!flow)
			return NULL;
		if (flow->deficit <= 0) {
			flow->deficit += link->config.quantum;
			leave_turn(turn);
			flow->state = OLD;
			wait_turn(&flows->old, flow);
			continue;
		}
		if (judge) {
			packet = codel_take(link, &flow->codel, &flow->line, now);
		} else {
			packet = line_pop(&flow->line);
			if (packet)
				queue_out(link, packet);
		}
		classify(flows, flow);
		if (!packet) {
			fq_empty(flows, turn);
			continue;
		}
		flow->deficit -= packet->length;
		return packet;
	}
}

static struct engine_packet *fq_take(struct engine_link *link, __u64 now)
{
	return fq_serve(link, now, true);
}

static struct engine_packet *fq_remove(struct engine_link *link)
{
	return fq_serve(link, 0, false);
}

const struct queue_kind queue_fq = {
	.put = fq_put,
	.take = fq_take,
	.append = fq_append,
	.remove = fq_remove,
	.flows = true,
};
