/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tap - the code of probes, as the weaver puts it where a packet enters a block and leaves it
 */
#ifndef LOADER_TAP_H
#define LOADER_TAP_H

#include "code.h"
#include "weave.h"

/*
 * Append what is to be done where the block begins. r1 is the hook's context, and stays; all else
 * is lost.
 */
void tap_enter(struct code *code, const struct weave_block *block);

/*
 * The same where it ends: r1 is the context and r3 the verdict, both stay, and are kept for
 * tap_lost().
 */
void tap_leave(struct code *code, const struct weave *w, const struct weave_block *block);

/*
 * Keep them for tap_lost() anew, the packet having been elsewhere meanwhile: r1 is the context, and
 * stays.
 */
void tap_again(struct code *code, const struct weave_block *block, __s32 verdict);

/*
 * The same where a packet is dropped after that. r6 is the byte offset of the counter in the
 * block's cell, and stays; r8 and r9 are as tap_leave() left them.
 */
void tap_lost(struct code *code, const struct weave *w, const struct weave_block *block);

/*
 * In the program that stands in the slot of a port that leads nowhere any more: the block, which
 * told that the packet left, does not come to tap_lost(). All but r6 to r9 is lost.
 */
void tap_miss(struct code *code, const struct weave_block *block, __u32 port);

#endif
