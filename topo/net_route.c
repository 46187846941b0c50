// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_route - routes along the shortest paths, counted in links, for `routing: shortest`
 *
 * A node that reaches everything by one neighbour gets a default route. Any other gets a route for
 * each network, where two that make up a larger one and go the same way are joined, time and again;
 * so as links are numbered along a line, or through a tree, few are left. A node in between has to
 * forward. Of paths of the same length it is the one whose links stand first in the file.
 * A node to which the file gives routes gets no others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "net.h"

#define CONNECTED (-1) /* in the place of an end: the network is the node's own */

/* A network that a node is in. */
struct place_in {
	struct net_address prefix;
	__u32 node;
};

/* How a node is reached: by the first link of the path, and the end of that which is next. */
struct way {
	__u32 distance; /* links; 0: not at all */
	__u32 link;
	long end;
};

struct router {
	struct net *net;
	struct place_in *places; /* sorted by prefix */
	size_t count;
	struct way *ways; /* from the node at work, by node */
	__u32 *queue;	  /* of nodes */
	struct hop {	  /* routes before they are written down */
		struct net_address prefix;
		__u32 link;
		long end;
	} * hops;
	size_t hops_count;
};

static void router_free(struct router *router)
{
	free(router->places);
	free(router->ways);
	free(router->queue);
	free(router->hops);
}

static int compare(const void *left, const void *right)
{
	const struct place_in *a = left, *b = right;

	if (a->prefix.family != b->prefix.family)
		return a->prefix.family - b->prefix.family;
	return memcmp(a->prefix.bytes, b->prefix.bytes, sizeof(a->prefix.bytes))
		       ?: (int)a->prefix.length - (int)b->prefix.length
		       ?: (a->node > b->node) - (a->node < b->node);
}

