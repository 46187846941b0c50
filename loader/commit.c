// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "state.h"
#include "types.h"

static struct change *find_change(struct commit *commit, __u32 idp)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		if (commit->changes[i].idp == idp)
			return &commit->changes[i];
	return NULL;
}

/* Nobody edits more than JOURNAL_MAX records. */
static struct change *add_change(struct commit *commit, __u32 idp)
{
	struct change *change = &commit->changes[commit->changes_count++];

	change->idp = idp;
	change->old = change->new = commit->stack->registry->records[idp];
	change->forced = false;
	memset(change->programs, -1, sizeof(change->programs));
	return change;
}

struct record *commit_edit(struct commit *commit, __u32 idp)
{
	struct change *change = find_change(commit, idp) ?: add_change(commit, idp);

	return &change->new;
}

void commit_edge(struct commit *commit, __u32 from, enum lana_path path, __u32 port, __u32 to)
{
	__u16 *edge = &commit_edit(commit, from)->edges[path][port];

	if (*edge)
		commit_edit(commit, *edge)->references[path]--;
	if (to)
		commit_edit(commit, to)->references[path]++;
	*edge = to;
}

void commit_remove(struct commit *commit, __u32 idp)
{
	for (int path = 0; path < LANA_PATHS; path++)
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
			commit_edge(commit, idp, path, port, 0); /* to itself, if anywhere */
	*commit_edit(commit, idp) = (struct record){};
}

void commit_end(struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++) {
		struct change *change = &commit->changes[i];

		for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
			for (int path = 0; path < LANA_PATHS; path++)
				close_p(&change->programs[flavour][path]);
	}
	for (size_t i = 0; i < commit->kept_count; i++)
		close(commit->kept[i]);
	free(commit->kept);
	free(commit->writes);
	*commit = (struct commit){ .stack = commit->stack };
}

/* ---- prepare -------------------------------------------------------------------------- */

#define for_each_table(stack, flavour, path)                       \
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)  \
		for (int path = LANA_PATHS - 1; path >= 0; path--) \
			if (stack_uses(stack, flavour, path))

static int add_write(struct commit *commit, int table, __u32 slot, int program, bool late,
		     struct lana_error *error)
{
	struct slot_write *grown =
		reallocarray(commit->writes, commit->writes_count + 1, sizeof(*grown));

	if (!grown)
		return refuse(error, -ENOMEM, "out of memory");
	commit->writes = grown;
	grown[commit->writes_count++] = (struct slot_write){ table, program, slot, late };
	return 0;
}

/* Have a program closed with the commit. */
static int keep(struct commit *commit, int program, struct lana_error *error)
{
	int *grown = reallocarray(commit->kept, commit->kept_count + 1, sizeof(*grown));

	if (!grown) {
		close(program);
		return refuse(error, -ENOMEM, "out of memory");
	}
	commit->kept = grown;
	grown[commit->kept_count++] = program;
	return 0;
}

/* The program of a block: woven by this commit, or the one that stands in its slot. */
static int block_program(struct commit *commit, __u32 idp, int flavour, int path, int *program,
			 struct lana_error *error)
{
	struct change *change = find_change(commit, idp);
	__u32 id;
	int fd;

	if (change && change->programs[flavour][path] >= 0) {
		*program = change->programs[flavour][path];
		return 0;
	}
	if (bpf_map_lookup_elem(commit->stack->tables[flavour][path], &idp, &id))
		return refuse(error, -errno, "the program of '%s' is missing: %s",
			      commit->stack->registry->records[idp].name, strerror(errno));
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return refuse(error, -errno, "the program of '%s' cannot be used: %s",
			      commit->stack->registry->records[idp].name,
			      errno == EPERM ? "root, or CAP_SYS_ADMIN, is needed"
					     : strerror(errno));

	*program = fd;
	return keep(commit, fd, error);
}

/* Was the block's code or what is woven into it changed? */
static bool code_changed(const struct change *change)
{
	const struct record *old = &change->old, *new = &change->new;

	return change->forced || !old->name[0] || old->version != new->version ||
	       old->cell != new->cell || strcmp(old->type, new->type) ||
	       memcmp(old->config, new->config, sizeof(new->config));
}

static int weave_change(struct commit *commit, struct change *change, int flavour, int path,
			struct lana_error *error)
{
	struct node node = { .idp = change->idp, .path = path, .record = &change->new };
	const struct type *type;
	int err;

	err = types_get(commit->stack, change->new.type, change->new.version, &type, error);
	if (err)
		return err;
	node.source = (struct source){ type->name,  type->programs[flavour],
				       type->maps,  type->ports_count,
				       type->turns, type };
	node_use_slots(&node);
	return weave_program(commit->stack, &node, 1, flavour, &change->programs[flavour][path],
			     error);
}

