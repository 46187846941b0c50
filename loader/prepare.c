// SPDX-License-Identifier: GPL-2.0-only
/*
 * prepare - weave and load what a commit needs, and list the slots to be written
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "attach.h"
#include "cleanup.h"
#include "copies.h"
#include "error.h"
#include "filter.h"
#include "graph.h"
#include "loop.h"
#include "notice.h"
#include "types.h"

struct preparation {
	struct commit *commit;
	struct lana_stack *stack;
	struct graph *graph;
	struct lana_error *error;
	__u32 nodes;   /* no node from here on is used */
	bool *dirty;   /* by node: its part of a program is not what it was */
	bool *rebound; /* the same, if it is woven as a branch that only reads */
	bool any_dirty;
	__u32 *woven_at; /* by node: 1 + index in commit->woven; 0: not woven */
};

static void preparation_free(struct preparation *p)
{
	free(p->dirty);
	free(p->rebound);
	free(p->woven_at);
}

static int no_memory(struct lana_error *error)
{
	return refuse(error, -ENOMEM, "out of memory");
}

#define for_each_table(stack, flavour, path)                       \
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)  \
		for (int path = LANA_PATHS - 1; path >= 0; path--) \
			if (stack_uses(stack, flavour, path))

/* ---- what has to be woven --------------------------------------------------------------- */

/* Was the block's code or what is woven into it changed? */
static bool code_changed(const struct change *change)
{
	const struct record *old = &change->old, *new = &change->new;

	return change->forced || !old->name[0] || old->version != new->version ||
	       old->cell != new->cell || old->probes != new->probes || old->filter != new->filter ||
	       strcmp(old->type, new->type) ||
	       memcmp(old->config, new->config, sizeof(new->config)) ||
	       (new->publishes &&memcmp(old->subscribers, new->subscribers,
					sizeof(new->subscribers)));
}

/* Do other edges of the path lead on inside the program, or elsewhere? */
static bool fusion_changed(const struct change *change, int path)
{
	const struct record *old = &change->old, *new = &change->new;

	if (old->fused[path] != new->fused[path])
		return true;
	for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
		if (new->fused[path] & 1U << port &&
		    old->edges[path][port] != new->edges[path][port])
			return true;
	return false;
}

static __u32 bound_ports(const struct record *record, int path)
{
	__u32 bound = 0;

	for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
		bound |= record->edges[path][port] ? 1U << port : 0;
	return bound;
}

static bool bound_changed(const struct change *change, int path)
{
	return bound_ports(&change->old, path) != bound_ports(&change->new, path);
}

static void mark_dirty(struct preparation *p, __u32 idp, int path)
{
	p->dirty[node_of(idp, path)] = true;
	p->any_dirty = true;
}

/* Event functions are in the programs of the publishers. */
static void mark_publishers(struct preparation *p, __u32 subscriber)
{
	for (__u32 idp = 1; idp < graph_limit(p->graph); idp++) {
		const struct record *record = graph_record(p->graph, idp);

		if (!record || !record->publishes || !notice_hears(record, subscriber))
			continue;
		for (int path = 0; path < LANA_PATHS; path++)
			mark_dirty(p, idp, path);
	}
}

static void find_dirty(struct preparation *p)
{
	for (size_t i = 0; i < p->commit->changes_count; i++) {
		const struct change *change = p->commit->changes[i];

		if (change->new.hears && code_changed(change))
			mark_publishers(p, change->idp);
		for (int path = 0; change->new.name[0] && path < LANA_PATHS; path++) {
			bool fusion = fusion_changed(change, path);
			bool rebound = bound_changed(change, path);

			p->rebound[node_of(change->idp, path)] = rebound;
			if (rebound && change->new.turns)
				p->rebound[node_of(change->idp, !path)] = true;
			p->any_dirty |= rebound;
			if (fusion || code_changed(change) ||
			    (rebound && copies_here(&change->new)))
				mark_dirty(p, change->idp, path);
			if (fusion && change->new.turns)
				mark_dirty(p, change->idp, !path);
		}
	}
}

