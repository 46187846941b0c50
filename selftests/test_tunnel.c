// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_tunnel - encap and decap against packets that are written here by hand, from the RFCs
 *
 * Each case runs at XDP and at tc. tunnel.sh has the kernel's own tunnels at the other end.
 */
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "tap.h"
#include "topology.h"
#include "tunnel_packet.h"
#include "workbench.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

static const char types[] = LANA_TYPES_DIR;

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

/* ---- encap ---------------------------------------------------------------------------------- */

#define ENDS "src=192.0.2.1 dst=192.0.2.2 ttl=64"

static const struct encap {
	const char *options, *inner;
	unsigned int payload;
	const char *where;
	struct outer outer; /* if where is next */
} encaps[] = {
	{ "mode=ipip", "ipv4", 100, "next", { .mode = "ipip" } },
	{ "mode=ipip", "df", 100, "next", { .mode = "ipip", .frag = 0x4000 } },
	{ "mode=ipip df=clear", "df", 100, "next", { .mode = "ipip" } },
	{ "mode=ipip df=set", "ipv4", 100, "next", { .mode = "ipip", .frag = 0x4000 } },
	{ "mode=ipip", "ect0", 100, "next", { .mode = "ipip", .tos = 2 } },
	{ "mode=ipip", "ce", 100, "next", { .mode = "ipip", .tos = 3 } },
	{ "mode=ipip tos=0xff", "ect1", 100, "next", { .mode = "ipip", .tos = 0xfd } },
	{ "mode=ipip", "dscp", 100, "next", { .mode = "ipip" } },
	{ "mode=ipip inherit=on", "dscp", 100, "next", { .mode = "ipip", .tos = 0xb8 } },
	{ "mode=ipip", "ipv6", 100, "drop protocol", {} },
	{ "mode=ipip", "arp", 100, "drop protocol", {} },
	{ "mode=ipip", "ipv4", 1460, "next", { .mode = "ipip" } },
	{ "mode=ipip", "ipv4", 1461, "big", {} },
	{ "mode=ipip mtu=200", "ipv4", 161, "big", {} },
	{ "mode=ipip mtu=200", "ipv4", 160, "next", { .mode = "ipip" } },
	{ "mode=sit", "ipv6", 100, "next", { .mode = "sit" } },
	{ "mode=sit df=set",
	  "ipv6 ect0",
	  100,
	  "next",
	  { .mode = "sit", .tos = 2, .frag = 0x4000 } },
	{ "mode=sit", "ipv4", 100, "drop protocol", {} },
	{ "mode=sit", "ipv6", 1441, "big", {} },
	{ "mode=gre", "ipv4", 0, "next", { .mode = "gre" } },
	{ "mode=gre", "ipv6", 100, "next", { .mode = "gre" } },
	{ "mode=gre", "arp", 100, "drop protocol", {} },
	{ "mode=gre keyed=on", "ipv4", 100, "next", { .mode = "keyed" } },
	{ "mode=gre keyed=on key=0x12345678",
	  "ipv6 ect0",
	  100,
	  "next",
	  { .mode = "keyed", .tos = 2, .key = 0x12345678 } },
	{ "mode=gre", "ipv4", 1457, "big", {} },
	{ "mode=gre keyed=on", "ipv4", 1453, "big", {} },
	{ "mode=vxlan vni=77", "ipv4", 100, "next", { .mode = "vxlan", .key = 77 } },
	{ "mode=vxlan vni=16777215", "ipv6", 100, "next", { .mode = "vxlan", .key = 16777215 } },
	{ "mode=vxlan", "arp", 100, "next", { .mode = "vxlan" } },
	{ "mode=vxlan", "ce", 100, "next", { .mode = "vxlan", .tos = 3 } },
	{ "mode=vxlan", "ipv4", 1431, "big", {} },
	{ "mode=vxlan", "vlan", 100, "drop protocol", {} },
	{ "mode=udp", "ipv4", 100, "next", { .mode = "udp" } },
	{ "mode=udp", "df", 100, "next", { .mode = "udp", .frag = 0x4000 } },
	{ "mode=udp", "ipv6 ect0", 100, "next", { .mode = "udp", .tos = 2 } },
	{ "mode=udp sport=50000", "ipv4", 0, "next", { .mode = "udp" } },
	{ "mode=udp", "ipv4", 1452, "next", { .mode = "udp" } },
	{ "mode=udp", "ipv4", 1453, "big", {} },
	{ "mode=udp", "arp", 100, "drop protocol", {} },
};

