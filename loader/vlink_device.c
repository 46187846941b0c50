// SPDX-License-Identifier: GPL-2.0-only
/*
 * vlink_device - the devices of tagged links: veth pairs, and their carriers
 */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/veth.h>

#include "cleanup.h"
#include "netns.h"
#include "vlink.h"

static void socket_free_p(struct nl_sock **socket)
{
	nl_socket_free(*socket);
}

static void link_put_p(struct rtnl_link **link)
{
	if (*link)
		rtnl_link_put(*link);
}

static void addr_put_p(struct nl_addr **address)
{
	if (*address)
		nl_addr_put(*address);
}

#define _cleanup_socket_ _cleanup_(socket_free_p)
#define _cleanup_link_	 _cleanup_(link_put_p)

/* What libnl makes of an errno, undone. */
int vlink_errno(int nlerr)
{
	switch (-nlerr) {
	case 0:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_OPNOTSUPP:
	case NLE_AF_NOSUPPORT:
		return -EOPNOTSUPP;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_INVAL:
		return -EINVAL;
	case NLE_BUSY:
		return -EBUSY;
	default:
		return -EIO;
	}
}

static int open_socket(struct nl_sock **socket)
{
	*socket = nl_socket_alloc();
	return *socket ? vlink_errno(nl_connect(*socket, NETLINK_ROUTE)) : -ENOMEM;
}

/* By index, or (0) by name. */
static int get_link(struct nl_sock *socket, __u32 ifindex, const char *name,
		    struct rtnl_link **link)
{
	return vlink_errno(rtnl_link_get_kernel(socket, ifindex, name, link));
}

static int ethtool_value(const char *name, __u32 command, __u32 *value)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_value request = { .cmd = command, .data = *value };
	struct ifreq ifreq = { .ifr_data = (void *)&request };

	snprintf(ifreq.ifr_name, sizeof(ifreq.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &ifreq))
		return -errno;
	*value = request.data;
	return 0;
}

int vlink_finish_frames(const char *name)
{
	__u32 off = 0;

	return ethtool_value(name, ETHTOOL_STXCSUM, &off); /* segments depend on it */
}

/* ---- carriers ------------------------------------------------------------------------------- */

int vlink_carrier(__u32 ifindex, const char *name, struct carrier *carrier)
{
	_cleanup_socket_ struct nl_sock *socket = NULL;
	_cleanup_link_ struct rtnl_link *link = NULL;
	struct nl_addr *address;
	__u32 finishes = 0;
	int err = open_socket(&socket);

	if (!err)
		err = get_link(socket, ifindex, name, &link);
	if (!err)
		err = device_query_index(rtnl_link_get_ifindex(link), &carrier->device);
	if (err)
		return err;
	address = rtnl_link_get_addr(link);
	carrier->mtu = rtnl_link_get_mtu(link);
	carrier->is_up = rtnl_link_get_flags(link) & IFF_RUNNING;
	carrier->is_ethernet = rtnl_link_get_arptype(link) == ARPHRD_ETHER && address &&
			       nl_addr_get_len(address) == sizeof(carrier->address);
	if (carrier->is_ethernet)
		memcpy(carrier->address, nl_addr_get_binary_addr(address),
		       sizeof(carrier->address));
	carrier->takes_all = carrier->device.is_veth || rtnl_link_get_flags(link) & IFF_ALLMULTI;
	carrier->keeps_whole = carrier->device.is_veth &&
			       !ethtool_value(carrier->device.name, ETHTOOL_GTXCSUM, &finishes) &&
			       finishes;
	return 0;
}

__u32 vlink_mtu(const struct carrier *carrier)
{
	__u32 mtu = carrier->mtu > LANA_VLINK_TAG ? carrier->mtu - LANA_VLINK_TAG : 0;

	return mtu < VLINK_MTU_MAX ? mtu : VLINK_MTU_MAX;
}

