// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "cleanup.h"
#include "code.h"
#include "insn.h"
#include "template.h"

bool template_verdict(const struct bpf_insn *insn)
{
	return insn_is_helper(insn, BPF_FUNC_tail_call);
}

bool template_names_subprogram(const struct bpf_insn *insn)
{
	return insn_is_subprogram_call(insn) ||
	       (insn_is_load_imm64(insn) && insn->src_reg == BPF_PSEUDO_FUNC);
}

/* Where the main program ends: its subprograms stand behind it. */
static size_t main_length(const struct weave_block *block)
{
	size_t length = block->count;

	for (size_t i = 0; i < block->count; i++) {
		const struct bpf_insn *insn = &block->insns[i];
		intptr_t target = (intptr_t)i + insn->imm + 1;

		if (template_names_subprogram(insn) && target > 0 && (size_t)target < length)
			length = target;
		i += insn_is_load_imm64(insn);
	}
	return length;
}

/*
 * Which instructions of the template are reached, if its tail calls do not return. The kernel
 * refuses programs that hold others. -EINVAL: a jump leaves the program, or leads from the main
 * program into a subprogram or back.
 */
static int reach(struct part *part)
{
	const struct weave_block *block = part->block;
	_cleanup_free_ size_t *todo = calloc(block->count + 1, sizeof(*todo));
	size_t pending = 0;

	if (!todo)
		return -ENOMEM;

	todo[pending++] = 0;
	while (pending) {
		size_t i = todo[--pending];
		bool in_main = i < part->end;
		const struct bpf_insn *insn;

		/* Follow one straight line; each instruction puts off one other at most. */
		for (; i < block->count && !part->reached[i]; i++) {
			intptr_t target = 0; /* nothing jumps to the first instruction anew */

			if ((i < part->end) != in_main)
				return -EINVAL;

			insn = &block->insns[i];
			part->reached[i] = true;

			if (insn_is_long_goto(insn) ||
			    (insn_is_exit(insn) && i < part->end && !part->hears) ||
			    (template_verdict(insn) && (i >= part->end || part->hears)))
				return -EINVAL; /* too long to weave; ends without a verdict */
			if (insn_is_load_imm64(insn)) {
				if (insn->src_reg == BPF_PSEUDO_FUNC)
					target = i + insn->imm + 1;
				if (++i == block->count)
					return -EINVAL;
				part->reached[i] = true;
			} else if (insn_is_subprogram_call(insn)) {
				target = i + insn->imm + 1;
			} else if (insn_is_jump(insn)) {
				target = i + insn->off + 1;
				if ((target < (intptr_t)part->end) != in_main)
					return -EINVAL;
			}
			if (target < 0 || (size_t)target >= block->count)
				return -EINVAL;
			part->joined[target] |= insn_is_jump(insn);
			if (!part->reached[target])
				todo[pending++] = target;
			if (insn_is_exit(insn) || insn_is_goto(insn) || template_verdict(insn))
				break;
		}
		if (i >= block->count)
			return -EINVAL; /* runs off the end */
	}
	return 0;
}

bool template_loads_map(const struct bpf_insn *insn)
{
	return insn_is_load_imm64(insn) &&
	       (insn->src_reg == BPF_PSEUDO_MAP_FD || insn->src_reg == BPF_PSEUDO_MAP_VALUE);
}

bool template_this_cpu(const struct weave_block *block, size_t i, int variable, int shift)
{
	const struct bpf_insn *insn = &block->insns[i];

	return variable >= 0 && i + TEMPLATE_THIS_CPU <= block->count &&
	       insn_is_helper(insn, BPF_FUNC_get_smp_processor_id) &&
	       insn[1].code == (BPF_ALU64 | BPF_AND | BPF_K) && !insn[1].imm &&
	       insn[2].code == (BPF_ALU64 | BPF_LSH | BPF_K) && insn[2].imm == shift &&
	       template_loads_map(&insn[3]) && insn[3].imm == variable &&
	       insn[5].code == (BPF_ALU64 | BPF_ADD | BPF_X) && !insn[5].dst_reg &&
	       insn[5].src_reg == insn[3].dst_reg;
}