/* Weave what the changed block needs, and fill or empty its own slots. */
static int prepare_block(struct commit *commit, struct change *change, struct lana_error *error)
{
	struct lana_stack *stack = commit->stack;
	bool changed = code_changed(change);
	int err;

	if (changed)
		memset(change->new.woven, 0, sizeof(change->new.woven));
	for_each_table (stack, flavour, path) {
		__u8 bit = 1U << flavour;
		int program = -1;

		if (change->new.name[0] && change->new.references[path] &&
		    !(change->new.woven[path] & bit)) {
			err = weave_change(commit, change, flavour, path, error);
			if (err)
				return err;
			change->new.woven[path] |= bit;
			program = change->programs[flavour][path];
		} else if (!changed || !((change->old.woven[path] & bit) || change->forced)) {
			continue;
		}
		err = add_write(commit, stack->tables[flavour][path], change->idp, program, false,
				error);
		if (err)
			return err;
	}
	return 0;
}

static const struct record *wanted(struct commit *commit, __u32 idp)
{
	struct change *change = find_change(commit, idp);

	return change ? &change->new : &commit->stack->registry->records[idp];
}

/* Does the commit write this slot for the edge's own sake? */
static bool edge_changed(const struct change *change, int path, __u32 port)
{
	return change->forced || change->old.edges[path][port] != change->new.edges[path][port];
}

/* Lead the unchanged edges to a block over to its new programs. */
static int prepare_inward(struct commit *commit, struct change *target, int path,
			  struct lana_error *error)
{
	struct lana_stack *stack = commit->stack;
	__u32 left = target->new.references[path];

	for (__u32 idp = 1; left && idp < stack->registry->limit; idp++) {
		const struct record *record = wanted(commit, idp);
		struct change *change = find_change(commit, idp);

		for (__u32 port = 0; record->name[0] && port < LANA_PORTS_MAX; port++) {
			if (record->edges[path][port] != target->idp)
				continue;
			left--;
			if (change && edge_changed(change, path, port))
				continue;
			for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
				int program = target->programs[flavour][path];

				if (program >= 0 &&
				    add_write(commit, stack->tables[flavour][path],
					      LANA_SLOT_PORT(idp, port), program, false, error))
					return -ENOMEM;
			}
		}
	}
	return 0;
}

static bool newly_woven(const struct change *change, int path)
{
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		if (change->programs[flavour][path] >= 0)
			return true;
	return false;
}

/*
 * A port that leads nowhere. An empty slot does, but emptying one takes the kernel a grace
 * period, so a port that led somewhere gets a program that counts misses. It goes with its
 * block, or another takes its place if the block counts in another cell from now on.
 */
static int prepare_miss(struct commit *commit, const struct change *change, int flavour, int path,
			__u32 port, struct lana_error *error)
{
	int table = commit->stack->tables[flavour][path], program = -1, err;
	__u32 slot = LANA_SLOT_PORT(change->idp, port), id;
	bool removed = !change->new.name[0];

	if (!removed && !edge_changed(change, path, port) &&
	    (!change->old.name[0] || change->old.cell == change->new.cell))
		return 0;
	if (bpf_map_lookup_elem(table, &slot, &id))
		return 0; /* it is empty */
	if (removed)
		return add_write(commit, table, slot, -1, true, error);
	err = miss_program(commit->stack, &change->new, flavour, path, port, &program, error);
	if (!err)
		err = keep(commit, program, error);
	return err ?: add_write(commit, table, slot, program, false, error);
}

/* Egress first: what a block turns round must find its way as soon as it gets there. */
static int prepare_edges(struct commit *commit, struct change *change, struct lana_error *error)
{
	struct lana_stack *stack = commit->stack;

	for_each_table (stack, flavour, path)
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
			__u32 to = change->new.edges[path][port];
			int program = -1, err = 0;

			if (!to) {
				err = prepare_miss(commit, change, flavour, path, port, error);
			} else if (edge_changed(change, path, port)) {
				err = block_program(commit, to, flavour, path, &program, error);
				if (!err)
					err = add_write(commit, stack->tables[flavour][path],
							LANA_SLOT_PORT(change->idp, port), program,
							false, error);
			}
			if (err)
				return err;
		}
	return 0;
}

static int prepare(struct commit *commit, struct lana_error *error)
{
	int err = 0;

	for (size_t i = 0; i < commit->changes_count; i++) /* publish() cannot fail to open it */
		if (!stack_cell(commit->stack, commit->changes[i].new.cell))
			return refuse(error, -errno, "no memory for counters: %s", strerror(errno));
	for (size_t i = 0; !err && i < commit->changes_count; i++)
		err = prepare_block(commit, &commit->changes[i], error);
	if (err)
		return err;

	for (size_t i = 0; !err && i < commit->changes_count; i++)
		for (int path = LANA_PATHS - 1; !err && path >= 0; path--)
			if (newly_woven(&commit->changes[i], path))
				err = prepare_inward(commit, &commit->changes[i], path, error);
	for (size_t i = 0; !err && i < commit->changes_count; i++)
		err = prepare_edges(commit, &commit->changes[i], error);
	return err;
}

