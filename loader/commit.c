// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "carry.h"
#include "cleanup.h"
#include "clock.h"
#include "commit.h"
#include "error.h"
#include "filter.h"
#include "graph.h"
#include "log.h"
#include "loop.h"
#include "measure.h"
#include "notice.h"
#include "state.h"
#include "types.h"

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
	*change = (struct change){ .idp = idp };
	change->old = change->new = commit->stack->registry->records[idp];
	if (!commit->limit)
		commit->limit = commit->stack->registry->limit;
	if (idp >= commit->limit)
		commit->limit = idp + 1;
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

/* ---- names, cells, types ---------------------------------------------------------------- */

#define NAMED_MAX 1024

static __u32 *named(const struct commit *commit, const char *name)
{
	return &commit->named[registry_hash(name) % NAMED_MAX];
}

/* IDP of a block of that name; 0: none. */
static __u32 find(const struct commit *commit, const char *name)
{
	__u32 idp = registry_find(commit->stack->registry, name);

	if (idp && commit_record(commit, idp)->name[0])
		return idp;
	for (idp = commit->named ? *named(commit, name) : 0; idp;
	     idp = commit->by_idp[idp]->next_named)
		if (!strcmp(commit->by_idp[idp]->new.name, name))
			return idp;
	return 0;
}

int commit_find(const struct commit *commit, const char *name, __u32 *idp, struct lana_error *error)
{
	__u32 found = find(commit, name);

	if (!found)
		return refuse(error, -ENOENT, "no block '%s'", name);
	*idp = found;
	return 0;
}

/* One that was free before the commit, too: old code of a block that it removes may still run. */
static __u32 free_idp(const struct commit *commit)
{
	for (__u32 idp = 1; idp < LANA_BLOCKS_MAX; idp++)
		if (!commit->stack->registry->records[idp].name[0] && !commit_change(commit, idp))
			return idp;
	return 0;
}

int commit_new(struct commit *commit, const char *name, struct record **record, __u32 *idp,
	       struct lana_error *error)
{
	__u32 free = free_idp(commit);
	int err = check_name("block", name, error);

	if (err)
		return err;
	if (find(commit, name))
		return refuse(error, -EEXIST, "there is a block '%s' already", name);
	if (!free)
		return refuse(error, -ENOSPC, "the stack is full: it holds %d blocks",
			      LANA_BLOCKS_MAX - 1);
	if (!commit->named)
		commit->named = calloc(NAMED_MAX, sizeof(*commit->named));
	*record = commit_edit(commit, free);
	if (!commit->named || commit->failed)
		return refuse(error, -ENOMEM, "out of memory");
	**record = (struct record){};
	strcpy((*record)->name, name);
	probes_set(*record, probes_of(commit->stack->registry, name));
	measure_clear(commit->stack, free);
	loops_new_life(commit->stack, free);
	commit->by_idp[free]->next_named = *named(commit, name);
	*named(commit, name) = free;
	*idp = free;
	return 0;
}

int commit_new_cell(struct commit *commit, struct record *record, const struct type *type,
		    struct lana_error *error)
{
	record->cell = state_free_cell(commit);
	commit->made_cells = true;
	return state_create(commit->stack, type, record->cell, NULL, error);
}

int commit_type(struct commit *commit, const char *name, const struct type **type,
		struct lana_error *error)
{
	bool was_loaded = types_version(commit->stack, name);
	char(*grown)[LANA_NAME_MAX];
	int err = types_current(commit->stack, name, type, error);

	if (err || was_loaded)
		return err;
	grown = reallocarray(commit->types, commit->types_count + 1, sizeof(*grown));
	if (!grown) {
		commit->failed = true;
		return 0;
	}
	commit->types = grown;
	strcpy(grown[commit->types_count++], (*type)->name);
	return 0;
}

void commit_undo(struct commit *commit)
{
	struct registry *registry = commit->stack->registry;

	for (size_t i = 0; i < commit->types_count; i++)
		types_undo(commit->stack, commit->types[i]);
	if (registry->pending)
		return; /* it is going to happen */
	if (commit->made_cells)
		state_remove_orphans(commit->stack);
	if (commit->made_filters)
		filter_remove_orphans(commit->stack);
	if (registry->switches_count)
		return; /* whoever takes them back needs the tables that they stand in */
	if (commit->turned)
		registry->turns = false;
	commit_disable(commit->stack, commit->tables);
}

/* ---- edges ------------------------------------------------------------------------------ */

void commit_cut(struct commit *commit, __u32 from, enum lana_path path, __u32 port)
{
	struct record *record;

	if (!(commit_record(commit, from)->fused[path] & 1U << port))
		return;
	record = commit_edit(commit, from);
	record->fused[path] &= ~(1U << port);
	commit_edit(commit, record->edges[path][port])->entries[path]++;
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
	struct change *change = commit_change(commit, idp);

	if (change)
		carry_forget(commit, change);
	for (int path = 0; path < LANA_PATHS; path++)
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
			commit_edge(commit, idp, path, port, 0); /* to itself, if anywhere */
	filter_drop(commit, commit_record(commit, idp));
	notice_removal(commit, idp);
	*commit_edit(commit, idp) = (struct record){};
}

