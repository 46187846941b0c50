/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * limits - what a node's processes may use (cgroup v2), and what large networks need
 *
 * A node with limits has the control group lana.topo/NETWORK/NODE below the root of the hierarchy.
 */
#ifndef TOPO_LIMITS_H
#define TOPO_LIMITS_H

#include "home.h"

/* Make or change the group of a node, or remove it if the node has no limits. */
int limits_set(const struct home *home, const struct net_node *node, struct lana_error *error);
void limits_remove(const struct home *home, const char *node);
/* Remove the groups of all nodes, and end what is in one still: it has left its node. */
int limits_remove_all(const struct home *home);

/* Put the calling process into the group of a node, if it has one. */
int limits_enter(const struct home *home, const char *node);

/* Can limits be kept on this machine? -EOPNOTSUPP: why not, and where the file asks for them. */
int limits_check(const struct net *net, struct lana_error *error);

/*
 * What the machine, and not lana, would have to raise for the network: the neighbours that the
 * kernel keeps for all namespaces together. Empty: nothing.
 */
void limits_note(const struct net *net, char *note, size_t size);

/* Let the process open so many files more; the old limit goes to *before. */
struct rlimit;
int limits_raise_files(size_t more, struct rlimit *before);

#endif
