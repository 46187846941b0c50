// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold - hold each packet for a time: the user-space half of bpf/blocks/hold.bpf.c
 *
 * The smallest block that keeps packets, and the template for those that have a clock.
 */
#include <lana/userblock.h>

#include "hold.h"

#define LATE_NS 100000

/* Packets in the order in which they came, which is that in which they leave. */
struct hold {
	struct lana_userpacket *first, *last;
};

static struct hold_counters *counters_of(struct lana_userblock *block,
					 const struct lana_userpacket *packet)
{
	return block->counters[packet->path];
}

static void process(struct lana_userblock *block, struct lana_userpacket **packets, uint32_t count)
{
	const struct hold_config *config = block->config;
	struct hold *hold = block->state;

	for (uint32_t i = 0; i < count; i++) {
		struct lana_userpacket *packet = packets[i];

		packet->due = packet->time + config->delay;
		if (hold->first && packet->due < hold->last->due)
			packet->due = hold->last->due;
		packet->next = NULL;
		if (hold->first) {
			hold->last->next = packet;
		} else {
			hold->first = packet;
			lana_user_timer(block, packet->due);
		}
		hold->last = packet;
		counters_of(block, packet)->held++;
	}
}

static void send_first(struct lana_userblock *block, struct hold *hold)
{
	struct lana_userpacket *packet = hold->first;

	hold->first = packet->next;
	lana_user_send(block, packet, HOLD_NEXT);
}

static void timer(struct lana_userblock *block, uint64_t now)
{
	struct hold *hold = block->state;

	while (hold->first && hold->first->due <= now) {
		if (now - hold->first->due > LATE_NS)
			counters_of(block, hold->first)->late++;
		send_first(block, hold);
	}
	if (hold->first)
		lana_user_timer(block, hold->first->due);
}

static void fini(struct lana_userblock *block)
{
	struct hold *hold = block->state;

	while (hold->first)
		send_first(block, hold);
}

LANA_USERBLOCK(hold, .state_size = sizeof(struct hold), .process = process, .timer = timer,
	       .fini = fini);
