/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * weave - make one block's program from its type's template
 *
 * A template is a whole program that ends in a tail call through a jump table, with the verdict
 * as the key (see lana/block.h). Weaving copies it, puts the instance's maps in the place of
 * the template's, drops what no path reaches, and replaces that tail call by glue:
 *
 *	a port      a tail call to the port's own slot, whose index the verifier knows, so the
 *	            JIT makes it a direct jump
 *	a miss      (the slot is empty) one more on the port's unbound counter; drop
 *	PASS, SENT  the hook's own return value
 *	a reason    one more on its counter; drop
 *
 * What a block cannot return costs nothing: the verifier sees that the branch is dead.
 */
#ifndef LOADER_WEAVE_H
#define LOADER_WEAVE_H

#include <stdbool.h>

#include <linux/bpf.h>

#include <lana/abi.h>

/* Map descriptors that stand in a template, each -1 if the template lacks the map. */
struct weave_maps {
	int tables[LANA_FLAVOURS], config, counters, context;
};

#define WEAVE_OWN_MAX 8 /* maps that a type may declare for itself */

/* A map of the type's own, and the block's copy of it. */
struct weave_own {
	int template, instance;
};

struct weave {
	const struct bpf_insn *insns; /* the template, relocated */
	size_t count;
	struct weave_maps template;

	enum lana_flavour flavour;
	enum lana_path path;
	__u32 idp;
	__u32 ports;
	bool turns;	       /* by ports of the other path too */
	int table[LANA_PATHS]; /* jump tables of this flavour */
	int config;	       /* the block's config map; -1: none */
	int context;	       /* the stack's context map */
	struct weave_own own[WEAVE_OWN_MAX];
	size_t own_count;
	int page;	/* the counter page that holds the block's cell */
	__u32 cell;	/* byte offset of the cell on the page, on CPU 0 */
	__u32 cpu_mask; /* a power of two less one, no CPU number exceeds it */
};

/*
 * Write the program into *insns, which the caller frees, and its length into *count.
 * -EINVAL: the template is not of the expected form. -E2BIG: a jump would exceed 16 bits.
 */
int weave(const struct weave *weave, struct bpf_insn **insns, size_t *count);

/*
 * Write the program for the slot of a port that leads nowhere any more: it counts the miss, as
 * the glue would if the slot were empty, and drops. Only flavour, path, page, cell and cpu_mask
 * of weave are used.
 */
int weave_miss(const struct weave *weave, __u32 port, struct bpf_insn **insns, size_t *count);

#endif
