// SPDX-License-Identifier: GPL-2.0-only
/*
 * block - add, remove, configure and replace blocks
 */
#include <errno.h>
#include <string.h>

#include "carry.h"
#include "error.h"
#include "filter.h"
#include "hook.h"
#include "key.h"
#include "loop.h"
#include "notice.h"
#include "rules.h"
#include "subscribe.h"
#include "table.h"
#include "types.h"

static int refuse_device(const struct record *record, const char *instead, struct lana_error *error)
{
	return refuse(error, -EINVAL, "'%s' is a %s: %s", record->name,
		      record->device.is_worker	 ? "worker"
		      : record->device.is_socket ? "socket"
						 : "device",
		      instead);
}

/* The type that a step names, loaded if need be. */
static int find_type(struct commit *commit, const char *name, const struct type **type,
		     struct lana_error *error)
{
	int err;

	if (!strcmp(name, "device"))
		return refuse(error, -EINVAL, "blocks of type 'device' are made by vlink hook");
	if (!strcmp(name, "socket"))
		return refuse(error, -EINVAL,
			      "blocks of type 'socket' are made by programs that open one");
	if (!strcmp(name, "worker"))
		return refuse(error, -EINVAL, "blocks of type 'worker' are made by worker");
	err = commit_type(commit, name, type, error);
	return !err && (*type)->user ? loops_count_lives(commit->stack, error) : err;
}

/* What the block's options name. */
static int fill_files(struct commit *commit, __u32 idp, const struct type *type,
		      struct lana_error *error)
{
	int err = table_fill(commit, idp, type, error);

	if (!err)
		err = rules_fill(commit, idp, type, error);
	return err ?: key_fill(commit, idp, type, error);
}

int op_add(struct commit *commit, const struct op *op, struct lana_error *error)
{
	const struct type *type;
	struct record *record;
	__u32 idp;
	int err;

	err = commit_new(commit, op->name, &record, &idp, error);
	if (!err)
		err = find_type(commit, op->other, &type, error);
	if (err)
		return err;
	record_set_type(record, type);
	err = layout_apply(type->btf, &type->config, type->name, op->options, record->config,
			   error);
	if (!err)
		err = filter_set(commit, record, type, op->filter, error);
	if (!err && type->turns)
		err = commit_enable_turns(commit, error);
	if (!err)
		err = commit_new_cell(commit, record, type, error);
	return err ?: fill_files(commit, idp, type, error);
}

int check_unbound(const struct commit *commit, __u32 idp, struct lana_error *error)
{
	const struct record *record = commit_record(commit, idp);

	for (__u32 from = 1; from < commit_limit(commit); from++)
		for (int path = 0; path < LANA_PATHS; path++)
			for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
				const struct record *other = commit_record(commit, from);
				__u32 to = other->name[0] ? other->edges[path][port] : 0;

				if (to && from != to && (from == idp || to == idp))
					return refuse(error, -EBUSY,
						      "'%s' is bound: %s leads from '%s' to '%s'",
						      record->name, lana_path_name(path),
						      other->name, commit_record(commit, to)->name);
			}
	return 0;
}

int op_rm(struct commit *commit, const struct op *op, struct lana_error *error)
{
	const struct device_record *device;
	__u32 idp;
	int err;

	err = commit_find(commit, op->name, &idp, error);
	if (err)
		return err;
	device = &commit_record(commit, idp)->device;
	if (device->hook != LANA_HOOK_NONE && !device->is_socket)
		return refuse_device(commit_record(commit, idp), "use vlink unhook", error);
	err = check_unbound(commit, idp, error);
	if (err)
		return err;
	if (device->is_socket)
		hook_leave(commit, idp);
	else
		commit_remove(commit, idp);
	return 0;
}

