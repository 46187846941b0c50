// SPDX-License-Identifier: GPL-2.0-only
/*
 * checksum - verify or set the checksums of IP packets
 *
 * Transport checksums are those of TCP, UDP, ICMP, ICMPv6 and IGMP. At XDP, "set" finishes those
 * that a sender on this machine has left to the device (CHECKSUM_PARTIAL), so that packets can be
 * redirected; do not let such a packet pass to a kernel that forwards it, which would finish it
 * once more. At tc the kernel takes care of those, and this block leaves them alone.
 *
 * in          Ethernet; what is not IP has no checksum here
 * out next    all that was to be verified is right, all that was to be set is
 * out bad     a checksum is wrong, or the IP header contradicts itself or the packet
 * config      network=verify|set|ignore: the checksum in the IPv4 header
 *             transport=verify|set|ignore: that of what it carries, over IPv6 too
 * counters    network_bad; transport_bad; network_set, transport_set: were not right before;
 *             transport_skipped: fragments, other protocols, unfinished at tc, UDP without one
 * state       none
 * see also    ipv4, corrupt
 */
#include <linux/tcp.h>
#include <linux/udp.h>

#include <lana/checksum.h>

enum checksum_task { verify, set, ignore };

struct checksum_config {
	enum checksum_task network;
	enum checksum_task transport;
};

struct checksum_counters {
	__u64 network_bad;
	__u64 network_set;
	__u64 transport_bad;
	__u64 transport_set;
	__u64 transport_skipped;
};

enum checksum_port { CHECKSUM_NEXT, CHECKSUM_BAD };

enum { RIGHT, WRONG, NONE };

/* The IPv4 header's checksum. */
static __always_inline int do_network(struct lana_pkt *pkt, const struct checksum_config *config,
				      struct checksum_counters *counters, const struct lana_ip *ip)
{
	struct iphdr *header = lana_header(pkt, sizeof(struct ethhdr), sizeof(*header));
	__u64 sum;

	if (!header)
		return WRONG;
	sum = lana_sum_ipv4(pkt, sizeof(struct ethhdr), header, ip);
	if (config->network == verify) {
		if (lana_fold(sum) == 0xffff)
			return RIGHT;
		counters->network_bad++;
		return WRONG;
	}
	sum = (__u16)~lana_fold(sum + (__u16)~header->check); /* without what is there */
	if (header->check != sum) {
		header->check = sum;
		counters->network_set++;
	}
	return RIGHT;
}

#define ICMP_CHECK 2 /* offset, of IGMP and ICMPv6 too: RFC 792, 3376, 4443 */

/* Where in a transport header the checksum is; 0: there is none that is known here. */
static __always_inline __u32 check_offset(__u8 protocol, int version)
{
	if (protocol == IPPROTO_TCP)
		return __builtin_offsetof(struct tcphdr, check);
	if (protocol == IPPROTO_UDP)
		return __builtin_offsetof(struct udphdr, check);
	if (protocol == IPPROTO_ICMPV6 && version == 6)
		return ICMP_CHECK;
	if (version == 4 && (protocol == IPPROTO_ICMP || protocol == IPPROTO_IGMP))
		return ICMP_CHECK;
	return 0;
}

/* The sum of the pseudo header, if there is one. */
static __always_inline int sum_pseudo(struct lana_pkt *pkt, int version, __u8 protocol,
				      __u32 length, __u64 *sum)
{
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_IGMP)
		return 0;
	if (version == 4) {
		struct iphdr *header = lana_header(pkt, sizeof(struct ethhdr), sizeof(*header));

		if (!header)
			return -1;
		*sum += lana_sum_pseudo_ipv4(header, protocol, length);
	} else {
		struct ipv6hdr *header = lana_header(pkt, sizeof(struct ethhdr), sizeof(*header));

		if (!header)
			return -1;
		*sum += lana_sum_pseudo_ipv6(header, protocol, length);
	}
	return 0;
}

/* How many bytes the checksum is over: UDP says so itself, and may be followed by others. */
static __always_inline __u32 covered(struct lana_pkt *pkt, const struct lana_ip *ip)
{
	__u32 length = ip->end - ip->transport;
	__be16 own;

	if (ip->protocol != IPPROTO_UDP)
		return length;
	if (lana_load(pkt, ip->transport + __builtin_offsetof(struct udphdr, len), &own,
		      sizeof(own)))
		return 0;
	return bpf_ntohs(own) <= length ? bpf_ntohs(own) : 0;
}

static __always_inline int do_transport(struct lana_pkt *pkt, const struct checksum_config *config,
					struct checksum_counters *counters,
					const struct lana_ip *ip, int version)
{
	__u32 offset = check_offset(ip->protocol, version), length;
	bool udp = ip->protocol == IPPROTO_UDP;
	__u16 check, wanted;
	__u64 sum = 0;

	if (!offset || ip->fragment || ip->routed || lana_is_unfinished(pkt))
		return NONE;
	length = covered(pkt, ip);
	if (length < offset + sizeof(check) ||
	    lana_load(pkt, ip->transport + offset, &check, sizeof(check)))
		return WRONG;
	if (config->transport == verify && udp && !check)
		return version == 4 ? NONE : WRONG; /* RFC 768; RFC 8200, section 8.1 */
	if (sum_pseudo(pkt, version, ip->protocol, length, &sum) ||
	    lana_sum(pkt, ip->transport, length, &sum))
		return WRONG;
	if (config->transport == verify)
		return lana_fold(sum) == 0xffff ? RIGHT : WRONG;

	wanted = ~lana_fold(sum + (__u16)~check);
	if (udp && !wanted)
		wanted = 0xffff;
	if (check == wanted)
		return RIGHT;
	counters->transport_set++;
	return lana_store(pkt, ip->transport + offset, &wanted, sizeof(wanted)) ? WRONG : RIGHT;
}

static __always_inline int checksum_process(struct lana_pkt *pkt,
					    const struct checksum_config *config,
					    struct checksum_counters *counters)
{
	struct lana_ip ip;
	int version, err;

	err = lana_find_ip(pkt, &ip, &version);
	if (err)
		return err == -LANA_DROP_PROTOCOL ? CHECKSUM_NEXT : CHECKSUM_BAD;
	if (version == 4 && config->network != ignore &&
	    do_network(pkt, config, counters, &ip) == WRONG)
		return CHECKSUM_BAD;
	if (config->transport == ignore)
		return CHECKSUM_NEXT;

	switch (do_transport(pkt, config, counters, &ip, version)) {
	case WRONG:
		counters->transport_bad++;
		return CHECKSUM_BAD;
	case NONE:
		counters->transport_skipped++;
	}
	return CHECKSUM_NEXT;
}

LANA_BLOCK(checksum);
