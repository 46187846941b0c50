// SPDX-License-Identifier: GPL-2.0-only
/*
 * prepare_weave - weave and load every program that a commit needs
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "copies.h"
#include "error.h"
#include "filter.h"
#include "prepare.h"
#include "types.h"

static int add_hearers(struct preparation *p, struct node *node)
{
	int err = 0;

	for (int i = 0; !err && i < LANA_SUBSCRIBERS_MAX && node->record->subscribers[i]; i++) {
		struct hearer *hearer = &node->hearers[node->hearers_count++];

		hearer->idp = node->record->subscribers[i];
		hearer->record = graph_record(p->graph, hearer->idp);
		err = types_get(p->stack, hearer->record->type, hearer->record->version,
				&hearer->type, p->error);
	}
	return err;
}

/* The segment's nodes, each once and without sources. */
static void list_nodes(const struct preparation *p, const struct segment *segment, __u32 *index,
		       struct node *nodes)
{
	for (size_t i = 0; i < segment->count; i++)
		index[segment->nodes[i]] = i;
	for (size_t i = 0; i < segment->count; i++) {
		__u32 number = segment->nodes[i];
		struct graph_edge edges[EDGES_MAX];
		size_t count = graph_edges(p->graph, number, edges);

		nodes[i] = (struct node){ .idp = node_idp(number),
					  .path = node_path(number),
					  .record = graph_record(p->graph, node_idp(number)) };
		node_use_slots(&nodes[i]);
		for (size_t j = 0; j < count; j++)
			if (edges[j].fused)
				nodes[i].exits[edges[j].path][edges[j].port] =
					(struct weave_exit){ WEAVE_BLOCK, index[edges[j].to] };
	}
}

static int find_source(struct preparation *p, struct node *node, int flavour)
{
	const struct type *type;
	int err = types_get(p->stack, node->record->type, node->record->version, &type, p->error);

	if (err)
		return err;
	node->source = (struct source){ type->name,  type->programs[flavour],
					type->maps,  type->ports_count,
					type->turns, type };
	return node->record->publishes ? add_hearers(p, node) : 0;
}

static int weave_segment(struct preparation *p, const struct segment *segment, int flavour, int *fd)
{
	bool copies = segment_copies(p, segment);
	size_t count = segment->count;
	_cleanup_free_ struct node *nodes = calloc(copies ? INSTANCES_MAX : count, sizeof(*nodes));
	_cleanup_free_ __u32 *index = calloc(p->nodes, sizeof(*index));
	int err = 0;

	if (!nodes || !index)
		return no_memory(p);
	if (copies)
		err = copies_expand(p->graph, segment->nodes[0], nodes, &count);
	else
		list_nodes(p, segment, index, nodes);
	if (err)
		return refuse(p->error, err, "the program of '%s' would be too large",
			      graph_record(p->graph, node_idp(segment->nodes[0]))->name);
	for (size_t i = 0; !err && i < count; i++)
		err = find_source(p, &nodes[i], flavour);
	return err ?: weave_program(p->stack, nodes, count, flavour, fd, p->error);
}

