/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps/vlinks.h - the tagged virtual links that a stack has on one carrier
 *
 * owner       the loader: made with a carrier's first link, removed with the last one
 * key         0
 * value       what its two programs look up, and the loader's records of the links
 * lifetime    of the first link to the last one
 */
#ifndef LANA_MAPS_VLINKS_H
#define LANA_MAPS_VLINKS_H

#include <lana/abi.h>

#define LANA_VLINK_IDS 256
#define LANA_VLINK_TAG 2 /* bytes that a frame grows by */

enum lana_vlink_state {
	LANA_VLINK_NONE,
	LANA_VLINK_COMING, /* it is there once the stack's generation is that of the record */
	LANA_VLINK_THERE,
	LANA_VLINK_GOING, /* it is gone from that generation on */
};

struct lana_vlink_record {
	char name[16];	  /* as the user called it */
	__u8 address[6];  /* of its other end, by which the loader knows that */
	__u8 state;	  /* enum lana_vlink_state */
	__u8 offloads;	  /* its checksums and segments were left on */
	__u32 generation; /* see state */
	__u32 reserved;
};

struct lana_vlinks {
	/* Of the programs. */
	__u32 ends[LANA_VLINK_IDS]; /* other ends, by ID: ifindex; 0: there is no such link */
	__u64 lost[LANA_VLINK_IDS]; /* frames that the kernel had no memory for, both ways */
	/* Of the loader. */
	__u64 netns;	     /* inode of the carrier's network namespace */
	__u32 carrier;	     /* ifindex; 0: all this is just being made */
	__u32 filter;	     /* handle of the filter on its clsact qdisc, where there is no tcx */
	__u8 clsact;	     /* enum clsact: as of device_record */
	__u8 allmulti;	     /* the carrier was told to receive all multicast */
	char name[16];	     /* of the carrier when the first link was made */
	char netns_name[64]; /* of its namespace, as the user gave it */
	struct lana_vlink_record records[LANA_VLINK_IDS];
};

#endif
