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

enum value_kind {
	NUMBER,	     /* exactly this */
	CONTEXT,     /* what the program was called with */
	FRAME,	     /* byte number of the stack, from its end */
	LENGTH,	     /* of the packet */
	LENGTH_HIGH, /* the same, shifted left by 32 */
	THIS_CPU,    /* byte number of this CPU's part of map what */
	CONFIG,	     /* byte number of the options of block what */
	PACKET,	     /* byte number of the packet, of which what bytes were seen to be there */
	PACKET_END,  /* behind its last byte */
	BYTES,	     /* of the packet: what of them from byte number on, zero-extended */
	MEMORY,	     /* somewhere in a map that is no block's own, or NULL */
	ONE_OF,	     /* its low 32 bits are; bit n of number stands for SET_LOWEST + n */
	ANYTHING,
};

#define SET_LOWEST  (-16) /* what a block can return is in between */
#define SET_HIGHEST 47

/* What is known of a register. */
struct value {
	__u8 kind;
	__u8 shift; /* BYTES: moved left by so many bytes */
	int what;
	__s64 number;
};

static inline struct value value_of(enum value_kind kind, int what, __s64 number)
{
	return (struct value){ .kind = kind, .what = what, .number = number };
}

#define PACKET_KNOWN 64 /* bytes of a packet that are followed */

struct state {
	struct value values[REGISTER_NAMES];
	__u64 known; /* bit n: byte n of the packet is bytes[n] */
	__u8 bytes[PACKET_KNOWN];
};

struct folder {
	struct code *code;
	const struct fold_config *configs;
	struct state *before; /* each op */
	bool *reached;
	bool *stale;	/* the state before is new: what follows from it is not yet known */
	bool *targeted; /* jumps lead to it */
	__u32 *live;	/* bit r: register r is read after the op, before it is written */
	__u32 words;	/* bit r: register r is a word of the stack */
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

static inline bool is_publish(const struct bpf_insn *insn)
{
	return insn_is_subprogram_call(insn) && insn->imm == CALL_PUBLISHES;
}

extern const struct value value_anything;

/* Is it known that both are the same? */
bool value_same(struct value a, struct value b);

/* The second operand: a register's, or the number in the instruction. */
struct value value_operand(const struct bpf_insn *insn, const struct state *state);

/* What an op makes of the state before it. */
void value_step(const struct folder *folder, const struct op *op, struct state *state);

/* The same of a jump that is taken, or is not. */
void value_leave(const struct folder *folder, const struct op *op, bool taken, struct state *state);

/* Is a jump taken? 1: always; 0: never; -1: that depends. */
int value_decide(const struct bpf_insn *insn, const struct state *state);

/* The comparison that says the same with its operands exchanged. */
__u8 value_mirrored(__u8 op);

/* Put another op in the place of one. */
static inline void become(struct folder *folder, struct op *op, enum op_kind kind,
			  struct bpf_insn insn, __s32 high)
{
	*op = (struct op){ .insn = insn, .high = high, .target = NO_TARGET, .kind = kind };
	folder->changed = true;
}

/* fold_rewrite.c: let each op say what is known, and find what is kept. */
void fold_rewrite(struct folder *folder);

/* ---- fold_follow.c -------------------------------------------------------------------------- */

/* Find the states before all ops, and which of them are reached. */
void value_find(struct folder *folder);

/* ---- fold_packet.c ------------------------------------------------------------------------- */

/* What a load of that many bytes of the packet finds. */
struct value packet_loaded(const struct state *state, __s64 from, int size);

/* What a store, or a call, leaves of what was known. base and stored: as they were before. */
void packet_store(struct state *state, struct value base, int off, int size, struct value stored);
void packet_call(const struct bpf_insn *insn, struct state *state);

/* What arithmetic makes of bytes. */
struct value packet_computed(__u8 op, int bits, struct value a, struct value b);

/* As value_decide(), of what is asked about the packet. */
int packet_decide(const struct bpf_insn *insn, const struct state *state);

/* What is known in addition if a conditional jump was taken, or was not. */
void packet_jumped(const struct bpf_insn *insn, bool taken, struct state *state);

/* ---- fold_live.c --------------------------------------------------------------------------- */

#define REGISTER_BIT(reg) (1U << (reg))
#define LIVE_MARK	  (1U << 16) /* the packet's mark in the context */

/* Registers that an op leaves a value in, not those that it merely destroys. */
__u32 live_sets(const struct op *op);

/* Registers that an op writes; that it reads or writes. */
__u32 live_writes(const struct op *op);
__u32 live_uses(const struct op *op);

/* Find what is read later. */
void live_find(struct folder *folder);

/* Find that, and drop what computes anything else. */
void live_drop(struct folder *folder);

/* ---- fold_jump.c --------------------------------------------------------------------------- */

/* Lead jumps straight to where they end, by the states and live registers found last. */
void jump_thread(struct folder *folder);

/* Drop jumps to the next op. */
void jump_drop_idle(struct folder *folder);

/* Calls were dropped: so must be the subprograms that nobody calls any more. -ENOMEM */
int jump_drop_uncalled(struct code *code);

/* ---- fold_keep.c --------------------------------------------------------------------------- */

/* Name registers for what is looked up several times. */
void keep_choose(struct folder *folder);

/* Let what some names would keep be in words of the stack, or not be kept if that cannot be. */
void keep_in_words(struct folder *folder, __u32 names);

/* Has the stack room for the words that there are? */
bool keep_fits(const struct code *code);

/* ---- fold_place.c -------------------------------------------------------------------------- */

/* Give a register to each name that is no word. Which names found none; then nothing was done. */
__u32 place_registers(struct folder *folder);

/* ---- fold_order.c -------------------------------------------------------------------------- */

/* Put ops into an order in which few jumps are needed. -ENOMEM */
int order_ops(struct code *code);

#endif