/* ---- publish -------------------------------------------------------------------------- */

static __u32 bound_ports(const struct record *record, int path)
{
	__u32 bound = 0;

	for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
		bound |= record->edges[path][port] ? 1U << port : 0;
	return bound;
}

static void write_bound(struct lana_stack *stack, __u32 number, int path, __u32 bound)
{
	struct lana_cell *cell = stack_cell(stack, number);

	for (__u32 cpu = 0; cell && cpu < stack->cpus; cpu++)
		__atomic_store_n(&cell_on_cpu(cell, cpu)->path[path].bound, bound,
				 __ATOMIC_RELEASE);
}

/*
 * A miss counts as unbound only while the port's bit is clear. So a bit goes before its slot
 * is emptied and comes after it was filled: before, of old and new ports the common ones.
 */
static void announce_ports(struct commit *commit, bool before)
{
	for (size_t i = 0; i < commit->changes_count; i++) {
		const struct change *change = &commit->changes[i];

		for (int path = 0; change->new.name[0] && path < LANA_PATHS; path++) {
			__u32 bound = bound_ports(&change->new, path);

			if (before && change->old.name[0])
				bound &= bound_ports(&change->old, path);
			write_bound(commit->stack, change->new.cell, path, bound);
		}
	}
}

static int write_slots(const struct commit *commit, bool late)
{
	for (size_t i = 0; i < commit->writes_count; i++) {
		const struct slot_write *write = &commit->writes[i];

		if (write->late != late)
			continue;
		if (write->program >= 0) {
			if (bpf_map_update_elem(write->table, &write->slot, &write->program,
						BPF_ANY))
				return -errno;
		} else if (bpf_map_delete_elem(write->table, &write->slot) && errno != ENOENT) {
			return -errno;
		}
	}
	return 0;
}

static int publish(struct commit *commit)
{
	int err;

	announce_ports(commit, true);
	err = write_slots(commit, false);
	if (!err)
		announce_ports(commit, false);
	return err;
}

/* Does the change leave a cell behind, that is free once no old code writes to it any more? */
static bool frees_cell(const struct change *change)
{
	return change->old.name[0] &&
	       (!change->new.name[0] || change->old.cell != change->new.cell);
}

static bool needs_grace(const struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		if (commit->changes[i].forced || frees_cell(&commit->changes[i]))
			return true;
	return false;
}

static void remove_freed(struct commit *commit)
{
	for (size_t i = 0; i < commit->changes_count; i++)
		if (frees_cell(&commit->changes[i]))
			state_remove(commit->stack, commit->changes[i].old.cell);
}

static int carry_out(struct commit *commit, struct lana_error *error)
{
	struct registry *registry = commit->stack->registry;
	int err;

	err = publish(commit);
	if (!err && needs_grace(commit))
		err = stack_grace(commit->stack);
	if (!err)
		err = write_slots(commit, true);
	if (err)
		return refuse(error, -EINPROGRESS,
			      "the change was begun and cannot be finished (%s); the "
			      "next command tries again",
			      strerror(-err));

	for (size_t i = 0; i < commit->changes_count; i++)
		registry_store(registry, commit->changes[i].idp, &commit->changes[i].new);
	remove_freed(commit);
	__atomic_store_n(&registry->generation, registry->generation + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&registry->pending, 0, __ATOMIC_RELEASE);
	return 0;
}

int commit_run(struct commit *commit, struct lana_error *error)
{
	struct registry *registry = commit->stack->registry;
	int err;

	err = prepare(commit, error);
	if (err)
		return err;

	for (size_t i = 0; i < commit->changes_count; i++) {
		registry->journal[i].idp = commit->changes[i].idp;
		registry->journal[i].record = commit->changes[i].new;
	}
	__atomic_store_n(&registry->pending, commit->changes_count, __ATOMIC_RELEASE);

	return carry_out(commit, error);
}

int commit_redo(struct lana_stack *stack, struct lana_error *error)
{
	struct registry *registry = stack->registry;
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	int err;

	for (__u32 i = 0; i < registry->pending && i < JOURNAL_MAX; i++) {
		struct change *change = add_change(&commit, registry->journal[i].idp);

		change->new = registry->journal[i].record;
		change->forced = true;
	}
	err = prepare(&commit, error);
	return err ?: carry_out(&commit, error);
}
