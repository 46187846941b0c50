// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "graph.h"
#include "state.h"

/* ---- editing -------------------------------------------------------------------------- */

struct change *commit_change(const struct commit *commit, __u32 idp)
{
	return commit->by_idp ? commit->by_idp[idp] : NULL;
}

static struct change *add_change(struct commit *commit, __u32 idp)
{
	size_t size = (commit->changes_count + 1) * sizeof(*commit->changes);
	struct change *change = malloc(sizeof(*change));
	struct change **grown;

	if (!commit->by_idp)
		commit->by_idp = calloc(LANA_BLOCKS_MAX, sizeof(*commit->by_idp));
	grown = change && commit->by_idp ? realloc(commit->changes, size) : NULL;
	if (!grown) {
		commit->failed = true;
		free(change);
		return NULL;
	}
	commit->changes = grown;
	commit->changes[commit->changes_count++] = commit->by_idp[idp] = change;
	change->idp = idp;
	change->old = change->new = commit->stack->registry->records[idp];
	change->forced = false;
	return change;
}

struct record *commit_edit(struct commit *commit, __u32 idp)
{
	static __thread struct record nothing;
	struct change *change = commit_change(commit, idp) ?: add_change(commit, idp);

	if (!change)
		memset(&nothing, 0, sizeof(nothing));
	return change ? &change->new : &nothing;
}

const struct record *commit_record(const struct commit *commit, __u32 idp)
{
	const struct change *change = commit_change(commit, idp);

	return change ? &change->new : &commit->stack->registry->records[idp];
}

void commit_edge(struct commit *commit, __u32 from, enum lana_path path, __u32 port, __u32 to)
{
	struct record *record = commit_edit(commit, from);
	__u16 *edge = &record->edges[path][port];
	__u16 bit = 1U << port;

	if (*edge) {
		struct record *target = commit_edit(commit, *edge);

		target->references[path]--;
		target->entries[path] -= !(record->fused[path] & bit);
	}
	if (to) {
		struct record *target = commit_edit(commit, to);

		target->references[path]++;
		target->entries[path]++;
	}
	record->fused[path] &= ~bit;
	record->stuck[path] &= ~bit;
	record->stale[path] &= ~bit; /* the slot is going to be written */
	*edge = to;
}

void commit_remove(struct commit *commit, __u32 idp)
{
	for (int path = 0; path < LANA_PATHS; path++)
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
			commit_edge(commit, idp, path, port, 0); /* to itself, if anywhere */
	*commit_edit(commit, idp) = (struct record){};
}

void record_set_type(struct record *record, const struct type *type)
{
	memcpy(record->type, type->name, sizeof(record->type));
	record->version = type->version;
	record->turns = type->turns;
	record->maps = type->own_count;
	record->insns = 0;
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		__u32 count = bpf_program__insn_cnt(type->programs[flavour]);

		if (count > record->insns)
			record->insns = count;
	}
	memset(record->stuck, 0, sizeof(record->stuck));
}

void commit_end(struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		free(commit->changes[i]);
	for (size_t i = 0; i < commit->woven_count; i++)
		for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
			close_p(&commit->woven[i].programs[flavour]);
	for (size_t i = 0; i < commit->kept_count; i++)
		close(commit->kept[i]);
	graph_free(commit->graph);
	free(commit->changes);
	free(commit->by_idp);
	free(commit->woven);
	free(commit->writes);
	free(commit->kept);
	*commit = (struct commit){ .stack = commit->stack };
}

/* ---- running -------------------------------------------------------------------------- */

/* Does the change leave a cell behind, that is free once no old code writes to it any more? */
static bool frees_cell(const struct change *change)
{
	return change->old.name[0] &&
	       (!change->new.name[0] || change->old.cell != change->new.cell);
}

static void remove_freed(struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		if (frees_cell(commit->changes[i]))
			state_remove(commit->stack, commit->changes[i]->old.cell);
}

bool commit_waits(const struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		if (commit->changes[i]->forced || frees_cell(commit->changes[i]))
			return true;
	for (size_t i = 0; i < commit->writes_count; i++)
		if (commit->writes[i].order == SLOT_LEFT)
			return true;
	return false;
}

static int carry_out(struct commit *commit, struct lana_error *error)
{
	struct registry *registry = commit->stack->registry;
	int err;

	err = publish(commit);
	if (err)
		return refuse(error, -EINPROGRESS,
			      "the change was begun and cannot be finished (%s); the "
			      "next command tries again",
			      strerror(-err));

	for (size_t i = 0; i < commit->changes_count; i++)
		registry_store(registry, commit->changes[i]->idp, &commit->changes[i]->new);
	remove_freed(commit);
	__atomic_store_n(&registry->switches_count, 0, __ATOMIC_RELEASE);
	if (!commit->unseen)
		__atomic_store_n(&registry->generation, registry->generation + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&registry->pending, 0, __ATOMIC_RELEASE);
	return 0;
}

int commit_run(struct commit *commit, struct lana_error *error)
{
	struct registry *registry = commit->stack->registry;
	int err;

	err = commit_prepare(commit, error);
	if (!err)
		err = publish_switches(commit, error);
	if (err)
		return err;

	for (size_t i = 0; i < commit->changes_count; i++) {
		registry->journal[i].idp = commit->changes[i]->idp;
		registry->journal[i].record = commit->changes[i]->new;
	}
	__atomic_store_n(&registry->pending, commit->changes_count, __ATOMIC_RELEASE);

	return carry_out(commit, error);
}

int commit_redo(struct lana_stack *stack, struct lana_error *error)
{
	struct registry *registry = stack->registry;
	_cleanup_(commit_end) struct commit commit = { .stack = stack, .redo = true };
	int err;

	for (__u32 i = 0; i < registry->pending; i++) {
		struct change *change = add_change(&commit, registry->journal[i].idp);

		if (!change)
			break;
		change->new = registry->journal[i].record;
		change->forced = true;
	}
	err = commit_prepare(&commit, error);
	return err ?: carry_out(&commit, error);
}
