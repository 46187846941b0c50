// SPDX-License-Identifier: GPL-2.0-only
#include <lana/random.h>

#include "link.h"

#define STREAM 0x72656431
#define ONE    (1ULL << 32)

static __u64 length_of(const struct engine_link *link)
{
	const struct queue *queue = &link->queue;

	switch ((enum lana_measure)LANA_LIMIT_MEASURE(link->config.limit)) {
	case LANA_PACKETS:
		return queue->packets;
	case LANA_BYTES:
		return queue->bytes;
	case LANA_US:
		break;
	}
	return ((unsigned __int128)queue->wire * link->byte_time >> 32) / 1000;
}

/* (1 - 2^-weight)^m, times 2^32: by squares. */
static __u64 decay(__u64 weight, __u64 m)
{
	__u64 power = ONE - (ONE >> weight), result = ONE;

	for (; m && result; m >>= 1) {
		if (m & 1)
			result = (unsigned __int128)result * power >> 32;
		power = (unsigned __int128)power * power >> 32;
	}
	return result;
}

static void average_idle(struct engine_link *link, const struct engine_packet *packet, __u64 now)
{
	struct red *red = &link->queue.red;
	__u64 one = (link_wire(link, packet) * link->byte_time >> 32) ?: 1;
	__u64 m = now > red->idle_since ? (now - red->idle_since) / one : 0;

	red->average = (unsigned __int128)red->average * decay(link->config.red_weight, m) >> 32;
	/* Should this packet be dropped, the queue stays empty; so much of that time is counted. */
	red->idle_since += m * one;
}

static void average(struct engine_link *link)
{
	struct red *red = &link->queue.red;
	__s64 more = (length_of(link) << RED_PART) - red->average;

	red->average += more >> link->config.red_weight;
}

__u64 red_chance(const struct red *red, bool gentle)
{
	const __u64 average = red->average, min = red->min, max = red->max;

	if (average < min)
		return 0;
	if (average < max)
		return (unsigned __int128)red->chance * (average - min) / (max - min);
	if (!gentle || average >= 2 * max)
		return ONE;
	return red->chance + (unsigned __int128)(ONE - red->chance) * (average - max) / max;
}

bool red_judges(struct engine_link *link, const struct engine_packet *packet, __u64 now)
{
	struct red *red = &link->queue.red;
	__u64 chance, spared, draw;

	if (!link->queue.packets)
		average_idle(link, packet, now);
	else
		average(link);
	chance = red_chance(red, link->config.red_gentle);
	if (!chance) {
		red->count = -1;
		return false;
	}
	red->count++;
	spared = red->count * chance;
	if (chance < ONE && spared < ONE) {
		draw = lana_random(link->fate.seed, STREAM + link->fate.state.path, red->draws++) >>
		       32;
		if (draw * (ONE - spared) >= chance << 32)
			return false;
	}
	red->count = 0;
	return true;
}

void red_idle(struct engine_link *link, __u64 now)
{
	link->queue.red.idle_since = now;
}

void red_configure(struct engine_link *link, bool anew)
{
	const struct link_config *config = &link->config;
	struct red *red = &link->queue.red;

	if (anew)
		*red = (struct red){ .count = -1, .idle_since = link->time };
	red->min = (__u64)LANA_LIMIT_VALUE(config->red_min) << RED_PART;
	red->max = (__u64)LANA_LIMIT_VALUE(config->red_max) << RED_PART;
	red->chance = (unsigned __int128)config->red_chance * ONE / LANA_CERTAIN;
}
