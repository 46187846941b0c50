// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "paths_lab.h"
#include "selftests/topology.h"

#define QUEUE_PACKETS 100  /* of a path, as many as the thesis's machines had */
#define QUEUE_SECONDS 0.2  /* but no more than this long, */
#define QUEUE_LEAST   10   /* unless it were shorter than that */
#define WINDOW	      60   /* packets: more of 64 KB than are under way in the longer queues */
#define FRAME	      1514 /* bytes */

/* ---- paths and buffer ---------------------------------------------------------------------- */

#define SET(stack, block, ...) set(stack, block, (const char *[]){ __VA_ARGS__, NULL })

static void set(struct lana_stack *stack, const char *block, const char *const *options)
{
	struct lana_error error = {};

	bench_must(lana_block_set(stack, block, options, &error), &error, "set %s %s", block,
		   *options);
}

/*
 * today: as the kernel is. far: the same, with paths of 20 ms. threshold: three duplicate ACKs mean
 * a loss, as books have it. 2005: what the thesis's kernel did by itself: windows of 64 KB, and
 * reordering learnt up to 127 segments.
 */
static const struct profile {
	const char *name;
	const char *recovery, *early_retrans, *max_reordering; /* sysctls, tcp_... */
	const char *window_scaling;
	bool far, long_queues;
} profiles[] = {
	{ "today", "1", "3", "300", "1", false, false },
	{ "far", "1", "3", "300", "1", true, false },
	{ "threshold", "0", "0", "3", "1", false, false },
	{ "2005", "0", "0", "127", "0", false, true },
};

static const struct profile *profile_of(const struct paths_cell *cell)
{
	const struct profile *profile = profiles;

	while (strcmp(profile->name, cell->profile))
		profile++;
	return profile;
}

/* Packets that the queue in front of a path has room for. */
static double queue_of(const struct paths_cell *cell, int path)
{
	double packets = paths_rate(cell, path) * 1000 / FRAME * QUEUE_SECONDS;

	if (profile_of(cell)->long_queues)
		return QUEUE_PACKETS;
	return bench_min(QUEUE_PACKETS, bench_max(QUEUE_LEAST, packets));
}

static void set_rates(struct paths_lab *lab, const struct paths_cell *cell)
{
	const struct lana_stack_options stack = { .bpffs = topology_bpffs() };
	const struct lana_topo_options options = { .folder = getenv("LANA_TOPO"), .stack = &stack };
	struct lana_error error = {};

	for (int path = 0; path < cell->paths; path++) {
		double frame_ms = FRAME / paths_rate(cell, path);
		char link[16], rate[40], limit[40], late[40];
		const char *const settings[] = { rate, limit, late,
						 profile_of(cell)->far ? "delay=20ms" : "delay=0",
						 NULL };

		snprintf(link, sizeof(link), "w%d", path + 1);
		snprintf(rate, sizeof(rate), "rate=%.0fbit", paths_rate(cell, path) * 8000);
		snprintf(limit, sizeof(limit), "limit=%.0fpkt", queue_of(cell, path));
		snprintf(late, sizeof(late), "late=%.0fms", bench_max(frame_ms, 1));
		bench_must(lana_topo_set(&options, lab->network, link, "s", NULL, settings, &error),
			   &error, "%s", rate);
	}
}

/* Whole numbers: the first path has as much of the others' weight as there are of them. */
static double weight_of(const struct paths_cell *cell, int path)
{
	switch (cell->shares) {
	case PATHS_RATES:
		return paths_rate(cell, path) * 8 / 10; /* of 10 kbit/s */
	case PATHS_EARLIEST:
		return paths_rate(cell, path) * 8 / 100; /* of 100 kbit/s, as the fanout has it */
	case PATHS_WEIGHTS:
		if (cell->weight)
			return path ? cell->weight : cell->paths - 1;
		return 1;
	default:
		return 1;
	}
}

static void set_shares(struct paths_lab *lab, const struct paths_cell *cell)
{
	char weights[100] = "weights", back[100] = "weights";

	for (int path = 0; path < cell->paths; path++) {
		char weight[20];

		snprintf(weight, sizeof(weight), "%c%.0f", path ? ',' : '=', weight_of(cell, path));
		strcat(weights, weight);
		strcat(back, path ? ",1" : "=1");
	}
	SET(lab->sender, "spread",
	    cell->shares == PATHS_EARLIEST ? "mode=earliest" : "mode=weighted", weights, "down=0");
	SET(lab->receiver, "spread", back);
}

static void set_buffer(struct paths_lab *lab, const struct paths_cell *cell)
{
	bool waits = cell->buffer == PATHS_WAIT;
	char size[32];

	snprintf(size, sizeof(size), "size=%d", waits ? cell->size : 0);
	SET(lab->receiver, "order", size, waits ? "timer=none" : "timer=adapt",
	    cell->buffer == PATHS_LONG ? "hold=1s" : "hold=0",
	    cell->buffer == PATHS_OFF ? "order=off" : "order=on");
}

static void write_sysctl(const char *key, const char *value)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/tcp_%s", key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	bench_must(fd < 0 || write(fd, value, strlen(value)) < 0 ? -errno : 0, NULL, "%s=%s", path,
		   value);
	close(fd);
}

static void set_profile(struct paths_lab *lab, const struct paths_cell *cell)
{
	const struct profile *profile = profile_of(cell);

	if (lab->profile == profile->name)
		return;
	for (int side = 0; side < 2; side++) {
		char netns[32];
		int home;

		snprintf(netns, sizeof(netns), "%s.%c", lab->network, "sr"[side]);
		home = topology_enter(netns);
		write_sysctl("recovery", profile->recovery);
		write_sysctl("early_retrans", profile->early_retrans);
		write_sysctl("max_reordering", profile->max_reordering);
		write_sysctl("window_scaling", profile->window_scaling);
		topology_leave(home);
	}
	lab->profile = profile->name;
}

/* ---- a cell ---------------------------------------------------------------------------------- */

void paths_lab_set(struct paths_lab *lab, const struct paths_cell *cell)
{
	set_profile(lab, cell);
	set_rates(lab, cell);
	set_shares(lab, cell);
	set_buffer(lab, cell);
}

void paths_lab_settle(struct paths_lab *lab, const struct paths_cell *cell)
{
	double longest = 0;

	SET(lab->receiver, "order", "order=off");
	for (int path = 0; path < cell->paths; path++)
		longest = bench_max(longest, bench_min(queue_of(cell, path), WINDOW) /
						     paths_rate(cell, path));
	usleep(1e6 * (0.2 + longest * FRAME / 1000));
}
