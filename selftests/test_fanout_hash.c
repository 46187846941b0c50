// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_fanout_hash - mode=hash of fanout keeps together what belongs together, and spreads the rest
 */
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "fanned.h"
#include "tap.h"
#include "topology.h"

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

#define FLOWS 400

static void make_flow(struct packet *packet, unsigned int flow, bool back)
{
	unsigned int source = 0x0a000000 + flow % 7, dest = 0xc0a80000 + flow % 11;
	unsigned short sport = 1024 + flow, dport = 80;

	fanned_ipv4(packet, back ? dest : source, back ? source : dest, back ? dport : sport,
		    back ? sport : dport);
}

static void test_flows(struct workbench *bench, enum lana_flavour flavour)
{
	int ports[FLOWS], flows[LANA_PORTS_MAX] = {}, unequal = 0, few = 0, moved = 0;
	struct packet packet;

	fanned_begin(bench, "mode=hash", 0xff);
	for (int i = 0; i < FLOWS; i++) {
		make_flow(&packet, i, false);
		ports[i] = fanned_port(bench, flavour, &packet);
		if (ports[i] >= 0)
			flows[ports[i]]++;
		make_flow(&packet, i, true);
		unequal += fanned_port(bench, flavour, &packet) != ports[i];
	}
	tap_is(unequal, 0, "%s: both directions of a flow take the same port", flavours[flavour]);
	for (int port = 0; port < 8; port++) /* 50 each, 7 of standard deviation */
		few += flows[port] < 20 || flows[port] > 80;
	tap_is(few, 0, "%s: flows are spread over all ports", flavours[flavour]);

	fanned_bind(bench, 5, false);
	for (int i = 0; i < FLOWS; i++) {
		make_flow(&packet, i, false);
		moved += ports[i] != 5 && fanned_port(bench, flavour, &packet) != ports[i];
	}
	tap_is(moved, 0, "%s: only flows of a port that goes take another", flavours[flavour]);
	fanned_end(bench, 0xdf);
}

static void make_ipv6(struct packet *packet, unsigned int flow, bool back)
{
	struct ethhdr *eth = (void *)packet->bytes;
	struct ipv6hdr *ip = (void *)(eth + 1);
	unsigned short *ports = (void *)(ip + 1);

	*packet = (struct packet){ .size = 80 };
	eth->h_proto = htons(ETH_P_IPV6);
	*ip = (struct ipv6hdr){ .version = 6, .nexthdr = 6, .payload_len = htons(26) };
	memcpy(&ip->saddr, back ? "dddddddddddddddd" : "ssssssssssssssss", 16);
	memcpy(&ip->daddr, back ? "ssssssssssssssss" : "dddddddddddddddd", 16);
	ports[back] = htons(1024 + flow);
	ports[!back] = htons(443);
}

/* Put two bytes of a tag behind the addresses. */
static void add_tag(struct packet *packet)
{
	memmove(packet->bytes + 16, packet->bytes + 12, packet->size - 12);
	memcpy(packet->bytes + 12, "\x81\0\0\x07", 4);
	packet->size += 4;
}

/* Behind options, ports are further back. */
static void add_options(struct packet *packet)
{
	struct iphdr *ip = (void *)(packet->bytes + ETH_HLEN);

	memmove((char *)(ip + 1) + 8, ip + 1, packet->size - ETH_HLEN - sizeof(*ip));
	memset(ip + 1, 1, 8);
	ip->ihl = 7;
	packet->size += 8;
}

/* How many ports 40 flows take, of which both directions must agree. */
static int count_ports(struct workbench *bench, enum lana_flavour flavour,
		       void (*make)(struct packet *packet, unsigned int flow, bool back),
		       void (*change)(struct packet *packet))
{
	unsigned int seen = 0;
	struct packet packet;

	for (int i = 0; i < 40; i++) {
		int port, back;

		make(&packet, i, false);
		if (change)
			change(&packet);
		port = fanned_port(bench, flavour, &packet);
		make(&packet, i, true);
		if (change)
			change(&packet);
		back = fanned_port(bench, flavour, &packet);
		if (port < 0 || port != back)
			return -1;
		seen |= 1U << port;
	}
	return __builtin_popcount(seen);
}

/* Flows in shares; a weight that falls makes flows go, and none come. */
static void test_weighted_flows(struct workbench *bench, enum lana_flavour flavour)
{
	int ports[FLOWS], flows[LANA_PORTS_MAX] = {}, moved = 0, left = 0;
	struct packet packet;

	fanned_begin(bench, "mode=hash weights=1,3,0,4", 0xf);
	for (int i = 0; i < FLOWS; i++) {
		make_flow(&packet, i, i % 2);
		ports[i] = fanned_port(bench, flavour, &packet);
		if (ports[i] >= 0)
			flows[ports[i]]++;
	}
	/* 50, 150, 0 and 200 of 400, and 4 standard deviations */
	tap_ok(flows[0] > 23 && flows[0] < 77 && flows[1] > 111 && flows[1] < 189 && !flows[2] &&
		       flows[3] > 160 && flows[3] < 240,
	       "%s: flows are spread by weights (%d %d %d %d)", flavours[flavour], flows[0],
	       flows[1], flows[2], flows[3]);
	fanned_set(bench, "weights=1,1,0,4");
	for (int i = 0; i < FLOWS; i++) {
		make_flow(&packet, i, i % 2);
		if (fanned_port(bench, flavour, &packet) == ports[i])
			continue;
		moved += ports[i] != 1;
		left += ports[i] == 1;
	}
	tap_ok(!moved && left > 30, "%s: only flows of a port whose weight falls take another (%d)",
	       flavours[flavour], left);
	fanned_end(bench, 0xf);
}

static void make_fragment(struct packet *packet, unsigned int flow, bool back)
{
	struct iphdr *ip = (void *)(packet->bytes + ETH_HLEN);

	fanned_ipv4(packet, 1, 2, 1000 + flow, 80); /* only a first one has ports there */
	ip->frag_off = htons(back ? 0x00b9 : 0x2000);
}

static void test_headers(struct workbench *bench, enum lana_flavour flavour)
{
	fanned_begin(bench, "mode=hash", 0xf);
	tap_is(count_ports(bench, flavour, make_ipv6, NULL), 4, "%s: IPv6: ports count",
	       flavours[flavour]);
	tap_is(count_ports(bench, flavour, make_flow, add_options), 4,
	       "%s: IPv4 with options: ports count", flavours[flavour]);
	tap_is(count_ports(bench, flavour, make_fragment, NULL), 1,
	       "%s: fragments go with their first one", flavours[flavour]);
	if (flavour == LANA_XDP) { /* at tc the kernel takes a tag out on the wire, not in a test */
		tap_is(count_ports(bench, flavour, make_flow, add_tag), 4,
		       "xdp: IPv4 behind a tag: ports count");
		tap_is(count_ports(bench, flavour, make_ipv6, add_tag), 4,
		       "xdp: IPv6 behind a tag: ports count");
	}
	fanned_end(bench, 0xf);
}

int main(void)
{
	struct workbench bench;

	topology_begin();
	fanned_open(&bench);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		test_flows(&bench, flavour);
		test_weighted_flows(&bench, flavour);
		test_headers(&bench, flavour);
	}
	workbench_close(&bench);
	return tap_done();
}
