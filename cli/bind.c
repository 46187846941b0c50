// SPDX-License-Identifier: GPL-2.0-only
/* lanactl bind, unbind - lead a port of one block to another */
#include "cli.h"

#define ARGS "UPPER LOWER [port PORT] [ingress|egress]"

static int change(const struct cli_args *args, struct lana_stack *stack, bool bind,
		  struct lana_error *error)
{
	const struct lana_bind_options options = {
		.port = cli_word(args, "PORT"),
		.ingress = cli_flag(args, "ingress"),
		.egress = cli_flag(args, "egress"),
	};
	const char *upper = cli_word(args, "UPPER"), *lower = cli_word(args, "LOWER");

	return bind ? lana_bind(stack, upper, lower, &options, error)
		    : lana_unbind(stack, upper, lower, &options, error);
}

static enum cli_status run(const struct cli_args *args, bool bind)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = change(args, stack, bind, &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static enum cli_status run_bind(const struct cli_args *args)
{
	return run(args, true);
}

static enum cli_status run_unbind(const struct cli_args *args)
{
	return run(args, false);
}

static const char *const examples[] = { "bind v4 eth0", "bind n4 v4 port match",
					"bind v4 hops egress", "bind eth0 f egress", NULL };

const struct cli_command bind_command = {
	.name = "bind",
	.args = ARGS,
	.summary = "put a block on top of another",
	.details = "Put UPPER on top of LOWER, as a protocol stack is drawn: LOWER's ingress "
		   "port leads to UPPER, and UPPER's egress port leads to LOWER. A port that led "
		   "elsewhere leads here from one packet to the next; none is lost.\n\n"
		   "Without 'port' it is port 0, 'next', and both ways are bound. PORT is the "
		   "name or the number of one of LOWER's ports, and ingress alone is bound. "
		   "'ingress' or 'egress' binds that way alone; with 'egress', PORT is one of "
		   "UPPER's.\n\n"
		   "A device is at both ends. 'bind' f eth0 puts f on eth0: what eth0 receives "
		   "goes to f, what f sends down goes out by eth0. 'bind' eth0 f 'egress' leads "
		   "what the kernel itself sends by eth0 into f; eth0 has to be hooked at tc.",
	.examples = examples,
	.run = run_bind,
};

const struct cli_command unbind_command = {
	.name = "unbind",
	.args = ARGS,
	.summary = "undo a bind",
	.details = "Undo the 'bind' of the same words. Refused if the port does not lead there. "
		   "From then on a packet that leaves by the port is dropped and counted: "
		   "'stats' shows it as unbound.",
	.run = run_unbind,
};
