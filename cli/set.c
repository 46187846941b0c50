// SPDX-License-Identifier: GPL-2.0-only
/* lanactl set - change the config of a block */
#include "cli.h"

static enum cli_status run_set(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_block_set(stack, cli_word(args, "NAME"), cli_list(args), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const char *const examples[] = { "set hops reserve=2", NULL };

const struct cli_command set_command = {
	.name = "set",
	.args = "NAME KEY=VALUE ...",
	.summary = "change the config of a block",
	.details = "Change fields of a block's config while packets pass through it, all of them "
		   "at one instant. Fields that are not named stay as they are.",
	.examples = examples,
	.run = run_set,
};
