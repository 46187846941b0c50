/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live.h - rearrange a stack while numbered frames pass through it, and settle the account
 *
 *	 generator        stack                        checker
 *	+--------+    +---------------------------+    +--------+
 *	|     g0 |----| in ─► … blocks … ─► out   |----| c0     |
 *	+--------+    +---------------------------+    +--------+
 *
 * What a stack is told is text, in the words of lanactl(8): "add", "rm", "set", "bind", "unbind",
 * "replace", "subscribe" and "unsubscribe".
 */
#ifndef LIVE_H
#define LIVE_H

#include <lana/lana.h>

#include "traffic.h"

#define LIVE_STEPS_MAX 16

struct live_case {
	const char *name;
	const char *setup[LIVE_STEPS_MAX]; /* before the first frame */
	const char *turn[LIVE_STEPS_MAX]; /* under load, again and again; "flow" lets frames pass */
	void (*act)(struct lana_stack *stack); /* instead of a turn's words; NULL: it has words */
	unsigned int turns; /* how often; the environment's LANA_SOAK multiplies it */

	/*
	 * All that blocks have booked as dropped or unbound, by IDP: "BLOCK:REASON" and
	 * "BLOCK:PORT". What the checker received and these are what was sent, always and exactly.
	 */
	const char *booked;
	const char *booked_fused; /* the same with blocks fused; NULL: no difference */

	/* Blocks whose packets, counted by all of them together, are those received. */
	const char *counted[4];

	/* Look at what else is kept of the frames received; NULL: nothing. */
	void (*settled)(const char *name, uint64_t received);

	struct traffic_options traffic; /* rate, arp_every */
};

/* Make the topology. First of all. */
void live_begin(void);

/*
 * Run a case with both devices hooked, blocks being fused after each change or not; the stack is
 * made for it and flushed.
 */
void live_run(const struct live_case *live, enum lana_hook hook, bool fuse);

/* The same in parts: for a stack that is larger than a table. */
struct lana_stack *live_open(enum lana_hook hook, bool fuse);
struct lana_stack *live_open_again(void); /* another handle, for another process */
void live_do(struct lana_stack *stack, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void live_test(const struct live_case *live, struct lana_stack *stack);
void live_close(struct lana_stack *stack);

#endif
