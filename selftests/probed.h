/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probed.h - a stack that is measured, traced and captured
 *
 *	 generator         stack                                                checker
 *	+--------+    +------------------------------------------------+    +--------+
 *	|     g0 |----| in ─► split ─match─► c1 ─► fork ─► c2 ─► out     |----| c0     |
 *	+--------+    |         └─other─► narp   (next: nowhere)         |    +--------+
 *		      +------------------------------------------------+
 *
 * The frames are UDP in IPv4, and every tenth ARP, which gets no further than narp. With hot blocks
 * c1 and c2 are programs of their own.
 */
#ifndef PROBED_H
#define PROBED_H

#include <stdbool.h>
#include <stdint.h>

#include "live.h"

#define PROBED_STACK "live"
#define PROBED_SIZE  200 /* bytes of a frame */

extern struct lana_stack *probed_stack;

/* Ends the test if err is one. error: NULL, or what the library said. */
void probed_must(int err, const struct lana_error *error, const char *what);

void probed_build(enum lana_hook hook, bool hot);

/* Frames a second, 0: as many as can be; in all, 0: until the end. */
void probed_start(uint64_t rate, uint64_t count);
struct traffic_report probed_finish(void);

/* Until so many more frames have been sent. */
void probed_let_flow(uint64_t frames);

/* What left a block by a way on ingress. */
struct lana_way_stats probed_measured(const char *block, const char *way);
void probed_measure(bool on);

/* A trace, and a capture at c1. */
void probed_open_all(struct lana_trace **trace, struct lana_capture **capture);

/* Is anything pinned for such? */
bool probed_has_sessions(void);

#endif
