// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_fanout - which port each mode of fanout chooses
 *
 * Its ports lead to counters, and packets enter one by one at XDP and at tc. Shares are exact, on
 * one CPU; what the hash must keep together is kept together.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

/* ---- topology --------------------------------------------------------------------------- */

static struct lana_bind_options port_options(int port, char text[8])
{
	snprintf(text, 8, "%d", port);
	return (struct lana_bind_options){ .ingress = true, .port = text };
}

static void bind_port(struct workbench *bench, int port, bool on)
{
	char text[8], name[16];
	struct lana_bind_options options = port_options(port, text);
	struct lana_error error;

	snprintf(name, sizeof(name), "c%d", port);
	if (on ? lana_bind(bench->stack, name, "dut", &options, &error)
	       : lana_unbind(bench->stack, name, "dut", &options, &error))
		tap_bail("%s", error.text);
}

static void bind_ports(struct workbench *bench, unsigned int ports, bool on)
{
	for (int port = 0; port < LANA_PORTS_MAX; port++)
		if (ports & 1U << port)
			bind_port(bench, port, on);
}

static void begin(struct workbench *bench, const char *options, unsigned int ports)
{
	struct lana_error error;

	if (workbench_add(bench, "fanout", options, &error))
		tap_bail("%s", error.text);
	bind_ports(bench, ports, true);
	lana_stack_fuse(bench->stack, true, NULL);
}

static void end(struct workbench *bench, unsigned int ports)
{
	bind_ports(bench, ports, false);
	workbench_rm(bench);
}

struct counts {
	unsigned long long ports[LANA_PORTS_MAX], lost;
};

static struct counts count(struct workbench *bench)
{
	struct lana_block_stats *stats;
	struct counts counts = {};
	size_t blocks;

	if (lana_block_stats(bench->stack, NULL, &stats, &blocks, NULL))
		tap_bail("no counters");
	for (size_t i = 0; i < blocks; i++) {
		const struct lana_path_stats *side = &stats[i].path[LANA_INGRESS];

		if (stats[i].name[0] == 'c')
			counts.ports[atoi(stats[i].name + 1)] = side->own[0].value;
		for (size_t j = 0; !strcmp(stats[i].name, "dut") && j < side->unbound_count; j++)
			counts.lost += side->unbound[j].value;
	}
	free(stats);
	return counts;
}

static void run(struct workbench *bench, enum lana_flavour flavour, const struct packet *packet,
		unsigned int times)
{
	unsigned char out[sizeof(packet->bytes)];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet->bytes,
		    .data_size_in = packet->size, .data_out = out, .data_size_out = sizeof(out),
		    .repeat = times);

	if (bpf_prog_test_run_opts(bench->roots[flavour], &options))
		tap_bail("test run failed");
}

/* The port that a packet takes; -1: none, or several. */
static int port_of(struct workbench *bench, enum lana_flavour flavour, const struct packet *packet)
{
	struct counts before = count(bench), after;
	int found = -1, grown = 0;

	run(bench, flavour, packet, 1);
	after = count(bench);
	for (int port = 0; port < LANA_PORTS_MAX; port++)
		if (after.ports[port] != before.ports[port]) {
			found = port;
			grown += after.ports[port] - before.ports[port];
		}
	return grown == 1 ? found : -1;
}

/* ---- shares ----------------------------------------------------------------------------- */

