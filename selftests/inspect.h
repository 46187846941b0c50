/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inspect.h - look at a stack from outside: what it is, and what is left of it
 *
 *	char *before = inspect_stack(stack);
 *	...
 *	struct leftovers *left = leftovers_note("default");
 *	lana_stack_flush(stack, NULL);
 *	tap_is(leftovers_wait(left), 0, "nothing is left");
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <stdbool.h>
#include <stddef.h>

#include <lana/lana.h>

/*
 * Every block, its type, config and edges, by name and as text: equal texts are equal stacks,
 * but for numbers that the user does not choose. The caller frees it. Ends the test on failure.
 */
char *inspect_stack(struct lana_stack *stack);

/*
 * How many faults lana_stack_check() finds, each a note; or a negative errno. That a tagged link's
 * carrier is down is none.
 */
int inspect_faults(struct lana_stack *stack);

/* Was a writer killed at its work, and is its change decided? Ends the test on failure. */
struct inspect_journal {
	bool busy, pending;
	unsigned long long notified; /* event functions that were run for its sake */
};

struct inspect_journal inspect_journal(const char *stack);

/*
 * The kernel's programs that use the stack's maps, and how many its segments and hooks account
 * for.
 */
struct inspect_programs {
	size_t there, wanted;
};

struct inspect_programs inspect_programs(const char *stack);

/*
 * Every program that packets can meet, by slot or hook, as text: its length and the kernel's hash
 * of its instructions, in which maps do not count. Equal texts: the same programs to the
 * instruction. The caller frees it.
 */
char *inspect_code(const char *stack);

/* All maps and programs of a stack, those of no name and no pin too. */
struct leftovers *leftovers_note(const char *stack);

/* Until all of it has gone, at most some seconds; how many have not. Frees leftovers. */
size_t leftovers_wait(struct leftovers *leftovers);

/* Is there anything in bpffs still? */
bool leftovers_pinned(const char *stack);

/* The lanactl that was built with this test. */
const char *inspect_lanactl(void);

/* Its folder of built block types, or another folder of the build. */
const char *inspect_build(const char *folder);

#endif
