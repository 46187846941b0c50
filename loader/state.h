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

/* Clear a cell and make fresh maps for a block of that type. */
int state_create(struct lana_stack *stack, const struct type *type, __u32 cell,
		 struct lana_error *error);

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

/* Can code of one type work on the state of the other? */
bool state_equal(const struct type *a, const struct type *b);

/* Has the type any? */
bool state_exists(const struct type *type);

#endif