static const struct test {
	const char *options;
	unsigned int ports; /* bound: bit n for port n */
	unsigned int packets;
	unsigned int counts[LANA_PORTS_MAX]; /* wanted */
} tests[] = {
	{ "mode=first", 0x1, 10, { 10 } },
	{ "mode=first", 0x8030, 10, { [4] = 10 } },
	{ "mode=first", 0x8000, 10, { [15] = 10 } },
	{ "mode=round-robin", 0x3, 10, { 5, 5 } },
	{ "mode=round-robin", 0x8021, 9, { [0] = 3, [5] = 3, [15] = 3 } },
	{ "mode=round-robin", 0x80, 9, { [7] = 9 } },
	{ "mode=weighted", 0x7, 9, { 3, 3, 3 } },
	{ "mode=weighted weights=3,1,1", 0x7, 5, { 3, 1, 1 } },
	{ "mode=weighted weights=3,1,1", 0x7, 1000, { 600, 200, 200 } },
	{ "mode=weighted weights=3,1,1", 0x6, 10, { [1] = 5, [2] = 5 } },
	{ "mode=weighted weights=7,0,3,5", 0xf, 150, { 70, 0, 30, 50 } },
	{ "mode=weighted weights=65535,1", 0x3, 65536, { 65535, 1 } },
	{ "mode=weighted weights=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
	  0xffff,
	  1360,
	  { 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160 } },
	{ "mode=weighted weights=1", 0x6, 10, {} }, /* no bound port has a weight */
	{ "mode=weighted weights=0,0 down=0xfff8", 0x7, 9, { 3, 3, 3 } },
	{ "mode=weighted weights=3,1,1 down=1", 0x7, 10, { [1] = 5, [2] = 5 } },
	{ "mode=round-robin weights=1,0,9", 0x7, 10, { 5, 0, 5 } },
	{ "mode=round-robin down=5", 0xf, 10, { [1] = 5, [3] = 5 } },
	{ "mode=first weights=0,0,1", 0x7, 10, { [2] = 10 } },
	{ "mode=first down=1", 0x7, 10, { [1] = 10 } },
	{ "mode=first down=7", 0x7, 10, {} },
	{ "mode=hash weights=0,1", 0x3, 10, { [1] = 10 } },
	{ "mode=hash down=2", 0x3, 10, { 10 } },
	{ "mode=earliest weights=0,1", 0x3, 10, { [1] = 10 } },
	{ "mode=hash", 0x8, 10, { [3] = 10 } },
	{ "", 0x4000, 10, { [14] = 10 } },
};

static void make_ipv4(struct packet *packet, unsigned int source, unsigned int dest,
		      unsigned short sport, unsigned short dport)
{
	struct ethhdr *eth = (void *)packet->bytes;
	struct iphdr *ip = (void *)(eth + 1);
	unsigned short *ports = (void *)(ip + 1);

	*packet = (struct packet){ .size = 64 };
	eth->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 9, .protocol = 17 };
	ip->tot_len = htons(50);
	ip->saddr = htonl(source);
	ip->daddr = htonl(dest);
	ports[0] = htons(sport);
	ports[1] = htons(dport);
}

static void test_shares(struct workbench *bench, enum lana_flavour flavour, const struct test *test)
{
	struct counts before, after;
	struct packet packet;
	unsigned int wrong = 0;

	make_ipv4(&packet, 1, 2, 3, 4);
	begin(bench, test->options, test->ports);
	before = count(bench);
	run(bench, flavour, &packet, test->packets);
	after = count(bench);
	for (int port = 0; port < LANA_PORTS_MAX; port++)
		wrong += after.ports[port] - before.ports[port] != test->counts[port];
	tap_is(wrong, 0, "%s: %s, ports %#x, %u packets: every share is exact", flavours[flavour],
	       test->options, test->ports, test->packets);
	end(bench, test->ports);
}

static void set(struct workbench *bench, const char *option)
{
	const char *options[] = { option, NULL };
	struct lana_error error;

	if (lana_block_set(bench->stack, "dut", options, &error))
		tap_bail("%s", error.text);
}

/* The ports that so many packets take, up to 9. */
static const char *order_of(struct workbench *bench, enum lana_flavour flavour, unsigned int count)
{
	static char order[10];
	struct packet packet;

	make_ipv4(&packet, 1, 2, 3, 4);
	for (unsigned int i = 0; i < count; i++)
		order[i] = '0' + port_of(bench, flavour, &packet);
	order[count] = 0;
	return order;
}

/* Smooth: no port waits longer than its share says, by a packet. */
static void test_smooth(struct workbench *bench, enum lana_flavour flavour)
{
	begin(bench, "mode=weighted weights=5,1,1", 0x7);
	tap_is_text(order_of(bench, flavour, 7), "0010200", "%s: weights 5,1,1 are spread evenly",
		    flavours[flavour]);
	order_of(bench, flavour, 3);
	set(bench, "weights=5,1,2");
	tap_is_text(order_of(bench, flavour, 8), "02001020",
		    "%s: with other weights it begins anew", flavours[flavour]);
	end(bench, 0x7);
}

