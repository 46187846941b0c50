/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bare - an AF_XDP socket with nothing around it: what the kernel's part of a socket costs
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stdbool.h>
#include <stdint.h>

#define BARE_FRAME 2048 /* bytes */

struct bare;

/*
 * On the first queue of a device of this network namespace. If it receives, the device's driver
 * runs a program that hands it all frames; else it sends. The rings have so many places, a power of
 * two. Ends the process if it cannot be.
 */
struct bare *bare_open(const char *device, uint32_t ring, bool receives);

void bare_close(struct bare *bare);

/* Receive what is there, at most 256 frames, and give it back at once: how many. Does not wait. */
uint32_t bare_receive(struct bare *bare);

/* Send so many frames of size bytes, at most half a ring: how many the kernel was through with. */
uint32_t bare_send(struct bare *bare, const void *bytes, uint32_t size, uint32_t count);

#endif
