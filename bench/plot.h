/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plot.h - lines over a few points, side by side, as SVG
 */
#ifndef PLOT_H
#define PLOT_H

#include <stddef.h>

#define PLOT_POINTS_MAX 8
#define PLOT_LINES_MAX	4
#define PLOT_PANELS_MAX 2

struct plot_panel {
	const char *title, *x, *y;
	size_t points, lines_count;
	double at[PLOT_POINTS_MAX]; /* evenly spaced, whatever they are */
	const char *names[PLOT_LINES_MAX];
	double values[PLOT_LINES_MAX][PLOT_POINTS_MAX]; /* NaN: none */
};

struct plot {
	const char *title;
	size_t panels_count;
	struct plot_panel panels[PLOT_PANELS_MAX];
};

/* Write it into the benchmarks' folder, beside their JSON. */
void plot_write(const struct plot *plot, const char *name);

#endif
