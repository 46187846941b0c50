// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_packet - what is known of the packet: where it is, how much of it is there, and its bytes
 *
 * The kernel's verifier lets a program read a packet by a register of which it has seen that so
 * many bytes are there. So that is known of each register, not of the packet: a test is decided
 * only where the verifier has seen another one, by which this register was found good.
 */
#include <stdint.h>

#include "fold_value.h"

#define RANGE_MAX 0xffff /* more than the verifier takes into account */

/* ---- what an op does ---------------------------------------------------------------------- */

static bool overlaps(const struct value *value, __s64 from, __s64 to)
{
	return value->kind == BYTES && value->number < to && from < value->number + value->what;
}

static void forget_bytes(struct state *state, __s64 from, __s64 to)
{
	for (int i = 0; i < REGISTER_NAMES; i++)
		if (overlaps(&state->values[i], from, to))
			state->values[i] = value_anything;
	for (int i = 0; i < PACKET_KNOWN; i++)
		if (i >= from && i < to)
			state->known &= ~(1ULL << i);
}

static void learn_bytes(struct state *state, __s64 from, int size, __u64 number)
{
	for (int i = 0; i < size && from >= 0 && from + i < PACKET_KNOWN; i++) {
		state->known |= 1ULL << (from + i);
		state->bytes[from + i] = number >> 8 * i;
	}
}

struct value packet_loaded(const struct state *state, __s64 from, int size)
{
	__u64 number = 0;

	if (from < 0 || from > RANGE_MAX)
		return value_anything;
	for (int i = 0; i < size; i++) {
		if (from + i >= PACKET_KNOWN || !(state->known & 1ULL << (from + i)))
			return value_of(BYTES, size, from);
		number |= (__u64)state->bytes[from + i] << 8 * i;
	}
	return value_of(NUMBER, 0, number);
}

void packet_store(struct state *state, struct value base, int off, int size, struct value stored)
{
	__s64 from = base.number + off;

	switch (base.kind) {
	case CONTEXT:
	case FRAME:
	case THIS_CPU:
	case CONFIG:
	case MEMORY:
		return; /* not the packet */
	case PACKET:
		forget_bytes(state, from, from + size);
		if (stored.kind == NUMBER)
			learn_bytes(state, from, size, stored.number);
		return;
	default:
		forget_bytes(state, 0, INT64_MAX);
	}
}

void packet_call(const struct bpf_insn *insn, struct state *state)
{
	/* Helpers that leave the packet alone. Others may do anything. */
	static const struct {
		__u8 helper;
		bool may_write; /* into memory that its caller names */
		bool moves;	/* the packet to another place */
	} known[] = {
		{ BPF_FUNC_map_lookup_elem, 0, 0 }, { BPF_FUNC_map_update_elem, 0, 0 },
		{ BPF_FUNC_map_delete_elem, 0, 0 }, { BPF_FUNC_ktime_get_ns, 0, 0 },
		{ BPF_FUNC_get_prandom_u32, 0, 0 }, { BPF_FUNC_get_smp_processor_id, 0, 0 },
		{ BPF_FUNC_redirect, 0, 0 },	    { BPF_FUNC_redirect_map, 0, 0 },
		{ BPF_FUNC_csum_diff, 0, 0 },	    { BPF_FUNC_xdp_get_buff_len, 0, 0 },
		{ BPF_FUNC_xdp_load_bytes, 0, 0 },  { BPF_FUNC_skb_load_bytes, 0, 0 },
		{ BPF_FUNC_spin_lock, 0, 0 },	    { BPF_FUNC_spin_unlock, 0, 0 },
		{ BPF_FUNC_fib_lookup, 1, 0 },	    { BPF_FUNC_skb_pull_data, 1, 1 },
	};
	bool same_length = false, writes = true, moves = true;

	for (size_t i = 0; !insn->src_reg && i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].helper == insn->imm) {
			same_length = true;
			writes = known[i].may_write;
			moves = known[i].moves;
		}
	if (writes)
		forget_bytes(state, 0, INT64_MAX);
	for (int i = 0; i < REGISTER_NAMES; i++) {
		int kind = state->values[i].kind;

		if ((moves && (kind == PACKET || kind == PACKET_END)) ||
		    (!same_length && (kind == LENGTH || kind == LENGTH_HIGH)))
			state->values[i] = value_anything;
	}
}

