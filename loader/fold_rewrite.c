// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_rewrite - write ops anew by what is known of the values that they work on
 */
#include <string.h>

#include "fold_value.h"

/* A register that outlasts calls and holds the value, or (not exactly) another byte of its map. */
static int find_register(const struct state *state, struct value wanted, bool exactly)
{
	for (int i = REGISTERS - 1; i >= BPF_REG_6; i--) {
		struct value value = state->values[i];

		if (!exactly)
			value.number = wanted.number;
		if (value_same(value, wanted))
			return i;
	}
	return NO_REGISTER;
}

/* The same, or else a word of the stack. */
static int find_kept(const struct state *state, struct value wanted, bool exactly)
{
	int found = find_register(state, wanted, exactly);

	for (int i = FRAME_FIRST; !found && i <= FRAME_LAST; i++) {
		struct value value = state->values[i];

		if (!exactly)
			value.number = wanted.number;
		if (value_same(value, wanted))
			found = i;
	}
	return found;
}

static void become_number(struct folder *folder, struct op *op, __u8 dst, __s64 value)
{
	if (value == (__s32)value)
		become(folder, op, OP_INSN, insn_mov_imm(dst, value), 0);
	else
		become(folder, op, OP_INSN, insn(BPF_LD | BPF_DW | BPF_IMM, dst, 0, 0, value),
		       value >> 32);
}

static bool loads_number(const struct bpf_insn *insn)
{
	return BPF_OP(insn->code) == BPF_MOV && BPF_SRC(insn->code) == BPF_K;
}

/*
 * Where an access may go instead of to base: the register, NO_REGISTER if there is none better.
 * Counters are addressed from any register that points into the same map.
 */
static int shorter_base(const struct state *state, __u8 base, __s16 *off)
{
	struct value value = state->values[base];
	int found;
	__s64 moved;

	if (value.kind != THIS_CPU && value.kind != CONTEXT)
		return NO_REGISTER;
	found = find_register(state, value, value.kind == CONTEXT);
	if (found <= base)
		return NO_REGISTER;
	moved = value.number - state->values[found].number + *off;
	if (moved != (__s16)moved)
		return NO_REGISTER;
	*off = moved;
	return found;
}

static void rewrite_access(struct folder *folder, struct op *op, const struct state *state)
{
	bool is_load = BPF_CLASS(op->insn.code) == BPF_LDX;
	__s16 off = op->insn.off;
	int base = shorter_base(state, is_load ? op->insn.src_reg : op->insn.dst_reg, &off);

	if (!base)
		return;
	if (is_load)
		op->insn.src_reg = base;
	else
		op->insn.dst_reg = base;
	op->insn.off = off;
	folder->changed = true;
}

/* Are the low bits of the source all that counts? */
static bool is_narrow(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_ALU || BPF_CLASS(insn->code) == BPF_JMP32;
}

/* Operations whose second operand may be written as a number. */
static bool takes_number(const struct bpf_insn *insn)
{
	if (BPF_CLASS(insn->code) == BPF_JMP || BPF_CLASS(insn->code) == BPF_JMP32)
		return true;
	switch (BPF_OP(insn->code)) {
	case BPF_MOV:
	case BPF_ADD:
	case BPF_SUB:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
	case BPF_MUL:
		return !insn->off;
	default:
		return false;
	}
}

/* Take the second operand from where it outlasts calls, or as a number. */
static void rewrite_source(struct folder *folder, struct op *op, const struct state *state)
{
	struct bpf_insn *insn = &op->insn;
	struct value value = state->values[insn->src_reg];
	__s64 number = is_narrow(insn) ? (__s32)value.number : value.number;
	int found = NO_REGISTER;

	if (value.kind == NUMBER && number == (__s32)number && takes_number(insn)) {
		insn->code &= ~BPF_X;
		insn->src_reg = 0;
		insn->imm = number;
		folder->changed = true;
		return;
	}
	if (value.kind == LENGTH)
		found = find_register(state, value, true);
	if (found > insn->src_reg) {
		insn->src_reg = found;
		folder->changed = true;
	}
}

static void rewrite_jump(struct folder *folder, struct op *op, const struct state *state)
{
	int taken = is_goto(op) ? -1 : value_decide(&op->insn, state);
	__u32 target = op->target;

	if (taken == 1) {
		become(folder, op, OP_INSN, insn_jump(), 0);
		op->target = target;
	} else if (taken == 0) {
		become(folder, op, OP_GONE, op->insn, 0);
	} else if (BPF_SRC(op->insn.code) == BPF_X) {
		rewrite_source(folder, op, state);
	}
}

