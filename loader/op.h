/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * op - the single steps that commits are made of
 *
 * Each edits the records of a commit as the user asked, or refuses; what it sees is the stack as
 * the steps before it in the commit have left it.
 */
#ifndef LOADER_OP_H
#define LOADER_OP_H

#include "commit.h"

struct op {
	int (*run)(struct commit *commit, const struct op *op, struct lana_error *error);
	const char *name;	    /* of the block; of a bind the upper one */
	const char *other;	    /* type, device or lower block */
	const char *const *options; /* "key=value", ends in NULL; or NULL */
	struct filter *filter;	    /* that these give; NULL: none */
	struct lana_bind_options where;
	enum lana_hook hook;
	__u32 id;	    /* of a tagged link */
	const char *netns;  /* of a device to be hooked; NULL: the stack's */
	bool on;	    /* drop_state; hot */
	bool sparing;	    /* state is dropped only where it cannot be kept */
	__u32 line, column; /* where it stands in a file; 0: nowhere */
};

/* Steps that have been collected. */
struct lana_commit {
	struct lana_stack *stack;
	struct op *ops;
	size_t count;
};

/* Add a copy of a step. -ENOMEM */
int steps_add(struct lana_commit *steps, struct op op);

void steps_free(struct lana_commit *steps);

/* Carry steps out; the stack is locked. See lana_commit_commit(). */
int steps_run(const struct lana_commit *steps, struct commit *commit, bool dry_run,
	      struct lana_commit_result *result, struct lana_error *error);

/* The step in the words of lanactl(8). */
void op_text(const struct op *op, char *text, size_t size);

int op_add(struct commit *commit, const struct op *op, struct lana_error *error);
int op_rm(struct commit *commit, const struct op *op, struct lana_error *error);
int op_set(struct commit *commit, const struct op *op, struct lana_error *error);
int op_replace(struct commit *commit, const struct op *op, struct lana_error *error);
int op_bind(struct commit *commit, const struct op *op, struct lana_error *error);
int op_unbind(struct commit *commit, const struct op *op, struct lana_error *error);
int op_unhook(struct commit *commit, const struct op *op, struct lana_error *error);
int op_hot(struct commit *commit, const struct op *op, struct lana_error *error);

/* A commit of one step, whose slots are written one by one. */
int op_alone(struct lana_stack *stack, const struct op *op, struct lana_error *error);

/* -EBUSY: an edge leads between the block and another one; it names the two. */
int check_unbound(const struct commit *commit, __u32 idp, struct lana_error *error);

#endif
