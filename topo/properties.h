/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * properties - what links do to packets
 *
 * A link without any property is a plain veth. Properties are options of block type "link", whose
 * object says which there are and which values they take; it is read as a file, so that no
 * privilege is needed to tell whether a topology file is right.
 */
#ifndef TOPO_PROPERTIES_H
#define TOPO_PROPERTIES_H

#include <lana/link.h>

#include "net.h"

#define PROPERTIES_TYPE "link"

struct properties;

/* Find out which there are. -ENOENT: the type is not installed. */
int properties_open(const struct lana_topo_options *options, struct properties **properties,
		    struct lana_error *error);
void properties_close(struct properties *properties);

/*
 * A link has a direction for each end: what begins there; of a segment another one, to, that ends
 * there. Is anything said of it?
 */
bool properties_given(const struct net_link *link, size_t end, bool to);

/* Does the link's property of that number hold for a direction? */
bool properties_holds(const struct net_link *link, size_t number, size_t end, bool to);

/* Is the same said of a direction in two networks, in the same words? */
bool properties_same(const struct net_link *link, size_t end, const struct net_link *other,
		     size_t other_end, bool to);

/*
 * Is it more than a veth, because something is said of one of its directions? Ends of a segment
 * are looked at one by one; other links have the same at each.
 */
bool properties_wired(const struct net_link *link, size_t end);
bool net_has_wires(const struct net *net);

/*
 * The settings of a direction, of which what is said more narrowly comes before the rest. -EINVAL,
 * -ERANGE: where in the file something is wrong, and why.
 */
int properties_config(const struct properties *properties, const struct net *net,
		      const struct net_link *link, size_t end, bool to, struct link_config *config,
		      struct lana_error *error);

/* The same without a word of where, but in *place (or NULL). */
int properties_settle(const struct properties *properties, const struct net *net,
		      const struct net_link *link, size_t end, bool to, struct link_config *config,
		      struct place *place, struct lana_error *error);

/* A setting of a config in words; NULL: there are no more. number counts from 0 on. */
const char *properties_text(const struct properties *properties, const struct link_config *config,
			    size_t number, char *text, size_t size);

/* Are all of the network's right? */
int properties_check(const struct net *net, const struct lana_topo_options *options,
		     struct lana_error *error);

/* What the network's links ask of a worker; frames 0: nothing takes time. */
struct properties_need {
	__u64 frames; /* full ones that they hold when all are busy */
	__u32 mtu;    /* the largest one of a link that a worker could have */
};
int properties_need_of(const struct lana_topo_options *options, const struct net *net,
		       struct properties_need *need, struct lana_error *error);

/*
 * Does what is sent by it have to be cut to frames? Where a link takes no time the kernel decides
 * what becomes of each packet, of which it may hold many as one.
 */
static inline bool properties_cut(const struct link_config *config)
{
	return !link_takes_time(config) && (config->loss || config->ge_p || config->ge_good ||
					    config->ber || config->duplicate);
}

#endif
