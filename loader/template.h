/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * template - read the templates that programs are woven from
 */
#ifndef LOADER_TEMPLATE_H
#define LOADER_TEMPLATE_H

#include "weave.h"

/* A block on its way into the program. */
struct part {
	const struct weave_block *block;
	__u32 number;
	bool *reached;		      /* each instruction of the template */
	bool *joined;		      /* jumps lead to it */
	size_t *place;		      /* the op that it became */
	size_t entry;		      /* the op that jumps from other blocks lead to */
	size_t steps[LANA_PORTS_MAX]; /* the ops that each step of LANA_ALL begins with */
	int stack[2];	/* bytes that the main program and its subprograms use, to ask a filter */
	size_t end;	/* of the template's main program: its subprograms stand behind it */
	bool hears;	/* only its event function is woven, which is */
	size_t hear;	/* this instruction of the template */
	size_t publish; /* the op at which begins what its publishing has become; 0: nothing */
};

/*
 * Find out which instructions of a block's template are reached; all of them have no place as yet.
 * -EINVAL: it is not of the expected form. For part_free() in any case.
 */
int part_read(struct part *part, const struct weave_block *block, __u32 number);

/* The same of a block's event function, which the template's main program calls. */
int part_read_event(struct part *part, const struct weave_block *block, __u32 number);

void part_free(struct part *part);

/* Does the block's way through the program end here? */
bool template_verdict(const struct bpf_insn *insn);

/* Is there a subprogram imm + 1 instructions further on? */
bool template_names_subprogram(const struct bpf_insn *insn);

bool template_loads_map(const struct bpf_insn *insn);

/* Does the instruction at template index i call what stands for telling subscribers? */
bool template_publishes(const struct weave_block *block, size_t i);

#define TEMPLATE_THIS_CPU 6 /* instructions of LANA_THIS_CPU, one of them two wide */

/* Does LANA_THIS_CPU stand at template index i, for that variable? */
bool template_this_cpu(const struct weave_block *block, size_t i, int variable, int shift);

#define TEMPLATE_MATCH 4 /* instructions of lana_match(), one of them two wide */

/* Does lana_match() stand at template index i? *context: the register that it finds it in. */
bool template_match(const struct weave_block *block, size_t i, __u8 *context);

/* How often it stands in a template. */
__u32 template_matches(const struct weave_block *block);

/*
 * Bytes of stack that instructions of a template from one to another use, a multiple of 8. -EINVAL:
 * that does not show.
 */
int template_stack(const struct weave_block *block, size_t from, size_t to);

#endif
