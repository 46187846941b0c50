/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/ip.h - find what IP packets carry: options and extension headers, fragments, ports
 *
 * Offsets of IP headers are given, and may be any constant: sizeof(struct ethhdr) for the one
 * behind the Ethernet header, more for the inner one of a tunnel. None of this looks behind a VLAN
 * tag that is in the packet (see lana_find_tag()): take it off first.
 */
#ifndef LANA_IP_H
#define LANA_IP_H

#include <linux/in.h>
#include <linux/ipv6.h>

#include <lana/packet.h>

/* The IPv6 header behind the Ethernet header; NULL: another protocol, or the packet is shorter. */
static __always_inline struct ipv6hdr *lana_ipv6(const struct lana_pkt *pkt)
{
	struct ethhdr *eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(struct ipv6hdr));

	return eth && eth->h_proto == bpf_htons(ETH_P_IPV6) ? (void *)(eth + 1) : NULL;
}

/* What an IP packet's headers say. Offsets are from the Ethernet header on. */
struct lana_ip {
	__u32 transport; /* offset of what it carries, behind options and extension headers */
	__u32 end;	 /* offset behind its last byte: what comes then is padding */
	__u8 protocol;	 /* of what it carries: IPPROTO_… */
	bool extended;	 /* it has options, or extension headers other than a fragment's */
	bool fragment;	 /* it is a part of a packet */
	bool headless;	 /* and not the first: at transport is no header, but data */
	bool routed;	 /* it is to go elsewhere after its destination: IPv6 routing header */
};

/*
 * At tc, a super-segment too long for the length field holds 0 there (BIG TCP); it ends where the
 * packet does.
 */
static __always_inline bool lana_is_giant(const struct lana_pkt *pkt)
{
	return pkt->flavour == LANA_TC && lana_skb(pkt)->gso_size && lana_len(pkt) > 0xffff;
}

/* ---- IPv4 (RFC 791) ------------------------------------------------------------------------- */

/* No multicast, this network, this host, nor what is reserved (RFC 1812). */
static __always_inline bool lana_is_host4(__be32 address)
{
	__u8 first = bpf_ntohl(address) >> 24;

	return first != 0 && first != 127 && first < 224;
}

#define LANA_IPV4_LATER 0x1fff /* bits of frag_off that are 0 in the first fragment */
#define LANA_IPV4_MORE	0x2000 /* the bit that is 0 in the last one */

/*
 * Read the IPv4 header at offset. 0; -LANA_DROP_SHORT: the packet ends before the header does;
 * -LANA_DROP_PROTOCOL: it is not of version 4; -LANA_DROP_MALFORMED: its lengths contradict each
 * other or the packet's. Checksums are not looked at.
 */
static __always_inline int lana_find_ipv4(const struct lana_pkt *pkt, __u32 offset,
					  struct lana_ip *ip)
{
	struct iphdr *header = lana_header(pkt, offset, sizeof(*header));
	__u32 size, total;

	if (!header)
		return -LANA_DROP_SHORT;
	if (header->version != 4)
		return -LANA_DROP_PROTOCOL;
	size = header->ihl * 4;
	total = bpf_ntohs(header->tot_len);
	ip->protocol = header->protocol;
	ip->extended = size > sizeof(*header);
	ip->fragment = header->frag_off & bpf_htons(LANA_IPV4_LATER | LANA_IPV4_MORE);
	ip->headless = header->frag_off & bpf_htons(LANA_IPV4_LATER);
	ip->routed = false;
	if (!total && lana_is_giant(pkt))
		total = lana_len(pkt) - offset;
	if (size < sizeof(*header) || total < size || offset + total > lana_len(pkt))
		return -LANA_DROP_MALFORMED;
	ip->transport = offset + size;
	ip->end = offset + total;
	return 0;
}

/* ---- IPv6 (RFC 8200) ------------------------------------------------------------------------ */

#define LANA_EXTENSIONS_MAX 8 /* extension headers of a packet that are followed */

