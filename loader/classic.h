/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classic - packet filters of the classic BPF machine, as code to be woven
 *
 * The machine of McCanne and Jacobson (1993), as libpcap's bpf_filter() runs it: accumulator A and
 * index X, 32 bits and unsigned, wrapping; 16 words of scratch memory, all of it zero at first;
 * loads in the order of the network. A load that reaches beyond the packet ends the filter with 0,
 * and so does a division by an X of 0; a shift by an X of 32 or more leaves 0 (Linux would shift by
 * X modulo 32). Linux' ancillary loads are known where the hook has what they ask for. Nothing is
 * interpreted: a filter becomes instructions of the program that it stands in.
 */
#ifndef LOADER_CLASSIC_H
#define LOADER_CLASSIC_H

#include <stdbool.h>

#include <linux/filter.h>

#include <lana/lana.h>

#define CLASSIC_MAX 512 /* instructions */

/* What a filter returns that takes packets whole: no packet is longer. */
#define CLASSIC_ALL 262144

/* count 0: every packet matches. */
struct classic {
	__u32 count;
	struct sock_filter insns[CLASSIC_MAX];
};

struct code;

/*
 * Compile an expression in the language of pcap-filter(7), for Ethernet; what comes out needs no
 * check, but for what hooks know: 'inbound' is for tc alone. NULL or empty: a filter of count 0.
 * -EINVAL: libpcap's words are in error. -E2BIG: more than CLASSIC_MAX instructions, or than 4096
 * bytes. Names of hosts are looked up, and libpcap takes seconds over hundreds of terms: hold no
 * lock meanwhile.
 */
int classic_compile(const char *expression, struct classic *filter, struct lana_error *error);

/*
 * Is it a program that the machine accepts? Known instructions, jumps forward and inside, scratch
 * memory within its 16 words, no constant division by 0 or shift by 32 and more, a return at the
 * end; and ancillary loads that the flavour can answer. -EINVAL: error says which instruction (the
 * first is number 0) is not.
 */
int classic_check(const struct classic *filter, enum lana_flavour flavour,
		  struct lana_error *error);

/* Is it one at XDP, or else at tc? */
int classic_check_any(const struct classic *filter, struct lana_error *error);

/* Bytes of stack, from r10 downwards, that classic_emit()'s code uses. */
#define CLASSIC_FRAME 80

/*
 * Append code that runs a filter, which is checked, over the packet. Before: r6 = the hook's
 * context. After: r0 = 0: no match; else the number of bytes that the filter returned, CLASSIC_ALL
 * if its count is 0. r1 to r5 and the words of the frame are lost, r6 to r9 stay. The packet is
 * only read.
 */
void classic_emit(struct code *code, enum lana_flavour flavour, const struct classic *filter);

/*
 * The same among code that has the context in another register (r6 to r9) and uses so many bytes of
 * the stack (a multiple of 8): the frame lies below them.
 */
void classic_emit_at(struct code *code, enum lana_flavour flavour, const struct classic *filter,
		     __u8 context, int used);

/* ---- as text ------------------------------------------------------------------------------- */

/*
 * Assemble the language of the BPF paper as bpf_asm(1) has it: labels, comments, Linux' extensions
 * by their names; and what `tcpdump -d` prints. What comes out is not checked. -EINVAL: error
 * begins with name:line:column. -E2BIG: more than CLASSIC_MAX instructions.
 */
int classic_assemble(const char *name, const char *text, struct classic *filter,
		     struct lana_error *error);

/*
 * Read numbers, as `tcpdump -ddd` and bpf_asm(1) print them: how many instructions, then code, jt,
 * jf and k of each. Commas count as spaces. -EINVAL and -E2BIG as above.
 */
int classic_read(const char *name, const char *text, struct classic *filter,
		 struct lana_error *error);

enum classic_form {
	CLASSIC_ASSEMBLER, /* for classic_assemble() */
	CLASSIC_NUMBERS,   /* for classic_read() */
	CLASSIC_C,	   /* elements of an array of struct sock_filter */
};

/* Write a checked filter as text, which the caller frees. -ENOMEM */
int classic_print(const struct classic *filter, enum classic_form form, char **text);

#endif