/* Bytes that stand side by side: how a compiler reads a field that may be at an odd address. */
static bool adjoin(struct value low, struct value high, int limit)
{
	return low.number + low.what == high.number && low.shift + low.what == high.shift &&
	       high.shift + high.what <= limit;
}

struct value packet_computed(__u8 op, int bits, struct value a, struct value b)
{
	int limit = bits / 8;

	if (op == BPF_LSH && b.kind == NUMBER && b.number >= 0 && b.number % 8 == 0 && !a.shift &&
	    b.number / 8 + a.what <= limit) {
		a.shift = b.number / 8;
		return a;
	}
	if ((op != BPF_ADD && op != BPF_OR && op != BPF_XOR) || b.kind != BYTES)
		return value_anything;
	if (adjoin(b, a, limit))
		a.number = b.number, a.shift = b.shift;
	else if (!adjoin(a, b, limit))
		return value_anything;
	a.what += b.what;
	return a;
}

/* ---- what a jump says --------------------------------------------------------------------- */

/*
 * Does a jump compare an address in the packet with the packet's end? *op becomes the comparison
 * that has the address on the left.
 */
static bool tests_end(const struct bpf_insn *insn, const struct state *state, __u8 *op,
		      struct value *address)
{
	struct value a = state->values[insn->dst_reg], b = value_operand(insn, state);

	*op = BPF_OP(insn->code);
	*address = a;
	if (a.kind == PACKET_END) {
		*op = value_mirrored(*op);
		*address = b;
		b = a;
	}
	return BPF_CLASS(insn->code) == BPF_JMP && address->kind == PACKET &&
	       b.kind == PACKET_END && address->number > 0 && address->number < RANGE_MAX;
}

int packet_decide(const struct bpf_insn *insn, const struct state *state)
{
	struct value a = state->values[insn->dst_reg], b = value_operand(insn, state);
	struct value address;
	__u8 op = BPF_OP(insn->code);

	/* A packet is not at NULL, though a compiler cannot know it. */
	if (a.kind == PACKET && b.kind == NUMBER && !b.number && (op == BPF_JEQ || op == BPF_JNE))
		return op == BPF_JNE;
	if (!tests_end(insn, state, &op, &address))
		return -1;
	if (address.what >= address.number && (op == BPF_JGT || op == BPF_JLE))
		return op == BPF_JLE;
	if (address.what > address.number && (op == BPF_JGE || op == BPF_JLT))
		return op == BPF_JLT;
	return -1;
}

/* So many bytes are there. */
static void learn_range(struct state *state, int range)
{
	for (int i = 0; i < REGISTER_NAMES; i++) {
		struct value *value = &state->values[i];

		if (value->kind == PACKET && value->what < range)
			value->what = range;
	}
}

/* Two values were found to be equal. */
static void learn_equal(struct state *state, struct value bytes, struct value number, bool wide)
{
	__u64 equal = wide ? number.number : (__u32)number.number;

	if (bytes.kind != BYTES || number.kind != NUMBER ||
	    (!wide && bytes.what + bytes.shift > (int)sizeof(__u32)))
		return;
	if (!bytes.shift)
		learn_bytes(state, bytes.number, bytes.what, equal);
	for (int i = 0; i < REGISTER_NAMES; i++)
		if (value_same(state->values[i], bytes))
			state->values[i] = value_of(NUMBER, 0, equal);
}

void packet_jumped(const struct bpf_insn *insn, bool taken, struct state *state)
{
	struct value a = state->values[insn->dst_reg], b = value_operand(insn, state);
	bool wide = BPF_CLASS(insn->code) == BPF_JMP;
	struct value address;
	__u8 op = BPF_OP(insn->code);

	if (op == (taken ? BPF_JEQ : BPF_JNE)) {
		learn_equal(state, a, b, wide);
		learn_equal(state, b, a, wide);
	} else if (tests_end(insn, state, &op, &address)) {
		if (op == (taken ? BPF_JLE : BPF_JGT))
			learn_range(state, address.number);
		else if (op == (taken ? BPF_JLT : BPF_JGE))
			learn_range(state, address.number + 1);
	}
}
