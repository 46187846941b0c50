// SPDX-License-Identifier: GPL-2.0-only
/*
 * op - carry out steps, one alone or many as one commit
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "filter.h"
#include "hook.h"
#include "subscribe.h"
#include "vlink.h"

int op_alone(struct lana_stack *stack, const struct op *asked, struct lana_error *error)
{
	_cleanup_(filter_put_p) struct filter *filter = NULL;
	struct op op = *asked;
	_cleanup_(commit_end) struct commit commit = { .stack = stack,
						       .steps = &op,
						       .steps_count = 1 };
	int err = filter_given(op.options, NULL, &filter);

	if (err)
		return refuse(error, err, "out of memory");
	op.filter = filter;
	err = stack_lock(stack, error);
	if (err)
		return err;
	LOCKED(stack);

	err = op.run(&commit, &op, error);
	if (!err)
		err = commit_run(&commit, error);
	if (err)
		commit_undo(&commit);
	else if (op.run == op_rm) /* it may have been a socket */
		err = unhook_leaving(stack, error);
	return err;
}

/* ---- collecting steps ------------------------------------------------------------------- */

int lana_commit_begin(struct lana_stack *stack, struct lana_commit **commit)
{
	struct lana_commit *begun = calloc(1, sizeof(*begun));

	if (!begun)
		return -ENOMEM;
	begun->stack = stack;
	*commit = begun;
	return 0;
}

static void free_op(struct op *op)
{
	for (size_t i = 0; op->options && op->options[i]; i++)
		free((char *)op->options[i]);
	free((void *)op->options);
	filter_put(op->filter);
	free((char *)op->name);
	free((char *)op->other);
	free((char *)op->where.port);
	free((char *)op->netns);
}

void steps_free(struct lana_commit *steps)
{
	for (size_t i = 0; i < steps->count; i++)
		free_op(&steps->ops[i]);
	free(steps->ops);
	*steps = (struct lana_commit){ .stack = steps->stack };
}

void lana_commit_free(struct lana_commit *commit)
{
	if (commit)
		steps_free(commit);
	free(commit);
}

/* False: no memory. */
static bool copy_text(const char **text)
{
	bool has_text = *text;

	if (has_text)
		*text = strdup(*text);
	return *text || !has_text;
}

static bool copy_options(struct op *op)
{
	const char *const *from = op->options;
	const char **copy;
	size_t count = 0;

	if (!from)
		return true;
	while (from[count])
		count++;
	op->options = copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = strdup(from[i]);
		if (!copy[i])
			return false;
	}
	return copy;
}

int steps_add(struct lana_commit *commit, struct op op)
{
	struct op *grown = reallocarray(commit->ops, commit->count + 1, sizeof(*grown));
	bool copied;

	if (!grown)
		return -ENOMEM;
	commit->ops = grown;
	copied = copy_text(&op.name);
	copied &= copy_text(&op.other);
	copied &= copy_text(&op.where.port);
	copied &= copy_text(&op.netns);
	copied &= copy_options(&op);
	filter_get(op.filter);
	if (!copied) {
		free_op(&op);
		return -ENOMEM;
	}
	grown[commit->count++] = op;
	return 0;
}

/* Add a step whose options may give a filter: that is compiled now, before the stack is locked. */
static int add_with_options(struct lana_commit *commit, struct op op)
{
	_cleanup_(filter_put_p) struct filter *filter = NULL;
	int err = filter_given(op.options, NULL, &filter);

	op.filter = filter;
	return err ?: steps_add(commit, op);
}

int lana_commit_add(struct lana_commit *commit, const char *name, const char *type,
		    const char *const *options)
{
	return add_with_options(
		commit,
		(struct op){ .run = op_add, .name = name, .other = type, .options = options });
}

int lana_commit_rm(struct lana_commit *commit, const char *name)
{
	return steps_add(commit, (struct op){ .run = op_rm, .name = name });
}

int lana_commit_vlink_add(struct lana_commit *commit, const char *name, const char *carrier,
			  uint32_t id)
{
	return steps_add(commit,
			 (struct op){ .run = vlink_try, .name = name, .other = carrier, .id = id });
}

int lana_commit_vlink_rm(struct lana_commit *commit, const char *name)
{
	return steps_add(commit, (struct op){ .run = op_vlink_rm, .name = name });
}

int lana_commit_set(struct lana_commit *commit, const char *name, const char *const *options)
{
	return add_with_options(commit,
				(struct op){ .run = op_set, .name = name, .options = options });
}

