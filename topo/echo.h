/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * echo - echoes (RFC 792, RFC 4443) between nodes, of many pairs at a time
 */
#ifndef TOPO_ECHO_H
#define TOPO_ECHO_H

#include "home.h"

/* The echo that goes ahead of those that count. */
enum echo_ahead { ECHO_AHEAD_NONE, ECHO_AHEAD_SENT, ECHO_AHEAD_DONE };

/* Who asks whom. The rest is for echo_run() to fill in, and 0 before. */
struct echo_pair {
	__u32 from; /* number of the node */
	struct net_address to;
	unsigned int sent, received;
	__u64 least, most, sum; /* of round trips: ns */
	unsigned int unsent;	/* of those sent: the node could not send them */
	enum echo_ahead ahead;
	bool *back; /* by number; NULL: it has not begun, or is done */
	__u64 last; /* when the last one was sent, CLOCK_MONOTONIC */
};

struct echo_plan {
	unsigned int count; /* echoes a pair */
	__u64 gap, wait;    /* ns between two of them, and for the answer to the last one */
	bool eager;	    /* the next one is sent as soon as none is waited for */
	bool once;	    /* an answer is enough */
	bool ahead;	    /* one more goes ahead and is not counted: neighbours are found by it */
};

/* Takes the thread to other namespaces for good. -errno: what was not asked has sent 0. */
int echo_run(const struct home *home, const struct net *net, const struct echo_plan *plan,
	     struct echo_pair *pairs, size_t count);

/* Move the thread to a node's network namespace, and nothing else. */
int echo_go_to(const struct home *home, const struct net_node *node);

socklen_t echo_address(const struct net_address *target, __u16 port, struct sockaddr_storage *to);

#endif
