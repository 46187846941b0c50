// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "tunnel_packet.h"

unsigned short checksum(const void *bytes, unsigned int size, unsigned int sum)
{
	const unsigned char *byte = bytes;

	for (unsigned int i = 0; i < size; i++)
		sum += i % 2 ? byte[i] : byte[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void put(struct packet *packet, const void *bytes, unsigned int size)
{
	memcpy(packet->bytes + packet->size, bytes, size);
	packet->size += size;
}

static void put_eth(struct packet *packet, unsigned int type)
{
	struct ethhdr eth = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 }, htons(type) };

	put(packet, &eth, sizeof(eth));
}

static void put_ipv4(struct packet *packet, const char *from, const char *to, int protocol, int tos,
		     int frag, unsigned int payload)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = protocol, .tos = tos };

	ip.tot_len = htons(sizeof(ip) + payload);
	ip.frag_off = htons(frag);
	inet_pton(AF_INET, from, &ip.saddr);
	inet_pton(AF_INET, to, &ip.daddr);
	ip.check = checksum(&ip, sizeof(ip), 0);
	put(packet, &ip, sizeof(ip));
}

static void put_payload(struct packet *packet, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		packet->bytes[packet->size++] = i + 1;
}

void make_inner(struct packet *packet, const char *what, unsigned int payload)
{
	struct ipv6hdr ip6 = { .version = 6, .nexthdr = IPPROTO_UDP, .hop_limit = 64 };
	int tos = strstr(what, "ect0") ? 2 : strstr(what, "ect1") ? 1 : strstr(what, "ce") ? 3 : 0;

	*packet = (struct packet){};
	if (!strncmp(what, "ipv6", 4)) {
		ip6.payload_len = htons(payload);
		ip6.flow_lbl[0] = tos << 4;
		ip6.saddr.s6_addr[0] = ip6.daddr.s6_addr[0] = 0x20;
		ip6.daddr.s6_addr[15] = 1;
		put_eth(packet, ETH_P_IPV6);
		put(packet, &ip6, sizeof(ip6));
	} else if (!strcmp(what, "arp") || !strcmp(what, "vlan")) {
		put_eth(packet, *what == 'a' ? ETH_P_ARP : ETH_P_8021Q);
	} else {
		put_eth(packet, ETH_P_IP);
		put_ipv4(packet, "10.1.0.1", "10.2.0.2", IPPROTO_UDP,
			 tos | (strcmp(what, "dscp") ? 0 : 0xb8), strcmp(what, "df") ? 0 : 0x4000,
			 payload);
	}
	put_payload(packet, payload);
}

static bool has(const struct outer *outer, const char *flaw)
{
	return outer->flaw && !strcmp(outer->flaw, flaw);
}

static void put_gre(struct packet *packet, const struct outer *outer, const struct packet *inner,
		    bool keyed)
{
	const struct ethhdr *eth = (const void *)inner->bytes;
	unsigned int start = packet->size, flags = outer->gre_flags | (keyed ? 0x2000 : 0);
	unsigned int word = htonl(flags << 16 | ntohs(eth->h_proto));

	put(packet, &word, 4);
	word = 0;
	if (flags & 0x8000)
		put(packet, &word, 4);
	word = htonl(outer->key);
	if (keyed)
		put(packet, &word, 4);
	if (flags & 0x1000)
		put(packet, &word, 4);
	put(packet, inner->bytes + ETH_HLEN, inner->size - ETH_HLEN);
	if (flags & 0x8000) {
		unsigned short check = checksum(packet->bytes + start, packet->size - start, 0);

		check ^= has(outer, "gre sum");
		memcpy(packet->bytes + start + 4, &check, sizeof(check));
	}
}

static void put_vxlan(struct packet *packet, const struct outer *outer, const struct packet *inner)
{
	struct udphdr udp = { .source = htons(50000), .dest = htons(4789) };
	unsigned int words[2] = { htonl(outer->vxlan_flags ?: 0x08000000), htonl(outer->key << 8) };

	udp.len = htons(sizeof(udp) + sizeof(words) + inner->size - has(outer, "udp length") * 100);
	udp.dest = has(outer, "port") ? htons(4790) : udp.dest;
	put(packet, &udp, sizeof(udp));
	put(packet, words, sizeof(words));
	put(packet, inner->bytes, inner->size);
}

/* IP in UDP, from a port that stands for what a NAT has made of it. */
static void put_udp(struct packet *packet, const struct outer *outer, const struct packet *inner)
{
	unsigned int size = inner->size - ETH_HLEN, start = packet->size;
	struct udphdr udp = { .source = has(outer, "no port") ? 0 : htons(outer->sport ?: 50000),
			      .dest = htons(6080) };
	const unsigned char *addresses = packet->bytes + start - 8;
	unsigned short check;

	udp.len = htons(sizeof(udp) + size + has(outer, "udp length") * 100);
	udp.dest = has(outer, "port") ? htons(6081) : udp.dest;
	put(packet, &udp, sizeof(udp));
	put(packet, inner->bytes + ETH_HLEN, size);
	if (has(outer, "version"))
		packet->bytes[start + sizeof(udp)] = 0x55;
	if (has(outer, "inner length"))
		packet->bytes[start + sizeof(udp) + 2] = 0x40;
	if (!has(outer, "checksum") && !has(outer, "udp sum"))
		return;
	check = checksum(packet->bytes + start, packet->size - start,
			 IPPROTO_UDP + sizeof(udp) + size +
				 (unsigned short)~ntohs(checksum(addresses, 8, 0)));
	check += has(outer, "udp sum");
	memcpy(packet->bytes + start + offsetof(struct udphdr, check), &check, sizeof(check));
}

void make_outer(struct packet *packet, const struct outer *outer, const struct packet *inner)
{
	static const struct {
		const char *mode;
		int protocol, overhead;
	} modes[] = { { "ipip", 4, 0 },
		      { "sit", 41, 0 },
		      { "gre", 47, 4 },
		      { "keyed", 47, 8 },
		      { "vxlan", 17, 16 + ETH_HLEN },
		      { "udp", 17, 8 } };
	int mode = 0, overhead;

	*packet = (struct packet){};
	while (strcmp(modes[mode].mode, outer->mode))
		mode++;
	overhead = modes[mode].overhead + (outer->gre_flags & 0x8000 ? 4 : 0) +
		   (outer->gre_flags & 0x1000 ? 4 : 0);
	put_eth(packet, ETH_P_IP);
	put_ipv4(packet, outer->from ?: "192.0.2.1",
		 has(outer, "near end") ? "192.0.2.9" : "192.0.2.2", modes[mode].protocol,
		 outer->tos, outer->frag,
		 inner->size - ETH_HLEN + overhead + has(outer, "length") * 1000);
	if (has(outer, "ip sum"))
		packet->bytes[24]++;
	if (mode <= 1)
		put(packet, inner->bytes + ETH_HLEN, inner->size - ETH_HLEN);
	else if (mode <= 3)
		put_gre(packet, outer, inner, mode == 3);
	else if (mode == 4)
		put_vxlan(packet, outer, inner);
	else
		put_udp(packet, outer, inner);
}
