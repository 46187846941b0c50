/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fold - take out of a program what the weaver knows already
 *
 * Blocks are compiled one by one, so each looks up afresh what its neighbours have just found: the
 * CPU's counters, the packet's length, where it is, whether enough of it is there, its type. And
 * their options are read from memory, though they are known when the program is woven. Folding
 * follows the values of registers through the whole program (constant propagation along the ways
 * that can be taken: Wegman and Zadeck, 1991), and
 *
 *	reads of options become numbers, and branches on them are decided;
 *	what was looked up before is kept in a register that is free all the while, and counters and
 *	packets are addressed from there;
 *	what was asked about a packet before is not asked again;
 *	what cannot be reached, or computes what nobody reads, goes.
 *
 * Only the main program is folded, subprograms stay as they are.
 */
#ifndef LOADER_FOLD_H
#define LOADER_FOLD_H

#include "code.h"

/* The options of the blocks, by the number in OP_CONFIG. */
struct fold_config {
	const void *bytes;
	size_t size;
};

/* -ENOMEM. -E2BIG: it uses more of the stack than can be. */
int fold(struct code *code, const struct fold_config *configs);

/*
 * Of a program that was folded: does it only read the packet? And bit n of *kinds: it may come to a
 * tail call with key n. Where that cannot be told, it does not, and may. -ENOMEM
 */
int fold_examine(struct code *code, const struct fold_config *configs, bool *reads, __u32 *kinds);

#endif
