// SPDX-License-Identifier: GPL-2.0-only
/* lanactl subscribe, unsubscribe - have a block told of another one's events */
#include "cli.h"

#define ARGS "NAME PUBLISHER"

static enum cli_status run(const struct cli_args *args,
			   int (*change)(struct lana_stack *stack, const char *name,
					 const char *publisher, struct lana_error *error))
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = change(stack, cli_word(args, "NAME"), cli_word(args, "PUBLISHER"), &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static enum cli_status run_subscribe(const struct cli_args *args)
{
	return run(args, lana_subscribe);
}

static enum cli_status run_unsubscribe(const struct cli_args *args)
{
	return run(args, lana_unsubscribe);
}

static const char *const examples[] = { "subscribe gate meter", NULL };

const struct cli_command subscribe_command = {
	.name = "subscribe",
	.args = ARGS,
	.summary = "have a block told of another one's events",
	.details =
		"Have block NAME told of the events of block PUBLISHER: of what its code "
		"publishes while packets pass through it, such as that a threshold is reached, and "
		"that it is bound, unbound, set, replaced or removed. To be told is to have the "
		"event function of the block's type run in the kernel: in the first case before "
		"the packet that caused it goes on. No edge need lead to NAME.\n\n"
		"'types' says which types publish what, and which have an event function. A block "
		"has at most 8 subscribers, and publishes 100 events a second on each CPU, 10 of "
		"them at once; what it would publish beyond that is told nobody and counted: "
		"'stats' shows it as suppressed. 'monitor' tells what blocks publish, subscribers "
		"or not.",
	.examples = examples,
	.run = run_subscribe,
};

const struct cli_command unsubscribe_command = {
	.name = "unsubscribe",
	.args = ARGS,
	.summary = "undo a subscribe",
	.details = "Undo 'subscribe' NAME PUBLISHER. A block that is removed is subscribed to "
		   "nothing any more.",
	.run = run_unsubscribe,
};
