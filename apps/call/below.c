// SPDX-License-Identifier: GPL-2.0-only
/* below - change what is below a block of a stack, while frames pass */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "below.h"
#include "cli/cli.h"

/* The stack as it was seen, and the commit that is made of it. */
struct change {
	const struct lana_block_info *blocks;
	size_t count;
	struct lana_commit *commit;
	struct lana_error *error;
	int (*collect)(struct change *change);
	const char *call, *name, *type;
	char own[LANA_NAME_MAX]; /* the call's block of that name, in full; empty: it is none */
	const char *const *options;
	bool on;
	bool ending; /* the call ends: what encrypts goes, too */
};

static int fail(struct change *change, int err, const char *format, const char *name)
{
	snprintf(change->error->text, sizeof(change->error->text), format, name);
	return err;
}

static const struct lana_block_info *find(const struct change *change, const char *name)
{
	for (size_t i = 0; i < change->count; i++)
		if (!strcmp(change->blocks[i].name, name))
			return &change->blocks[i];
	return NULL;
}

/* ---- names ------------------------------------------------------------------------------- */

/* False: there can be no such block of the call. */
static bool write_own(const char *call, const char *name, char own[LANA_NAME_MAX])
{
	bool fits = !strchr(name, BELOW_SIGN) &&
		    snprintf(own, LANA_NAME_MAX, "%s%c%s", call, BELOW_SIGN, name) < LANA_NAME_MAX;

	if (!fits)
		*own = 0;
	return fits;
}

static bool is_own(const struct lana_block_info *block, const char *call)
{
	const char *rest = block->name + strlen(call);

	return !strncmp(block->name, call, strlen(call)) && *rest == BELOW_SIGN &&
	       !strchr(rest + 1, BELOW_SIGN) && block->device.hook == LANA_HOOK_NONE;
}

/* One of the call's, or else any other one. */
static const char *resolve(const struct change *change)
{
	return *change->own && find(change, change->own) ? change->own : change->name;
}

/* ---- edges ------------------------------------------------------------------------------- */

/* Where a block's first port on a path leads; NULL: nowhere. */
static const char *next_of(const struct lana_block_info *block, enum lana_path path)
{
	for (size_t i = 0; block && i < block->edges_count; i++)
		if (block->edges[i].path == path && !block->edges[i].port)
			return block->edges[i].to_name;
	return NULL;
}

/* An edge is a bind of two blocks, of which the upper one is reached by it on ingress. */
static int step_edge(const struct change *change, const char *from, const struct lana_edge *edge,
		     const char *to, bool bind)
{
	bool up = edge->path == LANA_INGRESS;
	const char *upper = up ? to : from, *lower = up ? from : to;
	char port[16];
	const struct lana_bind_options options = { .port = port, .ingress = up, .egress = !up };

	snprintf(port, sizeof(port), "%u", edge->port);
	return bind ? lana_commit_bind(change->commit, upper, lower, &options)
		    : lana_commit_unbind(change->commit, upper, lower, &options);
}

static int bind_path(struct change *change, const char *upper, const char *lower, const char *port,
		     enum lana_path path)
{
	const struct lana_bind_options options = { .port = port,
						   .ingress = path == LANA_INGRESS,
						   .egress = path == LANA_EGRESS };

	return lana_commit_bind(change->commit, upper, lower, &options);
}

/* Lead all edges of a path that lead to one block to another one; NULL: nowhere. */
static int lead(struct change *change, enum lana_path path, const char *from, const char *to)
{
	int err = 0;

	for (size_t i = 0; i < change->count && !err; i++) {
		const struct lana_block_info *block = &change->blocks[i];

		for (size_t j = 0; j < block->edges_count && !err; j++) {
			const struct lana_edge *edge = &block->edges[j];

			if (edge->path == path && !strcmp(edge->to_name, from) &&
			    strcmp(block->name, from))
				err = step_edge(change, block->name, edge, to ?: from, to);
		}
	}
	return err;
}

