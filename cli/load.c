// SPDX-License-Identifier: GPL-2.0-only
/* lanactl load - make a block type known to a stack */
#include "cli.h"

#define TYPE "TYPE|FILE.bpf.o"

static enum cli_status run_load(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_create(args, &stack))
		return CLI_REFUSED;

	err = lana_type_load(stack, cli_word(args, TYPE), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const char *const examples[] = { "load ttl", "load ./mine.bpf.o", NULL };

const struct cli_command load_command = {
	.name = "load",
	.args = TYPE,
	.summary = "load a block type",
	.details = "Load a type by its name, from the folders of LANA_TYPES, or an object file "
		   "by its path. The stack is made if there is none. The object is kept with the "
		   "stack, so the file may go.\n\n"
		   "Loading the same object again does nothing. Another object of the same name "
		   "becomes the next version of the type: blocks that exist keep the version "
		   "they have, 'add' and 'replace' use the new one.",
	.examples = examples,
	.run = run_load,
};
