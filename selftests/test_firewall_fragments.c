// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_firewall_fragments - rules with ports and states decide on all fragments of a packet alike
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

#define UDP	 17
#define FRAGMENT 44 /* IPv6's extension header */
#define MORE	 0x2000
#define DATA	 16

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

/* A fragment from host number from, offset in units of 8 bytes; dport is in the first alone. */
struct fragment {
	const char *what;
	int version, from, id, offset, dport;
	const char *where;
};

static const struct fragment fragments[] = {
	{ "a later one before the first", 4, 1, 7, 2, 0, "drop policy" },
	{ "the first", 4, 1, 7, 0, 53, "next" },
	{ "a later one", 4, 1, 7, 2, 0, "next" },
	{ "the same again", 4, 1, 7, 2, 0, "next" },
	{ "of another packet", 4, 1, 8, 2, 0, "drop policy" },
	{ "of another host", 4, 2, 7, 2, 0, "drop policy" },
	{ "the first of one to another port", 4, 1, 9, 0, 54, "drop policy" },
	{ "a later one", 4, 1, 9, 2, 0, "drop policy" },
	{ "the first of a new packet with an old number", 4, 1, 7, 0, 54, "drop policy" },
	{ "a later one", 4, 1, 7, 2, 0, "drop policy" },
	{ "the same host and number by IPv6", 6, 1, 7, 2, 0, "drop policy" },
	{ "the first", 6, 1, 0x10007, 0, 53, "next" },
	{ "a later one", 6, 1, 0x10007, 2, 0, "next" },
	{ "of another packet", 6, 1, 0x20007, 2, 0, "drop policy" },
};

static void make_packet(struct packet *packet, const struct fragment *f)
{
	struct ethhdr *eth = (void *)packet->bytes;
	struct iphdr *ip = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)ip;
	unsigned char *data = (void *)(ip + 1);

	*packet = (struct packet){};
	eth->h_dest[0] = eth->h_source[0] = 2;
	eth->h_proto = htons(f->version == 4 ? ETH_P_IP : ETH_P_IPV6);
	if (f->version == 4) {
		*ip = (struct iphdr){ .version = 4, .ihl = 5, .protocol = UDP, .id = htons(f->id) };
		ip->tot_len = htons(sizeof(*ip) + DATA);
		ip->frag_off = htons(f->offset | (f->offset ? 0 : MORE));
		ip->saddr = htonl(0x0a000000 + f->from);
		ip->daddr = htonl(0x0a000063);
	} else {
		*ip6 = (struct ipv6hdr){ .version = 6, .nexthdr = FRAGMENT };
		ip6->payload_len = htons(8 + DATA);
		ip6->saddr.s6_addr[15] = f->from;
		ip6->daddr.s6_addr[15] = 99;
		data = (void *)(ip6 + 1);
		data[0] = UDP;
		*(unsigned short *)(data + 2) = htons(f->offset << 3 | !f->offset);
		*(unsigned int *)(data + 4) = htonl(f->id);
		data += 8;
	}
	if (!f->offset)
		*(unsigned short *)(data + 2) = htons(f->dport);
	packet->size = data + DATA - packet->bytes;
}

static void write_rules(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs("accept proto udp dport 53\ndrop\n", file) < 0 || fclose(file))
		tap_bail("%s: %s", path, strerror(errno));
}

int main(void)
{
	char option[128] = "rules=", where[64];
	struct workbench bench;
	struct lana_error error;
	struct packet packet;

	topology_begin();
	snprintf(option + 6, sizeof(option) - 6, "%s/rules", topology_scratch());
	write_rules(option + 6);
	workbench_open(&bench, LANA_TYPES_DIR);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		if (workbench_add(&bench, "firewall", option, &error))
			tap_bail("%s", error.text);
		for (size_t i = 0; i < sizeof(fragments) / sizeof(*fragments); i++) {
			make_packet(&packet, &fragments[i]);
			workbench_run(&bench, flavour, &packet, where, sizeof(where));
			tap_is_text(where, fragments[i].where, "%s: IPv%d: %s", flavours[flavour],
				    fragments[i].version, fragments[i].what);
		}
		workbench_rm(&bench);
	}
	workbench_close(&bench);
	return tap_done();
}
