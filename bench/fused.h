/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fused.h - stacks behind one hooked veth, and programs written by hand behind another
 *
 *	gen                lana
 *	out0 ──────── in0  root → blocks → drop
 *	out1 ──────── in1  a program of monolith.bpf.c
 */
#ifndef FUSED_H
#define FUSED_H

#include <stdbool.h>

struct fused;

/* Make the namespaces "gen" and "lana", with the veths; the process ends if that fails. */
struct fused *fused_open(void);
void fused_close(struct fused *fused);

/* Let the stack be a chain of blocks of one type and a drop, fused or not. */
void fused_chain(struct fused *fused, const char *type, unsigned int blocks, bool fuse);

/* Let it be the stack that `real` of monolith.bpf.c is. */
void fused_real(struct fused *fused);

/* Let it be what a stack file says, with blocks fused; its one hook is in0. */
void fused_apply(struct fused *fused, const char *text);

/* The program attached to in0, which stays the same. */
int fused_root(const struct fused *fused);

struct lana_stack *fused_stack(const struct fused *fused);

/*
 * Attach a program by hand to in1, in the place of the one before. The descriptor stays fused's,
 * until the next call.
 */
int fused_hand(struct fused *fused, const char *name);

/* Detach it: in1 is without a program. */
void fused_no_hand(struct fused *fused);

/* The same of the one that counts in so many places. */
int fused_hand_count(struct fused *fused, unsigned int blocks);

#endif
