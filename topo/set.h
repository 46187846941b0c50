/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set - change properties of links while they are in use
 */
#ifndef TOPO_SET_H
#define TOPO_SET_H

#include "home.h"
#include "properties.h"

/*
 * Which directions of a link are meant: those that begin at node `from`, or end at node `to` of a
 * segment, or (both NULL) all that begin somewhere. ends: a bit an end. -ENOENT: it has no such
 * node.
 */
struct set_choice {
	__u32 link;
	long from, to; /* nodes; -1: none */
};

int set_choose(const struct net *net, const char *link, const char *from, const char *to,
	       struct set_choice *choice, struct lana_error *error);

/* Does an end belong to it? */
bool set_chosen(const struct net *net, const struct set_choice *choice, size_t end);

/*
 * Note settings ("key=value", ends in NULL) in the network, of which nothing is checked but their
 * form; and check them together with what else holds.
 */
int set_put(struct net *net, const struct set_choice *choice, const char *const *settings,
	    struct lana_error *error);
int set_check(const struct properties *properties, const struct net *net,
	      const struct set_choice *choice, struct lana_error *error);

/*
 * Have the link of a network that is up, which has properties, do what the network says of it.
 * wires: the links' stack, if it is open; or NULL. That takes ten times as long, as what the kernel
 * has verified is known to a handle.
 */
int set_run(const struct lana_topo_options *options, const struct home *home,
	    struct properties *properties, struct lana_stack *wires, const struct net *net,
	    const struct set_choice *choice, struct lana_error *error);

#endif
