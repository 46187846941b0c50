/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/abi.h - what woven BPF code and the loader agree on
 *
 * A packet in flight may be finished by code that is newer than the code that began it, so
 * everything here is append-only: a change of meaning needs a new LANA_ABI, and the loader
 * refuses types that were built for another one.
 */
#ifndef LANA_ABI_H
#define LANA_ABI_H

#include <linux/types.h>

#ifdef __cplusplus
#define _Static_assert static_assert
#endif

#define LANA_ABI	     1

#define LANA_NAME_MAX	     32	  /* bytes of a block, type or port name, the final 0 included */
#define LANA_PORTS_MAX	     16	  /* ports of a block, in each direction */
#define LANA_BLOCKS_MAX	     4096 /* blocks of a stack; IDP 0 is never given out */
#define LANA_PEERS_MAX	     1024 /* far ends of tunnels that a stack learns; 0 is none */
#define LANA_CONFIG_MAX	     128  /* bytes of a type's config struct */
#define LANA_FIELDS_MAX	     48	  /* of a struct */
#define LANA_COUNTERS_MAX    240  /* bytes of a type's counters struct */
#define LANA_EVENTS_MAX	     16	  /* kinds of events that a type publishes */
#define LANA_SUBSCRIBERS_MAX 8	  /* of a block */

/*
 * Why a packet was dropped. A block returns the negative of one of these. INVALID is what the
 * engine books when a block returns neither a port nor a reason.
 */
#define LANA_DROP_REASONS(X)                                              \
	X(INVALID, "invalid", "the block returned no port and no reason") \
	X(SHORT, "short", "the packet ends before the header")            \
	X(PROTOCOL, "protocol", "not the protocol the block works on")    \
	X(MALFORMED, "malformed", "a header contradicts itself")          \
	X(POLICY, "policy", "discarded on purpose")                       \
	X(TOO_LONG, "too_long", "more than 33 tail calls for one packet") \
	X(NO_DEVICE, "no_device", "the device is gone")                   \
	X(NO_MEMORY, "no_memory", "a table is full or memory ran out")    \
	X(NO_COPY, "no_copy", "the kernel made no copy of it")

#define LANA_DROPS_MAX 16

enum lana_drop {
#define X(NAME, name, text) LANA_DROP_##NAME,
	LANA_DROP_REASONS(X)
#undef X
		LANA_DROP_REASONS_COUNT
};

/*
 * What a block's process function returns, if not negative: 0 … LANA_PORTS_MAX - 1 is a port on
 * the packet's own path; LANA_TURN + port leaves by a port of the other path (ingress becomes
 * egress); PASS gives the packet to the kernel; SENT says that a redirect is already set up; ALL
 * sends the packet on by every port of its own path that leads somewhere, each time as it is now.
 */
enum lana_verdict {
	LANA_TURN = LANA_PORTS_MAX,
	LANA_PASS = 2 * LANA_PORTS_MAX,
	LANA_SENT,
	LANA_ALL,
};

/*
 * What LANA_ALL is to a type, in the lower byte of its descriptor's word; the byte above names a
 * port. EACH: the packet leaves by every port that leads somewhere. KEEP: the same, but the packet
 * itself is for port 0, and takes it alone where no copy can be made. TWICE: it leaves by port 0
 * twice, or once where no copy can be made. PARTS, at XDP: two copies of it, which know their
 * number (lana_part()), leave by the port that is named; where none can be made the packet itself
 * leaves by the port before that.
 */
enum lana_copying {
	LANA_COPYING_NOT,
	LANA_COPYING_EACH,
	LANA_COPYING_KEEP,
	LANA_COPYING_TWICE,
	LANA_COPYING_PARTS,
	LANA_COPYING_KINDS
};

#define LANA_COPYING_KIND(copying) ((copying)&0xff)
#define LANA_COPYING_PORT(copying) ((copying) >> 8)

/* The direction of travel: from device to application, or back. */
enum lana_path { LANA_INGRESS, LANA_EGRESS, LANA_PATHS };

/* The program types that blocks are compiled for. */
enum lana_flavour { LANA_XDP, LANA_TC, LANA_FLAVOURS };

/*
 * Slots of a jump table (a prog array; one per flavour and path). Slot IDP holds the program that
 * begins with the block, if any does. Behind these every block owns a slot a port, which holds the
 * program that the port leads to, or nothing while the port is unbound. The last ones serve commits
 * that change many slots at one instant: what slot number n of them held and will hold. Two commits
 * that follow one another use different banks.
 */
#define LANA_SLOT_PORT(idp, port) (LANA_BLOCKS_MAX + (idp)*LANA_PORTS_MAX + (port))
#define LANA_SWITCHES_MAX	  1024
#define LANA_SLOT_SWITCH(bank, n, side)                                              \
	(LANA_SLOT_PORT(LANA_BLOCKS_MAX, 0) + ((bank)*LANA_SWITCHES_MAX + (n)) * 2 + \
	 ((side) == LANA_SIDE_NEW))
#define LANA_SLOTS LANA_SLOT_SWITCH(2, 0, LANA_SIDE_OLD)

/*
 * While a commit changes many slots, each of these holds a program that asks which side the packet
 * is on. The first one a packet meets decides it by one word (behind the last CPU's context), the
 * others see what was decided.
 */
enum lana_side { LANA_SIDE_OPEN, LANA_SIDE_OLD, LANA_SIDE_NEW };

/*
 * Counters of one block, on one path, on one CPU. Only that CPU writes drops, unbound and own;
 * the loader writes bound, path, idp and life.
 */
