/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * paths_lab.h - a network of the study, and what its cells set in it
 */
#ifndef PATHS_LAB_H
#define PATHS_LAB_H

#include <pthread.h>

#include <lana/lana.h>

#include "paths.h"

struct paths_lab {
	char network[16];
	struct lana_stack *sender, *receiver, *wires;
	struct lana_worker *worker; /* of the receiver's buffer */
	pthread_t thread;
	bool stopping;
	const char *profile; /* that its sysctls are set to */
};

/* Set rates, shares, buffer and profile, while packets may pass. */
void paths_lab_set(struct paths_lab *lab, const struct paths_cell *cell);

/* Let go of what the buffer holds, and wait until the paths' queues are empty. */
void paths_lab_settle(struct paths_lab *lab, const struct paths_cell *cell);

#endif