/* Take over what is free to choose, and see that it was chosen well. */
static void adopt(const struct encap *test, struct packet *wanted, const struct packet *got,
		  const char *label)
{
	struct iphdr *want = (void *)(wanted->bytes + ETH_HLEN),
		     *ip = (void *)(got->bytes + ETH_HLEN);

	if (ip->frag_off & htons(0x4000)) {
		tap_is(ip->id, 0, "%s: what is not fragmented needs no identity", label);
	} else {
		want->id = ip->id;
		want->check = 0;
		want->check = checksum(want, sizeof(*want), 0);
	}
	if (strstr(test->options, "vxlan") || !strcmp(test->options, "mode=udp")) {
		struct udphdr *udp = (void *)(ip + 1), *u = (void *)(want + 1);

		tap_ok(ntohs(udp->source) >= 49152, "%s: port %u", label, ntohs(udp->source));
		u->source = udp->source;
	}
}

static void run_encap(struct workbench *bench, const struct encap *test, enum lana_flavour flavour)
{
	struct packet packet, inner, wanted;
	char where[64], label[160];

	snprintf(label, sizeof(label), "%s: encap %s, %s of %u", flavours[flavour], test->options,
		 test->inner, test->payload);
	make_inner(&inner, test->inner, test->payload);
	packet = inner;
	if (!workbench_run(bench, flavour, &packet, where, sizeof(where)))
		tap_bail("%s: no such packet", label);
	tap_is_text(where, test->where, "%s", label);
	if (strcmp(where, "next")) {
		tap_ok(packet.size == inner.size && !memcmp(packet.bytes, inner.bytes, inner.size),
		       "%s: it is as it was", label);
	} else {
		make_outer(&wanted, &test->outer, &inner);
		adopt(test, &wanted, &packet, label);
		tap_ok(packet.size == wanted.size &&
			       !memcmp(packet.bytes, wanted.bytes, wanted.size),
		       "%s: byte for byte", label);
	}
}

/* Flows have ports of their own, and keep them; MAC addresses are as options say. */
static void test_flows(struct workbench *bench, enum lana_flavour flavour, const char *mode)
{
	unsigned int seen[64], different = 0;
	struct packet packet;
	char where[64], options[128];

	snprintf(options, sizeof(options),
		 "mode=%s smac=02:00:00:00:00:0a dmac=02:00:00:00:00:0b port=8472", mode);
	workbench_add(bench, "encap", options, NULL);
	for (unsigned int i = 0; i < 128; i++) {
		struct udphdr *udp = (void *)(packet.bytes + ETH_HLEN + sizeof(struct iphdr));

		make_inner(&packet, "ipv4", 100);
		udp->source = htons(i % 64);
		workbench_run(bench, flavour, &packet, where, sizeof(where));
		if (i >= 64) {
			different += seen[i - 64] != udp->source;
			continue;
		}
		seen[i] = udp->source;
	}
	tap_is(different, 0, "%s: %s: a flow keeps its port", flavours[flavour], mode);
	for (int i = 0; i < 64; i++)
		for (int j = 0; j < i; j++)
			different += seen[i] == seen[j];
	tap_ok(different < 4, "%s: %s: flows have ports of their own (%u alike)", flavours[flavour],
	       mode, different);
	tap_ok(!memcmp(packet.bytes, "\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a", 12),
	       "%s: %s: MAC addresses are set", flavours[flavour], mode);
	tap_is(packet.bytes[36] << 8 | packet.bytes[37], 8472, "%s: %s: and the port",
	       flavours[flavour], mode);
	workbench_rm(bench);
}

static void test_loop(struct workbench *bench, enum lana_flavour flavour, const char *mode)
{
	const struct outer tunnel = { .mode = mode };
	struct packet packet, inner;
	char where[64], options[80];

	snprintf(options, sizeof(options), "%s mode=%s", ENDS, mode);
	workbench_add(bench, "encap", options, NULL);
	make_inner(&inner, "ipv4", 100);
	make_outer(&packet, &tunnel, &inner);
	workbench_run(bench, flavour, &packet, where, sizeof(where));
	tap_is_text(where, "drop policy", "%s: %s: a tunnel does not go into itself",
		    flavours[flavour], mode);
	tap_is(workbench_counter(bench, "loops"), 1, "%s: %s: that is counted", flavours[flavour],
	       mode);
	workbench_rm(bench);
}

/* ---- decap ---------------------------------------------------------------------------------- */

#define NEAR "src=192.0.2.1 dst=192.0.2.2"

