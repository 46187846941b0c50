// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/sockios.h>

#include <bpf/libbpf.h>
#include <netlink/netlink.h>
#include <netlink/route/classifier.h>
#include <netlink/route/link.h>

#include "cleanup.h"
#include "device.h"
#include "error.h"
#include "netns.h"

static void describe(struct rtnl_link *link, struct device *device)
{
	const char *type = rtnl_link_get_type(link);
	const struct nl_addr *mac = rtnl_link_get_addr(link);

	*device = (struct device){
		.ifindex = rtnl_link_get_ifindex(link),
		.netns = netns_inode(),
		.mtu = rtnl_link_get_mtu(link),
		.is_veth = type && !strcmp(type, "veth"),
		.peer = rtnl_link_get_link(link),
		.peer_netns = -1,
	};
	snprintf(device->name, sizeof(device->name), "%s", rtnl_link_get_name(link));
	if (mac && nl_addr_get_len(mac) == sizeof(device->mac))
		memcpy(device->mac, nl_addr_get_binary_addr(mac), sizeof(device->mac));
	rtnl_link_get_link_netnsid(link, &device->peer_netns);
}

/* By index, or (0) by name; for rtnl_link_put(). */
static int get_link(__u32 ifindex, const char *name, struct rtnl_link **link)
{
	struct nl_sock *socket = nl_socket_alloc();
	int err;

	if (!socket)
		return -ENOMEM;
	err = nl_connect(socket, NETLINK_ROUTE);
	if (!err)
		err = rtnl_link_get_kernel(socket, ifindex, name, link);
	nl_socket_free(socket);
	return err ? -ENODEV : 0;
}

static int query(__u32 ifindex, const char *name, struct device *device)
{
	struct rtnl_link *link = NULL;
	int err = get_link(ifindex, name, &link);

	if (err)
		return err;
	describe(link, device);
	rtnl_link_put(link);
	return 0;
}

int device_query(const char *name, struct device *device, struct lana_error *error)
{
	int err = *name && strlen(name) < IFNAMSIZ ? query(0, name, device) : -ENODEV;

	if (err)
		return refuse(error, err, "no device '%s'", name);
	return 0;
}

int device_query_index(__u32 ifindex, struct device *device)
{
	return query(ifindex, NULL, device);
}

bool device_has_filters(__u32 ifindex)
{
	static const __u32 parents[] = { TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
					 TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS) };
	struct nl_sock *socket = nl_socket_alloc();
	bool found = true; /* if in doubt */

	if (!socket)
		return found;
	if (!nl_connect(socket, NETLINK_ROUTE)) {
		found = false;
		for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
			struct nl_cache *filters;

			if (rtnl_cls_alloc_cache(socket, ifindex, parents[i], &filters)) {
				found = true;
				continue;
			}
			found |= nl_cache_nitems(filters) > 0;
			nl_cache_free(filters);
		}
	}
	nl_socket_free(socket);
	return found;
}

/* Read or write the GRO setting of a device of the current namespace. */
static int gro(__u32 ifindex, __u32 command, __u32 *on)
{
	_cleanup_close_ int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_value value = { .cmd = command, .data = *on };
	struct ifreq request = { .ifr_data = (void *)&value };

	if (socket_fd < 0 || !if_indextoname(ifindex, request.ifr_name) ||
	    ioctl(socket_fd, SIOCETHTOOL, &request))
		return -errno;
	*on = value.data;
	return 0;
}

__u32 device_queues(const char *name)
{
	_cleanup_close_ int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq request = { .ifr_data = (void *)&channels };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (socket_fd < 0 || ioctl(socket_fd, SIOCETHTOOL, &request))
		return 0;
	return channels.rx_count + channels.combined_count;
}

static int enter_peer(const struct device *device, int *before)
{
	_cleanup_close_ int netns = -1;

	*before = -1;
	if (device->peer_netns < 0)
		return 0;
	netns = netns_by_id(device->peer_netns);
	return netns < 0 ? netns : netns_enter_fd(netns, before);
}

int device_peer_is_idle(const struct device *device, bool *idle)
{
	_cleanup_(netns_leave_p) int before = -1;
	__u32 on = 0, program = 0;
	int err;

	if (!device->is_veth) {
		*idle = false;
		return 0;
	}
	err = enter_peer(device, &before);
	if (!err)
		err = gro(device->peer, ETHTOOL_GGRO, &on);
	if (err)
		return err;
	/* A generic program polls nothing. */
	*idle = !on && (bpf_xdp_query_id(device->peer, XDP_FLAGS_DRV_MODE, &program) || !program);
	return 0;
}

int device_switch_peer(const struct device *device, bool on)
{
	_cleanup_(netns_leave_p) int before = -1;
	__u32 value = on;
	int err = enter_peer(device, &before);

	return err ?: gro(device->peer, ETHTOOL_SGRO, &value);
}

/* Found by its inode: the name it was given by may mean another one by now, or here. */
int device_enter(const struct device_record *record, struct device *device, int *before)
{
	int entered = -1;

	if (netns_inode() != record->netns) {
		_cleanup_close_ int netns = netns_by_inode(record->netns);

		if (netns < 0 || netns_enter_fd(netns, &entered))
			return -ESRCH;
	}
	if (device_query_index(record->ifindex, device)) {
		netns_leave(entered);
		return -ENODEV;
	}
	*before = entered;
	return 0;
}

int device_count(const struct device_record *record, struct lana_device_stats *stats)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct rtnl_link *link = NULL;
	struct device device;
	int err = device_enter(record, &device, &before);

	if (!err)
		err = get_link(record->ifindex, NULL, &link);
	if (err)
		return err;
	stats->received_packets = rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS);
	stats->received_bytes = rtnl_link_get_stat(link, RTNL_LINK_RX_BYTES);
	stats->transmitted_packets = rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS);
	stats->transmitted_bytes = rtnl_link_get_stat(link, RTNL_LINK_TX_BYTES);
	rtnl_link_put(link);
	return 0;
}
