/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model_stack.h - the blocks of a model as a real stack: made, changed at random, and compared
 *
 *	struct model_stack m = { .stack = stack, .devices = names, .devices_count = 2 };
 *	... choose m.blocks[].type, then model_random_blocks(&m);
 *	model_build(&m, entries, entries_count);
 *	... let packets run through both
 *	model_compare_counters(&m);
 *	model_take_down(&m);
 *
 * What fails ends the test; what differs is a fault.
 */
#ifndef MODEL_STACK_H
#define MODEL_STACK_H

#include <stdbool.h>

#include "model.h"

/* Where packets come in: a device, on a path, and the block that it leads to. */
struct model_entry {
	int device;
	enum lana_path path;
	int first;
};

struct model_stack {
	struct lana_stack *stack;
	const char *const *devices; /* names of MODEL_DEVICE(0) and so on, which are hooked */
	int devices_count;
	bool seen; /* the kernel looks at the packets: none is to look like IEEE 802.3 */
	struct model_block blocks[MODEL_BLOCKS_MAX];
	int blocks_count;
	unsigned long faults; /* the first few are told */
};

/* A random number below the limit. */
unsigned int model_below(unsigned int limit);

void model_must(int err, const struct lana_error *error, const char *what);

void model_fault(struct model_stack *m, const char *what, unsigned long got, unsigned long want);

/* Options and edges for all blocks. */
void model_random_blocks(struct model_stack *m);

void model_build(struct model_stack *m, const struct model_entry *entries, size_t count);

/* Change an edge and some options, one by one. */
void model_change_some(struct model_stack *m);

void model_compare_counters(struct model_stack *m);

/* All but the devices. */
void model_take_down(struct model_stack *m);

#endif
