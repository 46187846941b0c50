// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuse - decide which edges are jumps inside a program
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "copies.h"
#include "error.h"
#include "graph.h"
#include "log.h"

/*
 * A segment is woven as a whole when one of its blocks changes, which takes the longer the larger
 * it is: this many instructions in about a millisecond or two. And a jump reaches 32,767
 * instructions, a program may use 64 maps.
 */
#define INSNS_MAX 5120
#define MAPS_MAX  48

/* An edge seen from where it leads. */
struct inward {
	__u32 from; /* node */
	__u32 next; /* 1 + index of the next one to the same node; 0: none */
};

struct plan {
	struct graph *graph;
	struct inward *inward; /* fused edges */
	__u32 inward_count;
	__u32 *first; /* by node: 1 + index of the first of inward; 0: none */
	bool *seen;   /* by node: it is reached from a hook */
};

static void plan_free(struct plan *plan)
{
	free(plan->inward);
	free(plan->first);
	free(plan->seen);
}

static void note_inward(struct plan *plan, __u32 from, __u32 to)
{
	plan->inward[plan->inward_count] = (struct inward){ from, plan->first[to] };
	plan->first[to] = ++plan->inward_count;
}

static int plan_open(struct plan *plan, struct graph *graph)
{
	__u32 nodes = graph_limit(graph) * LANA_PATHS;
	struct graph_edge edges[EDGES_MAX];
	size_t all = 1;

	for (__u32 node = 0; node < nodes; node++)
		all += graph_edges(graph, node, edges);
	plan->graph = graph;
	plan->inward = calloc(all, sizeof(*plan->inward));
	plan->first = calloc(nodes + 1, sizeof(*plan->first));
	plan->seen = calloc(nodes + 1, sizeof(*plan->seen));
	if (!plan->inward || !plan->first || !plan->seen)
		return -ENOMEM;
	for (__u32 node = 0; node < nodes; node++) {
		size_t count = graph_edges(graph, node, edges);

		for (size_t i = 0; i < count; i++)
			if (edges[i].fused)
				note_inward(plan, node, edges[i].to);
	}
	return 0;
}

/* ---- would it fit? --------------------------------------------------------------------- */

struct nodes {
	__u32 list[SEGMENT_MAX];
	size_t count;
};

static bool contains(const struct nodes *nodes, __u32 node)
{
	for (size_t i = 0; i < nodes->count; i++)
		if (nodes->list[i] == node)
			return true;
	return false;
}

/* Add a node once; false: there are too many. */
static bool add(struct nodes *nodes, __u32 node)
{
	if (contains(nodes, node))
		return true;
	if (nodes->count == SEGMENT_MAX)
		return false;
	nodes->list[nodes->count++] = node;
	return true;
}

/* The node, and all nodes from which fused edges lead to it. False: too many. */
static bool add_above(const struct plan *plan, __u32 node, struct nodes *nodes)
{
	size_t done = nodes->count;

	if (!add(nodes, node))
		return false;
	for (; done < nodes->count; done++)
		for (__u32 i = plan->first[nodes->list[done]]; i; i = plan->inward[i - 1].next)
			if (!add(nodes, plan->inward[i - 1].from))
				return false;
	return true;
}

/* The node, and all nodes that fused edges lead to from it. False: too many. */
static bool add_below(const struct plan *plan, __u32 node, struct nodes *nodes)
{
	struct graph_edge edges[EDGES_MAX];
	size_t done = nodes->count;

	if (!add(nodes, node))
		return false;
	for (; done < nodes->count; done++) {
		size_t count = graph_edges(plan->graph, nodes->list[done], edges);

		for (size_t i = 0; i < count; i++)
			if (edges[i].fused && !add(nodes, edges[i].to))
				return false;
	}
	return true;
}

static bool is_head(const struct plan *plan, __u32 node)
{
	return graph_record(plan->graph, node_idp(node))->entries[node_path(node)] > 0;
}

#define PUBLISHING_INSNS 64 /* that telling the subscribers takes, beside their event functions */

/* What a block's publishing adds to its program. */
static void add_publishing(const struct plan *plan, const struct record *record, __u32 *insns,
			   __u32 *maps)
{
	*insns += PUBLISHING_INSNS;
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX && record->subscribers[i]; i++) {
		const struct record *hearer = graph_record(plan->graph, record->subscribers[i]);

		*insns += hearer->hearing_insns;
		*maps += hearer->hearing_maps;
	}
}

/* Is what stands in the list small enough for one program? */
static bool is_small(const struct plan *plan, const struct nodes *nodes)
{
	__u32 insns = 0, maps = 1; /* the log of events */

	for (size_t i = 0; i < nodes->count; i++) {
		const struct record *record = graph_record(plan->graph, node_idp(nodes->list[i]));

		insns += record->insns;
		maps += record->maps;
		if (record->publishes)
			add_publishing(plan, record, &insns, &maps);
	}
	return insns <= INSNS_MAX && maps <= MAPS_MAX;
}

/* May a jump lead from one node to the other? */
static bool fits(const struct plan *plan, __u32 from, __u32 to)
{
	struct nodes above = {}, there = {};
	size_t copies = 0;

	if (!add_above(plan, from, &above) || contains(&above, to) || !add_above(plan, to, &there))
		return false;
	for (size_t i = 0; i < above.count; i++) {
		struct nodes segment = {};

		if (!is_head(plan, above.list[i]))
			continue;
		if (!add_below(plan, above.list[i], &segment) || !add_below(plan, to, &segment) ||
		    !is_small(plan, &segment))
			return false;
		copies++;
	}
	for (size_t i = 0; i < there.count; i++)
		copies += is_head(plan, there.list[i]);
	return copies <= LANA_COPIES_MAX;
}

