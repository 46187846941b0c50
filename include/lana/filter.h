/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/filter.h - packet filters, without a stack
 */
#ifndef LANA_FILTER_H
#define LANA_FILTER_H

#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LANA_FILTER_MAX 512 /* instructions */

/* Of the classic BPF machine: struct sock_filter of linux/filter.h. */
struct lana_filter_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

struct lana_filter_program {
	size_t count;
	struct lana_filter_insn insns[LANA_FILTER_MAX];
	/* What a hook cannot answer, of what the program asks for; empty: nothing. */
	struct lana_error unknown[LANA_FLAVOURS];
};

/*
 * Compile and check what a block's option of that kind would be. Nothing but memory and files is
 * needed for that. -EINVAL, -E2BIG: it is no filter, or no hook at all can answer it.
 */
int lana_filter_compile(enum lana_filter_kind kind, const char *text,
			struct lana_filter_program *program, struct lana_error *error);

enum lana_filter_form {
	LANA_FILTER_ASSEMBLER, /* for LANA_FILTER_ASM: an instruction a line */
	LANA_FILTER_NUMBERS,   /* for LANA_FILTER_CODE */
	LANA_FILTER_C,	       /* elements of an array of struct sock_filter */
};

/* Write a program as text, which the caller frees. -EINVAL: it is none. */
int lana_filter_print(const struct lana_filter_program *program, enum lana_filter_form form,
		      char **text, struct lana_error *error);

#ifdef __cplusplus
}
#endif

#endif
