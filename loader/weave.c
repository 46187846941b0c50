// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/pkt_cls.h>

#include "cleanup.h"
#include "insn.h"
#include "weave.h"

/* A program being written. One failed allocation marks the whole. */
struct code {
	struct bpf_insn *insns;
	size_t count, capacity;
	bool failed;
};

static void code_free(struct code *code)
{
	free(code->insns);
}

static size_t emit(struct code *code, struct bpf_insn insn)
{
	if (code->count == code->capacity) {
		size_t capacity = code->capacity ? 2 * code->capacity : 128;
		void *grown = reallocarray(code->insns, capacity, sizeof(*code->insns));

		if (!grown) {
			code->failed = true;
			return 0;
		}
		code->insns = grown;
		code->capacity = capacity;
	}
	code->insns[code->count] = insn;
	return code->count++;
}

/* Let the forward jump at index from arrive at what is emitted next. */
static void land(struct code *code, size_t from)
{
	if (!code->failed)
		code->insns[from].off = code->count - from - 1;
}

static void emit_map(struct code *code, __u8 dst, __u8 pseudo, int fd, __u32 offset)
{
	emit(code, insn(BPF_LD | BPF_DW | BPF_IMM, dst, pseudo, 0, fd));
	emit(code, insn(0, 0, 0, 0, offset));
}

/* r0 = the block's cell on this CPU; r1 to r5 are lost. */
static void emit_cell(struct code *code, const struct weave *w)
{
	emit(code, insn_call(BPF_FUNC_get_smp_processor_id));
	emit(code, insn_alu_imm(BPF_AND, BPF_REG_0, w->cpu_mask));
	emit(code, insn_alu_imm(BPF_LSH, BPF_REG_0, LANA_PAGE_SHIFT));
	emit_map(code, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, w->page, w->cell);
	emit(code, insn_alu(BPF_ADD, BPF_REG_0, BPF_REG_1));
}

static void emit_return(struct code *code, __s32 value)
{
	emit(code, insn_mov_imm(BPF_REG_0, value));
	emit(code, insn_exit());
}

/* What a hook's program returns to say so. */
static const struct {
	__s32 pass, sent, drop;
} verdicts[LANA_FLAVOURS] = {
	[LANA_XDP] = { XDP_PASS, XDP_REDIRECT, XDP_DROP },
	[LANA_TC] = { TC_ACT_UNSPEC, TC_ACT_REDIRECT, TC_ACT_SHOT },
};

/*
 * Where the glue keeps what it needs to count: the program ends here, so the registers that
 * outlast calls are free.
 */
#define INDEX BPF_REG_6 /* port, then byte offset of the counter in the path's cell */
#define PATH  BPF_REG_7 /* byte offset of the path's cell in the block's */

static size_t path_offset(enum lana_path path)
{
	return offsetof(struct lana_cell, path[path]);
}

/*
 * If the verdict in r3 is the given one, leave by that port: r1 is the hook's context, r2 this
 * path's table. Returns the index of the jump that is taken if the slot was empty.
 */
static size_t emit_port(struct code *code, const struct weave *w, enum lana_path path, __u32 port,
			__s32 verdict)
{
	size_t other = emit(code, insn_jump_imm(BPF_JNE, BPF_REG_3, verdict));
	size_t missed;

	if (path != w->path)
		emit_map(code, BPF_REG_2, BPF_PSEUDO_MAP_FD, w->table[path], 0);
	emit(code, insn_mov_imm(BPF_REG_3, LANA_SLOT_PORT(w->idp, port)));
	emit(code, insn_call(BPF_FUNC_tail_call));
	emit(code, insn_mov_imm(INDEX, port));
	emit(code, insn_mov_imm(PATH, path_offset(path)));
	missed = emit(code, insn_jump());
	land(code, other);
	return missed;
}

static void emit_verdict(struct code *code, __s32 verdict, __s32 value)
{
	size_t other = emit(code, insn_jump_imm(BPF_JNE, BPF_REG_3, verdict));

	emit_return(code, value);
	land(code, other);
}

/* The verdict is a reason, or nonsense. Leaves the counter's place in r0 and INDEX. */
static void emit_drop(struct code *code, const struct weave *w)
{
	size_t known;

	emit(code, insn(BPF_ALU | BPF_NEG, BPF_REG_3, 0, 0, 0));
	known = emit(code, insn_jump_imm(BPF_JLT, BPF_REG_3, LANA_DROPS_MAX));
	emit(code, insn_mov_imm(BPF_REG_3, LANA_DROP_INVALID));
	land(code, known);
	emit(code, insn_mov(INDEX, BPF_REG_3));
	emit(code, insn_alu_imm(BPF_LSH, INDEX, 3));
	emit_cell(code, w);
	emit(code, insn_alu_imm(BPF_ADD, BPF_REG_0, path_offset(w->path)));
}

