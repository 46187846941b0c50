/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop - devices by which copies of packets come back to the stack at XDP
 *
 * An XDP program can have the kernel send its packet to all devices of a map, and cannot go on with
 * it then. So it sends it to the ends of veth pairs: what is sent to one comes in by the other, and
 * copy n goes on where the program there leads it. Both ends of a pair serve, each for a copy.
 *
 * The page (struct lana_loops) stays once it was made. complete is written when all that a copy
 * meets is there; count before the first device is made. A stack whose writer was killed in between
 * has devices that the next one makes whole, or removes if nothing needs them.
 */
#ifndef LOADER_LOOP_H
#define LOADER_LOOP_H

#include <maps/loops.h>

#include "findings.h"
#include "stack.h"

/* Blocks that copies are made at, at XDP, and the devices that packets come to them by. */
struct loop_need {
	__u32 count; /* copies of one packet; 0: none are needed */
	__u64 netns; /* of the devices */
};

/*
 * Have loops for so many copies. *grown: there were not so many before, so programs woven until
 * then do not know them. -EBUSY: there are some, in another network namespace.
 */
int loops_ensure(struct lana_stack *stack, const struct loop_need *need, bool *grown,
		 struct lana_error *error);

/* Have lives counted from now on: they are where something names a block while it waits. */
int loops_count_lives(struct lana_stack *stack, struct lana_error *error);

/* A new block gets the IDP: copies that still wait for the one before it are not its own. */
void loops_new_life(struct lana_stack *stack, __u32 idp);
__u32 loops_life(struct lana_stack *stack, __u32 idp);

/* The map of devices that makes so many copies: a descriptor to be closed, or a negative errno. */
int loops_map(const struct lana_stack *stack, __u32 copies);

/* Remove the loops if no block needs them any more. What fails is tried again. */
void loops_settle(struct lana_stack *stack);

/* Remove them. */
int loops_flush(struct lana_stack *stack);

void loops_check(struct lana_stack *stack, struct findings *findings);

/* ---- loop_device.c ------------------------------------------------------------------------- */

/* In the namespace of the loops: */

/* Make what is missing of the pair that a loop is an end of; ifindex of the end. */
int loop_make(const struct lana_stack *stack, const struct lana_loops *loops, __u32 number,
	      __u32 *ifindex);

/* Let copies of that number that come in by the end go on. */
int loop_attach(const struct lana_stack *stack, __u32 number, __u32 ifindex);

int loop_remove(const struct lana_loops *loops, __u32 number);

#endif
