/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commit - carry out a change of any number of blocks as one
 *
 * Edit the records that the change touches, then run it:
 *
 *	prepare		choose which edges are fused, weave and load every program that the
 *			records need, and list the slots to be written; a refusal here has changed
 *			nothing
 *	decide		write the journal; from here on the change will happen
 *	publish		write the slots, each of them atomic for packets in flight: first those that
 *			no packet passes as yet, then those that lead to the new programs
 *	settle		write the records, count the change, clear the journal
 *
 * Killed before "decide" it has not happened; killed later, commit_recover() carries it out
 * again from the journal.
 */
#ifndef LOADER_COMMIT_H
#define LOADER_COMMIT_H

#include "stack.h"

struct filter;
struct op;

struct change {
	__u32 idp;
	struct record old, new;
	bool forced;  /* take nothing for granted: weave and write all anew */
	bool carries; /* what the old cell has kept goes to the new one */
	bool dropped; /* what it has kept does not, by the user's consent */
	struct notice notice;
	__u32 next_named; /* of the new blocks whose names fall in one bucket; 0: none */
};

/* A program that this commit has woven: it begins with the node. */
struct woven {
	__u32 node;
	int programs[LANA_FLAVOURS]; /* -1: not */
};

/* A program that runs the event function of a block, see notice.h. */
struct hearing {
	__u32 idp;
	int program;
};

/* When a slot may be written. */
enum slot_order {
	SLOT_UNUSED, /* no packet passes it before the change: first */
	SLOT_LIVE,
	SLOT_LEFT, /* no packet passes it after the change: once no old code runs any more */
};

/* Put a program into a slot, or (program -1) empty it. */
struct slot_write {
	enum lana_flavour flavour;
	enum lana_path path;
	enum slot_order order;
	__u32 slot;
	int program;
};

/* New programs for the roots of a device's block, as attach_weave() wove them. */
struct root_change {
	__u32 idp;
	int programs[2];
};

/*
 * Begins as { .stack = stack }, the stack being locked, and ends with commit_end(). Its memory
 * may run out: then commit_run() says so.
 */
struct commit {
	struct lana_stack *stack;
	bool fuse;    /* fuse what may be, not only leave fused what is */
	bool unseen;  /* no user would see a difference: it does not count as a change */
	bool at_once; /* each packet shall see all of the change or nothing of it */
	bool whole;   /* no program may be split in two for it: it is refused instead */
	__u32 limit;  /* no IDP from here on is used; 0: nothing was edited yet */
	bool redo;    /* of what a killed writer had decided */
	struct change **changes;
	size_t changes_count;
	struct change **by_idp;	      /* NULL: nothing was edited yet */
	__u32 *named;		      /* new blocks, by hash of the name; NULL: there are none */
	char (*types)[LANA_NAME_MAX]; /* that were loaded for its sake */
	size_t types_count;
	struct lana_block_stats *finals; /* last counts of what is gone, once it has run */
	size_t finals_count;
	struct lana_conversion *conversions; /* of the state of blocks that are replaced */
	size_t conversions_count;
	struct graph *graph; /* NULL: not needed yet */
	struct woven *woven;
	size_t woven_count;
	struct slot_write *writes;
	size_t writes_count;
	struct root_change *roots;
	size_t roots_count;
	int *kept; /* programs to be closed */
	size_t kept_count;
	struct hearing *hearings;
	size_t hearings_count;
	bool made_cells, made_filters;
	bool turned;  /* registry.turns was set for its sake */
	__u32 tables; /* bits as of table_bit(): taken into use for its sake */
	bool failed;  /* for want of memory */

	/* For the log. */
	const struct op *steps; /* NULL: none */
	size_t steps_count;
	__u64 begun; /* CLOCK_REALTIME, ns */
};

/*
 * The record of a block as it shall be. Valid until commit_end(). If there is no memory, one that
 * counts for nothing.
 */
struct record *commit_edit(struct commit *commit, __u32 idp);

/* The record of a block as it shall be, to be read. */
const struct record *commit_record(const struct commit *commit, __u32 idp);

/* No IDP from here on is used. */
static inline __u32 commit_limit(const struct commit *commit)
{
	return commit->limit ?: commit->stack->registry->limit;
}

/* NULL: the record is not changed. */
struct change *commit_change(const struct commit *commit, __u32 idp);

/* Find a block as the commit has left it; -ENOENT says so in error. */
int commit_find(const struct commit *commit, const char *name, __u32 *idp,
		struct lana_error *error);

/* Make a record of that name, with all else to be filled in. -EEXIST, -ENOSPC: no IDP is free. */
int commit_new(struct commit *commit, const char *name, struct record **record, __u32 *idp,
	       struct lana_error *error);

/* Give a block a cell, and maps, of its own. */
int commit_new_cell(struct commit *commit, struct record *record, const struct type *type,
		    struct lana_error *error);

