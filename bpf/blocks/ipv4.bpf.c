// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipv4 - let sound IPv4 packets through, and sort out those that need care
 *
 * Sound is what RFC 1812, section 5.2.2 asks for: version, lengths, and the header's checksum. What
 * is behind the header is not looked at (see checksum).
 *
 * in          IPv4 over Ethernet; anything else is dropped ("protocol")
 * out good    a whole packet without options
 * out bad     version, a length or the checksum is wrong
 * out options sound, with options
 * out fragment sound, a part of a packet, with options or without
 * config      none
 * counters    bad_version; bad_length: too short, or the header contradicts itself or the packet;
 *             bad_checksum
 * state       none
 * see also    ipv6, checksum, ttl
 */
#include <lana/checksum.h>

struct ipv4_config {
};

struct ipv4_counters {
	__u64 bad_version;
	__u64 bad_length;
	__u64 bad_checksum;
};

enum ipv4_port { IPV4_GOOD, IPV4_BAD, IPV4_OPTIONS, IPV4_FRAGMENT };

static __always_inline int ipv4_process(struct lana_pkt *pkt, const struct ipv4_config *config,
					struct ipv4_counters *counters)
{
	struct ethhdr *eth = lana_eth(pkt);
	struct iphdr *header;
	struct lana_ip ip;

	if (!eth || eth->h_proto != bpf_htons(ETH_P_IP))
		return -LANA_DROP_PROTOCOL;
	switch (lana_find_ipv4(pkt, sizeof(*eth), &ip)) {
	case 0:
		break;
	case -LANA_DROP_PROTOCOL:
		counters->bad_version++;
		return IPV4_BAD;
	default:
		counters->bad_length++;
		return IPV4_BAD;
	}
	header = lana_header(pkt, sizeof(*eth), sizeof(*header));
	if (!header || lana_fold(lana_sum_ipv4(pkt, sizeof(*eth), header, &ip)) != 0xffff) {
		counters->bad_checksum++;
		return IPV4_BAD;
	}
	if (ip.fragment)
		return IPV4_FRAGMENT;
	return ip.extended ? IPV4_OPTIONS : IPV4_GOOD;
}

LANA_BLOCK(ipv4);
