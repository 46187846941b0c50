// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "gen_code.h"
#include "gen_emit.h"
#include "insn.h"

#define SPINS 64 /* looks at the clock a run: a microsecond or two */

/* ---- data --------------------------------------------------------------------------------- */

#define ALIGNED(size) (((size) + 7) & ~7U)

static __u32 lists_size(const struct gen_template *template)
{
	__u32 size = 0;

	for (__u32 v = 0; v < template->varies_count; v++)
		if (template->varies[v].form == GEN_LIST)
			size += template->varies[v].count * sizeof(__u64);
	return size;
}

static __u32 template_offset(const struct gen_templates *templates, __u32 index)
{
	__u32 offset = 0;

	for (__u32 i = 0; i < index; i++)
		offset += ALIGNED(templates->list[i].size) + lists_size(&templates->list[i]);
	return offset;
}

__u32 gen_data_size(const struct gen_templates *templates, __u32 order_count)
{
	return template_offset(templates, templates->count) + ALIGNED(order_count);
}

void gen_data_write(const struct gen_templates *templates, const __u8 *order, __u32 order_count,
		    __u8 *data)
{
	for (__u32 i = 0; i < templates->count; i++) {
		const struct gen_template *template = &templates->list[i];

		memcpy(data, template->bytes, template->size);
		data += ALIGNED(template->size);
		for (__u32 v = 0; v < template->varies_count; v++) {
			const struct gen_vary *vary = &template->varies[v];
			size_t size = vary->form == GEN_LIST ? vary->count * sizeof(__u64) : 0;

			memcpy(data, vary->list ?: (__u64 *)order, size);
			data += size;
		}
	}
	memcpy(data, order, order_count);
}

void gen_state_init(struct gen_state *state, const struct gen_templates *templates, __u64 seed,
		    __u32 cpu)
{
	__u64 *field = state->fields;

	for (__u32 i = 0; i < templates->count; i++)
		for (__u32 v = 0; v < templates->list[i].varies_count; v++) {
			const struct gen_vary *vary = &templates->list[i].varies[v];

			*field++ = vary->form == GEN_COUNTER  ? vary->from
				   : vary->form == GEN_RANDOM ? gen_seed(seed, vary->seed, cpu)
							      : 0;
		}
}

/* ---- the frame ------------------------------------------------------------------------------ */

/* Frames of so many bytes are written by instructions, longer ones' ends are copied. */
#define HEAD_MAX 128

static __u32 end_of_what_varies(const struct gen_template *template)
{
	__u32 end = template->stamp_at ? template->stamp_at + 18U : 0;

	for (__u32 v = 0; v < template->varies_count; v++)
		if (template->varies[v].at + template->varies[v].size > end)
			end = template->varies[v].at + template->varies[v].size;
	for (__u32 s = 0; s < template->sums_count; s++)
		if (template->sums[s].at + 2U > end)
			end = template->sums[s].at + 2U;
	return end;
}

static void emit_bytes(struct code *code, const __u8 *bytes, __u32 at, __u32 size)
{
	__u64 word = 0;

	memcpy(&word, bytes + at, size);
	if (size == 8 && (__s64)word != (__s32)word) {
		code_add(code, OP_INSN,
			 insn(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, 0, 0, (__s32)word), word >> 32);
		code_emit(code, insn_store(BPF_DW, GEN_DATA, BPF_REG_1, at));
		return;
	}
	code_emit(code, insn(BPF_ST | BPF_MEM | gen_width(size), GEN_DATA, 0, at, (__s32)word));
}

/*
 * All of the frame is written each time: the pages of frames are used again, with whatever was done
 * to them on their way.
 */
static void emit_frame(struct gen_emit *emit, const struct gen_template *template, __u32 offset)
{
	struct code *code = &emit->code;
	__u32 size = template->size, head = end_of_what_varies(template);

	if (size != emit->program->size_max) {
		code_emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_10, GEN_CONTEXT));
		code_emit(code, insn_mov_imm(BPF_REG_2, (__s32)(size - emit->program->size_max)));
		code_emit(code, insn_call(BPF_FUNC_xdp_adjust_tail));
		gen_fail_if(emit, BPF_JNE, BPF_REG_0);
	}
	if (size <= HEAD_MAX || head > size)
		head = size;
	if (size > head) {
		code_emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_10, GEN_CONTEXT));
		code_emit(code, insn_mov_imm(BPF_REG_2, head));
		code_map(code, BPF_REG_3, BPF_PSEUDO_MAP_VALUE, emit->program->data, offset + head);
		code_emit(code, insn_mov_imm(BPF_REG_4, size - head));
		code_emit(code, insn_call(BPF_FUNC_xdp_store_bytes));
		gen_fail_if(emit, BPF_JNE, BPF_REG_0);
	}
	gen_emit_packet(emit, head);
	for (__u32 at = 0, step; at < head; at += step) {
		step = head - at >= 8 ? 8 : head - at >= 4 ? 4 : head - at >= 2 ? 2 : 1;
		emit_bytes(code, template->bytes, at, step);
	}
}

