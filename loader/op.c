// SPDX-License-Identifier: GPL-2.0-only
#include "cleanup.h"
#include "op.h"

int op_alone(struct lana_stack *stack, const struct op *op, struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = op->run(&commit, op, error);
	if (!err)
		err = commit_run(&commit, error);
	if (err)
		commit_undo(&commit);
	return err;
}
