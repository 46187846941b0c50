// SPDX-License-Identifier: GPL-2.0-only
/*
 * run_links - make and remove links: veths, and bridges for Ethernet segments
 *
 * Both ends of a veth are made where they belong, with names, addresses and MTU, by one message,
 * and the first is switched on by it. A bridge stands in a namespace of the network's own, with
 * one end of a veth for each node; it forwards all that is multicast, as a cable would.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/veth.h>

#include "loader/clock.h"
#include "parallel.h"
#include "run.h"

/* Link-local groups that a bridge forwards: all but those of bridges, pause frames and LACP. */
#define FORWARDED_GROUPS 0xfff8

void net_mac(const struct net *net, const struct net_node *node,
	     const struct net_interface *interface, __u8 mac[6])
{
	if (interface->has_mac)
		memcpy(mac, interface->mac, 6);
	else
		net_make_mac(net, node, interface, mac);
}

/* An end of a veth: of a node, or of lana's own, which has a name instead. */
struct half {
	struct space *space;
	const struct net_end *end; /* whose MTU it has, and, without a name, the rest */
	char name[IFNAMSIZ];
	__u32 master; /* the bridge that it is a port of; 0: none */
	bool cut;     /* what is sent by it is cut to frames */
};

static int put_half(struct rt *rt, const struct net *net, const struct half *half,
		    unsigned int flags)
{
	struct ifinfomsg info = { .ifi_flags = flags, .ifi_change = flags };
	const struct net_node *node = &net->nodes[half->end->node];
	const struct net_interface *interface = &node->interfaces[half->end->interface];
	const char *name = *half->name ? half->name : interface->name;
	__u8 mac[6];

	info.ifi_index = space_new_index(half->space, name);
	rt_put(rt, &info, sizeof(info));
	rt_attr_u32(rt, IFLA_NET_NS_FD, half->space->netns);
	/*
	 * As many as are used. The kernel makes one for each CPU otherwise, takes back all but one,
	 * and waits a grace period for that.
	 */
	rt_attr_u32(rt, IFLA_NUM_TX_QUEUES, 1);
	rt_attr_u32(rt, IFLA_NUM_RX_QUEUES, 1);
	if (net_mtu(net, interface))
		rt_attr_u32(rt, IFLA_MTU, net_mtu(net, interface));
	rt_attr_text(rt, IFLA_IFNAME, name);
	if (half->master)
		rt_attr_u32(rt, IFLA_MASTER, half->master);
	if (half->cut)
		rt_attr_u32(rt, IFLA_GSO_MAX_SEGS, 1);
	if (*half->name)
		return info.ifi_index ? 0 : -ENOMEM;
	net_mac(net, node, interface, mac);
	rt_attr(rt, IFLA_ADDRESS, mac, sizeof(mac));
	return info.ifi_index ? 0 : -ENOMEM;
}

static struct space *space_of(const struct run *run, const struct net *net,
			      const struct net_end *end)
{
	return space_find(&run->spaces, net->nodes[end->node].name);
}

/*
 * The ends of a veth shall not have the same index: the kernel takes such a device for one without
 * another end, and may take a second to say that it can be used (linkwatch_urgent_event()).
 */
static void part(const struct space *first, struct space *second)
{
	if (first->next_index == second->next_index)
		second->next_index++;
}

static int add_veth(struct rt *rt, const struct net *net, size_t number, const struct half *first,
		    const struct half *second)
{
	int err;

	part(first->space, second->space);
	rt_begin(rt, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, number);
	err = put_half(rt, net, first, IFF_UP);
	rt_nest(rt, IFLA_LINKINFO);
	rt_attr_text(rt, IFLA_INFO_KIND, "veth");
	rt_nest(rt, IFLA_INFO_DATA);
	rt_nest(rt, VETH_INFO_PEER);
	err = put_half(rt, net, second, 0) ?: err;
	space_raise(second->space, number);
	rt_unnest(rt);
	rt_unnest(rt);
	rt_unnest(rt);
	rt_end(rt);
	return err;
}

/* ---- what they are between ----------------------------------------------------------------- */

/* Is what that end sends, or (to) receives, cut to frames? */
static bool is_cut(const struct run *run, const struct step *step, size_t end, bool to)
{
	const struct net_link *link = &step->net->links[step->item];
	struct link_config config;

	return properties_wired(link, end) &&
	       !properties_config(run->properties, step->net, link, end, to, &config, NULL) &&
	       properties_cut(&config);
}

