// SPDX-License-Identifier: GPL-2.0-only
/*
 * traffic_frame - write a test frame
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <string.h>

#include "traffic.h"
#include "traffic_frame.h"

/* RFC 826, and the layout that it takes on Ethernet and IPv4 */
struct arp_body {
	struct arphdr head;
	uint8_t sender_mac[ETH_ALEN];
	uint32_t sender_ip;
	uint8_t target_mac[ETH_ALEN];
	uint32_t target_ip;
} __attribute__((packed));

struct test_frame {
	struct ethhdr eth;
	union {
		struct {
			struct iphdr ip;
			struct udphdr udp;
		} __attribute__((packed));
		struct arp_body arp;
	} __attribute__((packed));
	struct traffic_stamp stamp;
} __attribute__((packed));

_Static_assert(offsetof(struct test_frame, stamp) == TRAFFIC_STAMP_AT, "both headers end there");
_Static_assert(sizeof(struct test_frame) <= TRAFFIC_SIZE_MIN, "the stamp fits");

static uint16_t checksum(const struct iphdr *ip)
{
	uint16_t words[sizeof(*ip) / 2];
	uint32_t sum = 0;
	size_t i;

	memcpy(words, ip, sizeof(words));
	for (i = 0; i < sizeof(words) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static void write_ipv4(struct test_frame *frame, const struct traffic_options *o, unsigned int size)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(size - sizeof(frame->eth)),
		.frag_off = htons(0x4000), /* do not fragment: the identification may stay 0 */
		.ttl = 64,
		.protocol = 17,
		.saddr = o->source_ip ? o->source_ip : htonl(0x0a000001),
		.daddr = o->target_ip ? o->target_ip : htonl(0x0a000002),
	};

	ip.check = checksum(&ip);
	frame->eth.h_proto = htons(ETH_P_IP);
	frame->ip = ip;
	frame->udp = (struct udphdr){
		.source = htons(o->source_port ? o->source_port : 9),
		.dest = htons(o->target_port ? o->target_port : 9),
		.len = htons(size - sizeof(frame->eth) - sizeof(ip)),
		.check = 0, /* none (RFC 768) */
	};
}

static void write_arp(struct test_frame *frame, const struct traffic_options *o)
{
	frame->eth.h_proto = htons(ETH_P_ARP);
	frame->arp = (struct arp_body){
		.head = {
			.ar_hrd = htons(ARPHRD_ETHER),
			.ar_pro = htons(ETH_P_IP),
			.ar_hln = ETH_ALEN,
			.ar_pln = 4,
			.ar_op = htons(ARPOP_REQUEST),
		},
		.sender_ip = o->source_ip ? o->source_ip : htonl(0x0a000001),
		.target_ip = o->target_ip ? o->target_ip : htonl(0x0a000002),
	};
	memcpy(frame->arp.sender_mac, frame->eth.h_source, ETH_ALEN);
}

static void write_mac(uint8_t *place, const uint8_t *mac, uint8_t number)
{
	static const uint8_t none[ETH_ALEN];
	const uint8_t made_up[ETH_ALEN] = { 2, 0, 0, 0, 0, number };

	memcpy(place, memcmp(mac, none, ETH_ALEN) ? mac : made_up, ETH_ALEN);
}

int traffic_frame(const struct traffic_options *o, uint64_t sequence, void *room, size_t room_size)
{
	unsigned int size = o->size ? o->size : 64;
	struct test_frame frame = {
		.stamp = {
			.magic = TRAFFIC_MAGIC + o->flow,
			.check = traffic_check(sequence),
			.sequence = sequence,
		},
	};

	if (size < TRAFFIC_SIZE_MIN || size > TRAFFIC_SIZE_MAX)
		return -EINVAL;
	if (size > room_size)
		return -ENOSPC;

	write_mac(frame.eth.h_dest, o->target_mac, 2);
	write_mac(frame.eth.h_source, o->source_mac, 1);
	if (o->arp_every && sequence % o->arp_every == o->arp_every - 1)
		write_arp(&frame, o);
	else
		write_ipv4(&frame, o, size);
	memset(room, 0, size);
	memcpy(room, &frame, sizeof(frame));
	return size;
}
