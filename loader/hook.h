/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hook - what other parts of the library need of device blocks
 */
#ifndef LOADER_HOOK_H
#define LOADER_HOOK_H

#include "stack.h"

/* Detach a device's roots and undo what was changed at its peer; its record stays. */
void hook_detach(struct lana_stack *stack, __u32 idp);

/* Remove the stack, which is locked: what lana_stack_flush() does. */
int flush_locked(struct lana_stack *stack, struct lana_error *error);

/* Undo hooks and finish unhooks that were begun by a writer that was killed. */
int hook_recover(struct lana_stack *stack, struct lana_error *error);

#endif
