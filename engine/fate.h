/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fate - what becomes of a link's packets, one by one: lana/fates.h, and how long they take
 */
#ifndef ENGINE_FATE_H
#define ENGINE_FATE_H

#include "engine.h"

struct fate {
	struct lana_fates state;
	bool lossy;  /* not all go on as they are: loss, ge_*, ber, duplicate */
	bool uneven; /* not all take the same time: jitter, reorder */
	__u64 seed;
	__s64 correlated;		  /* the jitter's last value, if there was one */
	bool follows;			  /* there was */
	__u32 correlation, rest;	  /* jitter_correlate() */
	const struct jitter_table *table; /* NULL: uniform */
	const struct jitter_table *own_table;
};

/* Let a config apply; table: the user's, or NULL. */
void fate_configure(struct fate *fate, const struct link_config *config,
		    const struct jitter_tables *tables, const struct jitter_table *table);

/*
 * If lossy, what happens to the packet on its way: ENGINE_LOST, ENGINE_CORRUPTED, or
 * ENGINE_NOT_DROPPED. Bits are turned over, and copies is set. After that, state.packets is one
 * more.
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
