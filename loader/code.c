// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "cleanup.h"
#include "code.h"
#include "insn.h"

void code_free(struct code *code)
{
	free(code->ops);
}

size_t code_add(struct code *code, enum op_kind kind, struct bpf_insn insn, __s32 high)
{
	if (code->count == code->capacity) {
		size_t capacity = code->capacity ? 2 * code->capacity : 128;
		void *grown = reallocarray(code->ops, capacity, sizeof(*code->ops));

		if (!grown) {
			code->failed = true;
			return 0;
		}
		code->ops = grown;
		code->capacity = capacity;
	}
	code->ops[code->count] = (struct op){
		.insn = insn,
		.high = high,
		.target = NO_TARGET,
		.kind = kind,
	};
	return code->count++;
}

size_t code_emit(struct code *code, struct bpf_insn insn)
{
	return code_add(code, OP_INSN, insn, 0);
}

void code_land(struct code *code, size_t from)
{
	if (!code->failed)
		code->ops[from].target = code->count;
}

void code_map(struct code *code, __u8 dst, __u8 pseudo, int fd, __u32 offset)
{
	code_add(code, OP_INSN, insn(BPF_LD | BPF_DW | BPF_IMM, dst, pseudo, 0, fd), offset);
}

void code_this_cpu(struct code *code, int fd, int shift, __u32 offset)
{
	code_add(code, OP_THIS_CPU, insn(0, BPF_REG_0, 0, shift, fd), offset);
}

void code_keep_context(struct code *code)
{
	size_t op = code_add(code, OP_CONTEXT, insn(0, BPF_REG_1, BPF_REG_1, 0, 0), 0);

	code->keeps_context = true;
	if (!code->failed)
		code->ops[op].keep = KEEP_CONTEXT;
}

void code_context(struct code *code, __u8 dst)
{
	code_add(code, OP_OFFSET, insn(0, dst, KEEP_CONTEXT, 0, 0), 0);
}

void code_return(struct code *code, __s32 value)
{
	code_emit(code, insn_mov_imm(BPF_REG_0, value));
	code_emit(code, insn_exit());
}

/* ---- finishing ------------------------------------------------------------------------ */

struct output {
	struct bpf_insn *insns;
	size_t count;
};

#define OP_INSNS_MAX 8 /* that one op becomes */

static void put(struct output *output, struct bpf_insn insn)
{
	output->insns[output->count++] = insn;
}

static void put_load(struct output *output, struct bpf_insn first, __s32 high)
{
	put(output, first);
	put(output, insn(0, 0, 0, 0, high));
}

static void put_offset(struct output *output, __u8 dst, __u8 src, __s32 offset)
{
	if (dst != src)
		put(output, insn_mov(dst, src));
	if (offset)
		put(output, insn_alu_imm(BPF_ADD, dst, offset));
}

/* Offset from r10 of the word of the stack that has that name. */
static __s16 frame_offset(const struct code *code, __u8 name)
{
	return -(code->frame + 8 * (name - KEEP_FIRST + 1));
}

/* Remember what is in another register. */
static void put_keep(struct output *output, const struct code *code, __u8 keep, __u8 from)
{
	if (keep >= KEEP_FIRST)
		put(output, insn_store(BPF_DW, BPF_REG_10, from, frame_offset(code, keep)));
	else if (keep)
		put(output, insn_mov(keep, from));
}

static void put_kept(struct output *output, const struct code *code, const struct op *op)
{
	__u8 dst = op->insn.dst_reg, src = op->insn.src_reg;

	if (src >= KEEP_FIRST) {
		put(output, insn_load(BPF_DW, dst, BPF_REG_10, frame_offset(code, src)));
		src = dst;
	}
	put_offset(output, dst, src, op->high);
}

/*
 * r0 = number of this CPU. Kernels from 6.12 on know a store and a load of the lowest word around
 * this call, and leave them out: it destroys no register there.
 */
