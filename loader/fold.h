/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fold - take out of a program what the weaver knows already
 *
 * Blocks are compiled one by one, so each looks up afresh what its neighbours have just found:
 * the CPU's counters, the packet's length, where the context is. And their options are read from memory,
 * though they are known when the program is woven. Folding follows the values of registers
 * through the whole program (constant propagation along the ways that can be taken: Wegman and Zadeck, 1991), and
 *
 *	reads of options become numbers, and branches on them are decided;
 *	what was computed before, and is still in a register that no block uses, is not computed
 *	again, and counters are addressed from there;
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

/* -ENOMEM */
int fold(struct code *code, const struct fold_config *configs);

#endif
