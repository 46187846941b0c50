// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>

#include <linux/bpf.h>

#include <lana/stamp.h>

#include "gen_emit.h"
#include "insn.h"

__u8 gen_width(__u32 size)
{
	return size == 8 ? BPF_DW : size == 4 ? BPF_W : size == 2 ? BPF_H : BPF_B;
}

void gen_imm64(struct code *code, __u8 dst, __u64 value)
{
	if ((__s64)value == (__s32)value)
		code_emit(code, insn_mov_imm(dst, (__s32)value));
	else
		code_add(code, OP_INSN, insn(BPF_LD | BPF_DW | BPF_IMM, dst, 0, 0, (__s32)value),
			 value >> 32);
}

void gen_load_state(struct gen_emit *emit, __u8 dst, __u32 offset)
{
	code_emit(&emit->code, insn_load(BPF_DW, dst, GEN_STATE, offset));
}

void gen_store_state(struct gen_emit *emit, __u8 src, __u32 offset)
{
	code_emit(&emit->code, insn_store(BPF_DW, GEN_STATE, src, offset));
}

void gen_count(struct gen_emit *emit, __u32 offset, __u32 more)
{
	gen_load_state(emit, BPF_REG_2, offset);
	code_emit(&emit->code, insn_alu_imm(BPF_ADD, BPF_REG_2, more));
	gen_store_state(emit, BPF_REG_2, offset);
}

size_t gen_jump_back(struct code *code, struct bpf_insn jump, size_t to)
{
	size_t at = code_emit(code, jump);

	if (!code->failed)
		code->ops[at].target = to;
	return at;
}

/* ---- what cannot happen --------------------------------------------------------------------- */

static void fail(struct gen_emit *emit, struct bpf_insn jump)
{
	size_t at = code_emit(&emit->code, jump);

	if (emit->fails_count == GEN_FAILS_MAX)
		emit->code.failed = true;
	else
		emit->fails[emit->fails_count++] = at;
}

void gen_fail_if(struct gen_emit *emit, __u8 comparison, __u8 reg)
{
	fail(emit, insn(BPF_JMP | comparison | BPF_K, reg, 0, 0, 0));
}

void gen_fail_unless_less(struct gen_emit *emit, __u8 reg, __u32 size)
{
	fail(emit, insn(BPF_JMP | BPF_JGE | BPF_K, reg, 0, 0, size));
}

void gen_emit_end(struct gen_emit *emit)
{
	if (!emit->fails_count)
		return;
	for (size_t i = 0; i < emit->fails_count; i++)
		code_land(&emit->code, emit->fails[i]);
	gen_count(emit, offsetof(struct gen_state, refused), 1);
	code_return(&emit->code, GEN_NOT_YET);
}

void gen_emit_packet(struct gen_emit *emit, __u32 size)
{
	struct code *code = &emit->code;

	code_emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_10, GEN_CONTEXT));
	code_emit(code, insn_load(BPF_W, GEN_DATA, BPF_REG_1, offsetof(struct xdp_md, data)));
	code_emit(code, insn_load(BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct xdp_md, data_end)));
	code_emit(code, insn_mov(BPF_REG_3, GEN_DATA));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_3, size));
	fail(emit, insn(BPF_JMP | BPF_JGT | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0));
}

/* ---- values --------------------------------------------------------------------------------- */

/* r0 = the field's value, and on to the next one. */
static void emit_counter(struct gen_emit *emit, const struct gen_vary *vary, __u32 field)
{
	struct code *code = &emit->code;
	size_t more, end;

	gen_load_state(emit, BPF_REG_0, field);
	gen_imm64(code, BPF_REG_2, vary->to);
	more = code_emit(code, insn(BPF_JMP | BPF_JLT | BPF_X, BPF_REG_0, BPF_REG_2, 0, 0));
	gen_imm64(code, BPF_REG_1, vary->from);
	end = code_emit(code, insn_jump());
	code_land(code, more);
	gen_imm64(code, BPF_REG_1, vary->step);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_1, BPF_REG_0));
	code_land(code, end);
	gen_store_state(emit, BPF_REG_1, field);
}

/* r0 ^= r0 >> shift; r0 *= factor; r1 is lost. */
static void emit_mix(struct code *code, __u32 shift, __u64 factor)
{
	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_0));
	code_emit(code, insn_alu_imm(BPF_RSH, BPF_REG_1, shift));
	code_emit(code, insn_alu(BPF_XOR, BPF_REG_0, BPF_REG_1));
	if (!factor)
		return;
	gen_imm64(code, BPF_REG_1, factor);
	code_emit(code, insn_alu(BPF_MUL, BPF_REG_0, BPF_REG_1));
}

