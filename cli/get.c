// SPDX-License-Identifier: GPL-2.0-only
/* lanactl get - show the config of a block */
#include <string.h>

#include "cli.h"

void cli_show_in_effect(const struct lana_block_info *block, const char *key)
{
	bool any = false;

	for (size_t i = 0; i < block->config_count; i++) {
		const struct lana_value *value = &block->config[i];

		if (!*value->in_effect || (key && strcmp(key, value->name)))
			continue;
		if (!any)
			out_open("in_effect", OUT_ASSIGN);
		any = true;
		out_string(value->name, value->in_effect);
	}
	if (!any)
		return;
	out_close();
	out_hide();
}

/* Without the newline at its end. */
static int length_of(const char *text)
{
	int length = strlen(text);

	return length - (length && text[length - 1] == '\n');
}

static enum cli_status run_get(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_block_info *block = NULL;
	const char *key = cli_word(args, "KEY");
	const struct lana_value *found = NULL;
	const char *text = NULL;
	struct lana_error error = {};
	const char *filter_key;
	size_t count;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_block_list(stack, cli_word(args, "NAME"), &block, &count, &error);
	if (err)
		return cli_refused(err, &error);

	filter_key = lana_filter_kind_name(block->filter.kind);
	out_open("config", OUT_ASSIGN);
	for (size_t i = 0; i < block->config_count; i++) {
		if (key && strcmp(key, block->config[i].name))
			continue;
		found = key ? &block->config[i] : NULL;
		text = block->config[i].text;
		out_value(block->config[i].name, &block->config[i]);
	}
	if (block->filter.kind != LANA_FILTER_NONE && (!key || !strcmp(key, filter_key))) {
		text = block->filter.text;
		out_string(filter_key, text);
	}
	out_close();
	if (key && !text)
		return cli_error("block '%s' of type '%s' has no '%s' in its config", block->name,
				 block->type, key);
	if (found && *found->in_effect)
		out_as("%s (%s in effect)", text, found->in_effect);
	else if (key)
		out_as("%.*s", length_of(text), text);
	cli_show_in_effect(block, key);
	return CLI_DONE;
}

static const char *const examples[] = { "get hops", "get hops reserve", NULL };

const struct cli_command get_command = {
	.name = "get",
	.args = "NAME [KEY]",
	.summary = "show the config of a block",
	.details = "Show the config of a block as 'set' takes it, a line a field; or the value "
		   "of one field alone. Where 0 stands for a default that follows from other "
		   "options, as the limit of a link's queue does, what is in effect stands behind "
		   "it, in brackets; in JSON, in an object of its own, 'in_effect'.",
	.examples = examples,
	.run = run_get,
};