/* ---- pace ----------------------------------------------------------------------------------- */

/*
 * Leave unless the frame is due; watch the clock for a little while before. r0 = the clock, r9 =
 * when it was due, both in ticks.
 */
static void emit_wait(struct gen_emit *emit)
{
	struct code *code = &emit->code;
	size_t due, again, late;

	code_emit(code, insn_mov_imm(BPF_REG_8, SPINS));
	again = code->count;
	code_emit(code, insn_call(BPF_FUNC_ktime_get_ns));
	code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_0, GEN_TICK_SHIFT));
	gen_load_state(emit, BPF_REG_9, offsetof(struct gen_state, due));
	due = code_emit(code, insn(BPF_JMP | BPF_JGE | BPF_X, BPF_REG_0, BPF_REG_9, 0, 0));
	code_emit(code, insn_alu_imm(BPF_SUB, BPF_REG_8, 1));
	gen_jump_back(code, insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_8, 0, 0, 0), again);
	code_return(code, GEN_NOT_YET);
	code_land(code, due);

	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_0));
	code_emit(code, insn_alu(BPF_SUB, BPF_REG_1, BPF_REG_9));
	late = code_emit(code, insn(BPF_JMP | BPF_JLT | BPF_K, BPF_REG_1, 0, 0,
				    GEN_LATE_NS << GEN_TICK_SHIFT));
	gen_count(emit, offsetof(struct gen_state, late), 1);
	gen_imm64(code, BPF_REG_2, (__u64)GEN_GIVE_UP_NS << GEN_TICK_SHIFT);
	again = code_emit(code, insn(BPF_JMP | BPF_JLT | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0));
	if (emit->program->timed) {
		/* All that follows is as much later. */
		gen_load_state(emit, BPF_REG_2, offsetof(struct gen_state, epoch));
		code_emit(code, insn_alu(BPF_ADD, BPF_REG_2, BPF_REG_1));
		gen_store_state(emit, BPF_REG_2, offsetof(struct gen_state, epoch));
	}
	code_emit(code, insn_mov(BPF_REG_9, BPF_REG_0));
	code_land(code, late);
	code_land(code, again);
}

/* ---- the way out ---------------------------------------------------------------------------- */

/* Frames that are redirected count if the device is there. */
static void emit_redirect(struct gen_emit *emit)
{
	struct code *code = &emit->code;
	size_t gone;

	code_map(code, BPF_REG_1, BPF_PSEUDO_MAP_FD, emit->program->devices, 0);
	code_emit(code, insn_mov_imm(BPF_REG_2, 0));
	code_emit(code, insn_mov_imm(BPF_REG_3, 0));
	code_emit(code, insn_call(BPF_FUNC_redirect_map));
	gone = code_emit(code, insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 0, GEN_REDIRECT));
	code_emit(code, insn_exit());
	code_land(code, gone);
	gen_count(emit, offsetof(struct gen_state, refused), 1);
	code_return(code, GEN_NOT_YET);
}

/* As a root does: bpf/root.bpf.c. */
static void emit_enter(struct gen_emit *emit)
{
	const struct gen_program *program = emit->program;
	struct code *code = &emit->code;

	code_emit(code, insn_call(BPF_FUNC_get_smp_processor_id));
	code_emit(code, insn_alu_imm(BPF_AND, BPF_REG_0, program->cpu_mask));
	code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_0, LANA_CONTEXT_SHIFT));
	code_map(code, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, program->context, 0);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_1, BPF_REG_0));
	code_emit(code, insn(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_1, 0, 0, 0));
	code_emit(code, insn(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_1, 0,
			     offsetof(struct lana_context, route), 0)); /* and origin */
	/* It is no packet that is traced, whatever the last one here was. */
	code_emit(code, insn(BPF_ST | BPF_MEM | BPF_W, BPF_REG_1, 0,
			     offsetof(struct lana_context, trace), 0));
	code_emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_10, GEN_CONTEXT));
	code_map(code, BPF_REG_2, BPF_PSEUDO_MAP_FD, program->table, 0);
	code_emit(code, insn_mov_imm(BPF_REG_3, program->slot));
	code_emit(code, insn_call(BPF_FUNC_tail_call));
	gen_count(emit, offsetof(struct gen_state, refused), 1);
	code_return(code, GEN_NOT_YET);
}

static void emit_out(struct gen_emit *emit)
{
	if (emit->program->table >= 0)
		emit_enter(emit);
	else
		emit_redirect(emit);
}