int op_set(struct commit *commit, const struct op *op, struct lana_error *error)
{
	const struct type *type;
	struct record *record;
	__u32 idp;
	int err;

	err = commit_find(commit, op->name, &idp, error);
	if (err)
		return err;
	record = commit_edit(commit, idp);
	if (commit->failed)
		return refuse(error, -ENOMEM, "out of memory");
	if (record->device.hook != LANA_HOOK_NONE)
		return refuse_device(record, "it has no options to set", error);
	err = types_get(commit->stack, record->type, record->version, &type, error);
	if (!err)
		err = layout_apply(type->btf, &type->config, type->name, op->options,
				   record->config, error);
	if (!err)
		err = fill_files(commit, idp, type, error);
	if (!err && op->filter)
		err = filter_set(commit, record, type, op->filter, error);
	if (!err)
		notice_add(commit, idp, LANA_ON_SET);
	return err;
}

/* ---- replace -------------------------------------------------------------------------- */

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

/* What comes back from user space goes by slots. */
static void cut_ports(struct commit *commit, __u32 idp)
{
	for (int path = 0; path < LANA_PATHS; path++)
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
			commit_cut(commit, idp, path, port);
}

static int carry_state(struct commit *commit, __u32 idp, const struct op *op,
		       const struct type *type, struct lana_error *error)
{
	int err = carry_begin(commit, idp, type, op->on && !op->sparing, error);

	if (err && op->on && op->sparing)
		err = carry_begin(commit, idp, type, true, error);
	return err;
}

int op_replace(struct commit *commit, const struct op *op, struct lana_error *error)
{
	const struct type *old, *new;
	__u8 config[LANA_CONFIG_MAX] = {};
	struct record *record;
	__u32 idp;
	int err;

	err = commit_find(commit, op->name, &idp, error);
	if (err)
		return err;
	record = commit_edit(commit, idp);
	if (commit->failed)
		return refuse(error, -ENOMEM, "out of memory");
	if (record->device.hook != LANA_HOOK_NONE)
		return refuse_device(record, "it cannot be replaced", error);
	err = find_type(commit, op->other, &new, error); /* may empty the cache: first */
	if (!err)
		err = types_get(commit->stack, record->type, record->version, &old, error);
	if (!err)
		err = check_ports(record, old, new, error);
	if (!err)
		err = check_subscriptions(commit, idp, old, new, error);
	if (!err)
		err = carry_config(commit, record, old, new, op->on, config, error);
	if (!err)
		err = carry_filter(commit, record, new, op->on, error);
	if (!err)
		err = layout_apply(new->btf, &new->config, new->name, op->options, config, error);
	if (!err && new->turns)
		err = commit_enable_turns(commit, error);
	if (!err)
		err = carry_state(commit, idp, op, new, error);
	if (err)
		return err;

	record_set_type(record, new);
	if (new->user)
		cut_ports(commit, idp);
	memcpy(record->config, config, sizeof(config));
	notice_add(commit, idp, LANA_ON_REPLACE);
	err = fill_files(commit, idp, new, error);
	return err ?: filter_set(commit, record, new, op->filter, error);
}

/* ---- one at a time ---------------------------------------------------------------------- */

int lana_block_add(struct lana_stack *stack, const char *name, const char *type,
		   const char *const *options, struct lana_error *error)
{
	const struct op op = { .run = op_add, .name = name, .other = type, .options = options };

	return op_alone(stack, &op, error);
}

int lana_block_rm(struct lana_stack *stack, const char *name, struct lana_error *error)
{
	const struct op op = { .run = op_rm, .name = name };

	return op_alone(stack, &op, error);
}

int lana_block_set(struct lana_stack *stack, const char *name, const char *const *options,
		   struct lana_error *error)
{
	const struct op op = { .run = op_set, .name = name, .options = options };

	return op_alone(stack, &op, error);
}

int lana_block_replace(struct lana_stack *stack, const char *name, const char *type,
		       const char *const *options, bool drop_state, struct lana_error *error)
{
	const struct op op = {
		.run = op_replace, .name = name, .other = type, .options = options, .on = drop_state
	};

	return op_alone(stack, &op, error);
}
