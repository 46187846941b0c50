/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow.h - numbered frames of every size from one socket to another, looked at byte by byte
 *
 * As many are on their way at most as every ring on it can hold: so none may be lost.
 */
#ifndef FLOW_H
#define FLOW_H

#include <pthread.h>
#include <stdint.h>

#include <lana/socket.h>

#define FLOW_WINDOW 192

/* One direction. */
struct flow {
	const char *name;
	struct lana_socket *from, *to;
	unsigned int window;	 /* frames on their way; 0: FLOW_WINDOW */
	uint64_t sent, received; /* atomic: each is the other thread's to read */
	uint64_t wrong;		 /* not the frame that was due, or another one than was sent */
	bool stopping;
	pthread_t sender, receiver;
};

void flow_start(struct flow *flow);

/* Until so many frames have come since it was started; ends the test if none comes for seconds. */
void flow_wait(const struct flow *flow, uint64_t frames);

/* Stop, and test that all came, whole and in order. */
void flow_finish(struct flow *flow, const char *where);

#endif
