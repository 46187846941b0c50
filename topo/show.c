// SPDX-License-Identifier: GPL-2.0-only
/*
 * show - what there is of a network: as its file says, and as the kernel has it
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <sys/resource.h>

#include "keeper.h"
#include "limits.h"
#include "loader/address.h"
#include "loader/cleanup.h"
#include "loader/error.h"
#include "parallel.h"
#include "rt.h"
#include "show_directions.h"
#include "space.h"

void lana_topo_info_free(struct lana_topo_info *info)
{
	if (!info)
		return;
	for (size_t i = 0; i < info->nodes_count; i++) {
		struct lana_topo_node *node = &info->nodes[i];

		for (size_t j = 0; j < node->interfaces_count; j++)
			free(node->interfaces[j].addresses);
		free(node->interfaces);
		free(node->processes);
	}
	for (size_t i = 0; i < info->links_count; i++)
		free(info->links[i].ends);
	free(info->nodes);
	free(info->links);
	free(info->directions);
	free(info);
}

static void info_free_p(struct lana_topo_info **info)
{
	lana_topo_info_free(*info);
}

/* ---- nodes, as the kernel has them --------------------------------------------------------- */

struct look {
	const struct net *net;
	struct spaces spaces;
	struct lana_topo_info *info;
};

/* One node while its devices are listed; indexes[n] is that of interface n. */
struct listing {
	const struct net *net;
	const struct net_node *from;
	struct lana_topo_node *node;
	__u32 *indexes;
	size_t indexes_count;
};

/* What the file says of an interface of that name. */
static void complete(const struct listing *listing, struct lana_topo_interface *interface)
{
	long found = net_find_interface(listing->from, interface->name);
	const struct net_interface *said = found < 0 ? NULL : &listing->from->interfaces[found];

	if (said && said->link != NET_NONE)
		snprintf(interface->link, sizeof(interface->link), "%s",
			 listing->net->links[said->link].name);
	if (said && said->device)
		snprintf(interface->device, sizeof(interface->device), "%s", said->device);
}

static int take_link(void *cookie, const struct nlmsghdr *header)
{
	struct listing *listing = cookie;
	const struct ifinfomsg *info = NLMSG_DATA(header);
	const struct rtattr *table[IFLA_MAX + 1];
	struct lana_topo_interface *interface;
	__u32 *index;

	rt_parse(header, sizeof(*info), table, IFLA_MAX + 1);
	if (header->nlmsg_type != RTM_NEWLINK || !table[IFLA_IFNAME] ||
	    info->ifi_flags & IFF_LOOPBACK)
		return 0;
	/* Those that the kernel makes by itself (sit0, …) are switched off. */
	if (info->ifi_index < SPACE_FIRST_INDEX && !(info->ifi_flags & IFF_UP))
		return 0;
	index = NET_ADD(listing->indexes, listing->indexes_count);
	interface = NET_ADD(listing->node->interfaces, listing->node->interfaces_count);
	if (!index || !interface)
		return -ENOMEM;
	*index = info->ifi_index;
	snprintf(interface->name, sizeof(interface->name), "%s",
		 (const char *)RTA_DATA(table[IFLA_IFNAME]));
	if (table[IFLA_ADDRESS] && RTA_PAYLOAD(table[IFLA_ADDRESS]) == 6)
		address_format(ADDRESS_MAC, RTA_DATA(table[IFLA_ADDRESS]), interface->mac,
			       sizeof(interface->mac));
	interface->mtu = table[IFLA_MTU] ? rt_u32(table[IFLA_MTU]) : 0;
	interface->up = info->ifi_flags & IFF_UP;
	interface->carrier = info->ifi_flags & IFF_RUNNING;
	interface->gso_off = table[IFLA_GSO_MAX_SEGS] && rt_u32(table[IFLA_GSO_MAX_SEGS]) == 1;
	interface->cut = table[IFLA_QDISC] && !strcmp(RTA_DATA(table[IFLA_QDISC]), "blackhole");
	complete(listing, interface);
	return 0;
}