static bool segment_copies(const struct preparation *p, const struct segment *segment)
{
	for (size_t i = 0; i < segment->count; i++)
		if (copies_here(graph_record(p->graph, node_idp(segment->nodes[i]))))
			return true;
	return false;
}

static bool any_is_dirty(const struct preparation *p, const struct segment *segment)
{
	bool copies = segment_copies(p, segment);

	for (size_t i = 0; i < segment->count; i++)
		if (p->dirty[segment->nodes[i]] || (copies && p->rebound[segment->nodes[i]]))
			return true;
	return false;
}

/* ---- weaving ---------------------------------------------------------------------------- */

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
		return no_memory(p->error);
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

static void forget_woven(struct preparation *p)
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
		return no_memory(p->error);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		if (!(flavours & 1U << flavour))
			continue;
		err = weave_segment(p, segment, flavour, &woven->programs[flavour]);
		if (err && commit_verdict(err) && segment->count > 1 && !p->commit->whole)
			return graph_split(p->graph, segment) ? no_memory(p->error) : -EAGAIN;
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
		stale = any_is_dirty(p, &segment);
	}
	if (!record->entries[path] && (stale || p->commit->fuse))
		wanted = 0;
	else if (!record->entries[path])
		return 0;
	if (wanted != woven) {
		struct record *edit = graph_edit(p->graph, node_idp(node));

		if (!edit)
			return no_memory(p->error);
		edit->woven[path] = wanted;
	}
	if (!stale)
		wanted &= ~woven;
	return wanted ? weave_or_split(p, &segment, wanted) : 0;
}

/* -EAGAIN: edges were cut, begin again. */
static int weave_heads(struct preparation *p)
{
	int err = 0;

	for (__u32 node = 0; !err && node < p->nodes; node++)
		err = weave_head(p, node);
	return err;
}

/* ---- tail calls --------------------------------------------------------------------------- */

static int refuse_depth(struct preparation *p, int depth, const __u32 *path, size_t count)
{
	char text[256] = "";
	size_t length = 0;

	for (size_t i = 0; i < count && length < sizeof(text) - LANA_NAME_MAX - 8; i++)
		length += snprintf(text + length, sizeof(text) - length, "%s%s", i ? " -> " : "",
				   graph_record(p->graph, node_idp(path[i]))->name);
	if (length >= sizeof(text) - LANA_NAME_MAX - 8)
		snprintf(text + length, sizeof(text) - length, " -> …");
	return refuse(p->error, -ELOOP,
		      "%d tail calls for one packet, and the kernel makes %d: %s (%s)", depth,
		      TAIL_CALLS_MAX, text,
		      p->stack->registry->unfused ? "blocks are not fused in this stack"
						  : "let fewer of these edges be hot");
}

static bool edges_changed(const struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		if (memcmp(commit->changes[i]->old.edges, commit->changes[i]->new.edges,
			   sizeof(commit->changes[i]->new.edges)) ||
		    memcmp(commit->changes[i]->old.fused, commit->changes[i]->new.fused,
			   sizeof(commit->changes[i]->new.fused)))
			return true;
	return false;
}

/* ---- copies ------------------------------------------------------------------------------- */

static bool nature_changed(const struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		if (commit->changes[i]->old.nature != commit->changes[i]->new.nature)
			return true;
	return false;
}

/* Programs woven before there were so many devices for copies know nothing of them. */
static int weave_copying(struct preparation *p)
{
	for (__u32 idp = 1; idp < graph_limit(p->graph); idp++) {
		if (!graph_record(p->graph, idp) || !copies_are_made(p->graph, idp))
			continue;
		if (!graph_edit(p->graph, idp))
			return no_memory(p->error);
		commit_change(p->commit, idp)->forced = true;
	}
	return 0;
}

