/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe - what is woven into blocks so that they can be watched, and woven out again
 *
 *	measuring	packets and bytes by the way on which they leave each block, and the time
 *			that a block takes, of one packet in PROBE_SAMPLE; until it is ended
 *	a session	a trace or a capture: records of single packets, for the process that asked
 *			for them and no longer than it lives
 *
 * A record of the registry holds a bit for each probe in its block; the roots of a device have
 * those of the device's block. Nothing of a probe is in a program whose block has not got the bit.
 */
#ifndef LOADER_PROBE_H
#define LOADER_PROBE_H

#include <linux/types.h>

#include <lana/abi.h>

#include "classic.h"

#define PROBE_SESSIONS	 4 /* at once */

#define PROBE_MEASURED	 1 /* bits of record.probes */
#define PROBE_SESSION(n) (2U << (n))
#define PROBE_ENTERED	 0x8000 /* a generator's frames enter the block: counted in its entries */

/* ---- measuring ---------------------------------------------------------------------------- */

/* Ways out of a block: verdicts (enum lana_verdict), then drops by reason. */
#define PROBE_DROP   (LANA_ALL + 1)
#define PROBE_WAYS   (PROBE_DROP + LANA_DROPS_MAX)

#define PROBE_SAMPLE 1024 /* a power of two */

struct probe_count {
	__u64 packets, bytes;
	__u64 dropped; /* of the packets: at once, for want of a binding or as the block wants it */
	__u64 reserved;
};

/* What one CPU has measured of a block on one path. */
struct probe_path {
	struct probe_count ways[PROBE_WAYS];
	__u64 entered; /* packets, the roots' not counted */
	__u64 started; /* when the packet that is being timed came; 0: none is */
	__u64 samples;
	__u64 ns;	/* that they took, what reading the clock takes included */
	__u64 clock_ns; /* that reading the clock took as often */
};

struct probe_cell {
	struct probe_path path[LANA_PATHS];
	__u32 from; /* of a block that turns packets round: path on which the last one came */
	__u32 reserved;
};

/* Pages like those of counters, but that the cell's number is the block's IDP. */
#define PROBE_PAGE_CELLS 78
#define PROBE_PAGE_SHIFT 18
#define PROBE_PAGES_MAX	 (LANA_BLOCKS_MAX / PROBE_PAGE_CELLS + 1)

_Static_assert(sizeof(struct probe_cell) * PROBE_PAGE_CELLS <= 1 << PROBE_PAGE_SHIFT,
	       "a page holds PROBE_PAGE_CELLS cells a CPU");

/* ---- sessions ----------------------------------------------------------------------------- */

/* PROBE_ENTRY weaves nothing in: the block begins a program, for frames that are led to it. */
enum probe_kind { PROBE_NONE, PROBE_TRACE, PROBE_CAPTURE, PROBE_ENTRY };

/* What a capture takes: packets that leave by a port, or: */
#define PROBE_ANY_WAY  0x100
#define PROBE_ANY_DROP 0x101

struct probe_session {
	__u32 kind;    /* enum probe_kind; PROBE_NONE: the place is free */
	__u32 serial;  /* 1 to 255: traces of different sessions have different ones */
	__u32 paths;   /* of a capture: bit n: edges of path n */
	__u32 way;     /* of a capture: port, LANA_PASS, LANA_SENT, or one of the above */
	__u32 snaplen; /* of a capture: bytes of each packet at most */
	char name[LANA_NAME_MAX]; /* of a capture or an entry: the block */
	struct classic filter;
};

/*
 * What a session shares with its probes, in an array map of one value: a part a CPU, and behind the
 * last one a word of how many packets are still to be traced.
 */
struct probe_counts {
	__u64 seen; /* packets that should give a record (of a trace: all records) */
	__u64 lost; /* records for which there was no room */
	__u64 reserved[6];
};

#define PROBE_COUNTS_SHIFT 6

_Static_assert(sizeof(struct probe_counts) == 1 << PROBE_COUNTS_SHIFT, "counts are packed");

/* The serial of a session is in the upper byte of the number of each packet that it traces. */
#define PROBE_SERIAL_SHIFT 24

enum probe_point { PROBE_LEFT, PROBE_ROOT, PROBE_LOST };

/* What a probe tells of a packet. A capture's is followed by the packet's bytes. */
struct probe_record {
	__u64 time;    /* CLOCK_MONOTONIC, ns */
	__u32 trace;   /* number of the packet; of a capture 0 */
	__u32 length;  /* of the whole packet, bytes */
	__s32 verdict; /* of PROBE_LOST: byte offset of the counter in struct lana_cell */
	__u16 idp;
	__u8 path;
	__u8 point; /* enum probe_point: it leaves a block, or a root; or got lost on leaving */
};

#endif
