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

enum reorder_sequence { REORDER_TCP, REORDER_HEADER } __attribute__((packed));
enum reorder_order { REORDER_ON, REORDER_OFF } __attribute__((packed));
enum reorder_timer { REORDER_ADAPT, REORDER_FIXED, REORDER_NONE } __attribute__((packed));

struct reorder_config {
	LANA_USER_OPTIONS;
	enum reorder_order order;
	enum reorder_timer timer;
	enum reorder_sequence sequence;
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
	__u64 path_lost;
	__u64 holding;
	__u64 flows;
};

enum reorder_port { REORDER_NEXT };

/* ---- sequence numbers ----------------------------------------------------------------------- */

#define REORDER_PATHS 32 /* numbers of paths; 0: it is not known */

/* Numbers are of bytes, or of packets (lana/sequence.h). */
struct reorder_scale {
	__u32 far;   /* further than that from what is expected: another numbering */
	__u32 shift; /* a path is in use if it had one of the last 1 << shift, or as many before */
};

static inline __attribute__((always_inline)) struct reorder_scale
reorder_scale(enum reorder_sequence sequence)
{
	const struct reorder_scale tcp = { 1 << 26, 18 }, header = { 1 << 16, 8 };

	return sequence == REORDER_HEADER ? header : tcp;
}

/* What a packet takes up of its flow's numbers: from seq to before end. */
struct reorder_range {
	__u32 seq, end;
	__u32 length; /* bytes of TCP's data */
	__u32 path;
	bool syn, rst;
	bool empty; /* nothing that is to be in order: a pure ACK */
};

/* a - b, where numbers wrap around. */
static inline __attribute__((always_inline)) __s32 reorder_distance(__u32 a, __u32 b)
{
	return (__s32)(a - b);
}

static inline __attribute__((always_inline)) bool reorder_is_far(__u32 seq, __u32 expected,
								 __u32 far)
{
	return seq - expected + far > 2 * far;
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
	range->length = length;
	range->end = seq + length + !!(flags & REORDER_SYN) + !!(flags & REORDER_FIN);
	range->syn = flags & REORDER_SYN;
	range->rst = flags & REORDER_RST;
	range->empty = range->end == seq && !range->rst;
}

static inline __attribute__((always_inline)) void reorder_range_header(struct reorder_range *range,
								       __u32 number, __u32 path)
{
	range->seq = number;
	range->end = number + 1;
	range->path = path % REORDER_PATHS;
	range->syn = range->empty = false;
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

/* ---- packets with a header ------------------------------------------------------------------ */

/* Which of a flow's numbers have left, so that no packet leaves twice. */
#define REORDER_RECENT 256

struct reorder_recent {
	__u32 rounds[REORDER_RECENT]; /* by number: how often they have been round, and 1 */
};

static inline __attribute__((always_inline)) bool
reorder_has_left(const struct reorder_recent *recent, __u32 number)
{
	return recent->rounds[number % REORDER_RECENT] == number / REORDER_RECENT + 1;
}

static inline __attribute__((always_inline)) void reorder_leaves(struct reorder_recent *recent,
								 __u32 number)
{
	recent->rounds[number % REORDER_RECENT] = number / REORDER_RECENT + 1;
}

#endif
