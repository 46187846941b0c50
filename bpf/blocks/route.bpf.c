// SPDX-License-Identifier: GPL-2.0-only
/*
 * route - find where an IPv4 or IPv6 packet goes next: a router's forwarding table
 *
 * The device that a packet is to leave by, and its MTU, are noted with the packet for transmit; its
 * target MAC address becomes that of the neighbour. The TTL is left alone: a ttl block behind next
 * counts it. What the block cannot judge leaves by up, where the kernel's own router takes it over.
 *
 * With mode=kernel the kernel's routing tables and neighbours decide, those of the network
 * namespace that the packet came by. The kernel does not say whether there is no route or the
 * packet is for this host: both leave by local, where the kernel answers for it.
 *
 * Otherwise the block's own tables do, which lanactl set NAME table=FILE fills. A line is an entry:
 *
 *	hop NUMBER [to=WHAT] [dev=DEVICE mac=MAC] [mtu=BYTES]
 *	ipv4 PREFIX hop=NUMBER
 *	ipv6 PREFIX hop=NUMBER
 *
 * A hop (1..4095) is a neighbour, MAC, at a hooked device, DEVICE; its MTU is the device's unless
 * given. Or its packets leave by the port that to names: local, none, prohibited, up, p1 … p8
 * (tunnels, say); or to=drop. Prefixes name hops that the file has. The longest prefix that fits
 * decides, up to a million of each kind.
 *
 * in          Ethernet
 * out next    to be sent: IPv4 and IPv6 with a route, a neighbour and no more than the MTU
 * out local   for this host
 * out none    there is no way to its target
 * out prohibited  there is one, and it may not be taken
 * out big     longer than the MTU of the way, which is noted with the packet; otherwise unchanged
 * out up      what the kernel is to see to: other protocols, multicasts, IP options, targets that
 *             have no neighbour or no hooked device yet. (By the kernel's routes, the device of
 *             one without a neighbour is noted all the same.)
 * out p1      and p2 to p8: packets of hops to that port
 * config      mode=table, kernel: whose routes (table: the block's own)
 *             table=FILE: the block's own routes
 * counters    none
 * state       ipv4, ipv6, hop: the tables
 * see also    ttl, transmit, icmp_error, fragment
 */
#include <lana/fib.h>
#include <lana/ip.h>
#include <lana/trie.h>

enum route_mode { ROUTE_MODE_TABLE, ROUTE_MODE_KERNEL };

struct route_config {
	enum route_mode mode;
	struct lana_table_file table;
};

struct route_counters {
};

enum route_port {
	ROUTE_NEXT,
	ROUTE_LOCAL,
	ROUTE_NONE,
	ROUTE_PROHIBITED,
	ROUTE_BIG,
	ROUTE_UP,
	ROUTE_P1,
	ROUTE_P2,
	ROUTE_P3,
	ROUTE_P4,
	ROUTE_P5,
	ROUTE_P6,
	ROUTE_P7,
	ROUTE_P8,
};

/* Where a hop's packets go. */
enum route_to {
	ROUTE_TO_DEVICE,
	ROUTE_TO_LOCAL,
	ROUTE_TO_NONE,
	ROUTE_TO_PROHIBITED,
	ROUTE_TO_UP,
	ROUTE_TO_DROP,
	ROUTE_TO_P1,
	ROUTE_TO_P2,
	ROUTE_TO_P3,
	ROUTE_TO_P4,
	ROUTE_TO_P5,
	ROUTE_TO_P6,
	ROUTE_TO_P7,
	ROUTE_TO_P8,
};

struct route_hop {
	struct lana_device_ref dev LANA_UNLESS(to) LANA_WITH(mac);
	enum route_to to;
	__u16 mtu;
	__u8 mac[ETH_ALEN] LANA_WITH(dev);
};

struct route_entry {
	__u32 hop LANA_REQUIRED LANA_RANGE(1, 4095) LANA_ENTRY_OF(hop);
};

struct route_step {
	struct route_entry entries[LANA_TRIE_STEP];
};

#define ROUTE_PREFIXES (1 << 20)
#define ROUTE_HOPS     4096

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LANA_TRIE_FIRST);
	__type(key, __u32);
	__type(value, struct route_step);
} ipv4 LANA_TABLE4;

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ROUTE_PREFIXES);
	__type(key, struct lana_prefix6);
	__type(value, struct route_entry);
} ipv6 LANA_TABLE;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ROUTE_HOPS);
	__type(key, __u32);
	__type(value, struct route_hop);
} hop LANA_TABLE LANA_FROM_1;

