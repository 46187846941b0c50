// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/fifo.h>

#include "cleanup.h"
#include "error.h"
#include "netns.h"
#include "socket.skel.h"
#include "socket_block.h"
#include "socket_device.h"
#include "vlink.h"

#define TAG	4 /* bytes of a VLAN tag, which only at the beginning of a frame need no room */
#define OWN_END "lana" /* there is nothing else in its namespace but lo */

static void socket_free_p(struct nl_sock **socket)
{
	nl_socket_free(*socket);
}

static void link_put_p(struct rtnl_link **link)
{
	if (*link)
		rtnl_link_put(*link);
}

static void qdisc_put_p(struct rtnl_qdisc **qdisc)
{
	if (*qdisc)
		rtnl_qdisc_put(*qdisc);
}

/* ---- the pair ------------------------------------------------------------------------------ */

/*
 * One queue each way: frames keep their order, whichever CPUs send them, and reach one AF_XDP
 * socket.
 */
static void describe(const struct socket_plan *plan, struct rtnl_link *link, const char *name)
{
	rtnl_link_set_name(link, name);
	rtnl_link_set_mtu(link, plan->parts->mtu + (plan->is_worker ? plan->parts->head + TAG : 0));
	rtnl_link_set_num_tx_queues(link, 1);
	rtnl_link_set_num_rx_queues(link, 1);
}

/* The end of its own is made in the current namespace, the other in that of the descriptor. */
static int make_pair(const struct socket_plan *plan, int there)
{
	_cleanup_(socket_free_p) struct nl_sock *socket = nl_socket_alloc();
	_cleanup_(link_put_p) struct rtnl_link *pair = rtnl_link_veth_alloc();
	_cleanup_(link_put_p) struct rtnl_link *other = NULL;
	int err;

	if (!socket || !pair)
		return -ENOMEM;
	err = vlink_errno(nl_connect(socket, NETLINK_ROUTE));
	if (err)
		return err;
	other = rtnl_link_veth_get_peer(pair);
	describe(plan, pair, OWN_END);
	describe(plan, other, plan->device);
	rtnl_link_set_ns_fd(other, there);
	return vlink_errno(rtnl_link_add(socket, pair, NLM_F_CREATE | NLM_F_EXCL));
}

/* The kernel takes none while it makes a device. */
static int set_alias(const struct socket_plan *plan, __u32 ifindex)
{
	_cleanup_(socket_free_p) struct nl_sock *socket = nl_socket_alloc();
	_cleanup_(link_put_p) struct rtnl_link *link = rtnl_link_alloc();
	_cleanup_(link_put_p) struct rtnl_link *change = rtnl_link_alloc();
	char alias[2 * LANA_NAME_MAX + 32];
	int err;

	if (!socket || !link || !change)
		return -ENOMEM;
	snprintf(alias, sizeof(alias), "%s %s of lana's stack %s",
		 plan->is_worker ? "worker" : "socket", plan->parts->name, plan->stack->name);
	rtnl_link_set_ifindex(link, ifindex);
	rtnl_link_set_ifalias(change, alias);
	err = vlink_errno(nl_connect(socket, NETLINK_ROUTE));
	return err ?: vlink_errno(rtnl_link_change(socket, link, change, 0));
}

/*
 * Any queueing discipline makes the kernel tell a sender that the other end's queue is full. AF_XDP
 * goes past it; without one such a frame would be lost.
 */
static int add_qdisc(__u32 ifindex)
{
	_cleanup_(socket_free_p) struct nl_sock *socket = nl_socket_alloc();
	_cleanup_(qdisc_put_p) struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();
	int err;

	if (!socket || !qdisc)
		return -ENOMEM;
	err = vlink_errno(nl_connect(socket, NETLINK_ROUTE));
	if (err)
		return err;
	rtnl_tc_set_ifindex(TC_CAST(qdisc), ifindex);
	rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
	err = rtnl_tc_set_kind(TC_CAST(qdisc), "pfifo");
	rtnl_qdisc_fifo_set_limit(qdisc, 1);
	return vlink_errno(err ?: rtnl_qdisc_add(socket, qdisc, NLM_F_CREATE | NLM_F_REPLACE));
}

