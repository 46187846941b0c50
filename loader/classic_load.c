// SPDX-License-Identifier: GPL-2.0-only
/*
 * classic_load - the loads of a filter
 */
#include <limits.h>

#include <linux/if_ether.h>
#include <linux/ip.h>

#include "classic_emit.h"
#include "insn.h"

/*
 * Hardly a packet is shorter than the headers of Ethernet and IPv4, and hardly one has less behind
 * them than 8 bytes: the first comparisons ask for so much at once.
 */
#define HEADERS	  (ETH_HLEN + sizeof(struct iphdr))
#define X_HEADERS (ETH_HLEN + 8)

static __u32 load_size(const struct sock_filter *step)
{
	return BPF_SIZE(step->code) == BPF_W ? 4 : BPF_SIZE(step->code) == BPF_H ? 2 : 1;
}

/* The first byte behind what an instruction loads. */
static unsigned long load_end(const struct sock_filter *step)
{
	return classic_offset(step) + load_size(step);
}

static __u32 larger(__u32 a, __u32 b)
{
	return a > b ? a : b;
}

static bool reads_x(const struct sock_filter *step)
{
	const struct classic_ancillary *ancillary = classic_ancillary(step);

	switch (BPF_CLASS(step->code)) {
	case BPF_LD:
		return BPF_MODE(step->code) == BPF_IND ||
		       (ancillary && ancillary->source[LANA_XDP].kind == ANCILLARY_XOR);
	case BPF_ALU:
	case BPF_JMP:
		return BPF_SRC(step->code) == BPF_X;
	case BPF_STX:
		return true;
	default:
		return step->code == (BPF_MISC | BPF_TXA);
	}
}

void classic_survey(struct emitter *e)
{
	for (__u32 i = 0; i < e->filter->count; i++) {
		const struct sock_filter *step = &e->filter->insns[i];

		e->uses_x |= reads_x(step);
		if (!classic_loads(step) || classic_ancillary(step) || load_end(step) > HERE_MAX)
			continue;
		if (BPF_MODE(step->code) == BPF_IND)
			e->x_reach_max = larger(e->x_reach_max, load_end(step));
		else
			e->reach_max = larger(e->reach_max, load_end(step));
	}
}

static void spill(struct emitter *e, __u8 reg)
{
	code_emit(e->code, insn_store(BPF_DW, BPF_REG_10, reg, e->frame + SPILL));
}

static void fill(struct emitter *e, __u8 reg)
{
	code_emit(e->code, insn_load(BPF_DW, reg, BPF_REG_10, e->frame + SPILL));
}

void classic_bounds(struct emitter *e)
{
	bool tc = e->flavour == LANA_TC;

	code_emit(e->code,
		  insn_load(BPF_W, DATA, e->context,
			    tc ? offsetof(struct __sk_buff, data) : offsetof(struct xdp_md, data)));
	code_emit(e->code, insn_load(BPF_W, END, e->context,
				     tc ? offsetof(struct __sk_buff, data_end)
					: offsetof(struct xdp_md, data_end)));
}

/* Around a call whose result is for dst: keep the other register. */
static void begin_call(struct emitter *e, __u8 dst)
{
	if (dst == X)
		spill(e, A);
	else if (e->uses_x)
		spill(e, X);
}

static void end_call(struct emitter *e, __u8 dst)
{
	if (dst == X)
		fill(e, A);
	else if (e->uses_x)
		fill(e, X);
}

/* The registers that the first copy works with are lost. */
static void lose_bounds(struct emitter *e, enum copy copy, struct known *known)
{
	if (copy == DIRECT) {
		classic_bounds(e);
		*known = (struct known){};
	}
}

/* Call a helper that knows the context, or asks for nothing; then dst = what it returns. */
static void emit_call(struct emitter *e, enum copy copy, __s32 helper, __u8 dst,
		      struct known *known)
{
	begin_call(e, dst);
	code_emit(e->code, insn_mov(BPF_REG_1, e->context));
	code_emit(e->code, insn_call(helper));
	if (dst != BPF_REG_0)
		code_emit(e->code, insn_alu32(BPF_MOV, dst, BPF_REG_0));
	end_call(e, dst);
	lose_bounds(e, copy, known);
}

