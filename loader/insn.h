/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * insn - make and recognise single BPF instructions
 *
 * Encodings: RFC 9669.
 */
#ifndef LOADER_INSN_H
#define LOADER_INSN_H

#include <stdbool.h>

#include <linux/bpf.h>

static inline struct bpf_insn insn(__u8 code, __u8 dst, __u8 src, __s16 off, __s32 imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

static inline struct bpf_insn insn_mov(__u8 dst, __u8 src)
{
	return insn(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static inline struct bpf_insn insn_mov_imm(__u8 dst, __s32 imm)
{
	return insn(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

static inline struct bpf_insn insn_alu(__u8 op, __u8 dst, __u8 src)
{
	return insn(BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

static inline struct bpf_insn insn_alu_imm(__u8 op, __u8 dst, __s32 imm)
{
	return insn(BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
}

/* Of the low 32 bits; the high ones become 0. */
static inline struct bpf_insn insn_alu32(__u8 op, __u8 dst, __u8 src)
{
	return insn(BPF_ALU | op | BPF_X, dst, src, 0, 0);
}

static inline struct bpf_insn insn_alu32_imm(__u8 op, __u8 dst, __s32 imm)
{
	return insn(BPF_ALU | op | BPF_K, dst, 0, 0, imm);
}

static inline struct bpf_insn insn_load(__u8 size, __u8 dst, __u8 src, __s16 off)
{
	return insn(BPF_LDX | size | BPF_MEM, dst, src, off, 0);
}

static inline struct bpf_insn insn_store(__u8 size, __u8 dst, __u8 src, __s16 off)
{
	return insn(BPF_STX | size | BPF_MEM, dst, src, off, 0);
}

static inline struct bpf_insn insn_call(__s32 helper)
{
	return insn(BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

static inline struct bpf_insn insn_exit(void)
{
	return insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Jumps compare the low 32 bits: verdicts are ints. */
static inline struct bpf_insn insn_jump_imm(__u8 op, __u8 dst, __s32 imm)
{
	return insn(BPF_JMP32 | op | BPF_K, dst, 0, 0, imm);
}

static inline struct bpf_insn insn_jump(void)
{
	return insn(BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

static inline bool insn_is_load_imm64(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_DW | BPF_IMM);
}

static inline bool insn_is_helper(const struct bpf_insn *i, __s32 helper)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == 0 && i->imm == helper;
}

static inline bool insn_is_subprogram_call(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL;
}

/* Of a function of the kernel's own, by its BTF id; off: the module, 0 for none. */
static inline bool insn_is_kfunc_call(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == BPF_PSEUDO_KFUNC_CALL;
}

static inline struct bpf_insn insn_call_subprogram(void)
{
	return insn(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
}

static inline bool insn_is_exit(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_EXIT);
}

/* A jump whose target is in off (not: a call, an exit). */
static inline bool insn_is_jump(const struct bpf_insn *i)
{
	__u8 class = BPF_CLASS(i->code), op = BPF_OP(i->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT;
}

/* The jump of -mcpu=v4 whose target is in imm. */
static inline bool insn_is_long_goto(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP32 | BPF_JA);
}

static inline bool insn_is_goto(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_JA);
}

#endif
