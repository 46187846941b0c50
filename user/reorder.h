/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reorder - what both halves of it know; docs/reorder.md says what becomes of which packet
 */
#ifndef USER_REORDER_H
#define USER_REORDER_H

#include <stdbool.h>

#include <lana/tag.h>
#include <lana/units.h>
#include <lana/userblock_abi.h>

enum reorder_order { REORDER_ON, REORDER_OFF } __attribute__((packed));
enum reorder_timer { REORDER_ADAPT, REORDER_FIXED, REORDER_NONE } __attribute__((packed));

struct reorder_config {
	LANA_USER_OPTIONS;
	enum reorder_order order;
	enum reorder_timer timer;
	__u16 size;
	__u32 total;
	__u32 mask;
	lana_duration hold LANA_RANGE(0, 60000000000);
};

struct reorder_counters {
	LANA_USER_COUNTERS;
	__u64 gaps;
	__u64 late;
	__u64 restarts;
	__u64 held;
	__u64 filled;
	__u64 lost;
	__u64 timeouts;
	__u64 full;
	__u64 duplicates;
	__u64 holding;
	__u64 flows;
};

enum reorder_port { REORDER_NEXT };

/* ---- sequence numbers ----------------------------------------------------------------------- */

#define REORDER_FAR   (1U << 26) /* further from what is expected: another numbering */
#define REORDER_PATHS 32	 /* numbers of paths; 0: it is not known */

/* A path is in use if it had a packet of the flow among the last so many bytes, or twice that. */
#define REORDER_SHIFT 18

/* What a packet takes up of its flow's numbers: from seq to before end. */
struct reorder_range {
	__u32 seq, end;
	__u32 path;
	bool syn;
	bool empty; /* nothing that is to be in order: a pure ACK */
};

/* a - b, where numbers wrap around. */
static inline __attribute__((always_inline)) __s32 reorder_distance(__u32 a, __u32 b)
{
	return (__s32)(a - b);
}

static inline __attribute__((always_inline)) bool reorder_is_far(__u32 seq, __u32 expected)
{
	return seq - expected + REORDER_FAR > 2 * REORDER_FAR;
}

static inline __attribute__((always_inline)) __u32 reorder_path(__u32 mark, __u32 mask)
{
	__u32 path;

	mask = mask ? mask : REORDER_PATHS - 1;
	path = (mark & mask) / (mask & -mask);
	return path < REORDER_PATHS ? path : 0;
}

#define REORDER_FIN 0x01 /* flags of TCP */
#define REORDER_SYN 0x02
#define REORDER_RST 0x04

/* SYN and FIN are numbered as a byte each (RFC 9293, section 3.4). */
static inline __attribute__((always_inline)) void
reorder_range_tcp(struct reorder_range *range, __u32 seq, __u32 length, __u8 flags)
{
	range->seq = seq;
	range->end = seq + length + !!(flags & REORDER_SYN) + !!(flags & REORDER_FIN);
	range->syn = flags & REORDER_SYN;
	range->empty = range->end == seq && !(flags & REORDER_RST);
}

/* ---- flows ---------------------------------------------------------------------------------- */

#define REORDER_FLOWS 16384

struct reorder_key {
	__be32 source, dest;
	__be16 ports[2];
};

/*
 * Whose a flow is and how far it has come: one word, which the kernel half swaps as a whole. While
 * it is the worker's, expected stays what it was when that began.
 */
struct reorder_turn {
	union {
		struct {
			__u32 expected;
			__u16 count;	  /* packets sent to the worker, since it has the flow */
			__u16 epoch : 15; /* the how manieth time it has it */
			__u16 user : 1;	  /* it has it */
		};
		__u64 word;
	};
};

struct reorder_flow {
	__u64 turn;		   /* struct reorder_turn */
	__u64 begun;		   /* ns of CLOCK_MONOTONIC */
	__u32 paths, paths_before; /* in use: bits */
};

/*
 * The worker gives a flow back: it has sent on all packets of that epoch, which were so many. It is
 * taken if no more have been sent to it since.
 */
struct reorder_offer {
	struct reorder_turn turn; /* expected: by now */
};

#endif
