// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>

#include <linux/pkt_cls.h>

#include <lana/hook.h>
#include <maps/loops.h>

#include "cleanup.h"
#include "glue.h"
#include "insn.h"
#include "tap.h"

const struct glue_verdicts glue_verdicts[LANA_FLAVOURS] = {
	[LANA_XDP] = { XDP_PASS, XDP_REDIRECT, XDP_DROP },
	[LANA_TC] = { TC_ACT_UNSPEC, TC_ACT_REDIRECT, TC_ACT_SHOT },
};

#define PATH BPF_REG_7 /* byte offset of the path's cell in the block's */

/* r0 = the block's cell on this CPU; r1 to r5 are lost. */
static void emit_cell(struct code *code, const struct weave_block *block)
{
	code_this_cpu(code, block->page, LANA_PAGE_SHIFT, block->cell);
}

static void jump_to(struct code *code, __u32 target)
{
	size_t jump = code_emit(code, insn_jump());

	if (!code->failed)
		code->ops[jump].target = target;
}

/* One more on the counter that GLUE_INDEX names; drop. */
void glue_book(struct code *code, const struct weave *w, const struct weave_block *block)
{
	emit_cell(code, block);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_0, GLUE_INDEX));
	code_emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_0, 0));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_1, 1));
	code_emit(code, insn_store(BPF_DW, BPF_REG_0, BPF_REG_1, 0));
	if (block->within)
		jump_to(code, glue_step(block->next.block, block->next.step));
	else
		code_return(code, glue_verdicts[w->flavour].drop);
}

/* The same behind the block's code. */
static void emit_count(struct code *code, const struct weave *w, const struct weave_block *block)
{
	tap_lost(code, w, block);
	glue_book(code, w, block);
}

/* Jumps that wait for the code that they lead to. */
struct waiting {
	size_t miss[LANA_PATHS * LANA_PORTS_MAX + 1], misses;
	size_t count[LANA_PATHS * LANA_PORTS_MAX + 2], counts;
};

/* Leave by a port. r1 is the hook's context. */
static void emit_exit(struct weaver *weaver, const struct weave_block *block, enum lana_path path,
		      __u32 port, const struct weave_exit *exit, struct waiting *waiting)
{
	struct code *code = &weaver->code;

	switch (exit->kind) {
	case WEAVE_BLOCK:
		jump_to(code, GLUE_BLOCK | exit->block);
		break;
	case WEAVE_SLOT:
		code_map(code, BPF_REG_2, BPF_PSEUDO_MAP_FD, weaver->weave->table[path], 0);
		code_emit(code, insn_mov_imm(BPF_REG_3, LANA_SLOT_PORT(block->idp, port)));
		code_emit(code, insn_call(BPF_FUNC_tail_call));
		code_emit(code, insn_mov_imm(GLUE_INDEX, port));
		code_emit(code, insn_mov_imm(PATH, glue_path(path)));
		waiting->miss[waiting->misses++] = code_emit(code, insn_jump());
		break;
	case WEAVE_NOWHERE:
		code_emit(code, insn_mov_imm(GLUE_INDEX, glue_unbound(path, port)));
		waiting->count[waiting->counts++] = code_emit(code, insn_jump());
		break;
	}
}

/* If the verdict in r3 is the given one, leave by that port. */
static void emit_port(struct weaver *weaver, const struct weave_block *block, enum lana_path path,
		      __u32 port, __s32 verdict, struct waiting *waiting)
{
	const struct weave_exit *exit = &block->exits[path][port];
	struct code *code = &weaver->code;
	size_t other;

	if (exit->kind == WEAVE_BLOCK) {
		size_t jump = code_emit(code, insn_jump_imm(BPF_JEQ, BPF_REG_3, verdict));

		if (!code->failed)
			code->ops[jump].target = GLUE_BLOCK | exit->block;
		return;
	}
	other = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_3, verdict));
	emit_exit(weaver, block, path, port, exit, waiting);
	code_land(code, other);
}

static void emit_verdict(struct code *code, __s32 verdict, __s32 value)
{
	size_t other = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_3, verdict));

	code_return(code, value);
	code_land(code, other);
}

/*
 * Give the packet to the kernel. At tc a copy of what came in is at the egress hook, and has to
 * come in once more.
 */
