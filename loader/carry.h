/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * carry - what becomes of a block's state when other code takes it over
 *
 * If both types lay it out alike the block keeps its cell, and the new code goes on with all that
 * is there. If not, it gets another cell: maps that are alike become maps of that cell too; the
 * values of all others are converted before the change is decided (move.h). Once no old code runs,
 * what it counted is added, as counts of no CPU, and what it wrote since is brought over. Both can
 * be done again if the writer is killed.
 */
#ifndef LOADER_CARRY_H
#define LOADER_CARRY_H

#include "commit.h"

/* Carry options over into config, which is zero. */
int carry_config(struct commit *commit, const struct record *record, const struct type *old,
		 const struct type *new, bool may_lose, __u8 *config, struct lana_error *error);

/* Let the block keep its filter, if its new type has one too. After carry_config(). */
int carry_filter(struct commit *commit, struct record *record, const struct type *new,
		 bool may_lose, struct lana_error *error);

/*
 * Choose the cell of a block that shall be of another type, and make its maps. What would be lost
 * is refused; with drop all begins anew.
 */
int carry_begin(struct commit *commit, __u32 idp, const struct type *type, bool drop,
		struct lana_error *error);

/*
 * Give a block whose type stays, or was chosen by an earlier step, a cell that no code works on
 * yet, if it has none: over the same maps, which the caller may make anew.
 */
int carry_apart(struct commit *commit, struct change *change, const struct type *type,
		struct lana_error *error);

/* Take back what an earlier step of the commit has chosen for the block. */
void carry_forget(struct commit *commit, struct change *change);

/* After publish(), before the records are stored. */
int carry_finish(struct commit *commit);

#endif
