/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps/loops.h - how copies of packets come back to a stack at XDP
 *
 * owner       the loader: made when copies are first needed at XDP, removed with the stack
 * key         0
 * value       what the programs of loops look up, and the loader's records of the loops
 * lifetime    of the stack; the loops themselves are there while they are needed
 */
#ifndef LANA_MAPS_LOOPS_H
#define LANA_MAPS_LOOPS_H

#include <lana/abi.h>

#define LANA_LOOPS_MAX LANA_PORTS_MAX

struct lana_loops {
	/* Of the programs. */
	__u32 lives[LANA_BLOCKS_MAX]; /* by IDP: it has stood for so many blocks */
	__u32 ends[LANA_LOOPS_MAX];   /* ifindex of the device that copy n comes back by */
	__u64 stale;		      /* copies whose block had gone when they came back */
	/* Of the loader. */
	__u64 netns;	/* inode of the loops' network namespace */
	__u32 count;	/* loops that there are or (after a killed writer) may be */
	__u32 complete; /* loops that work */
	__u32 tag;	/* a part of their names, by which they are known */
	__u32 reserved;
};

#define LANA_COPY_MAGIC 0x6c616370

/*
 * What stands in front of a copy, as XDP metadata, from where it is made to where its way ends. A
 * copy of the copy has its own in that place, and so has a frame that came with other metadata.
 */
struct lana_copy {
	__u32 magic;
	__u32 device;	/* ifindex that the packet came by */
	__u32 ports[2]; /* four bits a copy: the port that it leaves by; the first are the lowest */
			/* of parts, the second word is what is said about them */
	__u32 mark;
	__u32 trace;
	__u32 route;
	__u16 idp;  /* and whether it is on egress, and a part: */
	__u16 life; /* of the block, as far as there is room: a copy is on its way for no longer */
};

#define LANA_COPY_EGRESS 0x8000
#define LANA_COPY_PART	 0x4000

/*
 * A longer frame is not copied: the kernel copies a frame with its headroom into one page, and does
 * not see whether there is room behind it for what a packet of the kernel's has at its end. That
 * is 320 bytes; the headroom is 256, and more where frames were shortened at their beginning.
 */
#define LANA_COPY_MAX 3456

#endif
