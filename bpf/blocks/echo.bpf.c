// SPDX-License-Identifier: GPL-2.0-only
/*
 * echo - answer pings: ICMP and ICMPv6 echo requests (RFC 1122, section 3.2.2.6; RFC 4443, 4.2)
 *
 * in          anything over Ethernet
 * out next    on the other path: the reply, to leave by where the request came from
 * out other   all else: requests to other addresses, to many, in fragments, with IP options
 * config      address=ADDRESS, address6=ADDRESS: that are answered for (0: any: for behind port
 *             local of route)
 * counters    none
 * state       none
 * see also    route, arp, ndisc
 */
#include <lana/address.h>
#include <lana/checksum.h>
#include <lana/icmp.h>
#include <lana/route.h>

struct echo_config {
	struct lana_ip4 address;
	struct lana_ip6 address6;
};

struct echo_counters {
};

enum echo_port { ECHO_NEXT, ECHO_OTHER };

#define TTL 64 /* RFC 1700 */

/* Another type, and all else as it is. */
static __always_inline void reply(struct lana_icmp *icmp, __u8 type)
{
	__u8 was[2] = { icmp->type }, is[2] = { type };

	lana_amend(&icmp->checksum, lana_difference(was, is, sizeof(was)));
	icmp->type = type;
}

static __always_inline int echo4(struct lana_pkt *pkt, const struct echo_config *config)
{
	struct ethhdr *eth =
		lana_header(pkt, 0, sizeof(*eth) + sizeof(struct iphdr) + sizeof(struct lana_icmp));
	struct lana_icmp *icmp;
	struct iphdr *ip;
	__be32 source;

	if (!eth)
		return ECHO_OTHER;
	ip = (void *)(eth + 1);
	icmp = (void *)(ip + 1);
	if (ip->version != 4 || ip->ihl != sizeof(*ip) / 4 || ip->protocol != IPPROTO_ICMP ||
	    ip->frag_off & bpf_htons(LANA_IPV4_LATER | LANA_IPV4_MORE) ||
	    icmp->type != LANA_ICMP4_ECHO || icmp->code)
		return ECHO_OTHER;
	if (config->address.word ? ip->daddr != config->address.word
				 : bpf_ntohl(ip->daddr) >> 28 == 14 || !(ip->daddr + 1))
		return ECHO_OTHER;

	reply(icmp, LANA_ICMP4_ECHO_REPLY);
	source = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = source;
	ip->frag_off = 0;
	ip->ttl = TTL;
	ip->check = 0;
	ip->check = ~lana_fold(lana_sum_of(ip, sizeof(*ip)));
	lana_turn_round(pkt, eth);
	return LANA_TURN + ECHO_NEXT;
}

static __always_inline bool is_given(const struct lana_ip6 *a)
{
	return a->words[0] | a->words[1] | a->words[2] | a->words[3];
}

static __always_inline bool is_at(const struct in6_addr *a, const struct lana_ip6 *b)
{
	return !((a->s6_addr32[0] ^ b->words[0]) | (a->s6_addr32[1] ^ b->words[1]) |
		 (a->s6_addr32[2] ^ b->words[2]) | (a->s6_addr32[3] ^ b->words[3]));
}

static __always_inline int echo6(struct lana_pkt *pkt, const struct echo_config *config)
{
	struct ethhdr *eth = lana_header(
		pkt, 0, sizeof(*eth) + sizeof(struct ipv6hdr) + sizeof(struct lana_icmp));
	struct lana_icmp *icmp;
	struct in6_addr source;
	struct ipv6hdr *ip;

	if (!eth)
		return ECHO_OTHER;
	ip = (void *)(eth + 1);
	icmp = (void *)(ip + 1);
	if (ip->version != 6 || ip->nexthdr != IPPROTO_ICMPV6 || icmp->type != LANA_ICMP6_ECHO ||
	    icmp->code || ip->daddr.s6_addr[0] == 0xff)
		return ECHO_OTHER;
	if (is_given(&config->address6) && !is_at(&ip->daddr, &config->address6))
		return ECHO_OTHER;

	reply(icmp, LANA_ICMP6_ECHO_REPLY);
	source = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = source;
	ip->hop_limit = TTL;
	lana_turn_round(pkt, eth);
	return LANA_TURN + ECHO_NEXT;
}

static __always_inline int echo_process(struct lana_pkt *pkt, const struct echo_config *config,
					struct echo_counters *counters)
{
	struct ethhdr *eth = lana_eth(pkt);

	if (!eth)
		return -LANA_DROP_SHORT;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return echo4(pkt, config);
	return eth->h_proto == bpf_htons(ETH_P_IPV6) ? echo6(pkt, config) : ECHO_OTHER;
}

LANA_TURNING_BLOCK(echo);
