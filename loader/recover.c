// SPDX-License-Identifier: GPL-2.0-only
/*
 * recover - bring a stack into order: tables that come into use, and what killed writers left
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "commit.h"
#include "filter.h"
#include "hook.h"
#include "log.h"
#include "measure.h"
#include "socket_block.h"
#include "state.h"
#include "types.h"
#include "vlink.h"

/*
 * Weave every block that lacks a program of a flavour in use, and lead the edges there: all
 * blocks of a flavour that has just come into use, those not yet reached if its first user was
 * killed.
 */
static int complete(struct lana_stack *stack, struct lana_error *error)
{
	registry_for_each (stack->registry, idp) {
		const struct record *record = &stack->registry->records[idp];
		_cleanup_(commit_end) struct commit commit = { .stack = stack, .unseen = true };
		int err;

		if (!registry_lacks(stack->registry, record, LANA_INGRESS) &&
		    !registry_lacks(stack->registry, record, LANA_EGRESS))
			continue;
		commit_edit(&commit, idp);
		err = commit_run(&commit, error);
		if (err)
			return err;
	}
	return 0;
}

/* Remove links of roots whose device was never, or is no longer, recorded. */
static void drop_orphans(struct lana_stack *stack)
{
	struct dirent *entry;
	char path[320];
	DIR *dir;

	dir = opendir(stack_path(stack, path, sizeof(path), "links"));
	while (dir && (entry = readdir(dir))) {
		__u32 idp = strtoul(entry->d_name, NULL, 10);

		if (!idp || idp >= LANA_BLOCKS_MAX ||
		    stack->registry->records[idp].device.hook != LANA_HOOK_NONE)
			continue;
		if (unlink(stack_path(stack, path, sizeof(path), "links/%s", entry->d_name)))
			stack->unfinished = true;
	}
	if (dir)
		closedir(dir);
	else
		stack->unfinished = true;
}

int commit_recover(struct lana_stack *stack, struct lana_error *error)
{
	struct registry *registry = stack->registry;
	__u64 logged = registry->logged;
	bool decided = registry->pending;
	int err = 0;

	registry_rehash(registry);
	/* A commit of no record at all is through once the generation says so. */
	if (!registry->pending && registry->generation == registry->generation_decided)
		log_settle(stack);
	types_forget(stack); /* the folder of types may have been changed half way */
	stack->types_generation = ++registry->types_generation;
	if (registry->pending)
		err = commit_redo(stack, error);
	else
		err = publish_undo(stack);
	if (!err)
		err = complete(stack, error);
	if (!err)
		err = hook_recover(stack, error);
	if (!err)
		err = vlinks_settle(stack, error);
	if (!err)
		err = probes_recover(stack, error);
	if (err)
		return err;
	drop_orphans(stack);
	state_remove_orphans(stack);
	filter_remove_orphans(stack);
	sockets_tidy(stack);
	if (decided || logged != registry->logged)
		log_note(stack, LANA_EVENT_RECOVERY, "finished what process %u was killed at",
			 registry->busy);
	else
		log_note(stack, LANA_EVENT_RECOVERY,
			 "tidied up behind process %u, which was killed at work", registry->busy);
	return 0;
}

/* Remove what an earlier use, given up since, may have left. */
static void empty_table(const struct lana_stack *stack, int flavour, int path)
{
	int table = stack->tables[flavour][path];

	for (__u32 idp = 1; idp < stack->registry->limit; idp++) {
		__u32 id;

		if (!bpf_map_lookup_elem(table, &idp, &id))
			bpf_map_delete_elem(table, &idp);
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
			__u32 slot = LANA_SLOT_PORT(idp, port);

			if (!bpf_map_lookup_elem(table, &slot, &id))
				bpf_map_delete_elem(table, &slot);
		}
	}
	for (int bank = 0; bank < 2; bank++)
		for (__u32 i = 0; i < 2 * stack->registry->left[bank]; i++) {
			__u32 slot = LANA_SLOT_SWITCH(bank, i / 2, LANA_SIDE_OLD + i % 2);

			bpf_map_delete_elem(table, &slot);
		}
}

int commit_enable(struct lana_stack *stack, enum lana_flavour flavour, enum lana_path path,
		  struct lana_error *error)
{
	struct registry *registry = stack->registry;
	int err;

	if (stack_uses(stack, flavour, path))
		return 0;
	err = stack_open_tables(stack, flavour, error);
	if (err)
		return err;

	/* Nothing leads into this table yet, so blocks may be put there one by one. */
	empty_table(stack, flavour, path);
	registry->tables |= table_bit(flavour, path);
	err = complete(stack, error);
	if (err)
		commit_disable(stack, table_bit(flavour, path));
	return err;
}

/* Programs first: if this is cut short they are woven again, and nothing is missing. */
void commit_disable(struct lana_stack *stack, __u32 tables)
{
	struct registry *registry = stack->registry;

	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		for (int path = 0; path < LANA_PATHS; path++) {
			if (!(tables & table_bit(flavour, path)))
				continue;
			registry_for_each (registry, idp)
				registry->records[idp].woven[path] &= ~(1U << flavour);
			__atomic_store_n(&registry->tables,
					 registry->tables & ~table_bit(flavour, path),
					 __ATOMIC_RELEASE);
			empty_table(stack, flavour, path);
		}
}

int commit_enable_xdp(struct lana_stack *stack, struct lana_error *error)
{
	int err = commit_enable(stack, LANA_XDP, LANA_INGRESS, error);

	if (!err && stack->registry->turns)
		err = commit_enable(stack, LANA_XDP, LANA_EGRESS, error);
	return err;
}

/* No hook of XDP, and nothing that makes packets as if there were one? */
static bool is_without_xdp(const struct registry *registry)
{
	for (__u32 n = 0; n < PROBE_SESSIONS; n++)
		if (registry->sessions[n].kind == PROBE_ENTRY)
			return false;
	registry_for_each (registry, idp) {
		enum lana_hook hook = registry->records[idp].device.hook;

		if (hook != LANA_HOOK_NONE && hook != LANA_HOOK_TC)
			return false;
	}
	return true;
}

void commit_disable_xdp(struct lana_stack *stack)
{
	__u32 xdp = table_bit(LANA_XDP, LANA_INGRESS) | table_bit(LANA_XDP, LANA_EGRESS);

	if (!stack->registry->pending && stack->registry->tables & xdp &&
	    is_without_xdp(stack->registry))
		commit_disable(stack, stack->registry->tables & xdp);
}

int commit_enable_turns(struct commit *commit, struct lana_error *error)
{
	struct lana_stack *stack = commit->stack;
	struct registry *registry = stack->registry;
	__u32 tables = registry->tables;
	int err = 0;

	commit->turned |= !registry->turns;
	registry->turns = true;
	for (int flavour = 0; !err && flavour < LANA_FLAVOURS; flavour++)
		if (stack_uses(stack, flavour, LANA_INGRESS))
			err = commit_enable(stack, flavour, LANA_EGRESS, error);
	commit->tables |= registry->tables & ~tables;
	return err;
}
