// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fold.h"
#include "insn.h"

#define REGISTERS      10 /* that programs write: r10 is the frame */
#define REGISTER_NAMES 16 /* that fit into an instruction */

/* What is known of a register. */
struct value {
	enum {
		NUMBER,	     /* exactly this */
		CONTEXT,     /* what the program was called with */
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
	__u16 *live; /* bit r: register r is read after the op, before it is written */
	bool changed;
};

static const struct value anything = { .kind = ANYTHING };

static struct value number(__s64 number)
{
	return (struct value){ NUMBER, 0, number };
}

static bool same(struct value a, struct value b)
{
	return a.kind == b.kind && a.kind != ANYTHING && a.what == b.what && a.number == b.number;
}

/* ---- what an op does to the values -------------------------------------------------------- */

/* Helpers that leave the packet as long as it is. Others may change it. */
static bool keeps_length(__s32 helper)
{
	static const __u8 known[] = {
		BPF_FUNC_map_lookup_elem, BPF_FUNC_map_update_elem,  BPF_FUNC_map_delete_elem,
		BPF_FUNC_ktime_get_ns,	  BPF_FUNC_get_prandom_u32,  BPF_FUNC_get_smp_processor_id,
		BPF_FUNC_redirect,	  BPF_FUNC_redirect_map,     BPF_FUNC_csum_diff,
		BPF_FUNC_fib_lookup,	  BPF_FUNC_xdp_get_buff_len, BPF_FUNC_skb_pull_data,
	};

	for (size_t i = 0; i < sizeof(known); i++)
		if (known[i] == helper)
			return true;
	return false;
}

static void forget_length(struct state *state)
{
	for (int i = 0; i < REGISTERS; i++)
		if (state->values[i].kind == LENGTH || state->values[i].kind == LENGTH_HIGH)
			state->values[i] = anything;
}

static void clobber(struct state *state)
{
	for (int i = BPF_REG_0; i <= BPF_REG_5; i++)
		state->values[i] = anything;
}

static void call(const struct op *op, struct state *state)
{
	if (op->insn.src_reg || !keeps_length(op->insn.imm))
		forget_length(state);
	clobber(state);
}

/* False: not an operation that is folded. */
static bool compute(__u8 op, __u64 a, __u64 b, int bits, __u64 *result)
{
	switch (op) {
	case BPF_MOV:
		*result = b;
		break;
	case BPF_ADD:
		*result = a + b;
		break;
	case BPF_SUB:
		*result = a - b;
		break;
	case BPF_AND:
		*result = a & b;
		break;
	case BPF_OR:
		*result = a | b;
		break;
	case BPF_XOR:
		*result = a ^ b;
		break;
	case BPF_MUL:
		*result = a * b;
		break;
	case BPF_LSH:
		*result = a << (b & (bits - 1));
		break;
	case BPF_RSH:
		*result = a >> (b & (bits - 1));
		break;
	case BPF_NEG:
		*result = -a;
		break;
	default:
		return false;
	}
	if (bits == 32)
		*result = (__u32)*result;
	return true;
}

/* The second operand: a register's, or the number in the instruction. */
static struct value operand(const struct bpf_insn *insn, const struct state *state)
{
	if (BPF_SRC(insn->code) == BPF_K)
		return number(insn->imm);
	return state->values[insn->src_reg];
}

static struct value arithmetic(const struct bpf_insn *insn, const struct state *state)
{
	struct value a = state->values[insn->dst_reg], b = operand(insn, state);
	int bits = BPF_CLASS(insn->code) == BPF_ALU64 ? 64 : 32;
	__u8 op = BPF_OP(insn->code);
	__u64 result;

