// SPDX-License-Identifier: GPL-2.0-only
/*
 * copies_parts - parts of a packet have to come back to the block that cuts
 */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "copies.h"

/* Nodes to go to, each once. */
struct search {
	bool *seen;
	__u32 *todo;
	size_t pending;
};

static void add(struct search *search, __u32 node)
{
	if (!search->seen[node])
		search->todo[search->pending++] = node;
	search->seen[node] = true;
}

/* Devices end ways. */
static void follow(struct search *search, const struct graph *graph)
{
	while (search->pending) {
		__u32 node = search->todo[--search->pending];
		struct graph_edge edges[EDGES_MAX];
		size_t count = 0;

		if (graph_record(graph, node_idp(node))->device.hook == LANA_HOOK_NONE)
			count = graph_edges(graph, node, edges);
		for (size_t i = 0; i < count; i++)
			add(search, edges[i].to);
	}
}

/* Does the port for parts lead anywhere, but not back? */
static int strays(const struct graph *graph, __u32 node, bool *found)
{
	size_t nodes = (size_t)graph_limit(graph) * LANA_PATHS;
	_cleanup_free_ bool *seen = calloc(nodes, sizeof(*seen));
	_cleanup_free_ __u32 *todo = calloc(nodes, sizeof(*todo));
	struct search search = { .seen = seen, .todo = todo };
	__u32 port = graph_record(graph, node_idp(node))->copies >> 4;
	struct graph_edge edges[EDGES_MAX];
	size_t count = graph_edges(graph, node, edges);
	bool bound = false;

	if (!seen || !todo)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (edges[i].path != node_path(node) || edges[i].port != port)
			continue;
		bound = true;
		add(&search, edges[i].to);
	}
	follow(&search, graph);
	*found = bound && !seen[node];
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