static void emit_pass(struct code *code, const struct weave *w)
{
	const __s16 hook = offsetof(struct __sk_buff, cb[LANA_CB_HOOK]);
	size_t other, copied;

	if (w->flavour != LANA_TC) {
		emit_verdict(code, LANA_PASS, glue_verdicts[w->flavour].pass);
		return;
	}
	other = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_3, LANA_PASS));
	code_emit(code, insn_load(BPF_W, BPF_REG_2, BPF_REG_1, hook));
	copied = code_emit(code, insn_jump_imm(BPF_JEQ, BPF_REG_2, LANA_CB_COPIED));
	code_return(code, glue_verdicts[w->flavour].pass);
	code_land(code, copied);
	code_emit(code, insn_mov_imm(BPF_REG_2, LANA_TC_PASSED));
	code_emit(code,
		  insn_store(BPF_W, BPF_REG_1, BPF_REG_2, offsetof(struct __sk_buff, tc_index)));
	code_emit(code,
		  insn_load(BPF_W, BPF_REG_1, BPF_REG_1, offsetof(struct __sk_buff, ifindex)));
	code_emit(code, insn_mov_imm(BPF_REG_2, BPF_F_INGRESS));
	code_emit(code, insn_call(BPF_FUNC_redirect));
	code_emit(code, insn_exit());
	code_land(code, other);
}

/* In the root at tc egress: a copy is to go on by the slot that it names. r1: the context. */
static void emit_copied(struct weaver *weaver)
{
	const __s16 place = offsetof(struct __sk_buff, cb[LANA_CB_COPY]);
	struct code *code = &weaver->code;
	size_t other = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_3, LANA_ROOT_COPY));
	size_t ingress, missed;

	code_emit(code, insn_load(BPF_W, BPF_REG_3, BPF_REG_1, place));
	ingress = code_emit(code, insn_jump_imm(BPF_JSGE, BPF_REG_3, 0));
	code_emit(code, insn_alu32_imm(BPF_AND, BPF_REG_3, INT32_MAX));
	code_map(code, BPF_REG_2, BPF_PSEUDO_MAP_FD, weaver->weave->table[LANA_EGRESS], 0);
	code_emit(code, insn_call(BPF_FUNC_tail_call));
	missed = code_emit(code, insn_jump());
	code_land(code, ingress);
	code_map(code, BPF_REG_2, BPF_PSEUDO_MAP_FD, weaver->weave->table[LANA_INGRESS], 0);
	code_emit(code, insn_call(BPF_FUNC_tail_call));
	code_land(code, missed);
	code_emit(code, insn_mov_imm(BPF_REG_3, -LANA_DROP_NO_COPY));
	code_land(code, other);
}

/* The verdict is a reason, or nonsense: GLUE_INDEX names its counter. */
static void emit_drop(struct code *code, const struct weave_block *block)
{
	size_t known;

	code_emit(code, insn(BPF_ALU | BPF_NEG, BPF_REG_3, 0, 0, 0));
	known = code_emit(code, insn_jump_imm(BPF_JLT, BPF_REG_3, LANA_DROPS_MAX));
	code_emit(code, insn_mov_imm(BPF_REG_3, LANA_DROP_INVALID));
	code_land(code, known);
	code_emit(code, insn_mov(GLUE_INDEX, BPF_REG_3));
	code_emit(code, insn_alu_imm(BPF_LSH, GLUE_INDEX, 3));
	code_emit(code, insn_alu_imm(BPF_ADD, GLUE_INDEX, glue_path(block->path)));
}

/* A tail call came back: the port is unbound, or the packet has had all its tail calls. */
static void emit_miss(struct code *code, const struct weave_block *block)
{
	size_t too_long, unbound;

	emit_cell(code, block);
	code_emit(code, insn_alu(BPF_ADD, BPF_REG_0, PATH));
	code_emit(code,
		  insn_load(BPF_W, BPF_REG_1, BPF_REG_0, offsetof(struct lana_path_cell, bound)));
	code_emit(code, insn_mov_imm(BPF_REG_2, 1));
	code_emit(code, insn_alu(BPF_LSH, BPF_REG_2, GLUE_INDEX));
	code_emit(code, insn_alu(BPF_AND, BPF_REG_1, BPF_REG_2));
	too_long = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_1, 0));

	code_emit(code, insn_alu_imm(BPF_LSH, GLUE_INDEX, 3));
	code_emit(code,
		  insn_alu_imm(BPF_ADD, GLUE_INDEX, offsetof(struct lana_path_cell, unbound)));
	unbound = code_emit(code, insn_jump());

	code_land(code, too_long);
	code_emit(code, insn_mov_imm(GLUE_INDEX, LANA_DROP_TOO_LONG * sizeof(__u64)));
	code_land(code, unbound);
	code_emit(code, insn_alu(BPF_ADD, GLUE_INDEX, PATH));
}

