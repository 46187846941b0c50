// SPDX-License-Identifier: GPL-2.0-only
/*
 * copies_xdp - where packets come into a stack at XDP, and which blocks copy them there
 *
 * Only these need devices for copies to come back by. All that can bring a packet is here: what is
 * left out drops what it should copy.
 */
#include <errno.h>

#include "cleanup.h"
#include "copies.h"

static bool is_hooked(const struct record *record)
{
	return record->device.hook == LANA_HOOK_XDP || record->device.hook == LANA_HOOK_SKB;
}

/* Go to all that packets come to from a block. False: none comes into the stack there. */
static bool walk_in(struct walk *walk, const struct graph *graph, __u32 idp)
{
	const struct record *record = graph_record(graph, idp);
	int path = record->device.is_socket ? LANA_EGRESS : LANA_INGRESS;
	bool entered = record->probes & PROBE_ENTERED;

	if (is_hooked(record))
		walk_out(walk, graph, node_of(idp, path));
	for (int from = 0; record->user && from < LANA_PATHS; from++)
		walk_out(walk, graph, node_of(idp, from)); /* by what its worker makes */
	if (entered) /* by what a generator makes, which goes through the block itself */
		walk_to(walk, node_of(idp, LANA_INGRESS));
	walk_through(walk, graph);
	return entered || record->user || is_hooked(record);
}

/* Of the nodes that were seen, note those that copies are made at. False: there is none. */
static bool note_copying(const struct graph *graph, const struct walk *walk, struct copied *copied)
{
	bool any = false;

	for (__u32 node = 0; node < graph_limit(graph) * LANA_PATHS; node++) {
		struct copying copying;
		__u32 copies;

		if (!walk->seen[node] || !copies_here(graph_record(graph, node_idp(node))))
			continue;
		copies_of(graph, node, &copying);
		copies = __builtin_popcount(copying.copied) + 1;
		if (copies < 2)
			continue;
		any = true;
		copied->at_xdp = node;
		if (copies > copied->most)
			copied->most = copies;
	}
	return any;
}

static void note_device(const struct graph *graph, __u32 idp, struct copied *copied)
{
	const struct record *record = graph_record(graph, idp);

	if (record->device.hook == LANA_HOOK_SKB)
		copied->generic = idp;
	else if (!copied->device)
		copied->device = idp;
	else if (graph_record(graph, copied->device)->device.netns != record->device.netns)
		copied->another = idp;
}

int copies_find_xdp(const struct graph *graph, struct copied *copied)
{
	_cleanup_(walk_free) struct walk walk = {};

	for (__u32 idp = 1; idp < graph_limit(graph); idp++) {
		if (!graph_record(graph, idp))
			continue;
		if (walk_begin(&walk, graph))
			return -ENOMEM;
		if (walk_in(&walk, graph, idp) && note_copying(graph, &walk, copied) &&
		    is_hooked(graph_record(graph, idp)))
			note_device(graph, idp, copied);
	}
	return 0;
}

int copies_reach_xdp(const struct graph *graph, struct walk *walk)
{
	if (walk_begin(walk, graph))
		return -ENOMEM;
	for (__u32 idp = 1; idp < graph_limit(graph); idp++)
		if (graph_record(graph, idp))
			walk_in(walk, graph, idp);
	return 0;
}
