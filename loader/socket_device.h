/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket_device - the veth pair of a socket, or a worker, its programs, and the AF_XDP socket at
 * its own end
 */
#ifndef LOADER_SOCKET_DEVICE_H
#define LOADER_SOCKET_DEVICE_H

#include "hook.h"
#include "socket_parts.h"
#include "stack.h"

struct socket_plan;

/* Programs for both ends, descriptors; -1: none. close() frees what holds them. */
struct socket_programs {
	void *object;
	void (*close)(void *object);
	int receive;		   /* XDP, at the end of its own */
	int poll, ingress, egress; /* XDP and tc at the other end */
	int xsks, counts;	   /* maps: of the AF_XDP socket; see SOCKET_FD_COUNTS */
};

/* What is to be made. */
struct socket_plan {
	struct lana_stack *stack;
	bool is_worker;
	int (*load)(const struct socket_plan *plan, struct socket_programs *programs);
	char device[16]; /* end in the stack's namespace */
	enum lana_hook hook;
	struct socket_parts *parts;
	struct socket_direct direct[SOCKET_DIRECT_MAX]; /* those that cannot be had are cleared */
};

/*
 * Make the pair, beside what is in the current network namespace, with everything at both ends that
 * is not the stack's; both ends are up. The descriptors of parts are the caller's to close, also if
 * it fails.
 */
int socket_device_make(struct socket_plan *plan, struct lana_error *error);

/* The programs of sockets, for socket_plan.load. */
int socket_load(const struct socket_plan *plan, struct socket_programs *programs);

#endif
