// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_tunnel_learn - decap learns where the far end of a tunnel is, and encap sends there
 *
 * Each case runs at XDP and at tc. What decap has learnt is told by where encap sends to, which is
 * on the bench after it: so it outlives the block. multipath_nat_learn.sh has NATs in between.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
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

#define ELSEWHERE "198.51.100.7"

static void add(struct workbench *bench, const char *type, const char *options)
{
	struct lana_error error;

	if (workbench_add(bench, type, options, &error))
		tap_bail("%s %s: %s", type, options, error.text);
}

/* Where encap, with these options, sends to: "ADDRESS PORT from PORT", or a port of its own. */
static const char *sent_to(struct workbench *bench, enum lana_flavour flavour, const char *options)
{
	static char place[64];
	struct packet packet, inner;
	struct iphdr *ip = (void *)(packet.bytes + ETH_HLEN);
	struct udphdr *udp = (void *)(ip + 1);
	char where[64], all[160], address[INET_ADDRSTRLEN];

	snprintf(all, sizeof(all), "src=192.0.2.2 %s", options);
	add(bench, "encap", all);
	make_inner(&inner, "ipv4", 100);
	packet = inner;
	if (!workbench_run(bench, flavour, &packet, where, sizeof(where)))
		tap_bail("%s: no such packet", options);
	workbench_rm(bench);
	if (strcmp(where, "next")) {
		tap_ok(packet.size == inner.size && !memcmp(packet.bytes, inner.bytes, inner.size),
		       "%s: %s: what leaves by %s is as it was", flavours[flavour], options, where);
		snprintf(place, sizeof(place), "%s", where);
		return place;
	}
	inet_ntop(AF_INET, &ip->daddr, address, sizeof(address));
	snprintf(place, sizeof(place), "%s %u from %u", address, ntohs(udp->dest),
		 ntohs(udp->source));
	return place;
}

/* ---- what is learnt, and from what ---------------------------------------------------------- */

static const struct lesson {
	const char *options, *inner;
	struct outer outer;
	const char *where;
	bool learnt;
} lessons[] = {
	{ "mode=udp", "ipv4", { .mode = "udp" }, "next", true },
	{ "mode=udp", "ipv6", { .mode = "udp" }, "next", true },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "checksum" }, "next", true },
	{ "mode=udp port=6081", "ipv4", { .mode = "udp", .flaw = "port" }, "next", true },
	{ "mode=udp src=" ELSEWHERE, "ipv4", { .mode = "udp" }, "next", true },
	{ "mode=udp dst=192.0.2.2", "ipv4", { .mode = "udp" }, "next", true },
	{ "mode=udp", "ect0", { .mode = "udp", .tos = 3 }, "next", true },
	/* not sound */
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "udp sum" }, "bad", false },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "ip sum" }, "bad", false },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "udp length" }, "bad", false },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "version" }, "bad", false },
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "inner length" }, "bad", false },
	{ "mode=udp", "ipv4", { .mode = "udp", .tos = 3 }, "bad", false },
	/* not of the tunnel */
	{ "mode=udp", "ipv4", { .mode = "udp", .flaw = "port" }, "other", false },
	{ "mode=udp src=192.0.2.1", "ipv4", { .mode = "udp" }, "other", false },
	{ "mode=udp dst=192.0.2.2", "ipv4", { .mode = "udp", .flaw = "near end" }, "other", false },
	{ "mode=udp", "ipv4", { .mode = "udp", .frag = 0x2000 }, "other", false },
	{ "mode=ipip", "ipv4", { .mode = "ipip" }, "next", false },
	{ "mode=vxlan", "ipv4", { .mode = "vxlan" }, "next", false },
};

static void run_lesson(struct workbench *bench, const struct lesson *test,
		       enum lana_flavour flavour, unsigned int peer)
{
	struct outer outer = test->outer;
	struct packet packet, inner;
	char where[64], label[160], options[160];

