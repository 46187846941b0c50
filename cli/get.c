// SPDX-License-Identifier: GPL-2.0-only
/* lanactl get - show the config of a block */
#include <string.h>

#include "cli.h"

static enum cli_status run_get(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_block_info *block = NULL;
	const char *key = cli_word(args, "KEY");
	const char *found = NULL;
	struct lana_error error = {};
	const char *filter_key;
	size_t count, length;
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
		found = block->config[i].text;
		out_value(block->config[i].name, &block->config[i]);
	}
	if (block->filter.kind != LANA_FILTER_NONE && (!key || !strcmp(key, filter_key))) {
		found = block->filter.text;
		out_string(filter_key, found);
	}
	out_close();
	if (!key)
		return CLI_DONE;
	if (!found)
		return cli_error("block '%s' of type '%s' has no '%s' in its config", block->name,
				 block->type, key);
	length = strlen(found);
	out_as("%.*s", (int)length - (length && found[length - 1] == '\n'), found);
	return CLI_DONE;
}

static const char *const examples[] = { "get hops", "get hops reserve", NULL };

const struct cli_command get_command = {
	.name = "get",
	.args = "NAME [KEY]",
	.summary = "show the config of a block",
	.details = "Show the config of a block as 'set' takes it, a line a field; or the value "
		   "of one field alone.",
	.examples = examples,
	.run = run_get,
};
