/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/chance.h - what happens to some packets in a billion, each on its own
 */
#ifndef LANA_CHANCE_H
#define LANA_CHANCE_H

#include <stdbool.h>

#include <lana/block.h>
#include <lana/random.h>

/* What a block keeps for each path: an array map of LANA_PATHS of these. */
struct lana_chance_path {
	__u64 packets; /* that came, if there is a seed */
};

/*
 * Is it this packet's turn? chance: in a billion. With a seed that follows from it, the stream (a
 * type's own number) and the packet's number on its path; without (0) it is another one each time.
 */
static __always_inline bool lana_happens(const struct lana_pkt *pkt, void *paths, __u32 stream,
					 __u64 seed, __u64 chance)
{
	__u32 number = lana_path(pkt), draw;
	struct lana_chance_path *path;

	if (!chance)
		return false;
	if (seed) {
		path = bpf_map_lookup_elem(paths, &number);
		if (!path)
			return false; /* cannot be */
		draw = lana_random(seed, stream + number,
				   __sync_fetch_and_add(&path->packets, 1)) >>
		       32;
	} else {
		draw = bpf_get_prandom_u32();
	}
	return lana_random_happens(draw, chance);
}

#endif
