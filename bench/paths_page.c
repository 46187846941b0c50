// SPDX-License-Identifier: GPL-2.0-only
/*
 * paths_page - tables of the study, as ratios: ours, and in parentheses the thesis's
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "paths_page.h"

static const char *const buffers[] = { "no buffer", "reorder", "reorder, hold=1s",
				       "a buffer that waits for all" };

static FILE *page;

struct paths_cell page_cell(const char *part)
{
	return (struct paths_cell){ .part = part,
				    .control = "reno",
				    .profile = "today",
				    .shares = PATHS_WEIGHTS,
				    .paths = 1 };
}

struct paths_cell page_unequal(const char *part, int paths, double cap)
{
	struct paths_cell cell = page_cell(part);

	cell.paths = paths;
	cell.cap = cap;
	cell.others = strncmp(part, "free", 4) ? 100 : PATHS_FREE / (paths - 1);
	return cell;
}

struct paths_cell page_sized(int paths, double cap, int size)
{
	struct paths_cell cell = page_unequal("size", paths, cap);

	cell.others = paths > 1 ? 500 : cap;
	cell.weight = paths > 1 ? 5 : 0;
	cell.buffer = PATHS_WAIT;
	cell.size = size;
	return cell;
}

static void set_buffer(struct paths_cell *cell, enum paths_buffer buffer)
{
	cell->buffer = buffer;
	cell->size = buffer == PATHS_WAIT ? PAGE_SIZE_OF_WAIT : 0;
}

/* ---- a table --------------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(page, format, args);
	va_end(args);
}

/* A table that is begun by its first row. */
static struct {
	char title[120];
	const char *first; /* the head of the first column; NULL: it is begun */
} table;

__attribute__((format(printf, 2, 3))) static void begin(const char *first, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(table.title, sizeof(table.title), format, args);
	va_end(args);
	table.first = first;
}

static void say_head(void)
{
	if (!table.first)
		return;
	say("\n%s\n\n| %s |", table.title, table.first);
	for (int i = 0; i < PATHS_CAPS; i++)
		say(" %g |", paths_caps[i]);
	say("\n|---|");
	for (int i = 0; i < PATHS_CAPS; i++)
		say("---|");
	say("\n");
	table.first = NULL;
}

static void say_number(double number, int decimals)
{
	if (isnan(number))
		say(" –");
	else
		say(" %.*f", decimals, number);
}

static void say_ratios(double ours, bool late, double thesis)
{
	say_number(ours, 2);
	if (!isnan(ours) && late)
		say("\\*");
	if (!isnan(thesis))
		say(" (%.2f)", thesis);
	say(" |");
}

/* The thesis has one buffer, which waits. */
static double thesis_of(const struct paths_cell *cell)
{
	if (cell->buffer == PATHS_ADAPT || cell->buffer == PATHS_LONG)
		return NAN;
	return paths_thesis(cell);
}

static struct paths_cell without_buffer(const struct paths_cell *cell)
{
	struct paths_cell off = *cell;

	set_buffer(&off, PATHS_OFF);
	return off;
}

/*
 * A row: of cells, a cap each, goodput by what it is measured by; NULL: by what there is without a
 * buffer. None if none was looked at.
 */
static void say_row(const char *label, const struct paths_cell cells[PATHS_CAPS],
		    double (*measure)(const struct paths_cell *cell))
{
	bool found = false;

	for (int i = 0; i < PATHS_CAPS; i++)
		found |= !isnan(paths_result(&cells[i], PATHS_goodput));
	if (!found)
		return;
	say_head();
	say("| %s |", label);
	for (int i = 0; i < PATHS_CAPS; i++) {
		struct paths_cell off = without_buffer(&cells[i]);
		double ours = measure ? measure(&cells[i]) : paths_result(&off, PATHS_goodput),
		       thesis = measure ? ours : thesis_of(&off);
		bool late =
			!paths_results_count(&cells[i]) || (!measure && !paths_results_count(&off));

		say_ratios(paths_result(&cells[i], PATHS_goodput) / ours, late,
			   thesis_of(&cells[i]) / thesis);
	}
	say("\n");
}

