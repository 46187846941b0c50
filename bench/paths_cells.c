// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <string.h>

#include "bench.h"
#include "paths.h"

const double paths_caps[PATHS_CAPS] = { 20, 50, 100, 150, 200, 250, 500 };

const char *const paths_buffers[PATHS_BUFFERS] = { "off", "adapt", "long", "wait" };

const double paths_weights[PATHS_WEIGHTS_COUNT] = { 0, 5, 10, 15, 20, 25, 50 };
const int paths_sizes[PATHS_SIZES] = { 1, 5, 10, 15, 20, 25, 50 };
const char *const paths_controls[PATHS_CONTROLS] = { "reno", "cubic", "bbr" };

#define SIZE 100 /* packets: of the thesis's buffer */

/* ---- sums and bounds ------------------------------------------------------------------------- */

double paths_rate(const struct paths_cell *cell, int path)
{
	return path ? cell->others : cell->cap;
}

double paths_sum(const struct paths_cell *cell)
{
	return cell->cap + (cell->paths - 1) * cell->others;
}

double paths_share(const struct paths_cell *cell, int path)
{
	double weight = cell->weight ?: cell->paths - 1;

	if (cell->paths == 1)
		return 1;
	if (cell->shares != PATHS_WEIGHTS)
		return paths_rate(cell, path) / paths_sum(cell);
	return path ? weight / (1 + weight) / (cell->paths - 1) : 1 / (1 + weight);
}

double paths_bound(const struct paths_cell *cell)
{
	double bound = INFINITY;

	for (int path = 0; path < cell->paths; path++)
		bound = fmin(bound, paths_rate(cell, path) / paths_share(cell, path));
	return bound;
}

bool paths_heavy(const struct paths_cell *cell)
{
	return paths_sum(cell) >= PATHS_FREE;
}

/* ---- parts ----------------------------------------------------------------------------------- */

struct walk {
	void (*call)(const struct paths_cell *cell, void *cookie);
	void *cookie;
	struct paths_cell cell;
};

/* Is it one of the values that stand for all? */
static bool is_chosen(const struct paths_cell *cell)
{
	return (cell->cap == 20 || cell->cap == 100 || cell->cap == 500) &&
	       (cell->weight == 0 || cell->weight == 10 || cell->weight == 50);
}

static void with_buffers(struct walk *walk)
{
	struct paths_cell *cell = &walk->cell;

	for (int buffer = PATHS_OFF; buffer < PATHS_BUFFERS; buffer++) {
		if (buffer == PATHS_LONG && !is_chosen(cell))
			continue;
		cell->buffer = buffer;
		cell->size = buffer == PATHS_WAIT ? SIZE : 0;
		walk->call(cell, walk->cookie);
	}
}

/* The direct connection, table 4.4. */
static void walk_direct(struct walk *walk)
{
	walk->cell.shares = PATHS_DIRECT;
	walk->cell.paths = 1;
	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		for (int i = 0; i < PATHS_CAPS; i++) {
			walk->cell.control = paths_controls[c];
			walk->cell.cap = walk->cell.others = paths_caps[i];
			walk->call(&walk->cell, walk->cookie);
		}
}

/* Paths of the same rate, tables 4.8 and 4.10. */
static void walk_equal(struct walk *walk)
{
	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		for (int paths = 1; paths <= PATHS_MAX; paths++)
			for (int i = 0; i < PATHS_CAPS; i++) {
				walk->cell.control = paths_controls[c];
				walk->cell.paths = paths;
				walk->cell.cap = walk->cell.others = paths_caps[i];
				with_buffers(walk);
			}
}

/* The first path held to cap, the others as they are; those that stand for all, or the rest. */
static void walk_unequal(struct walk *walk, double others, bool chosen)
{
	for (int paths = 2; paths <= PATHS_MAX; paths += 3)
		for (int i = 0; i < PATHS_CAPS; i++)
			for (size_t w = 0; w < LENGTH(paths_weights); w++) {
				walk->cell.paths = paths;
				walk->cell.cap = paths_caps[i];
				walk->cell.others =
					others == PATHS_FREE ? others / (paths - 1) : others;
				walk->cell.weight = paths_weights[w];
				if (is_chosen(&walk->cell) == chosen)
					with_buffers(walk);
			}
}

static void walk_controls(struct walk *walk, double others)
{
	for (size_t c = 0; c < LENGTH(paths_controls); c++) {
		walk->cell.control = paths_controls[c];
		walk_unequal(walk, others, true);
	}
}

/* Others with what is left of an Ethernet of 100 Mbit/s, tables 4.12 to 4.18. */
static void walk_free(struct walk *walk)
{
	walk_controls(walk, PATHS_FREE);
}