	if (insn->off) /* signed division, moves that extend a sign */
		return anything;
	if (op == BPF_MOV && (bits == 64 || b.kind == LENGTH))
		return b;
	if (b.kind == NUMBER && (a.kind == NUMBER || op == BPF_MOV)) {
		__u64 mask = bits == 64 ? ~0ULL : ~0U;

		if (compute(op, a.number & mask, b.number & mask, bits, &result))
			return number(result);
		return anything;
	}
	if (bits != 64)
		return anything;
	if (b.kind == NUMBER && (op == BPF_ADD || op == BPF_SUB) &&
	    (a.kind == THIS_CPU || a.kind == CONFIG)) {
		a.number += op == BPF_ADD ? b.number : -b.number;
		return a;
	}
	if (b.kind == NUMBER && b.number == 32 &&
	    ((op == BPF_LSH && a.kind == LENGTH) || (op == BPF_RSH && a.kind == LENGTH_HIGH)))
		return (struct value){ .kind = op == BPF_LSH ? LENGTH_HIGH : LENGTH };
	return anything;
}

static int access_size(const struct bpf_insn *insn)
{
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	default:
		return 8;
	}
}

/* A load from the options is known. */
static struct value loaded(const struct folder *folder, const struct bpf_insn *insn,
			   const struct state *state)
{
	struct value base = state->values[insn->src_reg];
	__s64 from = base.number + insn->off;
	int size = access_size(insn);
	__u64 read = 0;

	if (base.kind != CONFIG || BPF_MODE(insn->code) != BPF_MEM || from < 0 ||
	    (size_t)from + size > folder->configs[base.what].size)
		return anything;
	memcpy(&read, folder->configs[base.what].bytes + from, size); /* little-endian */
	return number(read);
}

static void step_insn(const struct folder *folder, const struct op *op, struct state *state)
{
	const struct bpf_insn *insn = &op->insn;
	struct value *dst = &state->values[insn->dst_reg];

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		*dst = BPF_OP(insn->code) == BPF_END ? anything : arithmetic(insn, state);
		break;
	case BPF_LDX:
		*dst = loaded(folder, insn, state);
		break;
	case BPF_LD:
		if (!insn_is_load_imm64(insn)) {
			clobber(state);
		} else {
			*dst = insn->src_reg ? anything
					     : number((__u32)insn->imm | (__u64)op->high << 32);
		}
		break;
	case BPF_STX:
		if (BPF_MODE(insn->code) == BPF_ATOMIC && insn->imm == BPF_CMPXCHG)
			state->values[BPF_REG_0] = anything;
		else if (BPF_MODE(insn->code) == BPF_ATOMIC && insn->imm & BPF_FETCH)
			state->values[insn->src_reg] = anything;
		break;
	case BPF_JMP:
		if (BPF_OP(insn->code) == BPF_CALL)
			call(op, state);
		break;
	}
}

static void step(const struct folder *folder, const struct op *op, struct state *state)
{
	struct value found;

	switch (op->kind) {
	case OP_INSN:
		step_insn(folder, op, state);
		break;
	case OP_THIS_CPU:
		found = (struct value){ THIS_CPU, op->insn.imm, op->high };
		clobber(state);
		state->values[BPF_REG_0] = found;
		if (op->keep) {
			found.number = THIS_CPU_MIDDLE(op->insn.off);
			state->values[op->keep] = found;
		}
		break;
	case OP_LENGTH:
		clobber(state);
		state->values[BPF_REG_0] = (struct value){ .kind = LENGTH };
		if (op->keep)
			state->values[op->keep] = state->values[BPF_REG_0];
		break;
	case OP_CONFIG:
		state->values[op->insn.dst_reg] = (struct value){ CONFIG, op->insn.imm, op->high };
		break;
	case OP_OFFSET:
		found = state->values[op->insn.src_reg];
		found.number += op->high;
		state->values[op->insn.dst_reg] = found;
		break;
	}
}

/* ---- following the ways through the program ----------------------------------------------- */

static bool is_jump(const struct op *op)
{
	return op->kind == OP_INSN && insn_is_jump(&op->insn);
}

static bool is_goto(const struct op *op)
{
	return op->kind == OP_INSN && insn_is_goto(&op->insn);
}

static bool is_exit(const struct op *op)
{
	return op->kind == OP_INSN && insn_is_exit(&op->insn);
}

