// SPDX-License-Identifier: GPL-2.0-only
/* below - change what is below a block of a stack, while frames pass */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "below.h"

#define ATTEMPTS 16 /* at a commit that others were quicker than */

/* The stack as it was seen, and the commit that is made of it. */
struct change {
	const struct lana_block_info *blocks;
	size_t count;
	struct lana_commit *commit;
	struct lana_error *error;
	const char *upper, *name, *type;
	const char *const *options;
	bool on;
};

static int fail(struct lana_error *error, int err, const char *format, const char *name)
{
	snprintf(error->text, sizeof(error->text), format, name);
	return err;
}

static const struct lana_block_info *find(const struct change *change, const char *name)
{
	for (size_t i = 0; i < change->count; i++)
		if (!strcmp(change->blocks[i].name, name))
			return &change->blocks[i];
	return NULL;
}

/* Where a block's first port on a path leads; NULL: nowhere. */
static const char *next_of(const struct lana_block_info *block, enum lana_path path)
{
	for (size_t i = 0; block && i < block->edges_count; i++)
		if (block->edges[i].path == path && !block->edges[i].port)
			return block->edges[i].to_name;
	return NULL;
}

/* An edge is a bind of two blocks, of which the upper one is reached by it on ingress. */
static int step_edge(struct change *change, const char *from, const struct lana_edge *edge,
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

/* Lead all edges of a path that lead to one block to another one. */
static int lead(struct change *change, enum lana_path path, const char *from, const char *to)
{
	int err = 0;

	for (size_t i = 0; i < change->count && !err; i++) {
		const struct lana_block_info *block = &change->blocks[i];

		for (size_t j = 0; j < block->edges_count && !err; j++) {
			const struct lana_edge *edge = &block->edges[j];

			if (edge->path == path && !strcmp(edge->to_name, from))
				err = step_edge(change, block->name, edge, to, true);
		}
	}
	return err;
}

static int collect_insert(struct change *change)
{
	const struct lana_block_info *upper = find(change, change->upper);
	const char *lower = next_of(upper, LANA_EGRESS);
	int err;

	if (!lower)
		return fail(change->error, -ENOENT, "nothing is below '%.31s'", change->upper);
	err = lana_commit_add(change->commit, change->name, change->type, change->options);
	err = err ?: bind_path(change, change->upper, change->name, NULL, LANA_INGRESS);
	err = err ?: bind_path(change, change->name, lower, NULL, LANA_EGRESS);
	err = err ?: lead(change, LANA_INGRESS, change->upper, change->name);
	return err ?: bind_path(change, change->upper, change->name, NULL, LANA_EGRESS);
}

static int collect_remove(struct change *change)
{
	const struct lana_block_info *block = find(change, change->name);
	int err = 0;

	if (!block)
		return fail(change->error, -ENOENT, "no block '%.31s'", change->name);
	for (int path = 0; path < LANA_PATHS && !err; path++) {
		const char *next = next_of(block, path);

		if (next)
			err = lead(change, path, change->name, next);
	}
	for (size_t i = 0; i < block->edges_count && !err; i++)
		err = step_edge(change, block->name, &block->edges[i], block->edges[i].to_name,
				false);
	return err ?: lana_commit_rm(change->commit, change->name);
}

static int collect_key(struct change *change)
{
	int err = lana_commit_add(change->commit, change->name, change->type, change->options);

	err = err ?: bind_path(change, change->upper, change->name, NULL, LANA_INGRESS);
	err = err ?: bind_path(change, change->upper, change->name, "clear", LANA_INGRESS);
	return err ?: lead(change, LANA_INGRESS, change->upper, change->name);
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
	const struct lana_block_info *block = find(change, change->name);
	const char *upper = next_of(block, LANA_INGRESS), *lower = lower_of(change, change->name);
	const struct lana_bind_options down = { .egress = true };
	int err;

	if (!block || !upper || !lower)
		return fail(change->error, -ENOENT, "there is no key: no block '%.31s'",
			    change->name);
	if (change->on == !!next_of(block, LANA_EGRESS))
		return fail(change->error, -EALREADY,
			    change->on ? "'%.31s' encrypts already" : "'%.31s' does not encrypt",
			    change->name);
	if (change->on) {
		err = bind_path(change, change->name, lower, NULL, LANA_EGRESS);
		return err ?: bind_path(change, upper, change->name, NULL, LANA_EGRESS);
	}
	err = bind_path(change, upper, lower, NULL, LANA_EGRESS);
	return err ?: lana_commit_unbind(change->commit, change->name, lower, &down);
}

static int attempt(struct lana_stack *stack, struct change *change,
		   int (*collect)(struct change *change))
{
	struct lana_commit_options options = { .compare = true,
					       .generation = lana_stack_generation(stack) };
	struct lana_commit_result result = {};
	struct lana_block_info *blocks = NULL;
	int err = lana_block_list(stack, NULL, &blocks, &change->count, change->error);

	if (err)
		return err;
	change->blocks = blocks;
	err = lana_commit_begin(stack, &change->commit);
	if (!err) {
		err = collect(change);
		err = err ?: lana_commit_commit(change->commit, &options, &result, change->error);
		lana_commit_free(change->commit);
		free(result.finals);
		free(result.conversions);
	}
	free(blocks);
	return err;
}

static int commit(struct lana_stack *stack, struct change *change,
		  int (*collect)(struct change *change))
{
	int err = -ESTALE;

	*change->error = (struct lana_error){};
	for (unsigned int i = 0; i < ATTEMPTS && err == -ESTALE; i++)
		err = attempt(stack, change, collect);
	return err;
}

int below_insert(struct lana_stack *stack, const char *upper, const char *name, const char *type,
		 const char *const *options, struct lana_error *error)
{
	struct change change = {
		.upper = upper, .name = name, .type = type, .options = options, .error = error
	};

	return commit(stack, &change, collect_insert);
}

int below_remove(struct lana_stack *stack, const char *name, struct lana_error *error)
{
	struct change change = { .name = name, .error = error };

	return commit(stack, &change, collect_remove);
}

int below_key(struct lana_stack *stack, const char *upper, const char *name, const char *file,
	      bool first, struct lana_error *error)
{
	char key[4096 + 8];
	const char *const options[] = { key, first ? "side=a" : "side=b", NULL };
	struct change change = {
		.upper = upper, .name = name, .type = "crypt", .options = options, .error = error
	};

	snprintf(key, sizeof(key), "key=%s", file);
	return commit(stack, &change, collect_key);
}

int below_encrypt(struct lana_stack *stack, const char *name, bool on, struct lana_error *error)
{
	struct change change = { .name = name, .on = on, .error = error };

	return commit(stack, &change, collect_encrypt);
}
