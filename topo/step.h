/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * step - the single steps that make a network, or change one into another
 *
 * Making a network is changing nothing into it. Steps that take away refer to the network that was,
 * others to the one that shall be. Each can be undone by its opposite.
 */
#ifndef TOPO_STEP_H
#define TOPO_STEP_H

#include "net.h"

enum step_kind {
	STEP_NODE,
	STEP_BRIDGE,	 /* item: link: an Ethernet segment */
	STEP_LINK,	 /* item: link of two ends */
	STEP_PORT,	 /* item: link, part: end: of a segment */
	STEP_PROPERTIES, /* item: link, part: end, to: what begins, or ends, there */
	STEP_DEVICE,	 /* item: interface: a real device */
	STEP_FORWARDING, /* on if not remove */
	STEP_SYSCTL,	 /* item: setting */
	STEP_LIMITS,
	STEP_INTERFACE, /* item: interface: its MTU and MAC address, as they are to be */
	STEP_VLAN,	/* item: interface */
	STEP_ADDRESS,	/* item: interface, part: address */
	STEP_ROUTE,	/* item: route */
	STEP_STACK,
	STEP_PROCESS, /* item: process */
};

struct step {
	enum step_kind kind;
	bool remove;
	bool again;   /* a route or sysctl that the kernel drops together with its interface */
	bool implied; /* taken away by another step: there to be undone */
	bool done;
	const struct net *net;
	__u32 node, item, part;
	bool to;
	__u32 wires[2]; /* of a link with properties: indexes of lana's own devices, once known */
};

struct steps {
	struct step *list;
	size_t count;
	size_t first_add; /* from here on steps add; before, they take away */
};

/* What leads from one network to another (or NULL, or to NULL). -ENOMEM */
int steps_find(const struct net *from, const struct net *to, struct steps *steps);

/*
 * The opposites of steps that were done, in the opposite order: what leads back to `from`, the
 * network that was. -ENOMEM
 */
int steps_turn(const struct steps *steps, const struct net *from, struct steps *back);

/* Is it something of one node alone that its own netlink socket or /proc/sys takes? */
static inline bool step_is_setting(const struct step *step)
{
	return step->kind >= STEP_FORWARDING && step->kind <= STEP_ROUTE &&
	       step->kind != STEP_LIMITS;
}

/* Does it make or remove a link, or an end of a segment, with properties? */
bool step_is_wired(const struct step *step);

/* In words; and where the file says so. */
void step_text(const struct step *step, char *text, size_t size);
struct place step_place(const struct step *step);

static inline const struct net_node *step_node(const struct step *step)
{
	return &step->net->nodes[step->node];
}

#endif
