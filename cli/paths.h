/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * paths.h - what "lanactl paths" knows of each path, and how it asks and weighs
 */
#ifndef PATHS_H
#define PATHS_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#include <lana/lana.h>

#define PATHS_MAX    LANA_PORTS_MAX
#define PATHS_ALL    1000 /* sum of the weights that are set, where they are shares */
#define PATHS_SECOND 1000000000ULL

/* A port of a fanout. Times are in nanoseconds, of CLOCK_MONOTONIC. */
struct path {
	bool used; /* the port is bound and has a weight */
	bool up;
	uint32_t answers;	 /* in a row, since one was missing */
	uint64_t silent;	 /* when the first probe was sent that has no answer; 0: all have */
	uint64_t asked, got;	 /* probes and answers, since the weights were reckoned */
	uint64_t sent, received; /* of all time */
	double rtt, least; /* a mean of late, and the least, which is forgotten slowly; 0: none */
	double weight;
	char counter[LANA_NAME_MAX]; /* a block behind the port that counts bytes; empty: none */
	uint64_t bytes;		     /* that it had counted at the last look */
};

struct paths {
	struct path path[PATHS_MAX]; /* by port */
	uint64_t timeout;	     /* how long a path may be silent, beyond what answers take */
	uint64_t interval;	     /* between two probes */
	double all;		     /* sum of the weights that are set */
	double rate; /* of all since the last look, in units of 100 kbit/s; 0: unknown */

	/* probes */
	int socket;
	uint16_t id, sequence;
	uint32_t mark; /* that of the path before the first */
	struct sockaddr_in target;
};

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
 * paths_weigh.c: less to paths whose packets wait longer than others'. Has any weight changed?
 * rates: weights are rates, of all paths together paths->rate while packets wait.
 */
bool paths_weigh(struct paths *paths, bool rates);

#endif