/* Is a conditional jump taken? 1: always; 0: never; -1: that depends. */
static int decide(const struct bpf_insn *insn, const struct state *state)
{
	struct value va = state->values[insn->dst_reg], vb = operand(insn, state);
	bool wide = BPF_CLASS(insn->code) == BPF_JMP;
	__u64 a = wide ? va.number : (__u32)va.number, b = wide ? vb.number : (__u32)vb.number;
	__s64 sa = wide ? va.number : (__s32)va.number, sb = wide ? vb.number : (__s32)vb.number;

	if (va.kind != NUMBER || vb.kind != NUMBER)
		return -1;
	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSGT:
		return sa > sb;
	case BPF_JSGE:
		return sa >= sb;
	case BPF_JSLT:
		return sa < sb;
	case BPF_JSLE:
		return sa <= sb;
	case BPF_JSET:
		return (a & b) != 0;
	default:
		return -1;
	}
}

/* Another way leads to an op: what is not the same on both is not known. */
static void arrive(struct folder *folder, size_t at, const struct state *state)
{
	struct state *before = &folder->before[at];

	if (!folder->reached[at]) {
		folder->reached[at] = true;
		folder->changed = true;
		*before = *state;
		return;
	}
	for (int i = 0; i < REGISTERS; i++)
		if (before->values[i].kind != ANYTHING &&
		    !same(before->values[i], state->values[i])) {
			before->values[i] = anything;
			folder->changed = true;
		}
}

/* Once through the program; true: some value was found to be less certain. */
static bool follow(struct folder *folder)
{
	struct code *code = folder->code;

	folder->changed = false;
	for (size_t i = 0; i < code->main_count; i++) {
		const struct op *op = &code->ops[i];
		struct state state = folder->before[i];
		int taken = is_goto(op);

		if (!folder->reached[i] || is_exit(op))
			continue;
		if (is_jump(op) && !is_goto(op))
			taken = decide(&op->insn, &state);
		step(folder, op, &state);
		if (taken)
			arrive(folder, is_jump(op) ? op->target : i + 1, &state);
		if (taken <= 0 && i + 1 < code->main_count)
			arrive(folder, i + 1, &state);
	}
	return folder->changed;
}

static void find_values(struct folder *folder)
{
	struct state start;

	memset(folder->reached, 0, folder->code->main_count * sizeof(*folder->reached));
	for (int i = 0; i < REGISTER_NAMES; i++)
		start.values[i] = anything;
	start.values[BPF_REG_1].kind = CONTEXT;
	arrive(folder, 0, &start);
	while (follow(folder))
		;
}

/* ---- rewriting ---------------------------------------------------------------------------- */

/* A register that outlasts calls and holds the value, or (not exactly) another byte of its map. */
static int find_register(const struct state *state, struct value wanted, bool exactly)
{
	for (int i = REGISTERS - 1; i >= BPF_REG_6; i--) {
		struct value value = state->values[i];

		if (!exactly)
			value.number = wanted.number;
		if (same(value, wanted))
			return i;
	}
	return NO_REGISTER;
}

static void become(struct folder *folder, struct op *op, enum op_kind kind, struct bpf_insn insn,
		   __s32 high)
{
	*op = (struct op){ insn, high, NO_TARGET, kind, NO_REGISTER };
	folder->changed = true;
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
	int taken = is_goto(op) ? -1 : decide(&op->insn, state);
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

	if (same(state->values[dst], value))
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

	step(folder, op, &after);
	value = after.values[op->kind == OP_INSN ? op->insn.dst_reg : BPF_REG_0];
	switch (op->kind) {
	case OP_INSN:
		rewrite_insn(folder, op, state, &after);
		break;
	case OP_THIS_CPU:
		kept = find_register(state, value, false);
		if (kept)
			become(folder, op, OP_OFFSET, insn(0, BPF_REG_0, kept, 0, 0),
			       value.number - state->values[kept].number);
		break;
	case OP_LENGTH:
		kept = find_register(state, value, true);
		if (kept)
			become(folder, op, OP_OFFSET, insn(0, BPF_REG_0, kept, 0, 0), 0);
		break;
	}
}

static void rewrite(struct folder *folder)
{
	struct code *code = folder->code;

	for (size_t i = 0; i < code->main_count; i++)
		if (folder->reached[i])
			rewrite_op(folder, &code->ops[i], &folder->before[i]);
		else
			code->ops[i].kind = OP_GONE;
}

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

