// SPDX-License-Identifier: GPL-2.0-only
/*
 * copies_expand - the program of a segment in which packets are sent on by several ports
 */
#include <errno.h>
#include <string.h>

#include "copies.h"

#define INSNS_MAX 8192 /* of templates, in a program */

struct expansion {
	const struct graph *graph;
	struct node *nodes;
	size_t count;
	__u32 insns;
};

static int expand(struct expansion *expansion, __u32 number, const struct weave_next *next);

static int expand_exit(struct expansion *expansion, const struct graph_edge *edge,
		       const struct weave_next *next, struct weave_exit *exit)
{
	int block;

	*exit = (struct weave_exit){ .kind = WEAVE_SLOT };
	if (!edge->fused)
		return 0;
	block = expand(expansion, edge->to, next);
	if (block < 0)
		return block;
	*exit = (struct weave_exit){ WEAVE_BLOCK, block };
	return 0;
}

/* First the branches, then the copies, and the packet itself last. */
static int expand_steps(struct expansion *expansion, int block, const struct weave_next *next)
{
	struct node *node = &expansion->nodes[block];
	__u32 number = node_of(node->idp, node->path);
	struct graph_edge edges[EDGES_MAX];
	size_t count = graph_edges(expansion->graph, number, edges);
	struct copying copying;
	int err = 0;

	copies_of(expansion->graph, number, &copying);
	for (int kind = WEAVE_BRANCH; kind <= WEAVE_LAST; kind++) {
		__u32 ports = kind == WEAVE_BRANCH  ? copying.inlined
			      : kind == WEAVE_CLONE ? copying.copied
			      : copying.last >= 0   ? 1U << copying.last
						    : 0;

		for (size_t i = 0; !err && i < count; i++) {
			struct weave_next then = { block, node->steps_count + 1 };
			struct weave_step *step = &node->steps[node->steps_count];

			if (edges[i].path != node->path || !(ports & 1U << edges[i].port))
				continue;
			step->kind = kind;
			step->port = edges[i].port;
			node->steps_count++;
			if (kind != WEAVE_CLONE)
				err = expand_exit(expansion, &edges[i],
						  kind == WEAVE_BRANCH ? &then : next, &step->exit);
		}
	}
	return err;
}

static bool is_same(const struct node *node, __u32 number, const struct weave_next *next)
{
	return node_of(node->idp, node->path) == number && node->within == (next != NULL) &&
	       (!next || !memcmp(&node->next, next, sizeof(*next)));
}

/*
 * The node's place in the program, if there the step next follows where a packet's way ends (NULL:
 * none does). A negative errno.
 */
static int expand(struct expansion *expansion, __u32 number, const struct weave_next *next)
{
	const struct record *record = graph_record(expansion->graph, node_idp(number));
	struct graph_edge edges[EDGES_MAX];
	size_t count = graph_edges(expansion->graph, number, edges);
	struct node *node;
	int block, err = 0;

	for (size_t i = 0; i < expansion->count; i++)
		if (is_same(&expansion->nodes[i], number, next))
			return i;
	expansion->insns += record->insns;
	if (expansion->count == INSTANCES_MAX || expansion->insns > INSNS_MAX)
		return -E2BIG;
	block = expansion->count++;
	node = &expansion->nodes[block];
	*node = (struct node){
		.idp = node_idp(number), .path = node_path(number), .record = record, .within = next
	};
	if (next)
		node->next = *next; /* and what is unbound leads nowhere: no slot comes back */
	else
		node_use_slots(node);
	if (copies_here(record))
		err = expand_steps(expansion, block, next);
	for (size_t i = 0; !err && i < count; i++)
		if (!copies_here(record) || record->nature & NATURE_LEADS ||
		    edges[i].path != (int)node->path)
			err = expand_exit(expansion, &edges[i], next,
					  &node->exits[edges[i].path][edges[i].port]);
	return err ?: block;
}

int copies_expand(const struct graph *graph, __u32 head, struct node nodes[INSTANCES_MAX],
		  size_t *count)
{
	struct expansion expansion = { graph, nodes, 0, 0 };
	int err = expand(&expansion, head, NULL);

	if (err < 0)
		return err;
	*count = expansion.count;
	return 0;
}