static int take_address(void *cookie, const struct nlmsghdr *header)
{
	struct listing *listing = cookie;
	const struct ifaddrmsg *info = NLMSG_DATA(header);
	const struct rtattr *table[IFA_MAX + 1], *bytes;
	struct lana_topo_address *address;
	char text[INET6_ADDRSTRLEN];

	rt_parse(header, sizeof(*info), table, IFA_MAX + 1);
	bytes = table[IFA_LOCAL] ?: table[IFA_ADDRESS];
	if (header->nlmsg_type != RTM_NEWADDR || !bytes || info->ifa_scope == RT_SCOPE_LINK)
		return 0;
	for (size_t i = 0; i < listing->indexes_count; i++) {
		struct lana_topo_interface *interface = &listing->node->interfaces[i];

		if (listing->indexes[i] != info->ifa_index)
			continue;
		address = NET_ADD(interface->addresses, interface->addresses_count);
		if (!address || !inet_ntop(info->ifa_family, RTA_DATA(bytes), text, sizeof(text)))
			return -ENOMEM;
		snprintf(address->text, sizeof(address->text), "%s/%u", text, info->ifa_prefixlen);
	}
	return 0;
}

static int list_interfaces(struct listing *listing, int socket)
{
	struct ifinfomsg link = {};
	struct ifaddrmsg address = {};
	struct rt rt;
	int err = rt_use(&rt, socket, rt_tell_nobody, NULL);

	if (err)
		return err;
	rt_begin(&rt, RTM_GETLINK, NLM_F_DUMP, 0);
	rt_put(&rt, &link, sizeof(link));
	rt_end(&rt);
	err = rt_dump(&rt, take_link, listing);
	if (!err) {
		rt_begin(&rt, RTM_GETADDR, NLM_F_DUMP, 0);
		rt_put(&rt, &address, sizeof(address));
		rt_end(&rt);
		err = rt_dump(&rt, take_address, listing);
	}
	rt_release(&rt);
	return err;
}

static void look_at_node(void *cookie, size_t number)
{
	struct look *look = cookie;
	struct space *space = &look->spaces.list[number];
	struct listing listing = { .net = look->net,
				   .from = &look->net->nodes[number],
				   .node = &look->info->nodes[number] };

	space->err = list_interfaces(&listing, space->socket);
	space->what = "list the devices";
	free(listing.indexes);
}

static int look_at_nodes(const struct home *home, const struct net *net,
			 struct lana_topo_info *info, struct lana_error *error)
{
	struct look look = { .net = net, .spaces.home = home, .info = info };
	int err = 0;

	for (size_t i = 0; !err && i < net->nodes_count; i++)
		if (!space_add(&look.spaces, net->nodes[i].name))
			err = refuse(error, -ENOMEM, "out of memory");
	if (!err)
		err = spaces_open(&look.spaces, 0, error);
	if (!err)
		err = parallel(net->nodes_count, look_at_node, &look);
	spaces_free(&look.spaces);
	return err;
}

/* ---- processes ----------------------------------------------------------------------------- */

static int add_processes(const struct home *home, const struct net_node *from,
			 struct lana_topo_node *node)
{
	for (size_t i = 0; i < from->processes_count; i++) {
		struct lana_topo_process *process = NET_ADD(node->processes, node->processes_count);
		char log[HOME_PATH_MAX];

		if (!process)
			return -ENOMEM;
		snprintf(process->name, sizeof(process->name), "%s", from->processes[i].name);
		home_path(home, log, "logs/%s.%s", node->name, process->name);
		snprintf(process->log, sizeof(process->log), "%.*s", (int)sizeof(process->log) - 1,
			 from->processes[i].log ?: log);
		process->state = LANA_TOPO_ENDED;
	}
	return 0;
}

static void take_process(const struct lana_topo_process *said, int state,
			 struct lana_topo_process *process)
{
	process->state = state;
	process->pid = said->pid;
	process->status = said->status;
	process->starts = said->starts;
}

/* Complete them by what the keeper has noted. */
static void read_processes(const struct home *home, const struct net *net,
			   struct lana_topo_info *info)
{
	_cleanup_free_ char *text = NULL;
	struct lana_topo_process said = {};
	char node[NET_NAME_MAX], *line, *save;
	int number;

	if (!info->keeper || home_read(home, "processes", &text, NULL))
		return;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		long found;

