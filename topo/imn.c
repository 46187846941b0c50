// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "imn.h"

void imn_free(struct imn *imn)
{
	for (size_t i = 0; i < imn->nodes_count; i++) {
		struct imn_node *node = &imn->nodes[i];

		for (size_t j = 0; j < node->interfaces_count; j++)
			free(node->interfaces[j].as.addresses);
		for (size_t j = 0; j < node->routes_count; j++) {
			free(node->routes[j].text);
			free(node->routes[j].device);
		}
		free(node->interfaces);
		free(node->routes);
	}
	free(imn->nodes);
	free(imn->links);
}

int imn_refuse(const struct imn *imn, unsigned long line, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return refuse(imn->error, -EINVAL, "%s:%lu:1: %s", imn->source->name, line, text);
}

int imn_address(const struct imn *imn, struct imn_interface *interface, const char *text,
		unsigned long line)
{
	struct net_address *address =
		NET_ADD(interface->as.addresses, interface->as.addresses_count);

	if (!address)
		return refuse(imn->error, -ENOMEM, "out of memory");
	if (!net_parse_address(text, true, address))
		return imn_refuse(imn, line, "'%.60s' is no address with a prefix length", text);
	interface->as.given = true;
	return 0;
}

int imn_route(const struct imn *imn, struct imn_node *node, const char *text, unsigned long line)
{
	struct net_route *route = NET_ADD(node->routes, node->routes_count);
	char to[64], via[64], whole[160];

	if (!route)
		return refuse(imn->error, -ENOMEM, "out of memory");
	if (sscanf(text, "%63s %63s", to, via) != 2)
		return imn_refuse(imn, line, "'%.60s' is no route", text);
	snprintf(whole, sizeof(whole), "%s via %s",
		 strcmp(to, "0.0.0.0/0") && strcmp(to, "::/0") ? to : "default", via);
	return net_parse_route(whole, route) ? 0
					     : imn_refuse(imn, line, "'%.60s' is no route", text);
}

/* ---- what nodes become ----------------------------------------------------------------------- */

enum nature { HOST, ROUTER, SWITCH, DEVICE, HALF, UNKNOWN };

static enum nature nature_of(const struct imn_node *node)
{
	static const struct {
		const char *type;
		enum nature nature;
	} types[] = {
		{ "pc", HOST },		 { "host", HOST },	  { "router", ROUTER },
		{ "nat64", ROUTER },	 { "lanswitch", SWITCH }, { "hub", SWITCH },
		{ "stpswitch", SWITCH }, { "rj45", DEVICE },	  { "extelem", DEVICE },
		{ "pseudo", HALF },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].type, node->type))
			return types[i].nature;
	return UNKNOWN;
}

static struct imn_node *find_node(const struct imn *imn, const char *id)
{
	for (size_t i = 0; i < imn->nodes_count; i++)
		if (!strcmp(imn->nodes[i].id, id))
			return &imn->nodes[i];
	return NULL;
}

static struct imn_link *find_link(const struct imn *imn, const char *id)
{
	for (size_t i = 0; i < imn->links_count; i++)
		if (!strcmp(imn->links[i].id, id))
			return &imn->links[i];
	return NULL;
}

static int draw_node(struct imn *imn, struct imn_node *node, struct net *net)
{
	enum nature nature = nature_of(node);
	struct net_node *drawn;

	node->as = -1;
	if (nature == UNKNOWN)
		return imn_refuse(imn, node->line,
				  "node '%s' is of type '%s', which is not known here", node->id,
				  node->type);
	if (nature != HOST && nature != ROUTER)
		return 0;
	node->as = sketch_node(net, *node->name ? node->name : node->id, nature == ROUTER);
	if (node->as < 0)
		return refuse(imn->error, -ENOMEM, "out of memory");
	net->shortest |= node->dynamic;
	if (node->dynamic)
		return 0; /* its own routes are those that the protocol is to spread */
	drawn = &net->nodes[node->as];
	drawn->routes = node->routes;
	drawn->routes_count = node->routes_count;
	node->routes = NULL;
	node->routes_count = 0;
	return 0;
}