/* ---- the block's own tables --------------------------------------------------------------- */

static __always_inline int to_device(struct lana_pkt *pkt, struct ethhdr *eth,
				     const struct route_hop *next, __u32 length)
{
	__u32 slot = next->dev.slot;
	struct lana_device_facts *facts = bpf_map_lookup_elem(&lana_facts, &slot);
	__u32 mtu;

	if (!facts || !facts->ifindex || facts->name != next->dev.name)
		return -LANA_DROP_NO_DEVICE;
	mtu = next->mtu ?: facts->mtu;
	lana_set_route(pkt, LANA_ROUTE(slot, mtu));
	if (length > mtu)
		return ROUTE_BIG;
	__builtin_memcpy(eth->h_dest, next->mac, ETH_ALEN);
	return ROUTE_NEXT;
}

static __always_inline int by_table(struct lana_pkt *pkt, struct ethhdr *eth, __u32 number,
				    __u32 length)
{
	const struct route_hop *next = bpf_map_lookup_elem(&hop, &number);

	if (!next)
		return ROUTE_NONE;
	switch (next->to) {
	case ROUTE_TO_DEVICE:
		return next->dev.slot ? to_device(pkt, eth, next, length) : ROUTE_NONE;
	case ROUTE_TO_LOCAL:
		return ROUTE_LOCAL;
	case ROUTE_TO_NONE:
		return ROUTE_NONE;
	case ROUTE_TO_PROHIBITED:
		return ROUTE_PROHIBITED;
	case ROUTE_TO_UP:
		return ROUTE_UP;
	case ROUTE_TO_DROP:
		return -LANA_DROP_POLICY;
	case ROUTE_TO_P1:
		return ROUTE_P1;
	case ROUTE_TO_P2:
		return ROUTE_P2;
	case ROUTE_TO_P3:
		return ROUTE_P3;
	case ROUTE_TO_P4:
		return ROUTE_P4;
	case ROUTE_TO_P5:
		return ROUTE_P5;
	case ROUTE_TO_P6:
		return ROUTE_P6;
	case ROUTE_TO_P7:
		return ROUTE_P7;
	case ROUTE_TO_P8:
		return ROUTE_P8;
	}
	return ROUTE_NONE;
}

/* ---- the kernel's ------------------------------------------------------------------------- */

static __always_inline int by_kernel(struct lana_pkt *pkt, struct ethhdr *eth,
				     struct bpf_fib_lookup *fib)
{
	__u32 slot;

