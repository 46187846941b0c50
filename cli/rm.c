// SPDX-License-Identifier: GPL-2.0-only
/* lanactl rm - remove a block */
#include "cli.h"

static enum cli_status run_rm(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_block_rm(stack, cli_word(args, "NAME"), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

const struct cli_command rm_command = {
	.name = "rm",
	.args = "NAME",
	.summary = "remove a block",
	.details = "Remove a block and its counters. Refused while it is bound to another block. "
		   "When the command returns, the block's code can no longer run.",
	.run = run_rm,
};
