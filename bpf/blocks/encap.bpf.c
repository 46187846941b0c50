// SPDX-License-Identifier: GPL-2.0-only
/*
 * encap - send packets through a tunnel: put an IPv4 header in front of them
 *
 * mode=ipip carries IPv4 (RFC 2003), sit IPv6 (RFC 4213), gre both (RFC 2784, key: RFC 2890), vxlan
 * whole Ethernet frames (RFC 7348), udp IPv4 and IPv6 with nothing in between, so that NATs let it
 * pass (the far end: "ip fou add port 6080 ipproto 4", or gue, or decap). There is no UDP checksum:
 * it would cover what has its own, and over IPv4 it may be left out (RFC 768).
 * ECN goes with the packet (RFC 6040); inner TTLs are for block ttl. Padding behind an IP packet is
 * not counted in. Frames with a VLAN tag are dropped ("protocol"): take it off first.
 *
 * in          Ethernet; IPv4, IPv6 or frames, by mode (else dropped: "protocol", "malformed")
 * out next    the tunnel's packet; the Ethernet header is the inner one's, or as options say
 * out big     it would exceed mtu; the packet is unchanged (see fragment, icmp_error)
 * out unknown where the far end is has not been learnt, and no dst says it; unchanged
 * config      mode=ipip|sit|gre|vxlan|udp
 *             src=, dst=ADDRESS: ends of the tunnel, IPv4
 *             ttl=0..255 (0: 64)
 *             tos=0..255: DSCP in the upper six bits; inherit=on: DSCP of the packet inside
 *             df=copy|set|clear: don't fragment (copy: of IPv4 inside, else not)
 *             keyed=on key=0..4294967295: GRE has a key
 *             vni=0..16777215: of VXLAN
 *             port=0..65535: of VXLAN and UDP, of the far end (0: 4789 and 6080)
 *             sport=0..65535: and of the near one (0: follows from the flow inside, 49152..65535;
 *             with peer: 6080, as a NAT lets in only what comes from where it has sent to)
 *             peer=0..1023: by udp, send to where a block decap with this number has last heard the
 *             far end; to dst and port before it has (0: always)
 *             mtu=0..65535: the greatest IP packet made (0: 1500)
 *             smac=, dmac=MAC: of the Ethernet header made (zero: left as they are)
 * counters    loops: packets dropped ("policy") as they are this very tunnel's
 * state       lana_endpoints (maps/endpoints.h), shared by the stack's blocks: what decap learns
 * see also    decap, fragment, route, docs/multipath.md
 *
 * Super-segments at tc stay such; what must fit are the packets that they are cut into. VXLAN over
 * tc of what is no IP needs to leave by a device: the kernel's note of its protocol is the inner
 * one.
 */
#include <lana/tunnel.h>
#include <maps/endpoints.h>

#define DF	   0x4000  /* of frag_off */
#define FLOW_LABEL 0xfffff /* of the first word of IPv6 */
#define FRAME	   (BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH)
#define MTU	   1500U
#define TTL	   64
#define PORT_FIRST 49152 /* RFC 6335: dynamic ports */
#define PORT_MASK  0x3fff

enum encap_df { copy, set, clear };

struct encap_config {
	enum lana_tunnel mode;
	struct lana_ip4 src;
	struct lana_ip4 dst;
	enum encap_df df;
	__u32 key;
	__u32 vni LANA_RANGE(0, 16777215);
	__u16 port;
	__u16 sport;
	__u16 mtu;
	__u16 peer LANA_RANGE(0, 1023);
	__u8 ttl;
	__u8 tos;
	_Bool inherit;
	_Bool keyed;
	struct lana_mac smac;
	struct lana_mac dmac;
};

struct encap_counters {
	__u64 loops;
};

enum encap_port { ENCAP_NEXT, ENCAP_BIG, ENCAP_UNKNOWN };

