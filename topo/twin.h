/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twin - what of a network is in another one as well
 *
 * By it a change leaves alone what does not differ. Things are told by their names, and links also
 * by what they lead to. The other network, or node, may be NULL: nothing is in it.
 */
#ifndef TOPO_TWIN_H
#define TOPO_TWIN_H

#include "net.h"

const struct net_node *twin_node(const struct net *other, const struct net_node *node);

/* The link of the other network that is this one; a segment only as such, a veth too. */
const struct net_link *twin_link(const struct net *other, const struct net *net,
				 const struct net_link *link);

/* The end of a link of the other network that is that one of link; -1: it has none. */
long twin_end(const struct net *other, const struct net_link *y, const struct net *net,
	      const struct net_link *link, size_t end);

/* The interface of the other network that is this very device; NULL: that one is made anew. */
const struct net_interface *twin_interface(const struct net *other, const struct net *net,
					   const struct net_node *node,
					   const struct net_interface *interface);

/* Is it a sysctl of an interface that is another device in the other network, or none? */
bool twin_lacks_device(const struct net *other, const struct net *net, const struct net_node *node,
		       const struct net_setting *sysctl);

bool twin_has_address(const struct net_interface *interface, const struct net_address *address);
bool twin_has_route(const struct net_node *node, const struct net_route *route);

/*
 * Mounts are a process's own: it begins anew if they differ. So it does if its node gets its first
 * limits, as it is in no control group, or loses the last ones.
 */
bool twin_has_process(const struct net_node *other, const struct net_node *node,
		      const struct net_process *process);

bool twin_same_settings(const struct net_settings *a, const struct net_settings *b);
bool twin_same_text(const char *a, const char *b); /* both may be NULL */

#endif