/* An instruction that does nothing but set a register. */
static void rewrite_setting(struct folder *folder, struct op *op, const struct state *state,
			    const struct state *after)
{
	__u8 dst = op->insn.dst_reg, class = BPF_CLASS(op->insn.code);
	struct value value = after->values[dst];

	if (value_same(state->values[dst], value))
		become(folder, op, OP_GONE, op->insn, 0);
	else if (class == BPF_LD)
		return;
	else if (value.kind == NUMBER && !loads_number(&op->insn))
		become_number(folder, op, dst, value.number);
	else if (class == BPF_LDX)
		rewrite_access(folder, op, state);
	else if (BPF_SRC(op->insn.code) == BPF_X && BPF_OP(op->insn.code) != BPF_END)
		rewrite_source(folder, op, state);
}

static void rewrite_insn(struct folder *folder, struct op *op, const struct state *state,
			 const struct state *after)
{
	switch (BPF_CLASS(op->insn.code)) {
	case BPF_ALU:
	case BPF_ALU64:
	case BPF_LDX:
		rewrite_setting(folder, op, state, after);
		break;
	case BPF_LD:
		if (insn_is_load_imm64(&op->insn))
			rewrite_setting(folder, op, state, after);
		break;
	case BPF_ST:
		rewrite_access(folder, op, state);
		break;
	case BPF_STX:
		rewrite_access(folder, op, state);
		if (BPF_MODE(op->insn.code) == BPF_MEM)
			rewrite_source(folder, op, state);
		break;
	default:
		if (is_jump(op))
			rewrite_jump(folder, op, state);
	}
}

static void rewrite_op(struct folder *folder, struct op *op, const struct state *state)
{
	struct state after = *state;
	struct value value;
	int kept;

	value_step(folder, op, &after);
	value = after.values[op->kind == OP_INSN ? op->insn.dst_reg : BPF_REG_0];
	switch (op->kind) {
	case OP_INSN:
		rewrite_insn(folder, op, state, &after);
		break;
	case OP_THIS_CPU:
		kept = find_kept(state, value, false);
		if (kept)
			become(folder, op, OP_OFFSET, insn(0, BPF_REG_0, kept, 0, 0),
			       value.number - state->values[kept].number);
		break;
	case OP_LENGTH:
		kept = find_kept(state, value, true);
		if (kept)
			become(folder, op, OP_OFFSET, insn(0, BPF_REG_0, kept, 0, 0), 0);
		break;
	}
}

static void rewrite_ops(struct folder *folder)
{
	struct code *code = folder->code;

	for (size_t i = 0; i < code->main_count; i++)
		if (folder->reached[i])
			rewrite_op(folder, &code->ops[i], &folder->before[i]);
		else
			code->ops[i].kind = OP_GONE;
}

static void find_targets(struct folder *folder)
{
	struct code *code = folder->code;

	memset(folder->targeted, 0, code->main_count * sizeof(*folder->targeted));
	for (size_t i = 0; i < code->main_count; i++)
		if (is_jump(&code->ops[i]))
			folder->targeted[code->ops[i].target] = true;
}

/* A length has no upper half to be cleared. */
static void drop_shifts(struct folder *folder)
{
	struct code *code = folder->code;
	struct op *left = NULL;

	find_targets(folder);
	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];
		const struct bpf_insn *insn = &op->insn;
		bool shifts = op->kind == OP_INSN && BPF_CLASS(insn->code) == BPF_ALU64 &&
			      BPF_SRC(insn->code) == BPF_K && insn->imm == 32;
		__u8 kind = folder->before[i].values[insn->dst_reg].kind;

		if (folder->targeted[i])
			left = NULL;
		if (is_nothing(op))
			continue;
		if (left && shifts && BPF_OP(insn->code) == BPF_RSH && kind == LENGTH_HIGH &&
		    insn->dst_reg == left->insn.dst_reg) {
			become(folder, left, OP_GONE, left->insn, 0);
			become(folder, op, OP_GONE, op->insn, 0);
		}
		left = shifts && BPF_OP(insn->code) == BPF_LSH && kind == LENGTH ? op : NULL;
	}
}

void fold_rewrite(struct folder *folder)
{
	rewrite_ops(folder);
	drop_shifts(folder);
}
