// SPDX-License-Identifier: GPL-2.0-only
/* change - commits that follow from what the stack is, made anew if another one was quicker */
#include <errno.h>
#include <string.h>

#include <lana/commit.h>

#include "cleanup.h"
#include "error.h"

#define ATTEMPTS 16

typedef int collect_fn(struct lana_commit *commit, const struct lana_block_info *blocks,
		       size_t count, void *cookie, struct lana_error *error);

static void commit_free_p(struct lana_commit **commit)
{
	lana_commit_free(*commit);
}

/* The generation is read first: blocks that are newer than it are refused by the commit. */
static int attempt(struct lana_stack *stack, collect_fn *collect, void *cookie,
		   struct lana_error *error)
{
	const struct lana_commit_options options = { .compare = true,
						     .generation = lana_stack_generation(stack) };
	_cleanup_(commit_free_p) struct lana_commit *commit = NULL;
	_cleanup_free_ struct lana_block_info *blocks = NULL;
	size_t count;
	int err = lana_block_list(stack, NULL, &blocks, &count, error);

	if (err)
		return err;
	err = lana_commit_begin(stack, &commit);
	if (err)
		return refuse(error, err, "cannot change the stack: %s", strerror(-err));
	err = collect(commit, blocks, count, cookie, error);
	return err ?: lana_commit_commit(commit, &options, NULL, error);
}

int lana_stack_change(struct lana_stack *stack, collect_fn *collect, void *cookie,
		      struct lana_error *error)
{
	int err = -ESTALE;

	for (unsigned int i = 0; i < ATTEMPTS && err == -ESTALE; i++)
		err = attempt(stack, collect, cookie, error);
	return err;
}
