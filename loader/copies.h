/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * copies - how a block sends a packet on by several ports at once
 *
 * A way that begins at one of the ports is a branch. If all that can happen in it is that the
 * packet is read and its way ends there, in a drop or at an unbound port, and all of it is in the
 * block's own program, the packet can go that way, come back, and take the next. Of the other
 * branches one gets the packet itself, and each further one a copy.
 */
#ifndef LOADER_COPIES_H
#define LOADER_COPIES_H

#include "walk.h"

/* record.nature: what the block may do, by its code and its options, at XDP or at tc. */
enum nature {
	NATURE_KNOWN = 1,
	NATURE_READS = 2,   /* packets and no more than that, see struct weave_nature */
	NATURE_COPIES = 4,  /* return LANA_ALL */
	NATURE_LEADS = 8,   /* return a port */
	NATURE_PASSES = 16, /* give a packet to the kernel */
};

static inline enum lana_copying copying_of(const struct record *record)
{
	return record->copies & 0xf;
}

/* Does it send both copies of a packet to one port? */
static inline bool copies_one_port(const struct record *record)
{
	return copying_of(record) >= LANA_COPYING_TWICE;
}

/* Does a packet leave the block by several ports? If that is not known it is taken to do so. */
static inline bool copies_here(const struct record *record)
{
	return record->copies &&
	       (!(record->nature & NATURE_KNOWN) || record->nature & NATURE_COPIES);
}

/* What becomes of a packet; ports are bits. The last one may be one of the others, too. */
struct copying {
	__u32 inlined; /* ports whose branches it goes through and comes back from */
	__u32 copied;  /* ports that copies leave by */
	int last;      /* port that it leaves by itself; -1: none is bound */
};

/*
 * Of a node that copies. Among branches that need copies the packet itself is for one that may end
 * in the kernel, which meets a copy at the device once more.
 */
void copies_of(const struct graph *graph, __u32 node, struct copying *copying);

/*
 * Mark nodes that make copies, if it may hang on what the commit changes behind them which port is
 * the packet's own. *any becomes true if there is one. -ENOMEM
 */
int copies_mark(const struct graph *graph, const struct commit *commit, bool *dirty, bool *any);

/* Learn the nature of all blocks on which it depends how packets are copied. */
int copies_learn(struct graph *graph, struct lana_stack *stack, struct lana_error *error);

/* May the edge be fused, as far as copies are concerned? It must not be if it is to lead a copy. */
bool copies_may_fuse(const struct graph *graph, __u32 node, const struct graph_edge *edge);

/* Would the node need no copies if only nothing kept its branches from being fused? */
bool copies_for_cuts(const struct graph *graph, __u32 node);

/* Nodes that copies are made at; 0: none are. */
struct copied {
	__u32 node;
	/* And packets come there at XDP: */
	__u32 at_xdp;
	__u32 most;    /* copies of one packet, by broadcast */
	__u32 device;  /* IDP of a device that they come by; 0: none, they are made */
	__u32 another; /* of one in another network namespace; 0: there is none */
	__u32 generic; /* of one that generic XDP serves; 0: there is none */
};

/*
 * Have copies leave by edges that are not fused. -ENOMEM. -ELOOP: a copy comes back to where it was
 * made, copied->node.
 */
int copies_settle(struct graph *graph, struct copied *copied);

/*
 * A node that cuts packets, whose parts lead somewhere but not back to it; 0: none is. -ENOMEM
 */
int copies_find_stray(const struct graph *graph, __u32 *stray);

/* Does a packet leave the block by copies, on any path? */
bool copies_are_made(const struct graph *graph, __u32 idp);

/* ---- copies_xdp.c --------------------------------------------------------------------------- */

/*
 * Find what is copied at XDP, where a device's hook, the program of a socket, a worker or a
 * generator brings packets. Of *copied only what concerns XDP is written. -ENOMEM
 */
int copies_find_xdp(const struct graph *graph, struct copied *copied);

/* Walk to all nodes that packets come to at XDP. -ENOMEM */
int copies_reach_xdp(const struct graph *graph, struct walk *walk);

/* ---- copies_expand.c ------------------------------------------------------------------------ */

#define INSTANCES_MAX 128

/*
 * The segment that begins with a node, with each block of a branch as often as there are other ways
 * to go on behind it; all is filled in but the sources. -E2BIG: they are more than INSTANCES_MAX,
 * or more instructions than a program should have.
 */
int copies_expand(const struct graph *graph, __u32 head, struct node nodes[INSTANCES_MAX],
		  size_t *count);

#endif
