// SPDX-License-Identifier: GPL-2.0-only
/*
 * fold_order - put a program into an order in which few jumps are needed
 *
 * A line is what runs on from op to op until a goto or an exit. Where a goto leads to the beginning
 * of another line, that one is put behind it, and the goto goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fold_value.h"

struct order {
	struct code *code;
	struct op *ops; /* in their new order */
	size_t count;
	size_t *place; /* the new index of each op */
	bool *placed;  /* each op that begins a line */
};

static bool ends_line(const struct op *op)
{
	return is_goto(op) || is_exit(op);
}

/* Where the line begins that has op `at` for its first; main_count: that one is inside a line. */
static size_t line_begin(const struct code *code, size_t at)
{
	while (at > 0 && is_nothing(&code->ops[at - 1]))
		at--;
	return !at || ends_line(&code->ops[at - 1]) ? at : code->main_count;
}

static void append_line(struct order *order, size_t at)
{
	const struct code *code = order->code;

	order->placed[at] = true;
	while (at < code->main_count) {
		const struct op *op = &code->ops[at];

		order->place[at] = order->count;
		order->ops[order->count++] = *op;
		at++;
		if (ends_line(op))
			break;
	}
}

/* Append a line, and all that can follow it without a goto. */
static void append_lines(struct order *order, size_t at)
{
	const struct code *code = order->code;

	for (;;) {
		struct op *last;

		append_line(order, at);
		last = &order->ops[order->count - 1];
		if (!is_goto(last))
			return;
		at = line_begin(code, last->target);
		if (at == code->main_count || order->placed[at])
			return;
		*last = (struct op){ .insn = last->insn, .target = NO_TARGET, .kind = OP_GONE };
	}
}

int order_ops(struct code *code)
{
	size_t count = code->main_count;
	_cleanup_free_ struct op *ops = calloc(count + 1, sizeof(*ops));
	_cleanup_free_ size_t *place = calloc(count + 1, sizeof(*place));
	_cleanup_free_ bool *placed = calloc(count + 1, sizeof(*placed));
	struct order order = { code, ops, 0, place, placed };

	if (!ops || !place || !placed)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		bool begins = !i || ends_line(&code->ops[i - 1]);

		if (begins && !placed[i])
			append_lines(&order, i);
	}
	for (size_t i = 0; i < count; i++)
		if (ops[i].target < count)
			ops[i].target = place[ops[i].target];
	memcpy(code->ops, ops, count * sizeof(*ops));
	return 0;
}
