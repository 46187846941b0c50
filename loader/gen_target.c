// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "cleanup.h"
#include "error.h"
#include "gen_target.h"

/* ---- what a driver says of XDP -------------------------------------------------------------- */

/* Kernel 6.3's linux/netdev.h. */
#define NETDEV_FAMILY	     "netdev"
#define NETDEV_GET	     1
#define NETDEV_IFINDEX	     1
#define NETDEV_XDP_FEATURES  3
#define NETDEV_XDP_TRANSMITS (1 << 2)

struct answer {
	int attribute;
	__u64 value;
	bool found;
};

static int note(struct nl_msg *message, void *cookie)
{
	struct nlattr *attribute = nlmsg_find_attr(nlmsg_hdr(message), sizeof(struct genlmsghdr),
						   ((struct answer *)cookie)->attribute);
	struct answer *answer = cookie;

	if (attribute) {
		memcpy(&answer->value, nla_data(attribute),
		       nla_len(attribute) < 8 ? nla_len(attribute) : 8);
		answer->found = true;
	}
	return NL_OK;
}

/* Ask a family of generic netlink a question of one attribute. */
static int ask(struct nl_sock *socket, int family, int command, struct answer *answer,
	       int attribute, const void *value, int size)
{
	struct genlmsghdr header = { .cmd = command, .version = 1 };
	struct nl_msg *message = nlmsg_alloc_simple(family, NLM_F_REQUEST);
	int err = -ENOMEM;

	if (!message)
		return err;
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, note, answer);
	if (!nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) &&
	    !nla_put(message, attribute, size, value) && nl_send_auto(socket, message) >= 0)
		err = nl_recvmsgs_default(socket) < 0 ? -EOPNOTSUPP : 0;
	nlmsg_free(message);
	return err ?: answer->found ? 0 : -EOPNOTSUPP;
}

/* Does it take frames of XDP? -EOPNOTSUPP: the kernel does not say. */
static int transmits(__u32 ifindex, bool *does)
{
	struct answer family = { .attribute = CTRL_ATTR_FAMILY_ID };
	struct answer features = { .attribute = NETDEV_XDP_FEATURES };
	struct nl_sock *socket = nl_socket_alloc();
	int err = -ENOMEM;

	if (!socket)
		return err;
	nl_socket_disable_auto_ack(socket);
	err = nl_connect(socket, NETLINK_GENERIC) ? -EOPNOTSUPP : 0;
	if (!err)
		err = ask(socket, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, &family, CTRL_ATTR_FAMILY_NAME,
			  NETDEV_FAMILY, sizeof(NETDEV_FAMILY));
	if (!err)
		err = ask(socket, (__u16)family.value, NETDEV_GET, &features, NETDEV_IFINDEX,
			  &ifindex, sizeof(ifindex));
	nl_socket_free(socket);
	if (!err)
		*does = features.value & NETDEV_XDP_TRANSMITS;
	return err;
}

/* A veth says that it does as soon as its other end polls. */
static const char *unfitness(const struct device *device)
{
	bool idle = false, does = false;
	int err;

	if (device->is_veth) {
		err = device_peer_is_idle(device, &idle);
		return err    ? "the other end of the veth cannot be found"
		       : idle ? "the other end has neither GRO nor an XDP program in its driver"
			      : NULL;
	}
	err = transmits(device->ifindex, &does);
	return err    ? "whether the driver takes frames of XDP is not known"
	       : does ? NULL
		      : "the driver takes no frames of XDP";
}

/* ---- ethtool -------------------------------------------------------------------------------- */

static int run_ethtool(const struct gen_target *target, void *command)
{
	struct ifreq request = { .ifr_data = command };

	strcpy(request.ifr_name, target->device.name);
	return ioctl(target->control, SIOCETHTOOL, &request) ? -errno : 0;
}

static int statistics(const struct gen_target *target, __u32 *count)
{
	_cleanup_free_ struct ethtool_sset_info *set = calloc(1, sizeof(*set) + sizeof(__u32));
	int err;

	if (!set)
		return -ENOMEM;
	set->cmd = ETHTOOL_GSSET_INFO;
	set->sset_mask = 1 << ETH_SS_STATS;
	err = run_ethtool(target, set);
	if (!err)
		*count = set->data[0];
	return err;
}

/* Of a veth: a counter a queue. */
static bool counts_refused(const char name[ETH_GSTRING_LEN])
{
	int end = 0;

	sscanf(name, "tx_queue_%*u_xdp_xmit_errors%n", &end);
	return end && !name[end];
}

int gen_target_refused(const struct gen_target *target, __u64 *frames)
{
	_cleanup_free_ struct ethtool_gstrings *names = NULL;
	_cleanup_free_ struct ethtool_stats *values = NULL;
	bool found = false;
	__u64 sum = 0;
	__u32 count;
	int err = statistics(target, &count);

	if (err)
		return err;
	names = calloc(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	values = calloc(1, sizeof(*values) + count * sizeof(values->data[0]));
	if (!names || !values)
		return -ENOMEM;
	*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS,
					    .string_set = ETH_SS_STATS,
					    .len = count };
	*values = (struct ethtool_stats){ .cmd = ETHTOOL_GSTATS, .n_stats = count };
	err = run_ethtool(target, names) ?: run_ethtool(target, values);
	for (__u32 i = 0; !err && i < count; i++)
		if (counts_refused((const char *)names->data + i * ETH_GSTRING_LEN)) {
			sum += values->data[i];
			found = true;
		}
	if (!err && !found)
		err = -EOPNOTSUPP;
	if (!err)
		*frames = sum;
	return err;
}

/* ------------------------------------------------------------------------------------------- */

int gen_target_open(const char *name, struct gen_target *result, struct lana_error *error)
{
	struct gen_target target = GEN_TARGET_CLOSED;
	struct ifreq request = {};
	int err = device_query(name, &target.device, error);

	if (err)
		return err;
	target.control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strcpy(request.ifr_name, target.device.name);
	err = target.control < 0 || ioctl(target.control, SIOCGIFMTU, &request) ? -errno : 0;
	target.mtu = request.ifr_mtu;
	if (!err)
		err = ioctl(target.control, SIOCGIFFLAGS, &request) ? -errno : 0;
	target.is_up = request.ifr_flags & IFF_UP;
	if (err) {
		gen_target_close(&target);
		return refuse(error, err, "device '%s': %s", name, strerror(-err));
	}
	target.unfit = unfitness(&target.device);
	*result = target;
	return 0;
}

void gen_target_close(struct gen_target *target)
{
	close_p(&target->control);
	target->control = -1;
}
