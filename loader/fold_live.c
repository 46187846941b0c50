// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_live - which registers are read later, and what goes because they are not
 */
#include <stddef.h>
#include <string.h>

#include "fold_value.h"

#define ARGUMENTS \
	(REGISTER_BIT(1) | REGISTER_BIT(2) | REGISTER_BIT(3) | REGISTER_BIT(4) | REGISTER_BIT(5))
#define CLOBBERED (REGISTER_BIT(0) | ARGUMENTS)

/* Registers that a helper reads. */
static __u32 arguments(const struct bpf_insn *insn)
{
	static const struct {
		__u8 helper, count;
	} known[] = {
		{ BPF_FUNC_map_lookup_elem, 2 }, { BPF_FUNC_ktime_get_ns, 0 },
		{ BPF_FUNC_get_prandom_u32, 0 }, { BPF_FUNC_get_smp_processor_id, 0 },
		{ BPF_FUNC_tail_call, 3 },	 { BPF_FUNC_redirect, 2 },
		{ BPF_FUNC_redirect_map, 3 },	 { BPF_FUNC_xdp_get_buff_len, 1 },
		{ BPF_FUNC_xdp_load_bytes, 4 },	 { BPF_FUNC_skb_load_bytes, 4 },
		{ BPF_FUNC_spin_lock, 1 },	 { BPF_FUNC_spin_unlock, 1 },
	};

	if (is_publish(insn))
		return REGISTER_BIT(1) | REGISTER_BIT(2);
	for (size_t i = 0; !insn->src_reg && i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].helper == insn->imm)
			return ARGUMENTS & (REGISTER_BIT(known[i].count + 1) - 1);
	return ARGUMENTS;
}

