// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_keep - what is worth a register, or a word of the stack
 */
#include "fold_value.h"

/* Drop what no way leads to, and mark where the length is asked for. */
static void prepare(struct folder *folder)
{
	struct code *code = folder->code;

	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];

		if (!folder->reached[i])
			become(folder, op, OP_GONE, op->insn, 0);
		else if (op->kind == OP_INSN &&
			 insn_is_helper(&op->insn, BPF_FUNC_xdp_get_buff_len) &&
			 folder->before[i].values[BPF_REG_1].kind == CONTEXT)
			become(folder, op, OP_LENGTH, op->insn, 0);
	}
}

static void note_frame(struct code *code, const struct state *state)
{
	for (int i = 0; i < REGISTERS; i++) {
		const struct value *value = &state->values[i];

		if (value->kind == FRAME && -value->number > code->frame)
			code->frame = -value->number;
	}
}

/* How far down the blocks use it: wherever a register points or an access goes. */
static void measure_frame(struct folder *folder)
{
	struct code *code = folder->code;

	code->frame = 0;
	for (size_t i = 0; i < code->main_count; i++) {
		const struct op *op = &code->ops[i];
		struct state after = folder->before[i];
		__u8 class = BPF_CLASS(op->insn.code);
		bool loads = class == BPF_LDX, stores = class == BPF_ST || class == BPF_STX;
		struct value base = after.values[loads ? op->insn.src_reg : op->insn.dst_reg];

		if (!folder->reached[i] || op->kind != OP_INSN)
			continue;
		if ((loads || stores) && base.kind == FRAME &&
		    -(base.number + op->insn.off) > code->frame)
			code->frame = -(base.number + op->insn.off);
		/* Moved to where is not known. */
		if ((class == BPF_ALU || class == BPF_ALU64) && BPF_OP(op->insn.code) != BPF_MOV &&
		    base.kind == FRAME && value_operand(&op->insn, &after).kind != NUMBER)
			code->frame = FRAME_MAX;
		value_step(folder, op, &after);
		note_frame(code, &after);
	}
	code->frame = (code->frame + 7) / 8 * 8;
}

static bool finds_same(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && (a->kind == OP_LENGTH || a->insn.imm == b->insn.imm);
}

/*
 * A register that outlasts calls and that the program does not use, or else a word of the stack;
 * NO_REGISTER: none.
 */
static int free_register(const struct code *code)
{
	__u16 used = 0;

	for (size_t i = 0; i < code->main_count; i++)
		used |= live_uses(&code->ops[i]);
	for (int i = REGISTERS - 1; i >= BPF_REG_6; i--)
		if (!(used & REGISTER_BIT(i)))
			return i;
	for (int i = FRAME_FIRST; i <= FRAME_LAST; i++)
		if (!(used & REGISTER_BIT(i)) &&
		    code->frame + 8 * (i - FRAME_FIRST + 1) <= FRAME_MAX)
			return i;
	return NO_REGISTER;
}

/* Give registers away to what is looked up most often. */
static void give_registers(struct code *code)
{
	for (;;) {
		size_t best = 0, most = 1;
		int reg = free_register(code);

		for (size_t i = 0; reg && i < code->main_count; i++) {
			const struct op *op = &code->ops[i];
			size_t count = 0;

			if (op->keep || (op->kind != OP_LENGTH && op->kind != OP_THIS_CPU))
				continue;
			for (size_t j = 0; j < code->main_count; j++)
				count += finds_same(op, &code->ops[j]);
			if (count > most) {
				most = count;
				best = i;
			}
		}
		if (!reg || most < 2)
			return;
		for (size_t j = 0; j < code->main_count; j++)
			if (j != best && finds_same(&code->ops[best], &code->ops[j]))
				code->ops[j].keep = reg;
		code->ops[best].keep = reg;
	}
}

void keep_choose(struct folder *folder)
{
	prepare(folder);
	measure_frame(folder);
	give_registers(folder->code);
}
