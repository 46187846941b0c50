/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hook - what other parts of the library need of device blocks
 */
#ifndef LOADER_HOOK_H
#define LOADER_HOOK_H

#include "op.h"

/* Detach a device's roots and undo what was changed at its peer; its record stays. */
void hook_detach(struct lana_stack *stack, __u32 idp);

/*
 * Hook a device: op->name is the block's name, op->other the device. Passing: as a part of a
 * commit, which has the device's packets go to the kernel, and lets recovery unhook it, until the
 * record says otherwise.
 */
int hook_now(struct lana_stack *stack, const struct op *op, bool passing, __u32 *idp,
	     struct lana_error *error);

/* Check that it could be, and edit the records as if it were. */
int hook_try(struct commit *commit, const struct op *op, struct lana_error *error);

/* Detach a device that is not bound, and remove its block. */
int unhook_now(struct lana_stack *stack, __u32 idp, bool unseen, struct lana_error *error);

/* Remove the stack, which is locked: what lana_stack_flush() does. */
int flush_locked(struct lana_stack *stack, struct lana_error *error);

/* Undo hooks and finish unhooks that were begun by a writer that was killed. */
int hook_recover(struct lana_stack *stack, struct lana_error *error);

#endif
