// SPDX-License-Identifier: GPL-2.0-only
/*
 * decap - the end of a tunnel: take the IPv4 header off that encap put on
 *
 * Congestion that was marked on the way is told to the packet inside (RFC 6040); one that cannot be
 * told leaves by bad. Checksums of GRE and of UDP, if there are any, are verified; a UDP checksum
 * of VXLAN is not (RFC 7348 leaves it open). Sequence numbers of GRE are passed over. What mode=udp
 * carries is told by its first bits, the version of IP.
 *
 * in          Ethernet
 * out next    the packet inside, behind the Ethernet header that came (vxlan: the frame inside)
 * out other   unchanged: not a packet of this tunnel; or one with IPv4 options, or a fragment, of
 *             which the kernel can make one without
 * out bad     unchanged: a packet of this tunnel whose headers or lengths contradict each other
 * config      mode=ipip|sit|gre|vxlan|udp
 *             src=ADDRESS: the far end (zero: any); dst=ADDRESS: the near one (zero: any)
 *             keyed=on key=0..4294967295: GRE with this key; off: without one
 *             vni=0..16777215: of VXLAN
 *             port=0..65535: of VXLAN and UDP, of the near end (0: 4789 and 6080)
 *             peer=0..1023: by udp, learn the far end's address and port from what leaves by next,
 *             for blocks encap with this number (0: learn nothing)
 *             mask=0..4294967295: bits of the mark whose value is added to peer, so that one block
 *             learns of many tunnels; a sum beyond 1023 teaches nothing
 *             hold=TIME: learn another address or port only when nothing has come from the known
 *             one for so long, or up to an eighth longer (0: at once)
 *             smac=, dmac=MAC: of the Ethernet header that goes on (zero: left as they are)
 * counters    marked: packets that congestion was told to
 *             unmarkable: of bad, those marked that do not know of ECN
 *             learnt: times that the far end was found elsewhere than before
 *             unlearnt: packets from elsewhere of which that was not learnt: hold was not over, or
 *             it was no host's address, or port 0
 * state       lana_endpoints (maps/endpoints.h), shared by the stack's blocks: what was learnt
 * see also    encap, route, docs/multipath.md
 *
 * Nothing proves who has sent a packet. Whoever can send UDP to the port of a block that learns
 * gets what goes back through the tunnel, or has it sent to somebody else: give src, put a filter
 * or firewall before the block, or give hold, so that a tunnel in use is not taken over.
 *
 * At tc, IPv6 inside wants kernel 6.3; and frames out of VXLAN that are neither IPv4 nor IPv6 need
 * to leave by a device, as the kernel's note of their protocol stays the outer one.
 */
#include <lana/tunnel.h>
#include <lana/units.h>
#include <maps/endpoints.h>

/* linux/bpf.h of older kernels lacks it. */
#define DECAP_L3_IPV6 (1ULL << 8)

#define GRE_KNOWN     (LANA_GRE_CHECKSUM | LANA_GRE_KEY | LANA_GRE_SEQUENCE)

struct decap_config {
	enum lana_tunnel mode;
	struct lana_ip4 src;
	struct lana_ip4 dst;
	__u32 key;
	__u32 vni LANA_RANGE(0, 16777215);
	__u16 port;
	__u16 peer LANA_RANGE(0, 1023);
	__u32 mask;
	lana_duration hold;
	_Bool keyed;
	struct lana_mac smac;
	struct lana_mac dmac;
};

struct decap_counters {
	__u64 marked;
	__u64 unmarkable;
	__u64 learnt;
	__u64 unlearnt;
};

enum decap_port { DECAP_NEXT, DECAP_OTHER, DECAP_BAD };

/* What a packet of the tunnel is made of. Offsets are from the Ethernet header on. */
struct outer {
	__u32 size;  /* bytes from the IP header to what is carried (vxlan: to the frame) */
	__u32 end;   /* offset behind its last byte */
	__be16 type; /* of Ethernet, of what is carried; 0: a frame */
	__u8 ecn;
	__u64 place; /* by udp, where it came from: LANA_PLACE() */
};