/* ---- captures ------------------------------------------------------------------------------- */

/* r9 = when the record at r8 is due, if the file says. */
static void emit_record_due(struct gen_emit *emit)
{
	struct code *code = &emit->code;

	gen_load_state(emit, BPF_REG_9, offsetof(struct gen_state, epoch));
	code_emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_8, offsetof(struct gen_record, when)));
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_9, BPF_REG_1));
	gen_store_state(emit, BPF_REG_9, offsetof(struct gen_state, due));
}

/* r8 = the next record, of which all can be read; r9 = its offset. */
static void emit_record(struct gen_emit *emit)
{
	struct code *code = &emit->code;

	gen_load_state(emit, BPF_REG_9, offsetof(struct gen_state, next));
	gen_fail_unless_less(emit, BPF_REG_9,
			     emit->program->data_size - GEN_SIZE_MAX - sizeof(struct gen_record));
	code_map(code, BPF_REG_8, BPF_PSEUDO_MAP_VALUE, emit->program->data, 0);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_8, BPF_REG_9));
}

/* On to the next record, or the next round. */
static void emit_step(struct gen_emit *emit)
{
	struct code *code = &emit->code;
	size_t last, end;

	code_emit(code, insn_load(BPF_W, BPF_REG_1, BPF_REG_8, offsetof(struct gen_record, step)));
	gen_load_state(emit, BPF_REG_9, offsetof(struct gen_state, next));
	last = code_emit(code, insn(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0));
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_9, BPF_REG_1));
	end = code_emit(code, insn_jump());
	code_land(code, last);
	gen_load_state(emit, BPF_REG_2, offsetof(struct gen_state, epoch));
	gen_imm64(code, BPF_REG_1, emit->program->period);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_2, BPF_REG_1));
	gen_store_state(emit, BPF_REG_2, offsetof(struct gen_state, epoch));
	code_emit(code, insn_mov_imm(BPF_REG_9, 0));
	code_land(code, end);
	gen_store_state(emit, BPF_REG_9, offsetof(struct gen_state, next));
}

static void emit_copy(struct gen_emit *emit)
{
	struct code *code = &emit->code;

	code_emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_10, GEN_CONTEXT));
	code_emit(code, insn_load(BPF_W, BPF_REG_2, BPF_REG_8, offsetof(struct gen_record, size)));
	code_emit(code, insn_alu_imm(BPF_SUB, BPF_REG_2, emit->program->size_max));
	code_emit(code, insn_call(BPF_FUNC_xdp_adjust_tail));
	gen_fail_if(emit, BPF_JNE, BPF_REG_0);
	code_emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_10, GEN_CONTEXT));
	code_emit(code, insn_mov_imm(BPF_REG_2, 0));
	code_emit(code, insn_mov(BPF_REG_3, BPF_REG_8));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_3, sizeof(struct gen_record)));
	code_emit(code, insn_load(BPF_W, BPF_REG_4, BPF_REG_8, offsetof(struct gen_record, size)));
	gen_fail_unless_less(emit, BPF_REG_4, GEN_SIZE_MAX + 1);
	gen_fail_if(emit, BPF_JEQ, BPF_REG_4);
	code_emit(code, insn_call(BPF_FUNC_xdp_store_bytes));
	gen_fail_if(emit, BPF_JNE, BPF_REG_0);
	code_emit(code, insn_load(BPF_W, BPF_REG_1, BPF_REG_8, offsetof(struct gen_record, size)));
	gen_load_state(emit, BPF_REG_2, offsetof(struct gen_state, bytes));
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_2, BPF_REG_1));
	gen_store_state(emit, BPF_REG_2, offsetof(struct gen_state, bytes));
}

/* ------------------------------------------------------------------------------------------- */

/* The frame is made: r9 is when it was due. */
static void emit_count(struct gen_emit *emit, __u32 template)
{
	const struct gen_program *program = emit->program;

	if (program->paced && !program->timed) {
		gen_imm64(&emit->code, BPF_REG_1, program->intervals[template]);
		code_emit(&emit->code, insn_alu(BPF_ADD, BPF_REG_1, BPF_REG_9));
		gen_store_state(emit, BPF_REG_1, offsetof(struct gen_state, due));
	}
	gen_count(emit, offsetof(struct gen_state, sent), 1);
}

static void emit_capture(struct gen_emit *emit)
{
	emit_record(emit);
	if (emit->program->timed) {
		emit_record_due(emit);
		emit_wait(emit);
		emit_record(emit);
	} else if (emit->program->paced) {
		emit_wait(emit);
		emit_count(emit, 0);
		emit_record(emit);
	}
	if (emit->program->timed || !emit->program->paced)
		emit_count(emit, 0);
	emit_copy(emit);
	emit_step(emit);
	emit_out(emit);
}

