// SPDX-License-Identifier: GPL-2.0-only
/* lanactl types - show the block types that a stack knows */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void show_fields(const char *name, const struct lana_field *fields, size_t count)
{
	out_open(name, OUT_COLON);
	for (size_t i = 0; i < count; i++) {
		out_string(fields[i].name, fields[i].type);
		if (fields[i].most)
			out_as("%s %" PRIu64 "..%" PRIu64, fields[i].type, fields[i].least,
			       fields[i].most);
	}
	out_close();
}

/* In text they stand behind the types. */
static void show_ranges(const struct lana_field *fields, size_t count)
{
	out_open("ranges", OUT_COLON);
	for (size_t i = 0; i < count; i++) {
		if (!fields[i].most)
			continue;
		out_open(fields[i].name, OUT_ASSIGN);
		out_number("least", fields[i].least);
		out_number("most", fields[i].most);
		out_close();
	}
	out_close();
	out_hide();
}

static void show_type(const struct lana_type_info *type)
{
	out_open(NULL, OUT_ASSIGN);
	out_string("name", type->name);
	out_number("version", type->version);
	out_number("blocks", type->blocks);
	out_open_list("ports", OUT_WORDS);
	for (size_t i = 0; i < type->ports_count; i++)
		out_string(NULL, type->ports[i]);
	out_close();
	show_fields("config", type->config, type->config_count);
	show_ranges(type->config, type->config_count);
	show_fields("counters", type->counters, type->counters_count);
	out_open_list("events", OUT_WORDS);
	for (size_t i = 0; i < type->events_count; i++)
		out_string(NULL, type->events[i]);
	out_close();
	out_bool("hears", type->hears);
	out_as("%s", type->hears ? "yes" : "");
	out_close();
}

static enum cli_status run_types(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_type_info *types = NULL;
	const char *name = cli_word(args, "TYPE");
	struct lana_error error = {};
	bool found = false;
	size_t count = 0;
	int err;

	if (name ? !cli_stack_open(args, &stack) : !cli_stack_try(args, &stack))
		return CLI_REFUSED;

	err = stack ? lana_type_list(stack, &types, &count, &error) : 0;
	if (err)
		return cli_refused(err, &error);

	out_open_list("types", name ? OUT_RECORDS : OUT_TABLE);
	for (size_t i = 0; i < count; i++) {
		if (name && strcmp(name, types[i].name))
			continue;
		show_type(&types[i]);
		found = true;
	}
	out_close();
	if (name && !found)
		return cli_error("no type '%s' is loaded in stack '%s' ('lanactl load %s' would)",
				 name, cli_stack_name(args), name);
	return CLI_DONE;
}

const struct cli_command types_command = {
	.name = "types",
	.args = "[TYPE]",
	.summary = "show the loaded block types",
	.details = "Show the loaded versions of every type, or of one: how many blocks are of "
		   "it, its ports, the fields of its config that 'add' and 'set' take, with what "
		   "they may be if that is less than their type holds (in JSON by itself, as "
		   "\"ranges\"), its counters, the events "
		   "that it publishes and whether it hears those of others, "
		   "see 'subscribe'. Without a stack the list is empty.\n\n"
		   "What a type does, the first lines of its source say, in " LANA_MANUALS_DIR ".",
	.run = run_types,
};
