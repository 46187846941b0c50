// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "event.h"
#include "event_log.h"
#include "insn.h"

#define VALUE BPF_REG_6
#define EVENT BPF_REG_7
#define NOW   BPF_REG_8
#define CELL  BPF_REG_9

#define DATA  (-(int)sizeof(struct lana_event_data)) /* on the stack */

/* A call that waits for its event function has the number of the hearer in its off. */

static struct bpf_insn jump64(__u8 op, __u8 dst, __u8 src)
{
	return insn(BPF_JMP | op | BPF_X, dst, src, 0, 0);
}

static struct bpf_insn store_imm(__u8 size, __u8 base, __s16 offset, __s32 imm)
{
	return insn(BPF_ST | size | BPF_MEM, base, 0, offset, imm);
}

static void emit_one_more(struct code *code, __u8 base, __s16 offset)
{
	code_emit(code, insn_load(BPF_DW, BPF_REG_1, base, offset));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_1, 1));
	code_emit(code, insn_store(BPF_DW, base, BPF_REG_1, offset));
}

/*
 * Each event costs EVENT_GAP_NS of a time that may be so far ahead of now (the generic cell rate
 * algorithm, ITU-T I.371). The jump leads to where events are suppressed.
 */
static size_t emit_rate(struct code *code)
{
	const __s16 free_at = offsetof(struct lana_events_cell, free_at);
	size_t ahead, suppressed;

	code_emit(code, insn_load(BPF_DW, BPF_REG_1, CELL, free_at));
	ahead = code_emit(code, jump64(BPF_JGE, BPF_REG_1, NOW));
	code_emit(code, insn_mov(BPF_REG_1, NOW));
	code_land(code, ahead);
	code_emit(code, insn_mov(BPF_REG_2, NOW));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_2, (EVENT_BURST - 1) * EVENT_GAP_NS));
	suppressed = code_emit(code, jump64(BPF_JGT, BPF_REG_1, BPF_REG_2));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_1, EVENT_GAP_NS));
	code_emit(code, insn_store(BPF_DW, CELL, BPF_REG_1, free_at));
	emit_one_more(code, CELL, offsetof(struct lana_events_cell, published));
	return suppressed;
}

/* Store a name in the entry that r1 points to; r2 is lost. */
static void emit_name(struct code *code, const char *name)
{
	char padded[LANA_NAME_MAX] = {};

	strncpy(padded, name, sizeof(padded) - 1);
	for (size_t i = 0; i < sizeof(padded); i += sizeof(__u64)) {
		__s32 halves[2];

		memcpy(halves, padded + i, sizeof(halves));
		code_add(code, OP_INSN, insn(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, 0, 0, halves[0]),
			 halves[1]);
		code_emit(code, insn_store(BPF_DW, BPF_REG_1, BPF_REG_2,
					   offsetof(struct event_entry, block) + i));
	}
}

/* Exchanges, as they are not reordered with what stands before and behind them. */
static void emit_number(struct code *code, __u8 reg)
{
	code_emit(code, insn(BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_1, reg,
			     offsetof(struct event_entry, number), BPF_XCHG));
}

static void emit_entry(struct code *code, const struct weave *w, const struct weave_block *block)
{
	code_map(code, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, w->events, 0);
	code_emit(code, insn_mov_imm(BPF_REG_3, 1));
	code_emit(code, insn(BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_1, BPF_REG_3,
			     offsetof(struct event_log, tickets), BPF_ADD | BPF_FETCH));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_3, 1));
	code_emit(code, insn_mov(BPF_REG_4, BPF_REG_3));
	code_emit(code, insn_alu_imm(BPF_AND, BPF_REG_4, EVENT_LOG_MAX - 1));
	code_emit(code, insn_alu_imm(BPF_MUL, BPF_REG_4, sizeof(struct event_entry)));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_1, offsetof(struct event_log, entries)));
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_1, BPF_REG_4));
	code_emit(code, insn_mov_imm(BPF_REG_2, 0));
	emit_number(code, BPF_REG_2);
	code_emit(code, insn_store(BPF_DW, BPF_REG_1, NOW, offsetof(struct event_entry, time)));
	code_emit(code, insn_store(BPF_DW, BPF_REG_1, VALUE, offsetof(struct event_entry, value)));
	code_emit(code,
		  store_imm(BPF_W, BPF_REG_1, offsetof(struct event_entry, publisher), block->idp));
	code_emit(code, store_imm(BPF_W, BPF_REG_1, offsetof(struct event_entry, names),
				  block->events_names));
	code_emit(code, insn_store(BPF_H, BPF_REG_1, EVENT, offsetof(struct event_entry, event)));
	code_emit(code,
		  store_imm(BPF_B, BPF_REG_1, offsetof(struct event_entry, path), block->path));
	emit_name(code, block->name);
	emit_number(code, BPF_REG_3);
}

