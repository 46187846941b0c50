// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_blocks - every block type: where packets go, what becomes of them, what is counted
 *
 * Each case runs at XDP and at tc. Options and results are texts as users write them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

/* ---- packets -------------------------------------------------------------------------- */

static unsigned short checksum(const void *header)
{
	const unsigned short *word = header;
	unsigned int sum = 0;

	for (size_t i = 0; i < sizeof(struct iphdr) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* An Ethernet frame that holds IPv4 if type says so, and the byte first behind the header. */
static void make_packet(struct packet *packet, unsigned int type, unsigned int ttl,
			unsigned int size, unsigned int first)
{
	struct ethhdr *eth = (void *)packet->bytes;
	struct iphdr *ip = (void *)(eth + 1);

	*packet = (struct packet){ .size = size };
	memcpy(eth->h_dest, "\x02\0\0\0\0\x01", ETH_ALEN);
	memcpy(eth->h_source, "\x02\0\0\0\0\x02", ETH_ALEN);
	eth->h_proto = htons(type);
	packet->bytes[sizeof(*eth)] = first;
	if (type != ETH_P_IP)
		return;
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = ttl, .protocol = 17 };
	ip->tot_len = htons(size - sizeof(*eth));
	ip->saddr = htonl(0x0a000001);
	ip->daddr = htonl(0x0a000002);
	ip->check = checksum(ip);
}

/* ---- cases ---------------------------------------------------------------------------- */

static const struct test {
	const char *type, *options;
	unsigned int ethertype, ttl, size, first; /* the packet; size 0: 64 */
	const char *where;
	unsigned int ttl_out; /* 0: as it was */
	bool swapped;	      /* MAC addresses */
	const char *counter;  /* that counts 1; NULL: none */
} tests[] = {
	{ .type = "forward", .where = "next" },
	{ .type = "forward", .size = 1500, .where = "next" },
	{ .type = "counter", .where = "next", .counter = "packets" },
	{ .type = "drop", .where = "drop policy" },
	{ .type = "pass", .where = "pass" },
	{ .type = "ethertype", .options = "type=0x0800", .ethertype = ETH_P_IP, .where = "match" },
	{ .type = "ethertype", .options = "type=2048", .ethertype = ETH_P_IP, .where = "match" },
	{ .type = "ethertype", .options = "type=0x0806", .ethertype = ETH_P_IP, .where = "other" },
	{ .type = "ethertype", .options = "type=0x0806", .ethertype = ETH_P_ARP, .where = "match" },
	{ .type = "ethertype", .ethertype = 0, .size = 14, .where = "match" },
	{ .type = "ttl", .ethertype = ETH_P_IP, .ttl = 64, .where = "next", .ttl_out = 63 },
	{ .type = "ttl", .ethertype = ETH_P_IP, .ttl = 255, .where = "next", .ttl_out = 254 },
	{ .type = "ttl", .ethertype = ETH_P_IP, .ttl = 2, .where = "next", .ttl_out = 1 },
	{ .type = "ttl", .ethertype = ETH_P_IP, .ttl = 1, .where = "dead" },
	{ .type = "ttl",
	  .ethertype = ETH_P_IP,
	  .ttl = 0,
	  .where = "dead",
	  .counter = "arrived_zero" },
	{ .type = "ttl",
	  .options = "reserve=10",
	  .ethertype = ETH_P_IP,
	  .ttl = 11,
	  .where = "dead" },
	{ .type = "ttl",
	  .options = "reserve=10",
	  .ethertype = ETH_P_IP,
	  .ttl = 12,
	  .where = "next",
	  .ttl_out = 11 },
	{ .type = "ttl",
	  .options = "reserve=255",
	  .ethertype = ETH_P_IP,
	  .ttl = 255,
	  .where = "dead" },
	{ .type = "ttl", .ethertype = ETH_P_ARP, .where = "drop protocol" },
	{ .type = "ttl", .ethertype = ETH_P_IP, .ttl = 64, .size = 33, .where = "drop protocol" },
	{ .type = "swap_mac", .where = "turn next", .swapped = true },
	{ .type = "swap_mac", .size = 14, .where = "turn next", .swapped = true },
	{ .type = "mark", .options = "value=7", .where = "next" },
	{ .type = "fanout", .where = "0" },
	{ .type = "fanout", .options = "mode=weighted weights=0,1", .where = "0" },
	{ .type = "threshold", .where = "next", .counter = "packets" },
	{ .type = "threshold", .options = "at=1", .where = "next", .counter = "packets" },
	{ .type = "threshold", .options = "at=20000", .where = "next", .counter = "pending" },
	{ .type = "gate", .where = "open" },
	{ .type = "gate", .options = "closed=on", .where = "closed", .counter = "refused" },

	/* The weaver: every way out of code of every shape, see blocks/maze.bpf.c. */
	{ .type = "maze", .first = 0, .where = "zero", .counter = "after" },
	{ .type = "maze", .first = 1, .where = "one", .counter = "after" },
	{ .type = "maze", .first = 2, .where = "two", .counter = "after" },
	{ .type = "maze", .first = 3, .where = "turn one", .counter = "before" },
	{ .type = "maze", .first = 4, .where = "drop invalid" },
	{ .type = "maze", .first = 5, .where = "pass" },
	{ .type = "maze", .first = 8, .where = "one" },
	{ .type = "maze", .first = 0x8b, .where = "drop malformed", .options = "mode=twice" },
	{ .type = "maze", .first = 1, .options = "mode=twice", .where = "two" },
	{ .type = "maze", .first = 1, .options = "bias=255", .where = "zero" },
	{ .type = "maze", .first = 1, .options = "lose=on", .where = "drop policy" },
	{ .type = "maze", .size = 14, .where = "drop short", .counter = "before" },
};

static bool macs_are_swapped(const struct packet *packet)
{
	return packet->bytes[5] == 2 && packet->bytes[11] == 1;
}

static void run_test(struct workbench *bench, const struct test *test, enum lana_flavour flavour)
{
	struct lana_error error;
	struct packet packet;
	struct iphdr *ip = (void *)(packet.bytes + sizeof(struct ethhdr));
	unsigned int size = test->size ?: 64;
	char where[64], label[128];

	snprintf(label, sizeof(label), "%s: %s%s%s, type %#x ttl %u size %u byte %u",
		 flavours[flavour], test->type, test->options ? " " : "", test->options ?: "",
		 test->ethertype, test->ttl, size, test->first);
	if (workbench_add(bench, test->type, test->options, &error)) {
		tap_ok(false, "%s: %s", label, error.text);
		return;
	}

	make_packet(&packet, test->ethertype, test->ttl, size, test->first);
	if (!workbench_run(bench, flavour, &packet, where, sizeof(where))) {
		tap_skip("%s: the kernel makes no such packet", label);
		workbench_rm(bench);
		return;
	}
	tap_is_text(where, test->where, "%s", label);
	tap_is(packet.size, size, "%s: its length is kept", label);
	tap_is(macs_are_swapped(&packet), test->swapped, "%s: MAC addresses", label);
	if (test->ethertype == ETH_P_IP && size >= 34) {
		tap_is(ip->ttl, test->ttl_out ?: test->ttl, "%s: TTL", label);
		tap_is(checksum(ip), 0, "%s: IPv4 checksum", label);
	}
	if (test->counter)
		tap_is(workbench_counter(bench, test->counter), 1, "%s: counts %s", label,
		       test->counter);
	workbench_rm(bench);
}

static void test_counter_bytes(struct workbench *bench, enum lana_flavour flavour)
{
	static const unsigned int sizes[] = { 14, 60, 61, 1514 };
	unsigned int sum = 0;
	struct packet packet;
	char where[64];

	workbench_add(bench, "counter", NULL, NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		make_packet(&packet, 0x88b5, 0, sizes[i], 0);
		workbench_run(bench, flavour, &packet, where, sizeof(where));
		sum += sizes[i];
	}
	tap_is(workbench_counter(bench, "bytes"), sum, "%s: counter adds lengths up",
	       flavours[flavour]);
	workbench_rm(bench);
}

/* At XDP the mark lives in the stack only: the next block must see it, and the next packet not. */
static void test_mark(struct workbench *bench, enum lana_flavour flavour)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	const char *is[] = { "mark=0x1207", NULL };
	struct packet packet;
	char where[64];

	workbench_add(bench, "mark_is", "mark=0x1207", NULL);
	make_packet(&packet, 0, 0, 64, 0);
	workbench_run(bench, flavour, &packet, where, sizeof(where));
	tap_is_text(where, "other", "%s: a packet begins without a mark", flavours[flavour]);

	lana_block_set(bench->stack, "dut", is, NULL);
	lana_block_add(bench->stack, "m1", "mark", (const char *[]){ "value=0x1234", NULL }, NULL);
	lana_block_add(bench->stack, "m2", "mark",
		       (const char *[]){ "value=0xff07", "mask=0xff", NULL }, NULL);
	lana_bind(bench->stack, "dut", "m2", &ingress, NULL);
	lana_bind(bench->stack, "m2", "m1", &ingress, NULL);
	lana_bind(bench->stack, "m1", flavour == LANA_XDP ? "wb1" : "wb2", &ingress, NULL);
	make_packet(&packet, 0, 0, 64, 0);
	workbench_run(bench, flavour, &packet, where, sizeof(where));
	tap_is_text(where, "match", "%s: two blocks set the bits of their masks",
		    flavours[flavour]);
	if (flavour == LANA_TC)
		tap_is(packet.mark, 0x1207, "tc: the kernel sees the mark");

	lana_bind(bench->stack, "dut", flavour == LANA_XDP ? "wb1" : "wb2", &ingress, NULL);
	make_packet(&packet, 0, 0, 64, 0);
	workbench_run(bench, flavour, &packet, where, sizeof(where));
	tap_is_text(where, "other", "%s: the mark goes with its packet", flavours[flavour]);
	lana_unbind(bench->stack, "dut", "m2", NULL, NULL);
	lana_unbind(bench->stack, "m2", "m1", NULL, NULL);
	lana_block_rm(bench->stack, "m2", NULL);
	lana_block_rm(bench->stack, "m1", NULL);
	workbench_rm(bench);
}

