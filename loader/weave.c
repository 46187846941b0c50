// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include <lana/hook.h>

#include "classic.h"
#include "cleanup.h"
#include "code.h"
#include "event.h"
#include "fold.h"
#include "glue.h"
#include "insn.h"
#include "tap.h"

static size_t parts_count(const struct weave *w)
{
	return w->count + w->hearers_count;
}

static void weaver_free(struct weaver *weaver)
{
	for (size_t i = 0; weaver->parts && i < parts_count(weaver->weave); i++)
		part_free(&weaver->parts[i]);
	free(weaver->parts);
	code_free(&weaver->code);
}

/* ---- templates ------------------------------------------------------------------------ */

/* The block's copy of a map of the type's own; any other map is shared as it is. */
static int own_instance(const struct weave_block *block, int fd)
{
	for (size_t i = 0; i < block->own_count; i++)
		if (block->own[i].template == fd)
			return block->own[i].instance;
	return fd;
}

/* Copy a lookup of what this CPU has; false: none stands at template index i. */
static bool emit_this_cpu(struct weaver *weaver, const struct part *part, size_t i)
{
	const struct weave_block *block = part->block;
	__u32 offset = i + 4 < block->count ? block->insns[i + 4].imm : 0;

	if (template_this_cpu(block, i, block->template.counters, LANA_PAGE_SHIFT))
		code_this_cpu(&weaver->code, block->page, LANA_PAGE_SHIFT,
			      offset + block->cell + glue_path(block->path) +
				      offsetof(struct lana_path_cell, own));
	else if (template_this_cpu(block, i, block->template.ports, LANA_PAGE_SHIFT))
		code_this_cpu(&weaver->code, block->page, LANA_PAGE_SHIFT,
			      offset + block->cell + glue_path(block->path) +
				      offsetof(struct lana_path_cell, bound));
	else if (template_this_cpu(block, i, block->template.context, LANA_CONTEXT_SHIFT))
		code_this_cpu(&weaver->code, weaver->weave->context, LANA_CONTEXT_SHIFT, offset);
	else
		return false;
	return true;
}

/* Emit the block's filter; false: none is asked at template index i. */
static bool emit_match(struct weaver *weaver, const struct part *part, size_t i)
{
	static const struct classic everything, /* or anything: its first byte says */
		something = {
			2, { { BPF_LD | BPF_B | BPF_ABS, 0, 0, 0 }, { BPF_RET | BPF_A, 0, 0, 0 } }
		};
	const struct weave_block *block = part->block;
	const struct classic *without = weaver->examines ? &something : &everything;
	__u8 context;

	if (!template_match(block, i, &context))
		return false;
	classic_emit_at(&weaver->code, weaver->weave->flavour, block->filter ?: without, context,
			part->stack[i >= part->end]);
	return true;
}

/* Copy the load of a map's address at template index i, with the instance's map in it. */
static int emit_map_load(struct weaver *weaver, const struct part *part, size_t i)
{
	const struct weave_block *block = part->block;
	const struct bpf_insn *insn = &block->insns[i];
	__s32 offset = block->insns[i + 1].imm;

	if (insn->imm == block->template.counters || insn->imm == block->template.context ||
	    insn->imm == block->template.ports)
		return -EINVAL; /* not by LANA_THIS_CPU */
	if (insn->imm == block->template.filter)
		return -EINVAL; /* not by lana_match() */
	if (insn->imm == block->template.config && block->config) {
		struct bpf_insn load = *insn;

		load.imm = part->number;
		code_add(&weaver->code, OP_CONFIG, load, offset);
	} else if (insn->imm == block->template.tables[weaver->weave->flavour]) {
		code_map(&weaver->code, insn->dst_reg, insn->src_reg,
			 weaver->weave->table[block->path], offset);
	} else {
		code_map(&weaver->code, insn->dst_reg, insn->src_reg,
			 own_instance(block, insn->imm), offset);
	}
	return 0;
}

/*
 * Copy the call of a function of a module: by the place that the module's BTF has among those of
 * the program.
 */
