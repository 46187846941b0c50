// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "filter_wire.h"
#include "tap.h"
#include "topology.h"

#define NETNS "wire"

void filter_wire_open(struct filter_wire *wire)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_EGRESS);
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	int err, on = 1;

	topology_netns(NETNS);
	topology_veth(NETNS, "w1", NETNS, "w2");
	wire->netns = topology_enter(NETNS);
	/* Large packets, and none but the test's. */
	if (topology_run("for w in w1 w2; do ip link set $w mtu 9000 && "
			 "echo 1 >/proc/sys/net/ipv6/conf/$w/disable_ipv6; done"))
		tap_bail("a veth cannot be set up");
	wire->device = if_nametoindex("w1");
	hook.ifindex = wire->device;
	err = bpf_tc_hook_create(&hook);
	if (err)
		tap_bail("a clsact qdisc: %s", strerror(-err));
	wire->socket = socket(AF_PACKET, SOCK_RAW, 0);
	address.sll_ifindex = wire->device;
	if (wire->socket < 0 || bind(wire->socket, (void *)&address, sizeof(address)) ||
	    setsockopt(wire->socket, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		tap_bail("a packet socket: %s", strerror(errno));
}

void filter_wire_close(struct filter_wire *wire)
{
	close(wire->socket);
	topology_leave(wire->netns);
}

void filter_wire_attach(const struct filter_wire *wire, const struct filter_run *run)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = wire->device, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = 1, .priority = 1, .prog_fd = run->program,
		    .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_attach(&hook, &options);

	if (err)
		tap_bail("a filter at tc: %s", strerror(-err));
}

void filter_wire_send(const struct filter_wire *wire, const unsigned char bytes[FILTER_WIRE_SIZE],
		      unsigned int linear)
{
	struct virtio_net_hdr header = { .hdr_len = linear };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)bytes, FILTER_WIRE_SIZE } };

	if (writev(wire->socket, parts, 2) != sizeof(header) + FILTER_WIRE_SIZE)
		tap_bail("sending a packet: %s", strerror(errno));
}
