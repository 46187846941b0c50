// SPDX-License-Identifier: GPL-2.0-only
/* stack - open the stack that the global options name */
#include <errno.h>
#include <string.h>

#include "cli.h"

const char *cli_stack_name(const struct cli_args *args)
{
	return args->options.stack.name ? args->options.stack.name : "default";
}

static int open_stack(const struct cli_args *args, bool create, struct lana_stack **stack,
		      struct lana_error *error)
{
	struct lana_stack_options options = args->options.stack;

	options.create = create;
	options.fuse = true;
	error->text[0] = 0;
	return lana_stack_open(&options, stack, error);
}

bool cli_stack_open(const struct cli_args *args, struct lana_stack **stack)
{
	struct lana_error error;
	int err = open_stack(args, false, stack, &error);

	if (err == -ENOENT)
		cli_error("%s (add, load and vlink hook make one)", error.text);
	else if (err)
		cli_refused(err, &error);
	return !err;
}

bool cli_stack_create(const struct cli_args *args, struct lana_stack **stack)
{
	struct lana_error error;
	int err = open_stack(args, true, stack, &error);

	if (err)
		cli_refused(err, &error);
	return !err;
}

bool cli_stack_try(const struct cli_args *args, struct lana_stack **stack)
{
	struct lana_error error;
	int err = open_stack(args, false, stack, &error);

	if (err && err != -ENOENT)
		cli_refused(err, &error);
	return !err || err == -ENOENT;
}
