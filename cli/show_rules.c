// SPDX-License-Identifier: GPL-2.0-only
/* lanactl show rules - show the rules of a block, and how many packets each has decided on */
#include "cli.h"

static enum cli_status run_show_rules(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_rule_info *rules = NULL;
	struct lana_error error = {};
	size_t count;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_block_rules(stack, cli_word(args, "NAME"), &rules, &count, &error);
	if (err)
		return cli_refused(err, &error);

	out_open_list("rules", OUT_TABLE);
	for (size_t i = 0; i < count; i++) {
		out_open(NULL, OUT_ASSIGN);
		out_number("line", rules[i].line);
		out_number("packets", rules[i].packets);
		out_string("rule", rules[i].text);
		out_close();
	}
	out_close();
	return CLI_DONE;
}

static const char *const examples[] = { "show rules f", NULL };

const struct cli_command show_rules_command = {
	.name = "show rules",
	.args = "NAME",
	.summary = "show the rules of a block, and what they have counted",
	.details = "Show the rules of a block (type firewall) in their order: their lines in the "
		   "file that they came from, and the packets for which each was the first that "
		   "matched.",
	.examples = examples,
	.run = run_show_rules,
};
