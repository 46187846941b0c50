// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "fold_value.h"

const struct value value_anything = { .kind = ANYTHING };

bool value_same(struct value a, struct value b)
{
	return a.kind == b.kind && a.kind != ANYTHING && a.kind != MEMORY && a.kind != ONE_OF &&
	       a.what == b.what && a.number == b.number && a.shift == b.shift;
}

/* ---- what an op does to the values -------------------------------------------------------- */

static void clobber(struct state *state)
{
	for (int i = BPF_REG_0; i <= BPF_REG_5; i++)
		state->values[i] = value_anything;
}

static void call(const struct bpf_insn *insn, struct state *state)
{
	if (!is_publish(insn))
		packet_call(insn, state);
	clobber(state);
	if (insn_is_helper(insn, BPF_FUNC_map_lookup_elem))
		state->values[BPF_REG_0].kind = MEMORY;
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
	case BPF_DIV:
		*result = b ? a / b : 0;
		break;
	case BPF_MOD:
		*result = b ? a % b : a;
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
		return value_of(NUMBER, 0, insn->imm);
	return state->values[insn->src_reg];
}

/* An address that another one follows from by a number. */
static bool is_address(struct value value)
{
	return value.kind == THIS_CPU || value.kind == CONFIG || value.kind == FRAME ||
	       value.kind == PACKET || value.kind == MEMORY;
}

static struct value arithmetic(const struct bpf_insn *insn, const struct state *state)
{
	struct value a = state->values[insn->dst_reg], b = value_operand(insn, state);
	int bits = BPF_CLASS(insn->code) == BPF_ALU64 ? 64 : 32;
	__u8 op = BPF_OP(insn->code);
	__u64 result;

	if (insn->off) /* signed division, moves that extend a sign */
		return value_anything;
	if (op == BPF_MOV && (bits == 64 || b.kind == LENGTH || b.kind == ONE_OF ||
			      (b.kind == BYTES && b.what + b.shift <= 4)))
		return b;
	if (b.kind == NUMBER && (a.kind == NUMBER || op == BPF_MOV)) {
		__u64 mask = bits == 64 ? ~0ULL : ~0U;

		if (compute(op, a.number & mask, b.number & mask, bits, &result))
			return value_of(NUMBER, 0, result);
		return value_anything;
	}
	if (op == BPF_AND && b.kind == NUMBER && b.number >= 0 && b.number <= SET_HIGHEST)
		return value_of(ONE_OF, 0, ((2ULL << b.number) - 1) << -SET_LOWEST);
	if (a.kind == BYTES)
		return packet_computed(op, bits, a, b);
	if (bits != 64)
		return value_anything;
	if (op == BPF_ADD && (a.kind == MEMORY || b.kind == MEMORY))
		return value_of(MEMORY, 0, 0);
	if (b.kind == NUMBER && (op == BPF_ADD || op == BPF_SUB)) {
		a.number += op == BPF_ADD ? b.number : -b.number;
		return is_address(a) ? a : value_anything;
	}
	if (b.kind == NUMBER && b.number == 32 &&
	    ((op == BPF_LSH && a.kind == LENGTH) || (op == BPF_RSH && a.kind == LENGTH_HIGH)))
		return value_of(op == BPF_LSH ? LENGTH_HIGH : LENGTH, 0, 0);
	return value_anything;
}

/* Bytes in the order of the network; the other order is the machine's own, and cuts. */
static struct value turned(const struct bpf_insn *insn, struct value value)
{
	if (value.kind != NUMBER || BPF_CLASS(insn->code) != BPF_ALU ||
	    BPF_SRC(insn->code) != BPF_TO_BE)
		return value_anything;
	switch (insn->imm) {
	case 16:
		return value_of(NUMBER, 0, __builtin_bswap16(value.number));
	case 32:
		return value_of(NUMBER, 0, __builtin_bswap32(value.number));
	case 64:
		return value_of(NUMBER, 0, __builtin_bswap64(value.number));
	default:
		return value_anything;
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

/* What is loaded from the options is known; what is from the packet may be. */
static struct value loaded(const struct folder *folder, const struct bpf_insn *insn,
			   const struct state *state)
{
	struct value base = state->values[insn->src_reg];
	__s64 from = base.number + insn->off;
	int size = access_size(insn);
	__u64 read = 0;

	if (base.kind == PACKET && BPF_MODE(insn->code) == BPF_MEM)
		return packet_loaded(state, from, size);
	if (base.kind != CONFIG || BPF_MODE(insn->code) != BPF_MEM || from < 0 ||
	    (size_t)from + size > folder->configs[base.what].size)
		return value_anything;
	memcpy(&read, folder->configs[base.what].bytes + from, size); /* little-endian */
	return value_of(NUMBER, 0, read);
}

/* What a load of 64 bits says. */
static struct value named(const struct op *op)
{
	switch (op->insn.src_reg) {
	case 0:
		return value_of(NUMBER, 0, (__u32)op->insn.imm | (__u64)op->high << 32);
	case BPF_PSEUDO_MAP_VALUE:
		return value_of(MEMORY, 0, 0);
	default:
		return value_anything;
	}
}

static void store_register(const struct bpf_insn *insn, struct state *state)
{
	struct value stored = state->values[insn->src_reg];
	bool atomic = BPF_MODE(insn->code) == BPF_ATOMIC;

	packet_store(state, state->values[insn->dst_reg], insn->off, access_size(insn),
		     atomic ? value_anything : stored);
	if (atomic && insn->imm == BPF_CMPXCHG)
		state->values[BPF_REG_0] = value_anything;
	else if (atomic && insn->imm & BPF_FETCH)
		state->values[insn->src_reg] = value_anything;
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
			*dst = named(op);
		}
		break;
	case BPF_ST:
		packet_store(state, *dst, insn->off, access_size(insn),
			     value_of(NUMBER, 0, insn->imm));
		break;
	case BPF_STX:
		store_register(insn, state);
		break;
	case BPF_JMP:
		if (BPF_OP(insn->code) == BPF_CALL)
			call(insn, state);
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
		found = state->values[BPF_REG_1];
		clobber(state);
		if (op->saves_r1)
			state->values[BPF_REG_1] = found;
		found = value_of(THIS_CPU, op->insn.imm, op->high);
		state->values[op->insn.dst_reg] = found;
		if (op->keep) {
			found.number = THIS_CPU_MIDDLE(op->insn.off);
			state->values[op->keep] = found;
		}
		break;
	case OP_LENGTH:
		clobber(state);
		state->values[BPF_REG_0] = value_of(LENGTH, 0, 0);
		if (op->keep)
			state->values[op->keep] = state->values[BPF_REG_0];
		break;
	case OP_PACKET:
	case OP_PACKET_END:
		found = value_of(op->kind == OP_PACKET ? PACKET : PACKET_END, 0, 0);
		state->values[op->insn.dst_reg] = found;
		if (op->keep)
			state->values[op->keep] = found;
		break;
	case OP_CONFIG:
		state->values[op->insn.dst_reg] = value_of(CONFIG, op->insn.imm, op->high);
		break;
	case OP_CONTEXT:
		found = state->values[op->insn.src_reg];
		state->values[op->insn.dst_reg] = found;
		if (op->keep)
			state->values[op->keep] = found;
		break;
	case OP_OFFSET:
		found = state->values[op->insn.src_reg];
		found.number += op->high;
		state->values[op->insn.dst_reg] = found;
		break;
	}
}

