/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types - the types that a stack has loaded: the folder of their object files, and this
 * handle's cache of parsed ones, verified as far as they were woven
 */
#ifndef LOADER_TYPES_H
#define LOADER_TYPES_H

#include "stack.h"

/*
 * A version of a type that is loaded; the stack is locked. The cache owns *type. types_get() has it
 * verified, without which nothing is woven; that takes the kernel up to some hundred ms.
 * types_read() is for who wants its names and structs alone.
 */
int types_read(struct lana_stack *stack, const char *name, __u32 version, const struct type **type,
	       struct lana_error *error);
int types_get(struct lana_stack *stack, const char *name, __u32 version, const struct type **type,
	      struct lana_error *error);

/* The newest version, loaded from the folders of the options if the stack has none. */
int types_current(struct lana_stack *stack, const char *name, const struct type **type,
		  struct lana_error *error);

/*
 * Read NAME.bpf.o from folders with ':' between (NULL: the installed one), for its names and
 * structs alone: no stack and no privilege is needed. type_free() frees it. -ENOENT
 */
int types_parse(const char *folders, const char *name, struct type **type,
		struct lana_error *error);

/*
 * After a refusal: remove a type that was loaded for the sake of what was refused, unless a
 * change that was begun and is pending needs it.
 */
void types_undo(struct lana_stack *stack, const char *name);

/* Newest version that the stack has of a type; 0: none. */
__u32 types_version(const struct lana_stack *stack, const char *name);

/* Has the stack any type? */
bool types_any(const struct lana_stack *stack);

/* Empty the cache. */
void types_forget(struct lana_stack *stack);

#endif