/* What is to be carried. */
struct inner {
	__u32 length;  /* bytes that go into the tunnel */
	__u32 segment; /* of the largest piece that it will be cut into */
	__u32 hash;    /* of the flow */
	__u8 tos;
	bool df;
	int version; /* of IP; 0: something else */
};

/* Murmur3's finish: every bit of the result depends on every one of the numbers. */
static __always_inline __u32 mix(__u32 hash, __u32 number)
{
	hash = (hash ^ number) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}

/* What stands in front of the data of each segment of a super-segment, from offset on. */
static __always_inline __u32 transport_size(const struct lana_pkt *pkt, const struct lana_ip *ip)
{
	__u8 size;

	if (ip->protocol != IPPROTO_TCP)
		return sizeof(struct udphdr);
	return lana_load(pkt, ip->transport + 12, &size, sizeof(size)) ? 0 : (size >> 4) * 4;
}

static __always_inline void hash_flow(const struct lana_pkt *pkt, const struct lana_ip *ip,
				      struct inner *inner)
{
	__u32 words[8] = {}, hash = mix(inner->hash, ip->protocol);
	__be16 *ports;

	/* Fragments of a packet take one way. */
	if (!ip->fragment) {
		ports = (void *)lana_find_ports(pkt, ip);
		if (ports)
			hash = mix(hash, ports[0] << 16 | ports[1]);
	}
	if (inner->version == 4)
		lana_load(pkt, ETH_HLEN + offsetof(struct iphdr, saddr), words, 8);
	else
		lana_load(pkt, ETH_HLEN + offsetof(struct ipv6hdr, saddr), words, 32);
	for (int i = 0; i < (inner->version == 4 ? 2 : 8); i++)
		hash = mix(hash, words[i]);
	inner->hash = hash;
}

static __always_inline void hash_frame(const struct ethhdr *eth, struct inner *inner)
{
	const __u16 *words = (const void *)eth;
	__u32 hash = 0;

#pragma clang loop unroll(full)
	for (int i = 0; i < ETH_HLEN / 2; i++)
		hash = mix(hash, words[i]);
	inner->hash = hash;
}

/*
 * Extension headers are not followed: the flow label tells flows apart as well (RFC 6438), and no
 * super-segment of the kernel's has any.
 */
static __always_inline int find_ipv6(const struct lana_pkt *pkt, struct lana_ip *ip,
				     struct inner *inner)
{
	struct ipv6hdr *header = lana_header(pkt, ETH_HLEN, sizeof(*header));

	if (!header)
		return -LANA_DROP_SHORT;
	ip->transport = ETH_HLEN + sizeof(*header);
	ip->end = ip->transport + bpf_ntohs(header->payload_len);
	ip->protocol = header->nexthdr;
	if (header->version != 6 || ip->end > lana_len(pkt))
		return -LANA_DROP_MALFORMED;
	inner->tos = lana_ipv6_class(header);
	inner->hash = *(__u32 *)header & bpf_htonl(FLOW_LABEL);
	return 0;
}

static __always_inline int find_ipv4(const struct lana_pkt *pkt, struct lana_ip *ip,
				     struct inner *inner)
{
	int err = lana_find_ipv4(pkt, ETH_HLEN, ip);
	struct iphdr *header;

	if (err)
		return -LANA_DROP_MALFORMED;
	header = lana_header(pkt, ETH_HLEN, sizeof(*header));
	if (!header)
		return -LANA_DROP_SHORT;
	inner->tos = header->tos;
	inner->df = header->frag_off & bpf_htons(DF);
	return 0;
}