	snprintf(label, sizeof(label), "%s: %s: %s tos %d frag %#x flaw %s", flavours[flavour],
		 test->options, test->inner, outer.tos, outer.frag, outer.flaw ?: "none");
	outer.from = ELSEWHERE;
	outer.sport = 1024;
	snprintf(options, sizeof(options), "%s peer=%u", test->options, peer);
	add(bench, "decap", options);
	make_inner(&inner, test->inner, 300);
	make_outer(&packet, &outer, &inner);
	if (!workbench_run(bench, flavour, &packet, where, sizeof(where)))
		tap_bail("%s: no such packet", label);
	tap_is_text(where, test->where, "%s", label);
	tap_is(workbench_counter(bench, "learnt"), test->learnt, "%s: counter learnt", label);
	workbench_rm(bench);

	snprintf(options, sizeof(options), "mode=udp peer=%u", peer);
	tap_is_text(sent_to(bench, flavour, options),
		    test->learnt ? ELSEWHERE " 1024 from 6080" : "unknown", "%s: sent to", label);
}

/* ---- one tunnel after the other ------------------------------------------------------------- */

/* A sound packet, with a mark at tc, into the block. */
static void hear(struct workbench *bench, enum lana_flavour flavour, const char *from,
		 unsigned int sport, unsigned int mark)
{
	const struct outer outer = {
		.mode = "udp", .from = from, .sport = sport, .flaw = sport ? NULL : "no port"
	};
	struct packet packet, inner;
	char where[64];

	make_inner(&inner, "ipv4", 300);
	make_outer(&packet, &outer, &inner);
	packet.mark = mark;
	if (!workbench_run(bench, flavour, &packet, where, sizeof(where)))
		tap_bail("no such packet");
	tap_is_text(where, "next", "%s: from %s, port %u", flavours[flavour], from, sport);
}

static void counted(struct workbench *bench, unsigned int learnt, unsigned int unlearnt,
		    const char *what)
{
	tap_is(workbench_counter(bench, "learnt"), learnt, "%s: learnt", what);
	tap_is(workbench_counter(bench, "unlearnt"), unlearnt, "%s: not learnt", what);
}

/* The last place counts, and each change of it; what no host has is not learnt. */
static void test_changes(struct workbench *bench, enum lana_flavour flavour)
{
	char decap[64], encap[64], with_dst[96], where[64];
	struct packet packet, inner;

	snprintf(decap, sizeof(decap), "mode=udp peer=%d", 100 + flavour);
	snprintf(encap, sizeof(encap), "mode=udp sport=7000 peer=%d", 100 + flavour);
	snprintf(with_dst, sizeof(with_dst), "%s dst=192.0.2.77 port=7077", encap);
	tap_is_text(sent_to(bench, flavour, encap), "unknown", "nothing is known");
	tap_is_text(sent_to(bench, flavour, with_dst), "192.0.2.77 7077 from 7000",
		    "then dst and port are taken");

	add(bench, "decap", decap);
	hear(bench, flavour, ELSEWHERE, 1024, 0);
	counted(bench, 1, 0, "the first");
	for (int i = 0; i < 3; i++)
		hear(bench, flavour, ELSEWHERE, 1024, 0);
	counted(bench, 1, 0, "the same again");
	hear(bench, flavour, ELSEWHERE, 1025, 0);
	counted(bench, 2, 0, "another port");
	hear(bench, flavour, "198.51.100.8", 1025, 0);
	counted(bench, 3, 0, "another address");
	hear(bench, flavour, "0.0.0.0", 1025, 0);
	hear(bench, flavour, "127.0.0.1", 1025, 0);
	hear(bench, flavour, "224.0.0.1", 1025, 0);
	hear(bench, flavour, "255.255.255.255", 1025, 0);
	hear(bench, flavour, ELSEWHERE, 0, 0);
	counted(bench, 3, 5, "what nobody can be sent to");
	workbench_rm(bench);

	snprintf(decap, sizeof(decap), "mode=ipip peer=%d", 100 + flavour);
	add(bench, "decap", decap);
	make_inner(&inner, "ipv4", 300);
	make_outer(&packet, &(struct outer){ .mode = "ipip" }, &inner);
	workbench_run(bench, flavour, &packet, where, sizeof(where));
	tap_is_text(where, "next", "%s: ipip", flavours[flavour]);
	counted(bench, 0, 0, "what has no port");
	workbench_rm(bench);
	tap_is_text(sent_to(bench, flavour, with_dst), "198.51.100.8 1025 from 7000",
		    "what was learnt goes before dst and port");
	tap_is_text(sent_to(bench, flavour, "mode=udp dst=192.0.2.77 sport=7000"),
		    "192.0.2.77 6080 from 7000", "without a peer it does not");
}

