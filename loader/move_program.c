// SPDX-License-Identifier: GPL-2.0-only
/*
 * move_program - the BPF program that brings one entry over
 *
 *	new = lookup(new map, key), was = lookup(snapshot, key); leave if one is missing
 *	if all plain fields of new are as expected: store the plain fields
 *	for each sum: new += now - was; was = now
 *
 * To add is one instruction, so it is exact whatever else runs: of maps with a value a CPU, on the
 * CPU that the value belongs to. And the kernel does not leave a program half way, whoever is
 * killed.
 */
#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "code.h"
#include "insn.h"
#include "move.h"

#define WORK BPF_REG_6
#define NEW  BPF_REG_7
#define WAS  BPF_REG_8

static __u32 round8(__u32 size)
{
	return (size + 7) & ~7U;
}

struct move_layout move_layout(__u32 key_size, const struct convert *convert)
{
	struct move_layout layout = { .expected = round8(key_size) };

	layout.value = layout.expected + round8(convert->new_size);
	layout.sums = layout.value + round8(convert->new_size);
	layout.size = layout.sums + convert->sums_count * sizeof(__u64);
	return layout;
}

static __u8 width(__u32 size)
{
	return size == 8 ? BPF_DW : size == 4 ? BPF_W : size == 2 ? BPF_H : BPF_B;
}

/* The largest aligned piece of bytes that are set, from there on. */
static __u32 piece(const __u8 *plain, __u32 at, __u32 end)
{
	for (__u32 size = 8; size > 1; size /= 2) {
		__u32 i = 0;

		while (at % size == 0 && at + size <= end && i < size && plain[at + i])
			i++;
		if (i == size)
			return size;
	}
	return 1;
}

static void emit_lookup(struct code *code, int map, __u8 place, size_t *missing)
{
	code_map(code, BPF_REG_1, BPF_PSEUDO_MAP_FD, map, 0);
	code_emit(code, insn_mov(BPF_REG_2, WORK));
	code_emit(code, insn_call(BPF_FUNC_map_lookup_elem));
	*missing = code_emit(code, insn(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, 0));
	code_emit(code, insn_mov(place, BPF_REG_0));
}

static void emit_plain(struct code *code, const struct move_layout *layout, const __u8 *plain,
		       __u32 size)
{
	_cleanup_free_ size_t *touched = calloc(size + 1, sizeof(*touched));
	size_t count = 0;

	if (!touched) {
		code->failed = true;
		return;
	}
	for (__u32 at = 0, step; at < size; at += step) {
		step = plain[at] ? piece(plain, at, size) : 1;
		if (!plain[at])
			continue;
		code_emit(code, insn_load(width(step), BPF_REG_1, NEW, at));
		code_emit(code, insn_load(width(step), BPF_REG_2, WORK, layout->expected + at));
		touched[count++] = code_emit(
			code, insn(BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0));
	}
	for (__u32 at = 0, step; at < size; at += step) {
		step = plain[at] ? piece(plain, at, size) : 1;
		if (!plain[at])
			continue;
		code_emit(code, insn_load(width(step), BPF_REG_1, WORK, layout->value + at));
		code_emit(code, insn_store(width(step), NEW, BPF_REG_1, at));
	}
	for (size_t i = 0; i < count; i++)
		code_land(code, touched[i]);
}

static void emit_sum(struct code *code, const struct convert_sum *sum, __u32 now)
{
	unsigned int unused = 64 - 8 * sum->old_size;

	code_emit(code, insn_load(BPF_DW, BPF_REG_1, WORK, now));
	code_emit(code, insn_load(width(sum->old_size), BPF_REG_2, WAS, sum->old_at));
	if (sum->old_signed && unused) {
		code_emit(code, insn_alu_imm(BPF_LSH, BPF_REG_2, unused));
		code_emit(code, insn_alu_imm(BPF_ARSH, BPF_REG_2, unused));
	}
	code_emit(code, insn_mov(BPF_REG_3, BPF_REG_1));
	code_emit(code, insn_alu(BPF_SUB, BPF_REG_3, BPF_REG_2));
	code_emit(code, insn(BPF_STX | BPF_ATOMIC | width(sum->new_size), NEW, BPF_REG_3,
			     sum->new_at, BPF_ADD));
	code_emit(code, insn_store(width(sum->old_size), WAS, BPF_REG_1, sum->old_at));
}

int move_program(int new, int was, int work, const struct move_layout *layout,
		 const struct convert *convert, const __u8 *plain)
{
	_cleanup_(code_free) struct code code = {};
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t no_new, no_was, count;
	int err, fd;

	code_map(&code, WORK, BPF_PSEUDO_MAP_VALUE, work, 0);
	emit_lookup(&code, new, NEW, &no_new);
	emit_lookup(&code, was, WAS, &no_was);
	emit_plain(&code, layout, plain, convert->new_size);
	for (size_t i = 0; i < convert->sums_count; i++)
		emit_sum(&code, &convert->sums[i], layout->sums + i * sizeof(__u64));
	code_land(&code, no_new);
	code_land(&code, no_was);
	code_return(&code, 0);
	code.main_count = code.count;

	err = code_finish(&code, 0, &insns, &count);
	if (err)
		return err;
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "lana_move", "GPL", insns, count, NULL);
	return fd < 0 ? -errno : fd;
}

int move_run(int program)
{
	static const char frame[64];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);

	return bpf_prog_test_run_opts(program, &options) ? -errno : 0;
}
