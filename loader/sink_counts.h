/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_counts - what the programs of a sink count, and user space reads
 */
#ifndef LOADER_SINK_COUNTS_H
#define LOADER_SINK_COUNTS_H

#include <linux/types.h>

#define SINK_STREAMS_MAX 64 /* at once; of further ones packets are counted, but not checked */

/*
 * Sequence numbers of a stream that are remembered: so far behind the highest one a number is
 * known to be a duplicate or not. A word holds 32 of them, and in its upper half the turn that they
 * are of: the number's bits above the window.
 */
#define SINK_WINDOW_SHIFT 20
#define SINK_WORD_SHIFT	  5
#define SINK_WORDS	  (1 << (SINK_WINDOW_SHIFT - SINK_WORD_SHIFT))

/* Buckets of delays (ns): a power of two is parted into 16, so each is 1/16 wide at most. */
#define SINK_PART_SHIFT 4
#define SINK_PARTS	(1 << SINK_PART_SHIFT)
#define SINK_BUCKETS	((40 - SINK_PART_SHIFT + 1) * SINK_PARTS)

/* What CPUs share of a stream. */
struct sink_stream {
	__u64 next; /* one more than the highest number that came */
	__u64 apart[7];
};

/* Of a stream, on a CPU. */
struct sink_counts {
	__u64 fresh;		    /* numbers that came for the first time */
	__u64 bytes;		    /* of all packets of the stream */
	__u64 duplicated;	    /* numbers that had come before */
	__u64 reordered;	    /* fresh, but below next: RFC 4737 */
	__u64 old;		    /* a window behind: fresh or duplicated cannot be told */
	__u64 least;		    /* the lowest number, + 1; 0: none */
	__u64 delay_min, delay_max; /* ns; min: + 1, 0: none */
	__u64 delay_sum;
	__u64 first, last; /* CLOCK_MONOTONIC, ns */
	__u64 buckets[SINK_BUCKETS];
};

#endif
