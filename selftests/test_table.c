// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_table - tables that are filled from a file, those of "route": what is found in them, what is
 * refused and changes nothing then, and how they change under load and with the block's code
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "traffic.h"
#include "workbench.h"

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", topology_scratch(), name);
	return path;
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
	FILE *file = fopen(path_of(name), "w");

	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
		tap_bail("cannot write %s", path_of(name));
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static int set_table(struct workbench *bench, const char *name, struct lana_error *error)
{
	char option[300];
	const char *options[] = { option, NULL };

	snprintf(option, sizeof(option), "table=%s", *name ? path_of(name) : "");
	return lana_block_set(bench->stack, "dut", options, error);
}

/* ---- packets -------------------------------------------------------------------------------- */

/* The target's MAC address stays 0: that of the device which test runs at tc pretend. */
static void make4(struct packet *packet, unsigned int target)
{
	struct ethhdr *eth = (void *)packet->bytes;
	struct iphdr *ip = (void *)(eth + 1);

	*packet = (struct packet){ .size = 64 };
	eth->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = 17 };
	ip->tot_len = htons(50);
	ip->saddr = htonl(0x0a000001);
	ip->daddr = htonl(target);
}

static void make6(struct packet *packet, const struct in6_addr *target)
{
	struct ethhdr *eth = (void *)packet->bytes;
	struct ipv6hdr *ip = (void *)(eth + 1);

	*packet = (struct packet){ .size = 64 };
	eth->h_proto = htons(ETH_P_IPV6);
	*ip = (struct ipv6hdr){ .version = 6, .hop_limit = 64, .nexthdr = 59 };
	ip->payload_len = htons(10);
	inet_pton(AF_INET6, "2001:db8::1", &ip->saddr);
	ip->daddr = *target;
}

static const char *goes(struct workbench *bench, enum lana_flavour flavour, struct packet *packet)
{
	static char where[64];

	workbench_run(bench, flavour, packet, where, sizeof(where));
	return where;
}

static const char *goes4(struct workbench *bench, unsigned int target)
{
	struct packet packet;

	make4(&packet, target);
	return goes(bench, LANA_XDP, &packet);
}

/* ---- what is found -------------------------------------------------------------------------- */

/* Hops by number: where each leads, in the file and on the workbench. */
static const char *const ports[] = { "none", "local", "prohibited", "p1", "p2", "p3",
				     "p4",   "p5",    "p6",	    "p7", "p8" };
#define PORTS	 (sizeof(ports) / sizeof(ports[0]))
#define PREFIXES 3000
#define LOOKUPS	 1500

struct prefix {
	unsigned char bytes[16];
	unsigned int length, hop;
};

