// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>

#include "filter_packet.h"

#define PICK(set)   ((set)[below(sizeof(set) / sizeof((set)[0]))])
#define LAYERS_MAX  3 /* of tags, labels and tunnels */
#define PAYLOAD_MAX 64

struct writer {
	unsigned char *bytes;
	unsigned int size;
	int layers;
};

static unsigned int below(unsigned int limit)
{
	return random() % limit;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

static void put(struct writer *w, const void *bytes, unsigned int size)
{
	memcpy(w->bytes + w->size, bytes, size);
	w->size += size;
}

/* The low bits of a number, in the order of the network. */
static void put_number(struct writer *w, uint64_t number, int size)
{
	while (size--)
		w->bytes[w->size++] = number >> 8 * size;
}

static void put_random(struct writer *w, unsigned int size)
{
	while (size--)
		w->bytes[w->size++] = random();
}

static void set16(struct writer *w, unsigned int at, unsigned int number)
{
	w->bytes[at] = number >> 8;
	w->bytes[at + 1] = number;
}

/* ---- transport ----------------------------------------------------------------------------- */

static void put_ethernet(struct writer *w);
static void put_ipv4(struct writer *w);
static void put_ipv6(struct writer *w);

static void put_ports(struct writer *w)
{
	static const uint16_t ports[] = { 20, 22, 53, 80, 443, 4789, 6081, 8080 };

	put_number(w, one_in(8) ? below(65536) : PICK(ports), 2);
	put_number(w, one_in(8) ? below(65536) : PICK(ports), 2);
}

static void put_payload(struct writer *w)
{
	static const char *const texts[] = { "GET / HTTP/1.1\r\n", "SSH-2.0-lana\r\n", "" };
	const char *text = PICK(texts);

	put(w, text, strlen(text));
	put_random(w, below(PAYLOAD_MAX));
}

static void put_tcp(struct writer *w)
{
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x29, 0x00 };
	unsigned int words = one_in(3) ? 5 + below(11) : 5;

	put_ports(w);
	put_random(w, 8);
	put_number(w, words << 12 | PICK(flags), 2);
	put_random(w, 6 + 4 * (words - 5));
	put_payload(w);
}

static void put_geneve(struct writer *w)
{
	unsigned int words = below(3);

	put_number(w, words << 24 | 0x6558, 4);
	put_number(w, (one_in(3) ? 0x654321 : 0x123456) << 8, 4);
	put_random(w, 4 * words);
	put_ethernet(w);
}

static void put_udp(struct writer *w)
{
	unsigned int begin = w->size;
	bool geneve = w->layers < LAYERS_MAX && one_in(4);

	put_ports(w);
	if (geneve)
		set16(w, begin + 2, 6081);
	put_random(w, 4);
	if (geneve) {
		w->layers++;
		put_geneve(w);
	} else {
		put_payload(w);
	}
	set16(w, begin + 4, w->size - begin);
}

static void put_icmp(struct writer *w)
{
	static const uint8_t types[] = { 0, 3, 5, 8, 11, 128, 129, 133, 135, 136 };

	put_number(w, PICK(types), 1);
	put_number(w, below(4), 1);
	put_random(w, 6);
	put_payload(w);
}

static void put_transport(struct writer *w, unsigned int protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		put_tcp(w);
		break;
	case IPPROTO_UDP:
		put_udp(w);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		put_icmp(w);
		break;
	case IPPROTO_SCTP:
		put_ports(w);
		put_payload(w);
		break;
	case IPPROTO_IPIP:
		if (w->layers++ < LAYERS_MAX)
			put_ipv4(w);
		break;
	default:
		put_payload(w);
	}
}

/* ---- network ------------------------------------------------------------------------------- */

static void put_ipv4_address(struct writer *w)
{
	static const uint32_t addresses[] = { 0x0a000001, 0x0a000002, 0x0a000107,
					      0xc0a801c8, 0xe0000005, 0xffffffff };

	put_number(w, one_in(10) ? (uint32_t)random() : PICK(addresses), 4);
}

static void put_ipv4(struct writer *w)
{
	static const uint8_t protocols[] = {
		6, 6, 6, 17, 17, 17, 1, 2, 4, 50, 51, 89, 103, 112, 132
	};
	static const uint16_t fragments[] = { 0x4000, 0x2000, 0x20b9, 0x00b9 };
	unsigned int begin = w->size, words = one_in(3) ? 5 + below(11) : 5;
	unsigned int protocol = one_in(16) ? below(256) : PICK(protocols);

	put_number(w, 0x40 | words, 1);
	put_number(w, one_in(2) ? 0 : below(256), 1);
	put_random(w, 4);
	put_number(w, one_in(3) ? PICK(fragments) : 0, 2);
	put_number(w, one_in(4) ? below(3) : 64, 1);
	put_number(w, protocol, 1);
	put_random(w, 2);
	put_ipv4_address(w);
	put_ipv4_address(w);
	put_random(w, 4 * (words - 5));
	put_transport(w, protocol);
	set16(w, begin + 2, w->size - begin);
}

static void put_ipv6_address(struct writer *w)
{
	static const uint64_t addresses[][2] = { { 0x20010db800000000, 1 },
						 { 0x20010db800000000, 2 },
						 { 0x20010db800010000, 7 },
						 { 0xfe80000000000000, 1 },
						 { 0xff02000000000000, 1 } };
	const uint64_t *address = PICK(addresses);

	put_number(w, address[0], 8);
	put_number(w, one_in(10) ? (uint64_t)random() : address[1], 8);
}

