// SPDX-License-Identifier: GPL-2.0-only
/*
 * publish - let packets see what a commit has prepared
 *
 * A slot is written in one instant. If a change that packets shall see as a whole needs several
 * slots, each of them first gets a switch, a program that leads a packet to what the slot held or
 * to what it will hold. All packets go to the old side until no packet is left that has passed a
 * slot before its switch was there. Then one word is flipped: packets that have not met a switch
 * yet take the new side, all the way. When those of the old side have left, the slots get their new
 * programs.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "attach.h"
#include "cleanup.h"
#include "error.h"
#include "graph.h"
#include "loop.h"

/* ---- which ports are bound -------------------------------------------------------------- */

static void write_bound(struct lana_stack *stack, const struct change *change, int path,
			__u32 bound)
{
	struct lana_cell *cell = stack_cell(stack, change->new.cell);
	__u32 life = loops_life(stack, change->idp);

	for (__u32 cpu = 0; cell && cpu < stack->cpus; cpu++) {
		struct lana_path_cell *side = &cell_on_cpu(cell, cpu)->path[path];

		side->path = path;
		side->idp = change->idp;
		side->life = life;
		__atomic_store_n(&side->bound, bound, __ATOMIC_RELEASE);
	}
}

/*
 * A miss counts as unbound only while the port's bit is clear. So a bit goes before its slot
 * is emptied and comes after it was filled: before, of old and new ports the common ones.
 */
static void announce_ports(struct commit *commit, bool before)
{
	for (size_t i = 0; i < commit->changes_count; i++) {
		const struct change *change = commit->changes[i];

		for (int path = 0; change->new.name[0] && path < LANA_PATHS; path++) {
			__u32 bound = record_bound(&change->new, path);

			if (before && change->old.name[0])
				bound &= record_bound(&change->old, path);
			write_bound(commit->stack, change, path, bound);
		}
	}
}

/* ---- slots ------------------------------------------------------------------------------ */

