// SPDX-License-Identifier: GPL-2.0-only
/*
 * paths_weigh - find the shares in which all paths are full at the same time
 *
 * TCP sends more until some queue overflows. With shares that are not those of the rates that is
 * the queue of one path while others run empty. How long packets wait shows in the time that probes
 * take beyond the least: what waits longer than the mean gets less, the others more, until all wait
 * alike; then the shares are those of the rates. It needs neither rates nor the far end, and it
 * does nothing while nothing waits.
 */
#include "paths.h"

#define CALM	2e6   /* ns: a mean wait that says nothing */
#define WIDE	5e6   /* ns: by so much more than the mean, and the change is as great as it gets */
#define STEP	0.4   /* of the weight, at most */
#define LEAST	0.004 /* of all: or a path would never be heard of again */
#define NOTABLE 0.05  /* of a weight: less is not worth a change of the stack */

static bool weighed(const struct path *path)
{
	return path->used && path->up && path->rtt;
}

/* An answer that is missing was in a queue that was full. */
static double wait_of(const struct path *path)
{
	double lost = path->asked ? 1 - (double)path->got / path->asked : 0;

	return (path->rtt - path->least) * (1 + 2 * (lost > 0 ? lost : 0));
}

static double sum_of(const struct paths *paths)
{
	double sum = 0;

	for (uint32_t port = 0; port < PATHS_MAX; port++)
		sum += paths->path[port].used ? paths->path[port].weight : 0;
	return sum;
}

bool paths_weigh(struct paths *paths, bool rates)
{
	double all = sum_of(paths), mean = 0, share = 0, change;
	bool changed = false;

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		const struct path *path = &paths->path[port];

		if (weighed(path)) {
			mean += wait_of(path) * path->weight;
			share += path->weight;
		}
	}
	mean = share ? mean / share : 0;
	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		struct path *path = &paths->path[port];
		double off = mean - wait_of(path);

		if (weighed(path) && mean > CALM) {
			change = off / (off < 0 ? -off + WIDE : mean + WIDE) * STEP;
			path->weight *= 1 + change;
			if (path->weight < all * LEAST)
				path->weight = all * LEAST;
			changed |= change > NOTABLE || change < -NOTABLE;
		}
		path->asked = path->got = 0;
	}
	/* What goes by all of them while packets wait is what they carry. */
	if (rates && mean > CALM && paths->rate) {
		change = (paths->rate - paths->all) / paths->all;
		changed |= change > NOTABLE || change < -NOTABLE;
		paths->all += (paths->rate - paths->all) / 2;
	}
	all = sum_of(paths);
	for (uint32_t port = 0; all && port < PATHS_MAX; port++)
		paths->path[port].weight *= paths->all / all;
	return changed;
}
