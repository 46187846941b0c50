// SPDX-License-Identifier: GPL-2.0-only
/* lanactl show keys - tell which keys a block has, and nothing by which they could be had */
#include "cli.h"

static enum cli_status run_show_keys(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_key_info *keys = NULL;
	struct lana_error error = {};
	size_t count;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_block_keys(stack, cli_word(args, "NAME"), &keys, &count, &error);
	if (err)
		return cli_refused(err, &error);

	out_open_list("keys", OUT_TABLE);
	for (size_t i = 0; i < count; i++) {
		out_open(NULL, OUT_ASSIGN);
		out_string("option", keys[i].option);
		out_string("fingerprint", keys[i].fingerprint);
		out_string("file", keys[i].file);
		out_close();
	}
	out_close();
	return CLI_DONE;
}

static const char *const examples[] = { "show keys c", NULL };

const struct cli_command show_keys_command = {
	.name = "show keys",
	.args = "NAME",
	.summary = "show which keys a block has, by their fingerprints",
	.details =
		"Show the files that the keys of a block (type crypt) came from, and the "
		"fingerprint of each: the same at both ends of a link if the key is. Neither the "
		"key nor anything of use to find it follows from a fingerprint.",
	.examples = examples,
	.run = run_show_keys,
};