static int put(const struct lana_stack *stack, int flavour, int path, __u32 slot, int program)
{
	int table = stack->tables[flavour][path];

	if (program >= 0)
		return bpf_map_update_elem(table, &slot, &program, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(table, &slot) && errno != ENOENT ? -errno : 0;
}

/* The program in a slot, a descriptor; -ENOENT: the slot is empty. */
static int take(const struct lana_stack *stack, int flavour, int path, __u32 slot)
{
	__u32 id;
	int fd;

	if (bpf_map_lookup_elem(stack->tables[flavour][path], &slot, &id))
		return -errno;
	fd = bpf_prog_get_fd_by_id(id);
	return fd < 0 ? -errno : fd;
}

/* Egress first: what a block turns round must find its way as soon as it gets there. */
static int write_slots(const struct commit *commit, enum slot_order order)
{
	int err = 0;

	for (int path = LANA_PATHS - 1; path >= 0; path--)
		for (size_t i = 0; !err && i < commit->writes_count; i++) {
			const struct slot_write *write = &commit->writes[i];

			if (write->order == order && write->path == (enum lana_path)path)
				err = put(commit->stack, write->flavour, write->path, write->slot,
					  write->program);
		}
	return err;
}

/* ---- switches --------------------------------------------------------------------------- */

static __u32 owner_of(__u32 slot)
{
	return (slot - LANA_BLOCKS_MAX) / LANA_PORTS_MAX;
}

static __u32 port_of(__u32 slot)
{
	return (slot - LANA_BLOCKS_MAX) % LANA_PORTS_MAX;
}

static void set_side(const struct lana_stack *stack, enum lana_side side)
{
	__u32 *word = stack->context + stack_side_word(stack);

	__atomic_store_n(word, side, __ATOMIC_SEQ_CST);
}

/* Let every slot with a switch hold what the switch leads to on one side. */
static int end_switches(struct lana_stack *stack, enum lana_side side)
{
	struct registry *registry = stack->registry;

	for (__u32 i = 0; i < registry->switches_count; i++) {
		int flavour = registry->switches[i].flavour, path = registry->switches[i].path, err;
		_cleanup_close_ int program =
			take(stack, flavour, path, LANA_SLOT_SWITCH(registry->bank, i, side));

		if (program == -ENOENT)
			continue; /* it had not been written yet, nor the switch */
		err = program < 0 ? program
				  : put(stack, flavour, path, registry->switches[i].slot, program);
		if (err)
			return err;
	}
	return 0;
}

/* What a slot holds; of an empty one, a program that counts the miss. */
static int old_program(struct lana_stack *stack, const struct record *record,
		       const struct slot_write *write, struct lana_error *error)
{
	int program = take(stack, write->flavour, write->path, write->slot), err;

	if (program == -ENOENT) {
		err = miss_program(stack, owner_of(write->slot), record, write->flavour,
				   write->path, port_of(write->slot), &program, error);
		return err ?: program;
	}
	if (program < 0)
		return refuse(error, program, "a program of '%s' cannot be used: %s", record->name,
			      strerror(-program));
	return program;
}

/* Put a switch into a slot. The registry knows of it before the slot is written. */
static int add_switch(struct lana_stack *stack, const struct slot_write *write,
		      struct lana_error *error)
{
	struct registry *registry = stack->registry;
	__u32 n = registry->switches_count;
	__u32 old_slot = LANA_SLOT_SWITCH(registry->bank, n, LANA_SIDE_OLD);
	__u32 new_slot = LANA_SLOT_SWITCH(registry->bank, n, LANA_SIDE_NEW);
	const struct record *record = &registry->records[owner_of(write->slot)];
	_cleanup_close_ int before = old_program(stack, record, write, error);
	_cleanup_close_ int program = -1;
	int err;

	if (before < 0)
		return before;
	err = put(stack, write->flavour, write->path, old_slot, before);
	if (!err)
		err = put(stack, write->flavour, write->path, new_slot, write->program);
	if (err)
		return refuse(error, err, "cannot write a slot: %s", strerror(-err));
	err = switch_program(stack, record, write, old_slot, new_slot, &program, error);
	if (err)
		return err;

	registry->switches[n].flavour = write->flavour;
	registry->switches[n].path = write->path;
	registry->switches[n].slot = write->slot;
	registry->left[registry->bank] = n + 1;
	__atomic_store_n(&registry->switches_count, n + 1, __ATOMIC_RELEASE);
	err = put(stack, write->flavour, write->path, write->slot, program);
	return err ? refuse(error, err, "cannot write a slot: %s", strerror(-err)) : 0;
}

/* Have the slots of a bank that is not in use, and that no switch leads to, hold on to nothing. */
static int empty_bank(struct lana_stack *stack, __u32 bank)
{
	struct registry *registry = stack->registry;
	int err = 0;

	for (int flavour = 0; registry->left[bank] && flavour < LANA_FLAVOURS; flavour++)
		for (int path = 0; path < LANA_PATHS; path++)
			for (__u32 i = 0; !err && stack_uses(stack, flavour, path) &&
					  i < 2 * registry->left[bank];
			     i++)
				err = put(stack, flavour, path,
					  LANA_SLOT_SWITCH(bank, i / 2, LANA_SIDE_OLD + i % 2), -1);
	if (!err)
		registry->left[bank] = 0;
	return err;
}

int publish_undo(struct lana_stack *stack)
{
	struct registry *registry = stack->registry;
	int err;

	if (!registry->switches_count)
		return 0;
	err = end_switches(stack, LANA_SIDE_OLD);
	if (!err)
		__atomic_store_n(&registry->switches_count, 0, __ATOMIC_RELEASE);
	return err;
}

static size_t count_live(const struct commit *commit)
{
	size_t count = 0;

	for (size_t i = 0; i < commit->writes_count; i++)
		count += commit->writes[i].order == SLOT_LIVE;
	return count;
}

/* A switch is one more tail call: packets of neither side may run out of them. */
static int check_depth(struct commit *commit, struct lana_error *error)
{
	struct commit as_it_is = { .stack = commit->stack };
	_cleanup_free_ graph_switched *switched = calloc(LANA_BLOCKS_MAX, sizeof(*switched));
	_cleanup_(graph_free_p) struct graph *old = graph_new(&as_it_is);
	int depth, before;

	if (!switched || !old)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < commit->writes_count; i++) {
		const struct slot_write *write = &commit->writes[i];

		if (write->order == SLOT_LIVE)
			switched[owner_of(write->slot)][write->path] |= 1U << port_of(write->slot);
	}
	depth = graph_depth(commit->graph, switched, NULL, NULL);
	before = graph_depth(old, switched, NULL, NULL);
	if (depth < 0 || before < 0)
		return refuse(error, -ENOMEM, "out of memory");
	if (before > depth)
		depth = before;
	if (depth > TAIL_CALLS_MAX)
		return refuse(error, -ELOOP,
			      "%d tail calls for one packet while the change is under way, and the "
			      "kernel makes %d: change fewer blocks at once, or let fewer be hot",
			      depth, TAIL_CALLS_MAX);
	return 0;
}