/* Switches that are linked are one: the segment of one of them is that of all. */
static void join_switches(struct imn *imn, long from, long to)
{
	for (size_t i = 0; i < imn->nodes_count; i++)
		if (nature_of(&imn->nodes[i]) == SWITCH && imn->nodes[i].as == from)
			imn->nodes[i].as = to;
}

static void draw_switches(struct imn *imn)
{
	for (size_t i = 0; i < imn->nodes_count; i++)
		if (nature_of(&imn->nodes[i]) == SWITCH)
			imn->nodes[i].as = i; /* until switches are joined: its own number */
	for (size_t i = 0; i < imn->links_count; i++) {
		const struct imn_node *a = find_node(imn, imn->links[i].nodes[0]),
				      *b = find_node(imn, imn->links[i].nodes[1]);

		if (a && b && nature_of(a) == SWITCH && nature_of(b) == SWITCH)
			join_switches(imn, a->as, b->as);
	}
}

/* ---- links ----------------------------------------------------------------------------------- */

/* The interface by which a node leads to another: named by the link, or not yet used. */
static struct imn_interface *interface_to(struct imn_node *node, const char *id, const char *peer)
{
	for (size_t i = 0; i < node->interfaces_count; i++) {
		struct imn_interface *interface = &node->interfaces[i];

		if (!interface->used &&
		    (*id ? !strcmp(interface->id, id) : !strcmp(interface->peer, peer))) {
			interface->used = true;
			return interface;
		}
	}
	return NULL;
}

/* The interface in the network; -1: the file does not tell which. -2: no memory. */
static long draw_interface(struct net *net, struct imn_node *node, const char *id, const char *peer)
{
	struct imn_interface *interface = interface_to(node, id, peer);
	struct net_interface *drawn;
	long number;

	if (!interface)
		return -1;
	number = sketch_interface(net, node->as, interface->name);
	if (number < 0)
		return -2;
	drawn = &net->nodes[node->as].interfaces[number];
	drawn->addresses = interface->as.addresses;
	drawn->addresses_count = interface->as.addresses_count;
	drawn->given = true;
	drawn->mtu = interface->as.mtu;
	drawn->has_mac = interface->as.has_mac;
	memcpy(drawn->mac, interface->as.mac, sizeof(drawn->mac));
	interface->as.addresses = NULL;
	interface->as.addresses_count = 0;
	return number;
}

static bool draw_properties(struct net *net, long number, long end, bool to,
			    const struct imn_link *link)
{
	bool good = true;

	if (link->rate > 0)
		good = sketch_property(net, number, end, to, "rate", "%.0fbit", link->rate);
	if (good && link->delay > 0)
		good = sketch_property(net, number, end, to, "delay", "%.0fus", link->delay);
	if (good && link->ber > 0)
		good = sketch_property(net, number, end, to, "ber", "%.3e", 1 / link->ber);
	if (good && link->loss > 0)
		good = sketch_property(net, number, end, to, "loss", "%g%%", link->loss);
	if (good && link->duplicate > 0)
		good = sketch_property(net, number, end, to, "duplicate", "%g%%", link->duplicate);
	return good;
}

/* The segment that a switch has become; made when it is first met. */
static long segment_of(struct net *net, long *segments, const struct imn_node *node)
{
	if (segments[node->as] < 0)
		segments[node->as] = sketch_link(net, true);
	return segments[node->as];
}

/* A real device in the place of a node's interface. */
static int draw_device(struct imn *imn, struct imn_node *node, struct imn_node *device,
		       const struct imn_link *link, int side, struct net *net)
{
	long number = draw_interface(net, node, link->interfaces[side], device->id);
	struct net_interface *drawn;

	if (number < 0)
		return imn_refuse(imn, link->line, "link '%s' does not tell its interfaces",
				  link->id);
	drawn = &net->nodes[node->as].interfaces[number];
	drawn->device = strdup(*device->name ? device->name : device->id);
	drawn->netns = strdup(NET_HOST);
	return drawn->device && drawn->netns ? 0 : refuse(imn->error, -ENOMEM, "out of memory");
}