static void long_ago(__u32 peer)
{
	struct lana_endpoint known;
	char path[256];
	int map;

	snprintf(path, sizeof(path), "%s/lana/default/shared/lana_endpoints", topology_bpffs());
	map = bpf_obj_get(path);
	if (map < 0 || bpf_map_lookup_elem(map, &peer, &known))
		tap_bail("%s: %s", path, strerror(errno));
	known.heard = 1;
	if (bpf_map_update_elem(map, &peer, &known, BPF_ANY))
		tap_bail("%s: %s", path, strerror(errno));
	close(map);
}

/* As long as the known place is heard nobody else takes its place. */
static void test_hold(struct workbench *bench, enum lana_flavour flavour)
{
	char decap[96], encap[64];

	snprintf(encap, sizeof(encap), "mode=udp peer=%d", 200 + flavour);
	snprintf(decap, sizeof(decap), "%s hold=3600s", encap);
	add(bench, "decap", decap);
	hear(bench, flavour, ELSEWHERE, 1024, 0);
	counted(bench, 1, 0, "held: the first");
	hear(bench, flavour, "198.51.100.8", 1024, 0);
	hear(bench, flavour, ELSEWHERE, 1025, 0);
	hear(bench, flavour, ELSEWHERE, 1024, 0);
	counted(bench, 1, 2, "held: others");
	workbench_rm(bench);

	snprintf(decap, sizeof(decap), "%s hold=1ms", encap);
	add(bench, "decap", decap);
	long_ago(200 + flavour);
	hear(bench, flavour, ELSEWHERE, 1024, 0);
	workbench_rm(bench);
	snprintf(decap, sizeof(decap), "%s hold=60s", encap);
	add(bench, "decap", decap);
	hear(bench, flavour, "198.51.100.8", 1024, 0);
	counted(bench, 0, 1, "held: since it was heard again");
	workbench_rm(bench);
	tap_is_text(sent_to(bench, flavour, encap), ELSEWHERE " 1024 from 6080", "held: sent to");

	snprintf(decap, sizeof(decap), "%s hold=1ns", encap);
	add(bench, "decap", decap);
	hear(bench, flavour, "198.51.100.8", 1024, 0);
	counted(bench, 1, 0, "not held any more");
	workbench_rm(bench);

	add(bench, "decap", encap);
	hear(bench, flavour, "198.51.100.8", 1024, 0);
	workbench_rm(bench);
	add(bench, "decap", decap);
	hear(bench, flavour, ELSEWHERE, 1024, 0);
	counted(bench, 0, 1, "held from now on");
	workbench_rm(bench);
}

