/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * graph - the stack as a commit wants it to be, for walking through
 *
 * A node is a block on one path. Its edges are those of the block's ports on that path, and, of a
 * type that turns packets round, on the other path too. An edge is fused if both ends are in one
 * program, a plain jump; otherwise it is cut, a tail call by the port's slot. All that is reached
 * from a node by fused edges alone is its segment; the first node of a segment is its head. Every
 * node that a cut edge leads to is a head. A node may be in several segments.
 */
#ifndef LOADER_GRAPH_H
#define LOADER_GRAPH_H

#include "commit.h"

#define SEGMENT_MAX 64				  /* nodes of a segment */
#define EDGES_MAX   (LANA_PORTS_MAX * LANA_PATHS) /* that leave a node */

static inline __u32 node_of(__u32 idp, int path)
{
	return idp * LANA_PATHS + path;
}

static inline __u32 node_idp(__u32 node)
{
	return node / LANA_PATHS;
}

static inline int node_path(__u32 node)
{
	return node % LANA_PATHS;
}

struct graph_edge {
	__u32 to;  /* node */
	__u8 path; /* of the port, and so of the node that it leads to */
	__u8 port;
	bool fused;
};

struct segment {
	__u32 nodes[SEGMENT_MAX]; /* each behind all that lead to it; the first is the head */
	size_t count;
};

/* The records as they shall be; NULL: no memory. */
struct graph *graph_new(struct commit *commit);
void graph_free(struct graph *graph);
void graph_free_p(struct graph **graph);

/* The record of a block; NULL: there is none. */
const struct record *graph_record(const struct graph *graph, __u32 idp);

/* No IDP from here on is used. */
__u32 graph_limit(const struct graph *graph);

/* Change a record, as commit_edit() does. NULL: no memory. */
struct record *graph_edit(struct graph *graph, __u32 idp);

/* The bound edges that leave a node; how many. */
size_t graph_edges(const struct graph *graph, __u32 node, struct graph_edge edges[EDGES_MAX]);

/* The segment that begins with a node. False: it is larger than SEGMENT_MAX, or goes in circles. */
bool graph_segment(struct graph *graph, __u32 head, struct segment *segment);

/*
 * Fuse what may be: every edge whose ends fit into one segment, but for those marked hot or
 * stuck, those that leave a device, and those that close a circle. Edges that are fused stay so.
 * -ENOMEM
 */
int graph_fuse(struct graph *graph);

/* Let no edge of the stack be fused. -ENOMEM */
int graph_unfuse(struct graph *graph);

/*
 * The kernel refuses the program of a segment of several nodes: mark edges in the middle as stuck,
 * so that two are made of it.
 */
int graph_split(struct graph *graph, const struct segment *segment);

#define TAIL_CALLS_MAX 33 /* the kernel's MAX_TAIL_CALL_CNT */

/* Ports whose slots hold a switch, which is one more tail call: by IDP. */
typedef __u16 graph_switched[LANA_PATHS];

/*
 * The most tail calls that a packet makes on its way from a hook, the root's included, if no node
 * comes twice; *path is set to nodes of such a way, of which the caller frees the array. switched
 * and path may be NULL. -ENOMEM
 */
int graph_depth(const struct graph *graph, const graph_switched *switched, __u32 **path,
		size_t *path_count);

#endif