/* What would let a node do without copies: branches that only read have to be in its program. */
static const char *advice(struct preparation *p, __u32 node)
{
	if (!copies_for_cuts(p->graph, node))
		return "let all its branches but one only read";
	return p->stack->registry->unfused
		       ? "its branches that only read have to be fused with it, but blocks are not "
			 "fused in this stack"
		       : "its branches that only read have to be fused with it, but some edge or "
			 "block there is hot, or the program too large";
}

static int need_loops(struct preparation *p, const struct copied *copied)
{
	struct loop_need need = { .count = copied->most };
	bool grown;
	int err;

	if (copied->generic)
		return refuse(p->error, -EOPNOTSUPP,
			      "'%s' would have to copy packets, which generic XDP cannot: %s, or "
			      "hook '%s' with xdp or tc",
			      graph_record(p->graph, node_idp(copied->at_xdp))->name,
			      advice(p, copied->at_xdp),
			      graph_record(p->graph, copied->generic)->name);
	if (copied->another)
		return refuse(p->error, -EOPNOTSUPP,
			      "'%s' would have to copy packets at XDP that come by '%s' and '%s', "
			      "which are in different network namespaces: hook one with tc",
			      graph_record(p->graph, node_idp(copied->at_xdp))->name,
			      graph_record(p->graph, copied->device)->name,
			      graph_record(p->graph, copied->another)->name);
	need.netns = graph_record(p->graph, copied->device)->device.netns;
	if (!stack_uses(p->stack, LANA_XDP, LANA_INGRESS))
		return 0; /* it is a dry run: no device is hooked */
	err = loops_ensure(p->stack, &need, &grown, p->error);
	return err ?: grown ? weave_copying(p) : 0;
}

/*
 * Choose how packets are copied. Before copies are made it is tried to do without, by fusing what
 * may be.
 */
static int settle_copies(struct preparation *p)
{
	struct commit *commit = p->commit;
	bool may_fuse = !commit->fuse && !commit->whole && !p->stack->registry->unfused;
	struct copied copied;
	int err = copies_settle(p->graph, &copied);

	if (err == -ELOOP)
		return refuse(p->error, err,
			      "what '%s' copies comes back to it: it would be copied without end",
			      graph_record(p->graph, node_idp(copied.node))->name);
	if (err)
		return no_memory(p->error);
	if (copied.node && may_fuse && (edges_changed(commit) || nature_changed(commit))) {
		commit->fuse = true;
		return -EAGAIN;
	}
	return copied.at_xdp ? need_loops(p, &copied) : 0;
}

/* Programs that are too many for one packet must become fewer. */
static int check_depth(struct preparation *p)
{
	_cleanup_free_ __u32 *path = NULL;
	size_t count = 0;
	int depth;

	if (!edges_changed(p->commit))
		return 0;
	depth = graph_depth(p->graph, NULL, &path, &count);
	if (depth < 0)
		return no_memory(p->error);
	if (depth <= TAIL_CALLS_MAX)
		return 0;
	if (p->commit->fuse || p->stack->registry->unfused)
		return refuse_depth(p, depth, path, count);
	p->commit->fuse = true;
	return -EAGAIN;
}

/* ---- slots -------------------------------------------------------------------------------- */

static int add_write(struct preparation *p, int flavour, int path, enum slot_order order,
		     __u32 slot, int program)
{
	struct commit *commit = p->commit;
	struct slot_write *grown =
		reallocarray(commit->writes, commit->writes_count + 1, sizeof(*grown));

	if (!grown)
		return no_memory(p->error);
	commit->writes = grown;
	grown[commit->writes_count++] = (struct slot_write){ flavour, path, order, slot, program };
	return 0;
}

/* Have a program closed with the commit. */
static int keep(struct preparation *p, int program)
{
	struct commit *commit = p->commit;
	int *grown = reallocarray(commit->kept, commit->kept_count + 1, sizeof(*grown));

	if (!grown) {
		close(program);
		return no_memory(p->error);
	}
	commit->kept = grown;
	grown[commit->kept_count++] = program;
	return 0;
}

static int woven_program(const struct preparation *p, __u32 node, int flavour)
{
	__u32 at = p->woven_at[node];

	return at ? p->commit->woven[at - 1].programs[flavour] : -1;
}

