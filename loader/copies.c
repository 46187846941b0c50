// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "copies.h"
#include "error.h"
#include "types.h"

/* ---- the nature of blocks --------------------------------------------------------------- */

/* Maps are told apart by their descriptors; these stand for what a block has only when woven. */
#define NO_PAGE	   (-2)
#define NO_CONTEXT (-3)

static int examine(const struct type *type, const struct record *record, int flavour,
		   struct weave_nature *nature)
{
	const struct weave_block block = {
		.insns = bpf_program__insns(type->programs[flavour]),
		.count = bpf_program__insn_cnt(type->programs[flavour]),
		.template = type->maps,
		.ports = type->ports_count,
		.turns = type->turns,
		.copies = type->copies,
		.config = record->config,
		.config_size = type->config.size ?: 1,
		.page = NO_PAGE,
	};
	const struct weave w = {
		.flavour = flavour, .context = NO_CONTEXT, .blocks = &block, .count = 1
	};

	return weave_nature(&w, nature);
}

static int learn(struct graph *graph, struct lana_stack *stack, __u32 idp, struct lana_error *error)
{
	const struct record *record = graph_record(graph, idp);
	__u8 nature = NATURE_KNOWN | NATURE_READS;
	const struct type *type;
	struct record *edit;
	int err;

	if (record->nature & NATURE_KNOWN)
		return 0;
	err = types_get(stack, record->type, record->version, &type, error);
	if (err)
		return err;
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		struct weave_nature found;

		err = examine(type, record, flavour, &found);
		if (err == -ENOMEM)
			return refuse(error, err, "out of memory");
		if (err) /* weaving it says why, if it comes to that */
			found = (struct weave_nature){ .copies = true,
						       .leads = true,
						       .passes = true };
		if (!found.reads)
			nature &= ~NATURE_READS;
		nature |= (found.copies ? NATURE_COPIES : 0) | (found.leads ? NATURE_LEADS : 0) |
			  (found.passes ? NATURE_PASSES : 0);
	}
	edit = graph_edit(graph, idp);
	if (!edit)
		return refuse(error, -ENOMEM, "out of memory");
	edit->nature = nature;
	return 0;
}

int copies_learn(struct graph *graph, struct lana_stack *stack, struct lana_error *error)
{
	_cleanup_(walk_free) struct walk walk = {};
	int err = 0;

	for (__u32 node = 0; !err && node < graph_limit(graph) * LANA_PATHS; node++) {
		const struct record *record = graph_record(graph, node_idp(node));

		if (!record || !record->copies)
			continue;
		err = learn(graph, stack, node_idp(node), error);
		if (err || !copies_here(graph_record(graph, node_idp(node))))
			continue;
		if (!walk.seen && walk_begin(&walk, graph))
			return refuse(error, -ENOMEM, "out of memory");
		walk_on(&walk, graph, node);
		while (!err && walk.pending) {
			__u32 at = walk.todo[--walk.pending];

			if (!walk_ends(graph, at))
				err = learn(graph, stack, node_idp(at), error);
			walk_on(&walk, graph, at);
		}
	}
	return err;
}

/* ---- branches --------------------------------------------------------------------------- */

/* Add a node to a list that has no more than a segment; false: there are too many. */
static bool add_once(__u32 nodes[SEGMENT_MAX], size_t *count, __u32 node)
{
	for (size_t i = 0; i < *count; i++)
		if (nodes[i] == node)
			return true;
	if (*count == SEGMENT_MAX)
		return false;
	nodes[(*count)++] = node;
	return true;
}

/* How a branch is looked at: all of it must be in one program; it may be; that does not count. */
enum looking { AS_IT_IS, AS_IT_MAY_BE, AS_IF_FUSED };

/* Do all packets that come to a node end in what is reached from there, having been read? */
static bool only_reads(const struct graph *graph, __u32 start, enum looking looking)
{
	__u32 nodes[SEGMENT_MAX] = { start };
	size_t count = 1;

	for (size_t done = 0; done < count; done++) {
		const struct record *record = graph_record(graph, node_idp(nodes[done]));
		struct graph_edge edges[EDGES_MAX];
		size_t edges_count = graph_edges(graph, nodes[done], edges);

		if (record->device.hook != LANA_HOOK_NONE || !(record->nature & NATURE_READS) ||
		    (looking == AS_IT_MAY_BE && record->hot_block))
			return false;
		for (size_t i = 0; i < edges_count; i++) {
			const struct graph_edge *edge = &edges[i];
			__u32 cut = record->hot[edge->path] | record->stuck[edge->path];

			if ((looking == AS_IT_IS && !edge->fused) ||
			    (looking == AS_IT_MAY_BE && cut & 1U << edge->port))
				return false;
			if (!add_once(nodes, &count, edge->to))
				return false;
		}
	}
	return true;
}