static __always_inline int find_ip(const struct lana_pkt *pkt, bool hashed, struct inner *inner)
{
	struct ethhdr *eth = lana_eth(pkt);
	struct lana_ip ip = {};
	int err;

	if (!eth)
		return -LANA_DROP_SHORT;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		inner->version = 4;
		err = find_ipv4(pkt, &ip, inner);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		inner->version = 6;
		err = find_ipv6(pkt, &ip, inner);
	} else {
		return -LANA_DROP_PROTOCOL;
	}
	if (err)
		return err;
	inner->length = inner->segment = ip.end - ETH_HLEN;
	if (pkt->flavour == LANA_TC && lana_skb(pkt)->gso_size)
		inner->segment = ip.transport + transport_size(pkt, &ip) + lana_skb(pkt)->gso_size -
				 ETH_HLEN;
	if (hashed)
		hash_flow(pkt, &ip, inner);
	return 0;
}

/* IPv4 or IPv6, as the mode has it. */
static __always_inline int find_packet(const struct lana_pkt *pkt, enum lana_tunnel mode,
				       struct inner *inner)
{
	int err = find_ip(pkt, mode == udp, inner);

	if (err)
		return err;
	if ((mode == ipip && inner->version != 4) || (mode == sit && inner->version != 6))
		return -LANA_DROP_PROTOCOL;
	return 0;
}

/* Anything; what looks like IP and is not is carried all the same. */
static __always_inline int find_frame(const struct lana_pkt *pkt, struct inner *inner)
{
	struct ethhdr *eth;
	__u32 segment = 0;

	if (!find_ip(pkt, true, inner)) {
		segment = inner->segment + ETH_HLEN;
	} else {
		*inner = (struct inner){};
		eth = lana_eth(pkt);
		if (!eth)
			return -LANA_DROP_SHORT;
		hash_frame(eth, inner);
	}
	inner->length = lana_len(pkt);
	if (pkt->flavour == LANA_XDP || !lana_skb(pkt)->gso_size)
		segment = inner->length;
	inner->segment = segment;
	return 0;
}

/* ---- headers ------------------------------------------------------------------------------- */

/*
 * A kind of tunnel; a constant where it is used, which a compiler does not know options to be.
 * size: bytes that are put in, all behind the Ethernet header but a frame's.
 */
struct tunnel {
	enum lana_tunnel mode;
	bool keyed;
	__u32 size;
	__u8 protocol;
	__u64 flags; /* of bpf_skb_adjust_room() */
};

static __always_inline bool is_learnt(const struct tunnel *tunnel,
				      const struct encap_config *config)
{
	return tunnel->mode == udp && config->peer;
}

/* Where the far end was heard; 0: nowhere, or it is not asked for. */
static __always_inline __u64 find_place(const struct tunnel *tunnel,
					const struct encap_config *config)
{
	struct lana_endpoint *known;
	__u32 peer = config->peer;

	if (!is_learnt(tunnel, config))
		return 0;
	known = bpf_map_lookup_elem(&lana_endpoints, &peer);
	return known ? *(volatile __u64 *)&known->place : 0;
}

static __always_inline __be32 far_address(const struct tunnel *tunnel,
					  const struct encap_config *config, __u64 place)
{
	return is_learnt(tunnel, config) && place ? LANA_PLACE_ADDRESS(place) : config->dst.word;
}

static __always_inline __be16 far_port(const struct tunnel *tunnel,
				       const struct encap_config *config, __u64 place)
{
	if (is_learnt(tunnel, config) && place)
		return LANA_PLACE_PORT(place);
	return bpf_htons(config->port ?: tunnel->mode == vxlan ? LANA_VXLAN_PORT : LANA_UDP_PORT);
}

/* Bytes from the outer IP header to what is carried. */
static __always_inline __u32 overhead(const struct tunnel *tunnel)
{
	return tunnel->mode == vxlan ? tunnel->size - ETH_HLEN : tunnel->size;
}