/* The program that begins with a node: woven by this commit, or the one that stands in its slot. */
static int head_program(struct preparation *p, __u32 node, int flavour, int *program)
{
	const char *name = graph_record(p->graph, node_idp(node))->name;
	__u32 idp = node_idp(node), id;
	int fd = woven_program(p, node, flavour);

	if (fd >= 0) {
		*program = fd;
		return 0;
	}
	if (bpf_map_lookup_elem(p->stack->tables[flavour][node_path(node)], &idp, &id))
		return refuse(p->error, -errno, "the program of '%s' is missing: %s", name,
			      strerror(errno));
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return refuse(p->error, -errno, "the program of '%s' cannot be used: %s", name,
			      errno == EPERM ? "root, or CAP_SYS_ADMIN, is needed"
					     : strerror(errno));
	*program = fd;
	return keep(p, fd);
}

static bool is_cut(const struct record *record, int path, __u32 port)
{
	return record->edges[path][port] && !(record->fused[path] & 1U << port);
}

/* Does the commit write this slot for the edge's own sake? */
static bool edge_changed(const struct change *change, int path, __u32 port)
{
	bool entry = path == LANA_INGRESS && !port;

	return change->forced ||
	       (entry && change->old.device.passing != change->new.device.passing) ||
	       change->old.edges[path][port] != change->new.edges[path][port] ||
	       is_cut(&change->old, path, port) != is_cut(&change->new, path, port);
}

/* Do packets pass the port's slot as the stack was? */
static enum slot_order order_of(const struct change *change, int path, __u32 port)
{
	bool fused = change->old.fused[path] & 1U << port;
	bool copied = copies_here(&change->old) && bound_ports(&change->old, path) &&
		      !change->old.edges[path][port];

	return change->old.name[0] && !fused && !copied ? SLOT_LIVE : SLOT_UNUSED;
}

/* Put a new program in its own slot, and lead the unchanged edges to it. */
static int list_woven(struct preparation *p, const struct woven *woven)
{
	int path = node_path(woven->node), err = 0;
	__u32 idp = node_idp(woven->node), left;

	for (int flavour = 0; !err && flavour < LANA_FLAVOURS; flavour++)
		if (woven->programs[flavour] >= 0)
			err = add_write(p, flavour, path, SLOT_UNUSED, idp,
					woven->programs[flavour]);

	left = graph_record(p->graph, idp)->entries[path];
	for (__u32 from = 1; left && from < graph_limit(p->graph); from++) {
		const struct record *record = graph_record(p->graph, from);
		const struct change *change = commit_change(p->commit, from);

		for (__u32 port = 0; record && port < LANA_PORTS_MAX; port++) {
			if (record->edges[path][port] != idp || !is_cut(record, path, port))
				continue;
			left--;
			if (change && edge_changed(change, path, port))
				continue;
			for (int flavour = 0; !err && flavour < LANA_FLAVOURS; flavour++)
				if (woven->programs[flavour] >= 0)
					err = add_write(p, flavour, path, SLOT_LIVE,
							LANA_SLOT_PORT(from, port),
							woven->programs[flavour]);
		}
	}
	return err;
}

/* 1: a program stands in the slot, 0: none. */
static int is_filled(const struct preparation *p, int flavour, int path, __u32 slot)
{
	__u32 id;

	if (!bpf_map_lookup_elem(p->stack->tables[flavour][path], &slot, &id))
		return 1;
	return errno == ENOENT
		       ? 0
		       : refuse(p->error, -errno, "cannot read a slot: %s", strerror(errno));
}

/* Does what counts the misses of a block have to do it in another place? */
static bool miss_changed(const struct change *change)
{
	const struct record *old = &change->old, *new = &change->new;

	return old->name[0] &&
	       (old->cell != new->cell || (old->probes ^ new->probes) & PROBE_MEASURED ||
		(new->probes &PROBE_MEASURED && old->turns != new->turns));
}

