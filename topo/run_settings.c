// SPDX-License-Identifier: GPL-2.0-only
/*
 * run_settings - what is set in a single node: addresses, routes, sysctls, tagged interfaces
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>

#include "run.h"

static void put_vlan(struct rt *rt, struct space *space, const struct step *step, size_t number)
{
	const struct net_node *node = step_node(step);
	const struct net_interface *interface = &node->interfaces[step->item];
	struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	__u16 id = interface->vlan;

	info.ifi_index = step->remove ? space_index(space, interface->name)
				      : space_new_index(space, interface->name);
	rt_begin(rt, step->remove ? RTM_DELLINK : RTM_NEWLINK,
		 step->remove ? 0 : NLM_F_CREATE | NLM_F_EXCL, number);
	rt_put(rt, &info, sizeof(info));
	if (step->remove) {
		space_forget(space, interface->name);
	} else {
		rt_attr_text(rt, IFLA_IFNAME, interface->name);
		rt_attr_u32(rt, IFLA_LINK,
			    space_index(space, node->interfaces[interface->lower].name));
		rt_nest(rt, IFLA_LINKINFO);
		rt_attr_text(rt, IFLA_INFO_KIND, "vlan");
		rt_nest(rt, IFLA_INFO_DATA);
		rt_attr(rt, IFLA_VLAN_ID, &id, sizeof(id));
		rt_unnest(rt);
		rt_unnest(rt);
	}
	rt_end(rt);
}

static void put_interface(struct rt *rt, struct space *space, const struct step *step,
			  size_t number)
{
	const struct net_node *node = step_node(step);
	const struct net_interface *interface = &node->interfaces[step->item];
	struct ifinfomsg info = { .ifi_index = space_index(space, interface->name) };
	__u32 mtu = net_mtu(step->net, interface);
	__u8 mac[6];

	net_mac(step->net, node, interface, mac);
	rt_begin(rt, RTM_NEWLINK, 0, number);
	rt_put(rt, &info, sizeof(info));
	rt_attr_u32(rt, IFLA_MTU, mtu ?: 1500);
	if (!interface->device || interface->has_mac)
		rt_attr(rt, IFLA_ADDRESS, mac, sizeof(mac));
	rt_end(rt);
}

static size_t address_size(const struct net_address *address)
{
	return address->family == AF_INET ? 4 : 16;
}

static void put_address(struct rt *rt, struct space *space, const struct step *step, size_t number)
{
	const struct net_interface *interface = &step_node(step)->interfaces[step->item];
	const struct net_address *address = &interface->addresses[step->part];
	struct ifaddrmsg info = { .ifa_family = address->family,
				  .ifa_prefixlen = address->length,
				  .ifa_flags = address->family == AF_INET6 ? IFA_F_NODAD : 0,
				  .ifa_index = space_index(space, interface->name) };
	__u32 broadcast;

	rt_begin(rt, step->remove ? RTM_DELADDR : RTM_NEWADDR,
		 step->remove ? 0 : NLM_F_CREATE | NLM_F_REPLACE, number);
	rt_put(rt, &info, sizeof(info));
	rt_attr(rt, IFA_LOCAL, address->bytes, address_size(address));
	rt_attr(rt, IFA_ADDRESS, address->bytes, address_size(address));
	if (address->family == AF_INET && address->length <= 30 && strcmp(interface->name, "lo")) {
		memcpy(&broadcast, address->bytes, 4);
		broadcast |= htonl(~0U >> address->length);
		rt_attr_u32(rt, IFA_BROADCAST, broadcast);
	}
	rt_end(rt);
}

static void put_route(struct rt *rt, struct space *space, const struct step *step, size_t number)
{
	const struct net_route *route = &step_node(step)->routes[step->item];
	bool v4 = route->to.family == AF_INET;
	struct rtmsg info = { .rtm_family = route->to.family,
			      .rtm_dst_len = route->to.length,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_STATIC,
			      .rtm_type = route->blackhole ? RTN_BLACKHOLE : RTN_UNICAST,
			      .rtm_scope = v4 && !route->has_via && !route->blackhole
						   ? RT_SCOPE_LINK
						   : RT_SCOPE_UNIVERSE };

	rt_begin(rt, step->remove ? RTM_DELROUTE : RTM_NEWROUTE,
		 step->remove ? 0 : NLM_F_CREATE | NLM_F_REPLACE, number);
	rt_put(rt, &info, sizeof(info));
	if (route->to.length)
		rt_attr(rt, RTA_DST, route->to.bytes, address_size(&route->to));
	if (route->has_via)
		rt_attr(rt, RTA_GATEWAY, route->via.bytes, address_size(&route->via));
	if (route->device)
		rt_attr_u32(rt, RTA_OIF, space_index(space, route->device));
	if (route->metric)
		rt_attr_u32(rt, RTA_PRIORITY, route->metric);
	rt_end(rt);
}

/* The thread goes there; it is one of those that end with the work. */
static int go_to(struct space *space)
{
	return setns(space->netns, CLONE_NEWNET) ? -errno : 0;
}