static __always_inline void fill_ip(struct iphdr *ip, const struct tunnel *tunnel,
				    const struct encap_config *config, __u64 place,
				    const struct inner *inner)
{
	bool df = config->df == set || (config->df == copy && inner->df);
	__u8 dscp = config->inherit ? inner->tos : config->tos;

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tos = (dscp & ~LANA_ECN_MASK) | (inner->tos & LANA_ECN_MASK);
	ip->tot_len = bpf_htons(overhead(tunnel) + inner->length);
	ip->id = df ? 0 : bpf_get_prandom_u32(); /* RFC 6864: only fragments need it */
	ip->frag_off = df ? bpf_htons(DF) : 0;
	ip->ttl = config->ttl ?: TTL;
	ip->protocol = tunnel->protocol;
	ip->saddr = config->src.word;
	ip->daddr = far_address(tunnel, config, place);
	ip->check = 0;
	ip->check = ~lana_fold(lana_sum_of(ip, sizeof(*ip)));
}

static __always_inline void fill_gre(struct lana_gre *header, const struct tunnel *tunnel,
				     const struct encap_config *config, const struct inner *inner)
{
	header->flags = tunnel->keyed ? bpf_htons(LANA_GRE_KEY) : 0;
	header->type = inner->version == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (tunnel->keyed)
		*(__be32 *)(header + 1) = bpf_htonl(config->key);
}

static __always_inline __u16 near_port(const struct tunnel *tunnel,
				       const struct encap_config *config, const struct inner *inner)
{
	if (config->sport)
		return config->sport;
	return is_learnt(tunnel, config) ? LANA_UDP_PORT : PORT_FIRST + (inner->hash & PORT_MASK);
}

static __always_inline void fill_udp(struct udphdr *header, const struct tunnel *tunnel,
				     const struct encap_config *config, __u64 place,
				     const struct inner *inner)
{
	header->source = bpf_htons(near_port(tunnel, config, inner));
	header->dest = far_port(tunnel, config, place);
	header->len = bpf_htons(overhead(tunnel) - sizeof(struct iphdr) + inner->length);
	header->check = 0;
}

static __always_inline void fill_vxlan(struct lana_vxlan *header, const struct encap_config *config)
{
	header->flags = bpf_htonl(LANA_VXLAN_VNI);
	header->vni = bpf_htonl(config->vni << 8);
}

static __always_inline int fill(const struct lana_pkt *pkt, const struct tunnel *tunnel,
				const struct encap_config *config, __u64 place,
				const struct inner *inner)
{
	struct ethhdr *eth = lana_header(pkt, 0, ETH_HLEN + tunnel->size);
	void *start;
	struct iphdr *ip;

	if (!eth)
		return -LANA_DROP_SHORT; /* cannot be */
	ip = (void *)(eth + 1);
	start = (void *)eth + tunnel->size;
	if (tunnel->mode == vxlan && pkt->flavour == LANA_TC && inner->version)
		__builtin_memcpy(start, eth, sizeof(*eth));
	else if (tunnel->mode == vxlan)
		__builtin_memcpy(eth, start, sizeof(*eth));
	eth->h_proto = bpf_htons(ETH_P_IP);
	if (lana_mac_given(&config->smac))
		__builtin_memcpy(eth->h_source, &config->smac, ETH_ALEN);
	if (lana_mac_given(&config->dmac))
		__builtin_memcpy(eth->h_dest, &config->dmac, ETH_ALEN);

	fill_ip(ip, tunnel, config, place, inner);
	if (tunnel->mode == gre)
		fill_gre((void *)(ip + 1), tunnel, config, inner);
	if (tunnel->protocol == IPPROTO_UDP)
		fill_udp((void *)(ip + 1), tunnel, config, place, inner);
	if (tunnel->mode == vxlan)
		fill_vxlan((void *)(ip + 1) + sizeof(struct udphdr), config);
	/* What a device has summed up lacks this; without such a sum the kernel says no. */
	if (pkt->flavour == LANA_TC)
		bpf_csum_update(lana_skb(pkt), bpf_csum_diff(NULL, 0, (void *)ip, tunnel->size, 0));
	return ENCAP_NEXT;
}

/* ---- room ---------------------------------------------------------------------------------- */

/*
 * The kernel knows two levels of tunnels. Deeper ones go without its help, but then a super-segment
 * could not be cut.
 */
