/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bare - an AF_XDP socket with nothing around it: what the kernel's part of a socket costs
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stdint.h>

#define BARE_FRAME 2048 /* bytes */

struct bare;

/*
 * On the first queue of a device of this network namespace, whose driver runs a program that hands
 * it all frames. The rings have so many places, a power of two. Ends the process if it cannot be.
 */
struct bare *bare_open(const char *device, uint32_t ring);

void bare_close(struct bare *bare);

/* Receive what is there, at most 256 frames, and give it back at once: how many. Does not wait. */
uint32_t bare_receive(struct bare *bare);

#endif
