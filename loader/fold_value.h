/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fold_value - what is known of registers at each op of a program; for the files fold*.c alone
 */
#ifndef LOADER_FOLD_VALUE_H
#define LOADER_FOLD_VALUE_H

#include "fold.h"
#include "insn.h"

#define REGISTERS      10 /* that programs write: r10 is the frame */
#define REGISTER_NAMES 16 /* that fit into an instruction */

/* What is known of a register. */
struct value {
	enum {
		NUMBER,	     /* exactly this */
		CONTEXT,     /* what the program was called with */
		FRAME,	     /* byte number of the stack, from its end */
		LENGTH,	     /* of the packet */
		LENGTH_HIGH, /* the same, shifted left by 32 */
		THIS_CPU,    /* byte number of this CPU's part of map what */
		CONFIG,	     /* byte number of the options of block what */
		ANYTHING,
	} kind;
	int what;
	__s64 number;
};

struct state {
	struct value values[REGISTER_NAMES];
};

struct folder {
	struct code *code;
	const struct fold_config *configs;
	struct state *before; /* each op */
	bool *reached;
	bool *targeted; /* jumps lead to it */
	__u16 *live;	/* bit r: register r is read after the op, before it is written */
	bool changed;
};

static inline bool is_nothing(const struct op *op)
{
	return op->kind == OP_GONE || op->kind == OP_JOIN;
}

static inline bool is_jump(const struct op *op)
{
	return op->kind == OP_INSN && insn_is_jump(&op->insn);
}

static inline bool is_goto(const struct op *op)
{
	return op->kind == OP_INSN && insn_is_goto(&op->insn);
}

static inline bool is_exit(const struct op *op)
{
	return op->kind == OP_INSN && insn_is_exit(&op->insn);
}

/* Is it known that both are the same? */
bool value_same(struct value a, struct value b);

/* The second operand: a register's, or the number in the instruction. */
struct value value_operand(const struct bpf_insn *insn, const struct state *state);

/* What an op makes of the state before it. */
void value_step(const struct folder *folder, const struct op *op, struct state *state);

/* Is a conditional jump taken? 1: always; 0: never; -1: that depends. */
int value_decide(const struct bpf_insn *insn, const struct state *state);

/* Find the states before all ops, and which of them are reached. */
void value_find(struct folder *folder);

/* Put another op in the place of one. */
static inline void become(struct folder *folder, struct op *op, enum op_kind kind,
			  struct bpf_insn insn, __s32 high)
{
	*op = (struct op){ insn, high, NO_TARGET, kind, NO_REGISTER };
	folder->changed = true;
}

/* fold_rewrite.c: let each op say what is known, and find what is kept. */
void fold_rewrite(struct folder *folder);

/* ---- fold_live.c --------------------------------------------------------------------------- */

#define REGISTER_BIT(reg) (1U << (reg))

/* Registers that an op leaves a value in, not those that it merely destroys. */
__u16 live_sets(const struct op *op);

/* Registers that an op reads or writes. */
__u16 live_uses(const struct op *op);

/* Find what is read later, and drop what computes anything else. */
void live_drop(struct folder *folder);

/* ---- fold_jump.c --------------------------------------------------------------------------- */

/* Lead jumps straight to where they end, by the states and live registers found last. */
void jump_thread(struct folder *folder);

/* Drop jumps to the next op. */
void jump_drop_idle(struct folder *folder);

/* Calls were dropped: so must be the subprograms that nobody calls any more. -ENOMEM */
int jump_drop_uncalled(struct code *code);

/* ---- fold_keep.c --------------------------------------------------------------------------- */

/* Give registers, or words of the stack, to what is looked up several times. */
void keep_choose(struct folder *folder);

#endif
