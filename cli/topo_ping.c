// SPDX-License-Identifier: GPL-2.0-only
/* lanactl topo ping - tell who reaches whom in a network */
#include <errno.h>
#include <string.h>

#include "topo.h"

#define COUNT_MAX  1000 /* echoes a pair */
#define MATRIX_MAX 20	/* nodes: as many columns as a screen has room for */
#define CELL_MAX   24	/* bytes */

/* A family's pairs, by who asks and then by who is asked, each in the order of the file. */
struct part {
	const struct lana_topo_echoes *pairs;
	size_t count;
};

struct names {
	const char *list[MATRIX_MAX];
	size_t count; /* more than MATRIX_MAX: there are others */
};

/* ---- text ------------------------------------------------------------------------------------ */

static void note_name(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count && i < MATRIX_MAX; i++)
		if (!strcmp(names->list[i], name))
			return;
	if (names->count < MATRIX_MAX)
		names->list[names->count] = name;
	names->count++;
}

static double percent_lost(const struct lana_topo_echoes *pair)
{
	return 100.0 * (pair->sent - pair->received) / pair->sent;
}

/* The mean round trip, and what was lost; a point is no pair. */
static int write_cell(const struct lana_topo_echoes *pair, char cell[CELL_MAX])
{
	double ms = pair ? pair->mean / 1e6 : 0;
	int digits = ms < 1 ? 3 : ms < 100 ? 1 : 0;

	if (!pair || !pair->received)
		return snprintf(cell, CELL_MAX, pair ? "X" : ".");
	if (pair->received == pair->sent)
		return snprintf(cell, CELL_MAX, "%.*f", digits, ms);
	return snprintf(cell, CELL_MAX, "%.*f/%.0f%%", digits, ms, percent_lost(pair));
}

static int find_width(const struct part *part)
{
	int width = strlen("IPv4 ms");
	char cell[CELL_MAX];

	for (size_t i = 0; i < part->count; i++) {
		const int widths[] = { strlen(part->pairs[i].from), strlen(part->pairs[i].to),
				       write_cell(&part->pairs[i], cell) };

		for (size_t j = 0; j < sizeof(widths) / sizeof(widths[0]); j++)
			width = widths[j] > width ? widths[j] : width;
	}
	return width;
}

static void write_matrix(const struct part *part, const struct names *rows,
			 const struct names *columns, FILE *file)
{
	const struct lana_topo_echoes *pair = part->pairs, *end = pair + part->count;
	int width = find_width(part);
	char cell[CELL_MAX];

	fprintf(file, "%-*s", width, pair->family == 4 ? "IPv4 ms" : "IPv6 ms");
	for (size_t i = 0; i < columns->count; i++)
		fprintf(file, "  %*s", width, columns->list[i]);
	for (size_t i = 0; i < rows->count; i++) {
		fprintf(file, "\n%-*s", width, rows->list[i]);
		for (size_t j = 0; j < columns->count; j++) {
			bool here = pair < end && !strcmp(pair->from, rows->list[i]) &&
				    !strcmp(pair->to, columns->list[j]);

			write_cell(here ? pair : NULL, cell);
			fprintf(file, "  %*s", width, cell);
			pair += here;
		}
	}
	fputs("\n\n", file);
}

/* Of those that are too many for a matrix. */
static void write_losses(const struct part *part, FILE *file)
{
	for (size_t i = 0; i < part->count; i++) {
		const struct lana_topo_echoes *pair = &part->pairs[i];

		if (pair->received < pair->sent)
			fprintf(file, "%s to %s by IPv%u: %.0f%% lost\n", pair->from, pair->to,
				pair->family, percent_lost(pair));
	}
}

static void write_part(const struct part *part, FILE *file)
{
	struct names rows = {}, columns = {};

	for (size_t i = 0; i < part->count; i++) {
		note_name(&rows, part->pairs[i].from);
		note_name(&columns, part->pairs[i].to);
	}
	/* All with all: the first one is the first column, too. */
	if (rows.count > 1 && rows.count == columns.count)
		columns = rows;
	if (rows.count > MATRIX_MAX || columns.count > MATRIX_MAX)
		write_losses(part, file);
	else if (part->count)
		write_matrix(part, &rows, &columns, file);
}

