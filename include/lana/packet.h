/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/packet.h - reach any byte of a packet, change its size, put VLAN tags on and take them off
 *
 * For blocks; what lana/block.h has to offer is enough for headers at a known place near the
 * packet's beginning. lana/ip.h finds IP headers, lana/checksum.h keeps checksums right. All
 * functions do the same at XDP and at tc unless they say otherwise; offsets and lengths are in
 * bytes, from the Ethernet header on.
 *
 * A packet may lie in several pieces (XDP with several buffers, an skb with pages). Pointers reach
 * the first one only, and at tc as far as the kernel can be asked to make it: lana_header() and
 * lana_at() are NULL beyond it, lana_load() and lana_store() go anywhere.
 *
 * Pointers into the packet are void after each function here but lana_load(), lana_find_tag() and
 * (at XDP) lana_at().
 */
#ifndef LANA_PACKET_H
#define LANA_PACKET_H

#include <stdbool.h>

#include <lana/block.h>

/* ---- bytes ---------------------------------------------------------------------------------- */

#define LANA_AT_MAX 0x7fff /* the last offset for lana_at(): the verifier knows no large ones */

/*
 * The size bytes (a constant) at an offset that is computed, to be read and written in place.
 * NULL: the packet ends before, or at XDP its first buffer does, or offset exceeds LANA_AT_MAX.
 */
static __always_inline void *lana_at(const struct lana_pkt *pkt, __u32 offset, __u32 size)
{
	__u64 at = offset;
	void *place;

	/* The compiler is not to know the range: it would leave out what the verifier must see. */
	asm volatile("" : "+r"(at));
	if (at > LANA_AT_MAX)
		return NULL;
	place = lana_data(pkt) + at;
	if (place + size <= lana_data_end(pkt))
		return place;
	if (pkt->flavour == LANA_XDP || bpf_skb_pull_data(lana_skb(pkt), at + size))
		return NULL;

	place = lana_data(pkt) + at;
	return place + size <= lana_data_end(pkt) ? place : NULL;
}

/*
 * Copy size bytes at offset to memory. Unless size is a constant, the verifier must know it to be
 * at least 1 and to fit, and the memory must hold something. Negative: the packet ends before.
 */
static __always_inline long lana_load(const struct lana_pkt *pkt, __u32 offset, void *to,
				      __u32 size)
{
	if (pkt->flavour == LANA_XDP)
		return bpf_xdp_load_bytes(lana_xdp(pkt), offset, to, size);
	return bpf_skb_load_bytes(lana_skb(pkt), offset, to, size);
}

/*
 * The other way. At tc a sum that the device has made of the packet (CHECKSUM_COMPLETE) is kept
 * right, which a store by a pointer does not do: unless it leaves the sum of what is behind the
 * Ethernet header as it was, which it does if a checksum in there is updated along with the field.
 */
static __always_inline long lana_store(const struct lana_pkt *pkt, __u32 offset, const void *from,
				       __u32 size)
{
	if (pkt->flavour == LANA_XDP)
		return bpf_xdp_store_bytes(lana_xdp(pkt), offset, (void *)from, size);
	return bpf_skb_store_bytes(lana_skb(pkt), offset, from, size, BPF_F_RECOMPUTE_CSUM);
}

/* ---- size ----------------------------------------------------------------------------------- */

/*
 * Put size bytes (a constant) in front of the packet; what they hold is not known at XDP, and 0 at
 * tc. Negative: there is no room, and nothing has changed.
 */
static __always_inline long lana_grow_front(const struct lana_pkt *pkt, __u32 size)
{
	if (pkt->flavour == LANA_XDP)
		return bpf_xdp_adjust_head(lana_xdp(pkt), -(int)size);
	return bpf_skb_change_head(lana_skb(pkt), size, 0);
}

/* An Ethernet header in words that may be copied as such, which a packed struct's may not. */
struct lana_words {
	__be16 words[ETH_HLEN / sizeof(__be16)];
};

/*
 * Put size bytes (a constant, even) between the Ethernet header and what follows it; what they
 * hold is not known. flags: at tc, BPF_F_ADJ_ROOM_… of bpf_skb_adjust_room(), which says what they
 * are going to be, so that super-segments (GSO) are still cut right; there the packet must be IPv4
 * or IPv6. Negative: it is not, or there is no room; nothing has changed.
 */
static __always_inline long lana_insert(const struct lana_pkt *pkt, __u32 size, __u64 flags)
{
	struct lana_words copy, *eth;

	if (pkt->flavour == LANA_TC)
		return bpf_skb_adjust_room(lana_skb(pkt), size, BPF_ADJ_ROOM_MAC, flags);

	eth = lana_header(pkt, 0, sizeof(*eth));
	if (!eth)
		return -1;
	copy = *eth;
	if (bpf_xdp_adjust_head(lana_xdp(pkt), -(int)size))
		return -1;
	eth = lana_header(pkt, 0, sizeof(*eth));
	if (!eth)
		return -1; /* cannot be */
	*eth = copy;
	return 0;
}

