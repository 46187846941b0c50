// SPDX-License-Identifier: GPL-2.0-only
/* lanactl fuse - say whether blocks share programs */
#include "cli.h"

static enum cli_status run_fuse(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_stack_fuse(stack, !cli_flag(args, "off"), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

const struct cli_command fuse_command = {
	.name = "fuse",
	.args = "[on|off]",
	.summary = "let blocks share programs, or have one each",
	.details = "Blocks that lead to each other are joined into common programs, in which a "
		   "packet passes from one to the next by a jump, and what the first has found "
		   "out the next need not look up again. That is so from the beginning, and after "
		   "every command. With 'off', each block has a program of its own from now on, "
		   "and packets pass by "
		   "tail calls, of which the kernel makes 33 for one packet.\n\n"
		   "'show' tells which blocks share a program.",
	.run = run_fuse,
};
