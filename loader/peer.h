/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peer - GRO at the other ends of veths, without which XDP cannot send there
 *
 * See device_peer_is_idle(). It is on for as long as the device is hooked, once any is hooked at
 * XDP, and the record says so (peer_gro).
 */
#ifndef LOADER_PEER_H
#define LOADER_PEER_H

#include "stack.h"

/* Devices at whose other ends GRO was switched on: one bit an IDP. */
struct peers {
	__u64 bits[LANA_BLOCKS_MAX / 64];
};

/*
 * See that every device transmits what XDP redirects to it, the one just recorded and those
 * hooked at other hooks before. It is recorded first, so that it is undone in any case.
 */
int peers_ready(struct lana_stack *stack, struct peers *switched, struct lana_error *error);

/* Switch GRO off again where it was just switched on. */
void peers_release(struct lana_stack *stack, const struct peers *switched);

/* The same at the other end of one device. Its record stays as it is. */
void peer_release(const struct device_record *record);

#endif