/*
 * Take size bytes (a constant, even) away behind the Ethernet header. flags: as above. Negative:
 * the packet is too short (at tc also: for the IP header that it says is there), or no IP at tc;
 * nothing has changed.
 */
static __always_inline long lana_remove(const struct lana_pkt *pkt, __u32 size, __u64 flags)
{
	struct lana_words *eth, copy;

	if (pkt->flavour == LANA_TC)
		return bpf_skb_adjust_room(lana_skb(pkt), -(int)size, BPF_ADJ_ROOM_MAC, flags);

	eth = lana_header(pkt, 0, sizeof(*eth) + size);
	if (!eth)
		return -1;
	copy = *eth;
	*(struct lana_words *)((void *)eth + size) = copy;
	return bpf_xdp_adjust_head(lana_xdp(pkt), size);
}

/*
 * Cut the packet at length, or make it so long; what is new is 0. Negative: there is no room, or
 * so little is left that the kernel does not let it (an Ethernet header, at tc the unfinished
 * checksum too); nothing has changed. At tc super-segments lose what makes them such. By generic
 * XDP the kernel takes the end to be 14 bytes further on than it is (bpf_prog_run_generic_xdp() in
 * net/core/dev.c, as of 6.18), and corrupts what its TCP appends to such a packet: cut those that
 * are data for somebody at the front instead.
 */
static __always_inline long lana_resize(const struct lana_pkt *pkt, __u32 length)
{
	if (pkt->flavour == LANA_XDP)
		return bpf_xdp_adjust_tail(lana_xdp(pkt), (int)(length - lana_len(pkt)));
	return bpf_skb_change_tail(lana_skb(pkt), length, 0);
}

/* ---- VLAN tags ------------------------------------------------------------------------------ */

/* IEEE 802.1Q: what stands behind the addresses, before the packet's type. */
struct lana_tag {
	__be16 protocol; /* ETH_P_8021Q or ETH_P_8021AD */
	__be16 control;	 /* priority (3 bits), drop eligible (1), number (12) */
};

#define LANA_TAG_NUMBER	  0x0fff
#define LANA_TAG_PRIORITY 13 /* bits to the left */

static __always_inline bool lana_is_tag(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/*
 * The packet's outermost tag: at tc the kernel holds it beside the packet, where it need not look
 * like one, at XDP it is in the packet (unless the device took it out, of which XDP hears nothing:
 * "ethtool -K DEV rxvlan off" keeps it from that, on a veth "txvlan off" at the other end). False:
 * there is none.
 */
static __always_inline bool lana_find_tag(const struct lana_pkt *pkt, struct lana_tag *tag)
{
	struct lana_tag *place;

	if (pkt->flavour == LANA_TC && lana_skb(pkt)->vlan_present) {
		tag->protocol = lana_skb(pkt)->vlan_proto;
		tag->control = bpf_htons(lana_skb(pkt)->vlan_tci);
		return true;
	}
	place = lana_header(pkt, 2 * ETH_ALEN, sizeof(*place) + sizeof(__be16));
	if (!place || !lana_is_tag(place->protocol))
		return false;
	*tag = *place;
	return true;
}

/* Put a tag on, outside those that are there. Negative: no memory, and nothing has changed. */
static __always_inline long lana_push_tag(const struct lana_pkt *pkt, struct lana_tag tag)
{
	struct {
		__be16 addresses[ETH_ALEN];
		struct lana_tag tag;
	} * eth;
	__be16 *moved;

	if (pkt->flavour == LANA_TC)
		return bpf_skb_vlan_push(lana_skb(pkt), tag.protocol, bpf_ntohs(tag.control));

	if (bpf_xdp_adjust_head(lana_xdp(pkt), -(int)sizeof(tag)))
		return -1;
	eth = lana_header(pkt, 0, sizeof(*eth) + 2);
	if (!eth)
		return -1; /* cannot be: there was an Ethernet header */
	moved = eth->addresses + sizeof(tag) / sizeof(__be16);
	__builtin_memmove(eth->addresses, moved, sizeof(eth->addresses));
	eth->tag = tag;
	return 0;
}

/* Take the outermost tag off. Negative: there is none, or the packet is cut; it has not changed. */
static __always_inline long lana_pop_tag(const struct lana_pkt *pkt)
{
	struct {
		__be16 addresses[ETH_ALEN];
		struct lana_tag tag;
		__be16 type;
	} * eth;
	__be16 *moved;

	if (pkt->flavour == LANA_TC)
		return bpf_skb_vlan_pop(lana_skb(pkt));

	eth = lana_header(pkt, 0, sizeof(*eth));
	if (!eth || !lana_is_tag(eth->tag.protocol))
		return -1;
	moved = eth->addresses + sizeof(eth->tag) / sizeof(__be16);
	__builtin_memmove(moved, eth->addresses, sizeof(eth->addresses));
	return bpf_xdp_adjust_head(lana_xdp(pkt), sizeof(eth->tag));
}

#endif
