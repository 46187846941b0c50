// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "paths.h"
#include "paths_page.h"
#include "plot.h"

/* Who found it, and with which buffer: the lines of most plots. */
static const struct line {
	const char *name;
	bool thesis;
	enum paths_buffer buffer;
} lines[] = {
	{ "thesis, no buffer", true, PATHS_OFF }, { "thesis, buffer", true, PATHS_WAIT },
	{ "no buffer", false, PATHS_OFF },	  { "reorder", false, PATHS_ADAPT },
	{ "waits for all", false, PATHS_WAIT },
};

static double goodput(const struct line *line, struct paths_cell cell)
{
	cell.buffer = line->buffer;
	cell.size = line->buffer == PATHS_WAIT ? PAGE_SIZE_OF_WAIT : 0;
	return line->thesis ? paths_thesis(&cell) : paths_result(&cell, PATHS_goodput);
}

/* ---- equal paths ----------------------------------------------------------------------------- */

/* The median over all caps. */
static double equal_median(const struct line *line, struct paths_cell cell)
{
	double values[PATHS_CAPS];
	size_t count = 0;

	for (int i = 0; i < PATHS_CAPS; i++) {
		double value;

		cell.cap = cell.others = paths_caps[i];
		value = goodput(line, cell) / paths_sum(&cell);
		if (!isnan(value))
			values[count++] = value;
	}
	return bench_quantile(values, count, 0.5);
}

static void draw_equal(void)
{
	struct plot plot = {
		.title = "Paths of the same rate: goodput / sum of their rates, median over "
			 "20 to 500 kB/s",
		.one_legend = true,
		.panels_count = LENGTH(paths_controls)
	};

	for (size_t c = 0; c < LENGTH(paths_controls); c++) {
		struct plot_panel *panel = &plot.panels[c];

		*panel = (struct plot_panel){ .title = paths_controls[c],
					      .x = "paths",
					      .y = "of the sum",
					      .points = PATHS_MAX,
					      .lines_count = LENGTH(lines) };
		for (size_t l = 0; l < LENGTH(lines); l++)
			panel->names[l] = lines[l].name;
		for (int paths = 1; paths <= PATHS_MAX; paths++) {
			struct paths_cell cell = page_cell("equal");

			cell.control = paths_controls[c];
			cell.paths = paths;
			panel->at[paths - 1] = paths;
			for (size_t l = 0; l < LENGTH(lines); l++)
				panel->values[l][paths - 1] = equal_median(&lines[l], cell);
		}
	}
	plot_write(&plot, "paths-equal.svg");
}

/* ---- one slow path --------------------------------------------------------------------------- */

/* Goodput by weight, as a part of the first path's rate or of the sum; last is the bound. */
static void fill_weights(struct plot_panel *panel, struct paths_cell cell, bool of_sum)
{
	size_t bound = LENGTH(lines);
	double measure;

	panel->x = "w, of weights 1:w";
	panel->y = of_sum ? "of the sum" : "× the first";
	panel->points = LENGTH(paths_weights);
	panel->lines_count = bound + 1;
	panel->names[bound] = "bound: all shares exact";
	for (size_t l = 0; l < LENGTH(lines); l++)
		panel->names[l] = lines[l].name;
	for (size_t w = 0; w < LENGTH(paths_weights); w++) {
		cell.weight = paths_weights[w];
		panel->at[w] = paths_weights[w] ?: 1;
		measure = of_sum ? paths_sum(&cell) : cell.cap;
		panel->values[bound][w] = paths_bound(&cell) / measure;
		for (size_t l = 0; l < LENGTH(lines); l++)
			panel->values[l][w] = goodput(&lines[l], cell) / measure;
	}
}

static void draw_unequal(const char *part, int paths, const char *title, const char *name)
{
	static const double caps[] = { 20, 100, 500 };
	static char titles[LENGTH(caps)][60];
	bool is_free = !strcmp(part, "free");
	struct plot plot = { .title = title, .one_legend = true, .panels_count = LENGTH(caps) };

	for (size_t i = 0; i < LENGTH(caps); i++) {
		struct paths_cell cell = page_unequal(part, paths, caps[i]);
		struct plot_panel *panel = &plot.panels[i];

		fill_weights(panel, cell, !is_free);
		snprintf(titles[i], sizeof(titles[i]), "first path %g kB/s", caps[i]);
		panel->title = titles[i];
		panel->least = is_free ? 1 : 0;
		panel->most = 1000;
	}
	plot_write(&plot, name);
}