static const struct decap {
	const char *options, *inner;
	struct outer outer;
	const char *where;
	int tos; /* of the packet inside, afterwards; 0: unchanged */
} decaps[] = {
	{ "mode=ipip", "ipv4", { .mode = "ipip" }, "next", 0 },
	{ "mode=ipip", "ipv4", { .mode = "ipip", .from = "192.0.2.9" }, "other", 0 },
	{ "mode=ipip", "ipv4", { .mode = "ipip", .flaw = "near end" }, "other", 0 },
	{ "mode=ipip", "ipv4", { .mode = "ipip", .flaw = "ip sum" }, "bad", 0 },
	{ "mode=ipip", "ipv4", { .mode = "ipip", .flaw = "length" }, "bad", 0 },
	{ "mode=ipip", "ipv4", { .mode = "ipip", .frag = 0x2000 }, "other", 0 },
	{ "mode=ipip", "ipv6", { .mode = "ipip" }, "bad", 0 },
	{ "mode=ipip", "ipv6", { .mode = "sit" }, "other", 0 },
	{ "mode=ipip", "ipv4", { .mode = "ipip", .tos = 3 }, "bad", 0 },
	{ "mode=ipip", "ect0", { .mode = "ipip", .tos = 3 }, "next", 3 },
	{ "mode=ipip", "ect1", { .mode = "ipip", .tos = 3 }, "next", 3 },
	{ "mode=ipip", "ce", { .mode = "ipip" }, "next", 0 },
	{ "mode=ipip", "ect0", { .mode = "ipip", .tos = 1 }, "next", 1 },
	{ "mode=ipip", "ect1", { .mode = "ipip", .tos = 2 }, "next", 0 },
	{ "mode=ipip", "ipv4", { .mode = "ipip", .tos = 0xb8 }, "next", 0 },
	{ "mode=sit", "ipv6", { .mode = "sit" }, "next", 0 },
	{ "mode=sit", "ipv6 ect0", { .mode = "sit", .tos = 3 }, "next", 3 },
	{ "mode=sit", "ipv6", { .mode = "sit", .tos = 3 }, "bad", 0 },
	{ "mode=sit", "ipv4", { .mode = "sit" }, "bad", 0 },
	{ "mode=gre", "ipv4", { .mode = "gre" }, "next", 0 },
	{ "mode=gre", "ipv6", { .mode = "gre" }, "next", 0 },
	{ "mode=gre", "arp", { .mode = "gre" }, "other", 0 },
	{ "mode=gre", "ipv4", { .mode = "keyed" }, "other", 0 },
	{ "mode=gre keyed=on", "ipv4", { .mode = "gre" }, "other", 0 },
	{ "mode=gre keyed=on", "ipv4", { .mode = "keyed" }, "next", 0 },
	{ "mode=gre keyed=on key=7", "ipv4", { .mode = "keyed", .key = 7 }, "next", 0 },
	{ "mode=gre keyed=on key=7", "ipv4", { .mode = "keyed", .key = 8 }, "other", 0 },
	{ "mode=gre", "ipv4", { .mode = "gre", .gre_flags = 0x1000 }, "next", 0 },
	{ "mode=gre", "ipv4", { .mode = "gre", .gre_flags = 0x8000 }, "next", 0 },
	{ "mode=gre keyed=on", "ipv6", { .mode = "keyed", .gre_flags = 0x9000 }, "next", 0 },
	{ "mode=gre", "ipv4", { .mode = "gre", .gre_flags = 0x8000, .flaw = "gre sum" }, "bad", 0 },
	{ "mode=gre", "ipv4", { .mode = "gre", .gre_flags = 0x0001 }, "bad", 0 },
	{ "mode=gre", "ipv4", { .mode = "gre", .gre_flags = 0x4000 }, "bad", 0 },
	{ "mode=vxlan vni=5", "ipv4", { .mode = "vxlan", .key = 5 }, "next", 0 },
	{ "mode=vxlan vni=5", "ipv6", { .mode = "vxlan", .key = 5 }, "next", 0 },
	{ "mode=vxlan vni=5", "arp", { .mode = "vxlan", .key = 5 }, "next", 0 },
	{ "mode=vxlan vni=5", "vlan", { .mode = "vxlan", .key = 5 }, "bad", 0 },
	{ "mode=vxlan vni=5", "ipv4", { .mode = "vxlan", .key = 6 }, "other", 0 },
	{ "mode=vxlan", "ipv4", { .mode = "vxlan", .flaw = "port" }, "other", 0 },
	{ "mode=vxlan port=4790", "ipv4", { .mode = "vxlan", .flaw = "port" }, "next", 0 },
	{ "mode=vxlan", "ipv4", { .mode = "vxlan", .vxlan_flags = 0x10000000 }, "bad", 0 },
	{ "mode=vxlan", "ipv4", { .mode = "vxlan", .flaw = "udp length" }, "next", 0 },
	{ "mode=vxlan", "ect0", { .mode = "vxlan", .tos = 3 }, "next", 3 },
	{ "mode=vxlan", "ipv4", { .mode = "vxlan", .tos = 3 }, "bad", 0 },
	{ "mode=vxlan", "ipv4", { .mode = "ipip" }, "other", 0 },
	{ "mode=udp", "ipv4", { .mode = "udp" }, "next", 0 },
	{ "mode=udp", "ipv6", { .mode = "udp" }, "next", 0 },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "checksum" }, "next", 0 },
	{ "mode=udp", "ipv6", { .mode = "udp", .flaw = "checksum" }, "next", 0 },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "udp sum" }, "bad", 0 },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "udp length" }, "bad", 0 },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "version" }, "bad", 0 },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "port" }, "other", 0 },
	{ "mode=udp port=6081", "ipv4", { .mode = "udp", .flaw = "port" }, "next", 0 },
	{ "mode=udp", "ipv4", { .mode = "udp", .from = "192.0.2.9" }, "other", 0 },
	{ "mode=udp", "ect0", { .mode = "udp", .tos = 3 }, "next", 3 },
	{ "mode=udp", "ipv6 ect0", { .mode = "udp", .tos = 3 }, "next", 3 },
	{ "mode=udp", "ipv4", { .mode = "ipip" }, "other", 0 },
};

