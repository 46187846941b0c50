/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * weave - make a program of one block, or of several, from their types' templates
 *
 * A template is a whole program that ends in a tail call through a jump table, with the verdict
 * as the key (see lana/block.h). Weaving copies it, puts the instance's maps in the place of
 * the template's, a filter in the place of lana_match(), drops what no path reaches, and replaces
 * that tail call by glue:
 *
 *	a port      where its exit leads: a jump to another block of the same program; or a tail
 *	            call to the port's own slot, whose index the verifier knows, so the JIT makes
 *	            it a direct jump
 *	a miss      (the port leads nowhere, the slot is empty) one more on the port's unbound
 *	            counter; drop
 *	PASS, SENT  the hook's own return value
 *	a reason    one more on its counter; drop
 *
 * The whole is then folded (fold.h): what a block cannot return, and what its neighbours have
 * found out already, costs nothing.
 */
#ifndef LOADER_WEAVE_H
#define LOADER_WEAVE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>

#include <lana/abi.h>

/* Map descriptors that stand in a template, each -1 if the template lacks the map. */
struct weave_maps {
	int tables[LANA_FLAVOURS], config, counters, context, ports, filter;
};

#define WEAVE_OWN_MAX 8 /* maps that a type may declare for itself */

/* A map of the type's own, and the block's copy of it. */
struct weave_own {
	int template, instance;
};

#define WEAVE_MODULES_MAX 16

/* BTF of the modules whose functions are called: number n is what a call names as n + 1. */
struct weave_modules {
	struct weave_module {
		int fd;
		__u32 id; /* that the kernel gave it */
	} all[WEAVE_MODULES_MAX];
	size_t count;
};

/* Where a port leads. */
struct weave_exit {
	enum { WEAVE_NOWHERE, WEAVE_SLOT, WEAVE_BLOCK } kind;
	__u32 block; /* index of the program's block, of WEAVE_BLOCK */
};

struct classic;

/*
 * What LANA_ALL does, step by step: the packet goes to a branch of the program that only reads, and
 * comes back when its way ends there; a copy of it goes to a port's slot; it goes on itself. At XDP
 * what goes on itself is a copy too, if there are any.
 */
struct weave_step {
	enum { WEAVE_BRANCH, WEAVE_CLONE, WEAVE_LAST } kind;
	__u32 port;
	struct weave_exit exit; /* not of WEAVE_CLONE, which is always to the slot */
};

/* A step of a block of the program. */
struct weave_next {
	__u32 block, step;
};

struct probe_session;

/* A session's part of a block's probes. */
struct weave_tap {
	const struct probe_session *session;
	int events, counts; /* its maps, see probe.h */
};

#define WEAVE_TAPS_MAX 4

/* What watches a block; all zero: nothing does. */
struct weave_probes {
	bool root;     /* the block is the root of a device */
	bool measured; /* in a cell like that of counters: */
	int page;
	__u32 cell;
	struct weave_tap taps[WEAVE_TAPS_MAX];
	size_t taps_count;
};

struct weave_block {
	const struct bpf_insn *insns; /* the template, relocated */
	size_t count;
	struct weave_maps template;

	enum lana_path path;
	__u32 idp;
	__u32 ports;
	bool turns;   /* by ports of the other path too */
	__u32 copies; /* it may return LANA_ALL: enum lana_copying, and a port */
	struct weave_exit exits[LANA_PATHS][LANA_PORTS_MAX];
	__u32 life;				 /* of the block, as in struct lana_copy */
	struct weave_step steps[LANA_PORTS_MAX]; /* none: LANA_ALL misses port 0 */
	__u32 steps_count;
	bool within; /* a branch that only reads: where a packet's way ends, another step follows */
	struct weave_next next;
	const void *config; /* bytes of the options */
	size_t config_size;
	struct weave_own own[WEAVE_OWN_MAX];
	size_t own_count;
	const struct classic *filter; /* what lana_match() asks; NULL: everything matches */
	int page;		      /* the counter page that holds the block's cell */
	__u32 cell;		      /* byte offset of the cell on the page, on CPU 0 */
	struct weave_probes probes;
	const struct weave_modules *modules; /* of the template's calls; NULL: none */

	bool publishes;
	const char *name;
	__u32 events_names;		     /* number of its events' names in the log */
	__u32 hearers[LANA_SUBSCRIBERS_MAX]; /* indices of the program's: its subscribers */
	__u32 hearers_count;
};

/* The first block is where packets enter. All of it is written before weave() is called. */
struct weave {
	enum lana_flavour flavour;
	int table[LANA_PATHS];	       /* jump tables of this flavour */
	int context;		       /* the stack's context map */
	int loops[LANA_PORTS_MAX + 1]; /* at XDP, by copies: their devices; -1: none */
	__u32 cpu_mask;		       /* a power of two less one, no CPU number exceeds it */
	const struct weave_block *blocks;
	size_t count;
	/*
	 * Blocks of which only the event functions are in the program, by the template of their
	 * type's event program. Their numbers begin behind those of the other blocks.
	 */
	const struct weave_block *hearers;
	size_t hearers_count;
	int events; /* the map of struct event_log; -1: no block publishes */
	/*
	 * Make a map of a block's options, for code that does more than read them at known places.
	 * The descriptor stays the callee's. May fail with a negative errno.
	 */
	int (*config_map)(void *cookie, size_t block);
	void *cookie;
	struct weave_modules *modules; /* written: those of the program's calls; NULL: none */
};

/*
 * Write the program into *insns, which the caller frees, and its length into *count.
 * -EINVAL: a template is not of the expected form. -E2BIG: a jump would exceed 16 bits, or more
 * than WEAVE_MODULES_MAX modules are called.
 */
int weave(const struct weave *weave, struct bpf_insn **insns, size_t *count);

/* What a block may do, by its code and its options. */
struct weave_nature {
	bool reads;  /* packets and no more: no byte, length or mark is changed, no way ends but
			in a drop or by a port */
	bool copies; /* it may return LANA_ALL … */
	bool leads;  /* … or a port */
	bool passes; /* it may let a packet go to the kernel, or out of a device */
};

/* Find out of the first block. -EINVAL: as weave(). */
int weave_nature(const struct weave *weave, struct weave_nature *nature);

/*
 * Write the program for the slot of a port of the first block that leads nowhere any more: it
 * counts the miss, as the glue would if the slot were empty, and drops. Of the block's probes only
 * what is measured goes on.
 */
int weave_miss(const struct weave *weave, __u32 port, struct bpf_insn **insns, size_t *count);

/*
 * Write the program for the slot of a port of the first block while a commit is under way, see enum
 * lana_side. It goes on to one of two slots of the path's table. side_word: byte offset in the
 * context map.
 */
int weave_switch(const struct weave *weave, __u32 side_word, __u32 old_slot, __u32 new_slot,
		 struct bpf_insn **insns, size_t *count);

/*
 * Write the program that runs the event function of a block, the only hearer, by the event that
 * stands in its packet at LANA_EVENT_OFFSET; unless the number before it is not that which stands
 * in a map's value, at byte offset. There it adds one, so no event is told twice.
 */
int weave_hearing(const struct weave *weave, int map, __u32 offset, struct bpf_insn **insns,
		  size_t *count);

/* Write a program that lets a packet pass to the kernel, or drops it, and does nothing else. */
int weave_constant(enum lana_flavour flavour, bool pass, struct bpf_insn **insns, size_t *count);

#endif
