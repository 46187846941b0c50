// SPDX-License-Identifier: GPL-2.0-only
/*
 * prepare - the order in which a commit is prepared
 *
 *	copies		choose how packets are copied, prepare_copies.c
 *	depth		no packet may meet more programs than the kernel lets it
 *	dirty		find what is not what it was, prepare_dirty.c
 *	weave		weave and load the programs that it is in, prepare_weave.c
 *	slots		list what is to be written, prepare_slots.c
 *	roots		weave those whose probes have changed
 *
 * Copies, depth and weave change the graph where it does not do; then all begins again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach.h"
#include "cleanup.h"
#include "copies.h"
#include "error.h"
#include "notice.h"
#include "prepare.h"

static void preparation_free(struct preparation *p)
{
	free(p->dirty);
	free(p->rebound);
	free(p->woven_at);
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

/* Programs that are too many for one packet must become fewer. */
static int check_depth(struct preparation *p)
{
	_cleanup_free_ __u32 *path = NULL;
	size_t count = 0;
	int depth;

	if (!commit_edges_changed(p->commit))
		return 0;
	depth = graph_depth(p->graph, NULL, &path, &count);
	if (depth < 0)
		return no_memory(p);
	if (depth <= TAIL_CALLS_MAX)
		return 0;
	if (p->commit->fuse || p->stack->registry->unfused)
		return refuse_depth(p, depth, path, count);
	p->commit->fuse = true;
	return -EAGAIN;
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
			return no_memory(p);
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

	prepare_forget(p);
	memset(p->dirty, 0, p->nodes * sizeof(*p->dirty));
	memset(p->rebound, 0, p->nodes * sizeof(*p->rebound));
	p->any_dirty = false;
	err = copies_learn(p->graph, p->stack, p->error);
	if (err)
		return err;
	if (p->commit->fuse)
		err = p->stack->registry->unfused ? graph_unfuse(p->graph) : graph_fuse(p->graph);
	if (err)
		return no_memory(p);
	err = prepare_copies(p);
	if (!err)
		err = check_depth(p);
	if (err)
		return err;
	prepare_find_dirty(p);
	if (copies_mark(p->graph, p->commit, p->dirty, &p->any_dirty))
		return no_memory(p);
	return prepare_weave(p);
}

int commit_prepare(struct commit *commit, struct lana_error *error)
{
	_cleanup_(preparation_free) struct preparation p = { .commit = commit,
							     .stack = commit->stack,
							     .error = error };
	int err;

	/* Publishing writes to the cells, and cannot fail to open them. */
	for (size_t i = 0; i < commit->changes_count; i++)
		if (!stack_cell(commit->stack, commit->changes[i]->new.cell))
			return refuse(error, -errno, "no memory for counters: %s", strerror(errno));
	commit->graph = p.graph = graph_new(commit);
	if (commit->failed || !p.graph)
		return no_memory(&p);
	p.nodes = graph_limit(p.graph) * LANA_PATHS;
	p.dirty = calloc(p.nodes + 1, sizeof(*p.dirty));
	p.rebound = calloc(p.nodes + 1, sizeof(*p.rebound));
	p.woven_at = calloc(p.nodes + 1, sizeof(*p.woven_at));
	if (!p.dirty || !p.rebound || !p.woven_at)
		return no_memory(&p);
	for (size_t i = 0; i < commit->changes_count; i++)
		if (change_of_code(commit->changes[i]))
			commit->changes[i]->new.nature = 0;

	do {
		err = prepare_once(&p);
	} while (err == -EAGAIN);
	if (!err)
		err = prepare_slots(&p);
	if (!err)
		err = weave_roots(&p);
	return err ?: notice_prepare(commit, error);
}