	switch (bpf_fib_lookup(pkt->ctx, fib, sizeof(*fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		slot = lana_slot_of(fib->ifindex);
		if (!slot)
			return ROUTE_UP;
		lana_set_route(pkt, LANA_ROUTE(slot, 0));
		__builtin_memcpy(eth->h_dest, fib->dmac, ETH_ALEN);
		return ROUTE_NEXT;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		slot = lana_slot_of(fib->ifindex);
		lana_set_route(pkt, LANA_ROUTE(slot, 0)); /* for transmit neighbours=kernel */
		return ROUTE_UP;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		lana_set_route(pkt, LANA_ROUTE(0, fib->tot_len)); /* which is the MTU now */
		return ROUTE_BIG;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
		return -LANA_DROP_POLICY;
	case BPF_FIB_LKUP_RET_UNREACHABLE:
		return ROUTE_NONE;
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return ROUTE_PROHIBITED;
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return ROUTE_LOCAL;
	}
	return ROUTE_UP;
}

/* ---- packets ------------------------------------------------------------------------------ */

/*
 * What counts against the MTU of a packet of that length: of one that the kernel is going to cut
 * into segments (tc), the length of these. header: bytes of the IP header.
 */
static __always_inline __u32 longest(struct lana_pkt *pkt, __u32 length, __u32 header,
				     __u8 protocol)
{
	__u8 offset;

	if (pkt->flavour == LANA_XDP || !lana_skb(pkt)->gso_size)
		return length;
	if (protocol != IPPROTO_TCP)
		return header + 8 + lana_skb(pkt)->gso_size;
	if (lana_load(pkt, ETH_HLEN + header + 12, &offset, sizeof(offset)))
		return length;
	return header + (offset >> 4) * 4 + lana_skb(pkt)->gso_size;
}

static __always_inline int route4(struct lana_pkt *pkt, const struct route_config *config,
				  struct ethhdr *eth, struct iphdr *ip)
{
	__u32 length = bpf_ntohs(ip->tot_len);
	struct bpf_fib_lookup fib = {};

	if (ip->version != 4 || ip->ihl < 5 || length < sizeof(*ip))
		return -LANA_DROP_MALFORMED;
	if (length > lana_len(pkt) - ETH_HLEN)
		return -LANA_DROP_SHORT;
	if (ip->ihl > 5 || !lana_is_host4(ip->saddr) || !lana_is_host4(ip->daddr))
		return ROUTE_UP;
	length = longest(pkt, length, sizeof(*ip), ip->protocol);
	if (config->mode == ROUTE_MODE_TABLE)
		return by_table(pkt, eth, lana_find_prefix4(&ipv4, ip->daddr), length);

	fib.family = LANA_FAMILY_IPV4;
	fib.l4_protocol = ip->protocol;
	fib.tot_len = length;
	fib.ifindex = lana_ingress_ifindex(pkt);
	fib.tos = ip->tos;
	fib.ipv4_src = ip->saddr;
	fib.ipv4_dst = ip->daddr;
	return by_kernel(pkt, eth, &fib);
}

/*
 * Likewise, and addresses of one link (RFC 4291, 2.5.6). ::/32 holds what is unspecified, loopback
 * and addresses that embed those of IPv4 in obsolete ways.
 */
static __always_inline bool is_special6(const struct in6_addr *address)
{
	__u32 first = bpf_ntohl(address->s6_addr32[0]);

	return first >> 24 == 0xff || first >> 22 == 0xfe80 >> 6 || !first;
}

static __always_inline int route6(struct lana_pkt *pkt, const struct route_config *config,
				  struct ethhdr *eth, struct ipv6hdr *ip)
{
	__u32 length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	struct lana_prefix6 key = { .length = 128 };
	const struct route_entry *entry;
	struct bpf_fib_lookup fib = {};

	if (ip->version != 6)
		return -LANA_DROP_MALFORMED;
	if (length > lana_len(pkt) - ETH_HLEN)
		return -LANA_DROP_SHORT;
	if (ip->nexthdr == IPPROTO_HOPOPTS || is_special6(&ip->saddr) || is_special6(&ip->daddr))
		return ROUTE_UP;
	length = longest(pkt, length, sizeof(*ip), ip->nexthdr);
	if (config->mode == ROUTE_MODE_TABLE) {
		__builtin_memcpy(&key.address, &ip->daddr, sizeof(key.address));
		entry = bpf_map_lookup_elem(&ipv6, &key);
		return by_table(pkt, eth, entry ? entry->hop : 0, length);
	}

	fib.family = LANA_FAMILY_IPV6;
	fib.l4_protocol = ip->nexthdr;
	fib.tot_len = length;
	fib.ifindex = lana_ingress_ifindex(pkt);
	fib.flowinfo = *(__be32 *)ip & bpf_htonl(0x0fffffff);
	__builtin_memcpy(fib.ipv6_src, &ip->saddr, sizeof(fib.ipv6_src));
	__builtin_memcpy(fib.ipv6_dst, &ip->daddr, sizeof(fib.ipv6_dst));
	return by_kernel(pkt, eth, &fib);
}

#define PACKET_OTHERHOST 3 /* linux/if_packet.h */

static __always_inline int route_process(struct lana_pkt *pkt, const struct route_config *config,
					 struct route_counters *counters)
{
	struct ethhdr *eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(struct iphdr));

	if (!eth)
		return lana_eth(pkt) ? ROUTE_UP : -LANA_DROP_SHORT;
	if (eth->h_dest[0] & 1)
		return ROUTE_UP;
	/* What a program sends is for nobody's address yet. */
	if (pkt->flavour == LANA_TC && lana_path(pkt) == LANA_INGRESS &&
	    lana_skb(pkt)->pkt_type == PACKET_OTHERHOST)
		return ROUTE_UP;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return route4(pkt, config, eth, (void *)(eth + 1));
	if (eth->h_proto != bpf_htons(ETH_P_IPV6))
		return ROUTE_UP;
	eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(struct ipv6hdr));
	return eth ? route6(pkt, config, eth, (void *)(eth + 1)) : -LANA_DROP_SHORT;
}

LANA_BLOCK(route);
