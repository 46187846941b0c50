// SPDX-License-Identifier: GPL-2.0-only
/* lanactl hot - say that edges are rebound often */
#include "cli.h"

static enum cli_status run_hot(const struct cli_args *args)
{
	const struct lana_bind_options options = {
		.port = cli_word(args, "PORT"),
		.ingress = cli_flag(args, "ingress"),
		.egress = cli_flag(args, "egress"),
	};
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_hot(stack, cli_word(args, "NAME"), &options, !cli_flag(args, "off"), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

const struct cli_command hot_command = {
	.name = "hot",
	.args = "NAME [port PORT] [ingress|egress] [on|off]",
	.summary = "keep a block, or one of its edges, out of common programs",
	.details =
		"Say that the edges of block NAME are going to be rebound often, or the one that "
		"leaves it by PORT, on ingress unless 'egress' is said. They are never fused, so "
		"that each "
		"'bind' of them is the writing of one slot. It stays so when they lead elsewhere, "
		"until 'off'.",
	.run = run_hot,
};