/*
 * A port that leads nowhere. An empty slot does, but emptying one takes the kernel a grace
 * period, so a port that led somewhere gets a program that counts misses. It goes with its
 * block, or another takes its place if the block counts in another cell from now on, or is measured
 * or not any more.
 */
static int list_miss(struct preparation *p, const struct change *change, int flavour, int path,
		     __u32 port)
{
	__u32 slot = LANA_SLOT_PORT(change->idp, port);
	bool removed = !change->new.name[0];
	bool passes = change->new.device.passing &&path == LANA_INGRESS && !port;
	int program = -1, err = 1;

	if (!removed && !edge_changed(change, path, port) && !miss_changed(change))
		return 0;
	if (!passes)
		err = is_filled(p, flavour, path, slot);
	if (err <= 0)
		return err;
	if (removed)
		return add_write(p, flavour, path, SLOT_LEFT, slot, -1);
	err = passes ? constant_program(p->stack, flavour, true, &program, p->error)
		     : miss_program(p->stack, change->idp, &change->new, flavour, path, port,
				    &program, p->error);
	if (!err)
		err = keep(p, program);
	return err ?: add_write(p, flavour, path, order_of(change, path, port), slot, program);
}

static int list_edge(struct preparation *p, struct change *change, int flavour, int path,
		     __u32 port)
{
	__u32 to = change->new.edges[path][port];
	int program = -1, err;

	if (!to)
		return list_miss(p, change, flavour, path, port);
	if (!edge_changed(change, path, port))
		return 0;
	if (!is_cut(&change->new, path, port)) {
		change->new.stale[path] |= 1U << port;
		return 0;
	}
	change->new.stale[path] &= ~(1U << port);
	err = head_program(p, node_of(to, path), flavour, &program);
	return err
		       ?: add_write(p, flavour, path, order_of(change, path, port),
				    LANA_SLOT_PORT(change->idp, port), program);
}

/* Empty the slots of programs that nothing leads to and that are not current. */
static int list_dropped(struct preparation *p, const struct change *change, int flavour, int path)
{
	__u8 bit = 1U << flavour;
	bool has = change->old.woven[path] & bit, shall = change->new.woven[path] & bit;

	if (!has && !change->forced)
		return 0;
	if (shall)
		return 0;
	return add_write(p, flavour, path, SLOT_UNUSED, change->idp, -1);
}

/* What a slot holds that is not used any more. */
static int list_stale_slot(struct preparation *p, int flavour, int path, __u32 slot, int *idle)
{
	int err = is_filled(p, flavour, path, slot);

	if (err <= 0)
		return err;
	err = 0;
	if (*idle < 0) {
		err = constant_program(p->stack, flavour, false, idle, p->error);
		if (!err)
			err = keep(p, *idle);
	}
	return err ?: add_write(p, flavour, path, SLOT_LEFT, slot, *idle);
}

/*
 * Slots that became unused when their edges were fused hold on to the programs in them. They are
 * let go by the next commit that waits for old code anyway.
 */
static int list_stale(struct preparation *p)
{
	int idle[LANA_FLAVOURS] = { -1, -1 }, err = 0;

	for (__u32 idp = 1; idp < graph_limit(p->graph); idp++) {
		const struct record *record = graph_record(p->graph, idp);
		struct record *edit;

		if (!record || !(record->stale[LANA_INGRESS] | record->stale[LANA_EGRESS]))
			continue;
		for_each_table (p->stack, flavour, path)
			for (__u32 port = 0; !err && port < LANA_PORTS_MAX; port++)
				if (record->stale[path] & 1U << port)
					err = list_stale_slot(p, flavour, path,
							      LANA_SLOT_PORT(idp, port),
							      &idle[flavour]);
		edit = graph_edit(p->graph, idp);
		if (err || !edit)
			return err ?: no_memory(p->error);
		memset(edit->stale, 0, sizeof(edit->stale));
	}
	return 0;
}

