// SPDX-License-Identifier: GPL-2.0-only
/*
 * paths_weigh - find the shares in which all paths are full at the same time
 *
 * TCP sends more until some queue overflows. With shares that are not those of the rates that is
 * the queue of one path while others run empty. How long packets wait shows in the time that probes
 * take beyond the least. While they wait, what has gone by a path from one probe to the next has
 * come out of it from one answer to the next, so that is its rate: packet pairs (Keshav 1991), but
 * with whole trains between. Where nothing waits while something does elsewhere, or not half as
 * long, the rate is more than that: it is taken to be more and more. Weights are these rates, but
 * what waits longer than the mean has so much less that it is as long in DRAIN.
 *
 * A probe's time has the way back in it. While there is little more than acknowledgements on the
 * way there, it is the way back that is full, and says nothing about what the way there carries.
 */
#include <math.h>

#include "paths.h"

#define CALM	    2e6	  /* ns: a wait that says nothing */
#define PACKET	    12e12 /* ns that a packet of 1500 bytes takes at 1 bit/s */
#define CALM_MOST   50e6  /* ns: and no more than that, however slow the path was */
#define BUSY	    30e6  /* ns: less time with packets that wait says nothing about the rate, */
#define LITTLE	    3000  /* nor do fewer bytes: more than probes are */
#define SMALL	    200	  /* bytes, in the mean: acknowledgements and probes */
#define DISPROVED   2	  /* times the rate that is known: it is not known any more */
#define DRAIN	    1e9	  /* ns */
#define DRAIN_TOP   0.5	  /* of a weight, at most, that is taken or given for that */
#define CLEAR	    50e6  /* ns of difference: others wait, and there is no doubt of it */
#define GROWTH	    0.03  /* of a rate, a look, at first */
#define GROWING	    1.15  /* so many times as much with each look */
#define FAR	    0.25  /* of a rate: that is another one */
#define MOST	    6.5e9 /* bit/s: what weights of earliest can say */
#define WEIGHT_MOST 65535 /* which a fanout takes */
#define LEAST	    0.004 /* of all: or a path would never be heard of again */
#define NOTABLE	    0.05  /* of a weight: less is not worth a change of the stack */
#define SPARED	    0.95  /* of a rate. What is thought to carry more than it does is never full */

static bool weighed(const struct path *path)
{
	return path->used && path->up && path->rtt;
}

/* A probe that meets one packet in the queue has met no queue. */
static bool is_wait(const struct path *path, double wait)
{
	double packets = path->measured ? 2 * PACKET / path->rate : 0;

	return wait > fmax(CALM, fmin(packets, CALM_MOST));
}

void paths_note(struct path *path, uint16_t sequence, uint64_t sent, uint64_t now)
{
	struct path_probe *probe = &path->probes[sequence % PATHS_ASKED];
	const struct path_probe *last = &path->probes[(uint16_t)(sequence - 1) % PATHS_ASKED];
	double wait = now - sent - path->least;
	uint64_t bytes = probe->bytes - last->bytes;

	if (probe->came || probe->sent != sent)
		return;
	probe->came = now;
	path->waits += wait;
	path->got++;
	if (!last->came || last->came >= now || !is_wait(path, wait) ||
	    !is_wait(path, last->came - last->sent - path->least) ||
	    bytes < SMALL * (probe->packets - last->packets))
		return;
	path->busy_bytes += bytes;
	path->busy_time += now - last->came;
}

static double wait_of(const struct path *path)
{
	return path->got ? path->waits / path->got : path->rtt - path->least;
}

static bool is_busy(const struct path *path)
{
	return path->busy_time > BUSY && path->busy_bytes > LITTLE;
}

/* The longest. 0: nothing waits. */
static double longest_wait(const struct paths *paths)
{
	double most = 0;

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		const struct path *path = &paths->path[port];

		if (weighed(path) && is_busy(path) && wait_of(path) > most)
			most = wait_of(path);
	}
	return most;
}