/* May a packet that comes to a node get to the kernel? */
static bool may_pass(const struct graph *graph, __u32 start)
{
	__u32 nodes[SEGMENT_MAX] = { start };
	size_t count = 1;

	for (size_t done = 0; done < count; done++) {
		struct graph_edge edges[EDGES_MAX];
		size_t edges_count = graph_edges(graph, nodes[done], edges);

		if (walk_ends(graph, nodes[done]))
			continue;
		if (graph_record(graph, node_idp(nodes[done]))->nature & NATURE_PASSES)
			return true;
		for (size_t i = 0; i < edges_count; i++)
			if (!add_once(nodes, &count, edges[i].to))
				return true;
	}
	return false;
}

/* Of some ports of a node those whose branches may end in the kernel. */
static __u32 passing(const struct graph *graph, __u32 node, __u32 ports)
{
	struct graph_edge edges[EDGES_MAX];
	size_t count = graph_edges(graph, node, edges);
	__u32 found = 0;

	for (size_t i = 0; i < count; i++)
		if (edges[i].path == node_path(node) && ports & 1U << edges[i].port &&
		    may_pass(graph, edges[i].to))
			found |= 1U << edges[i].port;
	return found;
}

static int highest(__u32 ports)
{
	return ports ? 31 - __builtin_clz(ports) : -1;
}

/* Of the bound ports those that LANA_ALL may have to do with. */
static __u32 ports_of(const struct graph *graph, __u32 node)
{
	const struct record *record = graph_record(graph, node_idp(node));

	return copies_one_port(record) ? 1U << (record->copies >> 4) : ~0U;
}

/* The ports that are bound, and of them those whose branches only read. */
static __u32 find_branches(const struct graph *graph, __u32 node, enum looking looking,
			   __u32 *reading)
{
	struct graph_edge edges[EDGES_MAX];
	size_t count = graph_edges(graph, node, edges);
	__u32 bound = 0, ports = ports_of(graph, node);

	*reading = 0;
	for (size_t i = 0; i < count; i++) {
		if (edges[i].path != node_path(node) || !(ports & 1U << edges[i].port))
			continue;
		bound |= 1U << edges[i].port;
		if ((looking != AS_IT_IS || edges[i].fused) &&
		    only_reads(graph, edges[i].to, looking))
			*reading |= 1U << edges[i].port;
	}
	return bound;
}

/* The port that is the packet's own, of several that copies have to be made for. */
static int own_port(const struct graph *graph, __u32 node, __u32 ports)
{
	if (copying_of(graph_record(graph, node_idp(node))) == LANA_COPYING_KEEP && ports & 1)
		return 0;
	return highest(passing(graph, node, ports) ?: ports);
}

/* Both copies leave by one port: if its branch only reads, it is taken twice. */
static void copies_of_port(const struct graph *graph, __u32 node, struct copying *copying)
{
	__u32 reading, bound = find_branches(graph, node, AS_IT_IS, &reading);

	*copying =
		(struct copying){ .inlined = reading, .copied = bound & ~reading, highest(bound) };
}

void copies_of(const struct graph *graph, __u32 node, struct copying *copying)
{
	__u32 reading, bound = find_branches(graph, node, AS_IT_IS, &reading);
	__u32 others = bound & ~reading;
	__u32 several = others & (others - 1);
	int last = several ? own_port(graph, node, others) : highest(others ?: reading);

	if (copies_one_port(graph_record(graph, node_idp(node)))) {
		copies_of_port(graph, node, copying);
		return;
	}
	*copying = (struct copying){ .inlined = reading, .copied = others, .last = last };
	if (last >= 0) {
		copying->inlined &= ~(1U << last);
		copying->copied &= ~(1U << last);
	}
}