static bool is_same(const struct net_address *a, const struct net_address *b)
{
	return a->family == b->family && a->length == b->length &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static void clear_behind(struct net_address *address)
{
	for (unsigned int bit = address->length; bit < 128; bit++)
		address->bytes[bit / 8] &= ~(0x80 >> bit % 8);
}

static int list_places(struct router *router)
{
	struct net *net = router->net;

	for (size_t i = 0; i < net->nodes_count; i++)
		for (size_t j = 0; j < net->nodes[i].interfaces_count; j++) {
			const struct net_interface *interface = &net->nodes[i].interfaces[j];

			for (size_t k = 0; k < interface->addresses_count; k++) {
				struct place_in *place = NET_ADD(router->places, router->count);

				if (!place)
					return -ENOMEM;
				place->prefix = interface->addresses[k];
				place->node = i;
				clear_behind(&place->prefix);
			}
		}
	qsort(router->places, router->count, sizeof(*router->places), compare);
	return 0;
}

/* Note all nodes at the other ends of a node's links that no shorter way leads to. */
static void look_around(struct router *router, __u32 from, __u32 start, size_t *tail)
{
	const struct net_node *node = &router->net->nodes[from];

	for (size_t i = 1; i < node->interfaces_count; i++) {
		const struct net_link *link;

		if (node->interfaces[i].link == NET_NONE)
			continue;
		link = &router->net->links[node->interfaces[i].link];
		for (size_t j = 0; j < link->ends_count; j++) {
			__u32 to = link->ends[j].node;
			struct way *way = &router->ways[to];

			if (to == start || way->distance)
				continue;
			if (from == start)
				*way = (struct way){ 1, node->interfaces[i].link, j };
			else
				*way = router->ways[from];
			if (from != start)
				way->distance++;
			router->queue[(*tail)++] = to;
		}
	}
}

static void find_ways(struct router *router, __u32 start)
{
	size_t head = 0, tail = 0;

	memset(router->ways, 0, router->net->nodes_count * sizeof(*router->ways));
	look_around(router, start, start, &tail);
	for (; head < tail; head++)
		if (router->net->nodes[router->queue[head]].forwarding)
			look_around(router, router->queue[head], start, &tail);
}

/* Do two networks make up one of twice the size, and does the same way lead to both? */
static bool are_halves(const struct hop *a, const struct hop *b)
{
	struct net_address whole = a->prefix;
	unsigned int bit = a->prefix.length - 1;

	if (a->prefix.family != b->prefix.family || a->prefix.length != b->prefix.length ||
	    !a->prefix.length)
		return false;
	if (a->end != CONNECTED && b->end != CONNECTED && (a->end != b->end || a->link != b->link))
		return false;
	whole.bytes[bit / 8] |= 0x80 >> bit % 8;
	return !(a->prefix.bytes[bit / 8] & 0x80 >> bit % 8) && is_same(&whole, &b->prefix);
}

/*
 * Add a network behind all others. What is connected may be covered by any route, as the node's own
 * network is the longer prefix.
 */
static void push(struct router *router, struct hop hop)
{
	struct hop *hops = router->hops;

	while (router->hops_count && are_halves(&hops[router->hops_count - 1], &hop)) {
		struct hop *before = &hops[--router->hops_count];

		if (hop.end == CONNECTED) {
			hop.end = before->end;
			hop.link = before->link;
		}
		hop.prefix = before->prefix;
		hop.prefix.length--;
		/* One that was this large already is shadowed by its halves. */
		if (router->hops_count &&
		    is_same(&hops[router->hops_count - 1].prefix, &hop.prefix))
			router->hops_count--;
	}
	hops[router->hops_count++] = hop;
}

/* The address of a family at an end. */
static const struct net_address *address_of(const struct net *net, const struct net_end *end,
					    int family)
{
	const struct net_interface *interface = &net->nodes[end->node].interfaces[end->interface];

	for (size_t i = 0; i < interface->addresses_count; i++)
		if (interface->addresses[i].family == family)
			return &interface->addresses[i];
	return NULL;
}

/* That of the next node. */
static const struct net_address *address_at(const struct net *net, const struct hop *hop)
{
	return address_of(net, &net->links[hop->link].ends[hop->end], hop->prefix.family);
}

/* Has the node itself one on the link, so that the next one is in its network? */
static bool is_in_network(const struct net *net, const struct hop *hop, __u32 node)
{
	const struct net_link *link = &net->links[hop->link];

	for (size_t i = 0; i < link->ends_count; i++)
		if (link->ends[i].node == node && (long)i != hop->end &&
		    address_of(net, &link->ends[i], hop->prefix.family))
			return true;
	return false;
}

/*
 * The nearest of the nodes that are in the network of places[*at]; *at becomes the next network.
 * One that forwards hands on to all others there, one that does not has but its own address.
 */
static bool find_hop(const struct router *router, __u32 start, size_t *at, struct hop *hop)
{
	const __u32 alone = 1U << 30; /* farther than any that forwards */
	size_t first = *at;
	__u32 least = UINT32_MAX;

	*hop = (struct hop){ .prefix = router->places[first].prefix };
	for (; *at < router->count && is_same(&hop->prefix, &router->places[*at].prefix); ++*at) {
		const struct way *way = &router->ways[router->places[*at].node];
		bool forwards = router->net->nodes[router->places[*at].node].forwarding;
		__u32 distance = way->distance + (forwards ? 0 : alone);

		if (router->places[*at].node == start) {
			hop->end = CONNECTED;
			least = 0;
		} else if (way->distance && distance < least) {
			hop->end = way->end;
			hop->link = way->link;
			least = distance;
		}
	}
	return least != UINT32_MAX &&
	       (hop->end == CONNECTED ||
		(address_at(router->net, hop) && is_in_network(router->net, hop, start)));
}

static int add_route(struct router *router, struct net_node *node, const struct hop *hop,
		     bool is_default)
{
	struct net_route *route = NET_ADD(node->routes, node->routes_count);
	char to[64] = "default", via[64];

	if (!route)
		return -ENOMEM;
	route->has_via = true;
	route->via = *address_at(router->net, hop);
	route->to = hop->prefix;
	if (is_default) {
		memset(route->to.bytes, 0, sizeof(route->to.bytes));
		route->to.length = 0;
	}
	route->to.place = node->place;
	if (route->to.length)
		net_format_address(&route->to, true, to, sizeof(to));
	net_format_address(&route->via, false, via, sizeof(via));
	return asprintf(&route->text, "%s via %s", to, via) < 0 ? -ENOMEM : 0;
}

/*
 * The routes of one family, of those that were pushed. Two routers that had their defaults by each
 * other would hand on what goes nowhere until its hops are spent.
 */
static int write_down(struct router *router, struct net_node *node, int family)
{
	const struct hop *only = NULL;
	bool several = false;
	int err = 0;

	for (size_t i = 0; i < router->hops_count; i++) {
		const struct hop *hop = &router->hops[i];

		if (hop->prefix.family != family || hop->end == CONNECTED)
			continue;
		several |= only && (only->end != hop->end || only->link != hop->link);
		only = hop;
	}
	if (only && !several && !node->forwarding)
		return add_route(router, node, only, true);
	for (size_t i = 0; !err && i < router->hops_count; i++)
		if (router->hops[i].prefix.family == family && router->hops[i].end != CONNECTED)
			err = add_route(router, node, &router->hops[i], false);
	return err;
}

static int route_node(struct router *router, __u32 number)
{
	struct net_node *node = &router->net->nodes[number];
	struct hop hop;

	if (node->routes_count)
		return 0; /* the file says how it goes */
	find_ways(router, number);
	router->hops_count = 0;
	for (size_t at = 0; at < router->count;)
		if (find_hop(router, number, &at, &hop))
			push(router, hop);
	return write_down(router, node, AF_INET) ?: write_down(router, node, AF_INET6);
}

int net_route(struct net *net, struct lana_error *error)
{
	_cleanup_(router_free) struct router router = { .net = net };
	int err = list_places(&router);

	router.ways = calloc(net->nodes_count + 1, sizeof(*router.ways));
	router.queue = calloc(net->nodes_count + 1, sizeof(*router.queue));
	router.hops = calloc(router.count + 1, sizeof(*router.hops));
	if (!router.ways || !router.queue || !router.hops)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < net->nodes_count; i++)
		err = route_node(&router, i);
	return err ? refuse(error, err, "out of memory") : 0;
}