/* ---- the outer headers ---------------------------------------------------------------------- */

static __always_inline __u8 protocol(const struct decap_config *config)
{
	if (config->mode == gre)
		return IPPROTO_GRE;
	if (config->mode == vxlan || config->mode == udp)
		return IPPROTO_UDP;
	return config->mode == ipip ? IPPROTO_IPIP : IPPROTO_IPV6;
}

static __always_inline int find_ip(const struct lana_pkt *pkt, const struct decap_config *config,
				   struct outer *outer)
{
	struct iphdr *ip = lana_ipv4(pkt);
	struct lana_ip found;

	if (!ip || ip->protocol != protocol(config) ||
	    (config->src.word && ip->saddr != config->src.word) ||
	    (config->dst.word && ip->daddr != config->dst.word))
		return DECAP_OTHER;
	outer->ecn = ip->tos & LANA_ECN_MASK;
	if (lana_fold(lana_sum_of(ip, sizeof(*ip))) != 0xffff && ip->ihl == 5)
		return DECAP_BAD;
	if (lana_find_ipv4(pkt, ETH_HLEN, &found))
		return DECAP_BAD;
	outer->size = sizeof(*ip);
	outer->end = found.end;
	return found.fragment || found.extended ? DECAP_OTHER : DECAP_NEXT;
}

/* The checksum of GRE covers its header and what follows. */
static __always_inline bool is_sound(const struct lana_pkt *pkt, const struct outer *outer)
{
	__u32 start = ETH_HLEN + sizeof(struct iphdr);
	__u64 sum = 0;

	return !lana_sum(pkt, start, outer->end - start, &sum) && lana_fold(sum) == 0xffff;
}

static __always_inline int find_gre(const struct lana_pkt *pkt, const struct decap_config *config,
				    struct outer *outer)
{
	struct lana_gre *header = lana_header(pkt, ETH_HLEN + outer->size, sizeof(*header));
	__u32 size = sizeof(*header);
	__u16 flags;
	__be32 key;

	if (!header)
		return DECAP_BAD;
	flags = bpf_ntohs(header->flags);
	outer->type = header->type;
	if (flags & ~GRE_KNOWN)
		return DECAP_BAD; /* another version, or what RFC 2784 has discarded */
	size += flags & LANA_GRE_CHECKSUM ? sizeof(__be32) : 0;
	if (!(flags & LANA_GRE_KEY) != !config->keyed)
		return DECAP_OTHER;
	if (flags & LANA_GRE_KEY) {
		if (lana_load(pkt, ETH_HLEN + outer->size + size, &key, sizeof(key)))
			return DECAP_BAD;
		if (key != bpf_htonl(config->key))
			return DECAP_OTHER;
		size += sizeof(key);
	}
	size += flags & LANA_GRE_SEQUENCE ? sizeof(__be32) : 0;
	if (outer->type != bpf_htons(ETH_P_IP) && outer->type != bpf_htons(ETH_P_IPV6))
		return DECAP_OTHER;
	if (ETH_HLEN + outer->size + size > outer->end)
		return DECAP_BAD;
	if (flags & LANA_GRE_CHECKSUM && !is_sound(pkt, outer))
		return DECAP_BAD;
	outer->size += size;
	return DECAP_NEXT;
}

static __always_inline int find_vxlan(const struct lana_pkt *pkt, const struct decap_config *config,
				      struct outer *outer)
{
	struct udphdr *udp;
	struct lana_vxlan *header;
	__u32 length;