/* What is bound and unbound meanwhile takes part at once, and nothing is lost. */
static void test_live(struct workbench *bench, enum lana_flavour flavour, const char *options)
{
	struct counts before, after;
	unsigned long long sum = 0;
	struct packet packet;

	make_ipv4(&packet, 1, 2, 3, 4);
	begin(bench, options, 0);
	before = count(bench);
	run(bench, flavour, &packet, 10);
	after = count(bench);
	tap_is(after.lost - before.lost, 10, "%s: %s: with no port bound packets are lost, counted",
	       flavours[flavour], options);
	for (int port = 0; port < LANA_PORTS_MAX; port++) {
		bind_port(bench, port, true);
		run(bench, flavour, &packet, 16);
		if (port >= 2)
			bind_port(bench, port - 2, false);
		run(bench, flavour, &packet, 16);
	}
	before = after;
	after = count(bench);
	for (int port = 0; port < LANA_PORTS_MAX; port++)
		sum += after.ports[port] - before.ports[port];
	tap_is(sum, 16 * 2 * LANA_PORTS_MAX, "%s: %s: ports come and go, each packet takes one",
	       flavours[flavour], options);
	tap_is(after.lost, before.lost, "%s: %s: and none is lost", flavours[flavour], options);
	end(bench, 0xc000);
}

/* ---- hash ------------------------------------------------------------------------------- */

#define FLOWS 400

static void make_flow(struct packet *packet, unsigned int flow, bool back)
{
	unsigned int source = 0x0a000000 + flow % 7, dest = 0xc0a80000 + flow % 11;
	unsigned short sport = 1024 + flow, dport = 80;

	make_ipv4(packet, back ? dest : source, back ? source : dest, back ? dport : sport,
		  back ? sport : dport);
}

static void test_flows(struct workbench *bench, enum lana_flavour flavour)
{
	int ports[FLOWS], flows[LANA_PORTS_MAX] = {}, unequal = 0, few = 0, moved = 0;
	struct packet packet;

	begin(bench, "mode=hash", 0xff);
	for (int i = 0; i < FLOWS; i++) {
		make_flow(&packet, i, false);
		ports[i] = port_of(bench, flavour, &packet);
		if (ports[i] >= 0)
			flows[ports[i]]++;
		make_flow(&packet, i, true);
		unequal += port_of(bench, flavour, &packet) != ports[i];
	}
	tap_is(unequal, 0, "%s: both directions of a flow take the same port", flavours[flavour]);
	for (int port = 0; port < 8; port++) /* 50 each, 7 of standard deviation */
		few += flows[port] < 20 || flows[port] > 80;
	tap_is(few, 0, "%s: flows are spread over all ports", flavours[flavour]);

	bind_port(bench, 5, false);
	for (int i = 0; i < FLOWS; i++) {
		make_flow(&packet, i, false);
		moved += ports[i] != 5 && port_of(bench, flavour, &packet) != ports[i];
	}
	tap_is(moved, 0, "%s: only flows of a port that goes take another", flavours[flavour]);
	end(bench, 0xdf);
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
		port = port_of(bench, flavour, &packet);
		make(&packet, i, true);
		if (change)
			change(&packet);
		back = port_of(bench, flavour, &packet);
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

	begin(bench, "mode=hash weights=1,3,0,4", 0xf);
	for (int i = 0; i < FLOWS; i++) {
		make_flow(&packet, i, i % 2);
		ports[i] = port_of(bench, flavour, &packet);
		if (ports[i] >= 0)
			flows[ports[i]]++;
	}
	/* 50, 150, 0 and 200 of 400, and 4 standard deviations */
	tap_ok(flows[0] > 23 && flows[0] < 77 && flows[1] > 111 && flows[1] < 189 && !flows[2] &&
		       flows[3] > 160 && flows[3] < 240,
	       "%s: flows are spread by weights (%d %d %d %d)", flavours[flavour], flows[0],
	       flows[1], flows[2], flows[3]);
	set(bench, "weights=1,1,0,4");
	for (int i = 0; i < FLOWS; i++) {
		make_flow(&packet, i, i % 2);
		if (port_of(bench, flavour, &packet) == ports[i])
			continue;
		moved += ports[i] != 1;
		left += ports[i] == 1;
	}
	tap_ok(!moved && left > 30, "%s: only flows of a port whose weight falls take another (%d)",
	       flavours[flavour], left);
	end(bench, 0xf);
}

