// SPDX-License-Identifier: GPL-2.0-only
/*
 * copies_parts - parts of a packet have to come back to the block that cuts
 */
#include <errno.h>

#include "cleanup.h"
#include "copies.h"

/* Does the port for parts lead anywhere, but not back? */
static int strays(const struct graph *graph, __u32 node, bool *found)
{
	_cleanup_(walk_free) struct walk walk = {};
	__u32 port = graph_record(graph, node_idp(node))->copies >> 4;
	struct graph_edge edges[EDGES_MAX];
	size_t count = graph_edges(graph, node, edges);
	bool bound = false;

	if (walk_begin(&walk, graph))
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (edges[i].path != node_path(node) || edges[i].port != port)
			continue;
		bound = true;
		walk_to(&walk, edges[i].to);
	}
	walk_through(&walk, graph);
	*found = bound && !walk.seen[node];
	return 0;
}

int copies_find_stray(const struct graph *graph, __u32 *stray)
{
	*stray = 0;
	for (__u32 node = 0; !*stray && node < graph_limit(graph) * LANA_PATHS; node++) {
		const struct record *record = graph_record(graph, node_idp(node));
		bool found = false;

		if (!record || !copies_here(record) || copying_of(record) != LANA_COPYING_PARTS)
			continue;
		if (strays(graph, node, &found))
			return -ENOMEM;
		if (found)
			*stray = node;
	}
	return 0;
}