static struct half half_of_node(struct run *run, const struct step *step, size_t end)
{
	const struct net_end *at = &step->net->links[step->item].ends[end];

	return (struct half){ .space = space_of(run, step->net, at),
			      .end = at,
			      .cut = is_cut(run, step, end, false) };
}

/* A port of a segment's bridge. */
static struct half half_of_bridge(struct run *run, const struct step *step)
{
	const struct net_link *link = &step->net->links[step->item];
	struct space *segments = space_find(&run->spaces, HOME_SEGMENTS);
	struct half half = { .space = segments,
			     .end = &link->ends[step->part],
			     .master = space_index(segments, link->name),
			     .cut = is_cut(run, step, step->part, true) };

	snprintf(half.name, sizeof(half.name), "p%u", segments->next_index);
	return half;
}

const char *run_wire(__u32 index, char name[IFNAMSIZ])
{
	snprintf(name, IFNAMSIZ, "w%u", index);
	return name;
}

/* What lana's stack is at, in front of an end; it is the step's first or second. */
static struct half half_of_wires(struct run *run, struct step *step, size_t end, int which)
{
	struct space *wires = space_find(&run->spaces, HOME_WIRES);
	struct half half = { .space = wires, .end = &step->net->links[step->item].ends[end] };

	step->wires[which] = wires->next_index;
	run_wire(wires->next_index, half.name);
	return half;
}

static int add_link(struct rt *rt, struct run *run, size_t number)
{
	struct step *step = &run->steps->list[number];
	bool wired = properties_wired(&step->net->links[step->item], 0);
	struct half one = half_of_node(run, step, 0), two = half_of_node(run, step, 1), wire;
	int err;

	if (!wired)
		return add_veth(rt, step->net, number, &one, &two);
	wire = half_of_wires(run, step, 0, 0);
	err = add_veth(rt, step->net, number, &wire, &one);
	wire = half_of_wires(run, step, 1, 1);
	return err ?: add_veth(rt, step->net, number, &wire, &two);
}

static int add_port(struct rt *rt, struct run *run, size_t number)
{
	struct step *step = &run->steps->list[number];
	bool wired = properties_wired(&step->net->links[step->item], step->part);
	struct half node = half_of_node(run, step, step->part), port = half_of_bridge(run, step),
		    wire;
	int err;

	if (!wired)
		return add_veth(rt, step->net, number, &port, &node);
	wire = half_of_wires(run, step, step->part, 0);
	err = add_veth(rt, step->net, number, &wire, &node);
	part(port.space, wire.space); /* before its index makes its name */
	wire = half_of_wires(run, step, step->part, 1);
	return err ?: add_veth(rt, step->net, number, &port, &wire);
}

static int add_bridge(struct rt *rt, struct run *run, size_t number)
{
	const struct step *step = &run->steps->list[number];
	const struct net_link *link = &step->net->links[step->item];
	struct space *segments = space_find(&run->spaces, HOME_SEGMENTS);
	struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	__u16 groups = FORWARDED_GROUPS;
	__u8 off = 0;

	info.ifi_index = space_new_index(segments, link->name);
	rt_begin(rt, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, number);
	rt_put(rt, &info, sizeof(info));
	rt_attr_u32(rt, IFLA_NET_NS_FD, segments->netns);
	rt_attr_text(rt, IFLA_IFNAME, link->name);
	rt_nest(rt, IFLA_LINKINFO);
	rt_attr_text(rt, IFLA_INFO_KIND, "bridge");
	rt_nest(rt, IFLA_INFO_DATA);
	rt_attr(rt, IFLA_BR_MCAST_SNOOPING, &off, sizeof(off));
	rt_attr(rt, IFLA_BR_GROUP_FWD_MASK, &groups, sizeof(groups));
	rt_unnest(rt);
	rt_unnest(rt);
	rt_end(rt);
	return info.ifi_index ? 0 : -ENOMEM;
}

static int add(struct rt *rt, struct run *run, size_t number)
{
	switch (run->steps->list[number].kind) {
	case STEP_BRIDGE:
		return add_bridge(rt, run, number);
	case STEP_PORT:
		return add_port(rt, run, number);
	default:
		return add_link(rt, run, number);
	}
}