	udp = lana_header(pkt, ETH_HLEN + sizeof(struct iphdr), sizeof(*udp) + sizeof(*header));
	if (!udp)
		return DECAP_BAD;
	if (udp->dest != bpf_htons(config->port ?: LANA_VXLAN_PORT))
		return DECAP_OTHER;
	header = (void *)(udp + 1);
	length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) + sizeof(*header) + ETH_HLEN ||
	    ETH_HLEN + outer->size + length > outer->end ||
	    !(header->flags & bpf_htonl(LANA_VXLAN_VNI)))
		return DECAP_BAD;
	if (bpf_ntohl(header->vni) >> 8 != (config->vni & LANA_VNI_MAX))
		return DECAP_OTHER;
	outer->end = ETH_HLEN + outer->size + length;
	outer->size += sizeof(*udp) + sizeof(*header);
	return DECAP_NEXT;
}

/*
 * The checksum of UDP covers addresses, its header and what follows (RFC 768). What came over a
 * virtual device may have one to be finished, or one of all its segments.
 */
static __always_inline bool is_sound_udp(const struct lana_pkt *pkt, __u32 length)
{
	__u32 start = ETH_HLEN + sizeof(struct iphdr);
	struct iphdr *ip = lana_ipv4(pkt);
	__u64 sum;

	if (!ip)
		return false;
	if (pkt->flavour == LANA_TC && (lana_skb(pkt)->gso_size || lana_is_unfinished(pkt)))
		return true;
	ip = lana_ipv4(pkt);
	if (!ip)
		return false;
	sum = lana_sum_pseudo_ipv4(ip, IPPROTO_UDP, length);
	return !lana_sum(pkt, start, length, &sum) && lana_fold(sum) == 0xffff;
}

static __always_inline int find_udp(const struct lana_pkt *pkt, const struct decap_config *config,
				    struct outer *outer)
{
	struct iphdr *ip = lana_header(pkt, ETH_HLEN, sizeof(*ip) + sizeof(struct udphdr));
	struct udphdr *header = (void *)(ip + 1);
	__u32 length;
	__u8 version;

	if (!ip)
		return DECAP_BAD;
	if (config->peer || config->mask)
		outer->place = LANA_PLACE(ip->saddr, header->source);
	if (header->dest != bpf_htons(config->port ?: LANA_UDP_PORT))
		return DECAP_OTHER;
	length = bpf_ntohs(header->len);
	if (length <= sizeof(*header) || ETH_HLEN + outer->size + length > outer->end)
		return DECAP_BAD;
	if (header->check && !is_sound_udp(pkt, length))
		return DECAP_BAD;
	outer->end = ETH_HLEN + outer->size + length;
	outer->size += sizeof(*header);
	if (lana_load(pkt, ETH_HLEN + outer->size, &version, sizeof(version)))
		return DECAP_BAD;
	version >>= 4;
	outer->type = version == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	return version == 4 || version == 6 ? DECAP_NEXT : DECAP_BAD;
}

/* 0 (next), or the port to leave by. */
static __always_inline int find_outer(const struct lana_pkt *pkt, const struct decap_config *config,
				      struct outer *outer)
{
	int port = find_ip(pkt, config, outer);

	if (port)
		return port;
	if (config->mode == gre)
		return find_gre(pkt, config, outer);
	if (config->mode == vxlan)
		return find_vxlan(pkt, config, outer);
	if (config->mode == udp)
		return find_udp(pkt, config, outer);
	outer->type = config->mode == ipip ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	return DECAP_NEXT;
}

/* ---- what is carried ------------------------------------------------------------------------ */

/* The beginning of an IPv4 or IPv6 header. */
struct inner {
	__u8 version; /* and the length of IPv4's header */
	__u8 tos;     /* of IPv4 */
	__be16 total; /* of IPv4 */
	__be16 payload;
	__u16 rest;
};

static __always_inline bool is_ipv4(const struct inner *inner, __u32 room)
{
	__u32 header = (inner->version & 15) * 4, total = bpf_ntohs(inner->total);

	return inner->version >> 4 == 4 && header >= sizeof(struct iphdr) && total >= header &&
	       total <= room;
}

