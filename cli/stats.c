// SPDX-License-Identifier: GPL-2.0-only
/* lanactl stats - show the counters of blocks */
#include "cli.h"

static bool any(const struct lana_count *counts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (counts[i].value)
			return true;
	return false;
}

static bool is_active(const struct lana_path_stats *path)
{
	return any(path->own, path->own_count) || any(path->drops, path->drops_count) ||
	       any(path->unbound, path->unbound_count);
}

static void show_counts(const char *name, const struct lana_count *counts, size_t count)
{
	out_open(name, OUT_COUNTS);
	for (size_t i = 0; i < count; i++)
		out_number(counts[i].name, counts[i].value);
	out_close();
}

/* As text, a block at rest has one row that names no path, and a path at rest none. */
static void show_path(const struct lana_block_stats *block, enum lana_path which)
{
	const bool rests =
		!is_active(&block->path[LANA_INGRESS]) && !is_active(&block->path[LANA_EGRESS]);
	const struct lana_path_stats *path = &block->path[which];

	out_open(NULL, OUT_ASSIGN);
	out_number("idp", block->idp);
	out_string("name", block->name);
	out_string("type", block->type);
	out_string("path", lana_path_name(which));
	if (rests)
		out_as("-");
	show_counts("counters", path->own, path->own_count);
	show_counts("drops", path->drops, path->drops_count);
	show_counts("unbound", path->unbound, path->unbound_count);
	out_close();
	if (rests ? which != LANA_INGRESS : !is_active(path))
		out_hide();
}

static enum cli_status run_stats(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_block_stats *stats = NULL;
	struct lana_error error = {};
	size_t count;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_block_stats(stack, cli_word(args, "NAME"), &stats, &count, &error);
	if (err)
		return cli_refused(err, &error);

	out_open_list("stats", OUT_TABLE);
	for (size_t i = 0; i < count; i++)
		for (int path = 0; path < LANA_PATHS; path++)
			show_path(&stats[i], path);
	out_close();
	return CLI_DONE;
}

static const char *const examples[] = { "stats", "-j stats c1", NULL };

const struct cli_command stats_command = {
	.name = "stats",
	.args = "[NAME]",
	.summary = "show the counters of blocks",
	.details = "Show what each block, or NAME alone, has counted on each path: the counters "
		   "of its type; packets dropped, by reason; and packets dropped because they "
		   "left by a port that leads nowhere, by port. A path on which nothing happened "
		   "is left out, except in JSON.\n\n"
		   "A packet is dropped as "
#define X(NAME, name, text) "'" name "' (" text "), "
	LANA_DROP_REASONS(X)
#undef X
		"or because its port is unbound.",
	.examples = examples,
	.run = run_stats,
};
