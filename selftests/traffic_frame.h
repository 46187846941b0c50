/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * traffic_frame.h - what the BPF half and the user half of the traffic generator agree on
 *
 * A test frame is Ethernet, IPv4 and UDP, or Ethernet and ARP; both headers end at byte 42 and
 * the stamp follows. The rest of the frame is zeros.
 */
#ifndef TRAFFIC_FRAME_H
#define TRAFFIC_FRAME_H

#include <linux/types.h>

#define TRAFFIC_MAGIC	 0x6c616e61 /* "lana"; the flow number is added */
#define TRAFFIC_STAMP_AT 42
#define TRAFFIC_SIZE_MIN 60
#define TRAFFIC_SIZE_MAX 1514

/* Template words a frame begins with: the headers, and what the stamp overwrites. */
#define TRAFFIC_HEAD 6

struct traffic_stamp {
	__u32 magic;
	__u32 check;	/* of the sequence number: tells a damaged frame from a foreign one */
	__u64 sequence; /* from 0, without holes; host byte order like the others */
} __attribute__((packed));

static inline __attribute__((always_inline)) __u32 traffic_check(__u64 sequence)
{
	return (__u32)((sequence + 1) * 0x9e3779b97f4a7c15ULL >> 32);
}

/* Counts of one CPU, which alone writes them. */
struct traffic_counts {
	__u64 fresh; /* sequence numbers seen for the first time */
	__u64 duplicated;
	__u64 reordered; /* fresh, but below the highest number seen before */
	__u64 stale;	 /* more than a window below the highest: fresh or not cannot be told */
	__u64 corrupt;
	__u64 foreign; /* not test frames: passed on to the kernel */
} __attribute__((aligned(64)));

#define TRAFFIC_CPUS 256

/*
 * The window is a ring of words: the low half has a bit a sequence number, the high half says
 * which turn of the ring the bits belong to, so that the ring never needs to be cleared.
 */
#define TRAFFIC_WORD_SHIFT 5

#endif
