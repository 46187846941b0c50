/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * move - bring the entries of a block's map to another map, while code works on both
 *
 *	begin	before the change is decided: copy each entry to a snapshot, pinned as
 *		state/CELL@MAP@was, and its converted value to the new map
 *	finish	when no old code runs any more: what differs between the old map and the
 *		snapshot, the old code has written meanwhile; bring that over too
 *
 * An entry is brought over in one run of a BPF program, which notes it in the snapshot as well. So
 * finish may be cut short anywhere and be done again.
 */
#ifndef LOADER_MOVE_H
#define LOADER_MOVE_H

#include "convert.h"
#include "state.h"

/* Values that the program for a map does not reach are refused. */
#define MOVE_SIZE_MAX 8192 /* bytes of a key and a value together */

struct move {
	struct lana_stack *stack;
	struct state old, new;
	const struct bpf_map *from, *to; /* of the types */
	const struct convert *convert;	 /* from the one's values to the other's */
};

/* Can such a map be moved at all? */
bool move_knows(enum bpf_map_type type);

int move_begin(const struct move *move, struct lana_error *error);
int move_finish(const struct move *move);

/* ---- the program -------------------------------------------------------------------------- */

/* What it is told, in a map of its own: these parts one behind the other. */
struct move_layout {
	__u32 expected; /* value that the new map has if the new code has not touched the entry */
	__u32 value;	/* that it shall have then; sums are left alone */
	__u32 sums;	/* __u64 each: what they are in the old map */
	__u32 size;	/* of all; the key is first */
};

struct move_layout move_layout(__u32 key_size, const struct convert *convert);

/* Of the bytes of a value, which are to be compared and stored: plain, see convert_plain(). */
int move_program(int new, int was, int work, const struct move_layout *layout,
		 const struct convert *convert, const __u8 *plain);

/* Run it on this CPU. */
int move_run(int program);

#endif
