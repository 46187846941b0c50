/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expect - look whether what a file expects of its network is so
 */
#ifndef TOPO_EXPECT_H
#define TOPO_EXPECT_H

#include "home.h"

/*
 * Look now; takes up to two seconds, and moves the thread to other namespaces for good. found is
 * what there is to say. Is it as the event says? -errno: it cannot be found out.
 */
int expect(const struct home *home, const struct net *net, const struct net_event *event,
	   char *found, size_t size);

#endif
