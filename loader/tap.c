// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>

#include <lana/hook.h>

#include "classic.h"
#include "probe.h"
#include "insn.h"
#include "tap.h"

/*
 * At either end of a block nothing is held in registers but what is said in tap.h, nor on the
 * stack: what folding keeps there lies below all that is used here.
 */
#define CONTEXT BPF_REG_6
#define VERDICT BPF_REG_7
#define TRACE	BPF_REG_8 /* number of the packet */
#define LENGTH	BPF_REG_9 /* of the packet */

/* From where a packet leaves the block to where it is dropped. */
#define KEPT_CONTEXT BPF_REG_8
#define KEPT_VERDICT BPF_REG_9

#define RECORD	     (-(int)sizeof(struct probe_record))
#define CAPTURED     (RECORD - 8) /* how many bytes of the packet are to be in the record */

static bool has_probes(const struct weave_block *block)
{
	return block->probes.measured || block->probes.taps_count;
}

/* ---- small parts ---------------------------------------------------------------------------- */

/* A jump that compares 64 bits. */
static struct bpf_insn jump64_imm(__u8 op, __u8 dst, __s32 imm)
{
	return insn(BPF_JMP | op | BPF_K, dst, 0, 0, imm);
}

static void emit_length(struct code *code, enum lana_flavour flavour)
{
	if (flavour == LANA_TC) {
		code_emit(code, insn_load(BPF_W, LENGTH, CONTEXT, offsetof(struct __sk_buff, len)));
		return;
	}
	code_emit(code, insn_mov(BPF_REG_1, CONTEXT));
	code_emit(code, insn_call(BPF_FUNC_xdp_get_buff_len));
	code_emit(code, insn_mov(LENGTH, BPF_REG_0));
}

/* More on a number in memory; r1 is lost. */
static void emit_add(struct code *code, __u8 base, __s16 offset, __u8 reg)
{
	code_emit(code, insn_load(BPF_DW, BPF_REG_1, base, offset));
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_1, reg));
	code_emit(code, insn_store(BPF_DW, base, BPF_REG_1, offset));
}

static void emit_one_more(struct code *code, __u8 base, __s16 offset)
{
	code_emit(code, insn_load(BPF_DW, BPF_REG_1, base, offset));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_1, 1));
	code_emit(code, insn_store(BPF_DW, base, BPF_REG_1, offset));
}

/* ---- measuring ---------------------------------------------------------------------------- */

/* r0 = what this CPU has measured of the block; r1 to r5 are lost. */
static void emit_measured(struct code *code, const struct weave_block *block)
{
	code_this_cpu(code, block->probes.page, PROBE_PAGE_SHIFT,
		      block->probes.cell + offsetof(struct probe_cell, path[block->path]));
}

/* The clock is read twice, so that what that takes is known. */
static void emit_start(struct code *code, const struct weave_block *block)
{
	size_t other;

	emit_measured(code, block);
	emit_one_more(code, BPF_REG_0, offsetof(struct probe_path, entered));
	code_emit(code, insn_alu_imm(BPF_AND, BPF_REG_1, PROBE_SAMPLE - 1));
	other = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_1, 0));
	code_emit(code, insn_mov(BPF_REG_7, BPF_REG_0));
	code_emit(code, insn_call(BPF_FUNC_ktime_get_ns));
	code_emit(code, insn_mov(BPF_REG_8, BPF_REG_0));
	code_emit(code, insn_call(BPF_FUNC_ktime_get_ns));
	code_emit(code,
		  insn_store(BPF_DW, BPF_REG_7, BPF_REG_0, offsetof(struct probe_path, started)));
	code_emit(code, insn_alu(BPF_SUB, BPF_REG_0, BPF_REG_8));
	emit_add(code, BPF_REG_7, offsetof(struct probe_path, clock_ns), BPF_REG_0);
	code_land(code, other);
}

