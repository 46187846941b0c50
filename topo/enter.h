/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * enter - move a process into a node
 */
#ifndef TOPO_ENTER_H
#define TOPO_ENTER_H

#include "home.h"

/*
 * A mount namespace in which nodes' names are known, for programs of all nodes that have no other
 * mounts: one is a copy of all mounts, of which a network has one a node. -errno
 */
int node_view(const struct home *home);

/*
 * For the calling thread; mounts are made in a mount namespace of its own. view: that of
 * node_view(), which does if the node has no mounts, and leads to "/"; or -1.
 */
int node_enter(const struct home *home, const struct net_node *node, int view,
	       struct lana_error *error);

#endif
