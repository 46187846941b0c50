// SPDX-License-Identifier: GPL-2.0-only
/*
 * link_switch - take links down and up again
 *
 * A segment loses its ports, and a link with properties what lana has at its ends, so that its ends
 * have no carrier and are switched on all the same, as when a cable is pulled. A veth has a carrier
 * as soon as both ends are switched on; so both are switched off, and what the kernel forgets by
 * that is set again when they come back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pkt_sched.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "link_switch.h"
#include "run.h"

struct link_change {
	const struct net *net;
	const struct net_link *link;
	struct spaces spaces; /* of the ends, and lana's own behind them */
	bool up;
	int err;
};

static void note(void *cookie, __u32 tag, int err, const char *why)
{
	struct link_change *change = cookie;

	(void)why;
	/* There is no such qdisc to be removed. */
	if (tag && (err == -ENOENT || err == -EINVAL))
		return;
	change->err = change->err ?: err;
}

static const char *interface_name(const struct link_change *change, size_t end)
{
	const struct net_end *at = &change->link->ends[end];

	return change->net->nodes[at->node].interfaces[at->interface].name;
}

static int switch_device(struct link_change *change, const struct space *space, __u32 index)
{
	struct ifinfomsg info = { .ifi_index = index,
				  .ifi_flags = change->up ? IFF_UP : 0,
				  .ifi_change = IFF_UP };
	struct rt rt;
	int err = rt_use(&rt, space->socket, note, change);

	if (err)
		return err;
	rt_begin(&rt, RTM_NEWLINK, 0, 0);
	rt_put(&rt, &info, sizeof(info));
	rt_end(&rt);
	err = rt_flush(&rt);
	rt_release(&rt);
	return err;
}

/* A root qdisc that drops all; its removal brings back the one that the device has by itself. */
static int cut(struct link_change *change, size_t end, bool on)
{
	const struct space *space =
		space_find(&change->spaces, change->net->nodes[change->link->ends[end].node].name);
	struct tcmsg info = { .tcm_ifindex = space_index(space, interface_name(change, end)),
			      .tcm_parent = TC_H_ROOT };
	struct rt rt;
	int err = rt_use(&rt, space->socket, note, change);

	if (err)
		return err;
	rt_begin(&rt, on ? RTM_NEWQDISC : RTM_DELQDISC, on ? NLM_F_CREATE | NLM_F_REPLACE : 0, !on);
	rt_put(&rt, &info, sizeof(info));
	rt_attr_text(&rt, TCA_KIND, "blackhole");
	rt_end(&rt);
	err = rt_flush(&rt);
	rt_release(&rt);
	return err;
}

/* Whose other ends are switched: lana's own, or the bridge's ports. NULL: both are the nodes'. */
static const char *own_of(const struct net_link *link, size_t end)
{
	return properties_wired(link, end) ? HOME_WIRES : link->segment ? HOME_SEGMENTS : NULL;
}

/* Switch the end of a link: what lana has at the other end of it, else the device itself. */
static int switch_end(struct link_change *change, size_t end)
{
	const struct space *space =
		space_find(&change->spaces, change->net->nodes[change->link->ends[end].node].name);
	const struct space_device *device = space_device(space, interface_name(change, end));

	if (!device)
		return -ENODEV;
	if (own_of(change->link, end))
		return switch_device(change, space_find(&change->spaces, own_of(change->link, end)),
				     device->peer);
	return switch_device(change, space, device->index);
}

static int add_step(struct steps *steps, const struct step *step)
{
	struct step *added = NET_ADD(steps->list, steps->count);

	if (!added)
		return -ENOMEM;
	*added = *step;
	return 0;
}

/* Addresses of an end, and of tagged interfaces upon it; and the node's routes. */
static int add_lost(const struct link_change *change, const struct net_end *end,
		    struct steps *steps)
{
	const struct net_node *node = &change->net->nodes[end->node];
	struct step step = { .net = change->net, .node = end->node, .again = true };
	int err = 0;

