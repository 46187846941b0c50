/* SPDX-License-Identifier: GPL-2.0-only */
/* clock.h - CLOCK_MONOTONIC in nanoseconds */
#ifndef CALL_CLOCK_H
#define CALL_CLOCK_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND	  1000000000ULL
#define CLOCK_MILLISECOND 1000000ULL

static inline uint64_t clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * CLOCK_SECOND + time.tv_nsec;
}

static inline void clock_sleep_until(uint64_t ns)
{
	const struct timespec time = { .tv_sec = ns / CLOCK_SECOND, .tv_nsec = ns % CLOCK_SECOND };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
		;
}

#endif
