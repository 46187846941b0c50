// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "fold_value.h"

static const struct value anything = { .kind = ANYTHING };

static struct value number(__s64 number)
{
	return (struct value){ NUMBER, 0, number };
}

bool value_same(struct value a, struct value b)
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
		BPF_FUNC_xdp_load_bytes,  BPF_FUNC_skb_load_bytes,
	};

	for (size_t i = 0; i < sizeof(known); i++)
		if (known[i] == helper)
			return true;
	return false;
}

static void forget_length(struct state *state)
{
	for (int i = 0; i < REGISTER_NAMES; i++)
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

struct value value_operand(const struct bpf_insn *insn, const struct state *state)
{
	if (BPF_SRC(insn->code) == BPF_K)
		return number(insn->imm);
	return state->values[insn->src_reg];
}

static struct value arithmetic(const struct bpf_insn *insn, const struct state *state)
{
	struct value a = state->values[insn->dst_reg], b = value_operand(insn, state);
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
	    (a.kind == THIS_CPU || a.kind == CONFIG || a.kind == FRAME)) {
		a.number += op == BPF_ADD ? b.number : -b.number;
		return a;
	}
	if (b.kind == NUMBER && b.number == 32 &&
	    ((op == BPF_LSH && a.kind == LENGTH) || (op == BPF_RSH && a.kind == LENGTH_HIGH)))
		return (struct value){ .kind = op == BPF_LSH ? LENGTH_HIGH : LENGTH };
	return anything;
}

/* Bytes in the order of the network; the other order is the machine's own, and cuts. */
static struct value turned(const struct bpf_insn *insn, struct value value)
{
	if (value.kind != NUMBER || BPF_CLASS(insn->code) != BPF_ALU ||
	    BPF_SRC(insn->code) != BPF_TO_BE)
		return anything;
	switch (insn->imm) {
	case 16:
		return number(__builtin_bswap16(value.number));
	case 32:
		return number(__builtin_bswap32(value.number));
	case 64:
		return number(__builtin_bswap64(value.number));
	default:
		return anything;
	}
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
		*dst = BPF_OP(insn->code) == BPF_END ? turned(insn, *dst) : arithmetic(insn, state);
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

void value_step(const struct folder *folder, const struct op *op, struct state *state)
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

int value_decide(const struct bpf_insn *insn, const struct state *state)
{
	struct value va = state->values[insn->dst_reg], vb = value_operand(insn, state);
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
	for (int i = 0; i < REGISTER_NAMES; i++)
		if (before->values[i].kind != ANYTHING &&
		    !value_same(before->values[i], state->values[i])) {
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
			taken = value_decide(&op->insn, &state);
		value_step(folder, op, &state);
		if (taken)
			arrive(folder, is_jump(op) ? op->target : i + 1, &state);
		if (taken <= 0 && i + 1 < code->main_count)
			arrive(folder, i + 1, &state);
	}
	return folder->changed;
}

void value_find(struct folder *folder)
{
	struct state start;

	memset(folder->reached, 0, folder->code->main_count * sizeof(*folder->reached));
	for (int i = 0; i < REGISTER_NAMES; i++)
		start.values[i] = anything;
	start.values[BPF_REG_1].kind = CONTEXT;
	start.values[BPF_REG_10] = (struct value){ .kind = FRAME };
	arrive(folder, 0, &start);
	while (follow(folder))
		;
}
