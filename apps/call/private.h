/* SPDX-License-Identifier: GPL-2.0-only */
/* private.h - what the threads of a call share */
#ifndef CALL_PRIVATE_H
#define CALL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "call.h"
#include "clock.h"
#include "echo.h"
#include "packet.h"

#define EXCHANGES 8 /* of times, of which the one with the shortest round trip counts */
#define LOOK_NS	  (50 * CLOCK_MILLISECOND) /* how often threads that wait ask whether to go on */

/* The other end, as its frames tell. */
struct peer {
	bool known; /* its address */
	uint8_t address[6];
	uint32_t stream, stream_before; /* 0: none */
	uint8_t duration;		/* 0: unknown */
	bool hears_us, ended, leaving, ever;
	uint64_t heard_at; /* the latest frame */

	struct call_report report; /* the latest one: */
	uint64_t reported_at;
	uint64_t timed_at; /* by its clock: its media time was this one; 0: unknown */
	uint32_t time;

	struct exchange {
		uint64_t round_trip; /* 0: none */
		int64_t offset;	     /* its clock less ours */
	} exchanges[EXCHANGES];
	uint32_t exchanges_count;
};

struct call {
	struct call_options options;
	struct link *link;
	struct source *source;
	struct sink *sink;
	struct echo *echo;
	uint32_t stream;
	uint32_t lookahead; /* samples */
	uint64_t started_at;
	atomic_bool *stop, muted;
	pthread_t talker, listener, player;

	pthread_mutex_t lock; /* for all that follows */
	pthread_cond_t news;  /* a frame, a stream, or an end */
	struct peer peer;
	struct jitter *jitter;
	uint32_t streams; /* of the peer so far: another number is another stream */
	bool played_out;
	bool ended;	    /* our own stream */
	uint32_t frames;    /* of it, sent so far */
	uint64_t began_at;  /* when its first sample was recorded; 0: not yet */
	uint64_t report_at; /* when the next report is due */
	int down;	    /* -errno of the link */
	int broken;	    /* of the sink */
	struct call_counts counts;
	struct call_range delay, sent_late;
	struct call_range delay_before, sent_late_before; /* read already */
};

static inline bool call_stopped(struct call *call)
{
	return atomic_load(call->stop);
}

static inline void range_add(struct call_range *range, int64_t value)
{
	if (!range->count || value < range->least)
		range->least = value;
	if (!range->count || value > range->most)
		range->most = value;
	range->count++;
	range->sum += value;
}

/* call.c: wait for news, but not for long; the lock is held */
void call_wait(struct call *call);
/* Threads of a call release packets on time. */
void call_thread_begin(const char *name);

/* listen.c; send a report now. The lock is not held. */
void call_report(struct call *call, uint8_t flags);

/* a file each */
void *call_talk(void *cookie);
void *call_listen(void *cookie);
void *call_play(void *cookie);

#endif
