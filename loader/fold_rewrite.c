// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_rewrite - write ops anew by what is known of the values that they work on
 */
#include <string.h>

#include "fold_value.h"

/*
 * Does a register hold what is wanted, or (not exactly) another byte of the same? Of a packet it
 * must have been seen that as much is there.
 */
static bool holds(struct value value, struct value wanted, bool exactly)
{
	if (value.kind == PACKET && value.what > wanted.what)
		value.what = wanted.what;
	if (!exactly)
		value.number = wanted.number;
	return value_same(value, wanted);
}

/* A register that outlasts calls and holds the value. */
static int find_register(const struct folder *folder, const struct state *state,
			 struct value wanted, bool exactly)
{
	for (int i = KEEP_LAST; i >= BPF_REG_6; i--)
		if (i != BPF_REG_10 && !(folder->words & REGISTER_BIT(i)) &&
		    holds(state->values[i], wanted, exactly))
			return i;
	return NO_REGISTER;
}

/* The same, or else a word of the stack. */
static int find_kept(const struct folder *folder, const struct state *state, struct value wanted)
{
	bool exactly = wanted.kind != THIS_CPU;
	int found = find_register(folder, state, wanted, exactly);

	for (int i = KEEP_FIRST; !found && i <= KEEP_LAST; i++)
		if (holds(state->values[i], wanted, exactly))
			found = i;
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
 * Counters are addressed from any register that points into the same map, packets from any
 * that the verifier lets reach as far.
 */
static int shorter_base(const struct folder *folder, const struct state *state, __u8 base,
			__s16 *off)
{
	struct value value = state->values[base];
	int found;
	__s64 moved;

	if (value.kind != THIS_CPU && value.kind != CONTEXT && value.kind != PACKET)
		return NO_REGISTER;
	found = find_register(folder, state, value, value.kind == CONTEXT);
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
	int base = shorter_base(folder, state, is_load ? op->insn.src_reg : op->insn.dst_reg, &off);

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

/* Does it fit into an instruction? */
static bool fits(const struct bpf_insn *insn, __s64 *number)
{
	if (is_narrow(insn))
		*number = (__s32)*number;
	return *number == (__s32)*number;
}

/* Take the second operand from where it outlasts calls, or as a number. */
static void rewrite_source(struct folder *folder, struct op *op, const struct state *state)
{
	struct bpf_insn *insn = &op->insn;
	struct value value = state->values[insn->src_reg];
	int found = NO_REGISTER;

	if (value.kind == NUMBER && takes_number(insn) && fits(insn, &value.number)) {
		insn->code &= ~BPF_X;
		insn->src_reg = 0;
		insn->imm = value.number;
		folder->changed = true;
		return;
	}
	if (value.kind == LENGTH || value.kind == PACKET || value.kind == PACKET_END)
		found = find_register(folder, state, value, true);
	if (found > insn->src_reg) {
		insn->src_reg = found;
		folder->changed = true;
	}
}

/* Store a number as such. (Not into a context, or the stack: old verifiers know less of that.) */
static void rewrite_stored(struct folder *folder, struct op *op, const struct state *state)
{
	struct bpf_insn *insn = &op->insn;
	struct value base = state->values[insn->dst_reg], value = state->values[insn->src_reg];
	bool wide = BPF_SIZE(insn->code) == BPF_DW;

	if (value.kind != NUMBER || (wide && value.number != (__s32)value.number) ||
	    (base.kind != THIS_CPU && base.kind != PACKET && base.kind != MEMORY)) {
		rewrite_source(folder, op, state);
		return;
	}
	insn->code = BPF_ST | BPF_MEM | BPF_SIZE(insn->code);
	insn->src_reg = 0;
	insn->imm = value.number;
	folder->changed = true;
}

/* Compare a register with a number, not a number with a register. */
static void rewrite_compared(struct folder *folder, struct op *op, const struct state *state)
{
	struct bpf_insn *insn = &op->insn;
	struct value value = state->values[insn->dst_reg];

	if (value.kind != NUMBER || !fits(insn, &value.number)) {
		rewrite_source(folder, op, state);
		return;
	}
	insn->code = BPF_CLASS(insn->code) | value_mirrored(BPF_OP(insn->code)) | BPF_K;
	insn->dst_reg = insn->src_reg;
	insn->src_reg = 0;
	insn->imm = value.number;
	folder->changed = true;
}

static void rewrite_jump(struct folder *folder, struct op *op, const struct state *state)
{
	int taken = value_decide(&op->insn, state);
	__u32 target = op->target;

	if (is_goto(op))
		return;
	if (taken == 1) {
		become(folder, op, OP_INSN, insn_jump(), 0);
		op->target = target;
	} else if (taken == 0) {
		become(folder, op, OP_GONE, op->insn, 0);
	} else if (BPF_SRC(op->insn.code) == BPF_X) {
		rewrite_compared(folder, op, state);
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
			rewrite_stored(folder, op, state);
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
	value = after.values[op->insn.dst_reg];
	switch (op->kind) {
	case OP_INSN:
		rewrite_insn(folder, op, state, &after);
		break;
	case OP_THIS_CPU:
	case OP_LENGTH:
	case OP_PACKET:
	case OP_PACKET_END:
		kept = find_kept(folder, state, value);
		if (kept)
			become(folder, op, OP_OFFSET, insn(0, op->insn.dst_reg, kept, 0, 0),
			       value.number - state->values[kept].number);
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
