/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forward.h - routers between one generator and one sink, measured in turns
 *
 *	gen      NAME (a namespace for each)      sink
 *	NAME0 ── west                     east ── NAME1
 *
 * Frames of 64 bytes of one flow, from 10.0.0.0/24 to 10.0.1.2, and one sending CPU, on which all
 * the rest runs as well, in softirq: what the generator costs is part of every figure.
 */
#ifndef FORWARD_H
#define FORWARD_H

#include "bench.h"
#include "rate.h"

struct forward {
	const char *name, *title;
	struct lana_stack *stack; /* NULL: none */
	struct traffic *traffic;
	struct rate rate;
};

/* The namespaces of the generator and of the sink. */
void forward_begin(void);

/* The namespace, its devices, and what makes its kernel route; and the generator. */
void forward_set_up(struct forward *forward);

/* A stack of that name there, as a stack file has it. */
void forward_apply(struct forward *forward, const char *text);

/* Generator, sink and stack go. */
void forward_close(struct forward *forward);

/* How often each gets a turn. */
#define FORWARD_ROUNDS (bench_quick() ? 1 : 7)

#endif