bool copies_for_cuts(const struct graph *graph, __u32 node)
{
	__u32 reading, others = find_branches(graph, node, AS_IF_FUSED, &reading);

	others &= ~reading;
	return copies_one_port(graph_record(graph, node_idp(node))) ? !others
								    : !(others & (others - 1));
}

bool copies_may_fuse(const struct graph *graph, __u32 node, const struct graph_edge *edge)
{
	const struct record *record = graph_record(graph, node_idp(node));
	__u32 reading, others;

	if (!copies_here(record) || edge->path != node_path(node) ||
	    !(ports_of(graph, node) & 1U << edge->port))
		return true;
	others = find_branches(graph, node, AS_IT_MAY_BE, &reading);
	others &= ~reading;
	if (!copies_one_port(record))
		others &= ~(1U << edge->port);
	return reading & 1U << edge->port || !others;
}

static bool is_in_circle(const struct graph *graph, __u32 node, struct walk *walk)
{
	walk_on(walk, graph, node);
	walk_through(walk, graph);
	return walk->seen[node];
}

static int cut_ports(struct graph *graph, __u32 node, __u32 ports)
{
	struct graph_edge edges[EDGES_MAX];
	size_t count = graph_edges(graph, node, edges);

	for (size_t i = 0; i < count; i++) {
		struct record *from, *to;

		if (!edges[i].fused || edges[i].path != node_path(node) ||
		    !(ports & 1U << edges[i].port))
			continue;
		from = graph_edit(graph, node_idp(node));
		to = graph_edit(graph, node_idp(edges[i].to));
		if (!from || !to)
			return -ENOMEM;
		from->fused[edges[i].path] &= ~(1U << edges[i].port);
		to->entries[edges[i].path]++;
	}
	return 0;
}

bool copies_are_made(const struct graph *graph, __u32 idp)
{
	struct copying copying;
	__u32 made = 0;

	for (int path = 0; copies_here(graph_record(graph, idp)) && path < LANA_PATHS; path++) {
		copies_of(graph, node_of(idp, path), &copying);
		made |= copying.copied;
	}
	return made;
}

int copies_settle(struct graph *graph, struct copied *copied)
{
	_cleanup_(walk_free) struct walk walk = {};
	int err = 0;

	*copied = (struct copied){};
	for (__u32 node = 0; !err && node < graph_limit(graph) * LANA_PATHS; node++) {
		const struct record *record = graph_record(graph, node_idp(node));
		struct copying copying;

		if (!record || !copies_here(record))
			continue;
		copies_of(graph, node, &copying);
		if (!copying.copied)
			continue;
		copied->node = node;
		err = walk_begin(&walk, graph);
		if (!err && copying_of(record) != LANA_COPYING_PARTS &&
		    is_in_circle(graph, node, &walk)) /* parts are smaller each time */
			err = -ELOOP;
		if (!err)
			err = cut_ports(graph, node, copying.copied | 1U << copying.last);
	}
	if (!err && copied->node)
		err = copies_find_xdp(graph, copied);
	return err;
}

static bool ways_changed(const struct change *change)
{
	return change->old.nature != change->new.nature ||
	       memcmp(change->old.edges, change->new.edges, sizeof(change->new.edges));
}

static bool is_before_changes(const struct commit *commit, const struct walk *walk)
{
	for (size_t i = 0; i < commit->changes_count; i++) {
		const struct change *change = commit->changes[i];

		for (int path = 0; ways_changed(change) && path < LANA_PATHS; path++)
			if (walk->seen[node_of(change->idp, path)])
				return true;
	}
	return false;
}

int copies_mark(const struct graph *graph, const struct commit *commit, bool *dirty, bool *any)
{
	_cleanup_(walk_free) struct walk walk = {};

	for (__u32 node = 0; node < graph_limit(graph) * LANA_PATHS; node++) {
		const struct record *record = graph_record(graph, node_idp(node));
		struct copying copying;

		if (!record || !copies_here(record))
			continue;
		copies_of(graph, node, &copying);
		if (!copying.copied)
			continue;
		if (walk_begin(&walk, graph))
			return -ENOMEM;
		walk_on(&walk, graph, node);
		walk_through(&walk, graph);
		if (is_before_changes(commit, &walk))
			*any = dirty[node] = true;
	}
	return 0;
}
