// SPDX-License-Identifier: GPL-2.0-only
/*
 * ttl - decrement the IPv4 TTL and divert packets whose time is up
 *
 * in          IPv4 over Ethernet; anything else is dropped ("protocol")
 * out next    TTL decremented, checksum updated
 * out dead    TTL too low to go on; packet unchanged
 * config      reserve=0..254: hops to keep back (0: a plain router)
 * counters    arrived_zero: the sender broke RFC 1122, section 3.2.1.7
 * state       none
 * see also    ethertype
 */
#include <lana/block.h>

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

static __always_inline int ttl_process(struct lana_pkt *pkt, const struct ttl_config *config,
				       struct ttl_counters *counters)
{
	struct iphdr *ip = lana_ipv4(pkt);

	if (!ip)
		return -LANA_DROP_PROTOCOL;
	if (!ip->ttl)
		counters->arrived_zero++;
	if (ip->ttl <= 1 + config->reserve)
		return TTL_DEAD;

	decrement(ip);
	return TTL_NEXT;
}

LANA_BLOCK(ttl);