static double cap_of(const struct paths_cell *cell)
{
	return cell->cap;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void direct_table(void)
{
	begin("", "By control");
	for (size_t c = 0; c < LENGTH(paths_controls); c++) {
		struct paths_cell cells[PATHS_CAPS];

		for (int i = 0; i < PATHS_CAPS; i++) {
			cells[i] = page_cell("direct");
			cells[i].control = paths_controls[c];
			cells[i].shares = PATHS_DIRECT;
			cells[i].cap = cells[i].others = paths_caps[i];
		}
		say_row(paths_controls[c], cells, cap_of);
	}
}

static void equal_tables(const char *part, const char *control, const char *profile)
{
	for (int buffer = PATHS_OFF; buffer < PATHS_BUFFERS; buffer++) {
		begin("paths", "%s, %s", control, buffers[buffer]);
		for (int paths = 1; paths <= PATHS_MAX; paths++) {
			struct paths_cell cells[PATHS_CAPS];
			char label[24];

			snprintf(label, sizeof(label), "%d", paths);
			for (int i = 0; i < PATHS_CAPS; i++) {
				cells[i] = page_cell(part);
				cells[i].control = control;
				cells[i].profile = profile;
				cells[i].paths = paths;
				cells[i].cap = cells[i].others = paths_caps[i];
				set_buffer(&cells[i], buffer);
			}
			say_row(label, cells, paths_sum);
		}
	}
}

/* By weights, of one buffer. */
static void weight_rows(const struct paths_cell *cell,
			double (*measure)(const struct paths_cell *cell))
{
	for (size_t w = 0; w < LENGTH(paths_weights); w++) {
		struct paths_cell cells[PATHS_CAPS];
		char label[24];

		snprintf(label, sizeof(label), "1:%g", paths_weights[w] ?: 1);
		for (int i = 0; i < PATHS_CAPS; i++) {
			cells[i] = *cell;
			cells[i].cap = paths_caps[i];
			cells[i].weight = paths_weights[w];
		}
		say_row(label, cells, measure);
	}
}

static void unequal_tables(const char *part, const char *control, const char *profile)
{
	for (int paths = 2; paths <= PATHS_MAX; paths += 3)
		for (int buffer = PATHS_OFF; buffer < PATHS_BUFFERS; buffer++) {
			struct paths_cell cell = page_unequal(part, paths, 0);

			cell.control = control;
			cell.profile = profile;
			set_buffer(&cell, buffer);
			begin("weights", "%d paths, %s, %s", paths, control, buffers[buffer]);
			weight_rows(&cell, paths_bound);
		}
}

/* What the buffer gives. */
static void gain_tables(const char *part)
{
	say("\n### With a buffer / without\n");
	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		for (int paths = 2; paths <= PATHS_MAX; paths += 3)
			for (int buffer = PATHS_ADAPT; buffer < PATHS_BUFFERS; buffer++) {
				struct paths_cell cell = page_unequal(part, paths, 0);

				cell.control = paths_controls[c];
				set_buffer(&cell, buffer);
				begin("weights", "%d paths, %s, %s", paths, paths_controls[c],
				      buffers[buffer]);
				weight_rows(&cell, NULL);
			}
}

static void size_tables(void)
{
	for (int paths = 1; paths <= PATHS_MAX; paths += paths == 1 ? 1 : 3) {
		begin("packets", "%d path%s", paths,
		      paths > 1 ? "s, the others of 500 kB/s each, weights 1:5" : "");
		for (size_t s = 0; s < LENGTH(paths_sizes); s++) {
			struct paths_cell cells[PATHS_CAPS];
			char label[24];

			snprintf(label, sizeof(label), "%d", paths_sizes[s]);
			for (int i = 0; i < PATHS_CAPS; i++)
				cells[i] = page_sized(paths, paths_caps[i], paths_sizes[s]);
			say_row(label, cells, cap_of);
		}
	}
}

static const struct {
	enum paths_shares shares;
	const char *name;
} ways[] = { { PATHS_WEIGHTS, "1:1" },
	     { PATHS_RATES, "weights that are the rates" },
	     { PATHS_EARLIEST, "earliest arrival" },
	     { PATHS_LEARNT, "learnt (paths adapt)" } };

static void cure_row(struct paths_cell cell, const char *way)
{
	say("| %d | %s | %s |", cell.paths, way, buffers[cell.buffer]);
	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		for (double cap = 50; cap <= 100; cap += 50) {
			cell.cap = cap;
			cell.control = paths_controls[c];
			say_ratios(paths_result(&cell, PATHS_goodput) / paths_sum(&cell),
				   !paths_results_count(&cell), NAN);
		}
	say("\n");
}

static void cure_table(void)
{
	say("\n| paths | shares | |");
	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		say(" %s, 50 | 100 |", paths_controls[c]);
	say("\n|---|---|---|---|---|---|---|---|---|\n");
	for (int paths = 2; paths <= PATHS_MAX; paths += 3)
		for (size_t i = 0; i < LENGTH(ways); i++)
			for (int buffer = PATHS_OFF; buffer < PATHS_BUFFERS; buffer++) {
				struct paths_cell cell = page_unequal("cure", paths, 0);

				cell.others = 500;
				cell.shares = ways[i].shares;
				set_buffer(&cell, buffer);
				cure_row(cell, ways[i].name);
			}
}

/* Duplicate ACKs and what is sent again, a million bytes, of five paths. */
static void order_row(struct paths_cell cell, const char *what)
{
	static const enum paths_figure figures[] = { PATHS_disorder, PATHS_sent_again,
						     PATHS_needless };

	say("| %s |", what);
	for (size_t f = 0; f < LENGTH(figures); f++)
		for (int buffer = PATHS_OFF; buffer < PATHS_BUFFERS; buffer++) {
			set_buffer(&cell, buffer);
			say_number(paths_result(&cell, figures[f]) * 1000 /
					   paths_result(&cell, PATHS_goodput) /
					   paths_result(&cell, PATHS_seconds),
				   0);
			say(" |");
		}
	say("\n");
}

static void order_table(void)
{
	say("\n| five paths, reno | segments out of order: off | adapt | long | wait | sent again: "
	    "off "
	    "| adapt | long | wait | needless: off | adapt | long | wait |\n|---|");
	for (int i = 0; i < 3 * PATHS_BUFFERS; i++)
		say("---|");
	say("\n");
	for (int i = 0; i < PATHS_CAPS; i++) {
		struct paths_cell cell = page_cell("equal");
		char what[60];

		if (paths_caps[i] != 20 && paths_caps[i] != 100 && paths_caps[i] != 500)
			continue;
		cell.paths = PATHS_MAX;
		cell.cap = cell.others = paths_caps[i];
		snprintf(what, sizeof(what), "%g kB/s each", paths_caps[i]);
		order_row(cell, what);
	}
	for (int i = 0; i < 4; i++) {
		struct paths_cell cell = page_unequal(i < 2 ? "free" : "capped", PATHS_MAX, 100);
		char what[60];

		cell.weight = i % 2 ? 50 : 10;
		snprintf(what, sizeof(what), "100 kB/s, others %s, 1:%g",
			 i < 2 ? "100 Mbit/s" : "100 kB/s", cell.weight);
		order_row(cell, what);
	}
}

static void profile_tables(const char *profile)
{
	say("\n## Profile %s\n\n### Equal paths: goodput / sum\n", profile);
	equal_tables("equal-then", "reno", profile);
	say("\n### Others of 100 Mbit/s: goodput / bound\n");
	unequal_tables("free-then", "reno", profile);
	say("\n### Others of 100 kB/s: goodput / bound\n");
	unequal_tables("capped-then", "reno", profile);
}

void paths_page(void)
{
	page = bench_file("paths.md");
	say("# Tables of the study of several paths\n\n"
	    "`bench_paths page` makes them; [the study](../multipath-study.md) says what they "
	    "mean. "
	    "Ratios; in parentheses the thesis's. Columns are caps of the first path, in kB/s. "
	    "A star: more than a tenth of the packets left the emulated links late, by "
	    "more than a packet's time or a millisecond.\n");
	say("\n## The direct connection (table 4.4): goodput / cap\n");
	direct_table();
	say("\n## Equal paths (tables 4.8 and 4.10): goodput / sum of caps\n");
	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		equal_tables("equal", paths_controls[c], "today");
	say("\n## Others of 100 Mbit/s (tables 4.12 to 4.18): goodput / bound\n");
	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		unequal_tables("free", paths_controls[c], "today");
	gain_tables("free");
	say("\n## Others of 100 kB/s (tables 4.20 and 4.22): goodput / bound\n");
	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		unequal_tables("capped", paths_controls[c], "today");
	gain_tables("capped");
	say("\n## Size of the buffer (table 4.24): goodput / cap of the first path\n");
	size_tables();
	say("\n## Shares that follow the rates: goodput / sum\n\n"
	    "The first path has 50 or 100 kB/s, each of the others 500.\n");
	cure_table();
	say("\n## Segments, a million bytes\n");
	order_table();
	say("\n## Others of 100 Mbit/s, a round trip of 20 ms: goodput / bound\n");
	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		unequal_tables("free-far", paths_controls[c], "far");
	profile_tables("threshold");
	profile_tables("2005");
	bench_must(fclose(page) ? -errno : 0, NULL, "paths.md");
	page_draw();
}
