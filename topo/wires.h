/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wires - links with properties
 *
 *	node a         NETWORK@wires         node b
 *
 *	         ┌─▶ block "link": from a ─┐
 *	eth0 ══ w100                      w101 ══ eth0
 *	         └─ block "link": from b ◀─┘
 *
 * Each end of such a link is a veth of its own, whose other end stands in a namespace of the
 * network's, and is hooked at tc by the one stack of that namespace. Of a segment, where only some
 * ends need have properties, what stands for b is the port of the bridge.
 *
 * Names of blocks (and the devices among them, which the kernel knows by their numbers) follow from
 * those of the link and of the end, so that they are found again by whoever comes later.
 */
#ifndef TOPO_WIRES_H
#define TOPO_WIRES_H

#include <lana/stack.h>

#include "home.h"
#include "run.h"

enum wires_part {
	WIRES_DEVICE, /* that leads to the end, */
	WIRES_FAR,    /* of a segment: to the bridge */
	WIRES_FROM,   /* what the end sends */
	WIRES_TO,     /* of a segment: what it receives */
};

void wires_name(const struct net *net, const struct net_link *link, size_t end,
		enum wires_part part, char name[LANA_NAME_MAX]);

/*
 * Carry out what steps [first, last) ask of the stack, as one commit: the devices of links that are
 * made are there, those of links that are removed are there still.
 */
int wires_run(struct run *run, size_t first, size_t last, struct lana_error *error);

/*
 * Have a handle of the stack know the type of links, which the kernel takes a while to verify: what
 * is set by it from then on takes little.
 */
int wires_warm(struct lana_stack *stack, struct lana_error *error);

#endif