static void emit_data(struct code *code, const struct weave_block *block)
{
	code_emit(code, insn_store(BPF_DW, BPF_REG_10, NOW,
				   DATA + (int)offsetof(struct lana_event_data, time)));
	code_emit(code, insn_store(BPF_DW, BPF_REG_10, VALUE,
				   DATA + (int)offsetof(struct lana_event_data, value)));
	code_emit(code,
		  store_imm(BPF_W, BPF_REG_10,
			    DATA + (int)offsetof(struct lana_event_data, publisher), block->idp));
	code_emit(code, insn_store(BPF_H, BPF_REG_10, EVENT,
				   DATA + (int)offsetof(struct lana_event_data, event)));
	code_emit(code, store_imm(BPF_B, BPF_REG_10,
				  DATA + (int)offsetof(struct lana_event_data, occasion),
				  LANA_ON_PUBLISH));
	code_emit(code, store_imm(BPF_B, BPF_REG_10,
				  DATA + (int)offsetof(struct lana_event_data, path), block->path));
	code_emit(code, store_imm(BPF_DW, BPF_REG_10,
				  DATA + (int)offsetof(struct lana_event_data, own), 0));
}

_Static_assert(offsetof(struct lana_event_data, own) % 8 == 0 &&
		       sizeof(struct lana_event_data) - offsetof(struct lana_event_data, own) == 8,
	       "the last members are cleared at once");

static void emit_hear(struct code *code, __u32 hearer)
{
	struct bpf_insn call = insn_call_subprogram();

	call.off = hearer + 1;
	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_10));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_1, DATA));
	code_emit(code, call);
}

void event_publish(struct code *code, const struct weave *w, const struct weave_block *block)
{
	size_t suppressed;

	code_emit(code, insn_mov(EVENT, BPF_REG_1));
	code_emit(code, insn_mov(VALUE, BPF_REG_2));
	code_emit(code, insn_call(BPF_FUNC_ktime_get_ns));
	code_emit(code, insn_mov(NOW, BPF_REG_0));
	code_this_cpu(code, block->page, LANA_PAGE_SHIFT,
		      block->cell + offsetof(struct lana_cell, events));
	code_emit(code, insn_mov(CELL, BPF_REG_0));
	suppressed = emit_rate(code);
	emit_entry(code, w, block);
	if (block->hearers_count)
		emit_data(code, block);
	for (__u32 i = 0; i < block->hearers_count; i++)
		emit_hear(code, block->hearers[i]);
	code_return(code, 0);
	code_land(code, suppressed);
	emit_one_more(code, CELL, offsetof(struct lana_events_cell, suppressed));
	code_return(code, 0);
}

void event_aim(struct code *code, size_t from, size_t to, const size_t *hears)
{
	for (size_t i = from; i < to; i++) {
		struct op *op = &code->ops[i];

		if (op->kind != OP_INSN || !insn_is_subprogram_call(&op->insn) || !op->insn.off)
			continue;
		op->target = hears[op->insn.off - 1];
		op->insn.off = 0;
	}
}

/* r0 = 0 if so many bytes of the packet in r6 were copied to the stack. */
static void emit_copy(struct code *code, __u32 from, int to, __u32 size)
{
	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_6));
	code_emit(code, insn_mov_imm(BPF_REG_2, from));
	code_emit(code, insn_mov(BPF_REG_3, BPF_REG_10));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_3, to));
	code_emit(code, insn_mov_imm(BPF_REG_4, size));
	code_emit(code, insn_call(BPF_FUNC_skb_load_bytes));
}

void event_run(struct code *code, int map, __u32 offset)
{
	const int number = DATA - (int)sizeof(__u64);
	const __u32 size = sizeof(__u64) + sizeof(struct lana_event_data);
	size_t missing, done;

	code_emit(code, insn_mov(BPF_REG_6, BPF_REG_1));
	emit_copy(code, LANA_EVENT_OFFSET - sizeof(__u64), number, size);
	missing = code_emit(code, insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 0, 0));
	code_map(code, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, map, offset);
	code_emit(code, insn_load(BPF_DW, BPF_REG_2, BPF_REG_1, 0));
	code_emit(code, insn_load(BPF_DW, BPF_REG_3, BPF_REG_10, number));
	done = code_emit(code, jump64(BPF_JNE, BPF_REG_2, BPF_REG_3));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_2, 1));
	code_emit(code, insn_store(BPF_DW, BPF_REG_1, BPF_REG_2, 0));
	emit_hear(code, 0);
	code_land(code, missing);
	code_land(code, done);
	code_return(code, 0);
}
