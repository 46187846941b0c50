/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * walk - all nodes of a graph that packets come to from somewhere
 */
#ifndef LOADER_WALK_H
#define LOADER_WALK_H

#include "graph.h"

/* Nodes to go to, each once. Zero before walk_begin(). */
struct walk {
	bool *seen;
	__u32 *todo;
	size_t pending;
};

/* Nothing has been seen yet, again. -ENOMEM */
int walk_begin(struct walk *walk, const struct graph *graph);
void walk_free(struct walk *walk);

/* Go to a node, if it was not seen. */
void walk_to(struct walk *walk, __u32 node);

/* Go on to where the edges of a node lead. */
void walk_out(struct walk *walk, const struct graph *graph, __u32 node);

/* The same if ways do not end at the node. */
void walk_on(struct walk *walk, const struct graph *graph, __u32 node);

/* Go on until there is nowhere left to go. */
void walk_through(struct walk *walk, const struct graph *graph);

/* Devices end ways. */
bool walk_ends(const struct graph *graph, __u32 node);

#endif