/* A tail call came back: the port is unbound, or the packet has had all its tail calls. */
static void emit_miss(struct code *code, const struct weave *w)
{
	size_t too_long, unbound;

	emit_cell(code, w);
	emit(code, insn_alu(BPF_ADD, BPF_REG_0, PATH));
	emit(code, insn_load(BPF_W, BPF_REG_1, BPF_REG_0, offsetof(struct lana_path_cell, bound)));
	emit(code, insn_mov_imm(BPF_REG_2, 1));
	emit(code, insn_alu(BPF_LSH, BPF_REG_2, INDEX));
	emit(code, insn_alu(BPF_AND, BPF_REG_1, BPF_REG_2));
	too_long = emit(code, insn_jump_imm(BPF_JNE, BPF_REG_1, 0));

	emit(code, insn_alu_imm(BPF_LSH, INDEX, 3));
	emit(code, insn_alu_imm(BPF_ADD, INDEX, offsetof(struct lana_path_cell, unbound)));
	unbound = emit(code, insn_jump());

	land(code, too_long);
	emit(code, insn_mov_imm(INDEX, LANA_DROP_TOO_LONG * sizeof(__u64)));
	land(code, unbound);
}

static void emit_count(struct code *code)
{
	emit(code, insn_alu(BPF_ADD, BPF_REG_0, INDEX));
	emit(code, insn_load(BPF_DW, BPF_REG_1, BPF_REG_0, 0));
	emit(code, insn_alu_imm(BPF_ADD, BPF_REG_1, 1));
	emit(code, insn_store(BPF_DW, BPF_REG_0, BPF_REG_1, 0));
}

/* In the place of the template's tail call: r1 context, r2 this path's table, r3 verdict. */
static void emit_glue(struct code *code, const struct weave *w)
{
	size_t missed[LANA_PATHS * LANA_PORTS_MAX], misses = 0, dropped;

	for (__u32 port = 0; port < w->ports; port++)
		missed[misses++] = emit_port(code, w, w->path, port, port);
	for (__u32 port = 0; w->turns && port < w->ports; port++)
		missed[misses++] = emit_port(code, w, !w->path, port, LANA_TURN + port);
	emit_verdict(code, LANA_PASS, verdicts[w->flavour].pass);
	emit_verdict(code, LANA_SENT, verdicts[w->flavour].sent);

	emit_drop(code, w);
	if (misses) {
		dropped = emit(code, insn_jump());
		for (size_t i = 0; i < misses; i++)
			land(code, missed[i]);
		emit_miss(code, w);
		land(code, dropped);
	}
	emit_count(code);
	emit_return(code, verdicts[w->flavour].drop);
}

static bool is_verdict(const struct bpf_insn *insn)
{
	return insn_is_helper(insn, BPF_FUNC_tail_call);
}

/* Where the main program ends: its subprograms stand behind it. */
static size_t main_length(const struct weave *w)
{
	size_t length = w->count;

	for (size_t i = 0; i < w->count; i++) {
		const struct bpf_insn *insn = &w->insns[i];
		bool names_one = insn_is_subprogram_call(insn) ||
				 (insn_is_load_imm64(insn) && insn->src_reg == BPF_PSEUDO_FUNC);
		intptr_t target = (intptr_t)i + insn->imm + 1;

		if (names_one && target > 0 && (size_t)target < length)
			length = target;
		i += insn_is_load_imm64(insn);
	}
	return length;
}

/*
 * Which instructions of the template are reached, if its tail calls do not return. The kernel
 * refuses programs that hold others. -EINVAL: a jump leaves the program.
 */
static int reach(const struct weave *w, bool *reached)
{
	_cleanup_free_ size_t *todo = calloc(w->count + 1, sizeof(*todo));
	size_t pending = 0, end = main_length(w);

	if (!todo)
		return -ENOMEM;

	todo[pending++] = 0;
	while (pending) {
		size_t i = todo[--pending];
		const struct bpf_insn *insn;

		/* Follow one straight line; each instruction puts off one other at most. */
		for (; i < w->count && !reached[i]; i++) {
			intptr_t target = 0; /* nothing jumps to the first instruction anew */

			insn = &w->insns[i];
			reached[i] = true;

			if (insn_is_long_goto(insn) || (insn_is_exit(insn) && i < end))
				return -EINVAL; /* too long to weave; ends without a verdict */
			if (insn_is_load_imm64(insn)) {
				if (insn->src_reg == BPF_PSEUDO_FUNC)
					target = i + insn->imm + 1;
				if (++i == w->count)
					return -EINVAL;
				reached[i] = true;
			} else if (insn_is_subprogram_call(insn)) {
				target = i + insn->imm + 1;
			} else if (insn_is_jump(insn)) {
				target = i + insn->off + 1;
			}
			if (target < 0 || (size_t)target >= w->count)
				return -EINVAL;
			if (!reached[target])
				todo[pending++] = target;
			if (insn_is_exit(insn) || insn_is_goto(insn) || is_verdict(insn))
				break;
		}
		if (i >= w->count)
			return -EINVAL; /* runs off the end */
	}
	return 0;
}

