/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state - what a block keeps between packets: its counter cell and its type's own maps
 *
 * Both go by the number of the cell. Blocks of one type share no state: each has a copy of the
 * maps that its source declares, pinned as state/CELL@MAP. New code over the same cell takes
 * up the state as it is; code that begins anew gets another cell.
 */
#ifndef LOADER_STATE_H
#define LOADER_STATE_H

#include "stack.h"

struct commit;

/* The lowest cell that no block uses. */
__u32 state_free_cell(const struct commit *commit);

/* What a block was, and where its state is. */
struct state {
	const struct type *type;
	__u32 cell;
};

/*
 * Clear a cell and make maps for a block of that type: fresh ones, but those that the block had
 * before in just the same form stay (before NULL: it was not there).
 */
int state_create(struct lana_stack *stack, const struct type *type, __u32 cell,
		 const struct state *before, struct lana_error *error);

/*
 * Make own[i] of a type anew, with room for so many entries (0: as the type has it) and empty, in a
 * cell that no code works on yet; *fd is the caller's to close.
 */
int state_renew(struct lana_stack *stack, const struct type *type, __u32 i, __u32 cell,
		__u32 entries, int *fd, struct lana_error *error);

/* Remove the maps of a cell, if there are any. */
void state_remove(struct lana_stack *stack, __u32 cell);

/* Remove the maps of all cells that no block uses. */
void state_remove_orphans(struct lana_stack *stack);

/*
 * Open the maps of a cell: own[i].instance for each of the type's own[i].template. The caller
 * closes the instances with state_close().
 */
int state_open(const struct lana_stack *stack, const struct type *type, __u32 cell,
	       struct weave_own *own, struct lana_error *error);
void state_close(struct weave_own *own, size_t count);

/* Can code of the second type work on the state of the first? */
bool state_equal(const struct type *a, const struct type *b);

/* The same of one map, and of its keys alone. */
bool state_maps_equal(const struct type *a, const struct bpf_map *map, const struct type *b,
		      const struct bpf_map *other);
bool state_keys_equal(const struct type *a, const struct bpf_map *map, const struct type *b,
		      const struct bpf_map *other);

/* The type's own map of the same name; NULL: it has none. */
const struct bpf_map *state_twin(const struct type *type, const struct bpf_map *map);

/* BTF id of the counters struct; 0: it is empty. */
__u32 state_counters_id(const struct type *type);

/* What was counted in a cell on one path, on all CPUs and before. */
void state_sum(const struct lana_stack *stack, struct lana_cell *cell, int path,
	       struct lana_path_cell *sum);

/* The same of events. */
void state_sum_events(const struct lana_stack *stack, struct lana_cell *cell,
		      struct lana_events_cell *sum);

#endif