	step.kind = STEP_ADDRESS;
	for (step.item = 0; step.item < node->interfaces_count; step.item++) {
		const struct net_interface *interface = &node->interfaces[step.item];

		if (step.item != end->interface && interface->lower != end->interface)
			continue;
		for (step.part = 0; !err && step.part < interface->addresses_count; step.part++)
			err = add_step(steps, &step);
	}
	step.kind = STEP_ROUTE;
	step.part = 0;
	for (step.item = 0; !err && step.item < node->routes_count; step.item++)
		err = add_step(steps, &step);
	return err;
}

/* Addresses of IPv6 and routes by the link went with it. */
static int restore(const struct lana_topo_options *options, const struct home *home,
		   const struct link_change *change, struct lana_error *error)
{
	struct steps steps = {};
	int err = 0;

	for (size_t i = 0; !err && i < change->link->ends_count; i++)
		err = add_lost(change, &change->link->ends[i], &steps);
	if (err)
		err = refuse(error, err, "out of memory");
	else
		err = run_steps(options, home, &steps, error);
	free(steps.list);
	return err;
}

static int want(struct link_change *change, const char *name)
{
	return !name || space_find(&change->spaces, name) || space_add(&change->spaces, name)
		       ? 0
		       : -ENOMEM;
}

static int find(const struct net *net, const char *network, const char *name,
		struct link_change *change, struct lana_error *error)
{
	long found = net_find_link(net, name);

	if (found < 0)
		return refuse(error, -ENOENT, "network '%s' has no link '%s'", network, name);
	change->net = net;
	change->link = &net->links[found];
	for (size_t i = 0; i < change->link->ends_count; i++) {
		const char *node = net->nodes[change->link->ends[i].node].name;

		if (want(change, node) || want(change, own_of(change->link, i)))
			return refuse(error, -ENOMEM, "out of memory");
	}
	return spaces_open(&change->spaces, 0, error);
}

/* With from, all ends of that node; -ENOENT: it has none. */
static int cut_from(struct link_change *change, const char *from, struct lana_error *error)
{
	bool found = false;
	int err = 0;

	for (size_t i = 0; !err && i < change->link->ends_count; i++)
		if (!strcmp(change->net->nodes[change->link->ends[i].node].name, from)) {
			err = cut(change, i, !change->up);
			found = true;
		}
	return found ? err
		     : refuse(error, -ENOENT, "'%s' is no node of link '%s'", from,
			      change->link->name);
}

static int switch_all(struct link_change *change)
{
	int err = 0;

	for (size_t i = 0; !err && i < change->link->ends_count; i++) {
		if (change->up)
			err = cut(change, i, false);
		if (!err)
			err = switch_end(change, i);
	}
	return err;
}

int link_switch(const struct lana_topo_options *options, const struct home *home,
		const struct net *net, const char *link, const char *from, bool up,
		struct lana_error *error)
{
	struct link_change change = { .up = up, .spaces.home = home };
	struct lana_error why = {};
	int err = find(net, home->name, link, &change, &why);

	if (!err)
		err = from ? cut_from(&change, from, &why) : switch_all(&change);
	err = err ?: change.err;
	spaces_free(&change.spaces);
	if (err)
		return *why.text ? refuse(error, err, "%s", why.text)
				 : refuse(error, err, "cannot switch link '%s': %s", link,
					  strerror(-err));
	return up && !from && !own_of(change.link, 0) ? restore(options, home, &change, error) : 0;
}

int lana_topo_link(const struct lana_topo_options *options, const char *network, const char *link,
		   const char *from, bool up, struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };
	_cleanup_(net_free) struct net net = {};
	int err = home_open(options, network, false, &home, error);

	if (!err)
		err = home_load(&home, &net, error);
	return err ?: link_switch(options, &home, &net, link, from, up, error);
}
