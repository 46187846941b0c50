// SPDX-License-Identifier: GPL-2.0-only
/* lanactl flush - take a stack down */
#include "cli.h"

static enum cli_status run_flush(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_try(args, &stack))
		return CLI_REFUSED;
	if (!stack)
		return CLI_DONE;

	err = lana_stack_flush(stack, &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

const struct cli_command flush_command = {
	.name = "flush",
	.args = "",
	.summary = "take the whole stack down",
	.details = "Unhook every device, remove every block, unload every type, and remove the "
		   "stack. Does nothing if there is no such stack.",
	.run = run_flush,
};