/* A = what rides with the packet in the context of this CPU. */
static void emit_ours(struct emitter *e, enum copy copy, int offset, struct known *known)
{
	begin_call(e, A);
	code_this_cpu(e->code, e->code->context, LANA_CONTEXT_SHIFT, offset);
	code_emit(e->code, insn_load(BPF_W, A, BPF_REG_0, 0));
	end_call(e, A);
	lose_bounds(e, copy, known);
}

static void emit_length(struct emitter *e, enum copy copy, __u8 dst, struct known *known)
{
	if (e->flavour == LANA_XDP) {
		emit_call(e, copy, BPF_FUNC_xdp_get_buff_len, dst, known);
		return;
	}
	code_emit(e->code, insn_load(BPF_W, dst, e->context, offsetof(struct __sk_buff, len)));
	if (dst == X)
		forget_x(known);
}

static void to_host_order(struct code *code, __u8 reg, __u32 size)
{
	if (size > 1)
		code_emit(code, insn(BPF_ALU | BPF_END | BPF_TO_BE, reg, 0, 0, 8 * size));
}

static void emit_ancillary(struct emitter *e, enum copy copy,
			   const struct classic_ancillary *ancillary, struct known *known)
{
	int what = ancillary->source[e->flavour].what;

	switch (ancillary->source[e->flavour].kind) {
	case ANCILLARY_FIELD:
		code_emit(e->code, insn_load(BPF_W, A, e->context, what));
		if (ancillary->turned)
			to_host_order(e->code, A, sizeof(__u16));
		break;
	case ANCILLARY_HELPER:
		emit_call(e, copy, what, A, known);
		code_emit(e->code, insn_alu32(BPF_MOV, A, A));
		break;
	case ANCILLARY_OURS:
		emit_ours(e, copy, what, known);
		break;
	case ANCILLARY_XOR:
		code_emit(e->code, insn_alu32(BPF_XOR, A, X));
		break;
	case ANCILLARY_NONE:
		break;
	}
}

/* If less of the packet than `reach` is here, behind base, go on in the second copy. */
static void emit_compare(struct emitter *e, __u32 at, __u8 base, __u32 reach)
{
	code_emit(e->code, insn_mov(LIMIT, base));
	code_emit(e->code, insn_alu_imm(BPF_ADD, LIMIT, reach));
	classic_jump(e, insn(BPF_JMP | BPF_JGT | BPF_X, LIMIT, END, 0, 0), LOADED, at);
}

/*
 * The last load from a fixed place on the straight line that begins here: one comparison is for
 * all.
 */
static __u32 line_reach(const struct emitter *e, __u32 at)
{
	__u32 reach = 0;

	for (;; at++) {
		const struct sock_filter *step = &e->filter->insns[at];
		__u8 class = BPF_CLASS(step->code);

		if (class == BPF_JMP || class == BPF_RET)
			return reach;
		if (classic_loads(step) && BPF_MODE(step->code) != BPF_IND &&
		    !classic_ancillary(step) && load_end(step) <= HERE_MAX)
			reach = larger(reach, load_end(step));
	}
}

/* Make sure that the bytes of a load are here, and tell the register that they are behind. */
static __u8 reach_for(struct emitter *e, __u32 at, struct known *known)
{
	const struct sock_filter *step = &e->filter->insns[at];
	bool relative = BPF_MODE(step->code) == BPF_IND;
	__u32 reach;

	if (!relative) {
		if (known->reach < load_end(step)) {
			reach = larger(line_reach(e, at), classic_smaller(HEADERS, e->reach_max));
			emit_compare(e, at, DATA, reach);
			known->reach = reach;
		}
		return DATA;
	}
	if (!known->x_reach) {
		code_emit(e->code, insn_mov(AT_X, X));
		if (!known->small)
			classic_jump(e, insn(BPF_JMP | BPF_JGT | BPF_K, AT_X, 0, 0, X_MAX), LOADED,
				     at);
		code_emit(e->code, insn_alu(BPF_ADD, AT_X, DATA));
	}
	if (known->x_reach < load_end(step)) {
		reach = larger(load_end(step), classic_smaller(X_HEADERS, e->x_reach_max));
		emit_compare(e, at, AT_X, reach);
		known->x_reach = reach;
	}
	return AT_X;
}