/* The incremental checksum where it carries, which is rare, and at some other places. */
static void test_ttl_checksums(struct workbench *bench, enum lana_flavour flavour)
{
	unsigned short check;
	unsigned int wrong = 0;
	struct packet packet;
	char where[64];

	workbench_add(bench, "ttl", NULL, NULL);
	for (unsigned int id = 0; id < 0x10000; id++) {
		struct iphdr *ip = (void *)(packet.bytes + sizeof(struct ethhdr));

		make_packet(&packet, ETH_P_IP, 64, 64, 0);
		ip->id = htons(id);
		ip->check = 0;
		ip->check = checksum(ip);
		if (ip->check < 0xfff8 && id % 509)
			continue;
		workbench_run(bench, flavour, &packet, where, sizeof(where));
		check = ip->check;
		ip->check = 0;
		wrong += check != checksum(ip); /* to the bit: 0xffff would pass for 0 */
	}
	tap_is(wrong, 0, "%s: ttl keeps the checksum right", flavours[flavour]);
	workbench_rm(bench);
}

/* A packet turned round goes on by an egress edge, in the egress program of the next block. */
static void test_turn(struct workbench *bench, enum lana_flavour flavour)
{
	static const struct lana_bind_options egress = { .egress = true };
	struct lana_block_stats *stats;
	struct packet packet;
	size_t count;
	char where[64];

	workbench_add(bench, "swap_mac", NULL, NULL);
	lana_block_add(bench->stack, "down", "counter", NULL, NULL);
	lana_bind(bench->stack, "dut", "down", &egress, NULL);
	make_packet(&packet, 0, 0, 64, 0);
	workbench_run(bench, flavour, &packet, where, sizeof(where));
	if (lana_block_stats(bench->stack, "down", &stats, &count, NULL))
		tap_bail("no counters");
	tap_is(stats->path[LANA_EGRESS].own[0].value, 1, "%s: it arrives on egress",
	       flavours[flavour]);
	tap_is(stats->path[LANA_EGRESS].unbound_count, 1, "%s: and leaves on egress",
	       flavours[flavour]);
	tap_is(stats->path[LANA_INGRESS].own[0].value, 0, "%s: not on ingress", flavours[flavour]);
	free(stats);
	lana_unbind(bench->stack, "dut", "down", &egress, NULL);
	lana_block_rm(bench->stack, "down", NULL);
	workbench_rm(bench);
}

