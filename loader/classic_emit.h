/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classic_emit - a filter while it is being translated; for the files classic*.c alone
 *
 * All jumps lead forward, so one pass in order sees every way to an instruction before the
 * instruction itself. The filter is emitted twice. The first copy reads the packet where it is,
 * after comparing with its end; what lies beyond that may still be there (in another buffer of the
 * packet), so a comparison that fails leads to the same instruction of the second copy. That one
 * has the kernel load the bytes, and ends with 0 where there are none. It never leads back, and
 * holds only what can be come to.
 */
#ifndef LOADER_CLASSIC_EMIT_H
#define LOADER_CLASSIC_EMIT_H

#include <linux/bpf.h>

#include "classic_check.h"
#include "code.h"

/* Where the machine's registers are, and what else the code works with. */
#define A     BPF_REG_0
#define X     BPF_REG_1
#define DATA  BPF_REG_2 /* these four in the first copy alone */
#define END   BPF_REG_3
#define AT_X  BPF_REG_4 /* DATA + X, if x_reach says so */
#define LIMIT BPF_REG_5

/*
 * The frame, by bytes from its end: scratch memory, a register that a call would destroy, bytes
 * that the kernel loaded.
 */
#define MEMORY (-CLASSIC_FRAME)
#define SPILL  (-16)
#define BYTES  (-8)

_Static_assert(MEMORY + 4 * BPF_MEMWORDS == SPILL, "the frame is as large as what is in it");

enum copy { DIRECT, LOADED, COPIES };

/* What the first copy knows on all ways to an instruction. */
struct known {
	__u32 reach;   /* bytes of the packet that are there */
	__u32 x_reach; /* bytes behind AT_X that are there; 0: it is not set */
	bool small;    /* the kernel sees that X <= X_MAX */
};

#define HERE_MAX 0x7fff /* bytes: as far as an instruction reads from a register */
#define X_MAX	 0x7fff /* the kernel wants X_MAX + HERE_MAX below 65,536 */

/* Places to jump to: instructions of the filter, and these. */
#define ZERO   CLASSIC_MAX	 /* return 0 */
#define DONE   (CLASSIC_MAX + 1) /* r0 is written */
#define PLACES (CLASSIC_MAX + 2)

struct emitter {
	struct code *code;
	enum lana_flavour flavour;
	const struct classic *filter;
	__u8 context; /* register */
	__s16 frame;  /* where it ends, from r10 */
	bool uses_x;
	__u32 reach_max, x_reach_max; /* of its loads */
	struct known known[PLACES];
	bool wanted[COPIES][PLACES]; /* something leads there */
	__u32 place[COPIES][PLACES]; /* the op that stands there */
};

/* Lead what follows to a place in a copy, under the condition. */
void classic_jump(struct emitter *e, struct bpf_insn condition, enum copy copy, __u32 to);
/* The same to where the filter ends with 0. */
void classic_zero(struct emitter *e, struct bpf_insn condition);

/* ---- classic_load.c ------------------------------------------------------------------------ */

/* Find uses_x, reach_max and x_reach_max. */
void classic_survey(struct emitter *e);

/* DATA and END. */
void classic_bounds(struct emitter *e);

/*
 * Emit a load into A or X, and note what is known after it. Returns whether the filter goes on
 * behind it: else all is left to the second copy.
 */
bool classic_load(struct emitter *e, enum copy copy, __u32 at, struct known *known);

/* Offset from r10 of a word of scratch memory. */
static inline __s16 classic_word(const struct emitter *e, __u32 k)
{
	return e->frame + MEMORY + 4 * k;
}

static inline __u32 classic_smaller(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

/* X has become anything. */
static inline void forget_x(struct known *known)
{
	known->x_reach = 0;
	known->small = false;
}

#endif
