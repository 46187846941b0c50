/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stacks - lana stacks on the devices of nodes: each is called NETWORK+NODE (bpffs takes no dots)
 */
#ifndef TOPO_STACKS_H
#define TOPO_STACKS_H

#include "home.h"

/* Open the stack of a node, or one of the network's own (HOME_WIRES: NETWORK++wires). */
int stacks_open(const struct lana_topo_options *options, const struct home *home, const char *node,
		bool create, struct lana_stack **stack, struct lana_error *error);

/* Make the node's stack what its stack file says. */
int stack_make(const struct lana_topo_options *options, const struct home *home,
	       const struct net_node *node, struct lana_error *error);

/* Remove the stack of a node; there may be none. */
int stack_remove(const struct lana_topo_options *options, const struct home *home, const char *node,
		 struct lana_error *error);

/* Remove the stacks of all nodes. */
int stacks_remove(const struct lana_topo_options *options, const struct home *home,
		  struct lana_error *error);

#endif