static bool fits(const struct prefix *prefix, const unsigned char *address)
{
	for (unsigned int bit = 0; bit < prefix->length; bit++)
		if ((prefix->bytes[bit / 8] ^ address[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

/* The slow and obvious way. */
static unsigned int find(const struct prefix *prefixes, unsigned int count,
			 const unsigned char *address)
{
	unsigned int hop = 0;
	int longest = -1;

	for (unsigned int i = 0; i < count; i++)
		if ((int)prefixes[i].length > longest && fits(&prefixes[i], address)) {
			longest = prefixes[i].length;
			hop = prefixes[i].hop;
		}
	return hop;
}

/* Few bits vary, so that prefixes lie in one another. */
static void random_address(unsigned char *bytes, unsigned int size)
{
	memset(bytes, 0, size);
	bytes[0] = size == 4 ? 10 + random() % 2 : 0x20;
	for (unsigned int i = 1; i < size; i++)
		bytes[i] = random() % 4 ? random() % 3 : random();
}

static unsigned int random_prefixes(struct prefix *prefixes, unsigned int size)
{
	unsigned int count = 0;

	for (unsigned int tries = 0; tries < PREFIXES; tries++) {
		struct prefix *prefix = &prefixes[count];
		bool twice = false;

		random_address(prefix->bytes, size);
		prefix->length = random() % (8 * size + 1);
		prefix->hop = random() % PORTS;
		for (unsigned int bit = prefix->length; bit < 8 * size; bit++)
			prefix->bytes[bit / 8] &= ~(0x80 >> bit % 8);
		for (unsigned int i = 0; i < count && !twice; i++)
			twice = prefixes[i].length == prefix->length &&
				!memcmp(prefixes[i].bytes, prefix->bytes, size);
		count += !twice;
	}
	return count;
}

static void write_random(const struct prefix *fours, unsigned int fours_count,
			 const struct prefix *sixes, unsigned int sixes_count)
{
	FILE *file = fopen(path_of("random"), "w");
	char text[64];

	if (!file)
		tap_bail("cannot write");
	for (unsigned int i = 0; i < PORTS; i++)
		fprintf(file, "hop %u to=%s\n", i + 1, ports[i]);
	for (unsigned int i = 0; i < fours_count; i++)
		fprintf(file, "ipv4 %s/%u hop=%u\n",
			inet_ntop(AF_INET, fours[i].bytes, text, sizeof(text)), fours[i].length,
			fours[i].hop + 1);
	for (unsigned int i = 0; i < sixes_count; i++)
		fprintf(file, "ipv6 %s/%u hop=%u\n",
			inet_ntop(AF_INET6, sixes[i].bytes, text, sizeof(text)), sixes[i].length,
			sixes[i].hop + 1);
	fclose(file);
}

static void test_random(struct workbench *bench)
{
	static struct prefix fours[PREFIXES], sixes[PREFIXES];
	unsigned int fours_count, sixes_count, wrong = 0;
	struct lana_error error = {};
	struct packet packet;

	srandom(1);
	fours_count = random_prefixes(fours, 4);
	sixes_count = random_prefixes(sixes, 16);
	write_random(fours, fours_count, sixes, sixes_count);
	tap_ok(!set_table(bench, "random", &error), "%u and %u prefixes are set %s", fours_count,
	       sixes_count, error.text);
	for (int i = 0; i < LOOKUPS; i++) {
		enum lana_flavour flavour = i % 2 ? LANA_TC : LANA_XDP;
		unsigned char address[16];
		const char *want;
		bool is_ipv4 = i % 4 < 2;

		random_address(address, is_ipv4 ? 4 : 16);
		if (is_ipv4) {
			make4(&packet, ntohl(*(unsigned int *)address));
			want = ports[find(fours, fours_count, address)];
		} else {
			make6(&packet, (struct in6_addr *)address);
			want = ports[find(sixes, sixes_count, address)];
		}
		wrong += !!strcmp(goes(bench, flavour, &packet), want);
	}
	tap_is(wrong, 0, "the longest prefix decides, for %d addresses", LOOKUPS);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static const struct {
	const char *text, *error; /* what it says behind the file's name */
} refusals[] = {
	{ "ipv4 10.0.0.0/8 hop=1\nipv4 10.0.0.0/8 hop=2\n",
	  ":2: this entry of table ipv4 is in line 1 already" },
	{ "hop 1 to=up\n\nhop 1 to=local\n", ":3: this entry of table hop is in line 1 already" },
	{ "ipv6 ::/0 hop=1\nipv6 ::/0 hop=1\n",
	  ":2: this entry of table ipv6 is in line 1 already" },
	{ "# a comment\nipv5 1\n", ":2: there is no table 'ipv5' (there is ipv4, ipv6, hop)" },
	{ "ipv4\n", ":1: the key is missing" },
	{ "ipv4 10.0.0.0/33\n", ":1: '33' is no length of an ipv4 prefix" },
	{ "ipv4 10.0.0.0/\n", ":1: '' is no length of an ipv4 prefix" },
	{ "ipv6 ::/129\n", ":1: '129' is no length of an ipv6 prefix" },
	{ "ipv4 10.0.0/24\n", ":1: '10.0.0' is not an IPv4 address" },
	{ "ipv6 10.0.0.0/8\n", ":1: '10.0.0.0' is not an IPv6 address" },
	{ "ipv4 10.0.0.1/8\n", ":1: 10.0.0.1 has more than the 8 bits of its prefix" },
	{ "ipv6 fe80::1/64\n", ":1: fe80::1 has more than the 64 bits of its prefix" },
	{ "ipv4 10.0.0.0/8 hop=x\n", ":1: hop=x is not a number" },
	{ "ipv4 10.0.0.0/8 hop=0x80000000\n", ":1: hop=0x80000000 is out of range (1..4095)" },
	{ "ipv4 10.0.0.0/8 via=1\n", ":1: table ipv4 has no field 'via'" },
	{ "ipv4 10.0.0.0/8 hop\n", ":1: 'hop' is not of the form FIELD=VALUE" },
	{ "ipv4 10.0.0.0/8 hop=1 hop=2\n", ":1: field 'hop' is given twice" },
	{ "hop 4096\n", ":1: hop 4096 is out of range (1..4095)" },
	{ "hop 0 to=up\n", ":1: hop 0 is out of range (1..4095)" },
	{ "ipv4 10.0.0.0/8\n", ":1: hop=... is missing" },
	{ "hop 2 to=up\nipv4 10.0.0.0/8 hop=2\nipv4 11.0.0.0/8 hop=1\n", ":3: there is no hop 1" },
	{ "ipv6 ::/0 hop=7\n", ":1: there is no hop 7" },
	{ "hop 1\n", ":1: dev=... or to=... is missing" },
	{ "hop 1 mac=02:00:00:00:00:01\n", ":1: dev=... or to=... is missing" },
	{ "hop 1 to=up mac=02:00:00:00:00:01\n", ":1: mac= needs dev=..., too" },
	{ "hop one\n", ":1: 'one' is not a number" },
	{ "hop 1 to=nowhere\n", ":1: to=nowhere is none of device, local, none, prohibited, up, "
				"drop, p1, p2, p3, p4, p5, "
				"p6, p7, p8" },
	{ "hop 1 dev=wb3\n", ":1: dev=wb3 is not a hooked device" },
	{ "hop 1 dev=dut\n", ":1: dev=dut is not a hooked device" },
	{ "hop 1 mac=02:00\n", ":1: mac=02:00 is not a MAC address" },
	{ "a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n o p q\n",
	  ":1: more than 40 words" },
};

/* What is pinned for the blocks of the stack. */
static unsigned int pins(void)
{
	unsigned int count = 0;
	struct dirent *entry;
	char path[256];
	DIR *folder;

	snprintf(path, sizeof(path), "%s/lana/default/state", topology_bpffs());
	folder = opendir(path);
	while (folder && (entry = readdir(folder)))
		count += *entry->d_name != '.';
	if (folder)
		closedir(folder);
	return count;
}

static void refused(struct workbench *bench, const char *name, const char *want)
{
	unsigned int generation = lana_stack_generation(bench->stack), pinned = pins();
	struct lana_error error = {};
	char text[600];

	snprintf(text, sizeof(text), want, path_of(name));
	tap_ok(set_table(bench, name, &error) < 0, "refused: %s", error.text);
	tap_is_text(error.text, text, "in these words");
	tap_ok(generation == lana_stack_generation(bench->stack) && pinned == pins() &&
		       !strcmp(goes4(bench, 0x0a000001), "local"),
	       "and nothing has changed");
}

static void test_refusals(struct workbench *bench)
{
	static const char binary[] = "hop 1\n\0hop 2\n";
	struct lana_error error = {};
	char name[100];

	write_text("good", "ipv4 10.0.0.0/8 hop=1\nhop 1 to=local\n");
	tap_ok(!set_table(bench, "good", &error), "a table is set %s", error.text);
	tap_is_text(goes4(bench, 0x0a000001), "local", "and used");
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		char want[400];

		write_text("bad", refusals[i].text);
		snprintf(want, sizeof(want), "%%s%s", refusals[i].error);
		refused(bench, "bad", want);
	}
	write_bytes("bad", binary, sizeof(binary) - 1);
	refused(bench, "bad", "'%s' is no text");
	refused(bench, "missing", "cannot read '%s': No such file or directory");
	refused(bench, ".", "'%s' is not a file");
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	refused(bench, name, "table=%s is longer than 87 bytes");
}

/* ---- what becomes of them ------------------------------------------------------------------- */

static void test_life(struct workbench *bench)
{
	struct lana_error error = {};
	unsigned int generation;

	write_text("good", "ipv4 10.0.0.0/8 hop=1\nhop 1 to=p1\n");
	tap_ok(!set_table(bench, "good", &error), "a file that was changed is read again %s",
	       error.text);
	tap_is_text(goes4(bench, 0x0a000001), "p1", "and takes the place of the old table");
	tap_is_text(goes4(bench, 0x0b000001), "none", "of which nothing is left");

	unlink(path_of("good"));
	tap_ok(!lana_block_replace(bench->stack, "dut", "route", NULL, false, &error),
	       "the code is replaced, though the file is gone %s", error.text);
	tap_is_text(goes4(bench, 0x0a000001), "p1", "and the table is kept");
	tap_ok(lana_block_replace(bench->stack, "dut", "route", NULL, true, &error) < 0,
	       "not with drop-state: %s", error.text);
	write_text("good", "ipv4 10.0.0.0/8 hop=1\nhop 1 to=p1\n");
	tap_ok(!lana_block_replace(bench->stack, "dut", "route", NULL, true, &error),
	       "which reads it anew %s", error.text);
	tap_is_text(goes4(bench, 0x0a000001), "p1", "as it was");

	generation = lana_stack_generation(bench->stack);
	write_text("both", "ipv4 0.0.0.0/0 hop=1\nhop 1 to=p2\n");
	tap_ok(!set_table(bench, "both", &error) &&
		       lana_stack_generation(bench->stack) == generation + 1,
	       "a table is one change %s", error.text);
	tap_is_text(goes4(bench, 0xc0000001), "p2", "the default route is a prefix of no bits");
	tap_ok(!set_table(bench, "", &error), "tables are emptied %s", error.text);
	tap_is_text(goes4(bench, 0x0a000001), "none", "and lead nowhere");
}

/* ---- under load ----------------------------------------------------------------------------- */

static void test_load(void)
{
	static const char file[] = "hooks: { west: { hook: xdp }, east: { hook: xdp } }\n"
				   "blocks: { r: { type: route, table: %s }, out: transmit }\n"
				   "bind: [ west -> r -> out ]\n";
	struct lana_stack_options options = { .name = "load",
					      .bpffs = topology_bpffs(),
					      .types = inspect_build("bpf/blocks"),
					      .netns = "load",
					      .create = true };
	struct traffic_options sending = {
		.send = "gen:g0", .check = "sink:s0", .rate = 300000, .target_ip = htonl(0x0a010102)
	};
	struct traffic_report report;
	struct lana_error error = {};
	struct lana_stack *stack;
	struct traffic *traffic;
	char text[600];
	int failed = 0;

	topology_netns("gen");
	topology_netns("load");
	topology_netns("sink");
	topology_veth("gen", "g0", "load", "west");
	topology_veth("load", "east", "sink", "s0");
	write_text("one", "ipv4 10.1.0.0/16 hop=1\nhop 1 dev=east mac=02:00:00:00:00:03\n");
	write_text("two", "ipv4 10.1.1.0/24 hop=7\nhop 7 dev=east mac=02:00:00:00:00:03\n");
	if (traffic_open(&sending, &traffic) || lana_stack_open(&options, &stack, &error))
		tap_bail("cannot set up: %s", error.text);
	snprintf(text, sizeof(text), file, path_of("one"));
	tap_ok(!lana_apply(stack, text, strlen(text),
			   &(struct lana_apply_options){ .mode = LANA_DRY_RUN }, NULL, &error),
	       "a table of devices that are not hooked yet is good %s", error.text);
	if (lana_apply(stack, text, strlen(text), NULL, NULL, &error))
		tap_bail("%s", error.text);
	if (traffic_start(traffic))
		tap_bail("no traffic");
	for (int i = 0; i < 20; i++) {
		char option[300];
		const char *set[] = { option, NULL };

		snprintf(option, sizeof(option), "table=%s", path_of(i % 2 ? "one" : "two"));
		failed += !!lana_block_set(stack, "r", set, &error);
	}
	traffic_stop(traffic);
	traffic_report(traffic, &report);
	tap_is(failed, 0, "tables change 20 times under load %s", error.text);
	tap_ok(report.received > 1000, "%llu frames pass", (unsigned long long)report.received);
	tap_is(report.lost, 0, "none is lost");
	tap_is(report.duplicated + report.reordered, 0, "none is doubled or overtaken");
	traffic_close(traffic);
	lana_stack_flush(stack, NULL);
	lana_stack_close(stack);
}

int main(void)
{
	struct lana_finding *findings;
	struct lana_error error = {};
	struct workbench bench;
	size_t count = 1;

	topology_begin();
	workbench_open(&bench, inspect_build("bpf/blocks"));
	if (workbench_add(&bench, "route", "mode=table", &error))
		tap_bail("%s", error.text);
	test_random(&bench);
	test_refusals(&bench);
	test_life(&bench);
	workbench_rm(&bench);
	tap_is(pins(), 0, "the tables go with the block");
	if (!lana_stack_check(bench.stack, &findings, &count, NULL))
		free(findings);
	tap_is(count, 0, "the stack is sound after all this");
	workbench_close(&bench);
	test_load();
	return tap_done();
}