static __always_inline long insert(const struct lana_pkt *pkt, const struct tunnel *tunnel)
{
	__u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_FIXED_GSO | tunnel->flags;
	long err = lana_insert(pkt, tunnel->size, flags);

	if (err && pkt->flavour == LANA_TC && !lana_skb(pkt)->gso_size)
		err = lana_insert(pkt, tunnel->size, 0);
	return err;
}

/* RFC 2003, section 3.1: what is in the tunnel already must not go there again. */
static __always_inline bool is_own(const struct lana_pkt *pkt, const struct tunnel *tunnel,
				   const struct encap_config *config, __u64 place)
{
	struct iphdr *ip = lana_ipv4(pkt);
	struct udphdr *header;

	if (!ip || ip->saddr != config->src.word ||
	    ip->daddr != far_address(tunnel, config, place) || ip->protocol != tunnel->protocol)
		return false;
	if (tunnel->protocol != IPPROTO_UDP)
		return true;
	header = lana_header(pkt, ETH_HLEN + sizeof(*ip), sizeof(*header));
	return header && header->dest == far_port(tunnel, config, place);
}

static __always_inline int carry(const struct lana_pkt *pkt, struct tunnel tunnel,
				 const struct encap_config *config, struct encap_counters *counters)
{
	bool is_frame = tunnel.mode == vxlan;
	__u64 place = find_place(&tunnel, config);
	struct inner inner = {};
	int err = is_frame ? find_frame(pkt, &inner) : find_packet(pkt, tunnel.mode, &inner);

	if (err)
		return err;
	if (is_learnt(&tunnel, config) && !far_address(&tunnel, config, place))
		return ENCAP_UNKNOWN;
	if (is_own(pkt, &tunnel, config, place)) {
		counters->loops++;
		return -LANA_DROP_POLICY;
	}
	if (overhead(&tunnel) + inner.segment > (config->mtu ? config->mtu : MTU) ||
	    overhead(&tunnel) + inner.length > 0xffff)
		return ENCAP_BIG;
	if (is_frame && (pkt->flavour == LANA_XDP || !inner.version))
		err = lana_grow_front(pkt, tunnel.size);
	else
		err = insert(pkt, &tunnel);
	return err ? -LANA_DROP_NO_MEMORY : fill(pkt, &tunnel, config, place, &inner);
}

static __always_inline int encap_process(struct lana_pkt *pkt, const struct encap_config *config,
					 struct encap_counters *counters)
{
	static const struct tunnel t_ipip = { ipip, false, 20, IPPROTO_IPIP, 0 },
				   t_sit = { sit, false, 20, IPPROTO_IPV6, 0 },
				   t_gre = { gre, false, 24, IPPROTO_GRE,
					     BPF_F_ADJ_ROOM_ENCAP_L4_GRE },
				   t_keyed = { gre, true, 28, IPPROTO_GRE,
					       BPF_F_ADJ_ROOM_ENCAP_L4_GRE },
				   t_vxlan = { vxlan, false, 50, IPPROTO_UDP,
					       BPF_F_ADJ_ROOM_ENCAP_L4_UDP | FRAME },
				   t_udp = { udp, false, 28, IPPROTO_UDP,
					     BPF_F_ADJ_ROOM_ENCAP_L4_UDP };
	struct lana_tag tag;

	if (lana_find_tag(pkt, &tag))
		return -LANA_DROP_PROTOCOL;
	if (config->mode == vxlan)
		return carry(pkt, t_vxlan, config, counters);
	if (config->mode == udp)
		return carry(pkt, t_udp, config, counters);
	if (config->mode == gre && config->keyed)
		return carry(pkt, t_keyed, config, counters);
	if (config->mode == gre)
		return carry(pkt, t_gre, config, counters);
	if (config->mode == sit)
		return carry(pkt, t_sit, config, counters);
	return carry(pkt, t_ipip, config, counters);
}

LANA_BLOCK(encap);
