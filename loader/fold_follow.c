// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_follow - follow the values of registers along the ways that can be taken
 */
#include <string.h>

#include "fold_value.h"

/* The numbers that a value may be; 0: these are others, or too many. */
static __u64 set_of(struct value value)
{
	__s32 low = value.number;

	if (value.kind == ONE_OF)
		return value.number;
	if (value.kind != NUMBER || low < SET_LOWEST || low > SET_HIGHEST)
		return 0;
	return 1ULL << (low - SET_LOWEST);
}

/* What is known of a value that is one of two. */
static struct value either(struct value a, struct value b)
{
	if (value_same(a, b) || (a.kind == MEMORY && b.kind == MEMORY))
		return a;
	if (a.kind == PACKET && b.kind == PACKET && a.number == b.number) {
		a.what = a.what < b.what ? a.what : b.what;
		return a;
	}
	if (set_of(a) && set_of(b))
		return value_of(ONE_OF, 0, set_of(a) | set_of(b));
	return value_anything;
}

/* Which known bytes are the same in both. */
static __u64 same_bytes(const struct state *a, const struct state *b)
{
	__u64 known = a->known & b->known;

	for (__u64 left = known; left; left &= left - 1) {
		int i = __builtin_ctzll(left);

		if (a->bytes[i] != b->bytes[i])
			known &= ~(1ULL << i);
	}
	return known;
}

/* Another way leads to an op: what is not the same on both is not known. True: something was. */
static bool merge(struct state *before, const struct state *state)
{
	__u64 known = same_bytes(before, state);
	bool changed = known != before->known;

	before->known = known;
	for (int i = 0; i < REGISTER_NAMES; i++) {
		struct value *value = &before->values[i];
		struct value was = *value;

		if (was.kind == ANYTHING)
			continue;
		*value = either(was, state->values[i]);
		changed |= value->kind != was.kind || value->what != was.what ||
			   value->number != was.number;
	}
	return changed;
}

static void arrive(struct folder *folder, size_t from, bool taken, size_t at)
{
	const struct op *op = &folder->code->ops[from];
	struct state state;

	if (!folder->reached[at]) {
		folder->before[at] = folder->before[from];
		value_leave(folder, op, taken, &folder->before[at]);
		folder->reached[at] = folder->stale[at] = true;
		return;
	}
	state = folder->before[from];
	value_leave(folder, op, taken, &state);
	folder->stale[at] |= merge(&folder->before[at], &state);
}

/* Once through the program; true: some state before was found to be less certain. */
static bool follow(struct folder *folder)
{
	struct code *code = folder->code;
	bool again = false;

	for (size_t i = 0; i < code->main_count; i++) {
		const struct op *op = &code->ops[i];
		int taken;

		if (!folder->stale[i])
			continue;
		folder->stale[i] = false;
		if (is_exit(op))
			continue;
		taken = is_jump(op) ? value_decide(&op->insn, &folder->before[i]) : 0;
		if (taken) {
			arrive(folder, i, true, op->target);
			again |= op->target <= i && folder->stale[op->target];
		}
		if (taken <= 0 && i + 1 < code->main_count)
			arrive(folder, i, false, i + 1);
	}
	return again;
}

void value_find(struct folder *folder)
{
	struct state *start = folder->before;

	memset(folder->reached, 0, folder->code->main_count * sizeof(*folder->reached));
	*start = (struct state){};
	for (int i = 0; i < REGISTER_NAMES; i++)
		start->values[i] = value_anything;
	start->values[BPF_REG_1].kind = CONTEXT;
	start->values[BPF_REG_10] = value_of(FRAME, 0, 0);
	folder->reached[0] = folder->stale[0] = true;
	while (follow(folder))
		;
}
