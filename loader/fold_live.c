// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_live - which registers are read later, and what goes because they are not
 */
#include <string.h>

#include "fold_value.h"

#define ARGUMENTS \
	(REGISTER_BIT(1) | REGISTER_BIT(2) | REGISTER_BIT(3) | REGISTER_BIT(4) | REGISTER_BIT(5))
#define CLOBBERED (REGISTER_BIT(0) | ARGUMENTS)

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
		{ BPF_FUNC_xdp_load_bytes, 4 },	 { BPF_FUNC_skb_load_bytes, 4 },
	};

	for (size_t i = 0; !insn->src_reg && i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].helper == insn->imm)
			return ARGUMENTS & (REGISTER_BIT(known[i].count + 1) - 1);
	return ARGUMENTS;
}

static void insn_registers(const struct bpf_insn *insn, __u16 *reads, __u16 *writes)
{
	__u16 dst = REGISTER_BIT(insn->dst_reg),
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

static void registers(const struct op *op, __u16 *reads, __u16 *writes)
{
	*reads = *writes = 0;
	switch (op->kind) {
	case OP_INSN:
		insn_registers(&op->insn, reads, writes);
		break;
	case OP_LENGTH:
		*reads = REGISTER_BIT(1);
		*writes = CLOBBERED | REGISTER_BIT(op->keep);
		break;
	case OP_THIS_CPU:
		*writes = CLOBBERED | REGISTER_BIT(op->keep);
		break;
	case OP_OFFSET:
		*reads = REGISTER_BIT(op->insn.src_reg);
		*writes = REGISTER_BIT(op->insn.dst_reg);
		break;
	case OP_CONFIG:
		*writes = REGISTER_BIT(op->insn.dst_reg);
		break;
	}
}

__u16 live_sets(const struct op *op)
{
	__u16 reads, writes;

	if (op->kind == OP_THIS_CPU || op->kind == OP_LENGTH)
		return REGISTER_BIT(0) | (op->keep ? REGISTER_BIT(op->keep) : 0);
	registers(op, &reads, &writes);
	return writes;
}

__u16 live_uses(const struct op *op)
{
	__u16 reads, writes;

	registers(op, &reads, &writes);
	return reads | writes;
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
			before = only_sets(op) && !(after & live_sets(op))
					 ? after
					 : (after & ~writes) | reads;
			changed |= before != folder->live[i];
			folder->live[i] = before;
		}
	}
}

void live_drop(struct folder *folder)
{
	struct code *code = folder->code;

	find_live(folder);
	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];
		__u16 after = folder->live[i + 1];

		if (is_nothing(op) || !only_sets(op))
			continue;
		if (op->keep && !(after & REGISTER_BIT(op->keep))) {
			op->keep = NO_REGISTER;
			folder->changed = true;
		}
		if (!(after & live_sets(op)))
			become(folder, op, OP_GONE, op->insn, 0);
	}
}
