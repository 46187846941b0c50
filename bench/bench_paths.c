// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_paths - one TCP connection over one to five paths, with and without a buffer
 *
 *	bench_paths			some cells, two minutes
 *	bench_paths PART ...		the cells of parts of the study; "all": of all, hours
 *	bench_paths page		tables and plots of what was found
 *
 * The study repeats the measurements of a master's thesis on multiple path routing
 * (paths_thesis.c) with today's kernel: docs/multipath-study.md. What it finds goes to paths.tsv in
 * the benchmarks' folder; what stands there is not measured again, so a study that was ended goes
 * on. labs=N: cells that are measured side by side; runs=N: times that each is; seconds=N: so long
 * after the first one no other is begun. When it is told to end (^C), cells that are not whole are
 * left out.
 *
 * A cell is a network (paths_lab.c) that lanactl topo has made, set to the cell's rates, weights
 * and buffer while it runs, and a connection in it for some seconds. One in which the emulated
 * links let go of packets too late is measured again, and stands with what the meter says if that
 * does not help.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "paths.h"
#include "paths_flow.h"
#include "selftests/topology.h"

#define LABS_MAX   16
#define LABS_HEAVY 6 /* that two CPUs carry */
#define TRIES	   3

/* Of a frame of 1498 bytes 1412 are the program's: Ethernet, IP twice, TCP with timestamps. */
#define PAYLOAD (1412 / 1498.0)

struct work {
	struct paths_cell *cells;
	size_t count, next;
	pthread_mutex_t lock;
};

static struct paths_lab *open_labs[LABS_MAX];
static int labs_count = 4, runs = 1, run, patience = 1 << 20; /* seconds */
static double begin;

/* ---- measuring ------------------------------------------------------------------------------- */

static const struct paths_cell *next_cell(struct work *work)
{
	const struct paths_cell *cell = NULL;

	pthread_mutex_lock(&work->lock);
	if (work->next < work->count && !paths_flow_stopped && bench_now() - begin < patience)
		cell = &work->cells[work->next++];
	pthread_mutex_unlock(&work->lock);
	return cell;
}

struct hand {
	struct work *work;
	struct paths_lab *lab;
	pthread_t thread;
};

static void *measure_cells(void *cookie)
{
	struct hand *hand = cookie;
	const struct paths_cell *cell;

	while ((cell = next_cell(hand->work))) {
		double figures[PATHS_FIGURES_COUNT] = {};

		for (int try = 0; try < TRIES && !paths_flow_stopped; try++) {
			paths_lab_measure(hand->lab, cell, figures);
			if (figures[PATHS_unpunctual] <= PATHS_PUNCTUAL)
				break;
		}
		if (paths_flow_stopped)
			break; /* in the midst of it */
		paths_results_add(cell, figures);
		printf("%s %s %s, %d of %g and %g kB/s, 1:%g, %s %d: %.1f kB/s%s\n", cell->part,
		       cell->control, cell->profile, cell->paths, cell->cap, cell->others,
		       cell->weight ?: 1, paths_buffers[cell->buffer], cell->size,
		       figures[PATHS_goodput],
		       figures[PATHS_unpunctual] > PATHS_PUNCTUAL ? ", links were late" : "");
	}
	return NULL;
}

static void end(int number)
{
	paths_flow_stopped = number;
}

/*
 * Also when something went wrong: a network outlives those who made it. Others that still measure
 * find nothing any more.
 */
static void take_down(void)
{
	paths_flow_stopped = 1;
	for (int i = 0; i < LABS_MAX; i++)
		if (open_labs[i])
			paths_lab_down(i);
}

/* With so many labs, which stay open. */
static void measure_all(struct work *work, int count)
{
	struct hand hands[LABS_MAX];

	for (int i = 0; i < count; i++) {
		open_labs[i] = open_labs[i] ?: paths_lab_open(i);
		hands[i] = (struct hand){ .work = work, .lab = open_labs[i] };
	}
	begin = begin ?: bench_now();
	for (int i = 0; i < count; i++)
		bench_must(-pthread_create(&hands[i].thread, NULL, measure_cells, &hands[i]), NULL,
			   "thread");
	for (int i = 0; i < count; i++)
		pthread_join(hands[i].thread, NULL);
}

/* ---- which cells ----------------------------------------------------------------------------- */

struct choice {
	struct work *work;
	bool heavy, few;
};

/* Of the short way: what stands for the rest. */
static bool is_one_of_few(const struct paths_cell *cell)
{
	bool equal = !strcmp(cell->part, "equal");
	bool unequal = !strcmp(cell->part, "free") || !strcmp(cell->part, "capped");

	if (strcmp(cell->control, "reno") || cell->cap != (bench_quick() ? 500 : 100))
		return false;
	if (bench_quick())
		return cell->paths == 2 &&
		       (equal || (!strcmp(cell->part, "free") && cell->weight == 10));
	if (equal)
		return cell->paths == 1 || cell->paths == 2 || cell->paths == 5;
	return unequal && cell->paths == 2 && fmod(cell->weight, 50) == 0;
}

static void choose(const struct paths_cell *cell, void *cookie)
{
	struct choice *choice = cookie;
	struct work *work = choice->work;

	if (paths_heavy(cell) != choice->heavy || (choice->few && !is_one_of_few(cell)) ||
	    paths_results_count(cell) > run)
		return;
	work->cells = reallocarray(work->cells, work->count + 1, sizeof(*cell));
	bench_must(work->cells ? 0 : -ENOMEM, NULL, "cells");
	work->cells[work->count++] = *cell;
}

