// SPDX-License-Identifier: GPL-2.0-only
/* lanactl stats - show the counters of blocks */
#include <inttypes.h>

#include "way.h"

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
	       any(path->unbound, path->unbound_count) || path->ways_count;
}

static void show_counts(const char *name, const struct lana_count *counts, size_t count)
{
	out_open(name, OUT_COUNTS);
	for (size_t i = 0; i < count; i++)
		out_number(counts[i].name, counts[i].value);
	out_close();
}

/* Events are of both paths; as text, they stand with ingress. */
static void show_events(const struct lana_block_stats *block, enum lana_path which)
{
	if (!block->publishes || which != LANA_INGRESS)
		return;
	out_open("events", OUT_COUNTS);
	out_number("published", block->events_published);
	out_number("suppressed", block->events_suppressed);
	out_close();
}

/* As text, a block at rest has one row that names no path, and a path at rest none. */
static void show_path(const struct lana_block_stats *block, enum lana_path which, bool measured)
{
	const bool rests = !is_active(&block->path[LANA_INGRESS]) &&
			   !is_active(&block->path[LANA_EGRESS]) && !block->events_published;
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
	show_events(block, which);
	if (measured) {
		if (path->samples)
			out_real("ns", path->ns);
		else
			out_unknown("ns");
		out_number("samples", path->samples);
		out_hide();
	}
	out_close();
	if (rests ? which != LANA_INGRESS
		  : !is_active(path) && (which != LANA_INGRESS || !block->events_published))
		out_hide();
}

static void show_ways(const struct lana_block_stats *block, enum lana_path which)
{
	const struct lana_path_stats *path = &block->path[which];
	char text[CLI_WAY_MAX];

	for (size_t i = 0; i < path->ways_count; i++) {
		const struct lana_way_stats *way = &path->ways[i];

		out_open(NULL, OUT_ASSIGN);
		out_number("idp", block->idp);
		out_string("name", block->name);
		out_string("path", lana_path_name(which));
		out_string("way", way->way.name);
		out_as("%s", cli_way(&way->way, which, text));
		out_string("kind", cli_way_kind(way->way.kind));
		out_hide();
		out_string("to_path", lana_path_name(way->way.path));
		out_hide();
		out_number("packets", way->packets);
		out_number("bytes", way->bytes);
		out_number("dropped", way->dropped);
		out_close();
	}
}

static enum cli_status run_stats(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_block_stats *stats = NULL;
	struct lana_error error = {};
	bool measured = false;
	uint64_t stale = 0;
	size_t count;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;

	err = lana_measured(stack, &measured, &error);
	if (!err)
		err = lana_block_stats(stack, cli_word(args, "NAME"), &stats, &count, &error);
	if (!err && !cli_word(args, "NAME"))
		err = lana_stale_copies(stack, &stale, &error);
	if (err)
		return cli_refused(err, &error);

	out_open_list("stats", OUT_TABLE);
	for (size_t i = 0; i < count; i++)
		for (int path = 0; path < LANA_PATHS; path++)
			show_path(&stats[i], path, measured);
	out_close();
	out_open_list("ways", OUT_TABLE);
	for (size_t i = 0; i < count; i++)
		for (int path = 0; path < LANA_PATHS; path++)
			show_ways(&stats[i], path);
	out_close();
	out_number("stale", stale);
	out_as("%" PRIu64 " copies came back after their block had gone", stale);
	if (!stale)
		out_hide();
	return CLI_DONE;
}

static enum cli_status measure(const struct cli_args *args, bool on)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_measure(stack, on, &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static enum cli_status run_on(const struct cli_args *args)
{
	return measure(args, true);
}

static enum cli_status run_off(const struct cli_args *args)
{
	return measure(args, false);
}

static const char *const examples[] = { "stats", "-j stats c1", NULL };

const struct cli_command stats_command = {
	.name = "stats",
	.args = "[NAME]",
	.summary = "show the counters of blocks",
	.details = "Show what each block, or NAME alone, has counted on each path: the counters "
		   "of its type; packets dropped, by reason; and packets dropped because they "
		   "left by a port that leads nowhere, by port. A path on which nothing happened "
		   "is left out, except in JSON. Of a block that publishes events there is, on "
		   "ingress, how many it has published, and how many came too fast and were told "
		   "nobody.\n\n"
		   "A packet is dropped as "
#define X(NAME, name, text) "'" name "' (" text "), "
	LANA_DROP_REASONS(X)
#undef X
		"or because its port is unbound. Copies that XDP makes of a packet may come back "
		"when the block that had them made is gone: they are dropped, and counted for the "
		"stack as a whole.\n\n"
		"After 'stats on' there is also, for each way out of a block, how many packets and "
		"bytes took it and how many of these were dropped; and the nanoseconds that a "
		"packet "
		"spends in the block, on average, found by timing one of 1,024.",
	.examples = examples,
	.run = run_stats,
};

const struct cli_command stats_on_command = {
	.name = "stats on",
	.args = "",
	.summary = "measure the stack: packets and bytes an edge, time a block",
	.details =
		"Weave probes into all blocks that count packets and bytes by the way on which "
		"they leave a block, and time one packet of 1,024. 'stats' shows what they find. "
		"All begins at 0. It costs some nanoseconds a block, until 'stats off'.",
	.run = run_on,
};

const struct cli_command stats_off_command = {
	.name = "stats off",
	.args = "",
	.summary = "measure no more",
	.details = "Weave the probes out again: the programs are then the same as before, to the "
		   "instruction.",
	.run = run_off,
};
