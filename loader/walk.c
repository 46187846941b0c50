// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

void walk_free(struct walk *walk)
{
	free(walk->seen);
	free(walk->todo);
}

int walk_begin(struct walk *walk, const struct graph *graph)
{
	__u32 nodes = graph_limit(graph) * LANA_PATHS;

	if (!walk->seen)
		walk->seen = calloc(nodes, sizeof(*walk->seen));
	if (!walk->todo)
		walk->todo = calloc(nodes, sizeof(*walk->todo));
	if (!walk->seen || !walk->todo)
		return -ENOMEM;
	memset(walk->seen, 0, nodes * sizeof(*walk->seen));
	walk->pending = 0;
	return 0;
}

bool walk_ends(const struct graph *graph, __u32 node)
{
	return graph_record(graph, node_idp(node))->device.hook != LANA_HOOK_NONE;
}

void walk_to(struct walk *walk, __u32 node)
{
	if (!walk->seen[node])
		walk->todo[walk->pending++] = node;
	walk->seen[node] = true;
}

void walk_out(struct walk *walk, const struct graph *graph, __u32 node)
{
	struct graph_edge edges[EDGES_MAX];
	size_t count = graph_edges(graph, node, edges);

	for (size_t i = 0; i < count; i++)
		walk_to(walk, edges[i].to);
}

void walk_on(struct walk *walk, const struct graph *graph, __u32 node)
{
	if (!walk_ends(graph, node))
		walk_out(walk, graph, node);
}

void walk_through(struct walk *walk, const struct graph *graph)
{
	while (walk->pending)
		walk_on(walk, graph, walk->todo[--walk->pending]);
}