struct lana_path_cell {
	__u64 drops[LANA_DROPS_MAX];   /* by enum lana_drop */
	__u64 unbound[LANA_PORTS_MAX]; /* packets that left by a port that leads nowhere */
	__u32 bound; /* bit n: port n leads somewhere (a failed jump then means TOO_LONG) */
	__u32 path;  /* enum lana_path: the index of this */
	__u32 idp;   /* of the block, */
	__u32 life;  /* and the number of its life: an IDP is given out again */
	__u8 own[LANA_COUNTERS_MAX]; /* the type's counters struct */
};

/* The part of it that tells a block of its ports, as its code sees it. */
struct lana_ports {
	__u32 bound, path;
	__u32 idp, life;
};

/* What one CPU has published of the block's events, on both paths. Only that CPU writes it. */
struct lana_events_cell {
	__u64 free_at;	  /* CLOCK_MONOTONIC, ns: when all that was published is paid for */
	__u64 published;  /* events told, */
	__u64 suppressed; /* and not told, as they came too fast */
	__u64 beat;	  /* of a worker, in its own part: when it came round last, as free_at */
};

struct lana_cell {
	struct lana_path_cell path[LANA_PATHS];
	struct lana_events_cell events;
	__u8 apart[32]; /* 17 cache lines: cells side by side are not in the same few cache sets */
};

/*
 * Cells live in pages: array maps of one value, that user space maps into memory. CPU c of cell n
 * of a page is at c << LANA_PAGE_SHIFT plus n cells. Behind the last CPU's part are two more, which
 * no program reaches: what was counted before, in another layout; and what a worker counts.
 */
#define LANA_PAGE_CELLS 60
#define LANA_PAGE_SHIFT 16

_Static_assert(sizeof(struct lana_cell) * LANA_PAGE_CELLS <= 1 << LANA_PAGE_SHIFT,
	       "a page holds LANA_PAGE_CELLS cells a CPU");

/*
 * What rides with a packet from segment to segment where the hook's own context has no room
 * (XDP). One per CPU: a packet finishes on the CPU and in the softirq where it began. The root
 * clears it.
 */
struct lana_context {
	__u32 mark;
	__u32 side;   /* enum lana_side; at tc it is in skb->cb */
	__u32 route;  /* where the packet is to be sent, see lana/route.h; at tc it is in skb->cb */
	__u32 origin; /* ifindex that what was copied came by; 0: the packet is no copy */
	__u32 trace;  /* number of a packet that is traced, by roots that trace; at tc in skb->cb */
	__u32 part;   /* of a copy: LANA_PART, or 0; if origin is 0 it means nothing */
	__u32 reserved[10];
};

#define LANA_CONTEXT_SHIFT 6

/* Which of two copies it is, from 1 on, and what the block that had them made says of both. */
#define LANA_PART(number, about) ((__u32)(number) << 16 | (about))

_Static_assert(sizeof(struct lana_context) == 1 << LANA_CONTEXT_SHIFT, "contexts are packed");

/*
 * Ethernet type of a frame of tagged link 0; that of link ID is this | ID. The frame's own type
 * follows.
 */
#define LANA_VLINK_TYPE 0xac00

/* What an event function is told of. */
enum lana_occasion {
	LANA_ON_PUBLISH, /* the publisher's code has called lana_publish() */
	LANA_ON_BIND,	 /* a port of the publisher, or one that leads to it, leads elsewhere */
	LANA_ON_UNBIND,	 /* or nowhere any more */
	LANA_ON_SET,	 /* its options were set */
	LANA_ON_REPLACE, /* its code was replaced */
	LANA_ON_RM,	 /* it was removed; nothing more will come of it */
	LANA_OCCASIONS
};

struct lana_event_data {
	__u64 time;	 /* CLOCK_MONOTONIC, ns */
	__u64 value;	 /* as it was published; otherwise 0 */
	__u32 publisher; /* IDP */
	__u16 event;	 /* what was published: a number of enum NAME_event; otherwise 0 */
	__u8 occasion;	 /* enum lana_occasion */
	__u8 path;	 /* of the packet, enum lana_path; otherwise 0 */
	__u8 own;	 /* the publisher is the block itself, which was set or replaced */
	__u8 reserved[7];
};

/* What the function that stands for publishing returns, and all that it does. */
#define LANA_PUBLISH_STUB 0x6c616e61

/* Where it stands in the packet that an event function is run by, behind an Ethernet header. */
#define LANA_EVENT_OFFSET 24

/* What blocks know of a device that is hooked (maps/devices.h). */
struct lana_device_facts {
	__u32 ifindex;
	__u16 mtu; /* bytes behind the Ethernet header; 65535: or more */
	__u8 mac[6];
	__u32 name; /* hash of the block's name: who remembers a device by its IDP compares it */
	__u8 tc;    /* it has roots at tc, also for what the kernel sends */
	__u8 reserved[3];
};

/* Where a tunnel's far end is, as packets that came from there told (maps/endpoints.h). */
struct lana_endpoint {
	__u64 place; /* LANA_PLACE(), in one word as it changes at one instant; 0: not known */
	__u64 heard; /* about when a packet came from there, ns of CLOCK_MONOTONIC; 0: not noted */
};

/* Of an IPv4 address and a port, both in the order of the network. */
#define LANA_PLACE(address, port) ((__u64)(port) << 32 | (address))
#define LANA_PLACE_ADDRESS(place) ((__u32)(place))
#define LANA_PLACE_PORT(place)	  ((__u16)((place) >> 32))

/* What the loader reads of a type before anything else, in section .rodata.lana. */
struct lana_type_descriptor {
	__u32 abi;
	__u32 turns; /* it returns LANA_TURN + port */
	char name[LANA_NAME_MAX];
	__u32 copies; /* it returns LANA_ALL: enum lana_copying, and a port */
	__u32 user;   /* its packets go to a worker, and come back by slots (lana/user.h) */
};

#endif