/* Two paths, the first of 100 kB/s, by what TCP does about disorder, and by the round trip. */
static void draw_profiles(void)
{
	static const struct {
		const char *part, *profile, *title;
	} panels[] = { { "free", "today", "today's kernel, round trip below 1 ms" },
		       { "free-then", "2005", "no RACK, windows of 64 KB, long queues" },
		       { "free-far", "far", "today's kernel, round trip 20 ms" } };
	struct plot plot = { .title = "Two paths of 100 kB/s and 100 Mbit/s, reno",
			     .one_legend = true,
			     .panels_count = LENGTH(panels) };

	for (size_t i = 0; i < LENGTH(panels); i++) {
		struct paths_cell cell = page_unequal(panels[i].part, 2, 100);

		cell.profile = panels[i].profile;
		fill_weights(&plot.panels[i], cell, false);
		plot.panels[i].title = panels[i].title;
		plot.panels[i].least = 1;
		plot.panels[i].most = 200;
	}
	plot_write(&plot, "paths-profiles.svg");
}

/* ---- what the buffer gives ------------------------------------------------------------------- */

/* With a buffer by without one, the median over all caps. */
static double gain(const struct line *with, const struct line *without, const char *part, int paths,
		   double weight)
{
	double values[PATHS_CAPS];
	size_t count = 0;

	for (int i = 0; i < PATHS_CAPS; i++) {
		struct paths_cell cell = page_unequal(part, paths, paths_caps[i]);
		double value;

		cell.weight = weight;
		value = goodput(with, cell) / goodput(without, cell);
		if (!isnan(value))
			values[count++] = value;
	}
	return bench_quantile(values, count, 0.5);
}

static void draw_gain(void)
{
	static const struct {
		const char *part, *title;
		int paths;
	} panels[] = { { "free", "two paths, the other 100 Mbit/s", 2 },
		       { "free", "five paths, others 100 Mbit/s", 5 },
		       { "capped", "five paths, others 100 kB/s each", 5 } };
	struct plot plot = {
		.title = "Goodput with a buffer / without one, median over 20 to 500 kB/s",
		.one_legend = true,
		.panels_count = LENGTH(panels)
	};

	for (size_t i = 0; i < LENGTH(panels); i++) {
		struct plot_panel *panel = &plot.panels[i];

		*panel = (struct plot_panel){ .title = panels[i].title,
					      .x = "w, of weights 1:w",
					      .y = "with / without",
					      .points = LENGTH(paths_weights),
					      .names = { "thesis", "reorder", "waits for all" },
					      .lines_count = 3 };
		for (size_t w = 0; w < LENGTH(paths_weights); w++) {
			const char *part = panels[i].part;
			int paths = panels[i].paths;

			panel->at[w] = paths_weights[w] ?: 1;
			panel->values[0][w] =
				gain(&lines[1], &lines[0], part, paths, paths_weights[w]);
			panel->values[1][w] =
				gain(&lines[3], &lines[2], part, paths, paths_weights[w]);
			panel->values[2][w] =
				gain(&lines[4], &lines[2], part, paths, paths_weights[w]);
		}
	}
	plot_write(&plot, "paths-gain.svg");
}

/* ---- sizes of the buffer --------------------------------------------------------------------- */

static void draw_sizes(void)
{
	static const double caps[] = { 20, 50, 100 };
	static char names[3][40];
	struct plot plot = {
		.title = "By size of a buffer that waits for all; goodput / the first path's rate",
		.one_legend = true,
		.panels_count = 3
	};

	for (int i = 0; i < 3; i++) {
		static const char *const titles[] = { "one path",
						      "two paths, the other 500 kB/s, 1:5",
						      "five paths, others 500 kB/s each, 1:5" };
		struct plot_panel *panel = &plot.panels[i];

		*panel = (struct plot_panel){ .title = titles[i],
					      .x = "packets",
					      .y = "× the first",
					      .points = LENGTH(paths_sizes),
					      .lines_count = 6 };
		for (size_t c = 0; c < LENGTH(caps); c++) {
			panel->names[2 * c] = names[c];
			panel->names[2 * c + 1] = c == 0   ? "thesis, 20 kB/s"
						  : c == 1 ? "thesis, 50"
							   : "thesis, 100";
			snprintf(names[c], sizeof(names[c]), "%g kB/s", caps[c]);
			for (size_t s = 0; s < LENGTH(paths_sizes); s++) {
				struct paths_cell cell =
					page_sized(i ? 3 * i - 1 : 1, caps[c], paths_sizes[s]);

				panel->at[s] = paths_sizes[s];
				panel->values[2 * c][s] =
					paths_result(&cell, PATHS_goodput) / cell.cap;
				panel->values[2 * c + 1][s] = paths_thesis(&cell) / cell.cap;
			}
		}
	}
	plot_write(&plot, "paths-size.svg");
}

void page_draw(void)
{
	draw_equal();
	draw_unequal("free", 2, "Two paths, the other of 100 Mbit/s, reno", "paths-free-2.svg");
	draw_unequal("free", 5, "Five paths, the others of 100 Mbit/s together, reno",
		     "paths-free-5.svg");
	draw_unequal("capped", 2, "Two paths, the other of 100 kB/s, reno", "paths-capped-2.svg");
	draw_unequal("capped", 5, "Five paths, the others of 100 kB/s each, reno",
		     "paths-capped-5.svg");
	draw_profiles();
	draw_gain();
	draw_sizes();
}
