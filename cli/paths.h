/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * paths.h - what "lanactl paths" knows of each path, and how it asks and weighs
 */
#ifndef PATHS_H
#define PATHS_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#include "cli.h"

#define PATHS_MAX    LANA_PORTS_MAX
#define PATHS_ALL    1000 /* sum of the weights that are set, where they are shares */
#define PATHS_SECOND 1000000000ULL

#define PATHS_ASKED  64 /* probes of a path that are remembered: a power of two */

/* A probe, and what had gone by its path before it. */
struct path_probe {
	uint64_t sent, came; /* came 0: no answer */
	uint64_t bytes, packets;
};

/* A port of a fanout. Times are in nanoseconds, of CLOCK_MONOTONIC. */
struct path {
	bool used; /* by a fanout */
	bool up;
	uint32_t answers;	 /* in a row, since one was missing */
	uint64_t silent;	 /* when the first probe was sent that has no answer; 0: all have */
	uint64_t sent, received; /* probes and answers */
	double rtt, least; /* a mean of late, and the least, which is forgotten slowly; 0: none */
	double weight;	   /* that fanouts have been given; 0: not the same one */
	uint64_t bytes, packets; /* that have gone by it */

	/* paths_weigh.c */
	struct path_probe probes[PATHS_ASKED]; /* by their sequence */
	double rate;			       /* that it carries, bit/s; 0: unknown */
	bool measured;			       /* not only at least that */
	double growth;			       /* of what it may carry, while nothing waits there */
	/* since the last look */
	uint64_t before;		/* bytes by then */
	uint64_t busy_bytes, busy_time; /* while packets waited */
	double waits;			/* sum of what answers took beyond the least */
	uint32_t got;
};

struct paths {
	struct path path[PATHS_MAX]; /* by port */
	uint64_t timeout;	     /* how long a path may be silent, beyond what answers take */
	uint64_t interval;	     /* between two probes */
	uint64_t looked;	     /* when weights were reckoned; 0: not yet */

	/* probes */
	int socket;
	uint16_t id, sequence;
	uint32_t mark; /* that of the path before the first */
	struct sockaddr_in target;
};

/* A fanout that is watched, by port. */
struct fanout {
	const char *name;
	bool uses[PATHS_MAX];			/* it is bound and has a weight */
	unsigned int weight[PATHS_MAX];		/* that is set; 0: it is not used */
	uint32_t down;				/* that is set */
	char counter[PATHS_MAX][LANA_NAME_MAX]; /* the block behind it; empty: an earlier one's */
	uint64_t bytes[PATHS_MAX], packets[PATHS_MAX]; /* that were counted by then */
};

struct watch {
	const struct cli_args *args;
	struct lana_stack *stack;
	struct paths paths;
	struct fanout *fanouts;
	size_t fanouts_count;
	bool weighs, weighed; /* weights are to be set; they are known */
	bool rates;	      /* weights are rates: some mode is earliest */
	bool due;	      /* what fanouts have is not what they should */
	bool refused;	      /* the last change was, which was said */
};

/* paths_fanout.c: what fanouts have, and what they are told */

/* Which paths there are, and what is set. The caller frees watch->fanouts. */
enum cli_status fanout_learn_all(struct watch *watch, const char *const *names);

/*
 * What has gone by each path. Counters that are gone later, or begin anew, say nothing for a while.
 */
enum cli_status fanout_measure(struct watch *watch, bool first);

/*
 * Tell them what should be. A change that is refused is said once, and tried again with the next
 * round; without the stack, or a fanout, there is nothing to watch for.
 */
enum cli_status fanout_set(struct watch *watch);

/* paths_probe.c: all by ICMP echo, one probe a path at a time, with the mark that says it */

/* paths->target is there. The namespace is the current one. -EPERM, … */
int paths_open(struct paths *paths);
void paths_close(struct paths *paths);

/* Ask by every path. */
void paths_ask(struct paths *paths);

/* Take in answers until then, or until a signal comes. */
void paths_hear(struct paths *paths, uint64_t until);

/* Decide which paths are up. Has any changed? */
bool paths_judge(struct paths *paths);

/*
 * paths_weigh.c: weights by what each path carries
 */

/* The probe of that sequence has been answered; it may be forgotten. */
void paths_note(struct path *path, uint16_t sequence, uint64_t sent, uint64_t now);

/* Reckon what weights should be. Are those that are set far from it? rates: they are rates. */
bool paths_weigh(struct paths *paths, bool rates, uint64_t now);

#endif