static void emit_stop(struct code *code, const struct weave_block *block)
{
	size_t idle;

	emit_measured(code, block);
	code_emit(code,
		  insn_load(BPF_DW, BPF_REG_8, BPF_REG_0, offsetof(struct probe_path, started)));
	idle = code_emit(code, jump64_imm(BPF_JEQ, BPF_REG_8, 0));
	code_emit(code, insn_mov(BPF_REG_9, BPF_REG_0));
	code_emit(code, insn_call(BPF_FUNC_ktime_get_ns));
	code_emit(code, insn_alu(BPF_SUB, BPF_REG_0, BPF_REG_8));
	emit_add(code, BPF_REG_9, offsetof(struct probe_path, ns), BPF_REG_0);
	emit_one_more(code, BPF_REG_9, offsetof(struct probe_path, samples));
	code_emit(code, insn_mov_imm(BPF_REG_1, 0));
	code_emit(code,
		  insn_store(BPF_DW, BPF_REG_9, BPF_REG_1, offsetof(struct probe_path, started)));
	code_land(code, idle);
}

/*
 * r0 = what this CPU has measured of the way that the verdict in a register is; r1 to r5 are lost.
 */
static void emit_way(struct code *code, const struct weave_block *block, __u8 verdict)
{
	size_t drops, known, done, fits;

	emit_measured(code, block);
	code_emit(code, insn_alu32(BPF_MOV, BPF_REG_3, verdict));
	drops = code_emit(code, insn_jump_imm(BPF_JSLT, BPF_REG_3, 0));
	known = code_emit(code,
			  insn_jump_imm(BPF_JLE, BPF_REG_3, block->copies ? LANA_ALL : LANA_SENT));
	code_emit(code, insn_alu32_imm(BPF_MOV, BPF_REG_3, PROBE_DROP + LANA_DROP_INVALID));
	done = code_emit(code, insn_jump());
	code_land(code, drops);
	code_emit(code, insn(BPF_ALU | BPF_NEG, BPF_REG_3, 0, 0, 0));
	fits = code_emit(code, insn_jump_imm(BPF_JLT, BPF_REG_3, LANA_DROPS_MAX));
	code_emit(code, insn_alu32_imm(BPF_MOV, BPF_REG_3, LANA_DROP_INVALID));
	code_land(code, fits);
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_3, PROBE_DROP));
	code_land(code, known);
	code_land(code, done);
	code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_3, 5));
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_0, BPF_REG_3));
}

_Static_assert(sizeof(struct probe_count) == 1 << 5, "ways are found by shifting");

/* What stands in a port's slot cannot tell packets of its path from those turned round to it. */
static void emit_from(struct code *code, const struct weave_block *block)
{
	code_this_cpu(code, block->probes.page, PROBE_PAGE_SHIFT, block->probes.cell);
	code_emit(code, insn(BPF_ST | BPF_W | BPF_MEM, BPF_REG_0, 0,
			     offsetof(struct probe_cell, from), block->path));
}

static void emit_measure(struct code *code, const struct weave *w, const struct weave_block *block)
{
	if (block->turns)
		emit_from(code, block);
	emit_length(code, w->flavour);
	emit_way(code, block, VERDICT);
	emit_one_more(code, BPF_REG_0, offsetof(struct probe_path, ways[0].packets));
	emit_add(code, BPF_REG_0, offsetof(struct probe_path, ways[0].bytes), LENGTH);
}

/* ---- records ------------------------------------------------------------------------------ */

/* One more on a number that the session counts on this CPU; r0 to r5 are lost. */
static void emit_session_count(struct code *code, const struct weave_tap *tap, __u32 offset)
{
	code_this_cpu(code, tap->counts, PROBE_COUNTS_SHIFT, offset);
	emit_one_more(code, BPF_REG_0, 0);
}

/*
 * Tell the session of the packet in CONTEXT, by TRACE, LENGTH and VERDICT. With the bytes: as many
 * as r3 says; else r3 is not read.
 */
