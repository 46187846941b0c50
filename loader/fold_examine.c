// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_examine - find out what a program does to its packet
 *
 * It reads, and no more, if all that it writes is memory that is known not to be the packet's, and
 * all helpers that it calls are known to leave the packet as it is. The mark that rides in the
 * context counts as a part of the packet.
 */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "fold_value.h"

#define NOTHING_WRITTEN 0

/* Helpers that leave a packet alone, and the argument by which they are told where to write. */
static const struct {
	__u8 helper, written;
} readers[] = {
	{ BPF_FUNC_map_lookup_elem, NOTHING_WRITTEN },
	{ BPF_FUNC_map_update_elem, NOTHING_WRITTEN },
	{ BPF_FUNC_map_delete_elem, NOTHING_WRITTEN },
	{ BPF_FUNC_ktime_get_ns, NOTHING_WRITTEN },
	{ BPF_FUNC_ktime_get_boot_ns, NOTHING_WRITTEN },
	{ BPF_FUNC_ktime_get_coarse_ns, NOTHING_WRITTEN },
	{ BPF_FUNC_jiffies64, NOTHING_WRITTEN },
	{ BPF_FUNC_get_prandom_u32, NOTHING_WRITTEN },
	{ BPF_FUNC_get_smp_processor_id, NOTHING_WRITTEN },
	{ BPF_FUNC_csum_diff, NOTHING_WRITTEN },
	{ BPF_FUNC_get_hash_recalc, NOTHING_WRITTEN },
	{ BPF_FUNC_xdp_get_buff_len, NOTHING_WRITTEN },
	{ BPF_FUNC_perf_event_output, NOTHING_WRITTEN },
	{ BPF_FUNC_ringbuf_output, NOTHING_WRITTEN },
	{ BPF_FUNC_skb_pull_data, NOTHING_WRITTEN },
	{ BPF_FUNC_tail_call, NOTHING_WRITTEN },
	{ BPF_FUNC_xdp_load_bytes, BPF_REG_3 },
	{ BPF_FUNC_skb_load_bytes, BPF_REG_3 },
	{ BPF_FUNC_fib_lookup, BPF_REG_2 },
};

/* Is it memory, and neither the packet's nor the context's? */
static bool is_apart(const struct code *code, struct value base)
{
	return base.kind == FRAME || base.kind == MEMORY ||
	       (base.kind == THIS_CPU && base.what != code->context);
}

static bool call_reads(const struct code *code, const struct bpf_insn *insn,
		       const struct state *state)
{
	if (is_publish(insn))
		return true;
	for (size_t i = 0; !insn->src_reg && i < ARRAY_SIZE(readers); i++)
		if (readers[i].helper == insn->imm)
			return !readers[i].written ||
			       is_apart(code, state->values[readers[i].written]);
	return false;
}

static bool op_reads(const struct code *code, const struct op *op, const struct state *state)
{
	const struct bpf_insn *insn = &op->insn;
	__u8 class = BPF_CLASS(insn->code);

	if (op->kind != OP_INSN)
		return true;
	if (class == BPF_ST || class == BPF_STX)
		return is_apart(code, state->values[insn->dst_reg]);
	if (insn->code == (BPF_JMP | BPF_CALL))
		return call_reads(code, insn, state);
	return true;
}

static __u32 kinds_of(const struct op *op, const struct state *state)
{
	struct value key = state->values[BPF_REG_3];

	if (op->kind != OP_INSN || !insn_is_helper(&op->insn, BPF_FUNC_tail_call))
		return 0;
	return key.kind == NUMBER && key.number >= 0 && key.number < 32 ? 1U << key.number : ~0U;
}

int fold_examine(struct code *code, const struct fold_config *configs, bool *reads, __u32 *kinds)
{
	size_t count = code->main_count + 1;
	_cleanup_free_ struct state *before = calloc(count, sizeof(*before));
	_cleanup_free_ bool *reached = calloc(count, sizeof(*reached));
	_cleanup_free_ bool *stale = calloc(count, sizeof(*stale));
	struct folder folder = { .code = code,
				 .configs = configs,
				 .before = before,
				 .reached = reached,
				 .stale = stale };

	if (!before || !reached || !stale)
		return -ENOMEM;
	value_find(&folder);
	*reads = true;
	*kinds = 0;
	for (size_t i = 0; i < code->main_count; i++) {
		const struct op *op = &code->ops[i];

		if (!reached[i] || is_nothing(op))
			continue;
		*reads &= op_reads(code, op, &before[i]);
		*kinds |= kinds_of(op, &before[i]);
	}
	return 0;
}
