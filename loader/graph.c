// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "graph.h"

struct graph {
	struct commit *commit;
	__u32 limit;
	__u16 *place; /* by node, while a segment is found: what is known of it */
	const struct record *records[];
};

struct graph *graph_new(struct commit *commit)
{
	const struct registry *registry = commit->stack->registry;
	__u32 limit = registry->limit;
	struct graph *graph;

	for (size_t i = 0; i < commit->changes_count; i++)
		if (commit->changes[i]->idp >= limit)
			limit = commit->changes[i]->idp + 1;
	graph = calloc(1, sizeof(*graph) + limit * (sizeof(graph->records[0]) +
						    LANA_PATHS * sizeof(graph->place[0])));
	if (!graph)
		return NULL;
	graph->commit = commit;
	graph->limit = limit;
	graph->place = (void *)&graph->records[limit];
	registry_for_each (registry, idp)
		graph->records[idp] = &registry->records[idp];
	for (size_t i = 0; i < commit->changes_count; i++) {
		const struct change *change = commit->changes[i];

		graph->records[change->idp] = change->new.name[0] ? &change->new : NULL;
	}
	return graph;
}

void graph_free(struct graph *graph)
{
	free(graph);
}

void graph_free_p(struct graph **graph)
{
	graph_free(*graph);
}

const struct record *graph_record(const struct graph *graph, __u32 idp)
{
	return graph->records[idp];
}

__u32 graph_limit(const struct graph *graph)
{
	return graph->limit;
}

struct record *graph_edit(struct graph *graph, __u32 idp)
{
	struct record *record = commit_edit(graph->commit, idp);

	if (graph->commit->failed)
		return NULL;
	graph->records[idp] = record;
	return record;
}

static size_t edges_of_path(const struct record *record, int path, struct graph_edge *edges)
{
	size_t count = 0;

	for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
		if (record->edges[path][port])
			edges[count++] = (struct graph_edge){
				.to = node_of(record->edges[path][port], path),
				.path = path,
				.port = port,
				.fused = record->fused[path] & 1U << port,
			};
	return count;
}

size_t graph_edges(const struct graph *graph, __u32 node, struct graph_edge edges[EDGES_MAX])
{
	const struct record *record = graph->records[node_idp(node)];
	int path = node_path(node);
	size_t count;

	if (!record)
		return 0;
	count = edges_of_path(record, path, edges);
	if (record->turns)
		count += edges_of_path(record, !path, edges + count);
	return count;
}

/* ---- segments ------------------------------------------------------------------------- */

#define ON_THE_WAY 0xffff

/* Put what the node leads to, and then the node, at the front of what is there. */
static bool collect(struct graph *graph, __u32 node, struct segment *segment)
{
	struct graph_edge edges[EDGES_MAX];
	size_t count = graph_edges(graph, node, edges);

	graph->place[node] = ON_THE_WAY;
	for (size_t i = 0; i < count; i++) {
		if (!edges[i].fused ||
		    (graph->place[edges[i].to] && graph->place[edges[i].to] != ON_THE_WAY))
			continue;
		if (graph->place[edges[i].to] == ON_THE_WAY ||
		    !collect(graph, edges[i].to, segment))
			return false;
	}
	if (segment->count == SEGMENT_MAX)
		return false;
	segment->nodes[SEGMENT_MAX - ++segment->count] = node;
	graph->place[node] = 1;
	return true;
}

static void forget_places(struct graph *graph, __u32 node)
{
	struct graph_edge edges[EDGES_MAX];
	size_t count;

	if (!graph->place[node])
		return;
	graph->place[node] = 0;
	count = graph_edges(graph, node, edges);
	for (size_t i = 0; i < count; i++)
		if (edges[i].fused)
			forget_places(graph, edges[i].to);
}

bool graph_segment(struct graph *graph, __u32 head, struct segment *segment)
{
	bool whole;

	segment->count = 0;
	whole = collect(graph, head, segment);
	forget_places(graph, head);
	memmove(segment->nodes, segment->nodes + SEGMENT_MAX - segment->count,
		segment->count * sizeof(segment->nodes[0]));
	return whole;
}

/* ---- tail calls ------------------------------------------------------------------------ */

