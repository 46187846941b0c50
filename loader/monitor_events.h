/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor_events - what blocks publish, as a monitor reads it
 */
#ifndef LOADER_MONITOR_EVENTS_H
#define LOADER_MONITOR_EVENTS_H

#include "event_log.h"

struct monitor_events {
	const struct lana_stack *stack;
	struct event_log *log; /* NULL: not opened */
	__u64 seen;	       /* the event told last, or counted as lost */
};

/* Begin with what is published from now on. */
void monitor_events_open(struct monitor_events *events, const struct lana_stack *stack);
void monitor_events_close(struct monitor_events *events);

/* Has the stack blocks that publish, or had it? */
bool monitor_events_any(struct monitor_events *events);

/*
 * The next event, or that some were lost; it is not taken as yet: *next says what will have been
 * seen then. False: there is none.
 */
bool monitor_events_peek(struct monitor_events *events, struct lana_event *event, __u64 *next);

#endif