/* Jump to the code of the template that is next: a chain of comparisons, as few as they are. */
static void emit_choice(struct gen_emit *emit, size_t *to)
{
	const struct gen_program *program = emit->program;
	struct code *code = &emit->code;
	__u32 order = template_offset(program->templates, program->templates->count);
	size_t wrap;

	gen_load_state(emit, BPF_REG_2, offsetof(struct gen_state, next));
	gen_fail_unless_less(emit, BPF_REG_2, program->order_count);
	code_map(code, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, program->data, order);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_1, BPF_REG_2));
	code_emit(code, insn_load(BPF_B, BPF_REG_1, BPF_REG_1, 0));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_2, 1));
	wrap = code_emit(code,
			 insn(BPF_JMP | BPF_JLT | BPF_K, BPF_REG_2, 0, 0, program->order_count));
	code_emit(code, insn_mov_imm(BPF_REG_2, 0));
	code_land(code, wrap);
	gen_store_state(emit, BPF_REG_2, offsetof(struct gen_state, next));
	for (__u32 i = 1; i < program->templates->count; i++)
		to[i] = code_emit(code, insn(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, i));
}

static void emit_templates(struct gen_emit *emit)
{
	const struct gen_program *program = emit->program;
	size_t to[GEN_FRAMES_MAX];
	__u32 field = 0;

	if (program->paced)
		emit_wait(emit);
	if (program->templates->count > 1)
		emit_choice(emit, to);
	for (__u32 i = 0; i < program->templates->count; i++) {
		const struct gen_template *template = &program->templates->list[i];
		__u32 offset = template_offset(program->templates, i);

		if (i)
			code_land(&emit->code, to[i]);
		emit_count(emit, i);
		if (program->templates->count > 1)
			gen_count(emit, offsetof(struct gen_state, made[i]), 1);
		emit_frame(emit, template, offset);
		gen_emit_fields(emit, template, field, offset + ALIGNED(template->size));
		field += template->varies_count;
		emit_out(emit);
	}
}

/* Note when it began; leave if all is made, and note when that was. */
static void emit_begin(struct gen_emit *emit)
{
	struct code *code = &emit->code;
	size_t go, begun, ended;

	code_map(code, GEN_STATE, BPF_PSEUDO_MAP_VALUE, emit->program->state, 0);
	code_emit(code, insn_store(BPF_DW, BPF_REG_10, BPF_REG_1, GEN_CONTEXT));
	gen_load_state(emit, BPF_REG_2, offsetof(struct gen_state, sent));
	gen_load_state(emit, BPF_REG_3, offsetof(struct gen_state, limit));
	go = code_emit(code, insn(BPF_JMP | BPF_JLT | BPF_X, BPF_REG_2, BPF_REG_3, 0, 0));
	gen_load_state(emit, BPF_REG_1, offsetof(struct gen_state, ended));
	ended = code_emit(code, insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 0, 0));
	code_emit(code, insn_call(BPF_FUNC_ktime_get_ns));
	gen_store_state(emit, BPF_REG_0, offsetof(struct gen_state, ended));
	code_land(code, ended);
	code_return(code, GEN_NOT_YET);
	code_land(code, go);
	gen_load_state(emit, BPF_REG_1, offsetof(struct gen_state, started));
	begun = code_emit(code, insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 0, 0));
	code_emit(code, insn_call(BPF_FUNC_ktime_get_ns));
	gen_store_state(emit, BPF_REG_0, offsetof(struct gen_state, started));
	code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_0, GEN_TICK_SHIFT));
	gen_load_state(emit, BPF_REG_1, offsetof(struct gen_state, epoch));
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_0, BPF_REG_1));
	gen_store_state(emit, BPF_REG_0, offsetof(struct gen_state, epoch));
	gen_store_state(emit, BPF_REG_0, offsetof(struct gen_state, due));
	code_land(code, begun);
}

int gen_load(const struct gen_program *program, char *log, size_t log_size)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_XDP,
		    .prog_flags = BPF_F_XDP_HAS_FRAGS, .log_buf = log, .log_size = log_size,
		    .log_level = log ? 1 : 0);
	struct gen_emit emit = { .program = program };
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t count;
	int err, fd;

	emit_begin(&emit);
	if (program->templates)
		emit_templates(&emit);
	else
		emit_capture(&emit);
	gen_emit_end(&emit);
	emit.code.main_count = emit.code.count;
	err = code_finish(&emit.code, 0, &insns, &count);
	code_free(&emit.code);
	if (err)
		return err;
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "lana_gen", "GPL", insns, count, &options);
	return fd < 0 ? -errno : fd;
}
