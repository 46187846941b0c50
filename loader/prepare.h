/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * prepare - what the steps of preparing a commit share; for the files prepare*.c alone
 */
#ifndef LOADER_PREPARE_H
#define LOADER_PREPARE_H

#include <errno.h>

#include "error.h"
#include "graph.h"

struct preparation {
	struct commit *commit;
	struct lana_stack *stack;
	struct graph *graph;
	struct lana_error *error;
	__u32 nodes;   /* no node from here on is used */
	bool *dirty;   /* by node: its part of a program is not what it was */
	bool *rebound; /* the same, if it is woven as a branch that only reads */
	bool any_dirty;
	__u32 *woven_at; /* by node: 1 + index in commit->woven; 0: not woven */
};

static inline int no_memory(struct preparation *p)
{
	return refuse(p->error, -ENOMEM, "out of memory");
}

/* Was the block's code or what is woven into it changed? */
bool change_of_code(const struct change *change);

/* Does any block lead elsewhere, or in another way? */
bool commit_edges_changed(const struct commit *commit);

/* May any block do what it could not, or the other way round? */
bool commit_nature_changed(const struct commit *commit);

/* Is there a block in it that a packet leaves by several ports? */
bool segment_copies(const struct preparation *p, const struct segment *segment);

/* Choose how packets are copied. -EAGAIN: edges are to be fused first, begin again. */
int prepare_copies(struct preparation *p);

/* Mark what is not what it was; and then, is any of it in the segment? */
void prepare_find_dirty(struct preparation *p);
bool segment_is_dirty(const struct preparation *p, const struct segment *segment);

/* Weave and load. -EAGAIN: edges were cut, begin again. */
int prepare_weave(struct preparation *p);

/* Let go of what was woven. */
void prepare_forget(struct preparation *p);

/* List what is to be written. */
int prepare_slots(struct preparation *p);

#endif
