// SPDX-License-Identifier: GPL-2.0-only
/*
 * fragment - cut IPv4 packets that are too long for their way (RFC 791, section 3.2)
 *
 * A packet becomes its first fragment, and the rest, a fragment of its own that is cut further
 * until it is short enough. Fragments are to go back to the route block that found the packet too
 * long: it finds the next hop, which it did not look for.
 *
 * At tc the rest comes in once more by the device that the packet came by, and so through the whole
 * stack. Fragments take the same way, in order, and whatever stands before this block sees the rest
 * too.
 *
 * At XDP two copies are made, and each becomes one of the two. They come back by the port parts,
 * which has to lead to this very block ("cut[parts] -> cut"); if it leads nowhere, what is to be
 * cut leaves by whole, for the kernel's router, say. Copies wait in devices of lana's own, so
 * packets behind may overtake them; frames of several buffers or more than 3,456 bytes cannot be
 * copied and leave by whole; generic XDP (hook skb) cannot copy at all, and with it parts cannot
 * be bound.
 *
 * in          IPv4 or IPv6 over Ethernet
 * out next    packets that are short enough, and fragments
 * out df      too long, and not to be cut: IPv4 that says so, IPv6; unchanged
 * out whole   too long, and not to be cut here, unchanged: IP options; at XDP what cannot be
 *             copied; at tc unfinished checksums, super-segments, and what did not come in by a
 *             hooked device
 * out parts   XDP: copies that are to become fragments, for this block
 * config      mtu=0..65535: bytes from the IP header on (0: the MTU that route has noted)
 * counters    cut: first fragments made
 * state       scratch: of no meaning
 * see also    route, icmp_error
 */
#include <lana/checksum.h>
#include <lana/part.h>
#include <lana/route.h>

struct fragment_config {
	__u16 mtu;
};

struct fragment_counters {
	__u64 cut;
};

enum fragment_port { FRAGMENT_NEXT, FRAGMENT_DF, FRAGMENT_WHOLE, FRAGMENT_PARTS };

#define DONT	 0x4000 /* RFC 791: don't fragment */
#define UNIT	 8	/* bytes in which fragments are counted */

#define DATA_AT	 (ETH_HLEN + sizeof(struct iphdr))
#define DATA_MAX 4088 /* bytes that the kernel takes out at once, in whole units */

struct fragment_scratch {
	__u8 bytes[DATA_MAX + UNIT];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fragment_scratch);
} scratch SEC(".maps");

/* What is to be done with a packet. */
struct cut {
	__u32 first; /* bytes of data in the first fragment */
	__u16 total; /* of the packet as it is, header included */
	__u16 frag_off;
};

static __always_inline void write_header(struct iphdr *ip, __u32 total, __u16 frag_off)
{
	ip->tot_len = bpf_htons(total);
	ip->frag_off = bpf_htons(frag_off);
	ip->check = 0;
	ip->check = ~lana_fold(lana_sum_of(ip, sizeof(*ip)));
}

/* Let the rest come in again. The packet becomes the rest, and its first data is in scratch. */
static __always_inline int send_rest(struct lana_pkt *pkt, const struct cut *cut, __u32 ifindex)
{
	struct ethhdr *eth;

	if (bpf_skb_adjust_room(lana_skb(pkt), -(int)cut->first, BPF_ADJ_ROOM_NET, 0))
		return -1;
	eth = lana_header(pkt, 0, DATA_AT);
	if (!eth)
		return -1;
	write_header((void *)(eth + 1), cut->total - cut->first, cut->frag_off + cut->first / UNIT);
	return bpf_clone_redirect(lana_skb(pkt), ifindex, BPF_F_INGRESS);
}

/* Make the first fragment of the packet that was the rest. */
static __always_inline int restore(struct lana_pkt *pkt, const struct cut *cut, void *data)
{
	__u32 size = cut->first;
	struct ethhdr *eth;

	if (lana_resize(pkt, DATA_AT + size))
		return -1;
	asm volatile("" : "+r"(size)); /* the verifier must see its bounds here */
	if (!size || size > DATA_MAX || bpf_skb_store_bytes(lana_skb(pkt), DATA_AT, data, size, 0))
		return -1;
	eth = lana_header(pkt, 0, DATA_AT);
	if (!eth)
		return -1;
	write_header((void *)(eth + 1), sizeof(struct iphdr) + size,
		     cut->frag_off | LANA_IPV4_MORE);
	return 0;
}

static __always_inline int split(struct lana_pkt *pkt, struct cut *cut,
				 struct fragment_counters *counters)
{
	__u32 zero = 0, size = cut->first, ifindex = lana_ingress_ifindex(pkt);
	struct fragment_scratch *data = bpf_map_lookup_elem(&scratch, &zero);

