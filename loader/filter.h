/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter - a packet filter as it is given: as an option of a block, or to be looked at
 *
 *	expr="tcp port 80"	an expression of pcap-filter(7)
 *	asm=FILE		a program in BPF assembler: a file, or the text itself, if there is
 *				a new line in it
 *	code=4,40 0 0 12,…	a program in numbers
 *
 * It is compiled by whoever gives it, before the stack is locked: names are looked up, which may
 * take seconds. What a stack keeps is the text and the program; see filter_map.c.
 */
#ifndef LOADER_FILTER_H
#define LOADER_FILTER_H

#include "classic.h"

#define FILTER_TEXT_MAX 65536 /* bytes */

struct filter {
	unsigned int users;
	enum lana_filter_kind kind; /* LANA_FILTER_NONE: everything matches */
	char *text;		    /* of a file: what is in it; see filter_clean() */
	struct classic program;

	/* Why it is none, which is said when a block asks for it. */
	int err;
	struct lana_error why;
};

/* What the option of that name gives. */
enum lana_filter_kind filter_kind(const char *option);

/*
 * Compile a filter. folder: "…/", where a file is looked for whose name has no / in front; NULL:
 * where the process is. What is wrong with it is kept in it. -ENOMEM
 */
int filter_new(enum lana_filter_kind kind, const char *text, const char *folder,
	       struct filter **filter);

/* The same of the option among "key=value" texts that gives one; *filter is NULL if none does. */
int filter_given(const char *const *options, const char *folder, struct filter **filter);

struct filter *filter_get(struct filter *filter);
void filter_put(struct filter *filter); /* may be NULL */
void filter_put_p(struct filter **filter);

/* Are they given in the same words, which mean the same? NULL: no filter. */
bool filter_same(const struct filter *a, const struct filter *b);

/*
 * Copy a text, with spaces for tabs, and lines that end as they do here. -EINVAL: it is not UTF-8,
 * or has other control characters in it.
 */
int filter_clean(const char *text, char **clean, struct lana_error *error);

/* ---- filter_map.c --------------------------------------------------------------------------- */

struct commit;
struct lana_stack;
struct record;
struct type;

/*
 * Let a block that is of that type, as its record says already, have a filter, if the type has one;
 * and keep it with the stack, unless the block has it. NULL: the one that it has stays. -EINVAL: it
 * is none, or the stack's hooks cannot answer what it asks.
 */
int filter_set(struct commit *commit, struct record *record, const struct type *type,
	       const struct filter *filter, struct lana_error *error);

/* The record's filter will not be needed, if the commit made it. */
void filter_drop(struct commit *commit, const struct record *record);

/* The one that a record names; *filter is NULL if it names none. */
int filter_read(const struct lana_stack *stack, const struct record *record, struct filter **filter,
		struct lana_error *error);

/* Call found for all that no block names. */
int filter_orphans(const struct lana_stack *stack, void (*found)(void *cookie, __u32 number),
		   void *cookie);

/* Remove one that is not needed any more; or all that no block names. */
void filter_remove(struct lana_stack *stack, __u32 number);
void filter_remove_orphans(struct lana_stack *stack);

#endif
