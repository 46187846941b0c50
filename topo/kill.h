/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kill - end the processes that are in nodes
 */
#ifndef TOPO_KILL_H
#define TOPO_KILL_H

#include "home.h"

/*
 * End all processes whose network namespace is that of a node, however they came there; but for the
 * caller. By SIGTERM, and by SIGKILL a second later. Returns when they have ended.
 */
int kill_node(const struct home *home, const char *node);
int kill_all(const struct home *home);

/*
 * The same for what a keeper that was killed has left behind: processes in nodes that have
 * KILL_MARK=NETWORK/NODE/PROCESS in their environment, as all have that it starts, and what these
 * start. What somebody else has started in a node is let alone.
 */
#define KILL_MARK "LANA_PROCESS"
int kill_left(const struct home *home);

#endif
