/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bare_delay - the shortest program that holds frames: receive, wait until each is due, send
 *
 * Two AF_XDP sockets on memory that they share, a queue that needs no sorting as all are held for
 * the same time, and a loop that never sleeps. It knows one delay, no rate, no loss and no change:
 * what holding frames costs by itself.
 */
#ifndef BENCH_BARE_DELAY_H
#define BENCH_BARE_DELAY_H

#include <stdint.h>

struct bare_delay;

/*
 * From a device to another of this network namespace, with room for so many frames (a power of
 * two), in a thread of its own on that CPU. Ends the process if it cannot be.
 */
struct bare_delay *bare_delay_open(const char *from, const char *to, uint32_t frames,
				   unsigned int cpu);

/* Hold frames that come from now on for so many ns. None is held now. */
void bare_delay_set(struct bare_delay *bare, uint64_t ns);

/* Ends the thread, and takes its program off the device. */
void bare_delay_close(struct bare_delay *bare);

#endif
