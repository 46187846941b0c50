/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commit - carry out a change of a few blocks as one
 *
 * Edit the records that the change touches, then run it:
 *
 *	prepare		weave and load every program that the new records need, and list the
 *			slots to be written; a refusal here has changed nothing
 *	decide		write the journal; from here on the change will happen
 *	publish		write the slots, each of them atomic for packets in flight: blocks
 *			first, then the edges that lead to them
 *	settle		write the records, count the change, clear the journal
 *
 * Killed before "decide" it has not happened; killed later, commit_recover() carries it out
 * again from the journal.
 */
#ifndef LOADER_COMMIT_H
#define LOADER_COMMIT_H

#include "stack.h"

struct change {
	__u32 idp;
	struct record old, new;
	bool forced; /* take nothing for granted: write all slots anew */
	int programs[LANA_FLAVOURS][LANA_PATHS]; /* woven by this commit; -1: not */
};

/* Put a program into a slot, or (program -1) empty it; late: once no old code runs any more. */
struct slot_write {
	int table, program;
	__u32 slot;
	bool late;
};

/* Begins as { .stack = stack }, the stack being locked, and ends with commit_end(). */
struct commit {
	struct lana_stack *stack;
	struct change changes[JOURNAL_MAX];
	size_t changes_count;
	struct slot_write *writes;
	size_t writes_count;
	int *kept; /* programs to be closed */
	size_t kept_count;
};

/* The record of a block as it shall be. Valid until commit_end(). */
struct record *commit_edit(struct commit *commit, __u32 idp);

/* Let a port lead to another block, or (to 0) nowhere. */
void commit_edge(struct commit *commit, __u32 from, enum lana_path path, __u32 port, __u32 to);

/* Free the IDP of a block that is bound to no other. */
void commit_remove(struct commit *commit, __u32 idp);

int commit_run(struct commit *commit, struct lana_error *error);

void commit_end(struct commit *commit);

/* Carry out what stands in the journal. */
int commit_redo(struct lana_stack *stack, struct lana_error *error);

/* Finish or undo what a killed writer left; the stack is locked. */
int commit_recover(struct lana_stack *stack, struct lana_error *error);

/*
 * Take a table into use: fill it with every program that belongs there, if not done yet. Tables
 * that no packet can get into are left out, as keeping them costs with every change: those of tc
 * before a device is hooked at tc, XDP's egress before there is a block that turns packets round.
 */
int commit_enable(struct lana_stack *stack, enum lana_flavour flavour, enum lana_path path,
		  struct lana_error *error);

/* Take tables (bits as of table_bit()) out of use again: nothing leads into them. */
void commit_disable(struct lana_stack *stack, __u32 tables);

/* Blocks that turn packets round are about to be. */
int commit_enable_turns(struct lana_stack *stack, struct lana_error *error);

/* What to weave from: a type's program, or a root. */
struct source {
	const char *name; /* of the type, for messages */
	const struct bpf_program *template;
	struct weave_maps maps;
	__u32 ports;
	bool turns;
	const struct type *type; /* NULL: a root, which has no state */
};

/* A block on one path, as a part of a program. */
struct node {
	struct source source;
	__u32 idp;
	enum lana_path path;
	const struct record *record;
	struct weave_exit exits[LANA_PATHS][LANA_PORTS_MAX];
};

/* Let all ports of a node lead to their slots. */
void node_use_slots(struct node *node);

/*
 * Weave and load the program of a block, or of several, of which the first is where packets enter;
 * *fd is the caller's to close.
 */
int weave_program(struct lana_stack *stack, const struct node *nodes, size_t count,
		  enum lana_flavour flavour, int *fd, struct lana_error *error);

/* The same for the program in the place of an edge that was removed, see weave_miss(). */
#define MISS_NAME "lana_miss"

int miss_program(struct lana_stack *stack, const struct record *record, enum lana_flavour flavour,
		 enum lana_path path, __u32 port, int *fd, struct lana_error *error);

#endif