	if (!data || !lana_slot_of(ifindex) || lana_skb(pkt)->cb[LANA_CB_HOOK] == LANA_CB_EGRESS)
		return FRAGMENT_WHOLE;
	asm volatile("" : "+r"(size));
	if (!size || size > DATA_MAX || lana_load(pkt, DATA_AT, data, size))
		return -LANA_DROP_MALFORMED;
	if (send_rest(pkt, cut, ifindex) || restore(pkt, cut, data))
		return -LANA_DROP_NO_MEMORY;
	counters->cut++;
	return FRAGMENT_NEXT;
}

/* Of two copies the kernel (6.18) delivers the last one first. */
enum part { PART_REST = 1, PART_FIRST };

/* At XDP: take the data of the first fragment out of the packet. */
static __always_inline int take_first(struct lana_pkt *pkt, const struct cut *cut)
{
	__u8 headers[DATA_AT];
	void *data = lana_header(pkt, 0, DATA_AT);

	if (!data)
		return -1;
	__builtin_memcpy(headers, data, DATA_AT);
	if (bpf_xdp_adjust_head(lana_xdp(pkt), cut->first))
		return -1;
	data = lana_header(pkt, 0, DATA_AT);
	if (!data)
		return -1;
	__builtin_memcpy(data, headers, DATA_AT);
	write_header(data + ETH_HLEN, cut->total - cut->first, cut->frag_off + cut->first / UNIT);
	return 0;
}

static __always_inline int keep_first(struct lana_pkt *pkt, const struct cut *cut)
{
	struct ethhdr *eth;

	if (lana_resize(pkt, DATA_AT + cut->first))
		return -1;
	eth = lana_header(pkt, 0, DATA_AT);
	if (!eth)
		return -1;
	write_header((void *)(eth + 1), sizeof(struct iphdr) + cut->first,
		     cut->frag_off | LANA_IPV4_MORE);
	return 0;
}

/* A copy becomes its part of what it is a copy of. */
static __always_inline int become(struct lana_pkt *pkt, __u32 part,
				  struct fragment_counters *counters)
{
	struct iphdr *ip = lana_ipv4(pkt);
	struct cut cut = { .first = part & 0xffff };

	if (!ip)
		return -1;
	cut.total = bpf_ntohs(ip->tot_len);
	cut.frag_off = bpf_ntohs(ip->frag_off);
	if (cut.total <= sizeof(*ip) + cut.first)
		return -1;
	if (part >> 16 == PART_REST)
		return take_first(pkt, &cut);
	counters->cut++;
	return keep_first(pkt, &cut);
}

static __always_inline int fragment_process(struct lana_pkt *pkt,
					    const struct fragment_config *config,
					    struct fragment_counters *counters)
{
	__u32 mtu = config->mtu ?: LANA_ROUTE_MTU(lana_route(pkt)), part = lana_part(pkt);
	struct ethhdr *eth;
	struct lana_ip found = {};
	struct cut cut = {};
	int version, err;
	struct iphdr *ip;

	if (part && become(pkt, part, counters))
		return -LANA_DROP_NO_MEMORY;
	if (part && part >> 16 == PART_FIRST)
		return FRAGMENT_NEXT;
	err = lana_find_ip(pkt, &found, &version);
	if (err)
		return err;
	if (!mtu || found.end - ETH_HLEN <= mtu)
		return FRAGMENT_NEXT;
	eth = lana_header(pkt, 0, DATA_AT);
	if (version == 6 || !eth)
		return FRAGMENT_DF;
	ip = (void *)(eth + 1);
	cut.frag_off = bpf_ntohs(ip->frag_off);
	if (cut.frag_off & DONT)
		return FRAGMENT_DF;
	cut.total = bpf_ntohs(ip->tot_len);
	cut.first = mtu > sizeof(*ip) ? (mtu - sizeof(*ip)) & ~(UNIT - 1) : 0;
	if (cut.first > DATA_MAX)
		cut.first = DATA_MAX;
	if (found.extended || !cut.first)
		return FRAGMENT_WHOLE;
	if (pkt->flavour == LANA_XDP) {
		if (!(lana_bound(pkt) & 1U << FRAGMENT_PARTS))
			return FRAGMENT_WHOLE;
		lana_divide(pkt, cut.first);
		return LANA_ALL;
	}
	if (lana_skb(pkt)->gso_size)
		return FRAGMENT_WHOLE;
	if (lana_is_unfinished(pkt))
		return FRAGMENT_WHOLE;
	return split(pkt, &cut, counters);
}

LANA_PARTING_BLOCK(fragment, FRAGMENT_PARTS);
