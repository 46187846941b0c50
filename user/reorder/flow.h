/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow - packets of a flow that wait for one that is missing
 *
 *	user/reorder.c		packets, and what passes from one half to the other
 *	user/reorder/flow.c	what waits, for what, and for how long
 *	user/reorder/spread.c	how much later packets come by one path than by another
 *	user/reorder/table.c	flows by their keys
 */
#ifndef USER_REORDER_FLOW_H
#define USER_REORDER_FLOW_H

#include <lana/userblock.h>

#include "spread.h"
#include "user/reorder.h"

/* A packet, and what it takes up. */
struct held {
	struct reorder_range range;
	uint32_t stamp; /* its timestamp; 0: none */
	struct lana_userpacket *packet;
};

/* Which paths a flow takes, and how far it has come on each. */
struct paths {
	uint32_t now, before;	       /* in use: bits */
	uint32_t known;		       /* those whose highs are known */
	uint32_t highs[REORDER_PATHS]; /* behind the last number that came */
};

/* Packets that the kernel half has sent, and that have not come: since when none has. */
struct missing {
	uint64_t since; /* 0: it was not looked at */
	uint16_t sent, received;
	uint16_t looks;
};

struct flow {
	struct reorder_key key;
	struct flow *chain;	  /* the next one in its bucket */
	struct flow *up, *down;	  /* those beside it in its list */
	bool offered;		  /* to the kernel half; in the list of those */
	uint8_t path;		  /* of the stack: where it is counted */
	uint16_t received, epoch; /* as struct reorder_turn has them */
	struct missing missing;
	uint32_t expected;
	struct held *held; /* in their order, from first on */
	uint32_t first, count, room;
	struct reorder_recent *recent; /* of packets with a header; NULL: not read yet */
	uint64_t since;		       /* the oldest of them has come */
	uint64_t last;		       /* any packet has */
	struct paths paths;
	uint64_t begun;	     /* its paths begin to show */
	struct gap given_up; /* the last that was */
};

struct flows {
	struct flow *first, *last;
};

/* A block. */
struct reorder {
	struct lana_userblock *block;
	struct flow *buckets[REORDER_FLOWS];
	struct flows busy, offered;
	struct spread spreads[LANA_PATHS];
	uint32_t flows;
	uint32_t held;		    /* packets of all */
	int turns, offers, recents; /* maps */
	uint64_t timer;		    /* is set to; UINT64_MAX: is not set */
};

static inline struct reorder *reorder_of(const struct lana_userblock *block)
{
	return block->state;
}

/* How long packets of the flow may wait. */
uint64_t flow_patience(const struct reorder *reorder, const struct flow *flow);

/* A packet of the flow, which is to go on or to wait. */
void flow_take(struct reorder *reorder, struct flow *flow, const struct held *packet);

/* Let go of what has waited too long, and of all that is in order then. */
void flow_expire(struct reorder *reorder, struct flow *flow, uint64_t now);

/* Let go of all, in order. */
void flow_flush(struct reorder *reorder, struct flow *flow);

/* ---- table.c -------------------------------------------------------------------------------- */

/* NULL: there is none. */
struct flow *table_find(struct reorder *reorder, const struct reorder_key *key);

/* Make one, in the busy list, in the place of an old one if need be. NULL: all are busy. */
struct flow *table_add(struct reorder *reorder, const struct reorder_key *key, uint8_t path);

/* Move it to the end of the list of those that are offered to the kernel half, or are not. */
void table_move(struct reorder *reorder, struct flow *flow, bool offered);

void table_remove(struct reorder *reorder, struct flow *flow);

#endif
