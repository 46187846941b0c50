// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "flow.h"

/* Murmur3's finish, over the three words of a key. */
static struct flow **bucket_of(struct reorder *reorder, const struct reorder_key *key)
{
	uint32_t words[3], hash = 0;

	memcpy(words, key, sizeof(words));
	for (int i = 0; i < 3; i++) {
		hash = (hash ^ words[i]) * 0x85ebca6b;
		hash = (hash ^ hash >> 13) * 0xc2b2ae35;
		hash ^= hash >> 16;
	}
	return &reorder->buckets[hash % REORDER_FLOWS];
}

struct flow *table_find(struct reorder *reorder, const struct reorder_key *key)
{
	struct flow *flow = *bucket_of(reorder, key);

	while (flow && memcmp(&flow->key, key, sizeof(*key)))
		flow = flow->chain;
	return flow;
}

/* Flows that the worker has not offered back are counted. */
static __u64 *count_of(struct reorder *reorder, const struct flow *flow)
{
	struct reorder_counters *counters = reorder->block->counters[flow->path];

	return &counters->flows;
}

static void unlist(struct reorder *reorder, struct flow *flow)
{
	struct flows *list = flow->offered ? &reorder->offered : &reorder->busy;

	if (!flow->offered)
		--*count_of(reorder, flow);
	*(flow->up ? &flow->up->down : &list->first) = flow->down;
	*(flow->down ? &flow->down->up : &list->last) = flow->up;
}

static void enlist(struct reorder *reorder, struct flow *flow)
{
	struct flows *list = flow->offered ? &reorder->offered : &reorder->busy;

	if (!flow->offered)
		++*count_of(reorder, flow);
	flow->up = list->last;
	flow->down = NULL;
	*(list->last ? &list->last->down : &list->first) = flow;
	list->last = flow;
}

struct flow *table_add(struct reorder *reorder, const struct reorder_key *key, uint8_t path)
{
	struct flow **bucket = bucket_of(reorder, key), *flow;

	if (reorder->flows == REORDER_FLOWS) {
		if (!reorder->offered.first)
			return NULL;
		table_remove(reorder, reorder->offered.first);
	}
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->key = *key;
	flow->path = path;
	flow->chain = *bucket;
	*bucket = flow;
	enlist(reorder, flow);
	reorder->flows++;
	return flow;
}

void table_move(struct reorder *reorder, struct flow *flow, bool offered)
{
	unlist(reorder, flow);
	flow->offered = offered;
	enlist(reorder, flow);
}

void table_remove(struct reorder *reorder, struct flow *flow)
{
	struct flow **at = bucket_of(reorder, &flow->key);

	while (*at != flow)
		at = &(*at)->chain;
	*at = flow->chain;
	unlist(reorder, flow);
	reorder->flows--;
	free(flow->held);
	free(flow->recent);
	free(flow);
}