static void put_ipv6(struct writer *w)
{
	static const uint8_t protocols[] = { 6, 6, 6, 17, 17, 17, 58, 58, 132, 50, 59 };
	unsigned int begin = w->size, protocol = PICK(protocols);
	bool fragment = one_in(6), hops = !fragment && one_in(8);

	put_number(w, 0x60000000 | below(1 << 20), 4);
	put_number(w, 0, 2);
	put_number(w, fragment ? IPPROTO_FRAGMENT : hops ? IPPROTO_HOPOPTS : protocol, 1);
	put_number(w, one_in(4) ? 1 : 64, 1);
	put_ipv6_address(w);
	put_ipv6_address(w);
	if (fragment || hops) {
		put_number(w, protocol, 1);
		put_random(w, 7);
	}
	put_transport(w, protocol);
	set16(w, begin + 4, w->size - begin - 40);
}

static void put_arp(struct writer *w)
{
	put_number(w, 0x000108000604, 6);
	put_number(w, 1 + below(4), 2);
	put_random(w, 6);
	put_ipv4_address(w);
	put_random(w, 6);
	put_ipv4_address(w);
	if (one_in(2))
		put_random(w, 18);
}

/* ---- link ---------------------------------------------------------------------------------- */

static void put_type(struct writer *w);

static void put_vlan(struct writer *w)
{
	static const uint16_t tags[] = { 5, 6, 100 };

	put_number(w, below(16) << 12 | PICK(tags), 2);
	put_type(w);
}

static void put_mpls(struct writer *w)
{
	static const uint32_t labels[] = { 16, 1000 };
	bool last;

	do {
		last = one_in(2) || w->layers++ >= LAYERS_MAX;
		put_number(w, PICK(labels) << 12 | below(8) << 9 | last << 8 | 64, 4);
	} while (!last);
	if (one_in(3))
		put_ipv6(w);
	else
		put_ipv4(w);
}

static void put_pppoe(struct writer *w)
{
	bool ipv6 = one_in(3);

	put_number(w, 0x1100, 2);
	put_number(w, 1 + below(2), 2);
	put_number(w, below(1000), 2);
	put_number(w, ipv6 ? 0x0057 : 0x0021, 2);
	if (ipv6)
		put_ipv6(w);
	else
		put_ipv4(w);
}

/* IEEE 802.3: a length in the place of the type, then LLC. */
static void put_llc(struct writer *w)
{
	static const uint16_t points[] = { 0x4242, 0xaaaa, 0xe0e0, 0xf0f0, 0xfefe, 0xffff };
	static const uint16_t types[] = { 0x0800, 0x809b, 0x80f3, 0x8137 };
	unsigned int begin = w->size;

	put_number(w, 0, 2);
	put_number(w, PICK(points), 2);
	put_number(w, 0x03, 1);
	if (one_in(2)) {
		put_number(w, one_in(2) ? 0x080007 : 0, 3);
		put_number(w, PICK(types), 2);
	}
	put_payload(w);
	set16(w, begin, w->size - begin - 2);
}

static const struct {
	uint16_t type;
	uint16_t weight;
	void (*put)(struct writer *w);
	bool layer;
} types[] = {
	{ ETH_P_IP, 40, put_ipv4, false },	 { ETH_P_IPV6, 20, put_ipv6, false },
	{ ETH_P_ARP, 6, put_arp, false },	 { ETH_P_RARP, 2, put_arp, false },
	{ ETH_P_8021Q, 10, put_vlan, true },	 { ETH_P_8021AD, 3, put_vlan, true },
	{ ETH_P_QINQ1, 2, put_vlan, true },	 { ETH_P_MPLS_UC, 5, put_mpls, true },
	{ ETH_P_PPP_SES, 4, put_pppoe, true },	 { ETH_P_PPP_DISC, 1, put_payload, false },
	{ ETH_P_ATALK, 1, put_payload, false },	 { ETH_P_AARP, 1, put_payload, false },
	{ ETH_P_DNA_RT, 1, put_payload, false }, { ETH_P_LAT, 1, put_payload, false },
	{ ETH_P_IPX, 1, put_payload, false },	 { ETH_P_LOOPBACK, 1, put_payload, false },
	{ 0x88f7, 1, put_payload, false }, /* PTP */
};

static void put_type(struct writer *w)
{
	unsigned int sum = 0, chosen;
	size_t i;

	if (one_in(20)) {
		put_llc(w);
		return;
	}
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		sum += types[i].weight;
	chosen = below(sum);
	for (i = 0; chosen >= types[i].weight; i++)
		chosen -= types[i].weight;
	if (types[i].layer && w->layers++ >= LAYERS_MAX)
		i = 0;
	put_number(w, types[i].type, 2);
	types[i].put(w);
}

static void put_ethernet(struct writer *w)
{
	static const uint64_t addresses[] = { 0x020000000001, 0x020000000002, 0xffffffffffff,
					      0x01005e000005, 0x333300000001, 0x0180c2000000 };

	put_number(w, PICK(addresses), 6);
	put_number(w, one_in(2) ? addresses[below(2)] : (uint64_t)random() & 0x3ffff, 6);
	put_type(w);
}

unsigned int filter_packet(unsigned char bytes[FILTER_PACKET_MAX])
{
	struct writer w = { .bytes = bytes };

	put_ethernet(&w);
	if (w.size < ETH_ZLEN && one_in(3))
		put_random(&w, ETH_ZLEN - w.size);
	if (one_in(5))
		for (int i = 1 + below(4); i; i--)
			bytes[below(w.size)] = random();
	if (one_in(50))
		for (unsigned int i = 0; i < w.size; i++)
			bytes[i] = random();
	if (w.size > ETH_HLEN && one_in(4))
		w.size = ETH_HLEN + below(w.size - ETH_HLEN);
	return w.size;
}
