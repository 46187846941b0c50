// SPDX-License-Identifier: GPL-2.0-only
/*
 * reshape - change the size of packets, or their ports and addresses (for the tests of headers)
 *
 * in          Ethernet; ports and address: IP, others go on as they are
 * out next    changed
 * out refused the packet does not allow it
 * config      how: what to do; length: of cut and lengthen
 * counters    none
 * state       none
 * see also    test_headers
 */
#include <linux/tcp.h>
#include <linux/udp.h>

#include <lana/checksum.h>

enum reshape_how { insert, take_out, resize, front, port, address };

struct reshape_config {
	enum reshape_how how;
	__u16 length;
};

struct reshape_counters {
};

enum reshape_port { RESHAPE_NEXT, RESHAPE_REFUSED };

#define ICMP6_CHECK 2 /* offset: RFC 4443 */

/* Amend the transport checksum, if it is of TCP, UDP or, of addresses, ICMPv6. */
static __always_inline long amend(const struct lana_pkt *pkt, const struct lana_ip *ip,
				  __u64 difference, __u64 flags)
{
	if (ip->headless)
		return 0;
	if (ip->protocol == IPPROTO_TCP)
		return lana_amend_transport(
			pkt, ip->transport + __builtin_offsetof(struct tcphdr, check), difference,
			flags);
	if (ip->protocol == IPPROTO_UDP)
		return lana_amend_transport(
			pkt, ip->transport + __builtin_offsetof(struct udphdr, check), difference,
			flags | BPF_F_MARK_MANGLED_0);
	if (ip->protocol == IPPROTO_ICMPV6 && flags)
		return lana_amend_transport(pkt, ip->transport + ICMP6_CHECK, difference, flags);
	return 0;
}

static __always_inline long change_port(struct lana_pkt *pkt, const struct lana_ip *ip)
{
	struct lana_port_pair *ports = lana_find_ports(pkt, ip);
	__be16 wanted = bpf_htons(4444);
	__u64 difference;

	if (!ports)
		return 0;
	difference = lana_difference(&ports->dest, &wanted, sizeof(wanted));
	ports->dest = wanted;
	return amend(pkt, ip, difference, 0);
}

static __always_inline long change_ipv4(struct lana_pkt *pkt, const struct lana_ip *ip)
{
	struct iphdr *header = lana_ipv4(pkt);
	__be32 wanted = bpf_htonl(0xc0a80001);
	__u64 difference;

	if (!header)
		return -1;
	difference = lana_difference(&header->daddr, &wanted, sizeof(wanted));
	header->daddr = wanted;
	lana_amend(&header->check, difference);
	return amend(pkt, ip, difference, BPF_F_PSEUDO_HDR);
}

static __always_inline long change_ipv6(struct lana_pkt *pkt, const struct lana_ip *ip)
{
	struct ipv6hdr *header = lana_ipv6(pkt);
	struct in6_addr wanted = { .s6_addr = { 0xfd, 1, 2, 3, [15] = 4 } };
	__u64 difference;

	if (!header)
		return -1;
	difference = lana_difference(&header->saddr, &wanted, sizeof(wanted));
	header->saddr = wanted;
	return amend(pkt, ip, difference, BPF_F_PSEUDO_HDR | BPF_F_IPV6);
}

static __always_inline long reshape(struct lana_pkt *pkt, const struct reshape_config *config)
{
	struct lana_ip ip;
	int version, err;

	switch (config->how) {
	case insert:
		return lana_insert(pkt, 20, 0);
	case take_out:
		return lana_remove(pkt, 20, 0);
	case resize:
		return lana_resize(pkt, config->length);
	case front:
		return lana_grow_front(pkt, 14);
	default:
		err = lana_find_ip(pkt, &ip, &version);
		if (err)
			return err;
		if (config->how == port)
			return change_port(pkt, &ip);
		return version == 4 ? change_ipv4(pkt, &ip) : change_ipv6(pkt, &ip);
	}
}

static __always_inline int reshape_process(struct lana_pkt *pkt,
					   const struct reshape_config *config,
					   struct reshape_counters *counters)
{
	return reshape(pkt, config) ? RESHAPE_REFUSED : RESHAPE_NEXT;
}

LANA_BLOCK(reshape);
