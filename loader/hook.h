/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hook - what other parts of the library need of device blocks
 */
#ifndef LOADER_HOOK_H
#define LOADER_HOOK_H

#include "op.h"

struct device;

/* Detach a device's roots and undo what was changed at its peer; its record stays. */
void hook_detach(struct lana_stack *stack, __u32 idp);

/*
 * Hook a device: op->name is the block's name, op->other the device. Passing: as a part of a
 * commit, which has the device's packets go to the kernel, and lets recovery unhook it, until the
 * record says otherwise.
 */
int hook_now(struct lana_stack *stack, const struct op *op, bool passing, __u32 *idp,
	     struct lana_error *error);

/* Check that it could be, and edit the records as if it were. */
int hook_try(struct commit *commit, const struct op *op, struct lana_error *error);

#define SOCKET_DIRECT_MAX 4 /* as many as the type socket has options for */

/* A device of the stack whose packets a socket can have directly. */
struct socket_direct {
	__u32 ifindex;
	__u32 first; /* of the AF_XDP sockets there, one a queue */
	__u32 queues;
};

/* What a socket's block is to be. */
struct socket_block {
	const char *name, *device; /* which is of the current network namespace */
	enum lana_hook hook;
	__u32 frame_max;		    /* bytes that the program can receive */
	const struct socket_direct *direct; /* SOCKET_DIRECT_MAX of them; ifindex 0: none */
	bool is_worker;
};

/* Hook the device of a socket; the block is decided when this returns. */
int hook_socket(struct lana_stack *stack, const struct socket_block *wanted, __u32 *idp,
		struct lana_error *error);

/*
 * A socket that has packets directly knows the device by its index. A device of another namespace,
 * or another device, may have the same one as this: from then on none is trusted.
 */
int hook_end_direct(struct lana_stack *stack, const struct device *device,
		    struct lana_error *error);

/* Has a socket of the stack the packets of the device with that index directly? */
int hook_find_direct(struct lana_stack *stack, __u32 ifindex, bool *found,
		     struct lana_error *error);

/* As a part of a commit: the device is to be unhooked when that is through. */
void hook_leave(struct commit *commit, __u32 idp);

/* Unhook those of which a commit has said so. */
int unhook_leaving(struct lana_stack *stack, struct lana_error *error);

/* Detach a device that is not bound, and remove its block. */
int unhook_now(struct lana_stack *stack, __u32 idp, bool unseen, struct lana_error *error);

/* Remove the stack, which is locked: what lana_stack_flush() does. */
int flush_locked(struct lana_stack *stack, struct lana_error *error);

/* Undo hooks and finish unhooks that were begun by a writer that was killed. */
int hook_recover(struct lana_stack *stack, struct lana_error *error);

#endif
