// SPDX-License-Identifier: GPL-2.0-only
/* lanactl replace - put other code behind a block's name */
#include "cli.h"

/* As a commit, which can be tried: the same but for that. */
static int try_replace(struct lana_stack *stack, const struct cli_args *args,
		       struct lana_commit_result *result, struct lana_error *error)
{
	const struct lana_commit_options options = { .dry_run = true };
	struct lana_commit *commit;
	int err = lana_commit_begin(stack, &commit);

	if (err)
		return err;
	err = lana_commit_replace(commit, cli_word(args, "NAME"), cli_word(args, "TYPE"),
				  cli_list(args), cli_flag(args, "drop-state"));
	if (!err)
		err = lana_commit_commit(commit, &options, result, error);
	lana_commit_free(commit);
	return err;
}

static enum cli_status run_replace(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_commit_result result = {};
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	if (cli_flag(args, "dry-run"))
		err = try_replace(stack, args, &result, &error);
	else
		err = lana_block_replace(stack, cli_word(args, "NAME"), cli_word(args, "TYPE"),
					 cli_list(args), cli_flag(args, "drop-state"), &error);
	if (!err && cli_flag(args, "dry-run"))
		cli_show_conversions(&result);
	free(result.conversions);
	free(result.finals);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const char *const examples[] = { "replace c1 counter", "replace c1 counter dry-run",
					"replace hops forward drop-state", NULL };

const struct cli_command replace_command = {
	.name = "replace",
	.args = "NAME TYPE [KEY=VALUE ...] [drop-state] [dry-run]",
	.brief = "NAME TYPE [KEY=VALUE ...] [OPTION ...]",
	.summary = "replace the code of a block",
	.details =
		"Put the newest loaded version of TYPE behind the block NAME, from one packet "
		"to the next. IDP and edges stay. Options, counters and the entries of the type's "
		"own maps "
		"carry over field by field, by name: numbers are widened, or narrowed if all "
		"values fit, and new fields are zero; nothing is lost that is counted or written "
		"meanwhile. KEY=VALUE sets options.\n\n"
		"Refused if anything would be lost: a field or a map that TYPE lacks, a value "
		"that does not fit. With 'drop-state' the block begins anew. Refused if an edge "
		"leaves by a port that TYPE lacks, if the block is subscribed to another and TYPE "
		"has no event function, or if it has subscribers and TYPE publishes other "
		"events.\n\n"
		"'dry-run' prints what would become of each field and changes nothing: 'kept', "
		"'widened', 'narrowed', 'new' or, with drop-state, 'dropped'.",
	.examples = examples,
	.run = run_replace,
};