static void emit_record(struct code *code, const struct weave_tap *tap,
			const struct weave_block *block, enum probe_point point, bool bytes)
{
	__s32 last = block->idp | block->path << 16 | point << 24;
	size_t taken;

	if (bytes)
		code_emit(code, insn_store(BPF_DW, BPF_REG_10, BPF_REG_3, CAPTURED));
	emit_session_count(code, tap, offsetof(struct probe_counts, seen));
	code_emit(code, insn_call(BPF_FUNC_ktime_get_ns));
	code_emit(code, insn_store(BPF_DW, BPF_REG_10, BPF_REG_0,
				   RECORD + (int)offsetof(struct probe_record, time)));
	code_emit(code, insn_store(BPF_W, BPF_REG_10, TRACE,
				   RECORD + (int)offsetof(struct probe_record, trace)));
	code_emit(code, insn_store(BPF_W, BPF_REG_10, LENGTH,
				   RECORD + (int)offsetof(struct probe_record, length)));
	code_emit(code, insn_store(BPF_W, BPF_REG_10, VERDICT,
				   RECORD + (int)offsetof(struct probe_record, verdict)));
	code_emit(code, insn(BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0,
			     RECORD + (int)offsetof(struct probe_record, idp), last));

	code_emit(code, insn_mov(BPF_REG_1, CONTEXT));
	code_map(code, BPF_REG_2, BPF_PSEUDO_MAP_FD, tap->events, 0);
	code_emit(code, insn_alu32_imm(BPF_MOV, BPF_REG_3, -1)); /* BPF_F_CURRENT_CPU */
	if (bytes) {
		code_emit(code, insn_load(BPF_DW, BPF_REG_4, BPF_REG_10, CAPTURED));
		code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_4, 32)); /* BPF_F_CTXLEN_MASK */
		code_emit(code, insn_alu(BPF_OR, BPF_REG_3, BPF_REG_4));
	}
	code_emit(code, insn_mov(BPF_REG_4, BPF_REG_10));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_4, RECORD));
	code_emit(code, insn_mov_imm(BPF_REG_5, sizeof(struct probe_record)));
	code_emit(code, insn_call(BPF_FUNC_perf_event_output));
	taken = code_emit(code, jump64_imm(BPF_JEQ, BPF_REG_0, 0));
	emit_session_count(code, tap, offsetof(struct probe_counts, lost));
	code_land(code, taken);
}

_Static_assert(offsetof(struct probe_record, path) == offsetof(struct probe_record, idp) + 2 &&
		       offsetof(struct probe_record, point) ==
			       offsetof(struct probe_record, idp) + 3,
	       "idp, path and point are written at once");

/* ---- traces ------------------------------------------------------------------------------- */

/*
 * Where the number of a traced packet rides: r0 holds the address of what this returns the offset
 * of. It is written by roots that trace, and means nothing otherwise.
 */
static __s16 emit_trace_place(struct code *code, const struct weave *w)
{
	if (w->flavour == LANA_TC) {
		code_emit(code, insn_mov(BPF_REG_0, CONTEXT));
		return offsetof(struct __sk_buff, cb[LANA_CB_TRACE]);
	}
	code_this_cpu(code, w->context, LANA_CONTEXT_SHIFT, offsetof(struct lana_context, trace));
	return 0;
}

/* In a root: is the packet one of those to be traced? If so it gets a number. */
static void emit_choice(struct code *code, const struct weave *w, const struct weave_tap *tap)
{
	__u32 left = (w->cpu_mask + 1) << PROBE_COUNTS_SHIFT;
	size_t jumps[3], count = 0;
	__s16 place;

	if (tap->session->filter.count)
		classic_emit(code, w->flavour, &tap->session->filter);
	code_emit(code, insn_alu32_imm(BPF_MOV, TRACE, 0));
	if (tap->session->filter.count)
		jumps[count++] = code_emit(code, insn_jump_imm(BPF_JEQ, BPF_REG_0, 0));
	code_map(code, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, tap->counts, left);
	code_emit(code, insn_load(BPF_DW, BPF_REG_2, BPF_REG_1, 0));
	jumps[count++] = code_emit(code, jump64_imm(BPF_JSLE, BPF_REG_2, 0));
	code_emit(code, insn_mov_imm(BPF_REG_2, -1));
	code_emit(code, insn(BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_1, BPF_REG_2, 0,
			     BPF_ADD | BPF_FETCH));
	/* Another CPU's may have been the last one meanwhile. */
	jumps[count++] = code_emit(code, jump64_imm(BPF_JSLE, BPF_REG_2, 0));
	code_emit(code, insn_alu32(BPF_MOV, TRACE, BPF_REG_2));
	code_emit(code, insn_alu32_imm(BPF_AND, TRACE, (1 << PROBE_SERIAL_SHIFT) - 1));
	code_emit(code, insn_alu32_imm(BPF_OR, TRACE, tap->session->serial << PROBE_SERIAL_SHIFT));
	for (size_t i = 0; i < count; i++)
		code_land(code, jumps[i]);
	place = emit_trace_place(code, w);
	code_emit(code, insn_store(BPF_W, BPF_REG_0, TRACE, place));
}

