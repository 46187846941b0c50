/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stacks - lana stacks on the devices of nodes: each is called NETWORK+NODE (bpffs takes no dots)
 */
#ifndef TOPO_STACKS_H
#define TOPO_STACKS_H

#include "home.h"

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
