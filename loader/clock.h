/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock - read a clock as one number
 */
#ifndef LOADER_CLOCK_H
#define LOADER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_REALTIME: since 1970 began; CLOCK_MONOTONIC: as bpf_ktime_get_ns() has it. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

#endif
