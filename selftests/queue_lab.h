/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue_lab.h - what a link's jitter and queues do, seen from outside
 *
 *	 generator            stack            checker
 *	+--------+    +------------------+    +--------+
 *	|     g0 |----| in ─► link ─► out|----| c0     |
 *	+--------+    |         ║        |    +--------+
 *	              |       worker     |
 *	              +------------------+
 *
 * Frames are numbered and stamped at g0, and written down one by one where they come to c0. Where a
 * queue is judged, it is filled at once and then drains at the link's rate, so that frames leave a
 * frame's time apart and a frame's place tells when it left: how fast the machine is does not
 * matter. Functions end the test where they cannot do what they say.
 */
#ifndef QUEUE_LAB_H
#define QUEUE_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Topology, stack and worker. First of all; and last. */
void queue_lab_begin(void);
void queue_lab_end(void);

/* Does the worker have had to drop anything, for want of room or time? What is measured is void. */
bool queue_lab_is_disturbed(void);

/* ---- jitter --------------------------------------------------------------------------------- */

struct queue_lab_jitter {
	size_t count;	    /* frames */
	double distance;    /* Kolmogorov's and Smirnov's, times the square root of the sample's
			       size: 99 % are below 1.63 */
	double correlation; /* of one frame's delay and the next one's */
};

/* Of delay=300ms, overtake=on and a jitter that fits. distribution: as the option has it. */
struct queue_lab_jitter queue_lab_jitter(const char *distribution, const char *correlation,
					 unsigned int seed, uint64_t count);

/* ---- queues --------------------------------------------------------------------------------- */

/* A flow, in frames of so many bytes; and how much it got while all of them had something. */
struct queue_lab_flow {
	unsigned int length, count;
	double share;
};

void queue_lab_shares(const char *queue, struct queue_lab_flow *flows, size_t count);

/*
 * CoDel at a queue that stands: drops, or (ecn) marks; and how far the worst of them was from the
 * time that RFC 8289 has for it, in frames.
 */
struct queue_lab_codel {
	size_t drops, marks;
	double off;
};

struct queue_lab_codel queue_lab_codel(bool ecn);

/* RED: frames that came while the average was in a quarter of its range, and those dropped. */
#define QUEUE_LAB_PARTS 4

struct queue_lab_red {
	double frames[QUEUE_LAB_PARTS], drops[QUEUE_LAB_PARTS]; /* or marks */
	double expected[QUEUE_LAB_PARTS];			/* drops, by the formula */
	size_t lost, marks;					/* of all */
};

/* Of so many bursts. */
struct queue_lab_red queue_lab_red(bool ecn, unsigned int bursts);

#endif
