// SPDX-License-Identifier: GPL-2.0-only
/*
 * apply - make a stack what a stack file says
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

static int describe(const struct lana_commit *steps, struct lana_apply_result *result,
		    struct lana_error *error)
{
	result->steps = calloc(steps->count ?: 1, sizeof(*result->steps));
	if (!result->steps)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < steps->count; i++) {
		struct lana_step *step = &result->steps[i];

		op_text(&steps->ops[i], step->text, sizeof(step->text));
		step->line = steps->ops[i].line;
		step->column = steps->ops[i].column;
	}
	result->steps_count = steps->count;
	return 0;
}

/* Put in front of what was refused where it stands, or what was being done. */
static int refuse_step(const struct file *file, const struct lana_commit *steps, size_t failed,
		       int err, struct lana_error *error)
{
	const struct op *op = &steps->ops[failed];
	struct lana_error why;
	char text[sizeof(((struct lana_step *)0)->text)];

	if (!error || failed >= steps->count)
		return err;
	why = *error;
	if (op->line)
		return file_refuse(file, (struct place){ op->line, op->column }, error, err, "%s",
				   why.text);
	op_text(op, text, sizeof(text));
	return refuse(error, err, "%s: %s (%s)", file->name, why.text, text);
}

static int apply(struct lana_stack *stack, const struct file *file,
		 const struct lana_apply_options *options, struct lana_apply_result *result,
		 struct lana_error *error)
{
	_cleanup_(steps_free) struct lana_commit steps = { .stack = stack };
	_cleanup_(commit_end) struct commit commit = { .stack = stack,
						       .fuse = true,
						       .at_once = true };
	int err;

	err = file_plan(file, &commit, &steps, options->drop_state, error);
	if (!err)
		err = describe(&steps, result, error);
	if (err || options->mode == LANA_DIFF || !steps.count) {
		commit_undo(&commit);
		return err;
	}
	err = steps_run(&steps, &commit, options->mode == LANA_DRY_RUN, &result->commit, error);
	if (err)
		return refuse_step(file, &steps, result->commit.failed, err, error);
	return 0;
}

int lana_apply(struct lana_stack *stack, const char *text, size_t size,
	       const struct lana_apply_options *options, struct lana_apply_result *result,
	       struct lana_error *error)
{
	static const struct lana_apply_options none;
	_cleanup_(file_free) struct file file = {};
	struct lana_apply_result found = {};
	int err;

	if (!options)
		options = &none;
	err = file_parse(options->name ?: "stack file", text, size, &file, error);
	if (!err)
		err = file_filters(&file, error);
	if (!err)
		err = stack_lock(stack, error);
	if (err)
		return err;
	LOCKED(stack);

	err = apply(stack, &file, options, &found, error);
	found.commit.generation = stack->registry->generation;
	if (!err && result) {
		*result = found;
		return 0;
	}
	free(found.steps);
	free(found.commit.finals);
	free(found.commit.conversions);
	return err;
}
