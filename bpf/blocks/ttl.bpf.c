// SPDX-License-Identifier: GPL-2.0-only
/*
 * ttl - decrement the TTL of IPv4, or the hop limit of IPv6, and divert packets whose time is up
 *
 * in          IPv4 or IPv6 over Ethernet; anything else is dropped ("protocol")
 * out next    TTL decremented, checksum updated
 * out dead    TTL too low to go on; packet unchanged
 * config      reserve=0..255: hops to keep back (0: a plain router)
 * counters    arrived_zero: the sender broke RFC 1122, section 3.2.1.7, or RFC 8200, section 3
 * state       none
 * see also    ethertype, ipv4, ipv6
 */
#include <lana/ip.h>

struct ttl_config {
	__u8 reserve;
};

struct ttl_counters {
	__u64 arrived_zero;
};

enum ttl_port { TTL_NEXT, TTL_DEAD };

/* RFC 1624: the checksum grows by what the TTL byte loses. */
static __always_inline void decrement(struct iphdr *ip)
{
	__u32 sum = ip->check + bpf_htons(0x0100);

	ip->check = sum + (sum >= 0xffff);
	ip->ttl--;
}

static __always_inline bool is_dead(__u8 ttl, const struct ttl_config *config,
				    struct ttl_counters *counters)
{
	if (!ttl)
		counters->arrived_zero++;
	return ttl <= 1 + config->reserve;
}

static __always_inline int ttl_process(struct lana_pkt *pkt, const struct ttl_config *config,
				       struct ttl_counters *counters)
{
	struct iphdr *ip = lana_ipv4(pkt);
	struct ipv6hdr *ipv6;

	if (ip) {
		if (is_dead(ip->ttl, config, counters))
			return TTL_DEAD;
		decrement(ip);
		return TTL_NEXT;
	}
	ipv6 = lana_ipv6(pkt);
	if (!ipv6)
		return -LANA_DROP_PROTOCOL;
	if (is_dead(ipv6->hop_limit, config, counters))
		return TTL_DEAD;
	ipv6->hop_limit--; /* no checksum is over it */
	return TTL_NEXT;
}

LANA_BLOCK(ttl);
