// SPDX-License-Identifier: GPL-2.0-only
/*
 * block - add, remove, configure and replace blocks
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "hook.h"
#include "state.h"
#include "types.h"

static int refuse_device(const struct record *record, const char *instead, struct lana_error *error)
{
	return refuse(error, -EINVAL, "'%s' is a device: %s", record->name, instead);
}

static int add_block(struct lana_stack *stack, const char *name, const char *type_name,
		     const char *const *options, struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	const struct type *type;
	struct record *record;
	__u32 idp;
	int err;

	err = check_name("block", name, error);
	if (err)
		return err;
	if (registry_find(stack->registry, name))
		return refuse(error, -EEXIST, "there is a block '%s' already", name);
	idp = registry_free_idp(stack->registry);
	if (!idp)
		return refuse(error, -ENOSPC, "the stack is full: it holds %d blocks",
			      LANA_BLOCKS_MAX - 1);
	if (!strcmp(type_name, "device"))
		return refuse(error, -EINVAL, "blocks of type 'device' are made by vlink hook");
	err = types_current(stack, type_name, &type, error);
	if (err)
		return err;

	record = commit_edit(&commit, idp);
	*record = (struct record){ .cell = state_free_cell(stack) };
	strcpy(record->name, name);
	record_set_type(record, type);
	err = layout_apply(type->btf, &type->config, type->name, options, record->config, error);
	if (!err && type->turns)
		err = commit_enable_turns(stack, error);
	if (!err)
		err = state_create(stack, type, record->cell, error);
	if (err)
		return err;
	err = commit_run(&commit, error);
	if (err && !stack->registry->pending)
		state_remove(stack, record->cell);
	return err;
}

int lana_block_add(struct lana_stack *stack, const char *name, const char *type_name,
		   const char *const *options, struct lana_error *error)
{
	bool was_loaded;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	was_loaded = types_version(stack, type_name);
	err = add_block(stack, name, type_name, options, error);
	if (err)
		types_undo(stack, type_name, was_loaded);
	return err;
}

int lana_block_rm(struct lana_stack *stack, const char *name, struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	__u32 idp;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = stack_find(stack, name, &idp, error);
	if (err)
		return err;
	if (stack->registry->records[idp].device.hook != LANA_HOOK_NONE)
		return refuse_device(&stack->registry->records[idp], "use vlink unhook", error);
	err = check_unbound(stack, idp, error);
	if (err)
		return err;

	commit_remove(&commit, idp);
	return commit_run(&commit, error);
}

int lana_block_set(struct lana_stack *stack, const char *name, const char *const *options,
		   struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	const struct type *type;
	struct record *record;
	__u32 idp;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = stack_find(stack, name, &idp, error);
	if (err)
		return err;
	record = commit_edit(&commit, idp);
	if (record->device.hook != LANA_HOOK_NONE)
		return refuse_device(record, "it has no options to set", error);
	err = types_get(stack, record->type, record->version, &type, error);
	if (!err)
		err = layout_apply(type->btf, &type->config, type->name, options, record->config,
				   error);
	return err ?: commit_run(&commit, error);
}

/* ---- replace -------------------------------------------------------------------------- */

static bool is_zero(const __u8 *bytes, __u32 size)
{
	for (__u32 i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Carry options over by name. What has no place in the new type must be zero, or may be lost. */
static int carry_config(const struct record *record, const struct type *old, const struct type *new,
			bool may_lose, __u8 *config, struct lana_error *error)
{
	for (__u32 i = 0; i < old->config.count; i++) {
		const struct field *field = &old->config.fields[i];
		const struct field *place = layout_find(&new->config, field->field.name);
		char text[LANA_CONFIG_MAX + 1];
		int err = -ENOENT;

		if (place) {
			field_format(old->btf, field, record->config, text, sizeof(text));
			err = field_parse(new->btf, place, text, config, NULL);
		}
		if (err && !may_lose &&
		    !is_zero(record->config + field->field.offset, field->field.size))
			return refuse(error, -EINVAL,
				      "option %s of '%s' would be lost: type '%s' "
				      "has no place for it (drop-state permits that)",
				      field->field.name, record->name, new->name);
	}
	return 0;
}

static int check_ports(const struct record *record, const struct type *old, const struct type *new,
		       struct lana_error *error)
{
	for (int path = 0; path < LANA_PATHS; path++)
		for (__u32 port = new->ports_count; port < LANA_PORTS_MAX; port++)
			if (record->edges[path][port])
				return refuse(error, -EINVAL,
					      "port %s of '%s' is bound on %s, and "
					      "type '%s' has no such port",
					      port < old->ports_count ? old->ports[port] : "?",
					      record->name, lana_path_name(path), new->name);
	return 0;
}

/*
 * State goes on in the same cell if its layout is the same. If not, the new code gets a cell
 * of its own: the old may still be counting while the edges are led over.
 */
static int choose_cell(struct lana_stack *stack, struct record *record, const struct type *old,
		       const struct type *new, bool drop_state, struct lana_error *error)
{
	bool same = state_equal(old, new);

	if (!same && state_exists(old) && !drop_state)
		return refuse(
			error, -EINVAL,
			"the state of '%s' would be lost: %s version %u and %s version %u lay "
			"it out differently (drop-state permits that)",
			record->name, old->name, old->version, new->name, new->version);
	if (same && !drop_state)
		return 0;
	record->cell = state_free_cell(stack);
	return state_create(stack, new, record->cell, error);
}

static int replace_block(struct lana_stack *stack, const char *name, const char *type_name,
			 const char *const *options, bool drop_state, struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	const struct type *old, *new;
	__u8 config[LANA_CONFIG_MAX] = {};
	struct record *record;
	__u32 idp;
	int err;

	err = stack_find(stack, name, &idp, error);
	if (err)
		return err;
	record = commit_edit(&commit, idp);
	if (record->device.hook != LANA_HOOK_NONE)
		return refuse_device(record, "it cannot be replaced", error);
	if (!strcmp(type_name, "device"))
		return refuse(error, -EINVAL, "blocks of type 'device' are made by vlink hook");
	err = types_current(stack, type_name, &new, error); /* may empty the cache: first */
	if (!err)
		err = types_get(stack, record->type, record->version, &old, error);
	if (!err)
		err = check_ports(record, old, new, error);
	if (!err)
		err = carry_config(record, old, new, drop_state, config, error);
	if (!err)
		err = layout_apply(new->btf, &new->config, new->name, options, config, error);
	if (!err && new->turns)
		err = commit_enable_turns(stack, error);
	if (!err)
		err = choose_cell(stack, record, old, new, drop_state, error);
	if (err)
		return err;

	record_set_type(record, new);
	memcpy(record->config, config, sizeof(config));
	err = commit_run(&commit, error);
	if (err && !stack->registry->pending && record->cell != stack->registry->records[idp].cell)
		state_remove(stack, record->cell);
	return err;
}

int lana_block_replace(struct lana_stack *stack, const char *name, const char *type_name,
		       const char *const *options, bool drop_state, struct lana_error *error)
{
	bool was_loaded;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	was_loaded = types_version(stack, type_name);
	err = replace_block(stack, name, type_name, options, drop_state, error);
	if (err)
		types_undo(stack, type_name, was_loaded);
	return err;
}
