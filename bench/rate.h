/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rate.h - packets a second of a generator, as much as the machine can when it does nothing else
 */
#ifndef RATE_H
#define RATE_H

#include <stddef.h>

#include "selftests/traffic.h"

#define RATE_RUNS_MAX 64 /* that a result takes into account */

struct rate {
	double rates[RATE_RUNS_MAX * 16]; /* frames a second, by window */
	size_t count;
	double lost, duplicated, reordered;
};

/* Send as the options say, on the CPU that benchmarks keep for it. Ends the process if it fails. */
struct traffic *rate_open(struct traffic_options options);

/* Send for a moment, and add what was seen. */
void rate_run(struct traffic *traffic, struct rate *rate);

/* Frames a second, of one window of so many milliseconds. */
double rate_window(struct traffic *traffic, unsigned int ms);

/* Frames a second: of windows shorter than a time slice, the best twentieth. Sorts. */
double rate_of(struct rate *rate);

#endif