static struct woven *add_woven(struct preparation *p, __u32 node)
{
	struct commit *commit = p->commit;
	struct woven *grown = reallocarray(commit->woven, commit->woven_count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	commit->woven = grown;
	grown = &commit->woven[commit->woven_count++];
	grown->node = node;
	memset(grown->programs, -1, sizeof(grown->programs));
	p->woven_at[node] = commit->woven_count;
	return grown;
}

void prepare_forget(struct preparation *p)
{
	struct commit *commit = p->commit;

	for (size_t i = 0; i < commit->woven_count; i++) {
		p->woven_at[commit->woven[i].node] = 0;
		for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
			close_p(&commit->woven[i].programs[flavour]);
	}
	commit->woven_count = 0;
}

/* Is the program at fault, and not that something has run out or is not permitted? */
bool commit_verdict(int err)
{
	return err != -ENOMEM && err != -ENOSPC && err != -EPERM && err != -EMFILE &&
	       err != -ENFILE && err != -EAGAIN;
}

/* Is the block's filter there, and to be answered? */
static int check_filter(struct preparation *p, const struct record *record, __u8 flavours)
{
	int err = 0;

	for (int flavour = 0; !err && record->filter && flavour < LANA_FLAVOURS; flavour++) {
		_cleanup_(filter_put_p) struct filter *filter = NULL;

		if (flavours & 1U << flavour)
			err = program_filter(p->stack, record, flavour, &filter, p->error);
	}
	return err;
}

/* Open what is to be woven first: where that fails no program is to blame. */
static int open_types(struct preparation *p, const struct segment *segment, __u8 flavours)
{
	const struct type *type;
	int err = 0;

	for (size_t i = 0; !err && i < segment->count; i++) {
		const struct record *record = graph_record(p->graph, node_idp(segment->nodes[i]));

		err = types_get(p->stack, record->type, record->version, &type, p->error);
		if (!err)
			err = check_filter(p, record, flavours);
		for (int j = 0; !err && j < LANA_SUBSCRIBERS_MAX && record->subscribers[j]; j++) {
			const struct record *hearer =
				graph_record(p->graph, record->subscribers[j]);

			err = types_get(p->stack, hearer->type, hearer->version, &type, p->error);
		}
	}
	return err;
}

/* A block that stands alone and is refused is the user's; a program of several is made smaller. */
static int weave_or_split(struct preparation *p, const struct segment *segment, __u8 flavours)
{
	struct woven *woven = add_woven(p, segment->nodes[0]);
	int err = open_types(p, segment, flavours);

	if (err)
		return err;
	if (!woven)
		return no_memory(p);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		if (!(flavours & 1U << flavour))
			continue;
		err = weave_segment(p, segment, flavour, &woven->programs[flavour]);
		if (err && commit_verdict(err) && segment->count > 1 && !p->commit->whole)
			return graph_split(p->graph, segment) ? no_memory(p) : -EAGAIN;
		if (err)
			return err;
	}
	return 0;
}

/* Flavours of the tables of a path that are in use. */
static __u8 flavours_of(const struct lana_stack *stack, int path)
{
	__u8 flavours = 0;

	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		if (stack_uses(stack, flavour, path))
			flavours |= 1U << flavour;
	return flavours;
}

/* What begins with the node: is it to be woven anew, or not needed any more? */
static int weave_head(struct preparation *p, __u32 node)
{
	const struct record *record = graph_record(p->graph, node_idp(node));
	int path = node_path(node);
	__u8 wanted = flavours_of(p->stack, path), woven;
	struct segment segment;
	bool stale = false;

	if (!record || !(record->entries[path] || record->woven[path]))
		return 0;
	woven = record->woven[path];
	if (p->any_dirty || (record->entries[path] && (wanted & ~woven))) {
		if (!graph_segment(p->graph, node, &segment))
			return refuse(p->error, -E2BIG, "the segment of '%s' is too large",
				      record->name);
		stale = segment_is_dirty(p, &segment);
	}
	if (!record->entries[path] && (stale || p->commit->fuse))
		wanted = 0;
	else if (!record->entries[path])
		return 0;
	if (wanted != woven) {
		struct record *edit = graph_edit(p->graph, node_idp(node));

		if (!edit)
			return no_memory(p);
		edit->woven[path] = wanted;
	}
	if (!stale)
		wanted &= ~woven;
	return wanted ? weave_or_split(p, &segment, wanted) : 0;
}

/* -EAGAIN: edges were cut, begin again. */
int prepare_weave(struct preparation *p)
{
	int err = 0;

	for (__u32 node = 0; !err && node < p->nodes; node++)
		err = weave_head(p, node);
	return err;
}