/* ---- changes ----------------------------------------------------------------------------- */

static int collect_insert(struct change *change)
{
	const struct lana_block_info *upper = find(change, change->call);
	const char *lower = next_of(upper, LANA_EGRESS);
	int err;

	if (!lower)
		return fail(change, -ENOENT, "nothing is below '%.31s'", change->call);
	err = lana_commit_add(change->commit, change->own, change->type, change->options);
	err = err ?: bind_path(change, change->call, change->own, NULL, LANA_INGRESS);
	err = err ?: bind_path(change, change->own, lower, NULL, LANA_EGRESS);
	err = err ?: lead(change, LANA_INGRESS, change->call, change->own);
	return err ?: bind_path(change, change->call, change->own, NULL, LANA_EGRESS);
}

static int collect_remove(struct change *change)
{
	const char *name = resolve(change);
	const struct lana_block_info *block = find(change, name);
	char crypt[LANA_NAME_MAX];
	int err = 0;

	if (!block)
		return fail(change, -ENOENT, "no block '%.31s'", name);
	if (!change->ending && write_own(change->call, BELOW_CRYPT, crypt) &&
	    !strcmp(name, crypt) && next_of(block, LANA_EGRESS))
		return fail(change, -EBUSY,
			    "what is sent is encrypted by '%.31s', and would be in clear without: "
			    "say 'encrypt off' first",
			    name);
	for (int path = 0; path < LANA_PATHS && !err; path++)
		err = lead(change, path, name, next_of(block, path));
	for (size_t i = 0; i < block->edges_count && !err; i++)
		err = step_edge(change, name, &block->edges[i], block->edges[i].to_name, false);
	return err ?: lana_commit_rm(change->commit, name);
}

/* With another key for the block that is there, or the block. */
static int collect_key(struct change *change)
{
	const struct lana_block_info *block = find(change, change->own);
	int err;

	if (block && strcmp(block->type, change->type))
		return fail(change, -EEXIST, "'%.31s' is there, and is no block of type crypt",
			    change->own);
	if (block)
		return lana_commit_set(change->commit, change->own, change->options);
	err = lana_commit_add(change->commit, change->own, change->type, change->options);
	err = err ?: bind_path(change, change->call, change->own, NULL, LANA_INGRESS);
	err = err ?: bind_path(change, change->call, change->own, "clear", LANA_INGRESS);
	return err ?: lead(change, LANA_INGRESS, change->call, change->own);
}

/* The block from which frames come up to another one. */
static const char *lower_of(const struct change *change, const char *name)
{
	for (size_t i = 0; i < change->count; i++)
		for (size_t j = 0; j < change->blocks[i].edges_count; j++) {
			const struct lana_edge *edge = &change->blocks[i].edges[j];

			if (edge->path == LANA_INGRESS && !strcmp(edge->to_name, name))
				return change->blocks[i].name;
		}
	return NULL;
}

static int collect_encrypt(struct change *change)
{
	const struct lana_block_info *block = find(change, change->own);
	const char *upper = next_of(block, LANA_INGRESS), *lower = lower_of(change, change->own);
	const struct lana_bind_options down = { .egress = true };
	int err;

	if (!block)
		return fail(change, -ENOENT, "'%.31s' has no key yet: say 'key FILE'",
			    change->call);
	if (!upper || !lower)
		return fail(change, -ENOENT, "'%.31s' is between no two blocks", change->own);
	if (change->on == !!next_of(block, LANA_EGRESS))
		return fail(change, -EALREADY,
			    change->on ? "'%.31s' encrypts already" : "'%.31s' does not encrypt",
			    change->call);
	if (change->on) {
		err = bind_path(change, change->own, lower, NULL, LANA_EGRESS);
		return err ?: bind_path(change, upper, change->own, NULL, LANA_EGRESS);
	}
	err = bind_path(change, upper, lower, NULL, LANA_EGRESS);
	return err ?: lana_commit_unbind(change->commit, change->own, lower, &down);
}