/* One more copy that was not made; r0 to r5 are lost. */
static void emit_no_copy(struct code *code, const struct weave_block *block)
{
	code_this_cpu(code, block->page, LANA_PAGE_SHIFT,
		      block->cell + glue_path(block->path) +
			      offsetof(struct lana_path_cell, drops[LANA_DROP_NO_COPY]));
	code_emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_0, 0));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_1, 1));
	code_emit(code, insn_store(BPF_DW, BPF_REG_0, BPF_REG_1, 0));
}

/*
 * Send a copy of the packet, whose context is in r1, to a port's slot. The context is in r6
 * afterwards; all else is lost.
 */
static void emit_clone(struct code *code, const struct weave_block *block, __u32 port)
{
	const __s16 tc_index = offsetof(struct __sk_buff, tc_index);
	__u32 slot = LANA_SLOT_PORT(block->idp, port) | (block->path == LANA_EGRESS) << 31;
	size_t copied;

	code_emit(code, insn_mov(BPF_REG_6, BPF_REG_1));
	code_emit(code, insn_load(BPF_W, BPF_REG_7, BPF_REG_6, tc_index));
	code_emit(code, insn_mov_imm(BPF_REG_2, LANA_TC_COPY));
	code_emit(code, insn_store(BPF_W, BPF_REG_6, BPF_REG_2, tc_index));
	code_emit(code, insn_alu32_imm(BPF_MOV, BPF_REG_2, slot));
	code_emit(code, insn_store(BPF_W, BPF_REG_6, BPF_REG_2,
				   offsetof(struct __sk_buff, cb[LANA_CB_COPY])));
	code_emit(code,
		  insn_load(BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct __sk_buff, ifindex)));
	code_emit(code, insn_mov_imm(BPF_REG_3, 0));
	code_emit(code, insn_call(BPF_FUNC_clone_redirect));
	code_emit(code, insn_store(BPF_W, BPF_REG_6, BPF_REG_7, tc_index));
	copied = code_emit(code, insn_jump_imm(BPF_JSGE, BPF_REG_0, 0));
	emit_no_copy(code, block);
	code_land(code, copied);
}

static size_t jump64(struct code *code, __u8 op, __u8 left, __u8 right)
{
	return code_emit(code, insn(BPF_JMP | op | BPF_X, left, right, 0, 0));
}

static void load_word(struct code *code, __u8 dst, size_t offset)
{
	code_emit(code, insn_load(BPF_W, dst, BPF_REG_6, offset));
}

#define COPY_WORD(field) (offsetof(struct lana_copy, field))

/* Into what the address in r7 is of: write a number, or a word from elsewhere. */
static void put_number(struct code *code, size_t offset, __u32 number)
{
	code_emit(code, insn_alu32_imm(BPF_MOV, BPF_REG_2, number));
	code_emit(code, insn_store(BPF_W, BPF_REG_7, BPF_REG_2, offset));
}

static void put_from(struct code *code, size_t offset, __u8 base, size_t from)
{
	code_emit(code, insn_load(BPF_W, BPF_REG_2, base, from));
	code_emit(code, insn_store(BPF_W, BPF_REG_7, BPF_REG_2, offset));
}

/* What tells each copy where it goes, from the address in r7 on. */
static void emit_way(struct code *code, const struct weave *w, const struct weave_block *block,
		     const struct weave_step *steps, __u32 count)
{
	bool parts = LANA_COPYING_KIND(block->copies) == LANA_COPYING_PARTS;
	__u32 ports[2] = {};
	size_t copied;

	for (__u32 i = 0; i < count; i++)
		ports[i / 8] |= steps[i].port << i % 8 * 4;
	put_number(code, COPY_WORD(magic), LANA_COPY_MAGIC);
	put_number(code, COPY_WORD(ports[0]), ports[0]);
	put_number(code, COPY_WORD(ports[1]), ports[1]);
	put_number(code, COPY_WORD(idp),
		   block->idp | (block->path == LANA_EGRESS ? LANA_COPY_EGRESS : 0) |
			   (parts ? LANA_COPY_PART : 0) | block->life << 16);
	code_this_cpu(code, w->context, LANA_CONTEXT_SHIFT, 0);
	code_emit(code,
		  insn_load(BPF_W, BPF_REG_2, BPF_REG_0, offsetof(struct lana_context, origin)));
	copied = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_2, 0));
	load_word(code, BPF_REG_2, offsetof(struct xdp_md, ingress_ifindex));
	code_land(code, copied);
	code_emit(code, insn_store(BPF_W, BPF_REG_7, BPF_REG_2, COPY_WORD(device)));
	if (parts)
		put_from(code, COPY_WORD(ports[1]), BPF_REG_0, offsetof(struct lana_context, part));
	put_from(code, COPY_WORD(mark), BPF_REG_0, offsetof(struct lana_context, mark));
	put_from(code, COPY_WORD(trace), BPF_REG_0, offsetof(struct lana_context, trace));
	put_from(code, COPY_WORD(route), BPF_REG_0, offsetof(struct lana_context, route));
}

