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

static const char *const colours[PLOT_LINES_MAX] = { "#888888", "#1b7837", "#2166ac", "#b2182b" };
static const char *const dashes[PLOT_LINES_MAX] = { "2,3", "6,3", "none", "none" };

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
	return most;
}

static double x_of(const struct plot_panel *panel, double left, size_t i)
{
	return left + LEFT + (WIDTH - LEFT - RIGHT) * (double)i / (panel->points - 1);
}

static double y_of(double value, double top)
{
	return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
}

static void draw_axes(FILE *file, const struct plot_panel *panel, double left, double top)
{
	double step = round_up(top / 5);

	fprintf(file, "<text x=\"%g\" y=\"52\" text-anchor=\"middle\">%s</text>\n",
		left + (LEFT + WIDTH - RIGHT) / 2.0, panel->title);
	for (double value = 0; value <= top * 1.001; value += step)
		fprintf(file,
			"<path d=\"M%g %gH%g\" stroke=\"#dddddd\"/>"
			"<text x=\"%g\" y=\"%g\" text-anchor=\"end\">%g</text>\n",
			left + LEFT, y_of(value, top), left + WIDTH - RIGHT, left + LEFT - 6,
			y_of(value, top) + 4, value);
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
		fprintf(file, "%s%g %g", move, x_of(panel, left, i), y_of(values[i], top));
		move = "L";
	}
	fprintf(file, "\"/>\n");
	for (size_t i = 0; i < panel->points; i++)
		if (!isnan(values[i]))
			fprintf(file, "<circle cx=\"%g\" cy=\"%g\" r=\"3\" fill=\"%s\"/>\n",
				x_of(panel, left, i), y_of(values[i], top), colours[line]);
}

static void draw_panel(FILE *file, const struct plot_panel *panel, double left)
{
	double step = round_up(largest(panel) / 5), top = (long)(largest(panel) / step + 1) * step;

	draw_axes(file, panel, left, top);
	for (size_t line = 0; line < panel->lines_count; line++)
		draw_line(file, panel, line, left, top);
	for (size_t line = 0; line < panel->lines_count; line++)
		fprintf(file,
			"<path stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" d=\"M%g "
			"%dh24\"/>"
			"<text x=\"%g\" y=\"%d\">%s</text>\n",
			colours[line], dashes[line], left + LEFT + 12,
			HEIGHT - BOTTOM - 14 * (int)(panel->lines_count - line), left + LEFT + 42,
			HEIGHT - BOTTOM - 14 * (int)(panel->lines_count - line) + 4,
			panel->names[line]);
}

void plot_write(const struct plot *plot, const char *name)
{
	FILE *file = bench_file(name);

	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" height=\"%d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"%zu\" y=\"24\" text-anchor=\"middle\" font-size=\"15\">%s</text>\n",
		WIDTH * plot->panels_count, HEIGHT, WIDTH * plot->panels_count / 2, plot->title);
	for (size_t i = 0; i < plot->panels_count; i++)
		draw_panel(file, &plot->panels[i], i * WIDTH);
	fputs("</svg>\n", file);
	bench_must(fclose(file) ? -errno : 0, NULL, "%s", name);
}