static void emit_trace(struct code *code, const struct weave *w, const struct weave_block *block,
		       const struct weave_tap *tap, enum probe_point point)
{
	size_t other;
	__s16 place;

	if (point == PROBE_ROOT) {
		emit_choice(code, w, tap);
	} else {
		place = emit_trace_place(code, w);
		code_emit(code, insn_load(BPF_W, TRACE, BPF_REG_0, place));
	}
	code_emit(code, insn_alu32(BPF_MOV, BPF_REG_1, TRACE));
	code_emit(code, insn_alu32_imm(BPF_RSH, BPF_REG_1, PROBE_SERIAL_SHIFT));
	other = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_1, tap->session->serial));
	emit_length(code, w->flavour);
	emit_record(code, tap, block, point, false);
	code_land(code, other);
}

/* ---- captures ----------------------------------------------------------------------------- */

/* Go on if the packet is turned round, or if it is not; else jump. */
static size_t emit_turn_test(struct code *code, bool turned)
{
	code_emit(code, insn_alu32(BPF_MOV, BPF_REG_1, VERDICT));
	code_emit(code, insn_alu32_imm(BPF_SUB, BPF_REG_1, LANA_TURN));
	return code_emit(
		code, insn_jump_imm(turned ? BPF_JGE : BPF_JLT, BPF_REG_1, LANA_PASS - LANA_TURN));
}

/* Let the verdict decide; the jumps lead past the capture. How many. */
static size_t emit_way_test(struct code *code, const struct weave_block *block,
			    const struct probe_session *session, size_t jumps[2])
{
	bool own = session->paths & 1U << block->path, other = session->paths & 1U << !block->path;
	__s32 way = session->way;
	size_t taken;

	if (way == PROBE_ANY_WAY) {
		if (!block->turns || (own && other))
			return 0;
		jumps[0] = emit_turn_test(code, other);
		return 1;
	}
	if (way == PROBE_ANY_DROP) {
		jumps[0] = code_emit(code, insn_jump_imm(BPF_JSGE, VERDICT, 0));
		return 1;
	}
	if (way >= LANA_PASS || !other) {
		jumps[0] = code_emit(code, insn_jump_imm(BPF_JNE, VERDICT, way));
		return 1;
	}
	if (!own) {
		jumps[0] = code_emit(code, insn_jump_imm(BPF_JNE, VERDICT, LANA_TURN + way));
		return 1;
	}
	taken = code_emit(code, insn_jump_imm(BPF_JEQ, VERDICT, way));
	jumps[0] = code_emit(code, insn_jump_imm(BPF_JNE, VERDICT, LANA_TURN + way));
	code_land(code, taken);
	return 1;
}

static void emit_capture(struct code *code, const struct weave *w, const struct weave_block *block,
			 const struct weave_tap *tap, enum probe_point point)
{
	const struct probe_session *session = tap->session;
	bool has_filter = session->filter.count;
	size_t jumps[2], count = emit_way_test(code, block, session, jumps), shorter;

	if (has_filter) {
		classic_emit(code, w->flavour, &session->filter);
		jumps[count++] = code_emit(code, insn_jump_imm(BPF_JEQ, BPF_REG_0, 0));
	}
	emit_length(code, w->flavour);
	code_emit(code, insn_alu32(BPF_MOV, BPF_REG_3, LENGTH));
	shorter = code_emit(code, insn_jump_imm(BPF_JLE, BPF_REG_3, session->snaplen));
	code_emit(code, insn_alu32_imm(BPF_MOV, BPF_REG_3, session->snaplen));
	code_land(code, shorter);
	code_emit(code, insn_alu32_imm(BPF_MOV, TRACE, 0));
	emit_record(code, tap, block, point, true);
	for (size_t i = 0; i < count; i++)
		code_land(code, jumps[i]);
}

/* ------------------------------------------------------------------------------------------- */

