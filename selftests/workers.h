/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * workers.h - workers that run beside a test
 */
#ifndef WORKERS_H
#define WORKERS_H

#include <sys/types.h>

#include <lana/lana.h>

/*
 * Start "lanactl worker" with these words, and wait until it has a block of that name, if one is
 * given. Its pid. Ends the test if that fails.
 */
pid_t worker_start(struct lana_stack *stack, const char *name, const char *words,
		   const char *block);

/* Wait until a block of type worker or of a user type is with that worker; NULL: with none. */
void worker_wait(struct lana_stack *stack, const char *block, const char *worker);

/* Send the signal and wait for the end. Its wait status. */
int worker_end(pid_t worker, int signal);

/* A counter, on both paths. Ends the test if there is no such block or counter. */
unsigned long long worker_count(struct lana_stack *stack, const char *block, const char *counter);

#endif