static int emit_module_call(struct weaver *weaver, const struct part *part, struct bpf_insn call)
{
	const struct weave_modules *from = part->block->modules;
	struct weave_modules *to = weaver->weave->modules;
	size_t n = 0;

	if (!from || !to || call.off < 0 || (size_t)call.off > from->count)
		return -EINVAL;
	while (n < to->count && to->all[n].id != from->all[call.off - 1].id)
		n++;
	if (n == WEAVE_MODULES_MAX)
		return -E2BIG;
	if (n == to->count)
		to->all[to->count++] = from->all[call.off - 1];
	call.off = n + 1;
	code_emit(&weaver->code, call);
	return 0;
}

/* Copy the instructions of the template from one to another. */
static int emit_part(struct weaver *weaver, struct part *part, size_t from, size_t to)
{
	const struct weave_block *block = part->block;

	for (size_t i = from; i < to; i++) {
		const struct bpf_insn *insn = &block->insns[i];
		int err;

		if (part->joined[i])
			code_add(&weaver->code, OP_JOIN, insn_jump(), 0);
		part->place[i] = weaver->code.count;
		if (!part->reached[i])
			continue;
		if (template_verdict(insn)) {
			glue_emit(weaver, part);
		} else if (emit_this_cpu(weaver, part, i)) {
			for (size_t end = i + TEMPLATE_THIS_CPU - 1; i < end;)
				part->place[++i] = weaver->code.count - 1;
		} else if (emit_match(weaver, part, i)) {
			for (size_t end = i + TEMPLATE_MATCH - 1; i < end;)
				part->place[++i] = weaver->code.count - 1;
		} else if (template_loads_map(insn)) {
			err = emit_map_load(weaver, part, i++);
			if (err)
				return err;
		} else if (insn_is_kfunc_call(insn) && insn->off) {
			err = emit_module_call(weaver, part, *insn);
			if (err)
				return err;
		} else if (insn_is_load_imm64(insn)) {
			code_add(&weaver->code, OP_INSN, *insn, block->insns[++i].imm);
		} else {
			code_emit(&weaver->code, *insn);
		}
	}
	return 0;
}

/* A call of what stands for publishing leads to what does it, if there is such. */
static void aim_call(struct code *code, const struct part *part, size_t i)
{
	const struct bpf_insn *insn = &part->block->insns[i];
	bool publishes = template_publishes(part->block, i);
	struct op *op = &code->ops[part->place[i]];

	op->target = publishes && part->publish ? part->publish : part->place[i + insn->imm + 1];
	op->insn.imm = publishes ? CALL_PUBLISHES : 0;
}

/* Lead what jumps in the template to the same place in the code. */
static void aim_jumps(struct code *code, const struct part *part)
{
	for (size_t i = part->hears ? part->end : 0; i < part->block->count; i++) {
		const struct bpf_insn *insn = &part->block->insns[i];

		if (part->reached[i] && template_names_subprogram(insn))
			aim_call(code, part, i);
		else if (part->reached[i] && insn_is_jump(insn))
			code->ops[part->place[i]].target = part->place[i + insn->off + 1];
		i += insn_is_load_imm64(insn);
	}
}

/* ---- the program ---------------------------------------------------------------------- */

static int open_parts(struct weaver *weaver)
{
	const struct weave *w = weaver->weave;
	int err = 0;

	weaver->parts = calloc(parts_count(w), sizeof(*weaver->parts));
	if (!weaver->parts)
		return -ENOMEM;
	for (size_t i = 0; !err && i < w->count; i++)
		err = part_read(&weaver->parts[i], &w->blocks[i], i);
	for (size_t i = 0; !err && i < w->hearers_count; i++)
		err = part_read_event(&weaver->parts[w->count + i], &w->hearers[i], w->count + i);
	return err;
}

/* Event functions, and what calls them from op `from` on. */
static int join_hearers(struct weaver *weaver, size_t from)
{
	const struct weave *w = weaver->weave;
	struct code *code = &weaver->code;
	size_t to = code->count, *hears;
	int err = 0;

	hears = calloc(w->hearers_count + 1, sizeof(*hears));
	if (!hears)
		return -ENOMEM;
	for (size_t i = 0; !err && i < w->hearers_count; i++) {
		struct part *part = &weaver->parts[w->count + i];

		err = emit_part(weaver, part, part->end, part->block->count);
		hears[i] = part->place[part->hear];
	}
	if (!err && !code->failed) {
		event_aim(code, from, to, hears);
		for (size_t i = 0; i < w->hearers_count; i++)
			aim_jumps(code, &weaver->parts[w->count + i]);
	}
	free(hears);
	return err;
}

