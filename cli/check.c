// SPDX-License-Identifier: GPL-2.0-only
/* lanactl check - compare what a stack should be with what it is */
#include "cli.h"

static enum cli_status run_check(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_finding *faults = NULL;
	struct lana_error error = {};
	size_t count;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_stack_check(stack, &faults, &count, &error);
	if (err)
		return cli_refused(err, &error);

	out_bool("consistent", !count);
	out_as("consistent");
	if (count)
		out_hide();
	out_open_list("faults", OUT_LINES);
	for (size_t i = 0; i < count; i++) {
		out_open(NULL, OUT_ASSIGN);
		out_string("subject", faults[i].subject);
		out_string("text", faults[i].text);
		out_close();
		out_as("%s: %s", faults[i].subject, faults[i].text);
	}
	out_close();
	return count ? CLI_REFUSED : CLI_DONE;
}

const struct cli_command check_command = {
	.name = "check",
	.args = "",
	.summary = "check that the stack is sound",
	.details = "Compare what the stack should be with the tables, programs and links in the "
		   "kernel, and that its workers come round. Prints 'consistent', or one line a "
		   "fault with exit status 1.",
	.run = run_check,
};
