// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fold_value.h"

#define ROUNDS_MAX 8

static void fold_rounds(struct folder *folder)
{
	folder->changed = true;
	for (int round = 0; folder->changed && round < ROUNDS_MAX; round++) {
		value_find(folder);
		folder->changed = false;
		fold_rewrite(folder);
		live_drop(folder);
		jump_thread(folder);
		jump_drop_idle(folder);
	}
}

/*
 * What is kept is treated as if there were registers enough. Names that find none in the end become
 * words of the stack, which can do less, so all is folded again.
 */
static int fold_kept(struct folder *folder)
{
	struct code *code = folder->code;
	size_t size = code->main_count * sizeof(*code->ops);
	_cleanup_free_ struct op *begun = malloc(size + 1);
	__u32 missing;

	if (!begun)
		return -ENOMEM;
	memcpy(begun, code->ops, size);
	for (;;) {
		fold_rounds(folder);
		missing = place_registers(folder);
		if (!missing)
			return 0;
		memcpy(code->ops, begun, size);
		keep_in_words(folder, missing);
	}
}

int fold(struct code *code, const struct fold_config *configs)
{
	size_t count = code->main_count + 1;
	_cleanup_free_ struct state *before = calloc(count, sizeof(*before));
	_cleanup_free_ bool *reached = calloc(count, sizeof(*reached));
	_cleanup_free_ bool *stale = calloc(count, sizeof(*stale));
	_cleanup_free_ bool *targeted = calloc(count, sizeof(*targeted));
	_cleanup_free_ __u32 *live = calloc(count, sizeof(*live));
	struct folder folder = { code, configs, before, reached, stale, targeted, live, 0, true };
	int err;

	if (!before || !reached || !stale || !targeted || !live)
		return -ENOMEM;
	value_find(&folder);
	keep_choose(&folder);
	err = fold_kept(&folder);
	if (!err && !keep_fits(code))
		err = -E2BIG;
	if (!err)
		err = order_ops(code);
	if (!err)
		err = jump_drop_uncalled(code);
	return err;
}
