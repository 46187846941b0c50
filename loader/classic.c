// SPDX-License-Identifier: GPL-2.0-only
/*
 * classic - the instructions that a filter becomes
 */
#include <string.h>

#include "classic_emit.h"
#include "insn.h"

/* The target of a jump until all places are known. */
#define UNPLACED 0x80000000

void classic_jump(struct emitter *e, struct bpf_insn condition, enum copy copy, __u32 to)
{
	size_t at = code_emit(e->code, condition);

	if (!e->code->failed)
		e->code->ops[at].target = UNPLACED | (copy * PLACES + to);
	e->wanted[copy][to] = true;
}

void classic_zero(struct emitter *e, struct bpf_insn condition)
{
	classic_jump(e, condition, DIRECT, ZERO);
}

/* ---- ways through the filter --------------------------------------------------------------- */

/* An instruction is come to with that knowledge. */
static void arrive(struct emitter *e, enum copy copy, __u32 to, const struct known *known)
{
	struct known *there = &e->known[to];

	if (copy == DIRECT && e->wanted[DIRECT][to]) {
		there->reach = classic_smaller(there->reach, known->reach);
		there->x_reach = classic_smaller(there->x_reach, known->x_reach);
		there->small &= known->small;
	} else if (copy == DIRECT) {
		*there = *known;
	}
	e->wanted[copy][to] = true;
}

static void branch(struct emitter *e, enum copy copy, struct bpf_insn condition, __u32 to,
		   const struct known *known)
{
	arrive(e, copy, to, known);
	classic_jump(e, condition, copy, to);
}

static __u8 opposite(__u8 op)
{
	switch (op) {
	case BPF_JEQ:
		return BPF_JNE;
	case BPF_JGT:
		return BPF_JLE;
	default: /* BPF_JGE; BPF_JSET has none */
		return BPF_JLT;
	}
}

static void emit_jump(struct emitter *e, enum copy copy, __u32 at)
{
	const struct sock_filter *step = &e->filter->insns[at];
	const struct known *known = &e->known[at];
	__u32 yes = at + 1 + step->jt, no = at + 1 + step->jf;
	struct bpf_insn condition = insn_jump_imm(BPF_OP(step->code), A, step->k);

	if (BPF_OP(step->code) == BPF_JA) {
		branch(e, copy, insn_jump(), at + 1 + step->k, known);
		return;
	}
	if (BPF_SRC(step->code) == BPF_X)
		condition = (struct bpf_insn){ .code = BPF_JMP32 | BPF_OP(step->code) | BPF_X,
					       .dst_reg = A,
					       .src_reg = X };
	if (yes == at + 1 && no != yes && BPF_OP(step->code) != BPF_JSET) {
		condition.code = BPF_JMP32 | opposite(BPF_OP(step->code)) | BPF_SRC(step->code);
		branch(e, copy, condition, no, known);
		arrive(e, copy, yes, known);
		return;
	}
	if (no != yes)
		branch(e, copy, condition, yes, known);
	if (no != at + 1)
		branch(e, copy, insn_jump(), no, known);
	else
		arrive(e, copy, no, known);
}

/* ---- arithmetic, returns ------------------------------------------------------------------- */

static void emit_alu(struct emitter *e, const struct sock_filter *step)
{
	__u8 op = BPF_OP(step->code);
	bool shifts = op == BPF_LSH || op == BPF_RSH, divides = op == BPF_DIV || op == BPF_MOD;
	size_t fits;

	if (op == BPF_NEG || BPF_SRC(step->code) == BPF_K) {
		code_emit(e->code, insn_alu32_imm(op, A, op == BPF_NEG ? 0 : step->k));
		return;
	}
	if (divides)
		classic_zero(e, insn_jump_imm(BPF_JEQ, X, 0));
	code_emit(e->code, insn_alu32(op, A, X));
	if (shifts) {
		fits = code_emit(e->code, insn_jump_imm(BPF_JLT, X, 32));
		code_emit(e->code, insn_alu32_imm(BPF_MOV, A, 0));
		code_land(e->code, fits);
	}
}

static void emit_return(struct emitter *e, const struct sock_filter *step)
{
	if (BPF_RVAL(step->code) == BPF_K && !step->k) {
		classic_zero(e, insn_jump());
		return;
	}
	if (BPF_RVAL(step->code) == BPF_K)
		code_emit(e->code, insn_alu32_imm(BPF_MOV, A, step->k));
	classic_jump(e, insn_jump(), DIRECT, DONE);
}

