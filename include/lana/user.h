/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/user.h - the kernel half of a block that lives in user space
 *
 *	struct hold_config   { LANA_USER_OPTIONS;  __u64 delay; };
 *	struct hold_counters { LANA_USER_COUNTERS; __u64 late; };
 *	enum hold_port { HOLD_NEXT };
 *
 *	static __always_inline int hold_process(struct lana_pkt *pkt, …)
 *	{
 *		return lana_to_user(pkt, config, counters);
 *	}
 *
 *	LANA_USER_BLOCK(hold);
 *
 * It is a block like any other (lana/block.h): options, counters and ports are read from it, and
 * what can be done in the kernel is done here. What lana_to_user() is called for goes to the worker
 * that has the block; there the type's other half (lana/userblock.h, docs/userblock.md) takes it,
 * and sends it on by one of the block's ports. It adds to the same counters, and reads the same
 * options, so both structs are declared in a header that both halves include.
 */
#ifndef LANA_USER_H
#define LANA_USER_H

#include <lana/block.h>
#include <lana/channel.h>
#include <lana/hook.h>
#include <lana/packet.h>
#include <lana/userblock_abi.h>
#include <maps/users.h>

/* ifindex of the device of the worker that has the block and lives; 0: there is none. */
static __always_inline __u32 lana_worker(enum lana_flavour flavour, __u32 idp)
{
	struct bpf_devmap_val *device;

	if (!bpf_map_lookup_elem(&lana_user_xsks, &idp))
		return 0;
	if (flavour == LANA_XDP)
		device = bpf_map_lookup_elem(&lana_users_xdp, &idp);
	else
		device = bpf_map_lookup_elem(&lana_users_tc, &idp);
	return device ? device->ifindex : 0;
}

/* Has any the block? */
static __always_inline bool lana_has_worker(const struct lana_pkt *pkt)
{
	const struct lana_ports *ports = LANA_THIS_CPU(lana_ports, LANA_PAGE_SHIFT);

	return lana_worker(pkt->flavour, ports->idp);
}

/* What becomes of a packet that no worker has. */
static __always_inline int lana_without_worker(enum lana_dead dead,
					       struct lana_user_counters *counts)
{
	if (dead != LANA_DEAD_BYPASS) {
		counts->closed++;
		return -LANA_DROP_POLICY;
	}
	counts->bypassed++;
	return 0;
}

/* What is the same at XDP and at tc. */
static __always_inline void lana_channel_fill(struct lana_channel *channel, enum lana_dead dead,
					      const struct lana_ports *ports)
{
	channel->time = bpf_ktime_get_ns();
	channel->magic = LANA_CHANNEL_MAGIC;
	channel->idp = ports->idp;
	channel->life = ports->life;
	channel->path = ports->path;
	channel->port = dead == LANA_DEAD_BYPASS ? 0 : LANA_CHANNEL_CLOSED;
	channel->reserved = 0;
}

static __always_inline int lana_to_user_xdp(const struct lana_pkt *pkt, enum lana_dead dead,
					    struct lana_user_counters *counts)
{
	struct lana_ports *ports = LANA_THIS_CPU(lana_ports, LANA_PAGE_SHIFT);
	struct lana_context *context;
	struct lana_channel *channel;
	__u32 idp = ports->idp, device = lana_worker(LANA_XDP, idp);
	__u32 length = lana_len(pkt) - ETH_HLEN;

	if (!device)
		return lana_without_worker(dead, counts);
	if (bpf_check_mtu(lana_xdp(pkt), device, &length, sizeof(*channel), 0)) {
		counts->oversized++;
		return -LANA_DROP_POLICY;
	}
	/* The device may go in between: then this says so, and the packet is still as it was. */
	if (bpf_redirect_map(&lana_users_xdp, idp, 0) != XDP_REDIRECT)
		return lana_without_worker(dead, counts);
	if (bpf_xdp_adjust_head(lana_xdp(pkt), -(int)sizeof(*channel)))
		return -LANA_DROP_NO_MEMORY;
	channel = lana_header(pkt, 0, sizeof(*channel));
	if (!channel)
		return -LANA_DROP_SHORT; /* cannot be */

	context = LANA_THIS_CPU(lana_context, LANA_CONTEXT_SHIFT);
	device = context->origin;
	channel->device = device ? device : lana_xdp(pkt)->ingress_ifindex;
	channel->mark = context->mark;
	channel->trace = context->trace;
	channel->route = context->route;
	channel->flavour = LANA_XDP;
	channel->flags = 0;
	ports = LANA_THIS_CPU(lana_ports, LANA_PAGE_SHIFT);
	lana_channel_fill(channel, dead, ports);
	counts->to_user++;
	return LANA_SENT;
}

/*
 * The outer VLAN tags that the kernel holds beside the packet go into it: it would put them into
 * the header in front. Two, as the kernel takes out the next one when one is taken away. Negative:
 * there are more, or no memory.
 */
static __always_inline int lana_take_tags(struct __sk_buff *skb, struct lana_tag tags[2])
{
	__u32 i = 0;

	for (; i < 2 && skb->vlan_present; i++) {
		tags[i].protocol = skb->vlan_proto;
		tags[i].control = bpf_htons(skb->vlan_tci);
		if (bpf_skb_vlan_pop(skb))
			return -1;
	}
	return skb->vlan_present ? -1 : (int)i;
}

