// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipv6 - let sound IPv6 packets through, and sort out those that need care
 *
 * Sound is what RFC 8200 asks for: version, lengths, and extension headers (at most eight) that end
 * within the packet, hop-by-hop options the first of them if any. Options are not looked into.
 *
 * in          IPv6 over Ethernet; anything else is dropped ("protocol")
 * out good    a whole packet without extension headers
 * out bad     version, length or extension headers are wrong
 * out extensions  sound, with extension headers
 * out fragment  sound, a part of a packet, with other extension headers or without
 * config      none
 * counters    bad_version; bad_length: too short, or shorter than the header says; bad_extensions
 * state       none
 * see also    ipv4, checksum, ttl
 */
#include <lana/ip.h>

struct ipv6_config {
};

struct ipv6_counters {
	__u64 bad_version;
	__u64 bad_length;
	__u64 bad_extensions;
};

enum ipv6_port { IPV6_GOOD, IPV6_BAD, IPV6_EXTENSIONS, IPV6_FRAGMENT };

static __always_inline int ipv6_process(struct lana_pkt *pkt, const struct ipv6_config *config,
					struct ipv6_counters *counters)
{
	struct ethhdr *eth = lana_eth(pkt);
	struct lana_ip ip;

	if (!eth || eth->h_proto != bpf_htons(ETH_P_IPV6))
		return -LANA_DROP_PROTOCOL;
	switch (lana_find_ipv6(pkt, sizeof(*eth), &ip)) {
	case 0:
		break;
	case -LANA_DROP_PROTOCOL:
		counters->bad_version++;
		return IPV6_BAD;
	case -LANA_DROP_MALFORMED:
		counters->bad_extensions++;
		return IPV6_BAD;
	default:
		counters->bad_length++;
		return IPV6_BAD;
	}
	if (ip.fragment)
		return IPV6_FRAGMENT;
	return ip.extended ? IPV6_EXTENSIONS : IPV6_GOOD;
}

LANA_BLOCK(ipv6);