/* The newest version of a type, loaded if need be. */
int commit_type(struct commit *commit, const char *name, const struct type **type,
		struct lana_error *error);

/* Let a port's edge be a tail call. */
void commit_cut(struct commit *commit, __u32 from, enum lana_path path, __u32 port);

/* Let a port lead to another block, or (to 0) nowhere. It is not fused any more. */
void commit_edge(struct commit *commit, __u32 from, enum lana_path path, __u32 port, __u32 to);

/* Free the IDP of a block that is bound to no other. */
void commit_remove(struct commit *commit, __u32 idp);

/* Write the type's part of a record. */
void record_set_type(struct record *record, const struct type *type);

int commit_run(struct commit *commit, struct lana_error *error);

/* It has not happened: take back what was made for its sake, types, maps and tables in use. */
void commit_undo(struct commit *commit);

void commit_end(struct commit *commit);

/* Has it to wait until no old code runs any more? */
bool commit_waits(const struct commit *commit);

/* Does a refusal speak of the program, and not of the moment? */
bool commit_verdict(int err);

/* Weave and load, and list the slots to be written. */
int commit_prepare(struct commit *commit, struct lana_error *error);

/*
 * Let packets choose between the old and the new side in all live slots, if they are several; they
 * take the old one as yet. Nothing is decided: if it fails, nothing has changed.
 */
int publish_switches(struct commit *commit, struct lana_error *error);

/* Take the switches back. */
int publish_undo(struct lana_stack *stack);

/* Lead the packets to what is new. */
int publish(struct commit *commit);

/* Fuse what may be, or, if that is not wanted of this stack, nothing. */
int commit_fuse(struct lana_stack *stack, struct lana_error *error);

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

/*
 * Take the tables of XDP into use as a hook does, for packets that enter without one; and give them
 * up, unless a hook or a generator has packets enter there.
 */
int commit_enable_xdp(struct lana_stack *stack, struct lana_error *error);
void commit_disable_xdp(struct lana_stack *stack);

/* The commit is about to make blocks that turn packets round. */
int commit_enable_turns(struct commit *commit, struct lana_error *error);

/* Read the counters of a block, of the record in the registry. */
int stats_read(struct lana_stack *stack, __u32 idp, struct lana_block_stats *stats,
	       struct lana_error *error);

/* What to weave from: a type's program, or a root. */
struct source {
	const char *name; /* of the type, for messages */
	const struct bpf_program *template;
	struct weave_maps maps;
	__u32 ports;
	bool turns;
	const struct type *type; /* NULL: a root, which has no state */
};

/* A block whose event function is a part of a program. */
struct hearer {
	__u32 idp;
	const struct record *record;
	const struct type *type;
};

/* A block on one path, as a part of a program. */
struct node {
	struct source source;
	__u32 idp;
	enum lana_path path;
	const struct record *record;
	struct weave_exit exits[LANA_PATHS][LANA_PORTS_MAX];
	struct hearer hearers[LANA_SUBSCRIBERS_MAX]; /* subscribers, of a block that publishes */
	size_t hearers_count;
	/* As in struct weave_block: */
	struct weave_step steps[LANA_PORTS_MAX];
	__u32 steps_count;
	bool within;
	struct weave_next next;
};

/* Let all ports of a node lead to their slots. */
void node_use_slots(struct node *node);

/*
 * Weave and load the program of a block, or of several, of which the first is where packets enter;
 * *fd is the caller's to close.
 */
int weave_program(struct lana_stack *stack, const struct node *nodes, size_t count,
		  enum lana_flavour flavour, int *fd, struct lana_error *error);

/*
 * The filter of a block, for a program of that flavour; *filter is NULL if it has none. -EINVAL: it
 * asks for what the hook does not know.
 */
int program_filter(const struct lana_stack *stack, const struct record *record,
		   enum lana_flavour flavour, struct filter **filter, struct lana_error *error);

/* The same for the program in the place of an edge that was removed, see weave_miss(). */
#define MISS_NAME "lana_miss"

int miss_program(struct lana_stack *stack, __u32 idp, const struct record *record,
		 enum lana_flavour flavour, enum lana_path path, __u32 port, int *fd,
		 struct lana_error *error);

/* The same for an event function that is run by hand, see weave_hearing(). */
int hearing_program(struct lana_stack *stack, const struct hearer *hearer, int *fd,
		    struct lana_error *error);

/*
 * The same for a slot that a commit under way changes: packets go on by one of two other slots of
 * the table, see weave_switch(). The record is of the block whose port the slot is.
 */
int switch_program(struct lana_stack *stack, const struct record *record,
		   const struct slot_write *write, __u32 old_slot, __u32 new_slot, int *fd,
		   struct lana_error *error);

/*
 * The same for slots that no packet passes: it drops; and for those of roots that shall let all
 * pass.
 */
int constant_program(struct lana_stack *stack, enum lana_flavour flavour, bool pass, int *fd,
		     struct lana_error *error);

#endif
