// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_keep - what is worth a register, or a word of the stack
 */
#include <stddef.h>
#include <string.h>

#include "cleanup.h"
#include "fold_value.h"

static bool loads_field(const struct bpf_insn *insn, const struct state *state, size_t offset)
{
	return insn->code == (BPF_LDX | BPF_W | BPF_MEM) && insn->off == (int)offset &&
	       state->values[insn->src_reg].kind == CONTEXT;
}

/* What an instruction looks up. */
static enum op_kind looks_up(const struct code *code, const struct bpf_insn *insn,
			     const struct state *state)
{
	static const struct {
		size_t data, data_end;
	} fields[LANA_FLAVOURS] = {
		[LANA_XDP] = { offsetof(struct xdp_md, data), offsetof(struct xdp_md, data_end) },
		[LANA_TC] = { offsetof(struct __sk_buff, data),
			      offsetof(struct __sk_buff, data_end) },
	};

	if (insn_is_helper(insn, BPF_FUNC_xdp_get_buff_len) &&
	    state->values[BPF_REG_1].kind == CONTEXT)
		return OP_LENGTH;
	if (loads_field(insn, state, fields[code->flavour].data))
		return OP_PACKET;
	if (loads_field(insn, state, fields[code->flavour].data_end))
		return OP_PACKET_END;
	return OP_INSN;
}

/* Drop what no way leads to, and mark what is looked up. */
static void prepare(struct folder *folder)
{
	struct code *code = folder->code;

	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];
		enum op_kind kind;

		if (!folder->reached[i]) {
			become(folder, op, OP_GONE, op->insn, 0);
		} else if (op->kind == OP_INSN) {
			kind = looks_up(code, &op->insn, &folder->before[i]);
			if (kind != OP_INSN)
				become(folder, op, kind, op->insn, 0);
		}
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

/* How far down an instruction of a subprogram may reach in its frame. */
static int depth(const struct bpf_insn *insn)
{
	__u8 class = BPF_CLASS(insn->code);

	if (class == BPF_LDX && insn->src_reg == BPF_REG_10)
		return -insn->off;
	if ((class == BPF_ST || class == BPF_STX) && insn->dst_reg == BPF_REG_10)
		return -insn->off;
	/* It may be an address in the frame that is moved. */
	if (insn->code == (BPF_ALU64 | BPF_ADD | BPF_K) && insn->imm < 0 && insn->imm >= -FRAME_MAX)
		return -insn->imm;
	return 0;
}

/* Where an instruction calls a subprogram, or has it called; NO_TARGET: it does not. */
static __u32 callee(const struct op *op)
{
	bool calls = insn_is_subprogram_call(&op->insn) ||
		     (insn_is_load_imm64(&op->insn) && op->insn.src_reg == BPF_PSEUDO_FUNC);

	return op->kind == OP_INSN && calls ? op->target : NO_TARGET;
}

#define CALLS_MAX 8 /* that are nested: the kernel's MAX_CALL_FRAMES */

/* By op: how much of the stack the subprogram that begins there takes, and all that it calls. */
static void measure_calls(const struct code *code, int *own, int *all, __u32 *within)
{
	for (size_t i = 0; i < code->count; i++)
		if (callee(&code->ops[i]) < code->count)
			own[callee(&code->ops[i])] = 32;
	for (size_t i = code->main_count, begin = i; i < code->count; i++) {
		int reached = (depth(&code->ops[i].insn) + 31) / 32 * 32;

		begin = own[i] ? i : begin;
		within[i] = begin;
		if (reached > own[begin])
			own[begin] = reached;
	}
	memcpy(all, own, code->count * sizeof(*all));
	for (int nested = 0; nested < CALLS_MAX; nested++)
		for (size_t i = code->main_count; i < code->count; i++) {
			__u32 begin = within[i], called = callee(&code->ops[i]);

			if (called < code->count && own[begin] + all[called] > all[begin])
				all[begin] = own[begin] + all[called];
		}
}

/*
 * The frames of subprograms that may be there at the same time. The kernel counts them in steps of
 * 32 bytes, and one at least.
 */
static void measure_callees(struct code *code)
{
	_cleanup_free_ int *own = calloc(code->count + 1, sizeof(*own));
	_cleanup_free_ int *all = calloc(code->count + 1, sizeof(*all));
	_cleanup_free_ __u32 *within = calloc(code->count + 1, sizeof(*within));

	code->callees = 0;
	code->failed |= !own || !all || !within;
	if (code->failed)
		return;
	measure_calls(code, own, all, within);
	for (size_t i = code->main_count; i < code->count; i++)
		if (all[i] > code->callees)
			code->callees = all[i];
}

static bool is_looked_up(const struct op *op)
{
	return op->kind == OP_THIS_CPU || op->kind == OP_LENGTH || op->kind == OP_PACKET ||
	       op->kind == OP_PACKET_END;
}

static bool finds_same(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && (a->kind != OP_THIS_CPU || a->insn.imm == b->insn.imm);
}

#define LOOKUPS_MAX 64 /* different ones that are counted */

/* Give names to what is looked up most often. */
static void give_names(struct code *code)
{
	struct {
		const struct op *op;
		size_t count;
	} lookups[LOOKUPS_MAX] = {}, *best;

	for (size_t i = 0; i < code->main_count; i++) {
		const struct op *op = &code->ops[i];
		size_t j = 0;

		if (!is_looked_up(op))
			continue;
		while (j < LOOKUPS_MAX && lookups[j].op && !finds_same(lookups[j].op, op))
			j++;
		if (j < LOOKUPS_MAX) {
			lookups[j].op = op;
			lookups[j].count++;
		}
	}
	for (int name = KEEP_FIRST; name <= KEEP_LAST - code->keeps_context; name++) {
		best = lookups;
		for (size_t j = 1; j < LOOKUPS_MAX; j++)
			if (lookups[j].count > best->count)
				best = &lookups[j];
		if (best->count < 2)
			return;
		best->count = 0;
		for (size_t i = 0; i < code->main_count; i++)
			if (finds_same(best->op, &code->ops[i]))
				code->ops[i].keep = name;
	}
}

/* Room for all words that may be needed: what is kept, and r1. */
static bool has_room(const struct code *code)
{
	int rounding = code->callees ? 31 : 0;

	return code->frame + 8 * (KEEP_LAST - KEEP_FIRST + 2) + rounding + code->callees <=
	       FRAME_MAX;
}

bool keep_fits(const struct code *code)
{
	return !code->keeps_context || code->words <= KEEP_CONTEXT - KEEP_FIRST || has_room(code);
}

void keep_choose(struct folder *folder)
{
	struct code *code = folder->code;

	prepare(folder);
	measure_frame(folder);
	measure_callees(code);
	give_names(code);
	for (size_t i = 0; has_room(code) && i < code->main_count; i++)
		code->ops[i].saves_r1 = code->ops[i].kind == OP_THIS_CPU;
}

void keep_in_words(struct folder *folder, __u32 names)
{
	struct code *code = folder->code;

	folder->words |= names;
	code->words = 32 - __builtin_clz(folder->words) - KEEP_FIRST;
	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];

		/* To load a word is no less than to load the packet's end. */
		if (op->kind != OP_CONTEXT && folder->words & REGISTER_BIT(op->keep) &&
		    (op->kind == OP_PACKET_END || !has_room(code)))
			op->keep = NO_REGISTER;
	}
}