static __always_inline bool is_ipv6(const struct inner *inner, __u32 room)
{
	return inner->version >> 4 == 6 &&
	       sizeof(struct ipv6hdr) + bpf_ntohs(inner->payload) <= room;
}

/* RFC 6040, figure 4: the ECN of the packet that goes on; -1: it must not. */
static __always_inline int combine(__u8 outer, __u8 inner)
{
	if (outer == LANA_ECN_MARKED)
		return inner == LANA_ECN_NONE ? -1 : LANA_ECN_MARKED;
	if (outer == LANA_ECN_1 && inner == LANA_ECN_0)
		return LANA_ECN_1;
	return inner;
}

static __always_inline void set_class_ipv4(const struct lana_pkt *pkt, __u8 tos)
{
	struct iphdr *ip = lana_header(pkt, ETH_HLEN, sizeof(*ip));
	__u16 was, is;

	if (!ip)
		return;
	was = bpf_htons(ip->tos);
	is = bpf_htons(tos);
	lana_amend(&ip->check, lana_difference(&was, &is, sizeof(is)));
	ip->tos = tos;
}

static __always_inline void set_class_ipv6(const struct lana_pkt *pkt, __u8 tos)
{
	__u8 bytes[2];

	if (lana_load(pkt, ETH_HLEN, bytes, sizeof(bytes)))
		return;
	bytes[0] = (bytes[0] & 0xf0) | tos >> 4;
	bytes[1] = (bytes[1] & 0x0f) | tos << 4;
	lana_store(pkt, ETH_HLEN, bytes, sizeof(bytes));
}

/* ---- taking off ----------------------------------------------------------------------------- */

static __always_inline long take_off(const struct lana_pkt *pkt, __u32 size, __be16 type)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (type == bpf_htons(ETH_P_IPV6))
		flags |= DECAP_L3_IPV6;
	return lana_remove(pkt, size, flags);
}

/* The sizes are constants for lana_remove(). */
static __always_inline long strip(const struct lana_pkt *pkt, const struct outer *outer)
{
	switch (outer->size) {
	case 20:
		return take_off(pkt, 20, outer->type);
	case 24:
		return take_off(pkt, 24, outer->type);
	case 28:
		return take_off(pkt, 28, outer->type);
	case 32:
		return take_off(pkt, 32, outer->type);
	default: /* GRE with all that it may have */
		return take_off(pkt, 36, outer->type);
	}
}

static __always_inline int unwrap(const struct lana_pkt *pkt, const struct decap_config *config,
				  const struct outer *outer, const struct ethhdr *frame)
{
	struct ethhdr *eth;
	long err;

	if (frame && pkt->flavour == LANA_XDP)
		err = bpf_xdp_adjust_head(lana_xdp(pkt), 50);
	else
		err = frame ? take_off(pkt, 50, outer->type) : strip(pkt, outer);
	if (err)
		return -LANA_DROP_NO_MEMORY;
	eth = lana_eth(pkt);
	if (!eth)
		return -LANA_DROP_SHORT;
	if (frame)
		*eth = *frame; /* at tc the outer one is still there */
	else
		eth->h_proto = outer->type;
	if (lana_mac_given(&config->smac))
		__builtin_memcpy(eth->h_source, &config->smac, ETH_ALEN);
	if (lana_mac_given(&config->dmac))
		__builtin_memcpy(eth->h_dest, &config->dmac, ETH_ALEN);
	return 0;
}

/* ---- where the far end is ------------------------------------------------------------------- */

/* 0: nobody wants to know. */
static __always_inline __u32 find_peer(const struct lana_pkt *pkt,
				       const struct decap_config *config)
{
	__u32 mask = config->mask;
	__u64 peer = config->peer;

	if (config->mode != udp)
		return 0;
	if (mask)
		peer += (lana_mark(pkt) & mask) / (mask & -mask);
	return peer < LANA_PEERS_MAX ? peer : 0;
}