/* More than both can carry is sent: in the proportion of their rates, whatever the time. */
static void test_earliest(struct workbench *bench, enum lana_flavour flavour)
{
	struct counts before, after;
	struct packet packet;
	unsigned long long slow;

	make_ipv4(&packet, 1, 2, 3, 4);
	packet.size = 1000;
	begin(bench, "mode=earliest weights=10,1", 0x3);
	before = count(bench);
	run(bench, flavour, &packet, 1100);
	after = count(bench);
	slow = after.ports[1] - before.ports[1];
	tap_ok(slow >= 90 && slow <= 110, "%s: earliest: by rates, 1:10 of 1100 (%llu)",
	       flavours[flavour], slow);
	set(bench, "weights=1,1");
	set(bench, "delays=50000,0"); /* half a second, more than is ever thought to wait */
	before = count(bench);
	run(bench, flavour, &packet, 100);
	after = count(bench);
	tap_is(after.ports[1] - before.ports[1], 100, "%s: earliest: by delays", flavours[flavour]);
	end(bench, 0x3);
}

static void test_mark(struct workbench *bench)
{
	static const struct {
		unsigned int mark;
		const char *where;
	} marks[] = { { 0x701, "0" }, { 0x703, "2" }, { 0x710, "15" }, { 0x700, "0" },
		      { 0x711, "0" }, { 0x723, "0" }, { 3, "0" } };
	struct packet packet;
	char where[64];

	workbench_add(bench, "fanout", "mode=first mark=0x705 down=4", NULL);
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		make_ipv4(&packet, 1, 2, 3, 4);
		packet.mark = marks[i].mark;
		workbench_run(bench, LANA_TC, &packet, where, sizeof(where));
		tap_is_text(where, marks[i].where, "tc: mark %#x", marks[i].mark);
	}
	workbench_rm(bench);
}

static void make_fragment(struct packet *packet, unsigned int flow, bool back)
{
	struct iphdr *ip = (void *)(packet->bytes + ETH_HLEN);

	make_ipv4(packet, 1, 2, 1000 + flow, 80); /* only a first one has ports there */
	ip->frag_off = htons(back ? 0x00b9 : 0x2000);
}

static void test_headers(struct workbench *bench, enum lana_flavour flavour)
{
	begin(bench, "mode=hash", 0xf);
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
	end(bench, 0xf);
}

int main(void)
{
	struct workbench bench;
	cpu_set_t one;

	topology_begin();
	CPU_ZERO(&one); /* shares are exact on each CPU */
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	workbench_open(&bench, LANA_TYPES_DIR);
	for (int port = 0; port < LANA_PORTS_MAX; port++) {
		char name[8];

		snprintf(name, sizeof(name), "c%d", port);
		if (lana_block_add(bench.stack, name, "counter", NULL, NULL))
			tap_bail("no counter");
	}
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
			test_shares(&bench, flavour, &tests[i]);
		test_smooth(&bench, flavour);
		test_live(&bench, flavour, "mode=hash");
		test_live(&bench, flavour, "mode=round-robin");
		test_live(&bench, flavour, "mode=weighted");
		test_live(&bench, flavour, "mode=first");
		test_live(&bench, flavour, "mode=earliest");
		test_flows(&bench, flavour);
		test_weighted_flows(&bench, flavour);
		test_earliest(&bench, flavour);
		test_headers(&bench, flavour);
	}
	test_mark(&bench);
	workbench_close(&bench);
	return tap_done();
}
