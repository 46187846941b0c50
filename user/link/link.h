/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * link - what the files of the user-space half have in common
 *
 *	user/link.c	 packets and settings
 *	user/link/tell.c what is shared with the kernel half, and with whoever looks
 */
#ifndef USER_LINK_LINK_H
#define USER_LINK_LINK_H

#include <lana/userblock.h>

#include "engine/config.h"
#include "engine/engine.h"

/* How often the host was late, since when and until when. */
struct lateness {
	__u64 count, first, last;
};

/* A path of a block. */
struct road {
	struct lana_userblock *block;
	struct engine_link *link; /* NULL: the kernel half has the packets */
	struct link_status *status;
	struct engine_counters before; /* what was counted when the link began */
	struct lateness late;	       /* before the meter began, the last time */
	bool stirred;		       /* something has happened since the last report, */
	__u64 reported;		       /* which was then */
	__u64 received;		       /* packets */
	__u64 turn, quiet;	       /* what status->turn was, since when */
	struct road *next;	       /* in the hub's list of those that have a link */
	__u32 path;
};

struct link {
	struct road roads[LANA_PATHS];
	struct link_config given;  /* the last that was right */
	struct link_config config; /* and what it amounts to */
	struct link_status *status;
	int fates;
	struct lana_userblock *next; /* in the hub's list */
};

/* What all links of the worker share. */
struct hub {
	struct engine *engine;
	struct engine_packet *packets; /* by number of frame, as are */
	struct lana_userpacket *frames;
	struct lana_userblock *blocks; /* the first one's timer is that of all */
	struct road *roads, *telling;  /* that have a link; the next one to be told of */
	__u32 stirred;		       /* of these */
	__u64 tell, hand;	       /* when to; 0: there is nothing to */
};

static inline struct link *link_of(const struct lana_userblock *block)
{
	return block->state;
}

static inline struct hub *hub_of(const struct lana_userblock *block)
{
	return block->shared;
}

/* Open the maps of the block's kernel half; what is open is to be closed, also if that fails. */
int maps_open(struct lana_userblock *block);
void maps_close(struct link *link);

/* How far packets' fates are: where the kernel half was, with a seed in any case; and back. */
void fates_load(const struct link *link, __u32 path, struct lana_fates *fates);
void fates_save(const struct link *link, const struct road *road);

/* Write settings and seed (0: as it was). */
void tell_settings(struct lana_userblock *block, struct link_status *status, __u64 seed);

/* Something happens to the road's packets: it is to be told of. */
void tell_stir(struct hub *hub, struct road *road, __u64 now);

/*
 * It is time to, by hub->tell: write counters of some links, and a report, which takes some
 * microseconds, of one.
 */
void tell(struct hub *hub, __u64 now);

/* The road has its link now, or is about to lose it, with all that it holds sent. */
void tell_begin(struct road *road, __u64 now);
void tell_end(struct road *road, __u64 now);

/* The meter begins again, as settings have changed; how often the host was late stays. */
void tell_anew(struct road *road, __u64 now);

#endif
