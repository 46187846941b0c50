// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "bench.h"
#include "plot.h"

/* Pixels. */
#define WIDTH  440 /* of a panel */
#define HEIGHT 360
#define LEFT   55
#define RIGHT  20
#define TOP    70
#define BOTTOM 45
#define LEGEND 24

static const char *const colours[PLOT_LINES_MAX] = { "#888888", "#1b7837", "#2166ac",
						     "#b2182b", "#e08214", "#762a83" };
static const char *const dashes[PLOT_LINES_MAX] = { "2,3", "6,3", "none", "none", "6,3", "none" };

/* The least of 1, 2, 5, 10, 20, … that is not less. */
static double round_up(double value)
{
	double power = 1;

	while (10 * power <= value)
		power *= 10;
	while (power > value)
		power /= 10;
	return value <= power	    ? power
	       : value <= 2 * power ? 2 * power
	       : value <= 5 * power ? 5 * power
				    : 10 * power;
}

static double largest(const struct plot_panel *panel)
{
	double most = 0;

	for (size_t line = 0; line < panel->lines_count; line++)
		for (size_t i = 0; i < panel->points; i++)
			if (panel->values[line][i] > most)
				most = panel->values[line][i];
	return most ?: 1;
}

static double x_of(const struct plot_panel *panel, double left, size_t i)
{
	return left + LEFT + (WIDTH - LEFT - RIGHT) * (double)i / (panel->points - 1);
}

static double y_of(const struct plot_panel *panel, double value, double top)
{
	double part = value / top;

	if (panel->least)
		part = log(fmax(value, panel->least) / panel->least) / log(top / panel->least);
	return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part;
}

/* The value of the next line across: 1, 2, 5, 10, 20, … in logarithmic scale. */
static double next_value(const struct plot_panel *panel, double value, double step)
{
	return panel->least ? round_up(value * 1.1) : value + step;
}

static void draw_axes(FILE *file, const struct plot_panel *panel, double left, double top)
{
	double step = round_up(top / 5);

	fprintf(file, "<text x=\"%g\" y=\"52\" text-anchor=\"middle\">%s</text>\n",
		left + (LEFT + WIDTH - RIGHT) / 2.0, panel->title);
	for (double value = panel->least; value <= top * 1.001;
	     value = next_value(panel, value, step))
		fprintf(file,
			"<path d=\"M%g %gH%g\" stroke=\"#dddddd\"/>"
			"<text x=\"%g\" y=\"%g\" text-anchor=\"end\">%g</text>\n",
			left + LEFT, y_of(panel, value, top), left + WIDTH - RIGHT, left + LEFT - 6,
			y_of(panel, value, top) + 4, value);
	for (size_t i = 0; i < panel->points; i++)
		fprintf(file, "<text x=\"%g\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
			x_of(panel, left, i), HEIGHT - BOTTOM + 17, panel->at[i]);
	fprintf(file, "<text x=\"%g\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
		left + (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, panel->x);
	fprintf(file, "<text x=\"%g\" y=\"%d\">%s</text>\n", left + 12, TOP - 8, panel->y);
}

static void draw_line(FILE *file, const struct plot_panel *panel, size_t line, double left,
		      double top)
{
	const double *values = panel->values[line];
	const char *move = "M";

	fprintf(file,
		"<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" d=\"",
		colours[line], dashes[line]);
	for (size_t i = 0; i < panel->points; i++) {
		if (isnan(values[i]))
			continue;
		fprintf(file, "%s%g %g", move, x_of(panel, left, i), y_of(panel, values[i], top));
		move = "L";
	}
	fprintf(file, "\"/>\n");
	for (size_t i = 0; i < panel->points; i++)
		if (!isnan(values[i]))
			fprintf(file, "<circle cx=\"%g\" cy=\"%g\" r=\"3\" fill=\"%s\"/>\n",
				x_of(panel, left, i), y_of(panel, values[i], top), colours[line]);
}

static void draw_name(FILE *file, const struct plot_panel *panel, size_t line, double x, double y)
{
	fprintf(file,
		"<path stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" d=\"M%g %gh24\"/>"
		"<text x=\"%g\" y=\"%g\">%s</text>\n",
		colours[line], dashes[line], x, y, x + 30, y + 4, panel->names[line]);
}

static void draw_panel(FILE *file, const struct plot_panel *panel, double left, bool legend)
{
	double step = round_up(largest(panel) / 5),
	       top = panel->least ? panel->most : (long)(largest(panel) / step + 1) * step;

	draw_axes(file, panel, left, top);
	for (size_t line = 0; line < panel->lines_count; line++)
		draw_line(file, panel, line, left, top);
	for (size_t line = 0; legend && line < panel->lines_count; line++)
		draw_name(file, panel, line, left + LEFT + 12,
			  HEIGHT - BOTTOM - 14 * (double)(panel->lines_count - line));
}

void plot_write(const struct plot *plot, const char *name)
{
	size_t width = WIDTH * plot->panels_count;
	FILE *file = bench_file(name);

	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" height=\"%d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"%zu\" y=\"24\" text-anchor=\"middle\" font-size=\"15\">%s</text>\n",
		width, HEIGHT + (plot->one_legend ? LEGEND : 0), width / 2, plot->title);
	for (size_t i = 0; i < plot->panels_count; i++)
		draw_panel(file, &plot->panels[i], i * WIDTH, !plot->one_legend);
	for (size_t line = 0; plot->one_legend && line < plot->panels->lines_count; line++)
		draw_name(file, plot->panels, line,
			  LEFT + (width - LEFT) * (double)line / plot->panels->lines_count,
			  HEIGHT + LEGEND / 2.0);
	fputs("</svg>\n", file);
	bench_must(fclose(file) ? -errno : 0, NULL, "%s", name);
}