/* What becomes of a packet, whose context is in r6, that cannot be copied. */
static void emit_uncopied(struct code *code, const struct weave_block *block)
{
	__u32 port = LANA_COPYING_PORT(block->copies);

	switch (LANA_COPYING_KIND(block->copies)) {
	case LANA_COPYING_KEEP:
	case LANA_COPYING_TWICE:
		emit_no_copy(code, block);
		code_emit(code, insn_mov(BPF_REG_1, BPF_REG_6));
		code_emit(code, insn_mov_imm(BPF_REG_3, port));
		break;
	case LANA_COPYING_PARTS:
		code_emit(code, insn_mov(BPF_REG_1, BPF_REG_6));
		code_emit(code, insn_mov_imm(BPF_REG_3, port - 1));
		break;
	default:
		code_emit(code, insn_mov_imm(BPF_REG_3, -LANA_DROP_NO_COPY));
	}
}

_Static_assert(offsetof(struct lana_copy, life) == offsetof(struct lana_copy, idp) + 2,
	       "idp and life are written at once");
_Static_assert(sizeof(struct lana_copy) <= 32, "older kernels have no more room for metadata");

/*
 * Send a copy of the packet, whose context is in r1, by each of the steps' ports. If that cannot be
 * the verdict in r3 becomes another, and what follows has to take it. The kernel takes only the
 * first part of a frame that has several, or worse; and it does not say if it made no copy.
 */
static void emit_broadcast(struct code *code, const struct weave *w,
			   const struct weave_block *block, const struct weave_step *steps,
			   __u32 count)
{
	size_t refused[4];

	if (w->loops[count] < 0) { /* no packet comes here at XDP */
		code_emit(code, insn_mov_imm(BPF_REG_3, -LANA_DROP_NO_COPY));
		return;
	}
	code_emit(code, insn_mov(BPF_REG_6, BPF_REG_1));
	code_emit(code, insn_call(BPF_FUNC_xdp_get_buff_len));
	code_emit(code, insn_mov(BPF_REG_7, BPF_REG_0));
	load_word(code, BPF_REG_2, offsetof(struct xdp_md, data_end));
	load_word(code, BPF_REG_3, offsetof(struct xdp_md, data));
	code_emit(code, insn_alu(BPF_SUB, BPF_REG_2, BPF_REG_3));
	refused[0] = jump64(code, BPF_JNE, BPF_REG_2, BPF_REG_7);
	refused[1] = code_emit(code, insn_jump_imm(BPF_JGT, BPF_REG_7, LANA_COPY_MAX));

	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_6));
	load_word(code, BPF_REG_2, offsetof(struct xdp_md, data));
	load_word(code, BPF_REG_3, offsetof(struct xdp_md, data_meta));
	code_emit(code, insn_alu(BPF_SUB, BPF_REG_2, BPF_REG_3)); /* what there is goes */
	code_emit(code, insn_alu_imm(BPF_SUB, BPF_REG_2, sizeof(struct lana_copy)));
	code_emit(code, insn_call(BPF_FUNC_xdp_adjust_meta));
	refused[2] = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_0, 0));
	load_word(code, BPF_REG_7, offsetof(struct xdp_md, data_meta));
	load_word(code, BPF_REG_3, offsetof(struct xdp_md, data));
	code_emit(code, insn_mov(BPF_REG_2, BPF_REG_7));
	code_emit(code, insn_alu_imm(BPF_ADD, BPF_REG_2, sizeof(struct lana_copy)));
	refused[3] = jump64(code, BPF_JGT, BPF_REG_2, BPF_REG_3);
	emit_way(code, w, block, steps, count);

	code_map(code, BPF_REG_1, BPF_PSEUDO_MAP_FD, w->loops[count], 0);
	code_emit(code, insn_mov_imm(BPF_REG_2, 0));
	code_emit(code, insn_mov_imm(BPF_REG_3, BPF_F_BROADCAST));
	code_emit(code, insn_call(BPF_FUNC_redirect_map));
	code_emit(code, insn_exit());
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		code_land(code, refused[i]);
	emit_uncopied(code, block);
}