/* One block for many tunnels; the mark tells which. */
static void test_mask(struct workbench *bench)
{
	add(bench, "decap", "mode=udp mask=0xf0 peer=300");
	hear(bench, LANA_TC, ELSEWHERE, 1001, 0x710);
	hear(bench, LANA_TC, ELSEWHERE, 1002, 0x725);
	hear(bench, LANA_TC, ELSEWHERE, 1000, 0x700);
	counted(bench, 3, 0, "by the mark");
	workbench_rm(bench);
	tap_is_text(sent_to(bench, LANA_TC, "mode=udp peer=300"), ELSEWHERE " 1000 from 6080",
		    "no bit");
	tap_is_text(sent_to(bench, LANA_TC, "mode=udp peer=301"), ELSEWHERE " 1001 from 6080",
		    "one bit");
	tap_is_text(sent_to(bench, LANA_TC, "mode=udp peer=302"), ELSEWHERE " 1002 from 6080",
		    "another bit");
	tap_is_text(sent_to(bench, LANA_TC, "mode=udp peer=303"), "unknown", "another tunnel");

	add(bench, "decap", "mode=udp mask=0xffffffff peer=1023");
	hear(bench, LANA_TC, ELSEWHERE, 1001, 0xffffffff);
	hear(bench, LANA_TC, ELSEWHERE, 1001, 1);
	counted(bench, 0, 0, "a number beyond the last");
	hear(bench, LANA_TC, ELSEWHERE, 1001, 0);
	counted(bench, 1, 0, "and the last");
	workbench_rm(bench);
	add(bench, "decap", "mode=udp mask=0x1f");
	hear(bench, LANA_TC, ELSEWHERE, 1001, 0x700);
	counted(bench, 0, 0, "number 0");
	workbench_rm(bench);
}

/* At XDP the mark is lana's own: a block in front of decap sets it. */
static void test_mask_xdp(struct workbench *bench)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	const char *const value[] = { "value=0x730", NULL };
	struct lana_error error;

	add(bench, "decap", "mode=udp mask=0xf0 peer=310");
	if (lana_block_add(bench->stack, "from", "mark", value, &error) ||
	    lana_bind(bench->stack, "from", "wb1", &ingress, &error) ||
	    lana_bind(bench->stack, "dut", "from", &ingress, &error))
		tap_bail("%s", error.text);
	hear(bench, LANA_XDP, ELSEWHERE, 1003, 0);
	counted(bench, 1, 0, "by the mark at XDP");
	if (lana_unbind(bench->stack, "dut", "from", &ingress, &error) ||
	    lana_unbind(bench->stack, "from", "wb1", &ingress, &error) ||
	    lana_block_rm(bench->stack, "from", &error))
		tap_bail("%s", error.text);
	workbench_rm(bench);
	tap_is_text(sent_to(bench, LANA_XDP, "mode=udp peer=313"), ELSEWHERE " 1003 from 6080",
		    "two bits, at XDP");
}

/* RFC 2003, section 3.1, for a far end that is learnt. */
static void test_loop(struct workbench *bench, enum lana_flavour flavour)
{
	struct outer outer = { .mode = "udp" };
	struct packet packet, inner;
	char where[64], options[64];

	snprintf(options, sizeof(options), "mode=udp peer=%d", 400 + flavour);
	add(bench, "decap", options);
	hear(bench, flavour, "192.0.2.2", 6080, 0);
	workbench_rm(bench);
	snprintf(options, sizeof(options), "src=192.0.2.1 mode=udp peer=%d", 400 + flavour);
	add(bench, "encap", options);
	make_inner(&inner, "ipv4", 100);
	make_outer(&packet, &outer, &inner);
	workbench_run(bench, flavour, &packet, where, sizeof(where));
	tap_is_text(where, "drop policy", "%s: a learnt tunnel does not go into itself",
		    flavours[flavour]);
	tap_is(workbench_counter(bench, "loops"), 1, "%s: that is counted", flavours[flavour]);
	workbench_rm(bench);
}

int main(void)
{
	struct workbench bench;
	unsigned int peer = 1;

	topology_begin();
	workbench_open(&bench, types);
	for (size_t i = 0; i < sizeof(lessons) / sizeof(*lessons); i++)
		for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
			run_lesson(&bench, &lessons[i], flavour, peer++);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		test_changes(&bench, flavour);
		test_hold(&bench, flavour);
		test_loop(&bench, flavour);
	}
	test_mask(&bench);
	test_mask_xdp(&bench);
	workbench_close(&bench);
	return tap_done();
}