static void walk_free_rest(struct walk *walk)
{
	walk_unequal(walk, PATHS_FREE, false);
}

/* Others with 100 kB/s each, tables 4.20 and 4.22. */
static void walk_capped(struct walk *walk)
{
	walk_controls(walk, 100);
}

static void walk_capped_rest(struct walk *walk)
{
	walk_unequal(walk, 100, false);
}

/* Sizes of the buffer: of one path, table 4.24; and of two and five of which one is slow. */
static void walk_size(struct walk *walk)
{
	walk->cell.buffer = PATHS_WAIT;
	for (int paths = 1; paths <= PATHS_MAX; paths += paths == 1 ? 1 : 3)
		for (int i = 0; i < PATHS_CAPS; i++)
			for (size_t s = 0; s < LENGTH(paths_sizes); s++) {
				if (paths > 1 && paths_caps[i] > 100)
					continue;
				walk->cell.paths = paths;
				walk->cell.cap = paths_caps[i];
				walk->cell.others = paths > 1 ? 500 : paths_caps[i];
				walk->cell.weight = paths > 1 ? 5 : 0;
				walk->cell.size = paths_sizes[s];
				walk->call(&walk->cell, walk->cookie);
			}
}

/* The same paths with shares that follow the rates. */
static void walk_cure(struct walk *walk)
{
	static const enum paths_shares shares[] = { PATHS_WEIGHTS, PATHS_RATES, PATHS_EARLIEST,
						    PATHS_LEARNT };

	for (size_t c = 0; c < LENGTH(paths_controls); c++)
		for (int paths = 2; paths <= PATHS_MAX; paths += 3)
			for (double cap = 50; cap <= 100; cap += 50)
				for (size_t s = 0; s < LENGTH(shares); s++) {
					walk->cell.control = paths_controls[c];
					walk->cell.paths = paths;
					walk->cell.cap = cap;
					walk->cell.others = 500;
					walk->cell.shares = shares[s];
					with_buffers(walk);
				}
}

/* The three chosen caps under the two other profiles, by reno. */
static void walk_profiles(struct walk *walk, double others)
{
	static const char *const profiles[] = { "2005", "threshold" };

	for (size_t p = 0; p < LENGTH(profiles); p++) {
		walk->cell.profile = profiles[p];
		walk_unequal(walk, others, true);
	}
}

static void walk_profiles_equal(struct walk *walk)
{
	static const char *const profiles[] = { "2005", "threshold" };

	for (size_t p = 0; p < LENGTH(profiles); p++)
		for (int paths = 1; paths <= PATHS_MAX; paths++)
			for (int i = 0; i < PATHS_CAPS; i++) {
				walk->cell.profile = profiles[p];
				walk->cell.paths = paths;
				walk->cell.cap = walk->cell.others = paths_caps[i];
				if (is_chosen(&walk->cell))
					with_buffers(walk);
			}
}

/* The same with a round trip of 20 ms. */
static void walk_free_far(struct walk *walk)
{
	walk->cell.profile = "far";
	walk_controls(walk, PATHS_FREE);
}

static void walk_profiles_free(struct walk *walk)
{
	walk_profiles(walk, PATHS_FREE);
}

static void walk_profiles_capped(struct walk *walk)
{
	walk_profiles(walk, 100);
}

/* By what matters most. What is called "-rest" belongs to the part before the stroke. */
static const struct part {
	const char *name, *cells;
	void (*walk)(struct walk *walk);
} parts[] = {
	{ "direct", "direct", walk_direct },
	{ "equal", "equal", walk_equal },
	{ "free", "free", walk_free },
	{ "capped", "capped", walk_capped },
	{ "cure", "cure", walk_cure },
	{ "size", "size", walk_size },
	{ "free-far", "free-far", walk_free_far },
	{ "equal-then", "equal-then", walk_profiles_equal },
	{ "free-then", "free-then", walk_profiles_free },
	{ "capped-then", "capped-then", walk_profiles_capped },
	{ "free-rest", "free", walk_free_rest },
	{ "capped-rest", "capped", walk_capped_rest },
};

bool paths_each(const char *part, void (*call)(const struct paths_cell *cell, void *cookie),
		void *cookie)
{
	bool found = false;

	for (size_t i = 0; i < LENGTH(parts); i++) {
		struct walk walk = { .call = call,
				     .cookie = cookie,
				     .cell = { .part = parts[i].cells,
					       .control = paths_controls[0],
					       .profile = "today",
					       .shares = PATHS_WEIGHTS } };

		if (part && strcmp(part, parts[i].name))
			continue;
		parts[i].walk(&walk);
		found = true;
	}
	return found;
}