/* If the verdict is LANA_ALL, take the steps that this is. */
static void emit_all(struct weaver *weaver, struct part *part, struct waiting *waiting)
{
	static const struct weave_step none = { WEAVE_LAST, 0, { WEAVE_NOWHERE, 0 } };
	const struct weave_block *block = part->block;
	struct code *code = &weaver->code;
	size_t other = code_emit(code, insn_jump_imm(BPF_JNE, BPF_REG_3, LANA_ALL));
	bool cloned = false;

	for (__u32 i = 0; i < (block->steps_count ?: 1); i++) {
		const struct weave_step *step = block->steps_count ? &block->steps[i] : &none;

		part->steps[i] = code->count;
		if (cloned)
			code_emit(code, insn_mov(BPF_REG_1, BPF_REG_6));
		else if (i)
			code_context(code, BPF_REG_1);
		if (step->kind == WEAVE_CLONE && weaver->weave->flavour == LANA_XDP) {
			emit_broadcast(code, weaver->weave, block, step, block->steps_count - i);
			break;
		}
		switch (step->kind) {
		case WEAVE_BRANCH:
			jump_to(code, GLUE_BLOCK | step->exit.block);
			break;
		case WEAVE_CLONE:
			emit_clone(code, block, step->port);
			cloned = true;
			break;
		case WEAVE_LAST:
			if (i)
				tap_again(code, block, LANA_ALL);
			emit_exit(weaver, block, block->path, step->port, &step->exit, waiting);
			break;
		}
	}
	code_land(code, other);
}

static void land_all(struct code *code, const size_t *jumps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		code_land(code, jumps[i]);
}

/* Tell kinds of verdicts apart, for weave_nature(). What follows may read all that there is. */
static void emit_kinds(struct code *code)
{
	static const struct {
		__u8 other; /* a jump: the verdict is not of that kind */
		__s32 verdict;
		enum glue_kind kind;
	} kinds[] = {
		{ BPF_JNE, LANA_ALL, GLUE_COPIES },
		{ BPF_JGE, LANA_PASS, GLUE_LEADS },
		{ BPF_JGT, LANA_SENT, GLUE_ENDS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t other =
			code_emit(code, insn_jump_imm(kinds[i].other, BPF_REG_3, kinds[i].verdict));

		code_emit(code, insn_mov_imm(BPF_REG_3, kinds[i].kind));
		code_emit(code, insn_call(BPF_FUNC_tail_call));
		code_return(code, 0);
		code_land(code, other);
	}
	code_return(code, 0);
}

/* In the place of the template's tail call: r1 context, r3 verdict. */
void glue_emit(struct weaver *weaver, struct part *part)
{
	const struct weave_block *block = part->block;
	const struct weave *w = weaver->weave;
	struct code *code = &weaver->code;
	struct waiting waiting = {};

	if (weaver->examines) {
		emit_kinds(code);
		return;
	}
	tap_leave(code, w, block);
	if (block->copies)
		emit_all(weaver, part, &waiting);
	for (__u32 port = 0; port < block->ports; port++)
		emit_port(weaver, block, block->path, port, port, &waiting);
	for (__u32 port = 0; block->turns && port < block->ports; port++)
		emit_port(weaver, block, !block->path, port, LANA_TURN + port, &waiting);
	if (!block->within) { /* else it returns neither */
		emit_pass(code, w);
		emit_verdict(code, LANA_SENT, glue_verdicts[w->flavour].sent);
	}
	if (block->probes.root && w->flavour == LANA_TC && block->path == LANA_EGRESS)
		emit_copied(weaver);

	emit_drop(code, block);
	if (waiting.misses) {
		waiting.count[waiting.counts++] = code_emit(code, insn_jump());
		land_all(code, waiting.miss, waiting.misses);
		emit_miss(code, block);
	}
	land_all(code, waiting.count, waiting.counts);
	emit_count(code, w, block);
}
