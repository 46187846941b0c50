// SPDX-License-Identifier: GPL-2.0-only
/* lanactl replace - put other code behind a block's name */
#include "cli.h"

static enum cli_status run_replace(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_block_replace(stack, cli_word(args, "NAME"), cli_word(args, "TYPE"),
				 cli_list(args), cli_flag(args, "drop-state"), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const char *const examples[] = { "replace c1 counter", "replace hops forward drop-state",
					NULL };

const struct cli_command replace_command = {
	.name = "replace",
	.args = "NAME TYPE [KEY=VALUE ...] [drop-state]",
	.summary = "replace the code of a block",
	.details = "Put the newest loaded version of TYPE behind the block NAME, from one packet "
		   "to the next. IDP and edges stay. Fields of the config carry over by name, "
		   "unless KEY=VALUE says otherwise; counters are kept if both types lay them "
		   "out alike.\n\n"
		   "Refused if config or counters would be lost; 'drop-state' permits the loss. "
		   "Refused if an edge leaves by a port that TYPE lacks.",
	.examples = examples,
	.run = run_replace,
};