static void emit_move(struct emitter *e, const struct sock_filter *step, struct known *known)
{
	if (BPF_MISCOP(step->code) == BPF_TXA) {
		code_emit(e->code, insn_alu32(BPF_MOV, A, X));
		return;
	}
	code_emit(e->code, insn_alu32(BPF_MOV, X, A));
	forget_x(known);
}

static void emit_insn(struct emitter *e, enum copy copy, __u32 at)
{
	const struct sock_filter *step = &e->filter->insns[at];
	struct known known = e->known[at];
	bool goes_on = true;

	switch (BPF_CLASS(step->code)) {
	case BPF_LD:
	case BPF_LDX:
		goes_on = classic_load(e, copy, at, &known);
		break;
	case BPF_ST:
	case BPF_STX:
		code_emit(e->code,
			  insn_store(BPF_W, BPF_REG_10, BPF_CLASS(step->code) == BPF_ST ? A : X,
				     classic_word(e, step->k)));
		break;
	case BPF_ALU:
		emit_alu(e, step);
		break;
	case BPF_JMP:
		emit_jump(e, copy, at);
		goes_on = false;
		break;
	case BPF_RET:
		emit_return(e, step);
		goes_on = false;
		break;
	case BPF_MISC:
		emit_move(e, step, &known);
		break;
	}
	if (goes_on)
		arrive(e, copy, at + 1, &known);
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* Words that may be read before they are written, as bits. */
static __u16 unwritten(const struct classic *filter)
{
	__u16 written[CLASSIC_MAX], read = 0; /* on all ways to an instruction */

	memset(written, 0xff, sizeof(written));
	written[0] = 0;
	for (__u32 i = 0; i < filter->count; i++) {
		const struct sock_filter *step = &filter->insns[i];
		__u8 class = BPF_CLASS(step->code);
		__u16 after = written[i];

		if (class == BPF_JMP) {
			bool always = BPF_OP(step->code) == BPF_JA;

			written[i + 1 + (always ? step->k : step->jt)] &= after;
			written[i + 1 + (always ? step->k : step->jf)] &= after;
			continue;
		}
		if (class <= BPF_LDX && BPF_MODE(step->code) == BPF_MEM)
			read |= ~after & 1U << step->k;
		if (class == BPF_ST || class == BPF_STX)
			after |= 1U << step->k;
		if (class != BPF_RET)
			written[i + 1] &= after;
	}
	return read;
}

static void begin(struct emitter *e)
{
	__u16 words = unwritten(e->filter);

	classic_bounds(e);
	code_emit(e->code, insn_mov_imm(A, 0));
	code_emit(e->code, insn_mov_imm(X, 0));
	for (__u32 k = 0; k < BPF_MEMWORDS; k++)
		if (words & 1U << k)
			code_emit(e->code, insn(BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0,
						classic_word(e, k), 0));
}

static void place_jumps(struct emitter *e, size_t first)
{
	for (size_t i = first; i < e->code->count; i++) {
		__u32 *target = &e->code->ops[i].target;

		if (*target != NO_TARGET && *target & UNPLACED)
			*target = (&e->place[0][0])[*target & ~UNPLACED];
	}
}

void classic_emit_at(struct code *code, enum lana_flavour flavour, const struct classic *filter,
		     __u8 context, int used)
{
	struct emitter e = { .code = code,
			     .flavour = flavour,
			     .filter = filter,
			     .context = context,
			     .frame = -used };
	size_t first = code->count;

	if (!filter->count) {
		code_emit(code, insn_alu32_imm(BPF_MOV, A, CLASSIC_ALL));
		return;
	}
	classic_survey(&e);
	begin(&e);
	e.wanted[DIRECT][0] = true;
	for (enum copy copy = DIRECT; copy < COPIES; copy++)
		for (__u32 i = 0; i < filter->count; i++) {
			e.place[copy][i] = code->count;
			if (e.wanted[copy][i])
				emit_insn(&e, copy, i);
		}
	e.place[DIRECT][ZERO] = code->count;
	if (e.wanted[DIRECT][ZERO])
		code_emit(code, insn_alu32_imm(BPF_MOV, A, 0));
	e.place[DIRECT][DONE] = code->count;
	place_jumps(&e, first);
}

void classic_emit(struct code *code, enum lana_flavour flavour, const struct classic *filter)
{
	classic_emit_at(code, flavour, filter, BPF_REG_6, 0);
}
