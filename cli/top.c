// SPDX-License-Identifier: GPL-2.0-only
/* lanactl top - show what the blocks of a stack do, a second, time and again */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli.h"
#include "screen.h"
#include "loader/clock.h"

/* What was counted at one moment. */
struct reading {
	uint64_t time; /* CLOCK_MONOTONIC, ns */
	struct lana_block_stats *blocks;
	size_t blocks_count;
	struct lana_device_stats *devices;
	size_t devices_count;
};

/* A rate; negative: it is not known. */
struct row {
	const struct lana_block_stats *now, *before; /* NULL: the block is new */
	double packets, bytes, received, transmitted, drops, unbound;
	double ns; /* a packet, in the block */
};

static void reading_free(struct reading *reading)
{
	free(reading->blocks);
	free(reading->devices);
	*reading = (struct reading){};
}

static int read_stack(struct lana_stack *stack, struct reading *reading, struct lana_error *error)
{
	struct reading found = {};
	int err = lana_device_stats(stack, &found.devices, &found.devices_count, error);

	if (!err)
		err = lana_block_stats(stack, NULL, &found.blocks, &found.blocks_count, error);
	if (err) {
		reading_free(&found);
		return err;
	}
	found.time = clock_ns(CLOCK_MONOTONIC);
	*reading = found;
	return 0;
}

/* ---- rates ---------------------------------------------------------------------------- */

/* Both lists are by IDP. NULL: there was no such block. */
static const struct lana_block_stats *find_block(const struct reading *reading,
						 const struct lana_block_stats *block)
{
	size_t first = 0, end = reading->blocks_count;

	while (first < end) {
		size_t middle = (first + end) / 2;

		if (reading->blocks[middle].idp < block->idp)
			first = middle + 1;
		else
			end = middle;
	}
	if (first == reading->blocks_count || reading->blocks[first].idp != block->idp ||
	    strcmp(reading->blocks[first].name, block->name))
		return NULL;
	return &reading->blocks[first];
}

static const struct lana_device_stats *find_device(const struct reading *reading, uint32_t idp)
{
	for (size_t i = 0; i < reading->devices_count; i++)
		if (reading->devices[i].idp == idp && !reading->devices[i].gone)
			return &reading->devices[i];
	return NULL;
}

/* The lists of what a block counts. */
enum list { OWN, DROPS, UNBOUND };

struct counts {
	const struct lana_count *list;
	size_t count;
};

static struct counts counts_of(const struct lana_block_stats *block, int path, enum list which)
{
	const struct lana_path_stats *stats = block ? &block->path[path] : NULL;

	if (!stats)
		return (struct counts){};
	switch (which) {
	case OWN:
		return (struct counts){ stats->own, stats->own_count };
	case DROPS:
		return (struct counts){ stats->drops, stats->drops_count };
	default:
		return (struct counts){ stats->unbound, stats->unbound_count };
	}
}

static uint64_t value_of(struct counts counts, const char *name)
{
	for (size_t i = 0; i < counts.count; i++)
		if (!strcmp(counts.list[i].name, name))
			return counts.list[i].value;
	return 0;
}

/* A counter that has fallen has begun anew. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
	return (now >= before ? now - before : now) / seconds;
}

/* Of the counters of that name, or (NULL) of all in the list; negative: there are none. */
static double sum_rate(const struct row *row, enum list which, const char *name, double seconds)
{
	double sum = -1;

	for (int path = 0; path < LANA_PATHS; path++) {
		struct counts now = counts_of(row->now, path, which);
		struct counts before = counts_of(row->before, path, which);

		for (size_t i = 0; i < now.count; i++)
			if (!name || !strcmp(now.list[i].name, name))
				sum = fmax(sum, 0) + rate(now.list[i].value,
							  value_of(before, now.list[i].name),
							  seconds);
	}
	return sum;
}

/* While the stack is measured: what left a block, by whichever way. */
struct measured {
	uint64_t packets, bytes, samples;
	double ns; /* of all samples */
};

static struct measured measured_of(const struct lana_block_stats *block)
{
	struct measured sum = {};

	for (int path = 0; block && path < LANA_PATHS; path++) {
		const struct lana_path_stats *stats = &block->path[path];

		for (size_t i = 0; i < stats->ways_count; i++) {
			sum.packets += stats->ways[i].packets;
			sum.bytes += stats->ways[i].bytes;
		}
		sum.samples += stats->samples;
		sum.ns += stats->ns * stats->samples;
	}
	return sum;
}

static void find_measured(struct row *row, double seconds)
{
	struct measured now = measured_of(row->now), before = measured_of(row->before);

	row->ns = -1;
	if (!now.packets)
		return;
	row->packets = rate(now.packets, before.packets, seconds);
	row->bytes = rate(now.bytes, before.bytes, seconds);
	if (now.samples > before.samples)
		row->ns = fmax(now.ns - before.ns, 0) / (now.samples - before.samples);
}

static void find_rates(struct row *row, const struct reading *before, const struct reading *now,
		       double seconds)
{
	const struct lana_device_stats *device = find_device(now, row->now->idp);
	const struct lana_device_stats *was = find_device(before, row->now->idp);

	row->before = find_block(before, row->now);
	row->packets = sum_rate(row, OWN, "packets", seconds);
	row->bytes = sum_rate(row, OWN, "bytes", seconds);
	row->drops = fmax(sum_rate(row, DROPS, NULL, seconds), 0);
	row->unbound = fmax(sum_rate(row, UNBOUND, NULL, seconds), 0);
	row->received = row->transmitted = -1;
	find_measured(row, seconds);
	if (!device || !was)
		return;
	row->packets = -1; /* the device's own say more */
	row->received = rate(device->received_packets, was->received_packets, seconds);
	row->transmitted = rate(device->transmitted_packets, was->transmitted_packets, seconds);
	row->bytes = rate(device->received_bytes, was->received_bytes, seconds) +
		     rate(device->transmitted_bytes, was->transmitted_bytes, seconds);
}