/* What has been in user space needs a moment to come back by the slots. */
#define COMING_BACK_NS 1000000000ULL

static bool uses_slots(const struct record *record)
{
	return record->user || (record->left_user &&
				clock_ns(CLOCK_MONOTONIC) - record->left_user < COMING_BACK_NS);
}

static bool may_fuse(const struct plan *plan, __u32 from, const struct graph_edge *edge)
{
	const struct record *record = graph_record(plan->graph, node_idp(from));
	const struct record *target = graph_record(plan->graph, node_idp(edge->to));
	__u32 forbidden = record->hot[edge->path] | record->stuck[edge->path];

	if (edge->fused || forbidden & 1U << edge->port || record->hot_block || target->hot_block ||
	    record->device.hook != LANA_HOOK_NONE || uses_slots(record) ||
	    !copies_may_fuse(plan->graph, node_of(node_idp(from), edge->path), edge))
		return false;
	return fits(plan, node_of(node_idp(from), edge->path), edge->to) &&
	       (!record->turns || fits(plan, node_of(node_idp(from), !edge->path), edge->to));
}

static int fuse_edge(struct plan *plan, __u32 idp, const struct graph_edge *edge)
{
	struct record *record = graph_edit(plan->graph, idp);
	struct record *target = graph_edit(plan->graph, node_idp(edge->to));

	if (!record || !target)
		return -ENOMEM;
	record->fused[edge->path] |= 1U << edge->port;
	target->entries[edge->path]--;
	note_inward(plan, node_of(idp, edge->path), edge->to);
	if (record->turns)
		note_inward(plan, node_of(idp, !edge->path), edge->to);
	return 0;
}

/* From the hooks on, so that what comes first is in the first segments. */
int graph_fuse(struct graph *graph)
{
	__u32 nodes = graph_limit(graph) * LANA_PATHS, done = 0, count = 0;
	_cleanup_free_ __u32 *queue = calloc(nodes + 1, sizeof(*queue));
	_cleanup_(plan_free) struct plan plan = {};
	int err = plan_open(&plan, graph);

	if (err || !queue)
		return -ENOMEM;
	for (__u32 node = 0; node < nodes; node++) {
		const struct record *record = graph_record(graph, node_idp(node));

		if (record && record->device.hook != LANA_HOOK_NONE) {
			queue[count++] = node;
			plan.seen[node] = true;
		}
	}
	for (; done < count; done++) {
		struct graph_edge edges[EDGES_MAX];
		size_t edges_count = graph_edges(graph, queue[done], edges);

		for (size_t i = 0; i < edges_count; i++) {
			if (may_fuse(&plan, queue[done], &edges[i]) &&
			    fuse_edge(&plan, node_idp(queue[done]), &edges[i]))
				return -ENOMEM;
			if (!plan.seen[edges[i].to])
				queue[count++] = edges[i].to;
			plan.seen[edges[i].to] = true;
		}
	}
	return 0;
}

static bool is_unfused(const struct record *record)
{
	return !record->fused[LANA_INGRESS] && !record->fused[LANA_EGRESS] &&
	       !memcmp(record->entries, record->references, sizeof(record->entries));
}

int graph_unfuse(struct graph *graph)
{
	for (__u32 idp = 1; idp < graph_limit(graph); idp++) {
		const struct record *record = graph_record(graph, idp);
		struct record *edit;

		if (!record || is_unfused(record))
			continue;
		edit = graph_edit(graph, idp);
		if (!edit)
			return -ENOMEM;
		memset(edit->fused, 0, sizeof(edit->fused));
		memcpy(edit->entries, edit->references, sizeof(edit->entries));
	}
	return 0;
}

static int cut_edge(struct graph *graph, __u32 idp, const struct graph_edge *edge)
{
	struct record *record = graph_edit(graph, idp);
	struct record *target = graph_edit(graph, node_idp(edge->to));

	if (!record || !target)
		return -ENOMEM;
	record->fused[edge->path] &= ~(1U << edge->port);
	record->stuck[edge->path] |= 1U << edge->port;
	target->entries[edge->path]++;
	return 0;
}

int graph_split(struct graph *graph, const struct segment *segment)
{
	size_t half = segment->count / 2;

	for (size_t i = 0; i < half; i++) {
		struct graph_edge edges[EDGES_MAX];
		size_t count = graph_edges(graph, segment->nodes[i], edges);

		for (size_t j = 0; j < count; j++)
			for (size_t k = half; edges[j].fused && k < segment->count; k++)
				if (edges[j].to == segment->nodes[k] &&
				    cut_edge(graph, node_idp(segment->nodes[i]), &edges[j]))
					return -ENOMEM;
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int commit_fuse(struct lana_stack *stack, struct lana_error *error)
{
	_cleanup_(
		commit_end) struct commit commit = { .stack = stack, .fuse = true, .unseen = true };

	return commit_run(&commit, error);
}

int lana_stack_fuse(struct lana_stack *stack, bool on, struct lana_error *error)
{
	bool before;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	before = stack->registry->unfused;
	stack->registry->unfused = !on;
	err = commit_fuse(stack, error);
	if (err && !stack->registry->pending)
		stack->registry->unfused = before;
	if (!err && before == on)
		log_note(stack, LANA_EVENT_FUSE, "fuse %s", on ? "on" : "off");
	return err;
}