static int list_slots(struct preparation *p)
{
	struct commit *commit = p->commit;
	int err = 0;

	for (size_t i = 0; !err && i < commit->woven_count; i++)
		err = list_woven(p, &commit->woven[i]);
	for (size_t i = 0; !err && i < commit->changes_count; i++)
		for_each_table (p->stack, flavour, path) {
			if (!err)
				err = list_dropped(p, commit->changes[i], flavour, path);
			for (__u32 port = 0; !err && port < LANA_PORTS_MAX; port++)
				err = list_edge(p, commit->changes[i], flavour, path, port);
		}
	return !err && commit_waits(commit) ? list_stale(p) : err;
}

/* ---- roots -------------------------------------------------------------------------------- */

/*
 * A device's roots have the probes of its block. Those that are not attached yet, or not any more,
 * are left alone.
 */
static bool root_changed(const struct change *change)
{
	const struct record *old = &change->old, *new = &change->new;

	return new->name[0] && new->device.hook != LANA_HOOK_NONE && old->device.hook &&
	       !old->device.changing && (change->forced || old->probes != new->probes);
}

static int weave_roots(struct preparation *p)
{
	struct commit *commit = p->commit;
	int err = 0;

	for (size_t i = 0; !err && i < commit->changes_count; i++) {
		const struct change *change = commit->changes[i];
		struct root_change *grown;

		if (!root_changed(change))
			continue;
		grown = reallocarray(commit->roots, commit->roots_count + 1, sizeof(*grown));
		if (!grown)
			return no_memory(p->error);
		commit->roots = grown;
		grown[commit->roots_count].idp = change->idp;
		err = attach_weave(p->stack, change->idp, &change->new,
				   grown[commit->roots_count].programs, p->error);
		commit->roots_count += !err;
	}
	return err;
}

/* ------------------------------------------------------------------------------------------- */

/* Once through; -EAGAIN: the graph was changed meanwhile. */
static int prepare_once(struct preparation *p)
{
	int err = 0;

	forget_woven(p);
	memset(p->dirty, 0, p->nodes * sizeof(*p->dirty));
	memset(p->rebound, 0, p->nodes * sizeof(*p->rebound));
	p->any_dirty = false;
	err = copies_learn(p->graph, p->stack, p->error);
	if (err)
		return err;
	if (p->commit->fuse)
		err = p->stack->registry->unfused ? graph_unfuse(p->graph) : graph_fuse(p->graph);
	if (err)
		return no_memory(p->error);
	err = settle_copies(p);
	if (!err)
		err = check_depth(p);
	if (err)
		return err;
	find_dirty(p);
	if (copies_mark(p->graph, p->commit, p->dirty, &p->any_dirty))
		return no_memory(p->error);
	return weave_heads(p);
}

int commit_prepare(struct commit *commit, struct lana_error *error)
{
	_cleanup_(preparation_free) struct preparation p = { .commit = commit,
							     .stack = commit->stack,
							     .error = error };
	int err;

	for (size_t i = 0; i < commit->changes_count;
	     i++) /* publish_new() cannot fail to open it */
		if (!stack_cell(commit->stack, commit->changes[i]->new.cell))
			return refuse(error, -errno, "no memory for counters: %s", strerror(errno));
	commit->graph = p.graph = graph_new(commit);
	if (commit->failed || !p.graph)
		return no_memory(error);
	p.nodes = graph_limit(p.graph) * LANA_PATHS;
	p.dirty = calloc(p.nodes + 1, sizeof(*p.dirty));
	p.rebound = calloc(p.nodes + 1, sizeof(*p.rebound));
	p.woven_at = calloc(p.nodes + 1, sizeof(*p.woven_at));
	if (!p.dirty || !p.rebound || !p.woven_at)
		return no_memory(error);
	for (size_t i = 0; i < commit->changes_count; i++)
		if (code_changed(commit->changes[i]))
			commit->changes[i]->new.nature = 0;

	do {
		err = prepare_once(&p);
	} while (err == -EAGAIN);
	if (!err)
		err = list_slots(&p);
	if (!err)
		err = weave_roots(&p);
	return err ?: notice_prepare(commit, error);
}