static void put_cpu(struct output *output, const struct code *code, bool saves_r1)
{
	__s16 saved = frame_offset(code, KEEP_FIRST + code->words);

	if (saves_r1)
		put(output, insn_store(BPF_DW, BPF_REG_10, BPF_REG_1, saved));
	put(output, insn_call(BPF_FUNC_get_smp_processor_id));
	if (saves_r1)
		put(output, insn_load(BPF_DW, BPF_REG_1, BPF_REG_10, saved));
}

static void put_this_cpu(struct output *output, const struct code *code, const struct op *op,
			 __u32 cpu_mask)
{
	int shift = op->insn.off;
	__u8 dst = op->insn.dst_reg, map = dst ?: BPF_REG_2;
	__s32 middle = op->keep ? THIS_CPU_MIDDLE(shift) : op->high;

	put_cpu(output, code, op->saves_r1);
	put(output, insn_alu_imm(BPF_AND, BPF_REG_0, cpu_mask));
	put(output, insn_alu_imm(BPF_LSH, BPF_REG_0, shift));
	put_load(output,
		 insn(BPF_LD | BPF_DW | BPF_IMM, map, BPF_PSEUDO_MAP_VALUE, 0, op->insn.imm),
		 middle);
	put(output, insn_alu(BPF_ADD, dst, dst ? BPF_REG_0 : map));
	if (op->keep) {
		put_keep(output, code, op->keep, dst);
		put_offset(output, dst, dst, op->high - middle);
	}
}

static void put_op(struct output *output, const struct code *code, const struct op *op,
		   __u32 cpu_mask)
{
	switch (op->kind) {
	case OP_INSN:
		if (insn_is_load_imm64(&op->insn))
			put_load(output, op->insn, op->high);
		else
			put(output, op->insn);
		break;
	case OP_THIS_CPU:
		put_this_cpu(output, code, op, cpu_mask);
		break;
	case OP_LENGTH:
	case OP_PACKET:
	case OP_PACKET_END:
		put(output, op->insn);
		put_keep(output, code, op->keep, op->insn.dst_reg);
		break;
	case OP_CONTEXT:
		put_offset(output, op->insn.dst_reg, op->insn.src_reg, 0);
		put_keep(output, code, op->keep, op->insn.dst_reg);
		break;
	case OP_OFFSET:
		put_kept(output, code, op);
		break;
	}
}

/* Lead the instruction of a jumping op, the first at its place, to the target's place. */
static int aim(struct bpf_insn *insn, const struct op *op, const size_t *place, size_t here)
{
	intptr_t off = (intptr_t)place[op->target] - (intptr_t)here - 1;

	if (!insn_is_jump(&op->insn)) {
		insn->imm = off;
		return 0;
	}
	if (off != (__s16)off)
		return -E2BIG;
	insn->off = off;
	return 0;
}

int code_finish(const struct code *code, __u32 cpu_mask, struct bpf_insn **insns, size_t *count)
{
	_cleanup_free_ size_t *place = calloc(code->count + 1, sizeof(*place));
	_cleanup_free_ struct bpf_insn *written = NULL;
	struct output output = {};

	if (code->failed || !place)
		return -ENOMEM;
	written = calloc(code->count ?: 1, OP_INSNS_MAX * sizeof(*written));
	if (!written)
		return -ENOMEM;
	output.insns = written;

	for (size_t i = 0; i < code->count; i++) {
		place[i] = output.count;
		put_op(&output, code, &code->ops[i], cpu_mask);
	}
	place[code->count] = output.count;
	for (size_t i = 0; i < code->count; i++) {
		const struct op *op = &code->ops[i];
		int err = 0;

		if (op->kind == OP_INSN && op->target != NO_TARGET)
			err = aim(&written[place[i]], op, place, place[i]);
		if (err)
			return err;
	}

	*insns = TAKE_PTR(written);
	*count = output.count;
	return 0;
}
