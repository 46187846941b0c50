/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/commit.h - many changes as one
 */
#ifndef LANA_COMMIT_H
#define LANA_COMMIT_H

#include <lana/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Many changes as one: either all of it happens or nothing, and each packet sees wholly the old
 * stack or wholly the new one, on all hooks (that is, on its way through one hook: what goes up
 * from XDP and comes by tc again has been on two ways). Steps are collected, and carried out by
 * lana_commit_commit() in the order given, but that tagged links are made and devices hooked before
 * all else, and devices unhooked and links removed after it.
 */
struct lana_commit;

/* Only memory may run out: -ENOMEM. */
int lana_commit_begin(struct lana_stack *stack, struct lana_commit **commit);

/* Forget it: after it was carried out, or instead. */
void lana_commit_free(struct lana_commit *commit);

/* Steps, each as the function without "commit" in its name. -ENOMEM */
int lana_commit_add(struct lana_commit *commit, const char *name, const char *type,
		    const char *const *options);
int lana_commit_rm(struct lana_commit *commit, const char *name);
int lana_commit_set(struct lana_commit *commit, const char *name, const char *const *options);
int lana_commit_replace(struct lana_commit *commit, const char *name, const char *type,
			const char *const *options, bool drop_state);
int lana_commit_bind(struct lana_commit *commit, const char *upper, const char *lower,
		     const struct lana_bind_options *options);
int lana_commit_unbind(struct lana_commit *commit, const char *upper, const char *lower,
		       const struct lana_bind_options *options);
int lana_commit_hot(struct lana_commit *commit, const char *name,
		    const struct lana_bind_options *options, bool on);
int lana_commit_subscribe(struct lana_commit *commit, const char *name, const char *publisher);
int lana_commit_unsubscribe(struct lana_commit *commit, const char *name, const char *publisher);
int lana_commit_hook(struct lana_commit *commit, const char *device,
		     const struct lana_hook_options *options);
int lana_commit_unhook(struct lana_commit *commit, const char *name);
int lana_commit_vlink_add(struct lana_commit *commit, const char *name, const char *carrier,
			  uint32_t id);
int lana_commit_vlink_rm(struct lana_commit *commit, const char *name);

struct lana_commit_options {
	bool compare;	     /* refuse with -ESTALE unless the stack is of this generation: */
	uint32_t generation; /* as of lana_stack_generation() */
	bool dry_run;	     /* check, weave and have the kernel verify all, and change nothing */
};

/* What becomes of a field of a block's state when other code takes the block over. */
enum lana_fate {
	LANA_FATE_KEPT,
	LANA_FATE_WIDENED,  /* every value fits */
	LANA_FATE_NARROWED, /* the values that are there fit */
	LANA_FATE_NEW,	    /* begins as zero */
	LANA_FATE_DROPPED,  /* by consent: drop_state */
	LANA_FATE_LOST,	    /* would be: the change is refused */
};

struct lana_conversion {
	char block[LANA_NAME_MAX];
	char place[64]; /* "options", "counters", or the name of one of the type's maps */
	char field[64]; /* "a.b" inside structs, "a[].b" in an array; empty: all of the place */
	char from[LANA_NAME_MAX]; /* the type in C's words; empty: it is not there */
	char to[LANA_NAME_MAX];
	enum lana_fate fate;
};

/* The results of a commit. The caller frees both arrays. */
struct lana_commit_result {
	uint32_t generation; /* of the stack now */
	size_t failed; /* the step that was refused, from 0 on; their number: none by itself */
	/*
	 * The last counters of blocks that were removed or began anew: no packet is counted there
	 * any more.
	 */
	size_t finals_count;
	struct lana_block_stats *finals;
	/* What became of the state of blocks that were replaced; what would, in a dry run. */
	size_t conversions_count;
	struct lana_conversion *conversions;
};

/*
 * Carry a commit out. It returns when no packet is left on its way through what was before.
 * options and result may be NULL; result is written if it is refused too.
 */
int lana_commit_commit(struct lana_commit *commit, const struct lana_commit_options *options,
		       struct lana_commit_result *result, struct lana_error *error);

/*
 * A change that follows from what the stack is. collect() is shown all blocks, as of one instant,
 * and adds steps to the commit; if it returns 0 they are carried out, else nothing is, and it has
 * said why in error, which may be NULL. Should another one change the stack in between, collect()
 * is called again with a new commit; -ESTALE: that happened 16 times.
 */
int lana_stack_change(struct lana_stack *stack,
		      int (*collect)(struct lana_commit *commit,
				     const struct lana_block_info *blocks, size_t count,
				     void *cookie, struct lana_error *error),
		      void *cookie, struct lana_error *error);

/* "kept", "widened", … */
const char *lana_fate_name(enum lana_fate fate);

#ifdef __cplusplus
}
#endif

#endif
