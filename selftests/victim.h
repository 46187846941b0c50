/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * victim.h - processes that work on a stack until they are killed in the midst of it
 *
 * However busy the machine is, a victim has begun when it is killed, and lives for as long as a few
 * rounds of its work take then and there.
 */
#ifndef VICTIM_H
#define VICTIM_H

#include <stddef.h>
#include <sys/types.h>

struct victim {
	void *(*begin)(void); /* in the victim, once: what work() gets; or NULL */
	void (*work)(void *state, unsigned int n);
	unsigned int rounds; /* of work() that it may live for after the first one */
};

/*
 * Start a victim that works with n, n + 1, ..., and kill it by SIGKILL at an instant that the seed
 * draws. One that ended by itself is a failure of the test.
 */
void victim_kill(const struct victim *victim, unsigned int n, unsigned int *seed);

/*
 * Have a victim work once, to its n-th stop and no further, where look() may look at it before it
 * is killed. It stops twice at each system call, before and behind it. Returns how many stops there
 * were; *status is that of waitpid(2).
 */
size_t victim_run_to(const struct victim *victim, size_t n, void (*look)(pid_t victim),
		     int *status);

#endif
