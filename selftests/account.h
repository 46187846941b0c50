/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * account.h - numbered frames through a block that a worker may have, and where they are counted
 *
 *	 generator        stack                              checker
 *	+--------+    +---------------------------------+    +--------+
 *	|     g0 |----| in ─► b, or another block ─► out|----| c0     |
 *	+--------+    |           ║                     |    +--------+
 *	              |         worker                  |
 *	              +---------------------------------+
 *
 * Made by live_begin(). Functions end the test where they cannot do what they say.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "live.h"

/* A stack of that hook with block "b" of that type, and options, bound as above. */
struct lana_stack *account_open(enum lana_hook hook, const char *type);

/* Flush it; it was sound. */
void account_close(struct lana_stack *stack);

/* The hook's name, for descriptions. */
extern const char *account_hook;

struct traffic *account_start(uint64_t rate);
struct traffic_report account_report(struct traffic *traffic);
struct traffic_report account_stop(struct traffic *traffic);

/* So many more frames are received. False: they do not come. */
bool account_goes_on(struct traffic *traffic, uint64_t frames);

/* What the engine and blocks have dropped; with what a worker had no room for, and so on. */
int64_t account_lost(struct lana_stack *stack, bool worker);

/* Test that what is lost is counted, and nothing doubled or damaged. */
void account_expect(struct lana_stack *stack, const struct traffic_report *report, bool worker,
		    const char *what);

#endif