/* The frame inside, as it is to come out. */
static void make_wanted(struct packet *wanted, const struct decap *test)
{
	struct iphdr *ip = (void *)(wanted->bytes + ETH_HLEN);
	struct ipv6hdr *ip6 = (void *)ip;

	make_inner(wanted, test->inner, 300);
	if (!test->tos)
		return;
	if (!strncmp(test->inner, "ipv6", 4)) {
		ip6->flow_lbl[0] = test->tos << 4;
		return;
	}
	ip->tos = test->tos;
	ip->check = 0;
	ip->check = checksum(ip, sizeof(*ip), 0);
}

static void run_decap(struct workbench *bench, const struct decap *test, enum lana_flavour flavour)
{
	unsigned long long marked = workbench_counter(bench, "marked");
	struct packet packet, inner, wanted;
	char where[64], label[200];

	snprintf(label, sizeof(label), "%s: decap %s: %s in %s tos %d frag %#x gre %#x flaw %s",
		 flavours[flavour], test->options, test->inner, test->outer.mode, test->outer.tos,
		 test->outer.frag, test->outer.gre_flags, test->outer.flaw ?: "none");
	make_inner(&inner, test->inner, 300);
	make_outer(&packet, &test->outer, &inner);
	make_wanted(&wanted, test);
	inner = packet;
	if (!workbench_run(bench, flavour, &packet, where, sizeof(where)))
		tap_bail("%s: no such packet", label);
	tap_is_text(where, test->where, "%s", label);
	if (strcmp(test->where, "next"))
		wanted = inner;
	tap_ok(packet.size == wanted.size && !memcmp(packet.bytes, wanted.bytes, wanted.size),
	       "%s: byte for byte", label);
	tap_is(workbench_counter(bench, "marked") - marked, test->tos != 0, "%s: counter marked",
	       label);
}

static void add(struct workbench *bench, const char *type, const char *ends, const char *options)
{
	struct lana_error error;
	char text[160];

	snprintf(text, sizeof(text), "%s %s", ends, options);
	if (workbench_add(bench, type, text, &error))
		tap_bail("%s %s: %s", type, text, error.text);
}

int main(void)
{
	struct workbench bench;

	topology_begin();
	workbench_open(&bench, types);
	for (size_t i = 0; i < sizeof(encaps) / sizeof(*encaps); i++) {
		add(&bench, "encap", ENDS, encaps[i].options);
		for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
			run_encap(&bench, &encaps[i], flavour);
		workbench_rm(&bench);
	}
	for (size_t i = 0; i < sizeof(decaps) / sizeof(*decaps); i++) {
		add(&bench, "decap", NEAR, decaps[i].options);
		for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
			run_decap(&bench, &decaps[i], flavour);
		workbench_rm(&bench);
	}
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		test_flows(&bench, flavour, "vxlan");
		test_flows(&bench, flavour, "udp");
		test_loop(&bench, flavour, "ipip");
		test_loop(&bench, flavour, "udp");
	}
	workbench_close(&bench);
	return tap_done();
}