/* How much goes on in a block, as far as is known. */
static double busyness(const struct row *row)
{
	return fmax(row->packets, 0) + fmax(row->received, 0) + fmax(row->transmitted, 0) +
	       row->drops + row->unbound;
}

static int by_rate(const void *a, const void *b)
{
	double left = busyness(a), right = busyness(b);
	const struct row *row = a, *other = b;

	if (left != right)
		return left < right ? 1 : -1;
	return (row->now->idp > other->now->idp) - (row->now->idp < other->now->idp);
}

/* ---- what is shown ---------------------------------------------------------------------- */

static void show_known(const char *name, double value)
{
	if (value >= 0)
		out_real(name, value);
	else
		out_unknown(name);
}

static const char *const reasons[] = {
#define X(NAME, name, text) name,
	LANA_DROP_REASONS(X)
#undef X
};

static void show_row(const struct row *row, double seconds)
{
	out_open(NULL, OUT_ASSIGN);
	out_number("idp", row->now->idp);
	out_string("name", row->now->name);
	out_string("type", row->now->type);
	show_known("packets", row->packets);
	show_known("received", row->received);
	show_known("transmitted", row->transmitted);
	show_known("bytes", row->bytes);
	show_known("ns", row->ns);
	out_real("unbound", row->unbound);
	out_open("drops", OUT_COUNTS);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		double drops = sum_rate(row, DROPS, reasons[i], seconds);

		if (drops > 0)
			out_real(reasons[i], drops);
	}
	out_close();
	out_close();
}

static bool show(const struct cli_args *args, const struct reading *before,
		 const struct reading *now)
{
	double seconds = (now->time - before->time) / 1e9;
	_cleanup_free_ struct row *rows = calloc(now->blocks_count + 1, sizeof(*rows));

	if (!rows)
		return false;
	for (size_t i = 0; i < now->blocks_count; i++) {
		rows[i].now = &now->blocks[i];
		find_rates(&rows[i], before, now, seconds);
	}
	if (!cli_flag(args, "idp"))
		qsort(rows, now->blocks_count, sizeof(*rows), by_rate);

	out_string("stack", cli_stack_name(args));
	out_as("stack %s: %zu block%s, per second over the last %.2f s", cli_stack_name(args),
	       now->blocks_count, now->blocks_count == 1 ? "" : "s", seconds);
	out_number("interval_us", (now->time - before->time) / 1000);
	out_hide();
	out_open_list("top", OUT_TABLE);
	for (size_t i = 0; i < now->blocks_count; i++)
		show_row(&rows[i], seconds);
	out_close();
	return true;
}

/* ------------------------------------------------------------------------------------------- */

static enum cli_status watch(const struct cli_args *args, struct lana_stack *stack,
			     struct reading readings[2], double interval, uint64_t count)
{
	enum cli_status status = CLI_DONE;

	for (uint64_t n = 1; n <= count; n++) {
		struct reading *before = &readings[!(n % 2)], *now = &readings[n % 2];
		struct lana_error error = {};
		int err;

		if (!screen_wait(before->time + interval * 1e9))
			break;
		reading_free(now);
		err = read_stack(stack, now, &error);
		if (err) {
			status = cli_refused(err, &error);
			break;
		}
		if (!show(args, before, now)) {
			status = cli_error("out of memory");
			break;
		}
		if (!screen_print(args, n == 1, &status))
			break;
	}
	return status;
}

static enum cli_status run_top(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	uint64_t count = UINT64_MAX;
	double interval = 1;
	struct reading readings[2] = {};
	struct lana_error error = {};
	enum cli_status status;
	int err;

	if (!cli_number(args, "SECONDS", 0.1, &interval) ||
	    !cli_count(args, "N", UINT32_MAX, &count))
		return CLI_USAGE;
	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = read_stack(stack, &readings[0], &error);
	if (err)
		return cli_refused(err, &error);

	cli_stream_begin();
	screen_begin(!args->options.json);
	status = watch(args, stack, readings, interval, count);
	screen_end();
	for (size_t i = 0; i < 2; i++)
		reading_free(&readings[i]);
	return status;
}

static const char *const examples[] = { "top", "top interval 0.5 idp", "-j top count 1", NULL };

const struct cli_command top_command = {
	.name = "top",
	.args = "[interval SECONDS] [count N] [rate|idp]",
	.summary = "show what blocks do, a second, time and again",
	.details =
		"Show what each block counts a second: packets and bytes, where its type has "
		"counters of these names; packets dropped, by reason; and packets that left by a "
		"port that leads nowhere. Of devices: packets received and transmitted and the "
		"bytes of both, as the kernel counts them. The busiest blocks come first; with "
		"'idp', blocks come in the order of their IDPs. While the stack is measured "
		"('stats "
		"on'), packets and bytes of each block are those that left it, and there are the "
		"nanoseconds that a packet spends in it.\n\n"
		"Rates are what was counted between two looks, divided by the time between them: "
		"'interval' SECONDS, 1 if not said. On a terminal the table is drawn in place, "
		"and q ends it. Elsewhere each look is a table of its own, and with '-j' an object "
		"on a line of its own. With 'count', end after N tables.",
	.examples = examples,
	.run = run_top,
};