void record_set_type(struct record *record, const struct type *type)
{
	memcpy(record->type, type->name, sizeof(record->type));
	record->version = type->version;
	record->turns = type->turns;
	if (record->user && !type->user)
		record->left_user = clock_ns(CLOCK_MONOTONIC);
	record->user = type->user;
	record->copies = LANA_COPYING_KIND(type->copies) | LANA_COPYING_PORT(type->copies) << 4;
	record->nature = 0;
	record->maps = type->own_count;
	record->publishes = type->events_count > 0;
	record->hears = type->event != NULL;
	record->hearing_maps = type->event ? type->own_count + 1 : 0; /* and its options */
	record->hearing_insns = type->event ? bpf_program__insn_cnt(type->event) : 0;
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
	for (size_t i = 0; i < commit->roots_count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(commit->roots[i].programs); j++)
			close_p(&commit->roots[i].programs[j]);
	for (size_t i = 0; i < commit->kept_count; i++)
		close(commit->kept[i]);
	for (size_t i = 0; i < commit->hearings_count; i++)
		close(commit->hearings[i].program);
	graph_free(commit->graph);
	free(commit->changes);
	free(commit->by_idp);
	free(commit->named);
	free(commit->types);
	free(commit->finals);
	free(commit->conversions);
	free(commit->woven);
	free(commit->writes);
	free(commit->roots);
	free(commit->kept);
	free(commit->hearings);
	*commit = (struct commit){ .stack = commit->stack };
}

/* ---- running -------------------------------------------------------------------------- */

/* Does the change leave a cell behind, that is free once no old code writes to it any more? */
static bool frees_cell(const struct change *change)
{
	return change->old.name[0] &&
	       (!change->new.name[0] || change->old.cell != change->new.cell);
}

/* Does nobody take up what was counted there? */
static bool is_final(const struct change *change)
{
	return frees_cell(change) && !change->carries;
}

/* No code counts any more where nobody will: these are the last counts. */
static void read_finals(struct commit *commit)
{
	size_t room = 0;

	for (size_t i = 0; i < commit->changes_count; i++)
		room += is_final(commit->changes[i]);
	if (!commit->at_once || !room)
		return;
	commit->finals = calloc(room, sizeof(*commit->finals));
	for (size_t i = 0; commit->finals && i < commit->changes_count; i++)
		if (is_final(commit->changes[i]) &&
		    !stats_read(commit->stack, commit->changes[i]->idp,
				&commit->finals[commit->finals_count], NULL))
			commit->finals_count++;
}

static void remove_freed(struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++) {
		const struct change *change = commit->changes[i];

		if (frees_cell(change))
			state_remove(commit->stack, change->old.cell);
		if (change->old.filter && change->old.filter != change->new.filter)
			filter_remove(commit->stack, change->old.filter);
	}
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

static int refuse_unfinished(int err, struct lana_error *error)
{
	return refuse(error, -EINPROGRESS,
		      "the change was begun and cannot be finished (%s); the next command tries "
		      "again",
		      strerror(-err));
}

static int carry_out(struct commit *commit, struct lana_error *error)
{
	struct registry *registry = commit->stack->registry;
	int err;

	err = publish(commit);
	if (!err)
		err = carry_finish(commit);
	if (err)
		return refuse_unfinished(err, error);
	read_finals(commit);

	for (size_t i = 0; i < commit->changes_count; i++)
		registry_store(registry, commit->changes[i]->idp, &commit->changes[i]->new);
	remove_freed(commit);
	__atomic_store_n(&registry->switches_count, 0, __ATOMIC_RELEASE);
	log_settle(commit->stack);
	err = notice_tell(commit);
	if (err)
		return refuse_unfinished(err, error);
	__atomic_store_n(&registry->pending, 0, __ATOMIC_RELEASE);
	return 0;
}

int commit_run(struct commit *commit, struct lana_error *error)
{
	struct registry *registry = commit->stack->registry;
	int err;

	if (registry->pending) /* one before it under the same lock: that comes first */
		return refuse(error, -EINPROGRESS,
			      "another change was begun and cannot be finished; the next command "
			      "tries again");
	commit->begun = clock_ns(CLOCK_REALTIME);
	err = commit_prepare(commit, error);
	if (!err)
		err = publish_switches(commit, error);
	if (err)
		return err;

	log_stage(commit);
	for (size_t i = 0; i < commit->changes_count; i++) {
		registry->journal[i].idp = commit->changes[i]->idp;
		registry->journal[i].carries = commit->changes[i]->carries;
		registry->journal[i].notice = commit->changes[i]->notice;
		registry->journal[i].record = commit->changes[i]->new;
	}
	registry->carried = registry->notified = 0;
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
		change->carries = registry->journal[i].carries && !registry->carried;
		change->notice = registry->journal[i].notice;
		change->forced = true;
	}
	err = commit_prepare(&commit, error);
	return err ?: carry_out(&commit, error);
}
