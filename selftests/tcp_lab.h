/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcp_lab.h - kernel TCP through two links, there and back, and each byte looked at
 *
 *	 generator         stack          checker
 *	+--------+    +--------------+    +--------+
 *	|     g0 |----| in ═there═►  |----| c0     |
 *	|        |    |    ◄═back═ out    |        |
 *	+--------+    +------║-------+    +--------+
 *	 10.9.0.1         worker           10.9.0.2
 *
 * One thread has all streams, and none but tcp_lab_run() and tcp_lab_finish() waits. Functions end
 * the test where they cannot do what they say.
 */
#ifndef TCP_LAB_H
#define TCP_LAB_H

#include "live.h"

struct tcp_lab {
	struct lana_stack *stack;
	pid_t worker;
};

/* A stream from 10.9.0.1 to 10.9.0.2. */
struct tcp_stream {
	int from, to;
	uint64_t sent, received; /* bytes */
	bool differs;		 /* a byte that came is not the one that was sent */
	bool ended;		 /* the last byte has come, and nothing comes after it */
};

/* Make the topology. First of all. */
void tcp_lab_begin(void);

/* Links "there" and "back" with these options, KEY=VALUE separated by blanks, and a worker. */
void tcp_lab_open(struct tcp_lab *lab, enum lana_hook hook, const char *there, const char *back);
void tcp_lab_close(struct tcp_lab *lab);

/* Connect, both ends with that congestion control. False: this kernel does not have it. */
bool tcp_lab_connect(struct tcp_stream *stream, const char *congestion);
void tcp_lab_disconnect(struct tcp_stream *stream);

/* The congestion control in use at the end that sends. */
const char *tcp_lab_congestion(const struct tcp_stream *stream);

/* Send as fast as TCP lets, for so long. */
void tcp_lab_run(struct tcp_stream *streams, size_t count, double seconds);

/* Send no more: wait until all has come, at most for so long. False: it has not. */
bool tcp_lab_finish(struct tcp_stream *streams, size_t count, double seconds);

#endif
