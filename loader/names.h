/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names - say in the stack's words what the numbers of a probe mean
 */
#ifndef LOADER_NAMES_H
#define LOADER_NAMES_H

#include "stack.h"

/* How a packet with that verdict leaves a block of the type on that path. */
void way_of(const char (*ports)[LANA_NAME_MAX], enum lana_path path, __s32 verdict,
	    struct lana_way *way);

/* "short", "policy", … */
void way_reason(__u32 reason, char name[LANA_NAME_MAX]);

/* The names of a stack's blocks and ports as they were when last looked at. */
struct names {
	struct lana_stack *stack;
	__u32 generation;
	__u32 limit; /* no IDP from here on is used; 0: never looked */
	struct {
		char block[LANA_NAME_MAX]; /* empty: there is none */
		char ports[LANA_PORTS_MAX][LANA_NAME_MAX];
		__u16 bound[LANA_PATHS]; /* bit n: port n leads somewhere */
	} * blocks;
};

void names_free(struct names *names);

/* Look again if the stack was changed since, or a number is not known. */
int names_refresh(struct names *names, __u32 idp, struct lana_error *error);

/* Is there a block of that name? */
bool names_has(const struct names *names, const char *block);

/* What a record says of a block, which must be known. */
void names_way(const struct names *names, const struct probe_record *record, struct lana_way *way);

/* Does the port of a way lead nowhere? */
bool names_unbound(const struct names *names, __u32 idp, const struct lana_way *way);

#endif