int vlink_allmulti(__u32 ifindex, bool on)
{
	_cleanup_socket_ struct nl_sock *socket = NULL;
	_cleanup_link_ struct rtnl_link *link = NULL, *changes = rtnl_link_alloc();
	int err = changes ? open_socket(&socket) : -ENOMEM;

	if (!err)
		err = get_link(socket, ifindex, NULL, &link);
	if (err)
		return err == -ENODEV && !on ? 0 : err;
	if (on)
		rtnl_link_set_flags(changes, IFF_ALLMULTI);
	else
		rtnl_link_unset_flags(changes, IFF_ALLMULTI);
	return vlink_errno(rtnl_link_change(socket, link, changes, 0));
}

/* ---- pairs ---------------------------------------------------------------------------------- */

const char *vlink_end_name(const struct vlink_page *page, __u32 id, char name[16])
{
	snprintf(name, 16, ".ac%02x.%x", id & 0xff, page->vlinks->carrier);
	return name;
}

bool vlink_is_link(const struct device *device)
{
	unsigned int id, carrier;
	struct device other;

	return device->is_veth && device->peer_netns < 0 &&
	       !device_query_index(device->peer, &other) &&
	       sscanf(other.name, ".ac%2x.%x", &id, &carrier) == 2;
}

int vlink_enter(const struct vlink_page *page, int *before)
{
	_cleanup_close_ int netns = -1;

	if (netns_inode() == page->vlinks->netns)
		return 0;
	netns = page->vlinks->netns ? netns_by_inode(page->vlinks->netns) : -ENOENT;
	return netns < 0 ? netns : netns_enter_fd(netns, before);
}

/* Is it the other end that was made for the link, and no other of its name? */
static bool is_end(const struct vlink_page *page, __u32 id, struct rtnl_link *link)
{
	const struct lana_vlink_record *record = &page->vlinks->records[id];
	struct nl_addr *address = rtnl_link_get_addr(link);

	return rtnl_link_is_veth(link) && address &&
	       nl_addr_get_len(address) == sizeof(record->address) &&
	       !memcmp(nl_addr_get_binary_addr(address), record->address, sizeof(record->address));
}

/* -ENODEV: it has gone. */
static int get_end(struct nl_sock *socket, const struct vlink_page *page, __u32 id,
		   struct rtnl_link **link)
{
	char name[16];
	int err = get_link(socket, 0, vlink_end_name(page, id, name), link);

	return err ?: is_end(page, id, *link) ? 0 : -ENODEV;
}

/* Enter the namespace that the current one knows by that id, or (-1) stay. */
static int enter_by_id(__s32 id, int *before)
{
	_cleanup_close_ int netns = -1;

	if (id < 0)
		return 0;
	netns = netns_by_id(id);
	return netns < 0 ? netns : netns_enter_fd(netns, before);
}

/* The device that the user named, wherever it is by now. */
static int find_device(__u32 ifindex, __s32 netns, struct ends *ends)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct carrier found;
	int err = enter_by_id(netns, &before);

	ends->is_elsewhere = netns >= 0;
	if (!err)
		err = vlink_carrier(ifindex, NULL, &found);
	if (err)
		return err == -ENOENT || err == -ENODEV ? 0 : err;
	ends->device = found.device;
	ends->mtu = found.mtu;
	ends->is_known = true;
	return 0;
}

int vlink_ends(const struct vlink_page *page, __u32 id, struct ends *ends)
{
	_cleanup_socket_ struct nl_sock *socket = NULL;
	_cleanup_link_ struct rtnl_link *link = NULL;
	__s32 netns = -1;
	int err = open_socket(&socket);

	*ends = (struct ends){};
	if (!err)
		err = get_end(socket, page, id, &link);
	if (err)
		return err == -ENODEV ? 0 : err;
	ends->other = rtnl_link_get_ifindex(link);
	rtnl_link_get_link_netnsid(link, &netns);
	return find_device(rtnl_link_get_link(link), netns, ends);
}

static int set_address(struct rtnl_link *link, const __u8 bytes[6])
{
	_cleanup_(addr_put_p) struct nl_addr *address = nl_addr_build(AF_LLC, bytes, 6);

	if (!address)
		return -ENOMEM;
	rtnl_link_set_addr(link, address);
	return 0;
}

