/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/stamp.h - what 'lanactl gen' puts into a payload and 'lanactl sink' looks for
 *
 * 18 bytes, as many as UDP in IPv4 leaves in the shortest Ethernet frame; network byte order:
 *
 *	byte 0	magic: "lana"
 *	4	run: a number drawn when the generator is started
 *	6	stream: within the run
 *	8	sequence, bits 39 to 32; 9: time, bits 39 to 32
 *	10	sequence, bits 31 to 0
 *	14	time, bits 31 to 0
 *
 * Sequence counts the frames of a stream from 0. Time is CLOCK_MONOTONIC in nanoseconds, of which
 * 40 bits tell any delay of less than 18 minutes.
 */
#ifndef LANA_STAMP_H
#define LANA_STAMP_H

#include <linux/types.h>

#define LANA_STAMP_SIZE	 18
#define LANA_STAMP_MAGIC 0x6c616e61
#define LANA_STAMP_BITS	 40 /* of sequence and of time */

/* Sequence and time: what differs from frame to frame. */
static inline __attribute__((always_inline)) void lana_stamp_write(__u8 *stamp, __u64 sequence,
								   __u64 time)
{
	stamp[8] = sequence >> 32;
	stamp[9] = time >> 32;
	for (int i = 0; i < 4; i++) {
		stamp[10 + i] = sequence >> (24 - 8 * i);
		stamp[14 + i] = time >> (24 - 8 * i);
	}
}

#endif