/* Put the channel's header in front, which is still to be filled, and the tags where they were. */
static __always_inline int lana_grow_skb(struct __sk_buff *skb)
{
	struct lana_tag tags[2] = {};
	int count = lana_take_tags(skb, tags);
	__u8 addresses[2 * ETH_ALEN];
	__u32 extra = 0;

	if (count < 0)
		return -1;
	if (count)
		extra = count == 1 ? sizeof(tags[0]) : sizeof(tags);
	if (bpf_skb_change_head(skb, sizeof(struct lana_channel) + extra, 0))
		return -1;
	if (!extra)
		return 0;
	if (bpf_skb_load_bytes(skb, sizeof(struct lana_channel) + extra, addresses,
			       sizeof(addresses)) ||
	    bpf_skb_store_bytes(skb, sizeof(struct lana_channel), addresses, sizeof(addresses), 0))
		return -1;
	if (count == 1)
		return bpf_skb_store_bytes(skb, sizeof(struct lana_channel) + sizeof(addresses),
					   tags, sizeof(tags[0]), 0);
	return bpf_skb_store_bytes(skb, sizeof(struct lana_channel) + sizeof(addresses), tags,
				   sizeof(tags), 0);
}

static __always_inline int lana_to_user_tc(const struct lana_pkt *pkt, enum lana_dead dead,
					   struct lana_user_counters *counts)
{
	struct lana_ports *ports = LANA_THIS_CPU(lana_ports, LANA_PAGE_SHIFT);
	struct __sk_buff *skb = lana_skb(pkt);
	__u32 device = lana_worker(LANA_TC, ports->idp), length = 0;
	__u32 segments = skb->gso_segs ? skb->gso_segs : 1;
	struct lana_channel *channel;

	if (!device)
		return lana_without_worker(dead, counts);
	/* The kernel does not say how long a segment will be with more in front of it. */
	if (bpf_check_mtu(skb, device, &length, skb->gso_size ? 0 : sizeof(*channel),
			  skb->gso_size ? BPF_MTU_CHK_SEGS : 0)) {
		counts->oversized++;
		return -LANA_DROP_POLICY;
	}
	if (lana_grow_skb(skb))
		return -LANA_DROP_NO_MEMORY;
	channel = lana_header(pkt, 0, sizeof(*channel));
	if (!channel)
		return -LANA_DROP_NO_MEMORY;

	channel->device = skb->ifindex;
	channel->mark = skb->mark;
	channel->trace = skb->cb[LANA_CB_TRACE];
	channel->route = skb->cb[LANA_CB_ROUTE];
	channel->flavour = LANA_TC;
	channel->flags = skb->cb[LANA_CB_HOOK] == LANA_CB_EGRESS ? LANA_CHANNEL_EGRESS : 0;
	ports = LANA_THIS_CPU(lana_ports, LANA_PAGE_SHIFT);
	lana_channel_fill(channel, dead, ports);
	counts->to_user += segments;
	skb->tc_index = LANA_TC_SENT;
	bpf_redirect(device, 0);
	return LANA_SENT;
}

/*
 * Give the packet to the block's other half; what this returns, the block returns. The kernel cuts
 * what it holds as one packet into its segments on the way, and finishes checksums. Where no worker
 * has the block, or it has died, the packet leaves by port 0, or (dead=closed) is dropped.
 */
#define lana_to_user(pkt, config, counters)                                                      \
	((pkt)->flavour == LANA_TC                                                               \
		 ? lana_to_user_tc(pkt, (config)->dead, (struct lana_user_counters *)(counters)) \
		 : lana_to_user_xdp(pkt, (config)->dead, (struct lana_user_counters *)(counters)))

/* The last line of the kernel half's source. */
#define LANA_USER_BLOCK(block)                                                        \
	_Static_assert(__builtin_offsetof(struct block##_config, dead) == 0 &&        \
			       !__builtin_offsetof(struct block##_counters, to_user), \
		       "LANA_USER_OPTIONS and LANA_USER_COUNTERS come first");        \
	LANA_DEFINE(block, 0, 0, 1)

/* The same for a block whose kernel half may send packets on by port 0 twice (LANA_ALL). */
#define LANA_DOUBLING_USER_BLOCK(block)                                               \
	_Static_assert(__builtin_offsetof(struct block##_config, dead) == 0 &&        \
			       !__builtin_offsetof(struct block##_counters, to_user), \
		       "LANA_USER_OPTIONS and LANA_USER_COUNTERS come first");        \
	LANA_DEFINE(block, 0, LANA_COPYING_TWICE, 1)

/* The same for a block whose other half sends packets on by ports of the other path, too. */
#define LANA_TURNING_USER_BLOCK(block)                                                \
	_Static_assert(__builtin_offsetof(struct block##_config, dead) == 0 &&        \
			       !__builtin_offsetof(struct block##_counters, to_user), \
		       "LANA_USER_OPTIONS and LANA_USER_COUNTERS come first");        \
	LANA_DEFINE(block, 1, 0, 1)

#endif