/* ---- what a jump asks ---------------------------------------------------------------------- */

/* Does a comparison hold? -1: it is none that is known. */
static int compares(__u8 op, __u64 a, __u64 b, __s64 sa, __s64 sb)
{
	switch (op) {
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

/* Those of some numbers for which a comparison of 32 bits with another one holds. */
static __u64 choose(__u64 set, __u8 op, __s64 number)
{
	__u64 chosen = 0;

	for (__u64 left = set; left; left &= left - 1) {
		int bit = __builtin_ctzll(left);
		__s32 member = bit + SET_LOWEST;

		if (compares(op, (__u32)member, (__u32)number, member, (__s32)number) == 1)
			chosen |= 1ULL << bit;
	}
	return chosen;
}

/* Does the jump compare 32 bits of one of some numbers with a number? */
static bool asks_set(const struct bpf_insn *insn, const struct state *state)
{
	return BPF_CLASS(insn->code) == BPF_JMP32 && !insn_is_goto(insn) &&
	       state->values[insn->dst_reg].kind == ONE_OF &&
	       value_operand(insn, state).kind == NUMBER;
}

static int decide_set(const struct bpf_insn *insn, const struct state *state)
{
	__u64 set = state->values[insn->dst_reg].number;
	__u64 chosen = choose(set, BPF_OP(insn->code), value_operand(insn, state).number);

	return chosen == set ? 1 : chosen ? -1 : 0;
}

static void jumped_set(const struct bpf_insn *insn, bool taken, struct state *state)
{
	struct value *value = &state->values[insn->dst_reg];
	__u64 set = value->number;
	__u64 chosen = choose(set, BPF_OP(insn->code), value_operand(insn, state).number);

	value->number = taken ? chosen : set & ~chosen;
}

int value_decide(const struct bpf_insn *insn, const struct state *state)
{
	struct value va = state->values[insn->dst_reg], vb = value_operand(insn, state);
	bool wide = BPF_CLASS(insn->code) == BPF_JMP;
	__u64 a = wide ? va.number : (__u32)va.number, b = wide ? vb.number : (__u32)vb.number;
	__s64 sa = wide ? va.number : (__s32)va.number, sb = wide ? vb.number : (__s32)vb.number;

	if (insn_is_goto(insn))
		return 1;
	if (asks_set(insn, state))
		return decide_set(insn, state);
	if (va.kind != NUMBER || vb.kind != NUMBER)
		return packet_decide(insn, state);
	return compares(BPF_OP(insn->code), a, b, sa, sb);
}

__u8 value_mirrored(__u8 op)
{
	switch (op) {
	case BPF_JGT:
		return BPF_JLT;
	case BPF_JGE:
		return BPF_JLE;
	case BPF_JLT:
		return BPF_JGT;
	case BPF_JLE:
		return BPF_JGE;
	case BPF_JSGT:
		return BPF_JSLT;
	case BPF_JSGE:
		return BPF_JSLE;
	case BPF_JSLT:
		return BPF_JSGT;
	case BPF_JSLE:
		return BPF_JSGE;
	default:
		return op;
	}
}

void value_leave(const struct folder *folder, const struct op *op, bool taken, struct state *state)
{
	if (is_jump(op) && asks_set(&op->insn, state))
		jumped_set(&op->insn, taken, state);
	else if (is_jump(op) && !is_goto(op))
		packet_jumped(&op->insn, taken, state);
	else
		value_step(folder, op, state);
}