/* Values of "next header" that name an extension header, where linux/in6.h is not to be had. */
enum lana_extension {
	LANA_EXTENSION_HOPS = 0,
	LANA_EXTENSION_ROUTING = 43,
	LANA_EXTENSION_FRAGMENT = 44,
	LANA_EXTENSION_AUTHENTICATION = 51, /* RFC 4302; what follows it can be read */
	LANA_EXTENSION_DESTINATION = 60,
	LANA_EXTENSION_MOBILITY = 135,
	LANA_EXTENSION_HOST_IDENTITY = 139,
	LANA_EXTENSION_SHIM6 = 140,
};

#define LANA_IPV6_LATER 0xfff8 /* bits of a fragment header's offset that are 0 in the first one */

/* The beginning of any extension header. */
struct lana_extension_header {
	__u8 next;
	__u8 length; /* in units of 8 bytes, the first one not counted; not a fragment's */
	union {
		__be16 offset; /* of a fragment */
		struct {
			__u8 type, left; /* of a routing header: segments to go to */
		};
	};
};

/* Bytes of an extension header; 0: it is none. */
static __always_inline __u32 lana_extension_size(__u8 kind, __u8 length)
{
	switch (kind) {
	case LANA_EXTENSION_FRAGMENT:
		return 8;
	case LANA_EXTENSION_AUTHENTICATION:
		return (length + 2) * 4;
	case LANA_EXTENSION_HOPS:
	case LANA_EXTENSION_ROUTING:
	case LANA_EXTENSION_DESTINATION:
	case LANA_EXTENSION_MOBILITY:
	case LANA_EXTENSION_HOST_IDENTITY:
	case LANA_EXTENSION_SHIM6:
		return (length + 1) * 8;
	default:
		return 0;
	}
}

/*
 * Let the verifier forget what it knows of a number (other than 0): it does of what is stored in
 * the second half of a word of the stack. Or else it would go through a loop with each number of
 * headers of each kind on its own, and through all that comes behind it.
 */
static __always_inline __u32 lana_forget(__u32 value)
{
	struct {
		__u32 known, value;
	} word __attribute__((aligned(8)));

	word.value = value;
	asm volatile("" : "+m"(word.value));
	return word.value;
}

/* What was met on a walk over extension headers. */
enum lana_met {
	LANA_MET_FRAGMENT = 1 << 0,
	LANA_MET_HEADLESS = 1 << 1,
	LANA_MET_EXTENSION = 1 << 2,
	LANA_MET_ROUTE = 1 << 3,
	LANA_MET_END = 1 << 4, /* the walk is over, all is well */
	LANA_MET_BEGIN = 1 << 5,
};

/* Go behind the header at *at. What it is; 0: something is wrong with it. */
static __always_inline __u32 lana_step(const struct lana_pkt *pkt, bool first, __u32 end, __u32 *at,
				       __u8 *kind)
{
	struct lana_extension_header header;
	__u32 size = lana_extension_size(*kind, 0), met = LANA_MET_EXTENSION;

	if (!size)
		return LANA_MET_END;
	if ((!first && *kind == LANA_EXTENSION_HOPS) || *at + size > end ||
	    lana_load(pkt, *at, &header, sizeof(header)))
		return 0;
	size = lana_extension_size(*kind, header.length);
	if (*at + size > end)
		return 0;

	if (*kind == LANA_EXTENSION_FRAGMENT)
		met = header.offset & bpf_htons(LANA_IPV6_LATER)
			      ? LANA_MET_FRAGMENT | LANA_MET_HEADLESS | LANA_MET_END
			      : LANA_MET_FRAGMENT;
	else if (*kind == LANA_EXTENSION_ROUTING && header.left)
		met = LANA_MET_EXTENSION | LANA_MET_ROUTE;
	*kind = header.next;
	*at += size;
	return met;
}

