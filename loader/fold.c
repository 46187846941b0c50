// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "fold_value.h"

#define ROUNDS_MAX 8

int fold(struct code *code, const struct fold_config *configs)
{
	size_t count = code->main_count + 1;
	_cleanup_free_ struct state *before = calloc(count, sizeof(*before));
	_cleanup_free_ bool *reached = calloc(count, sizeof(*reached));
	_cleanup_free_ bool *targeted = calloc(count, sizeof(*targeted));
	_cleanup_free_ __u16 *live = calloc(count, sizeof(*live));
	struct folder folder = { code, configs, before, reached, targeted, live, true };

	if (!before || !reached || !targeted || !live)
		return -ENOMEM;
	value_find(&folder);
	keep_choose(&folder);
	for (int round = 0; folder.changed && round < ROUNDS_MAX; round++) {
		value_find(&folder);
		folder.changed = false;
		fold_rewrite(&folder);
		live_drop(&folder);
		jump_thread(&folder);
		jump_drop_idle(&folder);
	}
	return jump_drop_uncalled(code);
}