static void emit_random(struct gen_emit *emit, const struct gen_vary *vary, __u32 field)
{
	struct code *code = &emit->code;
	__u64 range = vary->to - vary->from + 1;

	gen_load_state(emit, BPF_REG_0, field);
	gen_imm64(code, BPF_REG_1, GEN_GOLDEN);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_1, BPF_REG_0));
	gen_store_state(emit, BPF_REG_1, field);
	emit_mix(code, 30, GEN_MIX1);
	emit_mix(code, 27, GEN_MIX2);
	emit_mix(code, 31, 0);
	if (!range)
		return;
	gen_imm64(code, BPF_REG_1, range);
	if (range <= 1ULL << 32) {
		code_emit(code, insn_alu_imm(BPF_RSH, BPF_REG_0, 32));
		code_emit(code, insn_alu(BPF_MUL, BPF_REG_0, BPF_REG_1));
		code_emit(code, insn_alu_imm(BPF_RSH, BPF_REG_0, 32));
	} else {
		code_emit(code, insn_alu(BPF_MOD, BPF_REG_0, BPF_REG_1));
	}
	gen_imm64(code, BPF_REG_1, vary->from);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_0, BPF_REG_1));
}

static void emit_list(struct gen_emit *emit, const struct gen_vary *vary, __u32 field, __u32 list)
{
	struct code *code = &emit->code;
	size_t wrap;

	gen_load_state(emit, BPF_REG_2, field);
	gen_fail_unless_less(emit, BPF_REG_2, vary->count);
	code_emit(code, insn_mov(BPF_REG_3, BPF_REG_2));
	code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_3, 3));
	code_map(code, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, emit->program->data, list);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_1, BPF_REG_3));
	code_emit(code, insn_load(BPF_DW, BPF_REG_0, BPF_REG_1, 0));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_2, 1));
	wrap = code_emit(code, insn(BPF_JMP | BPF_JLT | BPF_K, BPF_REG_2, 0, 0, vary->count));
	code_emit(code, insn_mov_imm(BPF_REG_2, 0));
	code_land(code, wrap);
	gen_store_state(emit, BPF_REG_2, field);
}

/* ---- checksums ------------------------------------------------------------------------------ */

/*
 * To a sum of 16-bit words all words of a number can be added at once, as 2^16 = 1 modulo
 * 2^16 - 1; at an odd place they are there with their bytes exchanged, which is a shift by 8. r0
 * are the bytes as they are in memory, 6 at most; it stays. r2 and r3 are lost.
 */
static void add_bytes(struct gen_emit *emit, const struct gen_template *template, __u32 from,
		      __u32 place)
{
	struct code *code = &emit->code;

	for (__u32 s = from; s < template->sums_count; s++) {
		const struct gen_sum *sum = &template->sums[s];
		__u32 begin;

		if (place >= sum->from && place < sum->end)
			begin = sum->from;
		else if (place >= sum->addresses && place < sum->addresses + sum->addresses_size)
			begin = sum->addresses;
		else
			continue;
		code_emit(code, insn_load(BPF_DW, BPF_REG_2, BPF_REG_10, GEN_SUM(s)));
		if ((place - begin) % 2) {
			code_emit(code, insn_mov(BPF_REG_3, BPF_REG_0));
			code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_3, 8));
			code_emit(code, insn_alu(BPF_ADD, BPF_REG_2, BPF_REG_3));
		} else {
			code_emit(code, insn_alu(BPF_ADD, BPF_REG_2, BPF_REG_0));
		}
		code_emit(code, insn_store(BPF_DW, BPF_REG_10, BPF_REG_2, GEN_SUM(s)));
	}
}

/* The same for 8 bytes, in two halves: no carry may get lost. r1 is lost. */
static void add_long(struct gen_emit *emit, const struct gen_template *template, __u32 place)
{
	struct code *code = &emit->code;

	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_0));
	code_emit(code, insn_alu_imm(BPF_RSH, BPF_REG_1, 32));
	code_emit(code, insn_alu32(BPF_MOV, BPF_REG_0, BPF_REG_0));
	add_bytes(emit, template, 0, place);
	code_emit(code, insn_mov(BPF_REG_0, BPF_REG_1));
	add_bytes(emit, template, 0, place + 4);
}

/* r0 += r0's upper part, which is from bit on; the lower part alone before. r1 is lost. */
static void emit_fold(struct code *code, __u32 bits)
{
	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_0));
	code_emit(code, insn_alu_imm(BPF_RSH, BPF_REG_1, bits));
	if (bits == 32)
		code_emit(code, insn_alu32(BPF_MOV, BPF_REG_0, BPF_REG_0));
	else
		code_emit(code, insn_alu_imm(BPF_AND, BPF_REG_0, 0xffff));
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_0, BPF_REG_1));
}

static void emit_check(struct gen_emit *emit, const struct gen_template *template, __u32 s)
{
	const struct gen_sum *sum = &template->sums[s];
	struct code *code = &emit->code;

	code_emit(code, insn_load(BPF_DW, BPF_REG_0, BPF_REG_10, GEN_SUM(s)));
	/* 64 bits become 33, these 32, 17 and 16. */
	emit_fold(code, 32);
	emit_fold(code, 32);
	emit_fold(code, 16);
	emit_fold(code, 16);
	code_emit(code, insn_alu_imm(BPF_XOR, BPF_REG_0, 0xffff));
	if (sum->never_zero) {
		size_t some = code_emit(code, insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 0, 0));

		code_emit(code, insn_mov_imm(BPF_REG_0, 0xffff));
		code_land(code, some);
	}
	code_emit(code, insn_store(BPF_H, GEN_DATA, BPF_REG_0, sum->at));
	add_bytes(emit, template, s + 1, sum->at);
}

