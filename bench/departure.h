/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * departure.h - what departure.bpf.c counts of frames that are held for a time
 */
#ifndef DEPARTURE_H
#define DEPARTURE_H

#include <linux/types.h>

#define DEPARTURE_STAMP	  42 /* bytes before the stamp: Ethernet, IPv4, UDP */
#define DEPARTURE_NS	  100
#define DEPARTURE_BUCKETS (1 << 16)

struct departure {
	__u64 held; /* ns that frames are to be held: written by user space */
	__u64 frames, early;
	__u64 first, last;	       /* CLOCK_MONOTONIC, ns: of these frames */
	__u32 late[DEPARTURE_BUCKETS]; /* by DEPARTURE_NS; the last one: or more */
};

#ifndef __bpf__

/* Frames from f0 in namespace "far" to where the program is attached. */
struct departures {
	double rate;	 /* packets a second that came */
	double p50, p99; /* us beyond the time that they were to be held */
	double late;	 /* of all, beyond what is told of */
	double lost;	 /* of all that were sent */
	__u64 sent, came;
	double paced; /* packets a second, from the first that came to the last */
};

/*
 *	far                 near                        end
 *	f0 ─────────────── n0 ── stack ── n1 ────────── e0
 *
 * Make these namespaces, with the program attached at e0. What takes frames from n0 to n1 is the
 * caller's, or a stack that is hooked at both of them at XDP.
 */
void departure_begin(void);
struct lana_stack *departure_open(void);

/* Send, for so many seconds and the time that frames are held (ns), and wait for all. */
struct departures departure_measure(const char *profile, const char *rate, double seconds,
				    __u64 held);

#endif

#endif
