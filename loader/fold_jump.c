// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_jump - shorter ways through a program
 */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "fold_value.h"

void jump_drop_idle(struct folder *folder)
{
	struct code *code = folder->code;

	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];
		size_t next = i + 1;

		while (next < code->main_count && is_nothing(&code->ops[next]))
			next++;
		if (is_jump(op) && op->target > i && op->target <= next)
			become(folder, op, OP_GONE, op->insn, 0);
	}
}

int jump_drop_uncalled(struct code *code)
{
	_cleanup_free_ bool *called = calloc(code->count + 1, sizeof(*called));
	_cleanup_free_ size_t *todo = calloc(code->count + 1, sizeof(*todo));
	size_t pending = 0;

	if (!called || !todo)
		return -ENOMEM;
	for (size_t i = 0; i < code->main_count; i++) {
		const struct op *op = &code->ops[i];
		bool calls = op->kind == OP_INSN && op->target != NO_TARGET &&
			     op->target >= code->main_count;

		if (calls && !called[op->target]) {
			called[op->target] = true;
			todo[pending++] = op->target;
		}
	}
	while (pending) {
		size_t i = todo[--pending];
		const struct op *op = &code->ops[i];
		__u32 next[] = { op->target, is_goto(op) || is_exit(op) ? NO_TARGET : i + 1 };

		for (int way = 0; way < 2; way++)
			if (next[way] < code->count && !called[next[way]]) {
				called[next[way]] = true;
				todo[pending++] = next[way];
			}
	}
	for (size_t i = code->main_count; i < code->count; i++)
		if (!called[i])
			code->ops[i].kind = OP_GONE;
	return 0;
}

#define THREAD_MAX 8 /* ops that a jump is led past */

/*
 * Where a packet that comes to op `at` in that state really goes: past jumps that are decided for
 * it, and past what only sets registers that nobody reads from there on.
 */
static size_t final_target(const struct folder *folder, size_t at, struct state *state)
{
	const struct code *code = folder->code;
	size_t best = at;
	__u16 skipped = 0;

	for (int steps = 0; steps < THREAD_MAX && at < code->main_count;) {
		const struct op *op = &code->ops[at];
		__u8 class = BPF_CLASS(op->insn.code);
		int taken;

		if (is_nothing(op)) {
			at++;
			continue;
		}
		steps++;
		if (is_jump(op)) {
			taken = value_decide(&op->insn, state);
			if (taken < 0)
				break;
			at = taken ? op->target : at + 1;
			if (at < code->main_count && !(skipped & folder->live[at]))
				best = at;
		} else if (op->kind == OP_INSN && (class == BPF_ALU || class == BPF_ALU64)) {
			value_step(folder, op, state);
			skipped |= live_sets(op);
			at++;
		} else {
			break;
		}
	}
	return best;
}

void jump_thread(struct folder *folder)
{
	struct code *code = folder->code;

	for (size_t i = 0; i < code->main_count; i++) {
		struct op *op = &code->ops[i];
		struct state state;
		size_t target;

		if (!folder->reached[i] || (!is_jump(op) && op->kind != OP_JOIN))
			continue;
		state = folder->before[i];
		if (op->kind == OP_JOIN) {
			target = final_target(folder, i + 1, &state);
			if (target == i + 1)
				continue;
			become(folder, op, OP_INSN, insn_jump(), 0);
			op->target = target;
			continue;
		}
		value_leave(folder, op, true, &state);
		target = final_target(folder, op->target, &state);
		if (target != op->target) {
			op->target = target;
			folder->changed = true;
		}
	}
}