int lana_commit_replace(struct lana_commit *commit, const char *name, const char *type,
			const char *const *options, bool drop_state)
{
	return add_with_options(commit, (struct op){ .run = op_replace,
						     .name = name,
						     .other = type,
						     .options = options,
						     .on = drop_state });
}

static struct lana_bind_options where(const struct lana_bind_options *options)
{
	return options ? *options : (struct lana_bind_options){};
}

int lana_commit_bind(struct lana_commit *commit, const char *upper, const char *lower,
		     const struct lana_bind_options *options)
{
	return steps_add(commit, (struct op){ .run = op_bind,
					      .name = upper,
					      .other = lower,
					      .where = where(options) });
}

int lana_commit_unbind(struct lana_commit *commit, const char *upper, const char *lower,
		       const struct lana_bind_options *options)
{
	return steps_add(commit, (struct op){ .run = op_unbind,
					      .name = upper,
					      .other = lower,
					      .where = where(options) });
}

int lana_commit_hot(struct lana_commit *commit, const char *name,
		    const struct lana_bind_options *options, bool on)
{
	return steps_add(
		commit,
		(struct op){ .run = op_hot, .name = name, .where = where(options), .on = on });
}

int lana_commit_hook(struct lana_commit *commit, const char *device,
		     const struct lana_hook_options *options)
{
	const char *netns = commit->stack->netns;

	return steps_add(commit, (struct op){ .run = hook_try,
					      .name = options && options->as ? options->as : device,
					      .other = device,
					      .hook = options ? options->hook : LANA_HOOK_NONE,
					      .netns = *netns ? netns : NULL });
}

int lana_commit_unhook(struct lana_commit *commit, const char *name)
{
	return steps_add(commit, (struct op){ .run = op_unhook, .name = name });
}

/* ---- carrying them out ------------------------------------------------------------------ */

/* Devices hooked for the commit's sake. */
struct hooked {
	__u32 *idps;
	size_t count;
};

static void hooked_free(struct hooked *hooked)
{
	free(hooked->idps);
}

/* Hook devices; they let packets pass until the commit is through. */
static int hook_devices(const struct lana_commit *commit, struct hooked *hooked, size_t *failed,
			struct lana_error *error)
{
	hooked->idps = calloc(commit->count + 1, sizeof(*hooked->idps));
	if (!hooked->idps)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < commit->count; i++) {
		__u32 *idp = &hooked->idps[hooked->count];
		int err = 0;

		if (commit->ops[i].run != hook_try)
			continue;
		err = hook_now(commit->stack, &commit->ops[i], true, idp, error);
		if (err) {
			*failed = i;
			return err;
		}
		hooked->count++;
	}
	return 0;
}

/* Is it a step that makes a device, or hooks one? Those come first. */
static bool is_early(const struct op *op)
{
	return op->run == hook_try || op->run == vlink_try;
}

static int run_ops(const struct lana_commit *steps, struct commit *commit, bool dry_run,
		   size_t *failed, struct lana_error *error)
{
	for (int early = 1; early >= 0; early--)
		for (size_t i = 0; i < steps->count; i++) {
			const struct op *op = &steps->ops[i];
			int err;

			if (is_early(op) != early || (early && !dry_run))
				continue;
			err = op->run(commit, op, error);
			if (err) {
				*failed = i;
				return err;
			}
		}
	return 0;
}

int steps_run(const struct lana_commit *steps, struct commit *commit, bool dry_run,
	      struct lana_commit_result *result, struct lana_error *error)
{
	_cleanup_(hooked_free) struct hooked hooked = {};
	struct lana_stack *stack = steps->stack;
	int err = 0, undone = 0;

	result->failed = steps->count;
	commit->steps = steps->ops;
	commit->steps_count = steps->count;
	if (!dry_run)
		err = vlinks_make(steps, &result->failed, error);
	if (!err && !dry_run)
		err = hook_devices(steps, &hooked, &result->failed, error);
	for (size_t i = 0; !err && i < hooked.count; i++) {
		struct record *record = commit_edit(commit, hooked.idps[i]);

		record->device.passing = false;
		record->device.changing = CHANGING_NOT;
	}
	if (!err)
		err = run_ops(steps, commit, dry_run, &result->failed, error);
	if (!err && !dry_run)
		err = vlinks_leave(steps, error);
	if (!err)
		err = dry_run ? commit_prepare(commit, error) : commit_run(commit, error);
	if (err || dry_run)
		commit_undo(commit);
	if (!dry_run && !stack->registry->pending && !stack->registry->switches_count) {
		undone = unhook_leaving(stack, err ? NULL : error);
		undone = undone ?: vlinks_settle(stack, err ? NULL : error);
	}
	result->conversions = TAKE_PTR(commit->conversions);
	result->conversions_count = commit->conversions_count;
	if (err || undone)
		return err ?: undone;
	result->finals = TAKE_PTR(commit->finals);
	result->finals_count = commit->finals_count;
	return 0;
}

