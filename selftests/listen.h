/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * listen.h - what tests of events have in common: packets on one CPU, and what blocks have counted
 */
#ifndef LISTEN_H
#define LISTEN_H

#include "workbench.h"

/* Stay on this CPU, as what blocks publish is limited on each. */
void listen_pin(void);

/* Run a packet through the root so many times. */
void listen_send(struct workbench *bench, enum lana_flavour flavour, unsigned int count);

/*
 * A counter of a block on ingress; "published" and "suppressed" are the engine's. Ends the test if
 * there is none.
 */
unsigned long long listen_count(struct lana_stack *stack, const char *block, const char *name);

/* It is so many. */
void listen_expect(struct lana_stack *stack, const char *block, const char *name,
		   unsigned long long wanted, const char *what);

/* The stack is sound, and loses all but its hooks. */
void listen_end(struct lana_stack *stack);

#endif
