/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fate - what becomes of a link's packets, one by one, as the seed has it
 *
 * Packets are numbered as they leave the transmitter. Everything that is drawn is drawn by number
 * (lana/random.h), from a stream of its own, so nothing that is switched on or off changes what
 * becomes of packets otherwise. The order is that of blocks loss, corrupt and duplicate one behind
 * the other, with the fates that these give: duplicate numbers those that the others have let
 * through.
 */
#ifndef ENGINE_FATE_H
#define ENGINE_FATE_H

#include "engine.h"

struct fate {
	__u64 packets; /* that left the transmitter */
	bool lossy;    /* not all go on as they are: loss, ge_*, ber, duplicate */
	bool uneven;   /* not all take the same time: jitter, reorder */
	bool bad;      /* the state of the Gilbert-Elliott model */
	__u32 path;
	__u64 seed;
	unsigned __int128 every;	  /* bits, of which one is hit, times 2^16; 0: none */
	__u64 gap;			  /* bits until the next one that is hit */
	__u64 gaps;			  /* that were drawn */
	__s64 correlated;		  /* the jitter's last value */
	__u32 correlation, rest;	  /* jitter_correlate() */
	const struct jitter_table *table; /* NULL: uniform */
	const struct jitter_table *own_table;
};

/* Let a config apply; table: the user's, or NULL. */
void fate_configure(struct fate *fate, const struct link_config *config,
		    const struct jitter_tables *tables, const struct jitter_table *table,
		    __u64 given_seed);

/*
 * If lossy, what happens to the packet on its way: ENGINE_LOST, ENGINE_CORRUPTED, or
 * ENGINE_NOT_DROPPED. Bits are turned over, and copies is set. After that, packets is one more.
 */
enum engine_drop fate_decide(struct engine_link *link, struct engine_packet *packet);

/*
 * If uneven, how long the packet is on its way, and whether it may be passed by others meanwhile
 * (reorder; it is held back then).
 */
__u64 fate_delay(struct engine_link *link, bool *held_back);

/* No packet is on its way for less. */
__u64 fate_delay_min(const struct engine_link *link);

#endif