#define UNKNOWN	  (-1)
#define ON_THE_GO (-2)

struct way {
	int calls;  /* tail calls at most, from the node on */
	__u32 next; /* node that it leads to */
};

static bool is_device(const struct graph *graph, __u32 node)
{
	const struct record *record = graph->records[node_idp(node)];

	return record && record->device.hook != LANA_HOOK_NONE;
}

/* Tail calls that an edge is. */
static int calls_of(const graph_switched *switched, __u32 node, const struct graph_edge *edge)
{
	if (edge->fused)
		return 0;
	return switched && switched[node_idp(node)][edge->path] & 1U << edge->port ? 2 : 1;
}

/* All that the node leads to is known. What is still on the go closes a circle: passed over. */
static void conclude(const graph_switched *switched, struct way *ways, __u32 node,
		     const struct graph_edge *edges, size_t count)
{
	ways[node].calls = 0;
	for (size_t i = 0; i < count; i++) {
		int calls = ways[edges[i].to].calls + calls_of(switched, node, &edges[i]);

		if (edges[i].to == node || ways[edges[i].to].calls < 0 ||
		    (ways[node].next && calls <= ways[node].calls))
			continue;
		ways[node] = (struct way){ calls, edges[i].to };
	}
}

/* Depth first, with a list instead of recursion: chains may be long. A way ends at a device. */
static void measure(const struct graph *graph, const graph_switched *switched, __u32 start,
		    struct way *ways, __u32 *todo)
{
	size_t pending = 0;

	todo[pending++] = start;
	while (pending) {
		__u32 node = todo[pending - 1];
		bool first = ways[node].calls == UNKNOWN;
		struct graph_edge edges[EDGES_MAX];
		size_t count = is_device(graph, node) ? 0 : graph_edges(graph, node, edges);
		size_t before = pending;

		if (!first && ways[node].calls != ON_THE_GO) {
			pending--;
			continue;
		}
		ways[node].calls = ON_THE_GO;
		for (size_t i = 0; first && i < count; i++)
			if (ways[edges[i].to].calls == UNKNOWN)
				todo[pending++] = edges[i].to;
		if (pending > before)
			continue;
		conclude(switched, ways, node, edges, count);
		pending--;
	}
}

/* One more for each edge: a node may wait several times. */
static size_t count_edges(const struct graph *graph)
{
	struct graph_edge edges[EDGES_MAX];
	size_t count = 1;

	for (__u32 node = 0; node < graph->limit * LANA_PATHS; node++)
		count += graph_edges(graph, node, edges);
	return count;
}

static int copy_path(const struct way *ways, __u32 node, __u32 **path, size_t *count)
{
	size_t length = 1;

	for (__u32 at = node; ways[at].next; at = ways[at].next)
		length++;
	*path = calloc(length, sizeof(**path));
	if (!*path)
		return -ENOMEM;
	for (*count = 0; *count < length; node = ways[node].next)
		(*path)[(*count)++] = node;
	return 0;
}

int graph_depth(const struct graph *graph, const graph_switched *switched, __u32 **path,
		size_t *path_count)
{
	_cleanup_free_ struct way *ways = malloc(graph->limit * LANA_PATHS * sizeof(*ways));
	_cleanup_free_ __u32 *todo = malloc(count_edges(graph) * sizeof(*todo));
	int depth = 0, err;
	__u32 first = 0;

	if (!ways || !todo)
		return -ENOMEM;
	for (__u32 node = 0; node < graph->limit * LANA_PATHS; node++)
		ways[node] = (struct way){ UNKNOWN, 0 };
	for (__u32 node = 0; node < graph->limit * LANA_PATHS; node++) {
		struct graph_edge edges[EDGES_MAX];
		size_t count = is_device(graph, node) ? graph_edges(graph, node, edges) : 0;

		for (size_t i = 0; i < count; i++) {
			int calls;

			measure(graph, switched, edges[i].to, ways, todo);
			calls = ways[edges[i].to].calls + calls_of(switched, node, &edges[i]);
			if (calls > depth) {
				depth = calls;
				first = edges[i].to;
			}
		}
	}
	if (!depth || !path)
		return depth;
	err = copy_path(ways, first, path, path_count);
	return err ?: depth;
}