/*
 * Has nothing come from the known place for so long that another one may be learnt? If that was
 * not noted yet it counts from now on.
 */
static __always_inline bool is_over(struct lana_endpoint *known, __u64 hold)
{
	/* In this order, and yet another CPU's clock may be ahead. */
	__u64 heard = *(volatile __u64 *)&known->heard, now = bpf_ktime_get_ns();

	if (hold && !heard)
		known->heard = now;
	return !hold || (heard && now > heard && now - heard >= hold + hold / 8);
}

/* That it was heard is noted now and then, so that packets seldom write what other CPUs read. */
static __always_inline void note(struct lana_endpoint *known, __u64 hold)
{
	__u64 now = hold ? bpf_ktime_get_ns() : 0;

	if (hold ? now - known->heard >= hold / 8 : known->heard)
		known->heard = now;
}

static __always_inline void learn(const struct lana_pkt *pkt, const struct decap_config *config,
				  __u64 place, struct decap_counters *counters)
{
	__u32 peer = find_peer(pkt, config);
	struct lana_endpoint *known = peer ? bpf_map_lookup_elem(&lana_endpoints, &peer) : NULL;
	__u64 before;

	if (!known)
		return;
	before = *(volatile __u64 *)&known->place;
	if (before != place &&
	    (!lana_is_host4(LANA_PLACE_ADDRESS(place)) || !LANA_PLACE_PORT(place) ||
	     (before && !is_over(known, config->hold)))) {
		counters->unlearnt++;
		return;
	}
	note(known, config->hold);
	if (before != place && __sync_val_compare_and_swap(&known->place, before, place) == before)
		counters->learnt++;
}

static __always_inline int decap_process(struct lana_pkt *pkt, const struct decap_config *config,
					 struct decap_counters *counters)
{
	struct ethhdr frame = {};
	struct outer outer = {};
	struct inner inner = {};
	__u32 start;
	int port = find_outer(pkt, config, &outer), ecn, err;
	__u8 class;

	if (port)
		return port;
	start = ETH_HLEN + outer.size;
	if (config->mode == vxlan) {
		if (lana_load(pkt, start, &frame, sizeof(frame)) || lana_is_tag(frame.h_proto))
			return DECAP_BAD; /* RFC 7348, section 6.1 */
		start += sizeof(frame);
		outer.type = frame.h_proto;
	}

	/* What is in a frame need not be IP. */
	if (outer.end >= start + sizeof(inner) &&
	    lana_load(pkt, start, &inner, sizeof(inner)) == 0 &&
	    ((outer.type == bpf_htons(ETH_P_IP) && is_ipv4(&inner, outer.end - start)) ||
	     (outer.type == bpf_htons(ETH_P_IPV6) && is_ipv6(&inner, outer.end - start)))) {
		class = inner.version >> 4 == 4 ? inner.tos : inner.version << 4 | inner.tos >> 4;
		ecn = combine(outer.ecn, class & LANA_ECN_MASK);
		if (ecn < 0) {
			counters->unmarkable++;
			return DECAP_BAD;
		}
	} else if (config->mode == vxlan) {
		class = ecn = 0;
	} else {
		return DECAP_BAD;
	}

	err = unwrap(pkt, config, &outer, config->mode == vxlan ? &frame : NULL);
	if (err)
		return err;
	learn(pkt, config, outer.place, counters);
	if (ecn == (class & LANA_ECN_MASK))
		return DECAP_NEXT;
	counters->marked++;
	class = (class & ~LANA_ECN_MASK) | ecn;
	if (outer.type == bpf_htons(ETH_P_IP))
		set_class_ipv4(pkt, class);
	else
		set_class_ipv6(pkt, class);
	return DECAP_NEXT;
}

LANA_BLOCK(decap);