/* Remove a device; what is at its other end goes with it. Each has a socket of its own. */
static int delete (struct run *run, size_t number, struct space *space, const char *name)
{
	struct ifinfomsg info = { .ifi_index = space ? space_index(space, name) : 0 };
	struct rt rt;
	int err;

	if (!info.ifi_index)
		return 0; /* it has gone */
	space_forget(space, name);
	err = rt_use(&rt, space->socket, run_refused, run);
	if (err)
		return err;
	rt_begin(&rt, RTM_DELLINK, 0, number);
	rt_put(&rt, &info, sizeof(info));
	rt_end(&rt);
	err = rt_flush(&rt);
	rt_release(&rt);
	return err;
}

static int take_away(struct run *run, size_t number)
{
	const struct step *step = &run->steps->list[number];
	const struct net_link *link = &step->net->links[step->item];
	const struct net_end *end = &link->ends[step->kind == STEP_PORT ? step->part : 0];
	const struct net_node *node = &step->net->nodes[end->node];
	char wire[IFNAMSIZ];
	int err;

	if (step->kind == STEP_BRIDGE)
		return delete (run, number, space_find(&run->spaces, HOME_SEGMENTS), link->name);
	/* Those of lana's own first: a bridge's port is not known by its name. */
	err = step->wires[1] ? delete (run, number, space_find(&run->spaces, HOME_WIRES),
				       run_wire(step->wires[1], wire))
			     : 0;
	if (!err)
		err = delete (run, number, space_find(&run->spaces, node->name),
			      node->interfaces[end->interface].name);
	if (step->kind == STEP_LINK)
		space_forget(space_of(run, step->net, &link->ends[1]),
			     step->net->nodes[link->ends[1].node]
				     .interfaces[link->ends[1].interface]
				     .name);
	return err;
}

int run_links(struct run *run, size_t first, size_t last)
{
	struct rt rt;
	int err = rt_open(&rt, run_refused, run);

	if (err)
		return err;
	for (size_t i = first; !err && i < last; i++) {
		struct step *step = &run->steps->list[i];

		if (step->kind != STEP_BRIDGE && step->kind != STEP_LINK && step->kind != STEP_PORT)
			continue;
		step->done = true;
		err = step->remove ? take_away(run, i) : add(&rt, run, i);
	}
	if (!err)
		err = rt_flush(&rt);
	rt_close(&rt);
	return err;
}

/* ---- waiting until they are up ------------------------------------------------------------- */

#define AWAIT_NS 5000000000ULL

/* How many of the devices that lana has made in a namespace are not up yet. */
struct missing {
	const struct space *space;
	size_t count;
};

static int count_missing(void *cookie, const struct nlmsghdr *header)
{
	struct missing *missing = cookie;
	const struct ifinfomsg *info = NLMSG_DATA(header);
	const struct rtattr *table[IFLA_MAX + 1];

	rt_parse(header, sizeof(*info), table, IFLA_MAX + 1);
	if (header->nlmsg_type == RTM_NEWLINK && table[IFLA_OPERSTATE] && table[IFLA_LINK] &&
	    info->ifi_index >= SPACE_FIRST_INDEX && info->ifi_flags & IFF_UP &&
	    info->ifi_flags & IFF_LOWER_UP &&
	    *(__u8 *)RTA_DATA(table[IFLA_OPERSTATE]) != IF_OPER_UP)
		missing->count++;
	return 0;
}

/* The kernel switches on a device whose other end came later by and by. */
static void await_one(void *cookie, size_t number)
{
	struct run *run = cookie;
	struct missing missing = { .space = &run->spaces.list[number], .count = 1 };
	__u64 end = clock_ns(CLOCK_MONOTONIC) + AWAIT_NS;
	struct timespec pause = { .tv_nsec = 500000 };
	struct ifinfomsg info = {};
	struct rt rt;

	if (missing.space->socket < 0 || rt_use(&rt, missing.space->socket, run_refused, run))
		return;
	for (bool first = true; missing.count && clock_ns(CLOCK_MONOTONIC) < end; first = false) {
		if (!first)
			nanosleep(&pause, NULL);
		missing.count = 0;
		rt_begin(&rt, RTM_GETLINK, NLM_F_DUMP, 0);
		rt_put(&rt, &info, sizeof(info));
		rt_attr_u32(&rt, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		rt_end(&rt);
		if (rt_dump(&rt, count_missing, &missing))
			break;
	}
	rt_release(&rt);
}

int run_await(struct run *run)
{
	return parallel(run->spaces.count, await_one, run);
}