static int draw_ends(struct imn *imn, const struct imn_link *link, struct imn_node *ends[2],
		     long *segments, struct net *net)
{
	bool is_switch[2] = { nature_of(ends[0]) == SWITCH, nature_of(ends[1]) == SWITCH },
	     good = true;
	long number, interface;

	if (is_switch[0] && is_switch[1])
		return 0; /* they are one */
	number = is_switch[0]	? segment_of(net, segments, ends[0])
		 : is_switch[1] ? segment_of(net, segments, ends[1])
				: sketch_link(net, false);
	for (int i = 0; number >= 0 && good && i < 2; i++) {
		if (is_switch[i])
			continue;
		interface = draw_interface(net, ends[i], link->interfaces[i], ends[!i]->id);
		good = interface != -2 && sketch_end(net, number, ends[i]->as, interface);
		/* On its way to a segment, and from there. */
		for (int to = 0; good && is_switch[!i] && to < 2; to++)
			good = draw_properties(net, number, net->links[number].ends_count - 1, to,
					       link);
	}
	if (number >= 0 && good && !is_switch[0] && !is_switch[1])
		good = draw_properties(net, number, -1, false, link);
	return number >= 0 && good ? 0 : refuse(imn->error, -ENOMEM, "out of memory");
}

static int draw_link(struct imn *imn, const struct imn_link *link, long *segments, struct net *net)
{
	struct imn_node *ends[2] = { find_node(imn, link->nodes[0]),
				     find_node(imn, link->nodes[1]) };
	const struct imn_link *mirror = *link->mirror ? find_link(imn, link->mirror) : NULL;
	enum nature natures[2];

	for (int i = 0; i < 2; i++)
		if (!ends[i])
			return imn_refuse(imn, link->line, "there is no node '%s'", link->nodes[i]);
	/* A link between two canvases is drawn as two, each with half of it. */
	if (mirror && mirror < link)
		return 0;
	for (int i = 0; mirror && i < 2; i++)
		if (nature_of(ends[i]) == HALF) {
			struct imn_node *far[2] = { find_node(imn, mirror->nodes[0]),
						    find_node(imn, mirror->nodes[1]) };

			ends[i] = far[0] && nature_of(far[0]) != HALF ? far[0] : far[1];
			if (!ends[i] || nature_of(ends[i]) == HALF)
				return imn_refuse(imn, link->line, "link '%s' has no other half",
						  link->id);
		}
	for (int i = 0; i < 2; i++)
		natures[i] = nature_of(ends[i]);
	for (int i = 0; i < 2; i++)
		if (natures[i] == DEVICE)
			return natures[!i] == SWITCH || natures[!i] == DEVICE
				       ? imn_refuse(
						 imn, link->line,
						 "a real device (%s) can be linked to nodes only",
						 ends[i]->id)
				       : draw_device(imn, ends[!i], ends[i], link, !i, net);
	return draw_ends(imn, link, ends, segments, net);
}

/* Segments of one node are no links. */
static void drop_lonely(struct net *net)
{
	size_t count = 0;

	for (size_t i = 0; i < net->links_count; i++)
		if (net->links[i].ends_count >= 2) {
			net->links[count++] = net->links[i];
		} else {
			for (size_t j = 0; j < net->links[i].properties_count; j++) {
				free(net->links[i].properties[j].setting.key);
				free(net->links[i].properties[j].setting.value);
			}
			free(net->links[i].properties);
			free(net->links[i].ends);
		}
	net->links_count = count;
}

int imn_draw(struct imn *imn, struct net *net)
{
	_cleanup_free_ long *segments = calloc(imn->nodes_count + 1, sizeof(*segments));
	int err = segments ? 0 : refuse(imn->error, -ENOMEM, "out of memory");

	for (size_t i = 0; !err && i < imn->nodes_count; i++) {
		segments[i] = -1;
		err = draw_node(imn, &imn->nodes[i], net);
	}
	if (err)
		return err;
	draw_switches(imn);
	for (size_t i = 0; !err && i < imn->links_count; i++)
		err = draw_link(imn, &imn->links[i], segments, net);
	drop_lonely(net);
	return err;
}
