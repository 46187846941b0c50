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
	__u32 late[DEPARTURE_BUCKETS]; /* by DEPARTURE_NS; the last one: or more */
};

#endif