static void insn_registers(const struct bpf_insn *insn, __u32 *reads, __u32 *writes)
{
	__u32 dst = REGISTER_BIT(insn->dst_reg),
	      src = BPF_SRC(insn->code) == BPF_X ? REGISTER_BIT(insn->src_reg) : 0;

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
		*reads = REGISTER_BIT(insn->src_reg);
		*writes = dst;
		break;
	case BPF_LD:
		*reads = insn_is_load_imm64(insn) ? 0
						  : REGISTER_BIT(6) | REGISTER_BIT(insn->src_reg);
		*writes = insn_is_load_imm64(insn) ? dst : CLOBBERED;
		break;
	case BPF_ST:
		*reads = dst;
		break;
	case BPF_STX:
		*reads = dst | REGISTER_BIT(insn->src_reg);
		if (BPF_MODE(insn->code) == BPF_ATOMIC)
			*reads |= REGISTER_BIT(0); /* compare and exchange */
		break;
	default:
		if (BPF_OP(insn->code) == BPF_EXIT) {
			*reads = REGISTER_BIT(0);
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

static void registers(const struct op *op, __u32 *reads, __u32 *writes)
{
	__u32 keep = op->keep ? REGISTER_BIT(op->keep) : 0;

	*reads = *writes = 0;
	switch (op->kind) {
	case OP_INSN:
		insn_registers(&op->insn, reads, writes);
		break;
	case OP_LENGTH:
		*reads = REGISTER_BIT(1);
		*writes = CLOBBERED | keep;
		break;
	case OP_THIS_CPU:
		*writes = op->saves_r1 ? CLOBBERED & ~REGISTER_BIT(1) : CLOBBERED;
		*writes |= REGISTER_BIT(op->insn.dst_reg) | keep;
		break;
	case OP_PACKET:
	case OP_PACKET_END:
	case OP_CONTEXT:
	case OP_OFFSET:
		*reads = REGISTER_BIT(op->insn.src_reg);
		*writes = REGISTER_BIT(op->insn.dst_reg) | keep;
		break;
	case OP_CONFIG:
		*writes = REGISTER_BIT(op->insn.dst_reg);
		break;
	}
}

__u32 live_sets(const struct op *op)
{
	__u32 reads, writes;

	if (op->kind == OP_THIS_CPU || op->kind == OP_LENGTH)
		return REGISTER_BIT(op->insn.dst_reg) | (op->keep ? REGISTER_BIT(op->keep) : 0);
	registers(op, &reads, &writes);
	return writes;
}

__u32 live_writes(const struct op *op)
{
	__u32 reads, writes;

	registers(op, &reads, &writes);
	return writes;
}

__u32 live_uses(const struct op *op)
{
	__u32 reads, writes;

	registers(op, &reads, &writes);
	return reads | writes;
}

/* ---- the packet's mark --------------------------------------------------------------------- */

/* A store or a load: where to, in this CPU's context; false: it may go anywhere. */
static bool accesses_context(const struct folder *folder, size_t i, struct value *base)
{
	const struct bpf_insn *insn = &folder->code->ops[i].insn;
	bool loads = BPF_CLASS(insn->code) == BPF_LDX;

	*base = folder->before[i].values[loads ? insn->src_reg : insn->dst_reg];
	base->number += insn->off;
	return base->kind == THIS_CPU && base->what == folder->code->context;
}

/*
 * May an op read the mark that rides in the context? What comes after a tail call does, what comes
 * after the program's end does not: the root clears the mark for each packet.
 */
static bool reads_mark(const struct folder *folder, size_t i)
{
	static const __u8 harmless[] = {
		BPF_FUNC_ktime_get_ns, BPF_FUNC_get_prandom_u32, BPF_FUNC_get_smp_processor_id,
		BPF_FUNC_redirect,     BPF_FUNC_redirect_map,	 BPF_FUNC_xdp_get_buff_len,
	};
	const struct bpf_insn *insn = &folder->code->ops[i].insn;
	__u8 class = BPF_CLASS(insn->code);
	struct value base;

	if (folder->code->ops[i].kind != OP_INSN)
		return false;
	if (class == BPF_LDX || (class == BPF_STX && BPF_MODE(insn->code) == BPF_ATOMIC))
		return accesses_context(folder, i, &base) || base.kind == ANYTHING;
	if (insn->code != (BPF_JMP | BPF_CALL))
		return false;
	for (size_t j = 0; !insn->src_reg && j < sizeof(harmless); j++)
		if (harmless[j] == insn->imm)
			return false;
	return true;
}

/* Does an op write the mark, all of it, and nothing else? */
static bool sets_mark(const struct folder *folder, size_t i)
{
	const struct op *op = &folder->code->ops[i];
	__u8 class = BPF_CLASS(op->insn.code);
	struct value base;

	return op->kind == OP_INSN && (class == BPF_ST || class == BPF_STX) &&
	       BPF_MODE(op->insn.code) == BPF_MEM && BPF_SIZE(op->insn.code) == BPF_W &&
	       accesses_context(folder, i, &base) &&
	       base.number == offsetof(struct lana_context, mark);
}

/* ---- what is read later -------------------------------------------------------------------- */

/* Registers read from op i on, of which those after it are known. */
static __u32 live_before(const struct folder *folder, size_t i, __u32 after)
{
	const struct op *op = &folder->code->ops[i];
	__u32 reads, writes;

	registers(op, &reads, &writes);
	if (only_sets(op) && !(after & live_sets(op)))
		return after;
	if (sets_mark(folder, i)) {
		if (!(after & LIVE_MARK))
			return after;
		writes |= LIVE_MARK;
	}
	if (reads_mark(folder, i))
		reads |= LIVE_MARK;
	return (after & ~writes) | reads;
}

void live_find(struct folder *folder)
{
	struct code *code = folder->code;
	bool changed = true;

	memset(folder->live, 0, (code->main_count + 1) * sizeof(*folder->live));
	while (changed) {
		changed = false;
		for (size_t i = code->main_count; i-- > 0;) {
			const struct op *op = &code->ops[i];
			__u32 after = 0, before;

			if (is_jump(op))
				after |= folder->live[op->target];
			if (!is_goto(op) && !is_exit(op))
				after |= folder->live[i + 1];
			before = live_before(folder, i, after);
			changed |= before != folder->live[i];
			folder->live[i] = before;
		}
	}
}

/* Of two places for a value only the one that keeps it is read. */
static void keep_alone(struct folder *folder, struct op *op)
{
	if (op->kind == OP_LENGTH || folder->words & REGISTER_BIT(op->keep))
		return;
	if (op->kind == OP_THIS_CPU)
		op->high = THIS_CPU_MIDDLE(op->insn.off);
	op->insn.dst_reg = op->keep;
	op->keep = NO_REGISTER;
	folder->changed = true;
}

/* A lookup whose result is moved at once, or to another register, can be made there. */
static void look_up_there(struct folder *folder, size_t i)
{
	struct code *code = folder->code;
	struct op *op = &code->ops[i], *move;
	__u8 dst = op->insn.dst_reg;
	size_t next = i + 1;

	while (next < code->main_count && is_nothing(&code->ops[next]) && !folder->targeted[next])
		next++;
	move = &code->ops[next];
	if (next == code->main_count || folder->targeted[next] || op->kind != OP_THIS_CPU ||
	    move->kind != OP_INSN || move->insn.off)
		return;
	if (move->insn.code == (BPF_ALU64 | BPF_ADD | BPF_K) && move->insn.dst_reg == dst)
		op->high += move->insn.imm;
	else if (move->insn.code == (BPF_ALU64 | BPF_MOV | BPF_X) && move->insn.src_reg == dst &&
		 !op->keep && !(folder->live[next + 1] & REGISTER_BIT(dst)))
		op->insn.dst_reg = move->insn.dst_reg;
	else
		return;
	become(folder, move, OP_GONE, move->insn, 0);
}

void live_drop(struct folder *folder)
{
	struct code *code = folder->code;

	live_find(folder);
	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];
		__u32 after = folder->live[i + 1];

		if (sets_mark(folder, i) && !(after & LIVE_MARK))
			become(folder, op, OP_GONE, op->insn, 0);
		if (is_nothing(op) || !only_sets(op))
			continue;
		if (op->keep && !(after & REGISTER_BIT(op->keep))) {
			op->keep = NO_REGISTER;
			folder->changed = true;
		}
		if (!(after & live_sets(op)))
			become(folder, op, OP_GONE, op->insn, 0);
		else if (op->keep && !(after & REGISTER_BIT(op->insn.dst_reg)))
			keep_alone(folder, op);
		look_up_there(folder, i);
	}
}