/* What reaches a device's block is sent. Where to, hooks.sh shows. */
static void test_device(struct workbench *bench, enum lana_flavour flavour)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	struct lana_error error;
	struct packet packet;
	char where[64];

	tap_ok(workbench_add(bench, "device", NULL, &error) < 0, "%s: a device is not added: %s",
	       flavours[flavour], error.text);
	workbench_add(bench, "forward", NULL, NULL);
	lana_bind(bench->stack, "wb2", "dut", &ingress, NULL);
	make_packet(&packet, 0, 0, 64, 0);
	workbench_run(bench, flavour, &packet, where, sizeof(where));
	tap_is_text(where, "sent", "%s: a device transmits", flavours[flavour]);
	lana_unbind(bench->stack, "wb2", "dut", &ingress, NULL);
	make_packet(&packet, 0, 0, 64, 0);
	workbench_run(bench, flavour, &packet, where, sizeof(where));
	tap_is_text(where, "next", "%s: unbound, the port counts", flavours[flavour]);
	workbench_rm(bench);
}

int main(void)
{
	struct workbench bench;
	struct lana_finding *findings;
	size_t count = 1;

	topology_begin();
	workbench_open(&bench, types);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
			run_test(&bench, &tests[i], flavour);
		test_counter_bytes(&bench, flavour);
		test_mark(&bench, flavour);
		test_ttl_checksums(&bench, flavour);
		test_turn(&bench, flavour);
		test_device(&bench, flavour);
	}
	if (!lana_stack_check(bench.stack, &findings, &count, NULL))
		free(findings);
	tap_is(count, 0, "the stack is sound after all this");
	workbench_close(&bench);
	return tap_done();
}
