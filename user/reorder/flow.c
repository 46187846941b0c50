// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "flow.h"

#define NO_TIMER_NS   60000000000ULL
#define HOLD_NS	      100000000ULL /* by default, as are */
#define SIZE	      2048
#define TOTAL	      12288
#define FRAMES_SPARED 256 /* of the worker's memory, for others to come and go */

static const struct reorder_config *config_of(const struct reorder *reorder)
{
	return reorder->block->config;
}

static struct reorder_counters *counters_of(const struct reorder *reorder,
					    const struct lana_userpacket *packet)
{
	return reorder->block->counters[packet->path];
}

static struct held *head_of(const struct flow *flow)
{
	return &flow->held[flow->first];
}

static uint64_t hold_of(const struct reorder *reorder)
{
	return config_of(reorder)->hold ?: HOLD_NS;
}

uint64_t flow_patience(const struct reorder *reorder, const struct flow *flow)
{
	switch (config_of(reorder)->timer) {
	case REORDER_NONE:
		return NO_TIMER_NS;
	case REORDER_FIXED:
		return hold_of(reorder);
	default:
		return spread_patience(&reorder->spreads[flow->path], hold_of(reorder));
	}
}

/* ---- paths ---------------------------------------------------------------------------------- */

static void note_path(struct paths *paths, const struct reorder_range *range, uint32_t shift)
{
	uint32_t bit = 1U << range->path;

	if ((range->seq ^ range->end) >> shift) {
		paths->before = paths->now;
		paths->now = 0;
	}
	paths->now |= bit;
	if (!(paths->known & bit) || reorder_distance(range->end, paths->highs[range->path]) > 0)
		paths->highs[range->path] = range->end;
	paths->known |= bit;
}

/* Has it brought packets that were sent behind that number? */
static bool has_passed(const struct paths *paths, uint32_t path, uint32_t number)
{
	return paths->known & 1U << path && reorder_distance(paths->highs[path], number) > 0;
}

/* Each path has: what is missing does not come any more. */
static bool all_have_passed(const struct paths *paths, uint32_t number)
{
	uint32_t used = paths->now | paths->before;

	if (used & 1)
		return false;
	for (uint32_t path = 1; path < REORDER_PATHS; path++)
		if (used & 1U << path && !has_passed(paths, path, number))
			return false;
	return true;
}

/* ---- what waits ----------------------------------------------------------------------------- */

static void send(struct reorder *reorder, struct flow *flow, const struct held *packet)
{
	if (reorder_distance(packet->range.end, flow->expected) > 0)
		flow->expected = packet->range.end;
	if (flow->recent)
		reorder_leaves(flow->recent, packet->range.seq);
	lana_user_send(reorder->block, packet->packet, REORDER_NEXT);
}

static void drop_double(struct reorder *reorder, struct lana_userpacket *packet)
{
	counters_of(reorder, packet)->duplicates++;
	lana_user_drop(reorder->block, packet, LANA_DROP_POLICY);
}

static void note_oldest(struct flow *flow)
{
	flow->since = UINT64_MAX;
	for (uint32_t i = 0; i < flow->count; i++)
		if (head_of(flow)[i].packet->time < flow->since)
			flow->since = head_of(flow)[i].packet->time;
}

/* Send what is next in line. */
static void drain(struct reorder *reorder, struct flow *flow)
{
	uint32_t before = flow->count;

	while (flow->count) {
		const struct held *head = head_of(flow);

		if (reorder_distance(head->range.seq, flow->expected) > 0)
			break;
		flow->first++;
		flow->count--;
		reorder->held--;
		counters_of(reorder, head->packet)->holding--;
		/* Others have brought all of its bytes. An RST is more than those. */
		if (!head->range.rst && reorder_distance(head->range.end, flow->expected) <= 0)
			drop_double(reorder, head->packet);
		else
			send(reorder, flow, head);
	}
	if (!flow->count)
		flow->first = 0;
	if (flow->count != before)
		note_oldest(flow);
}

/* The packet behind which the flow is to go on without what is missing. */
static void give_up(struct reorder *reorder, struct flow *flow, uint64_t now)
{
	const struct held *head = head_of(flow);
	const struct gap *last = &flow->given_up;

	/* Those that were given up shortly before may still come, too. */
	flow->given_up = (struct gap){
		.seq = now < last->since + SPREAD_WINDOW_NS ? last->seq : flow->expected,
		.end = head->range.seq,
		.since = flow->since,
		.stamp = head->stamp,
	};
	spread_note(&reorder->spreads[flow->path], 0, now);
	flow->expected = head->range.seq;
	drain(reorder, flow);
}

/*
 * As above, while what is missing does not come any more. A young flow may have paths that have not
 * brought anything yet.
 */
static void give_up_lost(struct reorder *reorder, struct flow *flow, uint64_t now)
{
	if (now < flow->begun + hold_of(reorder))
		return;
	while (flow->count && all_have_passed(&flow->paths, flow->expected)) {
		counters_of(reorder, head_of(flow)->packet)->lost++;
		give_up(reorder, flow, now);
	}
}

void flow_expire(struct reorder *reorder, struct flow *flow, uint64_t now)
{
	uint64_t patience = flow_patience(reorder, flow);

	while (flow->count && now >= flow->since + patience) {
		counters_of(reorder, head_of(flow)->packet)->timeouts++;
		give_up(reorder, flow, now);
	}
}

void flow_flush(struct reorder *reorder, struct flow *flow)
{
	while (flow->count) {
		flow->expected = head_of(flow)->range.seq;
		drain(reorder, flow);
	}
}

