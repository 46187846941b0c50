// SPDX-License-Identifier: GPL-2.0-only
/*
 * ndisc - answer neighbour solicitations for an IPv6 address, or for a prefix (RFC 4861)
 *
 * in          anything over Ethernet
 * out next    on the other path: the advertisement, to leave by where the solicitation came from
 * out other   all else: solicitations for other addresses too, and those that RFC 4861, section
 *             7.1.1, has a node discard
 * config      address=ADDRESS: that is answered for (::: none)
 *             length=0..128: of the prefix that is answered for (0: the address alone)
 *             mac=MAC: that it has (0: that of the hooked device by which the solicitation came)
 *             router=on, off: say that it is a router's
 * counters    none
 * state       none
 * see also    arp, echo, transmit
 */
#include <lana/address.h>
#include <lana/icmp.h>
#include <lana/route.h>

struct ndisc_config {
	struct lana_ip6 address;
	__u8 length LANA_RANGE(0, 128);
	struct lana_mac mac;
	bool router;
};

struct ndisc_counters {
};

enum ndisc_port { NDISC_NEXT, NDISC_OTHER };

/* A solicitation and an advertisement, RFC 4861, sections 4.3 and 4.4; options follow. */
struct neighbour {
	struct lana_icmp icmp; /* the rest is reserved, or flags */
	struct in6_addr target;
};

/* Section 4.6.1. */
struct address_option {
	__u8 type, length; /* length: in units of 8 bytes */
	__u8 mac[ETH_ALEN];
};

enum { OPTION_SOURCE = 1, OPTION_TARGET };

enum {
	FLAG_ROUTER = 1U << 31,
	FLAG_SOLICITED = 1U << 30,
	FLAG_OVERRIDE = 1U << 29,
};

#define HOPS	    255
#define OPTIONS_MAX 4
#define OPTIONS_AT  (ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct neighbour))

struct answer {
	struct ipv6hdr ip;
	struct neighbour body;
	struct address_option option;
};

/* ---- the solicitation --------------------------------------------------------------------- */

static __always_inline bool is_zero(const struct in6_addr *a)
{
	return !(a->s6_addr32[0] | a->s6_addr32[1] | a->s6_addr32[2] | a->s6_addr32[3]);
}

static __always_inline bool is_given(const struct lana_ip6 *a)
{
	return a->words[0] | a->words[1] | a->words[2] | a->words[3];
}

/* Do the first bits agree? Word by word, without a loop. */
static __always_inline bool agree(const struct in6_addr *a, const struct lana_ip6 *b, __u32 bits)
{
	__u32 differ = 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < 4; i++) {
		__u32 both = bpf_ntohl(a->s6_addr32[i] ^ b->words[i]);

		if (bits >= 32 * (i + 1))
			differ |= both;
		else if (bits > 32 * i)
			differ |= both >> (32 * (i + 1) - bits);
	}
	return !differ;
}

static __always_inline bool is_wanted(const struct ipv6hdr *ip, const struct neighbour *body,
				      const struct ndisc_config *config)
{
	__u32 bits = config->length && config->length < 128 ? config->length : 128;

	return ip->version == 6 && ip->nexthdr == IPPROTO_ICMPV6 && ip->hop_limit == HOPS &&
	       body->icmp.type == LANA_ICMP6_SOLICIT && !body->icmp.code &&
	       body->target.s6_addr[0] != 0xff && is_given(&config->address) &&
	       agree(&body->target, &config->address, bits);
}

/*
 * Find the sender's MAC address among the options, of which length bytes there are: *found. False:
 * they are none.
 */
static __always_inline bool read_options(struct lana_pkt *pkt, __u32 length, __u8 mac[ETH_ALEN],
					 bool *found)
{
	__u32 at = OPTIONS_AT, end = OPTIONS_AT + length;
	struct address_option option;

	*found = false;
	for (int i = 0; i < OPTIONS_MAX && at < end; i++) {
		if (lana_load(pkt, at, &option, sizeof(option)) || !option.length)
			return false;
		if (option.type == OPTION_SOURCE && option.length == 1) {
			__builtin_memcpy(mac, option.mac, ETH_ALEN);
			*found = true;
		}
		at += option.length * 8;
	}
	return at == end;
}

