// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket - a program's socket: it receives whatever arrives, on whichever path
 *
 * Made by lana_socket_open(), not by "add", and gone with its program. What the program sends does
 * not pass through this code: the root at the socket's device jumps to where port next leads.
 *
 * in          Ethernet
 * out next    egress: frames that the program sends; nothing on ingress
 * config      slot: of the socket's device in the device map
 *             frame_max: bytes of a frame that the program can receive
 *             device0 … device3: ifindex of a device whose packets the program can have directly;
 *             queues0 …: how many of its queues; first0 …: where those are in its map
 * counters    delivered: frames on their way to the program. If it is slow they may yet be lost,
 *             and are counted by lana_socket_stats()
 *             direct: those of them that need not pass the socket's own device
 *             oversized: frames longer than frame_max, which are dropped
 * state       the program's AF_XDP sockets at devices of the stack
 * see also    device, docs/socket.md
 */
#include <stdbool.h>

#include <lana/block.h>
#include <lana/hook.h>
#include <maps/devices.h>

struct socket_config {
	__u32 slot;
	__u32 frame_max;
	__u32 device0, first0, queues0;
	__u32 device1, first1, queues1;
	__u32 device2, first2, queues2;
	__u32 device3, first3, queues3;
};

struct socket_counters {
	__u64 delivered;
	__u64 direct;
	__u64 oversized;
};

enum socket_port { SOCKET_NEXT };

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 16); /* SOCKET_XSKS_MAX */
	__type(key, __u32);
	__type(value, __u32);
} socket_direct SEC(".maps");

/* Give a packet that came by such a device right to the program. False: it is no such. */
#define DIRECT(n)                                                                          \
	(config->device##n && ifindex == config->device##n && queue < config->queues##n && \
	 bpf_redirect_map(&socket_direct, config->first##n + queue, 0) == XDP_REDIRECT)

static __always_inline bool is_direct(const struct xdp_md *xdp, const struct socket_config *config)
{
	__u32 ifindex, queue;

	if (!config->device0)
		return false;
	ifindex = xdp->ingress_ifindex;
	queue = xdp->rx_queue_index;
	return DIRECT(0) || DIRECT(1) || DIRECT(2) || DIRECT(3);
}

/* What the kernel holds as one packet is cut into its segments on the way. */
static __always_inline int deliver_skb(struct __sk_buff *skb, const struct socket_config *config,
				       struct socket_counters *counters)
{
	__u32 slot = config->slot, segments = skb->gso_segs;
	struct bpf_devmap_val *device = bpf_map_lookup_elem(&lana_devices_tc, &slot);

	if (!device)
		return -LANA_DROP_NO_DEVICE;
	if (!skb->gso_size && skb->len > config->frame_max) {
		counters->oversized++;
		return -LANA_DROP_POLICY;
	}
	counters->delivered += segments ? segments : 1;
	skb->tc_index = LANA_TC_SENT;
	bpf_redirect(device->ifindex, 0);
	return LANA_SENT;
}

static __always_inline int socket_process(struct lana_pkt *pkt, const struct socket_config *config,
					  struct socket_counters *counters)
{
	if (pkt->flavour == LANA_TC)
		return deliver_skb(lana_skb(pkt), config, counters);
	if (lana_len(pkt) > config->frame_max) {
		counters->oversized++;
		return -LANA_DROP_POLICY;
	}
	if (is_direct(lana_xdp(pkt), config))
		counters->direct++;
	else if (bpf_redirect_map(&lana_devices_xdp, config->slot, 0) != XDP_REDIRECT)
		return -LANA_DROP_NO_DEVICE;
	counters->delivered++;
	return LANA_SENT;
}

LANA_BLOCK(socket);