bool template_match(const struct weave_block *block, size_t i, __u8 *context)
{
	const struct bpf_insn *insn = &block->insns[i];

	*context = insn->src_reg;
	return block->template.filter >= 0 && i + TEMPLATE_MATCH <= block->count &&
	       insn[0].code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn[0].dst_reg == BPF_REG_1 &&
	       insn[0].src_reg >= BPF_REG_6 && insn[0].src_reg <= BPF_REG_9 &&
	       template_loads_map(&insn[1]) && insn[1].imm == block->template.filter &&
	       insn[1].dst_reg == BPF_REG_0 && insn[3].code == (BPF_LDX | BPF_MEM | BPF_W) &&
	       !insn[3].dst_reg && !insn[3].src_reg && !insn[3].off;
}

__u32 template_matches(const struct weave_block *block)
{
	__u32 matches = 0;
	__u8 context;

	for (size_t i = 0; block->template.filter >= 0 && i < block->count; i++) {
		matches += template_match(block, i, &context);
		i += insn_is_load_imm64(&block->insns[i]);
	}
	return matches;
}

/*
 * The byte of the stack that an instruction names, from its end; 0: none. 1: that does not show.
 * Compilers copy r10 in order to add to it at once, and do nothing else with it.
 */
static __s32 stack_named(const struct bpf_insn *insn, bool is_last)
{
	__u8 class = BPF_CLASS(insn->code);
	bool stores = class == BPF_ST || class == BPF_STX;

	if (class == BPF_LDX)
		return insn->src_reg == BPF_REG_10 ? insn->off : 0;
	if (stores && insn->dst_reg == BPF_REG_10 && insn->src_reg != BPF_REG_10)
		return insn->off;
	if (insn->src_reg != BPF_REG_10 || (class != BPF_STX && BPF_SRC(insn->code) != BPF_X))
		return 0;
	if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) && !is_last &&
	    insn[1].code == (BPF_ALU64 | BPF_ADD | BPF_K) && insn[1].dst_reg == insn->dst_reg)
		return insn[1].imm;
	return 1;
}

int template_stack(const struct weave_block *block, size_t from, size_t to)
{
	__s32 deepest = 0;

	for (size_t i = from; i < to; i++) {
		__s32 named = 0;

		if (insn_is_load_imm64(&block->insns[i]))
			i++;
		else
			named = stack_named(&block->insns[i], i + 1 == block->count);
		if (named > 0 || named < -FRAME_MAX)
			return -EINVAL;
		if (named < deepest)
			deepest = named;
	}
	return (7 - deepest) / 8 * 8;
}

bool template_publishes(const struct weave_block *block, size_t i)
{
	const struct bpf_insn *insn = &block->insns[i], *stub;
	intptr_t callee = (intptr_t)i + insn->imm + 1;

	if (!insn_is_subprogram_call(insn) || callee < 0 || (size_t)callee + 1 >= block->count)
		return false;
	stub = &block->insns[callee];
	return stub[0].code == (BPF_ALU64 | BPF_MOV | BPF_K) && !stub[0].dst_reg &&
	       stub[0].imm == LANA_PUBLISH_STUB && insn_is_exit(&stub[1]);
}

int part_read_event(struct part *part, const struct weave_block *block, __u32 number)
{
	int err;

	part->hears = true;
	err = part_read(part, block, number);
	if (err)
		return err;
	while (part->hear < part->end &&
	       (!part->reached[part->hear] || !insn_is_subprogram_call(&block->insns[part->hear])))
		part->hear++;
	if (part->hear == part->end)
		return -EINVAL;
	part->hear += block->insns[part->hear].imm + 1;
	return 0;
}

int part_read(struct part *part, const struct weave_block *block, __u32 number)
{
	part->block = block;
	part->number = number;
	part->end = main_length(block);
	part->reached = calloc(block->count + 1, sizeof(*part->reached));
	part->joined = calloc(block->count + 1, sizeof(*part->joined));
	part->place = calloc(block->count + 1, sizeof(*part->place));
	if (!part->reached || !part->joined || !part->place)
		return -ENOMEM;
	if (template_matches(block)) {
		part->stack[0] = template_stack(block, 0, part->end);
		part->stack[1] = template_stack(block, part->end, block->count);
	}
	return part->stack[0] < 0 || part->stack[1] < 0 ? -EINVAL : reach(part);
}

void part_free(struct part *part)
{
	free(part->reached);
	free(part->joined);
	free(part->place);
}