/* ---- fields --------------------------------------------------------------------------------- */

/* Host to network byte order. */
static void emit_swap(struct code *code, __u32 bits)
{
	code_emit(code, insn(BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_0, 0, 0, bits));
}

/* Write r0, a number, to its place, and add it to the sums. */
static void emit_store(struct gen_emit *emit, const struct gen_template *template,
		       const struct gen_vary *vary)
{
	struct code *code = &emit->code;
	__u8 size = vary->size, width = gen_width(size == 6 ? 4 : size);

	if (vary->shift)
		code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_0, vary->shift));
	if (size == 6)
		code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_0, 16));
	if (size > 1)
		emit_swap(code, size == 6 ? 64 : 8 * size);
	if (vary->shared) {
		code_emit(code, insn_load(width, BPF_REG_1, GEN_DATA, vary->at));
		code_emit(code, insn_alu(BPF_OR, BPF_REG_1, BPF_REG_0));
		code_emit(code, insn_store(width, GEN_DATA, BPF_REG_1, vary->at));
	} else {
		code_emit(code, insn_store(width, GEN_DATA, BPF_REG_0, vary->at));
	}
	if (size == 6) {
		code_emit(code, insn_mov(BPF_REG_1, BPF_REG_0));
		code_emit(code, insn_alu_imm(BPF_RSH, BPF_REG_1, 32));
		code_emit(code, insn_store(BPF_H, GEN_DATA, BPF_REG_1, vary->at + 4));
	}
	if (size == 8)
		add_long(emit, template, vary->at);
	else
		add_bytes(emit, template, 0, vary->at);
}

/* r0, in host order, to size bytes there. */
static void emit_number(struct gen_emit *emit, const struct gen_template *template, __u16 at,
			__u8 size)
{
	const struct gen_vary vary = { .at = at, .size = size };

	emit_store(emit, template, &vary);
}

/* lana/stamp.h: the upper bytes of sequence and time side by side, then the lower four of each. */
static void emit_stamp(struct gen_emit *emit, const struct gen_template *template)
{
	struct code *code = &emit->code;
	__u16 at = template->stamp_at;

	code_emit(code, insn(BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, emit->program->key));
	emit_number(emit, template, at + 4, 4);
	code_emit(code, insn_call(BPF_FUNC_ktime_get_ns));
	code_emit(code, insn_mov(BPF_REG_8, BPF_REG_0));
	gen_load_state(emit, BPF_REG_9, offsetof(struct gen_state, sent));
	code_emit(code, insn_alu_imm(BPF_SUB, BPF_REG_9, 1)); /* this frame is counted already */
	code_emit(code, insn_mov(BPF_REG_0, BPF_REG_9));
	code_emit(code, insn_alu_imm(BPF_RSH, BPF_REG_0, 32));
	code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_0, 8));
	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_8));
	code_emit(code, insn_alu_imm(BPF_RSH, BPF_REG_1, 32));
	code_emit(code, insn_alu_imm(BPF_AND, BPF_REG_1, 0xff));
	code_emit(code, insn_alu(BPF_OR, BPF_REG_0, BPF_REG_1));
	emit_number(emit, template, at + 8, 2);
	code_emit(code, insn_mov(BPF_REG_0, BPF_REG_9));
	emit_number(emit, template, at + 10, 4);
	code_emit(code, insn_mov(BPF_REG_0, BPF_REG_8));
	emit_number(emit, template, at + 14, 4);
}

static void emit_value(struct gen_emit *emit, const struct gen_vary *vary, __u32 field, __u32 list)
{
	switch ((enum gen_form)vary->form) {
	case GEN_COUNTER:
		emit_counter(emit, vary, field);
		break;
	case GEN_RANDOM:
		emit_random(emit, vary, field);
		break;
	case GEN_LIST:
		emit_list(emit, vary, field, list);
		break;
	}
}

void gen_emit_fields(struct gen_emit *emit, const struct gen_template *template, __u32 first,
		     __u32 lists)
{
	struct code *code = &emit->code;

	for (__u32 s = 0; s < template->sums_count; s++) {
		gen_imm64(code, BPF_REG_1, template->sums[s].base);
		code_emit(code, insn_store(BPF_DW, BPF_REG_10, BPF_REG_1, GEN_SUM(s)));
	}
	for (__u32 v = 0; v < template->varies_count; v++) {
		const struct gen_vary *vary = &template->varies[v];
		__u32 field = offsetof(struct gen_state, fields[first + v]);

		emit_value(emit, vary, field, lists);
		emit_store(emit, template, vary);
		if (vary->form == GEN_LIST)
			lists += vary->count * sizeof(__u64);
	}
	if (template->stamp_at)
		emit_stamp(emit, template);
	for (__u32 s = 0; s < template->sums_count; s++)
		emit_check(emit, template, s);
}