int lana_commit_commit(struct lana_commit *steps, const struct lana_commit_options *options,
		       struct lana_commit_result *result, struct lana_error *error)
{
	struct lana_commit_result found = { .failed = steps->count };
	struct lana_stack *stack = steps->stack;
	_cleanup_(commit_end) struct commit commit = { .stack = stack,
						       .fuse = true,
						       .at_once = true };
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	if (options && options->compare && options->generation != stack->registry->generation)
		err = refuse(error, -ESTALE, "the stack is of generation %u, not %u any more",
			     stack->registry->generation, options->generation);
	else
		err = steps_run(steps, &commit, options && options->dry_run, &found, error);
	found.generation = stack->registry->generation;
	if (result) {
		*result = found;
		return err;
	}
	free(found.finals);
	free(found.conversions);
	return err;
}

/* ---- in words --------------------------------------------------------------------------- */

struct words {
	char *text;
	size_t size, length;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
	va_list args;

	if (words->length >= words->size)
		return;
	va_start(args, format);
	words->length +=
		vsnprintf(words->text + words->length, words->size - words->length, format, args);
	va_end(args);
}

static void say_options(struct words *words, const struct op *op)
{
	for (size_t i = 0; op->options && op->options[i]; i++) {
		const char *option = op->options[i];
		size_t key = strcspn(option, "="), line = strcspn(option, "\n");

		if (!option[line] && !strpbrk(option, " \t"))
			say(words, " %s", option);
		else
			say(words, " %.*s='%.*s%s'", (int)key, option, (int)(line - key - 1),
			    option + key + 1, option[line] ? "..." : "");
	}
}

static void say_where(struct words *words, const struct op *op)
{
	if (op->where.port)
		say(words, " port %s", op->where.port);
	if (op->where.ingress)
		say(words, " ingress");
	if (op->where.egress)
		say(words, " egress");
}

static void say_hook(struct words *words, const struct op *op)
{
	if (op->netns)
		say(words, "-n %s ", op->netns);
	say(words, "vlink hook %s", op->other);
	if (op->hook != LANA_HOOK_NONE)
		say(words, " %s", lana_hook_name(op->hook));
	if (strcmp(op->name, op->other))
		say(words, " as %s", op->name);
}

void op_text(const struct op *op, char *text, size_t size)
{
	struct words words = { text, size, 0 };

	if (op->run == op_add || op->run == op_replace) {
		say(&words, "%s %s %s", op->run == op_add ? "add" : "replace", op->name, op->other);
		say_options(&words, op);
		say(&words, "%s", op->on ? " drop-state" : "");
	} else if (op->run == op_set) {
		say(&words, "set %s", op->name);
		say_options(&words, op);
	} else if (op->run == op_bind || op->run == op_unbind) {
		say(&words, "%s %s %s", op->run == op_bind ? "bind" : "unbind", op->name,
		    op->other);
		say_where(&words, op);
	} else if (op->run == op_subscribe || op->run == op_unsubscribe) {
		say(&words, "%s %s %s", op->run == op_subscribe ? "subscribe" : "unsubscribe",
		    op->name, op->other);
	} else if (op->run == op_hot) {
		say(&words, "hot %s", op->name);
		say_where(&words, op);
		say(&words, "%s", op->on ? "" : " off");
	} else if (op->run == op_rm) {
		say(&words, "rm %s", op->name);
	} else if (op->run == op_vlink_rm) {
		say(&words, "vlink rm %s", op->name);
	} else if (op->run == vlink_try) {
		say(&words, "%s%s%svlink add %s %s %u", op->netns ? "-n " : "", op->netns ?: "",
		    op->netns ? " " : "", op->name, op->other, op->id);
	} else if (op->run == op_unhook) {
		say(&words, "vlink unhook %s", op->name);
	} else {
		say_hook(&words, op);
	}
}