/* What the sum of a solicitation has to be, its checksum included: 0xffff. */
static __always_inline bool is_whole(struct lana_pkt *pkt, const struct ipv6hdr *ip, __u32 length)
{
	__u64 sum = lana_sum_pseudo_ipv6(ip, IPPROTO_ICMPV6, length);

	return !lana_sum_icmp(pkt, ETH_HLEN + sizeof(*ip), length, &sum) &&
	       lana_fold(sum) == 0xffff;
}

/* ---- the advertisement -------------------------------------------------------------------- */

static __always_inline bool is_set(const struct lana_mac *mac)
{
	return mac->bytes[0] | mac->bytes[1] | mac->bytes[2] | mac->bytes[3] | mac->bytes[4] |
	       mac->bytes[5];
}

static __always_inline int advertise(struct lana_pkt *pkt, const struct ndisc_config *config,
				     struct answer *answer, const __u8 to[ETH_ALEN])
{
	bool solicited = !is_zero(&answer->ip.daddr);
	__u32 flags = FLAG_OVERRIDE, length = sizeof(answer->body) + sizeof(answer->option);
	struct ethhdr *eth;
	__u64 sum;

	if (lana_resize(pkt, ETH_HLEN + sizeof(*answer)))
		return -LANA_DROP_NO_MEMORY;
	eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(*answer));
	if (!eth)
		return -LANA_DROP_SHORT;
	__builtin_memcpy(eth->h_source, to, ETH_ALEN);
	lana_turn_round(pkt, eth);
	if (is_set(&config->mac))
		__builtin_memcpy(eth->h_source, &config->mac, ETH_ALEN);

	/* Whoever asks if the address is free has none yet: all are told (section 7.2.4). */
	if (!solicited) {
		answer->ip.daddr.s6_addr32[0] = bpf_htonl(0xff020000);
		answer->ip.daddr.s6_addr32[3] = bpf_htonl(1);
		eth->h_dest[0] = eth->h_dest[1] = 0x33;
		eth->h_dest[2] = eth->h_dest[3] = eth->h_dest[4] = 0;
		eth->h_dest[5] = 1;
	}
	flags |= (solicited ? FLAG_SOLICITED : 0) | (config->router ? FLAG_ROUTER : 0);
	answer->ip.payload_len = bpf_htons(length);
	answer->body.icmp = (struct lana_icmp){ LANA_ICMP6_ADVERTISE, 0, 0, bpf_htonl(flags) };
	answer->option.type = OPTION_TARGET;
	answer->option.length = 1;
	__builtin_memcpy(answer->option.mac, eth->h_source, ETH_ALEN);
	sum = lana_sum_pseudo_ipv6(&answer->ip, IPPROTO_ICMPV6, length) +
	      lana_sum_of(&answer->body, sizeof(answer->body)) +
	      lana_sum_of(&answer->option, sizeof(answer->option));
	answer->body.icmp.checksum = ~lana_fold(sum);
	__builtin_memcpy(eth + 1, answer, sizeof(*answer));
	return LANA_TURN + NDISC_NEXT;
}

static __always_inline int ndisc_process(struct lana_pkt *pkt, const struct ndisc_config *config,
					 struct ndisc_counters *counters)
{
	struct ethhdr *eth = lana_header(pkt, 0, OPTIONS_AT);
	struct answer answer = {};
	struct neighbour *body;
	struct ipv6hdr *ip;
	__u8 to[ETH_ALEN];
	__u32 length;
	bool has_mac;

	if (!eth)
		return lana_eth(pkt) ? NDISC_OTHER : -LANA_DROP_SHORT;
	ip = (void *)(eth + 1);
	body = (void *)(ip + 1);
	if (eth->h_proto != bpf_htons(ETH_P_IPV6) || !is_wanted(ip, body, config))
		return NDISC_OTHER;
	length = bpf_ntohs(ip->payload_len);
	__builtin_memcpy(to, eth->h_source, ETH_ALEN);
	answer.ip = *ip;
	answer.ip.saddr = body->target;
	answer.ip.daddr = ip->saddr;
	answer.ip.priority = 0;
	answer.ip.flow_lbl[0] = answer.ip.flow_lbl[1] = answer.ip.flow_lbl[2] = 0;
	answer.body.target = body->target;

	if (length < sizeof(*body) || !is_whole(pkt, ip, length) ||
	    !read_options(pkt, length - sizeof(*body), to, &has_mac))
		return NDISC_OTHER;
	if (is_zero(&answer.ip.daddr) && has_mac)
		return NDISC_OTHER; /* section 7.1.1 */
	return advertise(pkt, config, &answer, to);
}

LANA_TURNING_BLOCK(ndisc);
