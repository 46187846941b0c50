// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker - what stands at the two ends of a worker's device
 *
 *	worker ══ AF_XDP ══ end of its own ══════════ end in the stack's namespace ── stack
 *	                    worker_receive ◀────────  worker_out (tc egress)
 *	                                   ────────▶  worker_root (XDP), worker_tc (tc ingress)
 *
 * Every frame has struct lana_channel in front. One that finds no AF_XDP socket turns round at
 * worker_receive. Coming back, it goes on by the slot of its block's port: at XDP at once; at tc by
 * the egress hook of the device that the packet came by first, whose root takes it for a copy that
 * begins.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include <lana/abi.h>
#include <lana/channel.h>
#include <lana/hook.h>
#include <maps/devices.h>
#include <maps/users.h>

#include "reentry.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} worker_xsks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct lana_channel_counts);
} worker_counts SEC(".maps");

const volatile __u32 worker_cpu_mask; /* of the stack: a power of two less one */

/* Each is counted where one CPU at a time polls the device's only queue. */
static __always_inline struct lana_channel_counts *counts(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&worker_counts, &zero);
}

SEC("xdp.frags")
int worker_receive(struct xdp_md *xdp)
{
	struct lana_channel_counts *counted = counts();

	if (counted)
		counted->arrived++;
	return bpf_redirect_map(&worker_xsks, 0, XDP_TX);
}

/* Nothing but what the stack sends leaves by the device: the kernel may not talk to the worker. */
SEC("tc")
int worker_out(struct __sk_buff *skb)
{
	if (skb->tc_index != LANA_TC_SENT)
		return TC_ACT_SHOT;
	skb->tc_index = 0;
	return TC_ACT_OK;
}

/* Is it a header that the worker may have written? The block is one that it has. */
static __always_inline bool is_right(const struct lana_channel *channel, __u32 ifindex)
{
	__u32 idp = channel->idp;
	const struct bpf_devmap_val *device;

	if (channel->magic != LANA_CHANNEL_MAGIC || channel->path >= LANA_PATHS ||
	    channel->flavour >= LANA_FLAVOURS || idp >= LANA_BLOCKS_MAX ||
	    (channel->port >= LANA_PORTS_MAX && channel->port != LANA_CHANNEL_CLOSED))
		return false;
	device = bpf_map_lookup_elem(&lana_users_xdp, &idp);
	return device && device->ifindex == ifindex;
}

/* False: it goes no further. */
static __always_inline bool may_go_on(const struct lana_channel *channel,
				      struct lana_channel_counts *counted)
{
	const struct lana_loops *loops;
	__u32 zero = 0;

	loops = bpf_map_lookup_elem(&lana_loops, &zero);
	if (!loops || (__u16)loops->lives[channel->idp & (LANA_BLOCKS_MAX - 1)] != channel->life) {
		counted->stale++;
		return false;
	}
	if (channel->port == LANA_CHANNEL_CLOSED) {
		counted->closed++;
		return false;
	}
	counted->bypassed += !(channel->flags & LANA_CHANNEL_TAKEN);
	return true;
}

/* Cut the header off; what worker_tc() needs stays as metadata. */
static __always_inline bool cut(struct xdp_md *xdp)
{
	return !bpf_xdp_adjust_head(xdp, sizeof(struct lana_channel)) &&
	       !bpf_xdp_adjust_meta(xdp, -LANA_CHANNEL_META);
}

SEC("xdp.frags")
int worker_root(struct xdp_md *xdp)
{
	const struct lana_channel *channel = (void *)(long)xdp->data;
	struct lana_channel_counts *counted = counts();
	struct lana_channel copy;

	if (!counted)
		return XDP_DROP;
	if ((void *)(channel + 1) > (void *)(long)xdp->data_end ||
	    !is_right(channel, xdp->ingress_ifindex)) {
		counted->rejected++;
		return XDP_DROP;
	}
	if (!may_go_on(channel, counted))
		return XDP_DROP;
	copy = *channel;
	if (!cut(xdp)) {
		counted->rejected++; /* there is no Ethernet header behind it */
		return XDP_DROP;
	}
	if (copy.flavour == LANA_TC)
		return XDP_PASS;

	if (!reentry_begin(worker_cpu_mask, copy.mark, copy.route, copy.trace, copy.device))
		return XDP_DROP;
	reentry_jump(xdp, copy.path != LANA_INGRESS, LANA_SLOT_PORT(copy.idp, copy.port));
	counted->stale++;
	return XDP_DROP;
}

/* One of the stack's: the worker could have written any other into the header. */
static __always_inline bool is_hooked(__u32 ifindex)
{
	return ifindex && bpf_map_lookup_elem(&lana_slots, &ifindex);
}

/*
 * What worker_root() has let through: on its way by the stack's tables of tc, or let go to the
 * kernel at XDP, which receives it by the device that the packet came by.
 */
SEC("tc")
int worker_tc(struct __sk_buff *skb)
{
	const void *meta = (void *)(long)skb->data_meta;
	struct lana_channel_counts *counted = counts();
	struct lana_channel copy;

	if (meta + LANA_CHANNEL_META > (void *)(long)skb->data)
		return TC_ACT_SHOT;
	__builtin_memcpy(&copy.magic, meta, LANA_CHANNEL_META);
	if (copy.magic != LANA_CHANNEL_MAGIC)
		return TC_ACT_SHOT;
	if (!is_hooked(copy.device)) {
		if (counted)
			counted->rejected++;
		return TC_ACT_SHOT;
	}
	if (copy.flavour == LANA_XDP)
		return bpf_redirect(copy.device, BPF_F_INGRESS);

	skb->mark = copy.mark;
	skb->cb[LANA_CB_HOOK] = copy.flags & LANA_CHANNEL_EGRESS ? LANA_CB_EGRESS : 0;
	skb->cb[LANA_CB_SIDE] = LANA_SIDE_OPEN;
	skb->cb[LANA_CB_TRACE] = copy.trace;
	skb->cb[LANA_CB_ROUTE] = copy.route;
	skb->cb[LANA_CB_COPY] =
		LANA_SLOT_PORT(copy.idp, copy.port) | (copy.path == LANA_EGRESS ? 1U << 31 : 0);
	skb->tc_index = LANA_TC_COPY;
	return bpf_redirect(copy.device, 0);
}

char _license[] SEC("license") = "GPL";
