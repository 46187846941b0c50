// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop_device - the veth pairs of loops, and their programs
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_link.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>

#include "cleanup.h"
#include "error.h"
#include "loop.h"
#include "loop.skel.h"
#include "vlink.h"

#define LOOP_MTU 65535

static void socket_free_p(struct nl_sock **socket)
{
	nl_socket_free(*socket);
}

static void link_put_p(struct rtnl_link **link)
{
	if (*link)
		rtnl_link_put(*link);
}

/* "lana.1a2b3c4d.0", of all that there is room for. */
static const char *end_name(const struct lana_loops *loops, __u32 number, char name[16])
{
	snprintf(name, 16, "lana.%08x.%x", loops->tag, number & 0xf);
	return name;
}

static struct rtnl_link *describe(const struct lana_stack *stack, struct rtnl_link *link,
				  const char *name)
{
	char alias[LANA_NAME_MAX + 32];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	snprintf(alias, sizeof(alias), "copies of lana's stack %s", stack->name);
	rtnl_link_set_name(link, name);
	rtnl_link_set_ifalias(link, alias);
	rtnl_link_set_mtu(link, LOOP_MTU);
	rtnl_link_set_num_tx_queues(link, cpus > 0 ? cpus : 1);
	rtnl_link_set_num_rx_queues(link, cpus > 0 ? cpus : 1);
	return link;
}

static int make_pair(const struct lana_stack *stack, const struct lana_loops *loops, __u32 number)
{
	_cleanup_(socket_free_p) struct nl_sock *socket = nl_socket_alloc();
	_cleanup_(link_put_p) struct rtnl_link *pair = rtnl_link_veth_alloc();
	_cleanup_(link_put_p) struct rtnl_link *other = NULL;
	char name[16];
	int err;

	if (!socket || !pair)
		return -ENOMEM;
	err = vlink_errno(nl_connect(socket, NETLINK_ROUTE));
	if (err)
		return err;
	other = rtnl_link_veth_get_peer(pair);
	describe(stack, pair, end_name(loops, number & ~1U, name));
	describe(stack, other, end_name(loops, number | 1, name));
	return vlink_errno(rtnl_link_add(socket, pair, NLM_F_CREATE | NLM_F_EXCL));
}

int loop_make(const struct lana_stack *stack, const struct lana_loops *loops, __u32 number,
	      __u32 *ifindex)
{
	char name[16];
	int err = 0;

	end_name(loops, number, name);
	*ifindex = if_nametoindex(name);
	if (!*ifindex) {
		err = make_pair(stack, loops, number);
		*ifindex = if_nametoindex(name);
	}
	if (!err && !*ifindex)
		err = -ENODEV;
	return err ?: vlink_up(*ifindex);
}

int loop_remove(const struct lana_loops *loops, __u32 number)
{
	_cleanup_(socket_free_p) struct nl_sock *socket = NULL;
	_cleanup_(link_put_p) struct rtnl_link *link = NULL;
	char name[16];
	int err;

	end_name(loops, number, name);
	if (!if_nametoindex(name))
		return 0;
	socket = nl_socket_alloc();
	link = rtnl_link_alloc();
	if (!socket || !link)
		return -ENOMEM;
	rtnl_link_set_name(link, name);
	err = vlink_errno(nl_connect(socket, NETLINK_ROUTE));
	if (!err)
		err = vlink_errno(rtnl_link_delete(socket, link));
	return err == -ENODEV ? 0 : err;
}

/* ---- programs ------------------------------------------------------------------------------- */

static int load(const struct lana_stack *stack, __u32 number, struct loop *object)
{
	int err = bpf_map__reuse_fd(object->maps.lana_loops, stack->loops.fd);

	if (!err)
		err = bpf_map__reuse_fd(object->maps.lana_context, stack->context_fd);
	if (!err)
		err = bpf_map__reuse_fd(object->maps.lana_ingress,
					stack->tables[LANA_XDP][LANA_INGRESS]);
	if (!err)
		err = bpf_map__reuse_fd(object->maps.lana_egress,
					stack->tables[LANA_XDP][LANA_EGRESS]);
	if (err)
		return err;
	object->rodata->loop_number = number;
	object->rodata->loop_cpu_mask = stack->cpus - 1;
	return loop__load(object);
}

static int attach(const struct loop *object, __u32 ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = bpf_program__fd(object->progs.loop_pass),
		    .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	err = err == -EEXIST ? 0 : err;
	if (!err)
		err = bpf_tc_attach(&hook, &options);
	return err
		       ?: bpf_xdp_attach(ifindex, bpf_program__fd(object->progs.loop_root),
					 XDP_FLAGS_DRV_MODE, NULL);
}

int loop_attach(const struct lana_stack *stack, __u32 number, __u32 ifindex)
{
	struct loop *object;
	int err;

	libbpf_hush();
	object = loop__open();
	err = object ? load(stack, number, object) : -errno;
	if (!err)
		err = attach(object, ifindex);
	loop__destroy(object);
	libbpf_speak();
	return err;
}
