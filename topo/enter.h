/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * enter - move a process into a node
 */
#ifndef TOPO_ENTER_H
#define TOPO_ENTER_H

#include "home.h"

/* For the calling thread; mounts are made in a mount namespace of its own. */
int node_enter(const struct home *home, const struct net_node *node, struct lana_error *error);

#endif
