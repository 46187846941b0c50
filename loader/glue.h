/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * glue - what stands in a woven program where a block's code ends; for the weaver alone
 */
#ifndef LOADER_GLUE_H
#define LOADER_GLUE_H

#include "code.h"
#include "template.h"

/* What a hook's program returns to say so. */
extern const struct glue_verdicts {
	__s32 pass, sent, drop;
} glue_verdicts[LANA_FLAVOURS];

struct weaver {
	const struct weave *weave;
	struct code code;
	struct part *parts; /* the blocks, then the hearers */
	bool examines;	    /* the glue only tells verdicts apart, see weave_nature() */
};

/* Verdicts as weave_nature() tells them apart, but for drops: keys of tail calls. */
enum glue_kind { GLUE_LEADS = 1, GLUE_COPIES, GLUE_ENDS };

/*
 * A jump to another block, or to a step of one, stands for its number until all of them have their
 * places.
 */
#define GLUE_BLOCK 0x80000000
#define GLUE_STEP  0x40000000

static inline __u32 glue_step(__u32 block, __u32 step)
{
	return GLUE_STEP | block << 8 | step;
}

/*
 * Where the glue keeps what it needs to count, the byte offset of the counter in the block's cell:
 * the packet's way ends here, so the registers that outlast calls are free.
 */
#define GLUE_INDEX BPF_REG_6

static inline size_t glue_path(enum lana_path path)
{
	return offsetof(struct lana_cell, path[path]);
}

static inline size_t glue_unbound(enum lana_path path, __u32 port)
{
	return glue_path(path) + offsetof(struct lana_path_cell, unbound[port]);
}

/* Append in the place of the template's tail call: r1 context, r3 verdict. */
void glue_emit(struct weaver *weaver, struct part *part);

/* Append one more on the counter that GLUE_INDEX names; drop. */
void glue_book(struct code *code, const struct weave *w, const struct weave_block *block);

#endif