/* The device has its carrier's address, as VLAN devices do: a card receives no other. */
int vlink_make_pair(const struct vlink_page *page, __u32 id, const struct carrier *carrier)
{
	const struct lana_vlink_record *record = &page->vlinks->records[id];
	_cleanup_link_ struct rtnl_link *pair = rtnl_link_veth_alloc();
	_cleanup_socket_ struct nl_sock *socket = NULL;
	_cleanup_link_ struct rtnl_link *other = NULL;
	char name[16];
	int err = pair ? open_socket(&socket) : -ENOMEM;

	if (err)
		return err;
	other = rtnl_link_veth_get_peer(pair);
	rtnl_link_set_name(pair, record->name);
	rtnl_link_set_name(other, vlink_end_name(page, id, name));
	rtnl_link_set_mtu(pair, vlink_mtu(carrier));
	rtnl_link_set_mtu(other, vlink_mtu(carrier));
	err = set_address(pair, carrier->address);
	if (!err)
		err = set_address(other, record->address);
	return err ?: vlink_errno(rtnl_link_add(socket, pair, NLM_F_CREATE | NLM_F_EXCL));
}

int vlink_up(__u32 ifindex)
{
	_cleanup_link_ struct rtnl_link *link = NULL, *quiet = rtnl_link_alloc();
	_cleanup_link_ struct rtnl_link *up = rtnl_link_alloc();
	_cleanup_socket_ struct nl_sock *socket = NULL;
	int err = quiet && up ? open_socket(&socket) : -ENOMEM;

	if (!err)
		err = get_link(socket, ifindex, NULL, &link);
	if (err)
		return err;
	/* Refused where there is no IPv6, which has nothing to say then. */
	rtnl_link_inet6_set_addr_gen_mode(quiet, rtnl_link_inet6_str2addrgenmode("none"));
	err = vlink_errno(rtnl_link_change(socket, link, quiet, 0));
	if (err && err != -EOPNOTSUPP)
		return err;
	rtnl_link_set_flags(up, IFF_UP | IFF_NOARP);
	return vlink_errno(rtnl_link_change(socket, link, up, 0));
}

static int set_group(struct nl_sock *socket, struct rtnl_link *link, __u32 group)
{
	_cleanup_link_ struct rtnl_link *change = rtnl_link_alloc();

	if (!change)
		return -ENOMEM;
	rtnl_link_set_group(change, group);
	return vlink_errno(rtnl_link_change(socket, link, change, 0));
}

static int delete_group(struct nl_sock *socket, __u32 group)
{
	struct nl_msg *message = nlmsg_alloc_simple(RTM_DELLINK, NLM_F_REQUEST);
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	int err;

	if (!message)
		return -ENOMEM;
	err = nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
	if (!err)
		err = nla_put_u32(message, IFLA_GROUP, group);
	if (err) {
		nlmsg_free(message);
		return vlink_errno(err);
	}
	return vlink_errno(nl_send_sync(socket, message)); /* which frees it */
}

/*
 * The kernel takes some 20 ms to remove one, and hardly more for all of a group. It does not matter
 * what is in the group besides: its number is a random one.
 */
int vlink_remove_pairs(const struct vlink_page *page, const bool going[LANA_VLINK_IDS])
{
	_cleanup_(netns_leave_p) int before = -1;
	_cleanup_socket_ struct nl_sock *socket = NULL;
	__u32 group = 0, count = 0;
	int err = vlink_enter(page, &before);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = open_socket(&socket);
	if (!err && getrandom(&group, sizeof(group), 0) != sizeof(group))
		err = -EIO;
	for (__u32 id = 0; !err && id < LANA_VLINK_IDS; id++) {
		_cleanup_link_ struct rtnl_link *link = NULL;

		if (!going[id])
			continue;
		err = get_end(socket, page, id, &link);
		if (!err)
			err = set_group(socket, link, group | 1U << 31);
		count += !err;
		err = err == -ENODEV ? 0 : err;
	}
	return err ?: count ? delete_group(socket, group | 1U << 31) : 0;
}