/* Where it belongs: behind all that do not begin later. */
static uint32_t place_of(const struct flow *flow, uint32_t seq)
{
	uint32_t least = 0, most = flow->count;

	while (least < most) {
		uint32_t middle = (least + most) / 2;

		if (reorder_distance(head_of(flow)[middle].range.seq, seq) > 0)
			most = middle;
		else
			least = middle + 1;
	}
	return least;
}

/* False: there is no memory. */
static bool make_room(struct flow *flow)
{
	struct held *held;
	uint32_t room;

	if (flow->first + flow->count < flow->room)
		return true;
	if (flow->first > flow->room / 2) {
		memmove(flow->held, head_of(flow), flow->count * sizeof(*held));
		flow->first = 0;
		return true;
	}
	room = flow->room ? 2 * flow->room : 64;
	held = realloc(flow->held, room * sizeof(*held));
	if (!held)
		return false;
	flow->held = held;
	flow->room = room;
	return true;
}

static bool is_full(const struct reorder *reorder, const struct flow *flow)
{
	const struct reorder_config *config = config_of(reorder);
	uint32_t unused;

	lana_user_frames(reorder->block, &unused);
	return flow->count >= (config->size ?: SIZE) || reorder->held >= (config->total ?: TOTAL) ||
	       unused < FRAMES_SPARED;
}

static void hold(struct reorder *reorder, struct flow *flow, const struct held *packet)
{
	struct reorder_counters *counters = counters_of(reorder, packet->packet);
	uint32_t place;

	place = place_of(flow, packet->range.seq);
	if (place && !packet->range.rst &&
	    reorder_distance(packet->range.end, head_of(flow)[place - 1].range.end) <= 0) {
		drop_double(reorder, packet->packet);
		return;
	}
	if (!make_room(flow)) {
		counters->full++;
		flow_flush(reorder, flow);
		send(reorder, flow, packet);
		return;
	}
	memmove(head_of(flow) + place + 1, head_of(flow) + place,
		(flow->count - place) * sizeof(*packet));
	head_of(flow)[place] = *packet;
	if (!flow->count || packet->packet->time < flow->since)
		flow->since = packet->packet->time;
	flow->count++;
	reorder->held++;
	counters->held++;
	counters->holding++;
}

/* ---- one packet ----------------------------------------------------------------------------- */

/* What was waited for, or not any longer, has come: how much later does the path bring packets? */
static void measure(struct reorder *reorder, const struct flow *flow, const struct held *packet,
		    const struct gap *gap)
{
	const struct reorder_range *range = &packet->range;

	if (reorder_distance(range->end, gap->seq) <= 0 ||
	    reorder_distance(range->seq, gap->end) >= 0 || packet->packet->time < gap->since)
		return;
	if ((range->path && has_passed(&flow->paths, range->path, range->seq)) ||
	    spread_is_again(gap, packet->stamp))
		return;
	spread_note(&reorder->spreads[flow->path], packet->packet->time - gap->since,
		    packet->packet->time);
}

/* It begins anew. */
static void restart(struct reorder *reorder, struct flow *flow, const struct held *packet)
{
	flow_flush(reorder, flow);
	memset(&flow->paths, 0, sizeof(flow->paths));
	flow->given_up = (struct gap){};
	flow->expected = packet->range.end;
	flow->begun = packet->packet->time;
	send(reorder, flow, packet);
}

/* What begins no later than what is expected. */
static void pass(struct reorder *reorder, struct flow *flow, const struct held *packet)
{
	const struct reorder_range *range = &packet->range;

	if (reorder_distance(range->end, flow->expected) <= 0) {
		counters_of(reorder, packet->packet)->late += range->seq != range->end;
		measure(reorder, flow, packet, &flow->given_up);
		send(reorder, flow, packet);
		return;
	}
	if (flow->count) {
		const struct gap gap = {
			.seq = flow->expected,
			.end = head_of(flow)->range.seq,
			.since = flow->since,
			.stamp = head_of(flow)->stamp,
		};

		counters_of(reorder, packet->packet)->filled++;
		measure(reorder, flow, packet, &gap);
	}
	send(reorder, flow, packet);
	drain(reorder, flow);
}

void flow_take(struct reorder *reorder, struct flow *flow, const struct held *packet)
{
	struct reorder_scale scale = reorder_scale(config_of(reorder)->sequence);
	const struct reorder_range *range = &packet->range;
	uint64_t now = packet->packet->time;

	flow->last = now;
	if (range->syn || reorder_is_far(range->seq, flow->expected, scale.far)) {
		counters_of(reorder, packet->packet)->restarts += !range->syn;
		restart(reorder, flow, packet);
		return;
	}
	if (flow->recent && reorder_distance(range->end, flow->expected) <= 0 &&
	    reorder_has_left(flow->recent, range->seq)) {
		drop_double(reorder, packet->packet);
		return;
	}
	if (config_of(reorder)->order == REORDER_OFF) {
		send(reorder, flow, packet);
		return;
	}
	while (flow->count && is_full(reorder, flow) &&
	       reorder_distance(range->seq, flow->expected) > 0) {
		counters_of(reorder, packet->packet)->full++;
		give_up(reorder, flow, now);
	}
	if (reorder_distance(range->seq, flow->expected) > 0 && is_full(reorder, flow)) {
		counters_of(reorder, packet->packet)->full++;
		send(reorder, flow, packet);
	} else if (reorder_distance(range->seq, flow->expected) > 0) {
		hold(reorder, flow, packet);
	} else {
		pass(reorder, flow, packet);
	}
	note_path(&flow->paths, range, scale.shift);
	give_up_lost(reorder, flow, now);
}