/* ---- commits ----------------------------------------------------------------------------- */

static int look_and_collect(struct lana_commit *commit, const struct lana_block_info *blocks,
			    size_t count, void *cookie, struct lana_error *error)
{
	struct change *change = cookie;

	change->commit = commit;
	change->blocks = blocks;
	change->count = count;
	change->error = error;
	return change->collect(change);
}

static int commit(struct lana_stack *stack, struct change *change, bool needs_own,
		  struct lana_error *error)
{
	change->error = error;
	if (!write_own(change->call, change->name, change->own) && needs_own)
		return fail(change, -EINVAL,
			    "'%.64s' is no name for a block of the call: it has a + or is too "
			    "long",
			    change->name);
	return lana_stack_change(stack, look_and_collect, change, error);
}

int below_insert(struct lana_stack *stack, const char *call, const char *name, const char *type,
		 const char *const *options, struct lana_error *error)
{
	struct change change = { .collect = collect_insert,
				 .call = call,
				 .name = name,
				 .type = type,
				 .options = options };

	return commit(stack, &change, true, error);
}

static int remove_one(struct lana_stack *stack, const char *call, const char *name, bool ending,
		      struct lana_error *error)
{
	struct change change = {
		.collect = collect_remove, .call = call, .name = name, .ending = ending
	};

	return commit(stack, &change, false, error);
}

int below_remove(struct lana_stack *stack, const char *call, const char *name,
		 struct lana_error *error)
{
	return remove_one(stack, call, name, false, error);
}

int below_remove_all(struct lana_stack *stack, const char *call, void (*tell)(const char *name),
		     struct lana_error *error)
{
	_cleanup_free_ struct lana_block_info *blocks = NULL;
	size_t count = 0;
	int err = lana_block_list(stack, NULL, &blocks, &count, error);

	for (size_t i = 0; i < count && !err; i++) {
		if (!is_own(&blocks[i], call))
			continue;
		err = remove_one(stack, call, blocks[i].name, true, error);
		if (!err)
			tell(blocks[i].name);
		else if (err == -ENOENT)
			err = 0;
	}
	/* A stack that was flushed has none of them. */
	return err == -ENOENT ? 0 : err;
}

int below_key(struct lana_stack *stack, const char *call, const char *file, bool first,
	      struct lana_error *error)
{
	char key[4096 + 8];
	const char *const options[] = { key, first ? "side=a" : "side=b", NULL };
	struct change change = { .collect = collect_key,
				 .call = call,
				 .name = BELOW_CRYPT,
				 .type = "crypt",
				 .options = options };

	snprintf(key, sizeof(key), "key=%s", file);
	return commit(stack, &change, true, error);
}

int below_encrypt(struct lana_stack *stack, const char *call, bool on, struct lana_error *error)
{
	struct change change = {
		.collect = collect_encrypt, .call = call, .name = BELOW_CRYPT, .on = on
	};

	return commit(stack, &change, true, error);
}

/* ---- questions --------------------------------------------------------------------------- */

static struct lana_block_info *look_up(struct lana_stack *stack, const char *call, const char *name)
{
	struct lana_block_info *block = NULL;
	char own[LANA_NAME_MAX];
	size_t count;

	if (write_own(call, name, own))
		lana_block_list(stack, own, &block, &count, NULL);
	return block;
}

void below_resolve(struct lana_stack *stack, const char *call, const char *name,
		   char full[LANA_NAME_MAX])
{
	_cleanup_free_ struct lana_block_info *block = look_up(stack, call, name);

	snprintf(full, LANA_NAME_MAX, "%s", block ? block->name : name);
}

bool below_has(struct lana_stack *stack, const char *call, const char *name)
{
	_cleanup_free_ struct lana_block_info *block = look_up(stack, call, name);

	return block;
}

bool below_encrypts(struct lana_stack *stack, const char *call)
{
	_cleanup_free_ struct lana_block_info *block = look_up(stack, call, BELOW_CRYPT);

	return next_of(block, LANA_EGRESS);
}
