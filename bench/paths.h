/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * paths.h - the study of one connection over several paths: its cells, and what was found in them
 *
 * A cell is one setting under which a TCP connection is measured. Results are lines of a file of
 * tab-separated values, by which a study that was ended goes on, and of which tables and plots are
 * made (docs/multipath-study.md).
 */
#ifndef PATHS_H
#define PATHS_H

#include <stdbool.h>
#include <stdio.h>

#define PATHS_MAX  5
#define PATHS_FREE 12500.0 /* kB/s: Ethernet of 100 Mbit/s */

/* What stands in front of the receiver. */
enum paths_buffer {
	PATHS_OFF,   /* packets pass as they come */
	PATHS_ADAPT, /* reorder as it is */
	PATHS_LONG,  /* the same, which may hold as long as the longest queue of a path */
	PATHS_WAIT,  /* one that waits, whatever it takes, until it is full */
	PATHS_BUFFERS
};

extern const char *const paths_buffers[PATHS_BUFFERS];

/* By what packets are shared among paths. */
enum paths_shares {
	PATHS_DIRECT,	/* one path, without a tunnel and without a stack's doing */
	PATHS_WEIGHTS,	/* 1:w */
	PATHS_RATES,	/* weights that are the rates */
	PATHS_EARLIEST, /* fanout mode=earliest, with the rates */
	PATHS_LEARNT,	/* lanactl paths ... adapt, from equal weights on */
};

struct paths_cell {
	const char *part, *control, *profile;
	enum paths_shares shares;
	int paths;
	double cap, others; /* kB/s: of the first path, and of each of the others */
	double weight;	    /* of all others together, if the first has 1; 0: each has 1 */
	enum paths_buffer buffer;
	int size; /* packets that PATHS_WAIT may hold */
};

/* Of the seconds measured. */
#define PATHS_FIGURES(X)                                                                \
	X(seconds, "measured")                                                          \
	X(goodput, "kB/s that the receiving program had")                               \
	X(sent_again, "segments sent again")                                            \
	X(disorder, "segments out of order, each answered by a duplicate ACK")          \
	X(needless, "segments that the receiver had already (DSACK)")                   \
	X(held, "packets that waited in reorder")                                       \
	X(filled, "times that the missing one came")                                    \
	X(lost, "times that it was known to be lost")                                   \
	X(timeouts, "times that it did not come in time")                               \
	X(full, "times that there was no room to wait")                                 \
	X(late, "packets that came when others behind them had left")                   \
	X(dropped, "packets that found the queue of a path full")                       \
	X(first, "share of packets that went by the first path")                        \
	X(rtt, "ms, as the sender knows it at the end")                                 \
	X(unpunctual, "share of packets that links let go late: a packet's time, or a " \
		      "millisecond")

enum paths_figure {
#define X(name, text) PATHS_##name,
	PATHS_FIGURES(X)
#undef X
		PATHS_FIGURES_COUNT
};

/* kB/s that the paths of a cell carry, as frames. */
double paths_sum(const struct paths_cell *cell);

/* The rate of a path, kB/s, from 0 on. */
double paths_rate(const struct paths_cell *cell, int path);

/* The share of a path, from 0 on. */
double paths_share(const struct paths_cell *cell, int path);

/*
 * The most, kB/s, if each path gets exactly its share of the packets: when the first of them is
 * full, for its share.
 */
double paths_bound(const struct paths_cell *cell);

/* ---- which cells there are (paths_cells.c) --------------------------------------------------- */

/* Some of them have paths of 100 Mbit/s: they take a CPU's time. */
bool paths_heavy(const struct paths_cell *cell);

/* Calls on each cell of a part, or of all (NULL). False: there is no such part. */
bool paths_each(const char *part, void (*call)(const struct paths_cell *cell, void *cookie),
		void *cookie);

/* ---- what was found (paths_results.c) -------------------------------------------------------- */

/*
 * Reads what the file has, if it is there, and adds to it from then on. Without it all is forgotten
 * at the end.
 */
void paths_results_open(const char *path);

/* Results count if the links were punctual; others stand for a cell as long as there are none. */
#define PATHS_PUNCTUAL 0.1 /* share of packets that may be late */

/* How often a cell has been measured, with punctual links. */
int paths_results_count(const struct paths_cell *cell);

void paths_results_add(const struct paths_cell *cell, const double figures[PATHS_FIGURES_COUNT]);

/* The median of what was found, of an odd number of runs; NaN: nothing. */
double paths_result(const struct paths_cell *cell, enum paths_figure figure);

/* ---- a network and a connection in it (paths_lab.c) ------------------------------------------ */

struct paths_lab;

/* The process ends if that fails. Labs with other numbers have nothing in common. */
struct paths_lab *paths_lab_open(int number);
void paths_lab_close(struct paths_lab *lab);

/* Take its network away, whatever has become of the lab. */
void paths_lab_down(int number);

/* Measure a cell. Each lab may be in use by a thread of its own. */
void paths_lab_measure(struct paths_lab *lab, const struct paths_cell *cell,
		       double figures[PATHS_FIGURES_COUNT]);

/* ---- what the thesis has (paths_thesis.c) ---------------------------------------------------- */

#define PATHS_CAPS	    7
#define PATHS_WEIGHTS_COUNT 7
#define PATHS_SIZES	    7
#define PATHS_CONTROLS	    3

extern const double paths_caps[PATHS_CAPS];
extern const double paths_weights[PATHS_WEIGHTS_COUNT]; /* 0: equal ones */
extern const int paths_sizes[PATHS_SIZES];
extern const char *const paths_controls[PATHS_CONTROLS];

/* kB/s in the thesis's table for such a cell; NaN: it has none. */
double paths_thesis(const struct paths_cell *cell);

/* ---- tables and plots (paths_page.c) --------------------------------------------------------- */

/* Of the results that are open, into the benchmarks' folder. */
void paths_page(void);

#endif
