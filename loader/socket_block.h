/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket_block - sockets as the stack knows them: a block, a device, a folder
 *
 *	program ══ AF_XDP ══ lana ─────────────── lana.sTAG ── root ── stack
 *	           namespace of its own            beside the stack's devices
 *
 * A socket's block is one of a device with its paths exchanged: what the device receives enters the
 * stack on the egress path, and what reaches the block on either path is sent by the device. The
 * other end is in a network namespace that nothing but the program's descriptors holds; so the
 * kernel removes the device when the process ends. The process holds the lock of a folder of its
 * own, and the first command that finds the lock free removes the block and its edges.
 */
#ifndef LOADER_SOCKET_BLOCK_H
#define LOADER_SOCKET_BLOCK_H

#include "stack.h"

#define SOCKET_DEVICE "lana.s%08x"

/* Make the folder of a socket, which is known by its device, and take its lock. */
int socket_folder_make(const struct lana_stack *stack, const char *device, int *fd);
void socket_folder_remove(const struct lana_stack *stack, const char *device);

/*
 * Remove the block of a socket, with its edges and its device. -EINPROGRESS: it was begun, and the
 * next command finishes it.
 */
int socket_drop(struct lana_stack *stack, __u32 idp, struct lana_error *error);

/* The same by the name of its device; that it has gone is fine. Locks the stack. */
int socket_drop_device(struct lana_stack *stack, const char *name, struct lana_error *error);

/*
 * Remove the sockets of processes that have gone; the stack is locked. What is refused is tried
 * again by the next command. -EINPROGRESS: it was begun, and nothing else may be done.
 */
int sockets_reap(struct lana_stack *stack, struct lana_error *error);

/* Remove folders that processes have left that were killed before their sockets had a block. */
void sockets_tidy(const struct lana_stack *stack);

/* Remove the device; that it has gone is fine. */
int socket_device_remove(const struct device_record *record);

#endif