static char *write_text(const struct lana_topo_echoes *pairs, size_t count)
{
	char *text = NULL;
	size_t size, first = 0;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	while (first < count && pairs[first].family == 4)
		first++;
	write_part(&(struct part){ pairs, first }, file);
	write_part(&(struct part){ pairs + first, count - first }, file);
	return fclose(file) ? NULL : text;
}

/* ---- the command ----------------------------------------------------------------------------- */

static void show_pair(const struct lana_topo_echoes *pair)
{
	out_open(NULL, OUT_ASSIGN);
	out_string("from", pair->from);
	out_string("to", pair->to);
	out_string("family", pair->family == 4 ? "ipv4" : "ipv6");
	out_number("sent", pair->sent);
	out_number("received", pair->received);
	if (pair->received) {
		out_number("min", pair->least);
		out_number("avg", pair->mean);
		out_number("max", pair->most);
	}
	out_close();
}

/* How many pairs do not answer. */
static size_t show_pairs(const char *network, const struct lana_topo_echoes *pairs, size_t count)
{
	_cleanup_free_ char *text = write_text(pairs, count);
	size_t failed = 0;

	out_open_list("pairs", OUT_LINES);
	for (size_t i = 0; i < count; i++) {
		show_pair(&pairs[i]);
		failed += !pairs[i].received;
	}
	out_close();
	if (text && *text) {
		text[strlen(text) - 1] = 0;
		out_as("%s", text);
	} else {
		out_hide();
	}
	out_number("failed", failed);
	out_as("network %s: %zu of %zu pairs answer", network, count - failed, count);
	out_tone(failed ? OUT_BAD : OUT_GOOD);
	return failed;
}

static enum cli_status run_ping(const struct cli_args *args)
{
	_cleanup_free_ struct lana_topo_echoes *pairs = NULL;
	struct lana_topo_options options = topo_options(args);
	struct lana_topo_ping wish = { .from = cli_word(args, "FROM"),
				       .to = cli_word(args, "TO"),
				       .family = cli_flag(args, "ipv4")	  ? 4
						 : cli_flag(args, "ipv6") ? 6
									  : 0 };
	struct lana_error error = {};
	uint64_t echoes = 0;
	char network[32];
	size_t count;
	int err;

	if (!cli_count(args, "N", COUNT_MAX, &echoes) || !cli_time(args, "TIME", &wish.wait))
		return CLI_USAGE;
	if (!topo_network(args, network))
		return CLI_REFUSED;
	wish.count = echoes;
	err = lana_topo_ping(&options, network, &wish, &pairs, &count, &error);
	if (err)
		return cli_refused(err, &error);
	return show_pairs(network, pairs, count) ? CLI_REFUSED : CLI_DONE;
}

static const char *const examples[] = { "topo ping lab", "topo ping lab a",
					"topo ping lab a b ipv6", "topo ping lab count 20 wait 3s",
					NULL };

const struct cli_command topo_ping_command = {
	.name = "topo ping",
	.args = "NETWORK [FROM] [TO] [ipv4|ipv6] [count N] [wait TIME]",
	.brief = "NETWORK [FROM] [TO] [OPTION ...]",
	.summary = "tell who reaches whom in a network",
	.details =
		"Send echoes (ping) from each node to the first address of each other one, those "
		"of links before 'lo', by IPv4 and by IPv6, and show a matrix: a row for each node "
		"that asks, with the mean round trip in ms and, behind it, the share of echoes "
		"that were lost; X is a pair that does not answer, and a point is none. Networks "
		"of more than 20 nodes have a line for each pair that lost something. FROM and TO "
		"hold it to pairs of these nodes.\n\n"
		"Nodes without an address of a family are not asked by it. There are 3 echoes a "
		"pair, each sent when the one before is back, or after 0.1 s; 'count' is another "
		"number, and 'wait' how long the last answer is waited for, 1s by default. One "
		"more goes ahead and is not counted: where neighbours have to be found first, "
		"that takes longer. 256 pairs are at work at a time. The status is 1 if a pair "
		"does not answer. With -j "
		"times are in ns.",
	.examples = examples,
	.run = run_ping,
};
