/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reorder_cases.h - what becomes of which packet at block reorder, by the events of docs/reorder.md
 *
 * A case is written as segments and what comes of them: "c=200+100/F@2" is segment c, of 100 bytes
 * from number 200 on, with FIN, by path 2. "c=7" is a packet of number 7 with a header, "c=7@2#5"
 * one that is number 5 on path 2.
 */
#ifndef REORDER_CASES_H
#define REORDER_CASES_H

#include <stddef.h>

#define STAGES_MAX 12

struct stage {
	/*
	 * Segments; or "set OPTIONS"; "wait" until the worker has let go of the flow; "sleep" until
	 * a flow is not young any more.
	 */
	const char *in;
	const char *out; /* what comes then, by their names, in this order, and nothing else */
};

struct events {
	const char *name, *options; /* beside those by default */
	struct stage stages[STAGES_MAX];
	const char *counters; /* by how much they grow */
};

extern const struct events tcp_events[], header_events[], other_events[];
extern const size_t tcp_events_count, header_events_count, other_events_count;

#endif
