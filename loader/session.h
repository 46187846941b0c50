/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session - a process that watches packets: its probes, and the records that they send
 *
 * What is shared with the probes is pinned in a folder of the session's own, for whoever weaves a
 * block meanwhile. The process holds that folder's lock. The first command that finds the lock
 * free, its holder having been killed, takes the probes out.
 */
#ifndef LOADER_SESSION_H
#define LOADER_SESSION_H

#include "stack.h"

/* What weaving needs of a session. */
struct session_maps {
	int events, counts; /* -1: not opened */
};

int session_open_maps(struct lana_stack *stack, __u32 number, struct session_maps *maps,
		      struct lana_error *error);
void session_close_maps(struct session_maps *maps);

/*
 * Take out the probes of sessions whose processes have gone; the stack is locked. What is refused
 * is tried again by the next command. -EINPROGRESS: it was begun, and nothing else may be done.
 */
int session_reap(struct lana_stack *stack, struct lana_error *error);

/* Forget sessions whose processes have gone; the records are still to agree. */
void session_forget(struct lana_stack *stack);

/*
 * Remove what processes left behind that were killed before their session began, or after it ended.
 */
void session_tidy(struct lana_stack *stack);

/* ---- for the process itself ----------------------------------------------------------------- */

/* What a probe has sent. */
struct session_event {
	struct probe_record record;
	__u32 size; /* bytes that follow: of the packet, and up to 7 that make a multiple of 8 */
	__u8 bytes[];
};

struct session;

/*
 * Weave probes in. The serial is written by the callee. left: how many packets are to be traced.
 * buffer: bytes that a CPU may be ahead of the reader, a power of two, at least a page. -EBUSY:
 * there are too many.
 */
int session_begin(struct lana_stack *stack, struct probe_session *wanted, __s64 left, size_t buffer,
		  struct session **session, struct lana_error *error);

/* Weave them out; what they have sent can still be read. */
int session_stop(struct session *session, struct lana_error *error);

/* The same, and forget all. */
void session_end(struct session *session);
void session_end_p(struct session **session);

/*
 * The next event, the caller's to free; those of a CPU are in order, those of different ones nearly
 * so. -EAGAIN: there was none for so long. -ENOENT: the stack has been flushed.
 */
int session_next(struct session *session, int timeout_ms, struct session_event **event,
		 struct lana_error *error);

/* Sums over all CPUs, of this moment. */
struct probe_counts session_counts(const struct session *session);

/* Have as many packets been traced as were to be? */
bool session_is_over(const struct session *session);

/* Now, on the clock of records. */
__u64 session_now(void);

/* What has to be added to a record's time to make it one of CLOCK_REALTIME. */
__s64 session_epoch(const struct session *session);

#endif
