// SPDX-License-Identifier: GPL-2.0-only
/*
 * userforward - hand every packet on: the user-space half of bpf/blocks/userforward.bpf.c
 */
#include <lana/userblock.h>

#include "userforward.h"

static void process(struct lana_userblock *block, struct lana_userpacket **packets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct userforward_counters *counters = block->counters[packets[i]->path];

		counters->packets++;
		counters->bytes += packets[i]->length;
		lana_user_send(block, packets[i], USERFORWARD_NEXT);
	}
}

LANA_USERBLOCK(userforward, .process = process);
