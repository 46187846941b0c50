/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * devices - real devices, which are lent to nodes
 *
 * What is lent is noted before it is moved: node, interface, device, namespace, whether it was
 * up. So it is found again whatever becomes of the command.
 */
#ifndef TOPO_DEVICES_H
#define TOPO_DEVICES_H

#include "home.h"

struct device_loan {
	char node[NET_NAME_MAX], interface[IFNAMSIZ], device[IFNAMSIZ], netns[200];
	int up;
};

/* Move a device into the namespace of descriptor to, up. index is the one it gets. */
int device_lend(const struct home *home, const struct device_loan *loan, int to, __u32 index,
		struct lana_error *error);

/* What was noted of a device that is lent to a node. False: it is lent to none. */
bool device_loan_find(const struct home *home, const char *node, const char *interface,
		      struct device_loan *loan);

/* Move it back. It may be back already, or have gone. */
int device_return(const struct home *home, const struct device_loan *loan,
		  struct lana_error *error);

/* All that were lent. The first failure; the others are returned all the same. */
int devices_return(const struct home *home, struct lana_error *error);

#endif