		if (sscanf(line, "%31s %31s %d %u %d %u", node, said.name, &number, &said.pid,
			   &said.status, &said.starts) != 6)
			continue;
		if (!strcmp(node, HOME_WIRES))
			take_process(&said, number, &info->worker);
		found = net_find_node(net, node);
		for (size_t i = 0; found >= 0 && i < info->nodes[found].processes_count; i++) {
			struct lana_topo_process *process = &info->nodes[found].processes[i];

			if (!strcmp(process->name, said.name))
				take_process(&said, number, process);
		}
	}
}

/* ---- links --------------------------------------------------------------------------------- */

static const struct lana_topo_interface *interface_of(const struct lana_topo_info *info,
						      const struct net_end *end, const char *name)
{
	const struct lana_topo_node *node = &info->nodes[end->node];

	for (size_t i = 0; i < node->interfaces_count; i++)
		if (!strcmp(node->interfaces[i].name, name))
			return &node->interfaces[i];
	return NULL;
}

static int add_link(const struct net *net, const struct net_link *from, struct lana_topo_info *info)
{
	struct lana_topo_link *link = NET_ADD(info->links, info->links_count);

	if (!link)
		return -ENOMEM;
	snprintf(link->name, sizeof(link->name), "%s", from->name);
	link->segment = from->segment;
	link->properties = from->properties_count;
	link->up = true;
	for (size_t i = 0; i < from->ends_count; i++) {
		struct lana_topo_end *end = NET_ADD(link->ends, link->ends_count);
		const struct net_node *node = &net->nodes[from->ends[i].node];
		const struct lana_topo_interface *interface;

		if (!end)
			return -ENOMEM;
		snprintf(end->node, sizeof(end->node), "%s", node->name);
		snprintf(end->interface, sizeof(end->interface), "%s",
			 node->interfaces[from->ends[i].interface].name);
		interface = interface_of(info, &from->ends[i], end->interface);
		link->up = link->up && interface && interface->carrier && !interface->cut;
	}
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int add_nodes(const struct home *home, const struct net *net, struct lana_topo_info *info)
{
	int err = 0;

	for (size_t i = 0; !err && i < net->nodes_count; i++) {
		struct lana_topo_node *node = NET_ADD(info->nodes, info->nodes_count);

		if (!node)
			return -ENOMEM;
		snprintf(node->name, sizeof(node->name), "%s", net->nodes[i].name);
		snprintf(node->netns, sizeof(node->netns), "%s.%s", net->name, node->name);
		node->forwarding = net->nodes[i].forwarding;
		err = add_processes(home, &net->nodes[i], node);
		info->unkept |= !info->keeper && node->processes_count;
	}
	return err;
}

static int describe(const struct lana_topo_options *options, const struct home *home,
		    const struct net *net, struct lana_topo_info *info, struct lana_error *error)
{
	struct rlimit before;
	int err;

	snprintf(info->file, sizeof(info->file), "%s", net->file_name);
	if (add_nodes(home, net, info))
		return refuse(error, -ENOMEM, "out of memory");
	err = show_directions(options, home, net, info, error);
	if (err)
		return err;
	read_processes(home, net, info);
	limits_raise_files(2 * net->nodes_count + 200, &before);
	err = look_at_nodes(home, net, info, error);
	setrlimit(RLIMIT_NOFILE, &before);
	for (size_t i = 0; !err && i < net->links_count; i++)
		if (add_link(net, &net->links[i], info))
			err = refuse(error, -ENOMEM, "out of memory");
	return err;
}

int lana_topo_show(const struct lana_topo_options *options, const char *network,
		   struct lana_topo_info **info, struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };
	_cleanup_(info_free_p) struct lana_topo_info *found = calloc(1, sizeof(*found));
	_cleanup_(net_free) struct net net = {};
	int err = found ? home_open(options, network, false, &home, error)
			: refuse(error, -ENOMEM, "out of memory");

	if (err)
		return err;
	snprintf(found->name, sizeof(found->name), "%s", network);
	found->keeper = keeper_find(&home);
	found->broken = home_is_busy(&home) || faccessat(home.fd, "text", F_OK, 0);
	if (!found->broken)
		err = home_load(&home, &net, error) ?: describe(options, &home, &net, found, error);
	if (err)
		return err;
	*info = TAKE_PTR(found);
	return 0;
}
