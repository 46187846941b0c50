/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mptcp_lab.h - one connection over several paths: by lana, and by the kernel's MPTCP
 *
 *	     s                      lab                      r
 *	+---------+    +-----------------------------+    +---------+
 *	|    w1 --|----| a1 ─► there1 ─►         b1  |----|-- w1    |
 *	|         |    |         ◄─  back1 ◄─        |    |         |
 *	|    …    |    |              …              |    |    …    |
 *	|    w5 --|----| a5                      b5  |----|-- w5    |
 *	+---------+    +-----------------------------+    +---------+
 *	 10.N.0.1             links, a worker              10.N.0.2
 *
 * Both ends have the stacks of examples/multipath-*.yaml, with tunnels from end to end, each with a
 * worker; their connections are between 10.0.0.1 and 10.0.0.2. MPTCP has a subflow by each of the
 * addresses 10.N.0.2 that r signals. So both go by the same links.
 */
#ifndef MPTCP_LAB_H
#define MPTCP_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include <lana/lana.h>

#define MPTCP_LAB_PATHS	  5
#define MPTCP_LAB_SECONDS 40 /* of a connection, at most */

enum mptcp_lab_stack { MPTCP_LAB_SENDER, MPTCP_LAB_RECEIVER, MPTCP_LAB_LINKS, MPTCP_LAB_STACKS };

/* Make it. First of all. */
void mptcp_lab_begin(void);
void mptcp_lab_end(void);

/* Set an option of a block. */
void mptcp_lab_set(enum mptcp_lab_stack stack, const char *block, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same of both directions of a path's link; paths are counted from 1. */
void mptcp_lab_link(unsigned int path, const char *option);

/* How many of them there are from now on, from 1 on, for MPTCP too, all alike. */
void mptcp_lab_use(unsigned int count);

/* Packets that links let go too late, as the host could not keep up. */
uint64_t mptcp_lab_late(void);

/* ---- a connection ------------------------------------------------------------------------- */

struct mptcp_event {
	double at; /* seconds since the connection was made */
	void (*act)(void);
};

struct mptcp_flow {
	bool mptcp; /* else by lana, with "lanactl paths" at both ends, */
	bool adapt; /* and "adapt" */
	const char *congestion;
	double seconds;
	struct mptcp_event events[4]; /* in their order; those without act are none */
};

/* What had come after so many milliseconds. */
struct mptcp_record {
	uint64_t bytes[MPTCP_LAB_SECONDS * 1000];
	unsigned int retransmits; /* of TCP; MPTCP does not tell them all */
};

void mptcp_lab_run(const struct mptcp_flow *flow, struct mptcp_record *record);

/* Mbit/s between two moments. */
double mptcp_record_rate(const struct mptcp_record *record, double from, double to);

/* The longest time without a byte, in seconds. */
double mptcp_record_silence(const struct mptcp_record *record, double from, double to);

#endif