/* Parts by name; NULL: all. */
static void study(const char *part, bool few)
{
	for (run = 0; run < runs; run++)
		for (int heavy = 0; heavy < 2; heavy++) {
			struct work work = { .lock = PTHREAD_MUTEX_INITIALIZER };
			struct choice choice = { .work = &work, .heavy = heavy, .few = few };
			size_t most = heavy ? LABS_HEAVY : LABS_MAX;

			bench_must(paths_each(part, choose, &choice) ? 0 : -ENOENT, NULL, "part %s",
				   part);
			most = bench_min(bench_min(most, labs_count), work.count);
			measure_all(&work, most);
			free(work.cells);
		}
}

/* ---- the short way --------------------------------------------------------------------------- */

/* Of five paths of the same rate, in order. */
struct worst {
	double sum;   /* what they carry together of what they could */
	double fewer; /* segments out of order without a buffer, by those with one */
};

static double disorder_of(const struct paths_cell *cell)
{
	return paths_result(cell, PATHS_disorder) / paths_result(cell, PATHS_seconds) /
	       paths_result(cell, PATHS_goodput) * 1000;
}

static void judge(const struct paths_cell *cell, struct worst *worst)
{
	double sum = paths_result(cell, PATHS_goodput) / PAYLOAD / paths_sum(cell);
	struct paths_cell off = *cell;

	if (strcmp(cell->part, "equal") || cell->paths < (bench_quick() ? 2 : PATHS_MAX) ||
	    cell->buffer != PATHS_ADAPT)
		return;
	off.buffer = PATHS_OFF;
	worst->sum = bench_min(worst->sum, sum);
	worst->fewer = bench_min(worst->fewer, disorder_of(&off) / disorder_of(cell));
}

static void report_cell(const struct paths_cell *cell, void *cookie)
{
	double goodput = paths_result(cell, PATHS_goodput);

	if (!is_one_of_few(cell))
		return;
	bench_row(cell->part, (double)cell->paths, cell->cap, cell->others, cell->weight ?: 1,
		  paths_buffers[cell->buffer], goodput, goodput / PAYLOAD / paths_sum(cell),
		  goodput / PAYLOAD / paths_bound(cell), disorder_of(cell));
	judge(cell, cookie);
}

static void report(void)
{
	static const struct bench_column columns[] = {
		{ "part", -8, 0 },    { "paths", 5, 0 },    { "cap", 5, 0 },  { "others", 7, 0 },
		{ "weight", 6, 0 },   { "buffer", -6, 0 },  { "kB_s", 8, 1 }, { "of_sum", 6, 2 },
		{ "of_bound", 8, 2 }, { "disorder", 8, 1 },
	};
	struct worst worst = { INFINITY, INFINITY };

	bench_table("cells", "one connection by reno; segments out of order a million bytes",
		    columns, LENGTH(columns));
	paths_each(NULL, report_cell, &worst);
	bench_goal("five paths of one rate, in order: of what they carry", worst.sum, 0.95, true);
	bench_goal("duplicate ACKs of these without order / with it", worst.fewer, 10, true);
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool number(const char *word, const char *key, int most, int *value)
{
	size_t length = strlen(key);

	if (strncmp(word, key, length))
		return false;
	*value = atoi(word + length);
	bench_must(*value < 1 || *value > most ? -EINVAL : 0, NULL, "%s", word);
	return true;
}

static void ignore(const struct paths_cell *cell, void *cookie)
{
	(void)cell;
	(void)cookie;
}

/* "labs=", "runs=" or "seconds=", with a number. */
static bool is_option(const char *word)
{
	return number(word, "labs=", LABS_MAX, &labs_count) || number(word, "runs=", 99, &runs) ||
	       number(word, "seconds=", 1 << 20, &patience);
}

static bool is_part(const char *word)
{
	return !strcmp(word, "all") || !strcmp(word, "page") || paths_each(word, ignore, NULL);
}

int main(int argc, char **argv)
{
	const char *build = getenv("LANA_BUILD") ?: "build";
	char path[500];
	int words = 0;

	bench_begin("paths");
	snprintf(path, sizeof(path), "%s/topo", topology_scratch());
	setenv("LANA_TOPO", path, 1);
	atexit(take_down);
	signal(SIGTERM, end);
	signal(SIGINT, end);
	signal(SIGHUP, end);
	for (int i = 1; i < argc; i++) {
		bool option = is_option(argv[i]);

		words += !option;
		bench_must(option || is_part(argv[i]) ? 0 : -EINVAL, NULL, "%s", argv[i]);
	}
	snprintf(path, sizeof(path), "%s/bench/paths.tsv", build);
	if (words)
		paths_results_open(path);
	else
		study(NULL, true);
	for (int i = 1; i < argc; i++)
		if (!is_option(argv[i]) && strcmp(argv[i], "page"))
			study(strcmp(argv[i], "all") ? argv[i] : NULL, false);
	for (int i = 0; i < LABS_MAX; i++)
		if (open_labs[i])
			paths_lab_close(open_labs[i]);
	memset(open_labs, 0, sizeof(open_labs));
	bench_must(paths_flow_stopped && !words ? -EINTR : 0, NULL, "not all is measured");
	if (words)
		paths_page();
	else
		report();
	return bench_end();
}
