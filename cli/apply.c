// SPDX-License-Identifier: GPL-2.0-only
/* lanactl apply, diff, export - a whole stack as a file */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void show_plan(const struct lana_apply_result *result)
{
	out_open_list("plan", OUT_LINES);
	for (size_t i = 0; i < result->steps_count; i++) {
		const struct lana_step *step = &result->steps[i];

		out_open(NULL, OUT_ASSIGN);
		out_string("step", step->text);
		out_number("line", step->line);
		out_number("column", step->column);
		out_close();
		out_as("%s", step->text);
	}
	out_close();
}

static enum cli_status apply(const struct cli_args *args, enum lana_apply_mode mode)
{
	const char *name = cli_word(args, "FILE");
	const struct lana_apply_options options = { .mode = mode,
						    .name = cli_file_name(name),
						    .drop_state = cli_flag(args, "drop-state") };
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_apply_result result = {};
	_cleanup_free_ char *text = NULL;
	struct lana_error error = {};
	size_t size;
	int err;

	text = cli_read_file(name, &size);
	if (!text)
		return cli_error("cannot read %s: %s", options.name, strerror(errno));
	if (!cli_stack_create(args, &stack))
		return CLI_REFUSED;
	err = lana_apply(stack, text, size, &options, &result, &error);
	if (err)
		return cli_refused(err, &error);
	show_plan(&result);
	if (mode == LANA_DRY_RUN)
		cli_show_conversions(&result.commit);
	free(result.steps);
	free(result.commit.finals);
	free(result.commit.conversions);
	return CLI_DONE;
}

static enum cli_status run_apply(const struct cli_args *args)
{
	return apply(args, cli_flag(args, "dry-run") ? LANA_DRY_RUN : LANA_APPLY);
}

static enum cli_status run_diff(const struct cli_args *args)
{
	return apply(args, LANA_DIFF);
}

static enum cli_status run_export(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ char *text = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_export(stack, &text, &error);
	if (err)
		return cli_refused(err, &error);
	if (args->options.json) {
		out_string("export", text);
		return CLI_DONE;
	}
	fputs(text, stdout);
	return CLI_DONE;
}

static const char *const examples[] = { "apply lab.yaml", "apply lab.yaml dry-run",
					"export | lanactl apply -", NULL };

const struct cli_command apply_command = {
	.name = "apply",
	.args = "FILE [dry-run] [drop-state]",
	.summary = "make the stack what a file says",
	.details =
		"Make the stack what the stack file FILE says ('-': standard input): hook, add, "
		"replace, set, bind and remove what differs, and print these steps. What the file "
		"does not name goes. All of it happens in one commit: each packet sees the old "
		"stack or the new one, and if anything is refused nothing changes.\n\n"
		"'dry-run' does all but the commit: types are loaded, programs woven and "
		"verified, and state converted; it prints what would become of the state of blocks "
		"whose type changes, as 'replace' does, and nothing is changed. 'drop-state' lets "
		"such blocks begin anew where their state cannot be kept.\n\n"
		"A stack file is YAML; docs/stack-file.md describes it, and a JSON Schema for "
		"editors lies beside it.",
	.examples = examples,
	.run = run_apply,
};

const struct cli_command diff_command = {
	.name = "diff",
	.args = "FILE",
	.summary = "show what apply would do",
	.details = "Print the steps that 'apply' FILE would take, without verifying them.",
	.run = run_diff,
};

const struct cli_command export_command = {
	.name = "export",
	.args = "",
	.summary = "print the stack as a file",
	.details = "Print the stack file that 'apply' makes this stack from. Counters and the "
		   "contents of maps are not in it.",
	.run = run_export,
};
