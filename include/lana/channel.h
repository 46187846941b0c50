/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/channel.h - what stands in front of a packet between a stack and a worker
 *
 * The same both ways: the block's kernel half writes it, the worker fills in the port and says that
 * it had the packet, and the program at the worker's device reads it, checks it and cuts it off. A
 * packet that nobody takes comes back as it went, and port says what becomes of it then.
 */
#ifndef LANA_CHANNEL_H
#define LANA_CHANNEL_H

#include <linux/types.h>

#define LANA_CHANNEL_MAGIC  0x6c617573
#define LANA_CHANNEL_CLOSED 0xff /* in the place of a port: the packet is dropped */

enum lana_channel_flags {
	LANA_CHANNEL_TAKEN = 1,	 /* the worker has had it */
	LANA_CHANNEL_EGRESS = 2, /* it came by the tc hook of what the kernel sends */
};

struct lana_channel {
	__u64 time; /* it left the stack: CLOCK_MONOTONIC, ns */
	/* From here on it stays with the packet as XDP metadata, which has room for 32 bytes. */
	__u32 magic;
	__u32 device; /* ifindex that the packet came by; 0: it was made by the worker */
	__u32 mark;
	__u32 trace;
	__u32 route;
	__u16 idp;    /* of the block, */
	__u16 life;   /* and its life's number, as far as there is room */
	__u8 path;    /* enum lana_path */
	__u8 flavour; /* enum lana_flavour: which of the stack's tables it goes on by */
	__u8 port;    /* that it leaves by */
	__u8 flags;   /* enum lana_channel_flags */
	__u32 reserved;
};

#define LANA_CHANNEL_META 32 /* its last bytes, which stay */

/* What the programs of a worker's device have counted. */
struct lana_channel_counts {
	__u64 arrived;	/* packets that have come to the worker's end of its device */
	__u64 bypassed; /* came back from there, as the worker was gone, and went on by port 0 */
	__u64 closed;	/* the same, and were dropped, as the block wants it */
	__u64 rejected; /* sent by the worker with no header, or a block that it does not have */
	__u64 stale;	/* of a block that had gone, or by a port that led nowhere */
};

#endif
