/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * userkit - what both halves of it know
 */
#ifndef SELFTESTS_USERKIT_H
#define SELFTESTS_USERKIT_H

#include <lana/userblock_abi.h>

enum userkit_forge {
	FORGE_NOTHING,
	FORGE_MAGIC,
	FORGE_IDP,
	FORGE_LIFE,
	FORGE_FLAVOUR,
	FORGE_DEVICE
};

struct userkit_config {
	LANA_USER_OPTIONS;
	__u8 flip;	       /* all bytes behind the Ethernet header, by this */
	__u8 split;	       /* every other packet leaves by port other */
	__u8 turn;	       /* packets leave by the other path */
	__u8 twice;	       /* and a copy of it */
	__u32 push, pull, add; /* bytes put in front, taken away there, put behind */
	__u32 drop_every;      /* nth packet */
	__u32 refuse;	       /* init() fails */
	__u64 make_every;      /* ns: make a packet of its number, on ingress */
	enum userkit_forge forge;
	__u32 keep; /* packets are kept until the block goes, and lost then */
};

struct userkit_counters {
	LANA_USER_COUNTERS;
	__u64 packets;
	__u64 made;
	__u64 sets;
};

enum userkit_port { USERKIT_NEXT, USERKIT_OTHER };

#endif
