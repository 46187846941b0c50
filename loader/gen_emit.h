/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_emit - pieces of the program that makes frames: its registers, what varies, checksums
 */
#ifndef LOADER_GEN_EMIT_H
#define LOADER_GEN_EMIT_H

#include "gen_code.h"

#define GEN_STATE   BPF_REG_6 /* struct gen_state */
#define GEN_DATA    BPF_REG_7 /* the frame's first byte */

#define GEN_CONTEXT (-8)		 /* on the stack: the hook's context */
#define GEN_SUM(n)  (-16 - 8 * (int)(n)) /* a checksum's sum so far */

/* What the program returns if it made no frame, and if it redirects one. */
#define GEN_NOT_YET   1 /* XDP_DROP */
#define GEN_REDIRECT  4 /* XDP_REDIRECT */

#define GEN_FAILS_MAX 1024

struct gen_emit {
	const struct gen_program *program;
	struct code code;
	size_t fails[GEN_FAILS_MAX]; /* jumps to the end of a program that cannot go on */
	size_t fails_count;
};

__u8 gen_width(__u32 size);
void gen_imm64(struct code *code, __u8 dst, __u64 value);
void gen_load_state(struct gen_emit *emit, __u8 dst, __u32 offset);
void gen_store_state(struct gen_emit *emit, __u8 src, __u32 offset);
void gen_count(struct gen_emit *emit, __u32 offset, __u32 more);

/* A jump to an earlier op. */
size_t gen_jump_back(struct code *code, struct bpf_insn jump, size_t to);

/* What cannot happen, but the verifier does not know: compare a register with 0, or with size. */
void gen_fail_if(struct gen_emit *emit, __u8 comparison, __u8 reg);
void gen_fail_unless_less(struct gen_emit *emit, __u8 reg, __u32 size);

/* GEN_DATA = the frame, of which size bytes can be written. */
void gen_emit_packet(struct gen_emit *emit, __u32 size);

/*
 * What varies in frames of a template, the stamp, and the checksums. first: number of its first
 * field in struct gen_state; lists: where its lists are in data.
 */
void gen_emit_fields(struct gen_emit *emit, const struct gen_template *template, __u32 first,
		     __u32 lists);

/* Where the jumps of gen_fail_…() arrive. */
void gen_emit_end(struct gen_emit *emit);

#endif