static int set_forwarding(struct run *run, struct space *space, bool on)
{
	int err;

	if (space->fresh && space->forwarding && on)
		return 0; /* since it was made */
	err = go_to(space)
		      ?: space_sysctl(&run->spaces, space, "net/ipv4/ip_forward", on ? "1" : "0");
	space_sysctl(&run->spaces, space, "net/ipv6/conf/all/forwarding",
		     on ? "1" : "0"); /* without IPv6 there is none */
	return err;
}

static int set_sysctl(struct run *run, struct space *space, const struct step *step)
{
	const struct net_setting *sysctl = &step_node(step)->sysctls.list[step->item];

	if (step->remove)
		return 0;
	return go_to(space) ?: space_sysctl(&run->spaces, space, sysctl->key, sysctl->value);
}

/* Does the interface that the step is about exist? A route's may be any. */
static bool has_interface(struct run *run, const struct space *space, size_t number)
{
	const struct step *step = &run->steps->list[number];
	const char *name;

	switch (step->kind) {
	case STEP_INTERFACE:
	case STEP_ADDRESS:
		name = step_node(step)->interfaces[step->item].name;
		break;
	case STEP_VLAN:
		if (!step->remove)
			return true;
		name = step_node(step)->interfaces[step->item].name;
		break;
	case STEP_ROUTE:
		name = step_node(step)->routes[step->item].device;
		break;
	default:
		return true;
	}
	if (!name || !strcmp(name, "lo") || space_index(space, name))
		return true;
	if (!step->remove)
		run_fail(run, number, -ENODEV, name);
	return false;
}

static void run_one(struct run *run, struct rt *rt, struct space *space, size_t number)
{
	struct step *step = &run->steps->list[number];
	int err = 0;

	step->done = true;
	if (!has_interface(run, space, number))
		return;
	switch (step->kind) {
	case STEP_VLAN:
		put_vlan(rt, space, step, number);
		break;
	case STEP_INTERFACE:
		put_interface(rt, space, step, number);
		break;
	case STEP_ADDRESS:
		put_address(rt, space, step, number);
		break;
	case STEP_ROUTE:
		put_route(rt, space, step, number);
		break;
	case STEP_FORWARDING:
		err = set_forwarding(run, space, !step->remove);
		break;
	default:
		/* What was put before it is there when it is set. */
		err = rt_flush(rt) ?: set_sysctl(run, space, step);
	}
	if (err)
		run_fail(run, number, err, NULL);
}

void run_settings(struct run *run, struct space *space, const size_t *numbers, size_t count)
{
	struct rt rt;
	int err = rt_use(&rt, space->socket, run_refused, run);

	for (size_t i = 0; !err && i < count; i++)
		run_one(run, &rt, space, numbers[i]);
	if (!err) {
		err = rt_flush(&rt);
		rt_release(&rt);
	}
	if (err)
		run_fail(run, numbers[0], err, NULL);
}