/* ---- what nobody reads -------------------------------------------------------------------- */

#define BIT(reg)  (1U << (reg))
#define ARGUMENTS (BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5))
#define CLOBBERED (BIT(0) | ARGUMENTS)

/* Registers that a helper reads. */
static __u16 arguments(const struct bpf_insn *insn)
{
	static const struct {
		__u8 helper, count;
	} known[] = {
		{ BPF_FUNC_map_lookup_elem, 2 }, { BPF_FUNC_ktime_get_ns, 0 },
		{ BPF_FUNC_get_prandom_u32, 0 }, { BPF_FUNC_get_smp_processor_id, 0 },
		{ BPF_FUNC_tail_call, 3 },	 { BPF_FUNC_redirect, 2 },
		{ BPF_FUNC_redirect_map, 3 },	 { BPF_FUNC_xdp_get_buff_len, 1 },
	};

	for (size_t i = 0; !insn->src_reg && i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].helper == insn->imm)
			return ARGUMENTS & (BIT(known[i].count + 1) - 1);
	return ARGUMENTS;
}

static void insn_registers(const struct bpf_insn *insn, __u16 *reads, __u16 *writes)
{
	__u16 dst = BIT(insn->dst_reg), src = BPF_SRC(insn->code) == BPF_X ? BIT(insn->src_reg) : 0;

	*reads = *writes = 0;
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		*reads = BPF_OP(insn->code) == BPF_END	 ? dst
			 : BPF_OP(insn->code) == BPF_MOV ? src
							 : dst | src;
		*writes = dst;
		break;
	case BPF_LDX:
		*reads = BIT(insn->src_reg);
		*writes = dst;
		break;
	case BPF_LD:
		*reads = insn_is_load_imm64(insn) ? 0 : BIT(6) | BIT(insn->src_reg);
		*writes = insn_is_load_imm64(insn) ? dst : CLOBBERED;
		break;
	case BPF_ST:
		*reads = dst;
		break;
	case BPF_STX:
		*reads = dst | BIT(insn->src_reg);
		if (BPF_MODE(insn->code) == BPF_ATOMIC)
			*reads |= BIT(0); /* compare and exchange */
		break;
	default:
		if (BPF_OP(insn->code) == BPF_EXIT) {
			*reads = BIT(0);
		} else if (BPF_OP(insn->code) == BPF_CALL) {
			*reads = arguments(insn);
			*writes = CLOBBERED;
		} else if (!insn_is_goto(insn)) {
			*reads = dst | src;
		}
	}
}

/* May it go if nobody reads what it writes? */
static bool only_sets(const struct op *op)
{
	__u8 class = BPF_CLASS(op->insn.code);

	return op->kind != OP_INSN || class == BPF_ALU || class == BPF_ALU64 || class == BPF_LDX ||
	       insn_is_load_imm64(&op->insn);
}

static void registers(const struct op *op, __u16 *reads, __u16 *writes)
{
	*reads = *writes = 0;
	switch (op->kind) {
	case OP_INSN:
		insn_registers(&op->insn, reads, writes);
		break;
	case OP_LENGTH:
		*reads = BIT(1);
		*writes = CLOBBERED | BIT(op->keep);
		break;
	case OP_THIS_CPU:
		*writes = CLOBBERED | BIT(op->keep);
		break;
	case OP_OFFSET:
		*reads = BIT(op->insn.src_reg);
		*writes = BIT(op->insn.dst_reg);
		break;
	case OP_CONFIG:
		*writes = BIT(op->insn.dst_reg);
		break;
	}
}

/* Registers that an op leaves a value in, not those that it merely destroys. */
static __u16 sets(const struct op *op)
{
	__u16 reads, writes;

	if (op->kind == OP_THIS_CPU || op->kind == OP_LENGTH)
		return BIT(0) | (op->keep ? BIT(op->keep) : 0);
	registers(op, &reads, &writes);
	return writes;
}

