/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/route.h - where a packet is to be sent: what routing decides and rides with the packet
 *
 * Whoever routes (route) or answers (arp, echo, icmp_error, …) notes the device by which the packet
 * is to leave, and the largest packet that may go there; blocks behind it (fragment, icmp_error)
 * read that, and transmit sends the packet. So any number of devices takes one graph of blocks, and
 * what is bound between route and transmit sees all that is sent.
 */
#ifndef LANA_ROUTE_H
#define LANA_ROUTE_H

#include <stdbool.h>

#include <lana/block.h>
#include <lana/hook.h>
#include <maps/devices.h>

/* IDP of the device's block; 0: nobody has said. And an MTU in bytes; 0: nobody has said. */
#define LANA_ROUTE(slot, mtu)  ((__u32)(slot) << 16 | (mtu))
#define LANA_ROUTE_SLOT(route) ((route) >> 16)
#define LANA_ROUTE_MTU(route)  ((route)&0xffff)

static __always_inline __u32 lana_route(const struct lana_pkt *pkt)
{
	struct lana_context *context;

	if (pkt->flavour == LANA_TC)
		return lana_skb(pkt)->cb[LANA_CB_ROUTE];
	context = LANA_THIS_CPU(lana_context, LANA_CONTEXT_SHIFT);
	return context->route;
}

static __always_inline void lana_set_route(const struct lana_pkt *pkt, __u32 route)
{
	struct lana_context *context;

	if (pkt->flavour == LANA_TC) {
		lana_skb(pkt)->cb[LANA_CB_ROUTE] = route;
		return;
	}
	context = LANA_THIS_CPU(lana_context, LANA_CONTEXT_SHIFT);
	context->route = route;
}

/* The device by which the packet came; at XDP a copy comes by another one, of lana's own. */
static __always_inline __u32 lana_ingress_ifindex(const struct lana_pkt *pkt)
{
	struct lana_context *context;

	if (pkt->flavour == LANA_TC)
		return lana_skb(pkt)->ingress_ifindex ?: lana_skb(pkt)->ifindex;
	context = LANA_THIS_CPU(lana_context, LANA_CONTEXT_SHIFT);
	return context->origin ?: lana_xdp(pkt)->ingress_ifindex;
}

/* IDP of the block of the device with that index; 0: it is not hooked. */
static __always_inline __u32 lana_slot_of(__u32 ifindex)
{
	__u32 *slot = bpf_map_lookup_elem(&lana_slots, &ifindex);
	struct lana_device_facts *facts;

	facts = slot ? bpf_map_lookup_elem(&lana_facts, slot) : NULL;
	return facts && facts->ifindex == ifindex ? *slot : 0;
}

/*
 * Turn a packet round: have it leave by where it came from, to whom it came from. It is sent from
 * the address of the device, as its target address may be that of the next hop already.
 */
static __always_inline void lana_turn_round(const struct lana_pkt *pkt, struct ethhdr *eth)
{
	__u32 slot = lana_slot_of(lana_ingress_ifindex(pkt));
	struct lana_device_facts *facts = bpf_map_lookup_elem(&lana_facts, &slot);
	__u8 dest[ETH_ALEN];

	__builtin_memcpy(dest, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	if (slot && facts)
		__builtin_memcpy(eth->h_source, facts->mac, ETH_ALEN);
	else
		__builtin_memcpy(eth->h_source, dest, ETH_ALEN);
	lana_set_route(pkt, LANA_ROUTE(slot, 0));
}

#endif