void tap_enter(struct code *code, const struct weave_block *block)
{
	if (!block->probes.measured || block->probes.root)
		return;
	code_emit(code, insn_mov(CONTEXT, BPF_REG_1));
	emit_start(code, block);
	code_emit(code, insn_mov(BPF_REG_1, CONTEXT));
}

/* Does a capture take any packet that comes to the block on this path? */
static bool captures(const struct weave_tap *tap, const struct weave_block *block)
{
	const struct probe_session *session = tap->session;
	bool own = session->paths & 1U << block->path;
	bool by_port = session->way < LANA_PORTS_MAX || session->way == PROBE_ANY_WAY;

	return session->kind == PROBE_CAPTURE && (own || (block->turns && by_port));
}

void tap_leave(struct code *code, const struct weave *w, const struct weave_block *block)
{
	enum probe_point point = block->probes.root ? PROBE_ROOT : PROBE_LEFT;
	size_t sent = 0;

	if (!has_probes(block))
		return;
	code_emit(code, insn_mov(CONTEXT, BPF_REG_1));
	code_emit(code, insn_mov(VERDICT, BPF_REG_3));
	if (block->probes
		    .root) /* what the stack itself sends and the root lets out was here before */
		sent = code_emit(code, insn_jump_imm(BPF_JNE, VERDICT, 0));
	if (block->probes.measured && !block->probes.root)
		emit_stop(code, block);
	if (block->probes.measured)
		emit_measure(code, w, block);
	for (size_t i = 0; i < block->probes.taps_count; i++) {
		const struct weave_tap *tap = &block->probes.taps[i];

		if (tap->session->kind == PROBE_TRACE)
			emit_trace(code, w, block, tap, point);
		else if (captures(tap, block))
			emit_capture(code, w, block, tap, point);
	}
	if (block->probes.root)
		code_land(code, sent);
	code_emit(code, insn_mov(BPF_REG_1, CONTEXT));
	code_emit(code, insn_mov(BPF_REG_3, VERDICT));
	code_emit(code, insn_mov(KEPT_CONTEXT, CONTEXT));
	code_emit(code, insn_mov(KEPT_VERDICT, VERDICT));
}

void tap_again(struct code *code, const struct weave_block *block, __s32 verdict)
{
	if (!has_probes(block))
		return;
	code_emit(code, insn_mov(KEPT_CONTEXT, BPF_REG_1));
	code_emit(code, insn_mov_imm(KEPT_VERDICT, verdict));
}

void tap_lost(struct code *code, const struct weave *w, const struct weave_block *block)
{
	if (!has_probes(block))
		return;
	if (block->probes.measured) {
		emit_way(code, block, KEPT_VERDICT);
		emit_one_more(code, BPF_REG_0, offsetof(struct probe_path, ways[0].dropped));
	}
	code_emit(code, insn_mov(VERDICT, BPF_REG_6));
	code_emit(code, insn_mov(CONTEXT, KEPT_CONTEXT));
	for (size_t i = 0; i < block->probes.taps_count; i++)
		if (block->probes.taps[i].session->kind == PROBE_TRACE)
			emit_trace(code, w, block, &block->probes.taps[i], PROBE_LOST);
	code_emit(code, insn_mov(BPF_REG_6, VERDICT));
}

void tap_miss(struct code *code, const struct weave_block *block, __u32 port)
{
	const __s16 own = offsetof(struct probe_cell, path[block->path].ways[port].dropped);
	const __s16 turned =
		offsetof(struct probe_cell, path[!block->path].ways[LANA_TURN + port].dropped);
	size_t straight, done;

	if (!block->probes.measured)
		return;
	code_this_cpu(code, block->probes.page, PROBE_PAGE_SHIFT, block->probes.cell);
	if (!block->turns) {
		emit_one_more(code, BPF_REG_0, own);
		return;
	}
	code_emit(code, insn_load(BPF_W, BPF_REG_1, BPF_REG_0, offsetof(struct probe_cell, from)));
	straight = code_emit(code, insn_jump_imm(BPF_JEQ, BPF_REG_1, block->path));
	emit_one_more(code, BPF_REG_0, turned);
	done = code_emit(code, insn_jump());
	code_land(code, straight);
	emit_one_more(code, BPF_REG_0, own);
	code_land(code, done);
}