static void find_live(struct folder *folder)
{
	struct code *code = folder->code;
	bool changed = true;

	memset(folder->live, 0, (code->main_count + 1) * sizeof(*folder->live));
	while (changed) {
		changed = false;
		for (size_t i = code->main_count; i-- > 0;) {
			const struct op *op = &code->ops[i];
			__u16 after = 0, reads, writes, before;

			if (is_jump(op))
				after |= folder->live[op->target];
			if (!is_goto(op) && !is_exit(op))
				after |= folder->live[i + 1];
			registers(op, &reads, &writes);
			before = only_sets(op) && !(after & sets(op)) ? after
								      : (after & ~writes) | reads;
			changed |= before != folder->live[i];
			folder->live[i] = before;
		}
	}
}

/* live[] is what is read from before an op on. */
static void drop_unread(struct folder *folder)
{
	struct code *code = folder->code;

	find_live(folder);
	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];
		__u16 after = folder->live[i + 1];

		if (op->kind == OP_GONE || !only_sets(op))
			continue;
		if (op->keep && !(after & BIT(op->keep))) {
			op->keep = NO_REGISTER;
			folder->changed = true;
		}
		if (!(after & sets(op)))
			become(folder, op, OP_GONE, op->insn, 0);
	}
}

static void drop_idle_jumps(struct folder *folder)
{
	struct code *code = folder->code;

	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];
		size_t next = i + 1;

		while (next < code->main_count && code->ops[next].kind == OP_GONE)
			next++;
		if (is_jump(op) && op->target > i && op->target <= next)
			become(folder, op, OP_GONE, op->insn, 0);
	}
}

/* Calls were dropped: so must be the subprograms that nobody calls any more. */
static int drop_uncalled(struct code *code)
{
	_cleanup_free_ bool *called = calloc(code->count + 1, sizeof(*called));
	_cleanup_free_ size_t *todo = calloc(code->count + 1, sizeof(*todo));
	size_t pending = 0;

	if (!called || !todo)
		return -ENOMEM;
	for (size_t i = 0; i < code->main_count; i++) {
		const struct op *op = &code->ops[i];
		bool calls = op->kind == OP_INSN && op->target != NO_TARGET &&
			     op->target >= code->main_count;

		if (calls && !called[op->target]) {
			called[op->target] = true;
			todo[pending++] = op->target;
		}
	}
	while (pending) {
		size_t i = todo[--pending];
		const struct op *op = &code->ops[i];
		__u32 next[] = { op->target, is_goto(op) || is_exit(op) ? NO_TARGET : i + 1 };

		for (int way = 0; way < 2; way++)
			if (next[way] < code->count && !called[next[way]]) {
				called[next[way]] = true;
				todo[pending++] = next[way];
			}
	}
	for (size_t i = code->main_count; i < code->count; i++)
		if (!called[i])
			code->ops[i].kind = OP_GONE;
	return 0;
}

/* ---- what is worth a register ------------------------------------------------------------- */

static bool finds_same(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && (a->kind == OP_LENGTH || a->insn.imm == b->insn.imm);
}

/* A register that outlasts calls and that the program does not use; NO_REGISTER: none. */
static int free_register(const struct code *code)
{
	__u16 used = 0;

	for (size_t i = 0; i < code->main_count; i++) {
		const struct op *op = &code->ops[i];
		__u16 reads, writes;

		registers(op, &reads, &writes);
		used |= reads | writes;
	}
	for (int i = REGISTERS - 1; i >= BPF_REG_6; i--)
		if (!(used & BIT(i)))
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

#define ROUNDS_MAX 8

int fold(struct code *code, const struct fold_config *configs)
{
	size_t count = code->main_count + 1;
	_cleanup_free_ struct state *before = calloc(count, sizeof(*before));
	_cleanup_free_ bool *reached = calloc(count, sizeof(*reached));
	_cleanup_free_ __u16 *live = calloc(count, sizeof(*live));
	struct folder folder = { code, configs, before, reached, live, true };

	if (!before || !reached || !live)
		return -ENOMEM;
	find_values(&folder);
	prepare(&folder);
	give_registers(code);
	for (int round = 0; folder.changed && round < ROUNDS_MAX; round++) {
		find_values(&folder);
		folder.changed = false;
		rewrite(&folder);
		drop_unread(&folder);
		drop_idle_jumps(&folder);
	}
	return drop_uncalled(code);
}
