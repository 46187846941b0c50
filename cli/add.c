// SPDX-License-Identifier: GPL-2.0-only
/* lanactl add - make a block */
#include "cli.h"

static enum cli_status run_add(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_create(args, &stack))
		return CLI_REFUSED;

	err = lana_block_add(stack, cli_word(args, "NAME"), cli_word(args, "TYPE"), cli_list(args),
			     &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const char *const examples[] = { "add c1 counter", "add v4 ethertype type=0x0800", NULL };

const struct cli_command add_command = {
	.name = "add",
	.args = "NAME TYPE [KEY=VALUE ...]",
	.summary = "make a block",
	.details = "Make a block called NAME of type TYPE, which is loaded if need be. Each KEY "
		   "is a field of the type's config; a field that is not given is 0. The stack "
		   "is made if there is none.\n\n"
		   "The block is reached by nothing yet: 'bind' puts it to use.",
	.examples = examples,
	.names_new = true,
	.run = run_add,
};
