/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * code - a program while it is being woven
 *
 * A list of ops. Each is one instruction, or one of a few that the weaver knows the meaning of
 * and that become instructions at the end. Jumps name the op they lead to, so ops can be changed
 * and dropped in between (fold.h).
 */
#ifndef LOADER_CODE_H
#define LOADER_CODE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>

#include <lana/abi.h>

enum op_kind {
	OP_INSN,     /* insn as it is; of a load of 64 bits, the upper half is in high */
	OP_THIS_CPU, /* dst = this CPU's part of map insn.imm (1 << insn.off bytes), byte high */
	OP_CONFIG,   /* dst = address of byte high of the options of block insn.imm */
	OP_LENGTH,   /* r0 = length of the XDP packet in r1 */
	OP_PACKET,   /* insn: a load of the packet's address from the context */
	OP_PACKET_END,
	OP_CONTEXT, /* dst = src, the hook's context: remembered for later, as keep always says */
	OP_OFFSET,  /* dst = src + high */
	OP_GONE,    /* nothing */
	OP_JOIN,    /* nothing as yet: before an op that jumps lead to, for one past it */
};

/*
 * imm of a subprogram's call, until the call is aimed: it reads nothing but r1 and r2, and cannot
 * reach the packet.
 */
#define CALL_PUBLISHES 1

#define NO_TARGET      ((__u32)-1)
#define NO_REGISTER    0 /* r0 holds no value for later */

/*
 * Names of registers that the machine does not have keep values for later. Folding gives each one
 * a register that is free, or else a word of the stack below what the blocks use of it: then only
 * ops with a keep write it, and only OFFSET reads it.
 */
#define KEEP_FIRST   11
#define KEEP_LAST    15
#define KEEP_CONTEXT KEEP_LAST /* if code.keeps_context */
#define FRAME_MAX    512       /* bytes of stack that a program has: MAX_BPF_STACK */

struct op {
	struct bpf_insn insn;
	__s32 high;
	__u32 target; /* of a jump, a subprogram's call or address: op; else NO_TARGET */
	__u8 kind;
	__u8 keep;     /* THIS_CPU, LENGTH, PACKET, PACKET_END, CONTEXT: remembers it for later */
	bool saves_r1; /* THIS_CPU: r1 is read behind it */
};

/*
 * What a register that is kept for a map points at: the middle of the CPU's part, so that 16 bits
 * of offset reach all of it.
 */
#define THIS_CPU_MIDDLE(shift) (1 << ((shift)-1))

struct code {
	struct op *ops;
	size_t count, capacity;
	size_t main_count; /* ops before the first subprogram */
	int frame;	   /* bytes of stack that the blocks use, a multiple of 8 */
	int words;	   /* of the stack below them that have names */
	int callees;	   /* bytes of stack that subprograms may use below all that */
	int context;	   /* the map of the packets' contexts, as in weave.h */
	enum lana_flavour flavour;
	bool keeps_context; /* code_keep_context() was called */
	bool failed;	    /* an allocation did; all else goes on */
};

void code_free(struct code *code);

/* Append; the index of the op. */
size_t code_add(struct code *code, enum op_kind kind, struct bpf_insn insn, __s32 high);
size_t code_emit(struct code *code, struct bpf_insn insn);

/* Append a load of a map's address (BPF_PSEUDO_MAP_FD) or of its value's. */
void code_map(struct code *code, __u8 dst, __u8 pseudo, int fd, __u32 offset);

/* Append r0 = this CPU's part of a map, byte offset. r1 to r5 are lost, unless folding saves r1. */
void code_this_cpu(struct code *code, int fd, int shift, __u32 offset);

/*
 * Append what remembers the context in r1, where the program begins; and dst = that context,
 * anywhere behind it. Only for programs that are folded.
 */
void code_keep_context(struct code *code);
void code_context(struct code *code, __u8 dst);

/* Append r0 = value; exit. */
void code_return(struct code *code, __s32 value);

/* Let the jump at index from arrive at what is appended next. */
void code_land(struct code *code, size_t from);

/*
 * Write the instructions into *insns, which the caller frees, and their number into *count.
 * -E2BIG: a jump would exceed 16 bits.
 */
int code_finish(const struct code *code, __u32 cpu_mask, struct bpf_insn **insns, size_t *count);

#endif