static int install(struct commit *commit, struct lana_error *error)
{
	struct lana_stack *stack = commit->stack;
	int err = 0;

	stack->registry->bank = !stack->registry->bank;
	set_side(stack, LANA_SIDE_OLD);
	for (size_t i = 0; !err && i < commit->writes_count; i++)
		if (commit->writes[i].order == SLOT_LIVE)
			err = add_switch(stack, &commit->writes[i], error);
	if (err)
		return err;
	err = stack_grace(stack);
	if (!err) /* no packet is on the switches of the commit before any more */
		err = empty_bank(stack, !stack->registry->bank);
	return err ? refuse(error, err, "cannot wait for packets: %s", strerror(-err)) : 0;
}

int publish_switches(struct commit *commit, struct lana_error *error)
{
	size_t live = count_live(commit);
	int err;

	if (!commit->at_once || live < 2)
		return 0;
	if (live > LANA_SWITCHES_MAX)
		return refuse(
			error, -E2BIG,
			"the change would write %zu slots in one instant, at most %d are possible",
			live, LANA_SWITCHES_MAX);
	err = check_depth(commit, error);
	if (err)
		return err;
	err = install(commit, error);
	if (err && publish_undo(commit->stack))
		commit->stack->unfinished = true;
	return err;
}

/* ------------------------------------------------------------------------------------------- */

/* A device that has gone, or whose hook has, needs no roots. */
static int replace_roots(struct commit *commit)
{
	int err = 0;

	for (size_t i = 0; !err && i < commit->roots_count; i++) {
		const struct root_change *root = &commit->roots[i];

		err = attach_replace(commit->stack, root->idp,
				     &commit_record(commit, root->idp)->device, root->programs);
		if (err == -ENODEV)
			err = 0;
	}
	return err;
}

int publish(struct commit *commit)
{
	struct lana_stack *stack = commit->stack;
	bool switched = stack->registry->switches_count;
	int err;

	announce_ports(commit, true);
	err = write_slots(commit, SLOT_UNUSED);
	if (!err && switched)
		set_side(stack, LANA_SIDE_NEW);
	else if (!err)
		err = write_slots(commit, SLOT_LIVE);
	if (!err && (switched || commit->at_once || commit_waits(commit)))
		err = stack_grace(stack);
	if (!err && switched && commit->redo) /* should it know of fewer slots */
		err = end_switches(stack, LANA_SIDE_NEW);
	if (!err && switched)
		err = write_slots(commit, SLOT_LIVE);
	if (!err)
		announce_ports(commit, false);
	if (!err)
		err = write_slots(commit, SLOT_LEFT);
	return err ?: replace_roots(commit);
}