/* The block's copy of a map of the type's own; any other map is shared as it is. */
static int own_instance(const struct weave *w, int fd)
{
	for (size_t i = 0; i < w->own_count; i++)
		if (w->own[i].template == fd)
			return w->own[i].instance;
	return fd;
}

/*
 * Copy the load of a map's address at template index i, with the instance's map in it. A
 * per-CPU address is computed by the four instructions of LANA_THIS_CPU, the first two of which
 * are the last ones emitted.
 */
static int emit_map_load(struct code *code, const struct weave *w, size_t i)
{
	const struct bpf_insn *insn = &w->insns[i];
	int fd = insn->imm, shift = 0;
	__u32 offset = w->insns[i + 1].imm;
	struct bpf_insn *mask;

	if (fd == w->template.tables[w->flavour]) {
		fd = w->table[w->path];
	} else if (fd == w->template.config) {
		fd = w->config;
	} else if (fd == w->template.counters) {
		fd = w->page;
		offset += w->cell + path_offset(w->path) + offsetof(struct lana_path_cell, own);
		shift = LANA_PAGE_SHIFT;
	} else if (fd == w->template.context) {
		fd = w->context;
		shift = LANA_CONTEXT_SHIFT;
	} else {
		fd = own_instance(w, fd);
	}

	if (shift) {
		if (i < 2 || code->count < 2)
			return -EINVAL;
		mask = &code->insns[code->count - 2];
		if (mask->code != (BPF_ALU64 | BPF_AND | BPF_K) || mask->imm != 0 ||
		    mask[1].code != (BPF_ALU64 | BPF_LSH | BPF_K) || mask[1].imm != shift)
			return -EINVAL;
		mask->imm = w->cpu_mask;
	}
	emit_map(code, insn->dst_reg, insn->src_reg, fd, offset);
	return 0;
}

/* Point what jumped in the template to the same place in the code. */
static int mend_jumps(struct code *code, const struct weave *w, const bool *reached,
		      const size_t *place)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct bpf_insn *old = &w->insns[i];
		struct bpf_insn *new = &code->insns[place[i]];
		bool wide = insn_is_load_imm64(old);
		intptr_t off;

		if (reached[i] &&
		    ((wide && old->src_reg == BPF_PSEUDO_FUNC) || insn_is_subprogram_call(old))) {
			new->imm = place[i + old->imm + 1] - place[i] - 1;
		} else if (reached[i] && insn_is_jump(old)) {
			off = (intptr_t)place[i + old->off + 1] - (intptr_t)place[i] - 1;
			if (off != (__s16)off)
				return -E2BIG;
			new->off = off;
		}
		i += wide;
	}
	return 0;
}

int weave(const struct weave *w, struct bpf_insn **insns, size_t *count)
{
	_cleanup_free_ bool *reached = calloc(w->count + 1, sizeof(*reached));
	_cleanup_free_ size_t *place = calloc(w->count + 1, sizeof(*place));
	_cleanup_(code_free) struct code code = {};
	int err;

	if (!reached || !place)
		return -ENOMEM;
	err = reach(w, reached);
	if (err)
		return err;

	for (size_t i = 0; i < w->count; i++) {
		const struct bpf_insn *insn = &w->insns[i];

		place[i] = code.count;
		if (!reached[i])
			continue;
		if (is_verdict(insn)) {
			emit_glue(&code, w);
		} else if (insn_is_load_imm64(insn) && (insn->src_reg == BPF_PSEUDO_MAP_FD ||
							insn->src_reg == BPF_PSEUDO_MAP_VALUE)) {
			err = emit_map_load(&code, w, i++);
			if (err)
				return err;
		} else {
			emit(&code, *insn);
			if (insn_is_load_imm64(insn))
				emit(&code, w->insns[++i]);
		}
	}
	if (code.failed)
		return -ENOMEM;
	err = mend_jumps(&code, w, reached, place);
	if (err)
		return err;

	*insns = TAKE_PTR(code.insns);
	*count = code.count;
	return 0;
}

int weave_miss(const struct weave *w, __u32 port, struct bpf_insn **insns, size_t *count)
{
	_cleanup_(code_free) struct code code = {};

	emit_cell(&code, w);
	emit(&code, insn_mov_imm(INDEX, path_offset(w->path) +
						offsetof(struct lana_path_cell, unbound[port])));
	emit_count(&code);
	emit_return(&code, verdicts[w->flavour].drop);
	if (code.failed)
		return -ENOMEM;

	*insns = TAKE_PTR(code.insns);
	*count = code.count;
	return 0;
}