/* The subprograms that publish, of the blocks that do, and the event functions that they call. */
static int join_events(struct weaver *weaver)
{
	const struct weave *w = weaver->weave;
	size_t from = weaver->code.count;

	for (size_t i = 0; i < w->count; i++) {
		if (!w->blocks[i].publishes)
			continue;
		weaver->parts[i].publish = weaver->code.count;
		event_publish(&weaver->code, w, &w->blocks[i]);
	}
	return join_hearers(weaver, from);
}

/* Main programs one behind the other, then the subprograms. */
static int join(struct weaver *weaver)
{
	const struct weave *w = weaver->weave;
	struct code *code = &weaver->code;
	int err = 0;

	for (size_t i = 0; i < w->count; i++)
		if (w->blocks[i].within) {
			code_keep_context(code);
			break;
		}
	for (size_t i = 0; !err && i < w->count; i++) {
		weaver->parts[i].entry = code->count;
		tap_enter(code, &w->blocks[i]);
		err = emit_part(weaver, &weaver->parts[i], 0, weaver->parts[i].end);
	}
	code->main_count = code->count;
	for (size_t i = 0; !err && i < w->count; i++)
		err = emit_part(weaver, &weaver->parts[i], weaver->parts[i].end,
				w->blocks[i].count);
	if (!err)
		err = join_events(weaver);
	if (err || code->failed)
		return err ?: -ENOMEM;

	for (size_t i = 0; i < w->count; i++)
		aim_jumps(code, &weaver->parts[i]);
	for (size_t i = 0; i < code->main_count; i++) {
		__u32 *target = &code->ops[i].target;

		if (*target == NO_TARGET)
			continue;
		if (*target & GLUE_BLOCK)
			*target = weaver->parts[*target & ~GLUE_BLOCK].entry;
		else if (*target & GLUE_STEP)
			*target = weaver->parts[(*target & ~GLUE_STEP) >> 8].steps[*target & 0xff];
	}
	return 0;
}

/* Options that folding has not made numbers of are read from a map. */
static int load_configs(struct weaver *weaver)
{
	const struct weave *w = weaver->weave;

	for (size_t i = 0; i < weaver->code.count; i++) {
		struct op *op = &weaver->code.ops[i];
		int fd;

		if (op->kind != OP_CONFIG)
			continue;
		fd = w->config_map(w->cookie, op->insn.imm);
		if (fd < 0)
			return fd;
		op->kind = OP_INSN;
		op->insn.imm = fd;
	}
	return 0;
}

int weave(const struct weave *w, struct bpf_insn **insns, size_t *count)
{
	_cleanup_(weaver_free) struct weaver weaver = {
		.weave = w, .code = { .context = w->context, .flavour = w->flavour }
	};
	_cleanup_free_ struct fold_config *configs = calloc(w->count, sizeof(*configs));
	int err;

	if (!configs)
		return -ENOMEM;
	for (size_t i = 0; i < w->count; i++)
		configs[i] = (struct fold_config){ w->blocks[i].config, w->blocks[i].config_size };
	err = open_parts(&weaver);
	if (!err)
		err = join(&weaver);
	if (!err)
		err = fold(&weaver.code, configs);
	if (!err)
		err = load_configs(&weaver);
	return err ?: code_finish(&weaver.code, w->cpu_mask, insns, count);
}

int weave_hearing(const struct weave *w, int map, __u32 offset, struct bpf_insn **insns,
		  size_t *count)
{
	_cleanup_(weaver_free) struct weaver weaver = { .weave = w };
	int err = open_parts(&weaver);

	if (err)
		return err;
	event_run(&weaver.code, map, offset);
	weaver.code.main_count = weaver.code.count;
	err = join_hearers(&weaver, 0);
	if (!err)
		err = load_configs(&weaver);
	return err ?: code_finish(&weaver.code, w->cpu_mask, insns, count);
}