/* Follow the extension headers from ip->transport on. */
static __always_inline int lana_find_extensions(const struct lana_pkt *pkt, struct lana_ip *ip)
{
	__u32 at = ip->transport, met = LANA_MET_BEGIN;
	__u8 kind = ip->protocol;

#pragma clang loop unroll(disable)
	for (int i = 0; i <= LANA_EXTENSIONS_MAX && !(met & LANA_MET_END); i++) {
		__u32 step = lana_step(pkt, !i, ip->end, &at, &kind);

		if (!step)
			return -LANA_DROP_MALFORMED;
		met = lana_forget(met | step);
		at = lana_forget(at);
	}
	if (!(met & LANA_MET_END))
		return -LANA_DROP_MALFORMED;
	ip->protocol = kind;
	ip->transport = at;
	ip->fragment = met & LANA_MET_FRAGMENT;
	ip->headless = met & LANA_MET_HEADLESS;
	ip->extended = met & LANA_MET_EXTENSION;
	ip->routed = met & LANA_MET_ROUTE;
	return 0;
}

/*
 * Read the IPv6 header at offset, and at most LANA_EXTENSIONS_MAX extension headers behind it. 0;
 * -LANA_DROP_SHORT: the packet ends before the header, or what it announces, does;
 * -LANA_DROP_PROTOCOL: it is not of version 6; -LANA_DROP_MALFORMED: extension headers end beyond
 * that, are more, or stand where they must not. What is encrypted (ESP) is not followed.
 */
static __always_inline int lana_find_ipv6(const struct lana_pkt *pkt, __u32 offset,
					  struct lana_ip *ip)
{
	struct ipv6hdr *header = lana_header(pkt, offset, sizeof(*header));
	__u32 length;

	if (!header)
		return -LANA_DROP_SHORT;
	if (header->version != 6)
		return -LANA_DROP_PROTOCOL;
	length = bpf_ntohs(header->payload_len);
	ip->protocol = header->nexthdr;
	ip->extended = ip->fragment = ip->headless = ip->routed = false;
	ip->transport = offset + sizeof(*header);
	if (!length && lana_is_giant(pkt))
		length = lana_len(pkt) - ip->transport;
	ip->end = ip->transport + length;
	if (ip->end > lana_len(pkt))
		return -LANA_DROP_SHORT;
	return lana_extension_size(ip->protocol, 0) ? lana_find_extensions(pkt, ip) : 0;
}

/*
 * Read the IPv4 or IPv6 header behind the Ethernet header, by its type. As above, but
 * -LANA_DROP_PROTOCOL: the type is neither; -LANA_DROP_MALFORMED also: the header is of another
 * version than that. *version: 4 or 6.
 */
static __always_inline int lana_find_ip(const struct lana_pkt *pkt, struct lana_ip *ip,
					int *version)
{
	struct ethhdr *eth = lana_eth(pkt);
	int err;

	if (!eth)
		return -LANA_DROP_SHORT;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		*version = 4;
		err = lana_find_ipv4(pkt, sizeof(*eth), ip);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		*version = 6;
		err = lana_find_ipv6(pkt, sizeof(*eth), ip);
	} else {
		return -LANA_DROP_PROTOCOL;
	}
	return err == -LANA_DROP_PROTOCOL ? -LANA_DROP_MALFORMED : err;
}

/* ---- ports ---------------------------------------------------------------------------------- */

/* How the headers of TCP, UDP, UDP-Lite, DCCP and SCTP begin. */
struct lana_port_pair {
	__be16 source;
	__be16 dest;
};

/* NULL: it has none: another protocol, not the first fragment, or the packet is shorter. */
static __always_inline struct lana_port_pair *lana_find_ports(const struct lana_pkt *pkt,
							      const struct lana_ip *ip)
{
	if (ip->headless || ip->end - ip->transport < sizeof(struct lana_port_pair))
		return NULL;
	switch (ip->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
		return lana_at(pkt, ip->transport, sizeof(struct lana_port_pair));
	default:
		return NULL;
	}
}

#endif
