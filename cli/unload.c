// SPDX-License-Identifier: GPL-2.0-only
/* lanactl unload - forget a block type */
#include "cli.h"

static enum cli_status run_unload(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_type_unload(stack, cli_word(args, "TYPE"), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

const struct cli_command unload_command = {
	.name = "unload",
	.args = "TYPE",
	.summary = "forget a block type",
	.details = "Forget every version of a type. Refused while a block uses one.",
	.run = run_unload,
};