int weave_nature(const struct weave *w, struct weave_nature *nature)
{
	_cleanup_(weaver_free) struct weaver weaver = {
		.weave = w,
		.code = { .context = w->context, .flavour = w->flavour },
		.examines = true,
	};
	struct fold_config config = { w->blocks->config, w->blocks->config_size };
	struct weave_nature found = {};
	__u32 kinds = 0;
	int err = open_parts(&weaver);

	if (!err)
		err = join(&weaver);
	if (!err)
		err = fold(&weaver.code, &config);
	if (!err)
		err = fold_examine(&weaver.code, &config, &found.reads, &kinds);
	if (err)
		return err;
	found.reads &= !(kinds & 1U << GLUE_ENDS);
	found.copies = kinds & 1U << GLUE_COPIES;
	found.leads = kinds & 1U << GLUE_LEADS;
	found.passes = kinds & 1U << GLUE_ENDS;
	*nature = found;
	return 0;
}

int weave_miss(const struct weave *w, __u32 port, struct bpf_insn **insns, size_t *count)
{
	_cleanup_(code_free) struct code code = {};

	code_emit(&code, insn_mov_imm(GLUE_INDEX, glue_unbound(w->blocks->path, port)));
	tap_miss(&code, w->blocks, port);
	glue_book(&code, w, w->blocks);
	return code_finish(&code, w->cpu_mask, insns, count);
}

/* r0 = address of the packet's side; at tc that is in r6, the context. Returns its offset. */
static __s16 emit_side(struct code *code, const struct weave *w)
{
	if (w->flavour == LANA_TC) {
		code_emit(code, insn_mov(BPF_REG_0, BPF_REG_6));
		return offsetof(struct __sk_buff, cb[LANA_CB_SIDE]);
	}
	code_this_cpu(code, w->context, LANA_CONTEXT_SHIFT, offsetof(struct lana_context, side));
	return 0;
}

static void emit_jump_to(struct code *code, const struct weave *w, enum lana_path path, __u32 slot)
{
	code_emit(code, insn_mov(BPF_REG_1, BPF_REG_6));
	code_map(code, BPF_REG_2, BPF_PSEUDO_MAP_FD, w->table[path], 0);
	code_emit(code, insn_mov_imm(BPF_REG_3, slot));
	code_emit(code, insn_call(BPF_FUNC_tail_call));
}

int weave_switch(const struct weave *w, __u32 side_word, __u32 old_slot, __u32 new_slot,
		 struct bpf_insn **insns, size_t *count)
{
	_cleanup_(code_free) struct code code = {};
	enum lana_path path = w->blocks->path;
	size_t known, is_new, done;
	__s16 side;

	code_emit(&code, insn_mov(BPF_REG_6, BPF_REG_1));
	side = emit_side(&code, w);
	code_emit(&code, insn_load(BPF_W, BPF_REG_3, BPF_REG_0, side));
	known = code_emit(&code, insn_jump_imm(BPF_JNE, BPF_REG_3, LANA_SIDE_OPEN));
	code_map(&code, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, w->context, side_word);
	code_emit(&code, insn_load(BPF_W, BPF_REG_3, BPF_REG_1, 0));
	code_emit(&code, insn_store(BPF_W, BPF_REG_0, BPF_REG_3, side));
	code_land(&code, known);
	is_new = code_emit(&code, insn_jump_imm(BPF_JEQ, BPF_REG_3, LANA_SIDE_NEW));
	emit_jump_to(&code, w, path, old_slot);
	done = code_emit(&code, insn_jump());
	code_land(&code, is_new);
	emit_jump_to(&code, w, path, new_slot);
	code_land(&code, done);

	/* Neither slot is empty: the packet has had all its tail calls. */
	code_emit(&code,
		  insn_mov_imm(GLUE_INDEX, glue_path(path) + offsetof(struct lana_path_cell,
								      drops[LANA_DROP_TOO_LONG])));
	glue_book(&code, w, w->blocks);
	return code_finish(&code, w->cpu_mask, insns, count);
}

int weave_constant(enum lana_flavour flavour, bool pass, struct bpf_insn **insns, size_t *count)
{
	_cleanup_(code_free) struct code code = {};

	code_return(&code, pass ? glue_verdicts[flavour].pass : glue_verdicts[flavour].drop);
	return code_finish(&code, 0, insns, count);
}