#define FEATURES_MAX 256

static int ethtool(const char *name, void *command)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_data = command };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

static bool puts_tags_beside(const char *feature)
{
	return !strncmp(feature, "tx-vlan-", 8) && strstr(feature, "hw-insert");
}

/*
 * VLAN tags are to be in the frame, not beside it, where XDP and the program do not see them. The
 * names of features are looked up, as their numbers differ between kernels.
 */
static int put_tags_in(const char *name)
{
	_cleanup_free_ struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + FEATURES_MAX * ETH_GSTRING_LEN);
	_cleanup_free_ struct ethtool_sfeatures *off =
		calloc(1, sizeof(*off) + FEATURES_MAX / 32 * sizeof(off->features[0]));
	_cleanup_free_ struct ethtool_sset_info *count =
		calloc(1, sizeof(*count) + sizeof(count->data[0]));
	int err;

	if (!names || !off || !count)
		return -ENOMEM;
	count->cmd = ETHTOOL_GSSET_INFO;
	count->sset_mask = 1ULL << ETH_SS_FEATURES;
	err = ethtool(name, count);
	if (err || count->data[0] > FEATURES_MAX)
		return err ?: -E2BIG;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = count->data[0];
	err = ethtool(name, names);
	if (err)
		return err;
	off->cmd = ETHTOOL_SFEATURES;
	off->size = (count->data[0] + 31) / 32;
	for (__u32 i = 0; i < count->data[0]; i++)
		if (puts_tags_beside((char *)names->data + i * ETH_GSTRING_LEN))
			off->features[i / 32].valid |= 1U << i % 32;
	return ethtool(name, off);
}

int socket_device_remove(const struct device_record *record)
{
	_cleanup_(netns_leave_p) int before = -1;
	_cleanup_(socket_free_p) struct nl_sock *socket = NULL;
	_cleanup_(link_put_p) struct rtnl_link *link = NULL;
	struct device device;
	int err = device_enter(record, &device, &before);

	/* Another one may have its number by now. */
	if (err || strcmp(device.name, record->name))
		return 0;
	socket = nl_socket_alloc();
	link = rtnl_link_alloc();
	if (!socket || !link)
		return -ENOMEM;
	rtnl_link_set_ifindex(link, record->ifindex);
	err = vlink_errno(nl_connect(socket, NETLINK_ROUTE));
	if (!err)
		err = vlink_errno(rtnl_link_delete(socket, link));
	return err == -ENODEV ? 0 : err;
}

/* ---- programs ------------------------------------------------------------------------------ */

static void programs_free(struct socket_programs *programs)
{
	if (programs->object)
		programs->close(programs->object);
}

static void destroy(void *object)
{
	socket__destroy(object);
}

int socket_load(const struct socket_plan *plan, struct socket_programs *programs)
{
	bool tc = plan->hook == LANA_HOOK_TC;
	struct socket *opened;
	int err;

	libbpf_hush();
	opened = socket__open();
	err = opened ? 0 : -errno;
	if (!err) {
		opened->rodata->socket_stamps = plan->parts->stamps;
		err = socket__load(opened);
	}
	libbpf_speak();
	if (err) {
		socket__destroy(opened);
		return err;
	}
	*programs = (struct socket_programs){
		.object = opened,
		.close = destroy,
		.receive = bpf_program__fd(opened->progs.socket_receive),
		.poll = tc ? bpf_program__fd(opened->progs.socket_poll) : -1,
		.ingress = -1,
		.egress = tc ? -1 : bpf_program__fd(opened->progs.socket_out),
		.xsks = bpf_map__fd(opened->maps.socket_xsks),
		.counts = bpf_map__fd(opened->maps.bss),
	};
	return 0;
}

static int attach_xdp(__u32 ifindex, int program)
{
	int err;

	libbpf_hush();
	err = bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE, NULL);
	libbpf_speak();
	return err;
}

static int attach_tc(__u32 ifindex, enum bpf_tc_attach_point point, int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .handle = 1, .priority = 1);
	int err;

	libbpf_hush();
	err = bpf_tc_hook_create(&hook);
	if (!err || err == -EEXIST)
		err = bpf_tc_attach(&hook, &options);
	libbpf_speak();
	return err;
}