/* Load into dst where the bytes are. False: that cannot be, all is left to the second copy. */
static bool load_direct(struct emitter *e, __u32 at, __u8 dst, struct known *known)
{
	const struct sock_filter *step = &e->filter->insns[at];
	__u8 base;

	if (load_end(step) > HERE_MAX) {
		classic_jump(e, insn_jump(), LOADED, at);
		return false;
	}
	base = reach_for(e, at, known);
	code_emit(e->code, insn_load(BPF_SIZE(step->code), dst, base, classic_offset(step)));
	return true;
}

/* Have the kernel load into dst. */
static void load_by_helper(struct emitter *e, const struct sock_filter *step, __u8 dst)
{
	struct code *code = e->code;
	bool tc = e->flavour == LANA_TC;

	begin_call(e, dst);
	if (BPF_MODE(step->code) == BPF_IND) {
		code_emit(code, insn_mov(BPF_REG_2, X));
		code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_2, classic_offset(step)));
		classic_zero(e, insn(BPF_JMP | BPF_JGT | BPF_K, BPF_REG_2, 0, 0, INT_MAX));
	} else {
		code_emit(code, insn_mov_imm(BPF_REG_2, classic_offset(step)));
	}
	code_emit(code, insn_mov(BPF_REG_1, e->context));
	code_emit(code, insn_mov(BPF_REG_3, BPF_REG_10));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_3, e->frame + BYTES));
	code_emit(code, insn_mov_imm(BPF_REG_4, load_size(step)));
	code_emit(code, insn_call(tc ? BPF_FUNC_skb_load_bytes : BPF_FUNC_xdp_load_bytes));
	classic_zero(e, insn_jump_imm(BPF_JNE, BPF_REG_0, 0));
	code_emit(code, insn_load(BPF_SIZE(step->code), dst, BPF_REG_10, e->frame + BYTES));
	end_call(e, dst);
}

/* Returns whether the filter goes on behind it. */
static bool emit_load(struct emitter *e, enum copy copy, __u32 at, struct known *known)
{
	const struct sock_filter *step = &e->filter->insns[at];
	__u8 dst = BPF_CLASS(step->code) == BPF_LD ? A : X;

	if (copy == LOADED)
		load_by_helper(e, step, dst);
	else if (!load_direct(e, at, dst, known))
		return false;

	if (dst == A) {
		to_host_order(e->code, A, load_size(step));
	} else {
		code_emit(e->code, insn_alu32_imm(BPF_AND, X, 0xf));
		code_emit(e->code, insn_alu32_imm(BPF_LSH, X, 2));
		known->x_reach = 0;
		known->small = true;
	}
	return true;
}

/* Loads of what is not in the packet. */
static void emit_set(struct emitter *e, enum copy copy, const struct sock_filter *step,
		     struct known *known)
{
	__u8 dst = BPF_CLASS(step->code) == BPF_LD ? A : X;

	if (BPF_MODE(step->code) == BPF_LEN) {
		emit_length(e, copy, dst, known);
		return;
	}
	if (BPF_MODE(step->code) == BPF_IMM)
		code_emit(e->code, insn_alu32_imm(BPF_MOV, dst, step->k));
	else
		code_emit(e->code, insn_load(BPF_W, dst, BPF_REG_10, classic_word(e, step->k)));
	if (dst == X)
		forget_x(known);
}

bool classic_load(struct emitter *e, enum copy copy, __u32 at, struct known *known)
{
	const struct sock_filter *step = &e->filter->insns[at];

	if (classic_ancillary(step))
		emit_ancillary(e, copy, classic_ancillary(step), known);
	else if (classic_loads(step))
		return emit_load(e, copy, at, known);
	else
		emit_set(e, copy, step, known);
	return true;
}
