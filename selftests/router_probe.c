// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "router_probe.h"
#include "tap.h"

#define DF   0x4000
#define MORE 0x2000

/* ---- making them ---------------------------------------------------------------------------- */

/* A transport header's first bytes, and where its checksum is. */
static unsigned int make_transport(const struct probe *probe, unsigned char *bytes,
				   unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[i] = i * 7;
	switch (probe->protocol) {
	case IPPROTO_UDP:
		memcpy(bytes, "\x30\x39\x00\x07", 4); /* 12345 to 7 */
		bytes[4] = size >> 8;
		bytes[5] = size;
		return 6;
	case IPPROTO_TCP:
		bytes[12] = 5 << 4;
		bytes[13] = 2; /* SYN */
		return 16;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		bytes[0] = probe->type;
		bytes[1] = probe->code;
		return 2;
	default:
		return 0;
	}
}

static void finish_transport(const struct probe *probe, unsigned char *bytes, unsigned int size,
			     unsigned int place, const unsigned char *addresses,
			     unsigned int addresses_size)
{
	unsigned short check;
	unsigned int sum = 0;

	if (!place)
		return;
	if (probe->protocol != IPPROTO_ICMP) {
		for (unsigned int i = 0; i < addresses_size; i++)
			sum += i % 2 ? addresses[i] << 8 : addresses[i];
		sum += htons(probe->protocol) + htons(size);
	}
	memset(bytes + place, 0, 2);
	check = lab_checksum(bytes, size, sum);
	memcpy(bytes + place, &check, 2);
}

static void make_ipv4(const struct probe *probe, struct lab_frame *frame, unsigned int size)
{
	struct iphdr *ip = (void *)(frame->bytes + ETH_HLEN);
	unsigned char *transport = (void *)(ip + 1);
	unsigned int place = make_transport(probe, transport, size - sizeof(*ip));
	bool is_left = probe->side == LAB_LEFT;

	*ip = (struct iphdr){ .version = 4,
			      .ihl = 5,
			      .tos = 0x10,
			      .id = htons(0x1234),
			      .ttl = probe->ttl ?: 64,
			      .protocol = probe->protocol,
			      .frag_off = htons(probe->frag),
			      .tot_len = htons(size) };
	inet_pton(AF_INET, probe->source ?: is_left ? "10.0.0.1" : "10.0.1.1", &ip->saddr);
	inet_pton(AF_INET, probe->target ?: is_left ? "10.0.1.1" : "10.0.0.1", &ip->daddr);
	finish_transport(probe, transport, size - sizeof(*ip), place, (void *)&ip->saddr, 8);
	if (probe->ttl > 255)
		ip->ttl = 0;
	ip->check = lab_checksum(ip, sizeof(*ip), 0);
}

static void make_ipv6(const struct probe *probe, struct lab_frame *frame, unsigned int size)
{
	struct ipv6hdr *ip = (void *)(frame->bytes + ETH_HLEN);
	unsigned char *transport = (void *)(ip + 1);
	unsigned int place = make_transport(probe, transport, size - sizeof(*ip));
	bool is_left = probe->side == LAB_LEFT;

	*ip = (struct ipv6hdr){ .version = 6,
				.priority = 1,
				.flow_lbl = { 1, 2, 3 },
				.hop_limit = probe->ttl ?: 64,
				.nexthdr = probe->protocol,
				.payload_len = htons(size - sizeof(*ip)) };
	inet_pton(AF_INET6, probe->source ?: is_left ? "fd00::1" : "fd01::1", &ip->saddr);
	inet_pton(AF_INET6, probe->target ?: is_left ? "fd01::1" : "fd00::1", &ip->daddr);
	finish_transport(probe, transport, size - sizeof(*ip), place, (void *)&ip->saddr, 32);
}

