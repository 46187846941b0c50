/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plot.h - lines over a few points, side by side, as SVG
 */
#ifndef PLOT_H
#define PLOT_H

#include <stdbool.h>
#include <stddef.h>

#define PLOT_POINTS_MAX 8
#define PLOT_LINES_MAX	6
#define PLOT_PANELS_MAX 3

struct plot_panel {
	const char *title, *x, *y;
	size_t points, lines_count;
	double least,
		most; /* values are in logarithmic scale, between these; 0: linear, from 0 on */
	double at[PLOT_POINTS_MAX]; /* evenly spaced, whatever they are */
	const char *names[PLOT_LINES_MAX];
	double values[PLOT_LINES_MAX][PLOT_POINTS_MAX]; /* NaN: none */
};

struct plot {
	const char *title;
	bool one_legend; /* below, as all panels have the same lines */
	size_t panels_count;
	struct plot_panel panels[PLOT_PANELS_MAX];
};

/* Write it into the benchmarks' folder, beside their JSON. */
void plot_write(const struct plot *plot, const char *name);

#endif