/* ---- both ends ----------------------------------------------------------------------------- */

static int make_own_end(const struct socket_plan *plan, const struct socket_programs *programs,
			int there, struct socket_making **making)
{
	struct socket_parts *parts = plan->parts;
	__u32 zero = 0;
	int err = make_pair(plan, there);

	parts->fds[SOCKET_FD_COUNTS] = fcntl(programs->counts, F_DUPFD_CLOEXEC, 0);
	if (!err && parts->fds[SOCKET_FD_COUNTS] < 0)
		err = -errno;
	parts->ifindex = if_nametoindex(OWN_END);
	if (!err && !parts->ifindex)
		err = -ENODEV;
	if (!err)
		err = add_qdisc(parts->ifindex);
	if (!err)
		err = attach_xdp(parts->ifindex, programs->receive);
	if (!err)
		err = socket_parts_begin(parts, OWN_END, making);
	if (!err && bpf_map_update_elem(programs->xsks, &zero, &parts->fds[SOCKET_FD_XSK], BPF_ANY))
		err = -errno;
	return err ?: vlink_up(parts->ifindex);
}

static int make_other_end(const struct socket_plan *plan, const struct socket_programs *programs)
{
	__u32 ifindex = if_nametoindex(plan->device);
	int err = ifindex ? vlink_finish_frames(plan->device) : -ENODEV;

	if (!err)
		err = put_tags_in(plan->device);
	if (!err)
		err = set_alias(plan, ifindex);
	if (!err && programs->poll >= 0)
		err = attach_xdp(ifindex, programs->poll);
	if (!err && programs->ingress >= 0)
		err = attach_tc(ifindex, BPF_TC_INGRESS, programs->ingress);
	if (!err && programs->egress >= 0)
		err = attach_tc(ifindex, BPF_TC_EGRESS, programs->egress);
	return err ?: vlink_up(ifindex);
}

/* At all queues of a device or at none: a packet may come by any. */
static int add_direct(struct socket_parts *parts, struct socket_making *making,
		      struct socket_direct *direct)
{
	char name[IFNAMSIZ];
	int err = if_indextoname(direct->ifindex, name) ? 0 : -ENODEV;

	direct->first = parts->xsks;
	for (__u32 queue = 0; !err && queue < direct->queues; queue++)
		err = socket_parts_add(parts, making, name, queue);
	if (err)
		socket_parts_drop(parts, direct->first);
	return err;
}

/* What another program has, or a driver has not, goes the way by the socket's own device. */
static void make_direct(struct socket_plan *plan, struct socket_making *making)
{
	int kept = 0;

	for (int i = 0; i < SOCKET_DIRECT_MAX && plan->direct[i].ifindex; i++)
		if (!add_direct(plan->parts, making, &plan->direct[i]))
			plan->direct[kept++] = plan->direct[i];
	while (kept < SOCKET_DIRECT_MAX)
		plan->direct[kept++] = (struct socket_direct){};
}

int socket_device_make(struct socket_plan *plan, struct lana_error *error)
{
	_cleanup_(socket_parts_end_p) struct socket_making *making = NULL;
	_cleanup_(programs_free) struct socket_programs programs = {};
	_cleanup_close_ int there = netns_own();
	int before = -1;
	int err = there < 0 ? there : plan->load(plan, &programs);

	if (!err)
		err = netns_enter_new(&before);
	if (!err)
		err = make_own_end(plan, &programs, there, &making);
	netns_leave(before);
	if (!err)
		err = make_other_end(plan, &programs);
	if (!err)
		make_direct(plan, making);
	if (err == -EPERM || err == -EACCES)
		return refuse(error, err,
			      "not permitted to open a %s: root, or CAP_SYS_ADMIN, "
			      "CAP_NET_ADMIN and CAP_BPF, is needed",
			      plan->is_worker ? "worker" : "socket");
	return err ? refuse(error, err, "cannot make the device of %s '%s': %s",
			    plan->is_worker ? "worker" : "socket", plan->parts->name,
			    strerror(-err))
		   : 0;
}
