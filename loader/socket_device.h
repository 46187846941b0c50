/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket_device - the veth pair of a socket, its programs, and the AF_XDP socket at its own end
 */
#ifndef LOADER_SOCKET_DEVICE_H
#define LOADER_SOCKET_DEVICE_H

#include "hook.h"
#include "socket_parts.h"
#include "stack.h"

/* What is to be made. */
struct socket_plan {
	const struct lana_stack *stack;
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

#endif
