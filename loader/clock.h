/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock - read a clock as one number
 */
#ifndef LOADER_CLOCK_H
#define LOADER_CLOCK_H

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* CLOCK_REALTIME: since 1970 began; CLOCK_MONOTONIC: as bpf_ktime_get_ns() has it. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/*
 * CLOCK_REALTIME when a message came, which the kernel has noted for a socket with SO_TIMESTAMPNS;
 * if it has not: now.
 */
static inline uint64_t clock_stamp(struct msghdr *message)
{
	struct timespec time;

	for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one))
		if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&time, CMSG_DATA(one), sizeof(time));
			return time.tv_sec * 1000000000ULL + time.tv_nsec;
		}
	return clock_ns(CLOCK_REALTIME);
}

#endif
