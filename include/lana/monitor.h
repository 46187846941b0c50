/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/monitor.h - what happens to a stack, as it happens
 */
#ifndef LANA_MONITOR_H
#define LANA_MONITOR_H

#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What happens to a stack, as it happens, whoever does it. A commit (each call that changes
 * blocks, edges or hooks is one) is told as its steps and then the commit itself, once it is
 * settled; exactly once, even if its process was killed and another one finished it. Loading
 * and fusing are told after they are done, and are not if the process is killed just then.
 *
 * What blocks publish is told in the order of time with the rest, some 20 ms late, as programs
 * cannot wake processes.
 *
 * The stack keeps the latest few thousand events. A monitor reads them without the stack's lock, so
 * it holds nobody up; if it is itself held up for so long that events go before it has read them,
 * it tells how many.
 */
struct lana_monitor;

enum lana_event_kind {
	LANA_EVENT_STEP,      /* of a commit, in the words of lanactl(8) */
	LANA_EVENT_COMMIT,    /* the steps before it */
	LANA_EVENT_TYPE,      /* a type was loaded or unloaded */
	LANA_EVENT_FUSE,      /* lana_stack_fuse(): blocks share programs from now on, or not */
	LANA_EVENT_DEVICE,    /* a call has found one gone; lana_hook() has one back */
	LANA_EVENT_RECOVERY,  /* what a killed process had left was finished or undone */
	LANA_EVENT_PROBE,     /* the stack is measured, traced, captured from, or not any more */
	LANA_EVENT_LOST,      /* events that went too fast for this monitor */
	LANA_EVENT_FLUSH,     /* the stack is no more: the last event */
	LANA_EVENT_PUBLISHED, /* a block's code has published an event, see lana_subscribe() */
};

#define LANA_EVENT_TEXT 256

struct lana_event {
	enum lana_event_kind kind;
	uint64_t number;     /* of the event, counted from the stack's creation on; published ones
				are counted by themselves */
	uint64_t time;	     /* nanoseconds since 1970 began */
	uint32_t generation; /* of the stack after it */
	uint64_t count;	     /* a commit's steps; events lost */
	uint32_t prepare_us; /* of a commit: the time until it was decided, in microseconds */
	uint32_t publish_us; /* and from then until it was carried out, waiting included */
	char text[LANA_EVENT_TEXT]; /* one line */
	/* Of a published event, and of published events lost: */
	bool published;
	char block[LANA_NAME_MAX]; /* as it was called then */
	char event[LANA_NAME_MAX];
	uint64_t value;
	enum lana_path path; /* of the packet */
};

/*
 * Tell what happens from now on. The stack has to stay open for as long as the monitor is, which
 * one thread at a time may use.
 */
int lana_monitor_open(struct lana_stack *stack, struct lana_monitor **monitor,
		      struct lana_error *error);
void lana_monitor_close(struct lana_monitor *monitor);

/*
 * Wait for the next event, for timeout_ms milliseconds (negative: for ever). -EAGAIN: there was
 * none. -EINTR: a signal came. -ENOENT: the stack was flushed, and that has been told.
 */
int lana_monitor_next(struct lana_monitor *monitor, int timeout_ms, struct lana_event *event);

/* The word for a kind: "step", "commit", … */
const char *lana_event_kind_name(enum lana_event_kind kind);

#ifdef __cplusplus
}
#endif

#endif