void probe_make(const struct probe *probe, struct lab_frame *frame)
{
	struct ethhdr *eth = (void *)frame->bytes;
	bool is_left = probe->side == LAB_LEFT;
	bool is_ipv6 = probe->protocol == IPPROTO_ICMPV6 ||
		       strchr(probe->target ?: probe->source ?: "", ':');
	unsigned int size = probe->size ?: 64;

	memset(frame, 0, sizeof(*frame));
	memcpy(eth->h_source, is_left ? LAB_MAC_LEFT : LAB_MAC_RIGHT, ETH_ALEN);
	memcpy(eth->h_dest, is_left ? LAB_MAC_WEST : LAB_MAC_EAST, ETH_ALEN);
	eth->h_proto = htons(is_ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	frame->size = ETH_HLEN + size;
	if (is_ipv6)
		make_ipv6(probe, frame, size);
	else
		make_ipv4(probe, frame, size);
	if (probe->edit)
		probe->edit(frame);
}

/* ---- changes -------------------------------------------------------------------------------- */

static struct iphdr *ipv4_of(struct lab_frame *frame)
{
	return (void *)(frame->bytes + ETH_HLEN);
}

static void resum(struct lab_frame *frame)
{
	struct iphdr *ip = ipv4_of(frame);

	ip->check = 0;
	ip->check = lab_checksum(ip, ip->ihl * 4, 0);
}

static void to_all(struct lab_frame *frame)
{
	memset(frame->bytes, 0xff, ETH_ALEN);
}

static void version5(struct lab_frame *frame)
{
	ipv4_of(frame)->version = 5;
	resum(frame);
}

static void too_long(struct lab_frame *frame)
{
	ipv4_of(frame)->tot_len = htons(200);
	resum(frame);
}

/* Padding as of short frames on a wire. */
static void padded(struct lab_frame *frame)
{
	ipv4_of(frame)->tot_len = htons(29);
	resum(frame);
}

/* Record route, with room for one. */
static void with_options(struct lab_frame *frame)
{
	struct iphdr *ip = ipv4_of(frame);

	memmove((void *)(ip + 1) + 8, ip + 1, frame->size - ETH_HLEN - sizeof(*ip));
	memcpy(ip + 1, "\x07\x07\x04\0\0\0\0\0", 8);
	ip->ihl += 2;
	ip->tot_len = htons(ntohs(ip->tot_len) + 8);
	frame->size += 8;
	resum(frame);
}

static void hop_by_hop(struct lab_frame *frame)
{
	struct ipv6hdr *ip = (void *)(frame->bytes + ETH_HLEN);

	memmove((void *)(ip + 1) + 8, ip + 1, frame->size - ETH_HLEN - sizeof(*ip));
	memcpy(ip + 1, "\x11\0\x01\x04\0\0\0\0", 8); /* UDP follows; padding */
	ip->nexthdr = 0;
	ip->payload_len = htons(ntohs(ip->payload_len) + 8);
	frame->size += 8;
}

/* A part of a packet, the first if it does not say otherwise. */
static void fragment6(struct lab_frame *frame)
{
	struct ipv6hdr *ip = (void *)(frame->bytes + ETH_HLEN);

	memmove((void *)(ip + 1) + 8, ip + 1, frame->size - ETH_HLEN - sizeof(*ip));
	memcpy(ip + 1, "\x11\0\0\x01\0\0\0\x05", 8);
	((unsigned char *)(ip + 1))[0] = ip->nexthdr;
	ip->nexthdr = 44;
	ip->payload_len = htons(ntohs(ip->payload_len) + 8);
	frame->size += 8;
}

static void later6(struct lab_frame *frame)
{
	fragment6(frame);
	frame->bytes[ETH_HLEN + sizeof(struct ipv6hdr) + 2] = 1;
}

static void arp(struct lab_frame *frame, const char *source, const char *target)
{
	unsigned char *bytes = frame->bytes;

	memset(bytes, 0xff, ETH_ALEN);
	memcpy(bytes + 12, "\x08\x06\0\x01\x08\0\x06\x04\0\x01", 10);
	memcpy(bytes + 22, LAB_MAC_LEFT, ETH_ALEN);
	inet_pton(AF_INET, source, bytes + 28);
	memset(bytes + 32, 0, ETH_ALEN);
	inet_pton(AF_INET, target, bytes + 38);
	frame->size = 42;
}

static void arp_request(struct lab_frame *frame)
{
	arp(frame, "10.0.0.1", "10.0.0.9");
}

static void arp_probe(struct lab_frame *frame)
{
	arp(frame, "0.0.0.0", "10.0.0.9");
}

static void arp_other(struct lab_frame *frame)
{
	arp(frame, "10.0.0.1", "10.0.0.8");
}

static void arp_gratuitous(struct lab_frame *frame)
{
	arp(frame, "10.0.0.1", "10.0.0.1");
}

/* The body of a neighbour solicitation; the checksum follows. */
static void solicit(struct lab_frame *frame, const char *target, bool has_option)
{
	struct ipv6hdr *ip = (void *)(frame->bytes + ETH_HLEN);
	unsigned char *icmp = (void *)(ip + 1);
	unsigned int size = has_option ? 32 : 24, sum;
	unsigned short check;

	memset(icmp, 0, 64);
	icmp[0] = 135;
	inet_pton(AF_INET6, target, icmp + 8);
	if (has_option) {
		memcpy(icmp + 24, "\x01\x01", 2);
		memcpy(icmp + 26, LAB_MAC_LEFT, ETH_ALEN);
	}
	ip->payload_len = htons(size);
	frame->size = ETH_HLEN + sizeof(*ip) + size;
	sum = htons(IPPROTO_ICMPV6) + htons(size);
	for (unsigned int i = 0; i < 32; i++)
		sum += ((unsigned char *)&ip->saddr)[i] << (i % 2 ? 8 : 0);
	check = lab_checksum(icmp, size, sum);
	memcpy(icmp + 2, &check, 2);
}

static void solicit_router(struct lab_frame *frame)
{
	memcpy(frame->bytes, "\x33\x33\xff\0\0\x09", ETH_ALEN);
	solicit(frame, "fd00::9", true);
}

static void solicit_unicast(struct lab_frame *frame)
{
	solicit(frame, "fd00::9", false);
}

static void solicit_other(struct lab_frame *frame)
{
	memcpy(frame->bytes, "\x33\x33\xff\0\0\x08", ETH_ALEN);
	solicit(frame, "fd00::8", true);
}

static void solicit_wrong(struct lab_frame *frame)
{
	solicit_router(frame);
	frame->bytes[ETH_HLEN + sizeof(struct ipv6hdr) + 2] ^= 1;
}

static void solicit_far(struct lab_frame *frame)
{
	solicit_router(frame);
	((struct ipv6hdr *)(frame->bytes + ETH_HLEN))->hop_limit = 254;
}

static void is_it_free(struct lab_frame *frame)
{
	memcpy(frame->bytes, "\x33\x33\xff\0\0\x09", ETH_ALEN);
	solicit(frame, "fd00::9", false);
}

/* ---- which ---------------------------------------------------------------------------------- */

#define UDP  .protocol = IPPROTO_UDP
#define TCP  .protocol = IPPROTO_TCP
#define ICMP .protocol = IPPROTO_ICMP
#define V6   .protocol = IPPROTO_ICMPV6
#define UDP6 .target = "fd01::1", UDP

const struct probe probes[] = {
	{ "UDP", UDP, .right = 1 },
	{ "TCP", TCP, .right = 1 },
	{ "UDP from the right", LAB_RIGHT, UDP, .left = 1 },
	{ "echo request", ICMP, .type = 8, .right = 1 },
	{ "another protocol", .protocol = 89, .right = 1 },
	{ "by a gateway", .target = "10.2.3.4", UDP, .right = 1 },
	{ "the shortest", UDP, .size = 28, .right = 1 },
	{ "padded", UDP, .edit = padded, .right = 1 },
	{ "TTL of 2", UDP, .ttl = 2, .right = 1 },

	{ "TTL of 1", UDP, .ttl = 1, .left = 1 },
	{ "TTL of 0", UDP, .ttl = 256, .left = 1 },
	{ "TTL of 1, 1200 bytes", UDP, .ttl = 1, .size = 1200, .left = 1 },
	{ "TTL of 1, 577 bytes", UDP, .ttl = 1, .size = 577, .left = 1 },
	{ "TTL of 1, 548 bytes", UDP, .ttl = 1, .size = 548, .left = 1 },
	{ "TTL of 1, 547 bytes", UDP, .ttl = 1, .size = 547, .left = 1 },
	{ "TTL of 1, padded", UDP, .ttl = 1, .edit = padded, .left = 1 },
	{ "TTL of 1, echo request", ICMP, .ttl = 1, .type = 8, .left = 1 },
	{ "TTL of 1, echo reply", ICMP, .ttl = 1, .left = 1 },
	{ "TTL of 1, timestamp", ICMP, .ttl = 1, .type = 13, .left = 1 },
	{ "TTL of 1, error", ICMP, .ttl = 1, .type = 3, .code = 1 },
	{ "TTL of 1, redirect", ICMP, .ttl = 1, .type = 5 },
	{ "TTL of 1, unknown ICMP", ICMP, .ttl = 1, .type = 99 },
	{ "TTL of 1, first fragment", UDP, .ttl = 1, .frag = MORE, .left = 1 },
	{ "TTL of 1, later fragment", UDP, .ttl = 1, .frag = MORE | 7 },
	{ "TTL of 1, from the right", LAB_RIGHT, UDP, .ttl = 1, .right = 1, .needs = NEEDS_KERNEL },

	{ "no route", .target = "10.77.7.7", UDP, .left = 1 },
	{ "unreachable", .target = "10.9.9.9", UDP, .left = 1 },
	{ "prohibited", .target = "10.8.8.8", TCP, .left = 1 },
	{ "black hole", .target = "10.6.6.6", UDP },
	{ "no route for an error", .target = "10.77.7.7", ICMP, .type = 11 },

	{ "too big, DF", UDP, .size = 1301, .frag = DF, .left = 1 },
	{ "as big as can be, DF", UDP, .size = 1300, .frag = DF, .right = 1 },
	{ "too big, DF, 1500 bytes", TCP, .size = 1500, .frag = DF, .left = 1 },
	{ "too big", UDP, .size = 1301, .right = 2 },
	{ "too big, 1500 bytes", UDP, .size = 1500, .right = 2 },
	{ "too big, fragment", UDP, .size = 1500, .frag = MORE | 100, .right = 2 },
	{ "too big, last fragment", UDP, .size = 1500, .frag = 100, .right = 2 },
	{ "fragment", UDP, .frag = MORE | 100, .right = 1 },

	{ "to the router: echo request", .target = "10.0.0.9", ICMP, .type = 8, .left = 1 },
	{ "to its other address", .target = "10.0.1.9", ICMP, .type = 8, .size = 1201, .left = 1 },
	{ "to the router: DF", .target = "10.0.0.9", ICMP, .type = 8, .frag = DF, .left = 1 },
	{ "to the router: TTL of 1", .target = "10.0.0.9", ICMP, .type = 8, .ttl = 1, .left = 1 },
	{ "to the router: closed port", .target = "10.0.0.9", UDP, .left = 1 },
	{ "to the router: echo reply", .target = "10.0.0.9", ICMP, .needs = NEEDS_KERNEL },

	{ "multicast", .target = "224.0.0.5", UDP },
	{ "broadcast", .target = "255.255.255.255", UDP },
	{ "class E", .target = "240.0.0.1", UDP, .left = 1, .needs = NEEDS_KERNEL },
	{ "to loopback", .target = "127.0.0.1", UDP },
	{ "from nowhere", .source = "0.0.0.0", UDP, .needs = NEEDS_KERNEL },
	{ "from loopback", .source = "127.0.0.1", UDP },
	{ "from a multicast", .source = "224.0.0.1", UDP },
	{ "to all MACs", UDP, .edit = to_all },
	{ "version 5", UDP, .edit = version5 },
	{ "longer than the frame", UDP, .edit = too_long },
	{ "IP options", UDP, .edit = with_options, .right = 1, .needs = NEEDS_KERNEL },

	{ "ARP request", UDP, .edit = arp_request, .left = 1 },
	{ "ARP probe", UDP, .edit = arp_probe, .left = 1 },
	{ "ARP for another", UDP, .edit = arp_other },
	{ "gratuitous ARP", UDP, .edit = arp_gratuitous },

	{ "IPv6: UDP", UDP6, .right = 1 },
	{ "IPv6: TCP", .target = "fd01::1", TCP, .right = 1 },
	{ "IPv6: from the right", LAB_RIGHT, .target = "fd00::1", UDP, .left = 1 },
	{ "IPv6: echo request", V6, .type = 128, .right = 1 },
	{ "IPv6: by a gateway", .target = "fd02::7", UDP, .right = 1 },
	{ "IPv6: hop limit 2", UDP6, .ttl = 2, .right = 1 },
	{ "IPv6: hop limit 1", UDP6, .ttl = 1, .left = 1 },
	{ "IPv6: hop limit 1, 1290 bytes", UDP6, .ttl = 1, .size = 1290, .left = 1 },
	{ "IPv6: hop limit 1, 1233 bytes", UDP6, .ttl = 1, .size = 1233, .left = 1 },
	{ "IPv6: hop limit 1, 1231 bytes", UDP6, .ttl = 1, .size = 1231, .left = 1 },
	{ "IPv6: hop limit 1, echo request", V6, .type = 128, .ttl = 1, .left = 1 },
	{ "IPv6: hop limit 1, error", V6, .type = 3, .ttl = 1 },
	{ "IPv6: hop limit 1, first fragment", UDP6, .ttl = 1, .edit = fragment6, .left = 1 },
	{ "IPv6: hop limit 1, later fragment", UDP6, .ttl = 1, .edit = later6, .left = 1 },
	{ "IPv6: no route", .target = "fd77::1", UDP, .left = 1 },
	{ "IPv6: unreachable", .target = "fd09::1", UDP, .left = 1 },
	{ "IPv6: prohibited", .target = "fd08::1", UDP, .left = 1 },
	{ "IPv6: black hole", .target = "fd06::1", UDP },
	{ "IPv6: too big", UDP6, .size = 1301, .left = 1 },
	{ "IPv6: too big, 1500 bytes", .target = "fd01::1", TCP, .size = 1500, .left = 1 },
	{ "IPv6: as big as can be", UDP6, .size = 1300, .right = 1 },
	{ "IPv6: to the router", .target = "fd00::9", V6, .type = 128, .left = 1 },
	{ "IPv6: to its other address", .target = "fd01::9", V6, .type = 128, .size = 1201,
	  .left = 1 },
	{ "IPv6: closed port", .target = "fd00::9", UDP, .left = 1 },
	{ "IPv6: multicast", .target = "ff0e::1", UDP },
	{ "IPv6: another link's", .target = "fe80::7", UDP, .left = 1, .needs = NEEDS_KERNEL },
	{ "IPv6: from nowhere", .source = "::", .target = "fd01::1", UDP, .needs = NEEDS_KERNEL },
	{ "IPv6: hop by hop", UDP6, .edit = hop_by_hop, .right = 1, .needs = NEEDS_KERNEL },
	{ "IPv6: fragment", UDP6, .edit = fragment6, .right = 1 },
	{ "neighbour solicitation", .target = "ff02::1:ff00:9", V6, .ttl = 255,
	  .edit = solicit_router, .left = 1 },
	{ "neighbour solicitation, unicast", .target = "fd00::9", V6, .ttl = 255,
	  .edit = solicit_unicast, .left = 1, .needs = NEEDS_KERNEL },
	{ "neighbour solicitation for another", .target = "ff02::1:ff00:8", V6, .ttl = 255,
	  .edit = solicit_other },
	{ "neighbour solicitation, wrong", .target = "ff02::1:ff00:9", V6, .ttl = 255,
	  .edit = solicit_wrong },
	{ "neighbour solicitation from afar", .target = "ff02::1:ff00:9", V6, .ttl = 255,
	  .edit = solicit_far },
	{ "is the address free", .source = "::", .target = "ff02::1:ff00:9", V6, .ttl = 255,
	  .edit = is_it_free, .left = 1 },
};

const unsigned int probes_count = sizeof(probes) / sizeof(probes[0]);
