/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * folder - the folder of a stack in bpffs: made, locked, trusted, removed
 */
#ifndef LOADER_FOLDER_H
#define LOADER_FOLDER_H

#include "stack.h"

/* Is bpffs mounted there? -ENODEV says what to do. */
int folder_check_bpffs(const char *bpffs, struct lana_error *error);

/*
 * Open the stack's folder and lock it; with create, make it first. -ENOENT: there is none.
 * -EPERM: it is another user's, who could change what root does by it.
 */
int folder_open(const struct lana_stack *stack, bool create, int *fd, struct lana_error *error);

/* Remove all that is in the folder, the registry last, and the folder. */
int folder_remove(const struct lana_stack *stack);

/* Say what could not be done, and which privilege it takes if that is why. */
int folder_refuse(int err, struct lana_error *error, const char *what);

#endif