/* It is full, or as full as any: what comes out of it is what it carries. */
static void measure(struct path *path, double rate)
{
	double off;

	rate = fmin(rate, MOST);
	off = path->measured ? rate / path->rate - 1 : 0;
	if (!path->measured)
		path->rate = rate;
	path->rate += (rate - path->rate) * (off > FAR || off < -FAR ? 0.5 : 0.1);
	path->measured = true;
	path->growth = GROWTH;
}

/* It carries that, and more: others hold it up, whose packets wait so much longer. */
static void grow(struct path *path, double rate, double behind)
{
	double growth = path->measured ? path->growth : 1;

	path->rate = fmax(path->rate, rate);
	path->rate = fmin(path->rate * (1 + growth * fmin(behind / CLEAR, 1)), MOST);
	if (path->growth * GROWING < 1)
		path->growth *= GROWING;
}

static void learn(struct path *path, double longest, double span)
{
	double sent = (path->bytes - path->before) * 8e9 / span, wait = wait_of(path);
	bool busy = is_busy(path);
	double rate = busy ? path->busy_bytes * 8e9 / path->busy_time : sent;

	if (busy && wait > longest / 2)
		measure(path, rate);
	else if (wait < longest)
		grow(path, path->measured && !busy ? 0 : rate, longest - wait);
}

/* More goes by it, and nothing waits. */
static void doubt(struct path *path, double span)
{
	double sent = (path->bytes - path->before) * 8e9 / span;

	if (path->measured && !is_busy(path) && sent > DISPROVED * path->rate)
		path->measured = false;
}

/* The sum of all rates, and the mean of waits, by rates. */
static double sum_up(const struct paths *paths, double *mean)
{
	double sum = 0, waits = 0, waiting = 0;

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		const struct path *path = &paths->path[port];

		sum += path->used ? path->rate : 0;
		if (!weighed(path))
			continue;
		waits += wait_of(path) * path->rate;
		waiting += path->rate;
	}
	*mean = waiting ? waits / waiting : 0;
	return sum;
}

static double share_of(const struct path *path, double mean)
{
	double off = weighed(path) ? (mean - wait_of(path)) / DRAIN : 0;

	return path->rate * (1 + fmax(-DRAIN_TOP, fmin(off, DRAIN_TOP)));
}

/* Weights as they should be. Is one of them far from what it is? */
static bool reckon(struct paths *paths, bool rates, double weights[PATHS_MAX])
{
	double mean, sum = sum_up(paths, &mean), all = 0;
	bool changed = false;

	if (!sum)
		return false;
	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		struct path *path = &paths->path[port];

		if (path->used && path->rate < sum * LEAST)
			path->rate = sum * LEAST;
		weights[port] = path->used ? share_of(path, mean) : 0;
		all += weights[port];
	}
	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		double off;

		weights[port] *= rates ? SPARED / 1e5 : PATHS_ALL / all;
		weights[port] = fmin(weights[port], WEIGHT_MOST);
		off = weights[port] - paths->path[port].weight;
		changed |= fabs(off) > NOTABLE * paths->path[port].weight;
	}
	return changed;
}

static void begin(struct paths *paths, uint64_t now)
{
	paths->looked = now;
	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		struct path *path = &paths->path[port];

		path->before = path->bytes;
		path->busy_bytes = path->busy_time = path->got = 0;
		path->waits = 0;
	}
}

bool paths_weigh(struct paths *paths, bool rates, uint64_t now)
{
	double longest = longest_wait(paths), weights[PATHS_MAX];
	double span = now - paths->looked;
	bool changed = false;

	for (uint32_t port = 0; paths->looked && port < PATHS_MAX; port++)
		doubt(&paths->path[port], span);
	if (paths->looked && longest > 0) {
		for (uint32_t port = 0; port < PATHS_MAX; port++)
			if (weighed(&paths->path[port]))
				learn(&paths->path[port], longest, span);
		changed = reckon(paths, rates, weights);
		for (uint32_t port = 0; changed && port < PATHS_MAX; port++)
			paths->path[port].weight = weights[port];
	}
	begin(paths, now);
	return changed;
}
