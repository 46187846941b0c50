// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_firewall - rules decide as a walk from the first to the last would, and count exactly
 *
 * Rules are made at random, so that many overlap, and packets of them, so that many match. What the
 * block does with each is compared with such a walk.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

static const char types[] = LANA_TYPES_DIR;

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

/* Where the rules are written. */
static char path[64];

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		tap_bail("%s: %s", path, strerror(errno));
}

static const char *file_option(void)
{
	static char option[80];

	snprintf(option, sizeof(option), "rules=%s", path);
	return option;
}

static int set_rules(struct lana_stack *stack, struct lana_error *error)
{
	return lana_block_set(stack, "dut", (const char *[]){ file_option(), NULL }, error);
}

/* ---- rules and packets at random ----------------------------------------------------------- */

struct flow {
	int version, protocol;
	unsigned int from[4], to[4]; /* most significant first; IPv4: the first alone */
	int sport, dport;	     /* -1: none */
};

struct rule {
	int version;				      /* 0: any */
	int from_length, to_length, protocol, action; /* -1: any */
	unsigned int from[4], to[4];
	int sport[2], dport[2]; /* first -1: any */
	bool untracked;		/* only these; else any state */
	unsigned long long packets;
};

#define RULES_MAX 10000

static struct rule rules[RULES_MAX];
static size_t rules_count;

static const char *const words[] = { "accept", "drop", "reject" };
static const char *const verdicts[] = { "next", "drop policy", "reject" };

/* Few bits vary, so that prefixes hold each other and packets meet them. */
static void random_address(int version, unsigned int address[4])
{
	memset(address, 0, 16);
	address[0] = version == 4 ? 0x0a000000 : 0x20010db8;
	for (int i = 0; i < (version == 4 ? 1 : 4); i++)
		address[i] |= random() & random() & 0x00ff070f;
}

static void cut(unsigned int address[4], int length)
{
	for (int bit = length; bit < 128; bit++)
		address[bit / 32] &= ~(1U << (31 - bit % 32));
}

static void random_prefix(int version, unsigned int address[4], int *length)
{
	static const int lengths[] = {
		0, 8, 12, 16, 20, 24, 28, 30, 32, 48, 64, 96, 112, 127, 128
	};

	*length = -1;
	if (random() % 4 == 0)
		return;
	do
		*length = lengths[random() % (version == 4 ? 9 : 15)];
	while (random() % 3 && *length < 16);
	random_address(version, address);
	cut(address, *length);
}

static void random_ports(int ports[2])
{
	ports[0] = ports[1] = -1;
	if (random() % 2)
		return;
	ports[0] = random() % 8 ? random() % 64 : random() % 65536;
	ports[1] = ports[0] + (random() % 2 ? 0 : random() % 32);
	if (ports[1] > 65535)
		ports[1] = 65535;
}

static void make_rule(struct rule *rule)
{
	static const int protocols[] = { -1, -1, 6, 6, 17, 17, 1, 58, 47, 132, 200 };
	int version = random() % 3 ? 4 : 6;

	*rule = (struct rule){ .version = version,
			       .protocol = protocols[random() % 11],
			       .action = random() % 3,
			       .untracked = random() % 16 == 0 };
	random_prefix(version, rule->from, &rule->from_length);
	random_prefix(version, rule->to, &rule->to_length);
	if (rule->from_length < 0 && rule->to_length < 0)
		rule->version = 0;
	random_ports(rule->sport);
	random_ports(rule->dport);
	/* Rules that take everything would leave the others without work. */
	if (rule->from_length <= 8 && rule->to_length <= 8 && rule->dport[0] < 0)
		rule->dport[0] = rule->dport[1] = random() % 64;
}

/* One that there has not been: which of several alike is which would be a question. */
static void random_rule(struct rule *rule)
{
	static unsigned long long seen[1 << 16];
	unsigned long long hash;
	size_t at;

	do {
		const unsigned char *byte = (const void *)rule;

		memset(rule, 0, sizeof(*rule));
		make_rule(rule);
		hash = 14695981039346656037ULL;
		for (size_t i = 0; i < offsetof(struct rule, untracked); i++)
			hash = (hash ^ byte[i]) * 1099511628211ULL;
		hash = (hash ^ rule->untracked) * 1099511628211ULL | 1;
		at = hash >> 48;
		while (seen[at] && seen[at] != hash)
			at = (at + 1) % (1 << 16);
	} while (seen[at]);
	seen[at] = hash;
}

static void print_prefix(FILE *file, const char *what, int version, const unsigned int address[4],
			 int length)
{
	unsigned int network[4];
	char text[64];

	if (length < 0)
		return;
	for (int i = 0; i < 4; i++)
		network[i] = htonl(address[i]);
	inet_ntop(version == 4 ? AF_INET : AF_INET6, network, text, sizeof(text));
	fprintf(file, " %s %s/%d", what, text, length);
}

static void print_ports(FILE *file, const char *what, const int ports[2])
{
	if (ports[0] >= 0)
		fprintf(file, " %s %d-%d", what, ports[0], ports[1]);
}

static void write_rules(void)
{
	FILE *file = fopen(path, "w");

	if (!file)
		tap_bail("%s: %s", path, strerror(errno));
	for (size_t i = 0; i < rules_count; i++) {
		const struct rule *rule = &rules[i];

		fprintf(file, "%s", words[rule->action]);
		print_prefix(file, "from", rule->version, rule->from, rule->from_length);
		print_prefix(file, "to", rule->version, rule->to, rule->to_length);
		if (rule->protocol >= 0)
			fprintf(file, " proto %d", rule->protocol);
		print_ports(file, "sport", rule->sport);
		print_ports(file, "dport", rule->dport);
		fprintf(file, "%s\n", rule->untracked ? " state untracked,invalid" : "");
	}
	fclose(file);
}

static bool has_ports(int protocol)
{
	return protocol == 6 || protocol == 17 || protocol == 132;
}

/* A packet that one of the rules may match. */
static void random_flow(struct flow *flow)
{
	const struct rule *rule = &rules[random() % rules_count];
	int version = rule->version ?: (random() % 2 ? 4 : 6);

	*flow = (struct flow){ .version = version, .protocol = rule->protocol };
	flow->sport = flow->dport = -1;
	if (flow->protocol < 0)
		flow->protocol = (int[]){ 6, 17, 132, 1 }[random() % 4];
	random_address(version, flow->from);
	random_address(version, flow->to);
	for (int bit = 0; bit < 128; bit++) {
		unsigned int mask = 1U << (31 - bit % 32);

		if (bit < rule->from_length)
			flow->from[bit / 32] =
				(flow->from[bit / 32] & ~mask) | (rule->from[bit / 32] & mask);
		if (bit < rule->to_length)
			flow->to[bit / 32] =
				(flow->to[bit / 32] & ~mask) | (rule->to[bit / 32] & mask);
	}
	if (!has_ports(flow->protocol))
		return;
	flow->sport = rule->sport[0] >= 0 ? rule->sport[random() % 2] : random() % 70;
	flow->dport = rule->dport[0] >= 0 ? rule->dport[random() % 2] : random() % 70;
}

static void make_packet(struct packet *packet, const struct flow *flow)
{
	struct ethhdr *eth = (void *)packet->bytes;
	struct iphdr *ip = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)ip;
	unsigned char *transport = (void *)(flow->version == 4 ? (void *)(ip + 1) : ip6 + 1);

	*packet = (struct packet){ .size = transport - packet->bytes + 24 };
	eth->h_dest[0] = eth->h_source[0] = 2;
	eth->h_proto = htons(flow->version == 4 ? ETH_P_IP : ETH_P_IPV6);
	if (flow->version == 4) {
		*ip = (struct iphdr){ .version = 4, .ihl = 5, .protocol = flow->protocol };
		ip->tot_len = htons(44);
		ip->saddr = htonl(flow->from[0]);
		ip->daddr = htonl(flow->to[0]);
	} else {
		*ip6 = (struct ipv6hdr){ .version = 6, .nexthdr = flow->protocol };
		ip6->payload_len = htons(24);
		for (int i = 0; i < 4; i++) {
			ip6->saddr.s6_addr32[i] = htonl(flow->from[i]);
			ip6->daddr.s6_addr32[i] = htonl(flow->to[i]);
		}
	}
	if (flow->sport >= 0) {
		*(unsigned short *)transport = htons(flow->sport);
		*(unsigned short *)(transport + 2) = htons(flow->dport);
	}
}

/* ---- the walk ------------------------------------------------------------------------------- */

static bool in_prefix(const unsigned int address[4], const unsigned int prefix[4], int length)
{
	for (int bit = 0; bit < length; bit++)
		if ((address[bit / 32] ^ prefix[bit / 32]) & 1U << (31 - bit % 32))
			return false;
	return true;
}

static bool in_ports(int port, const int ports[2])
{
	return ports[0] < 0 || (ports[0] <= port && port <= ports[1]);
}

static bool takes(const struct rule *rule, const struct flow *flow)
{
	return (!rule->version || rule->version == flow->version) &&
	       in_prefix(flow->from, rule->from, rule->from_length) &&
	       in_prefix(flow->to, rule->to, rule->to_length) &&
	       (rule->protocol < 0 || rule->protocol == flow->protocol) &&
	       in_ports(flow->sport, rule->sport) && in_ports(flow->dport, rule->dport) &&
	       /* TCP without a connection is invalid, UDP and SCTP are new and untracked */
	       (!rule->untracked || flow->protocol != 17);
}

static struct rule *walk(const struct flow *flow)
{
	for (size_t i = 0; i < rules_count; i++)
		if (takes(&rules[i], flow))
			return &rules[i];
	return NULL;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void compare_counts(struct workbench *bench, const char *label)
{
	struct lana_rule_info *infos;
	struct lana_error error;
	size_t count, wrong = 0;

	if (lana_block_rules(bench->stack, "dut", &infos, &count, &error))
		tap_bail("%s", error.text);
	tap_is(count, rules_count, "%s: as many rules", label);
	for (size_t i = 0; i < count && i < rules_count; i++) {
		if (infos[i].packets != rules[i].packets && !wrong++)
			tap_note("line %u, %s: %llu, not %llu", infos[i].line, infos[i].text,
				 (unsigned long long)infos[i].packets, rules[i].packets);
	}
	tap_is(wrong, 0, "%s: each rule counts its packets", label);
	free(infos);
}

static void run_packets(struct workbench *bench, enum lana_flavour flavour, int packets,
			const char *label)
{
	int wrong = 0, matched = 0;

	for (int i = 0; i < packets; i++) {
		struct packet packet;
		struct flow flow;
		struct rule *rule;
		const char *wanted;
		char where[64];

		random_flow(&flow);
		make_packet(&packet, &flow);
		if (!workbench_run(bench, flavour, &packet, where, sizeof(where)))
			continue;
		rule = walk(&flow);
		wanted = rule ? verdicts[rule->action] : "drop policy";
		matched += rule != NULL;
		if (rule)
			rule->packets++;
		if (strcmp(where, wanted) && !wrong++)
			tap_note("IPv%d protocol %d ports %d %d: %s, not %s by rule %d",
				 flow.version, flow.protocol, flow.sport, flow.dport, where, wanted,
				 rule ? (int)(rule - rules) + 1 : 0);
	}
	tap_ok(!wrong && matched > packets / 2, "%s: %d packets, %d matched, %d went wrong", label,
	       packets, matched, wrong);
}

static void test_random(struct workbench *bench, size_t count, int packets)
{
	struct lana_error error;
	char label[64], options[128];

	rules_count = count;
	for (size_t i = 0; i < count; i++)
		random_rule(&rules[i]);
	write_rules();
	snprintf(options, sizeof(options), "policy=drop %s", file_option());
	if (workbench_add(bench, "firewall", options, &error))
		tap_bail("%s", error.text);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		snprintf(label, sizeof(label), "%s: %zu rules", flavours[flavour], count);
		run_packets(bench, flavour, packets, label);
	}
	compare_counts(bench, "at first");

	/* Some go, some come, some change places: those that stay go on counting. */
	for (size_t i = 0; i < count; i += 3)
		random_rule(&rules[i]);
	for (size_t i = 1; i + 1 < count; i += 7) {
		struct rule moved = rules[i];

		rules[i] = rules[count - 1 - i];
		rules[count - 1 - i] = moved;
	}
	write_rules();
	tap_is(set_rules(bench->stack, &error), 0, "%zu rules, a third of them new", count);
	run_packets(bench, LANA_XDP, packets, "then");
	compare_counts(bench, "then");
	workbench_rm(bench);
}

/* Alike rules are told apart by their order. */
static void test_same(struct workbench *bench)
{
	struct lana_rule_info *infos;
	struct packet packet;
	struct flow flow = { 4, 6, { 0x0a000001 }, { 0x0a000002 }, 1, 2 };
	char where[64];
	size_t count;

	write_file("drop to 10.0.0.2\ndrop to 10.0.0.2\n");
	workbench_add(bench, "firewall", file_option(), NULL);
	make_packet(&packet, &flow);
	workbench_run(bench, LANA_XDP, &packet, where, sizeof(where));
	write_file("# none\n\n  drop   to 10.0.0.2/32 # the same\naccept\ndrop to 10.0.0.2\n");
	tap_is(set_rules(bench->stack, NULL), 0, "the same rules, written otherwise");
	if (lana_block_rules(bench->stack, "dut", &infos, &count, NULL))
		tap_bail("no rules");
	tap_is(count, 3, "comments and empty lines are no rules");
	tap_is(infos[0].packets, 1, "the first has counted");
	tap_is(infos[0].line, 3, "and tells its line");
	tap_is_text(infos[0].text, "drop to 10.0.0.2/32", "and what it says");
	tap_is(infos[1].packets + infos[2].packets, 0, "the others have not");
	free(infos);
	write_file("");
	tap_is(set_rules(bench->stack, NULL), 0, "no rules are rules as well");
	workbench_run(bench, LANA_XDP, &packet, where, sizeof(where));
	tap_is_text(where, "next", "and the policy decides");
	workbench_rm(bench);
}

static const struct bad {
	const char *text, *error;
} bads[] = {
	{ "accept\nallow\n", "2: 'allow' is none of accept, drop, reject" },
	{ "accept to\n", "1: nothing follows 'to'" },
	{ "accept to 10.0.0.1 to 10.0.0.2\n", "1: 'to' is there twice" },
	{ "accept to 10.0.0\n", "'10.0.0' is no IPv4 or IPv6 address" },
	{ "accept to 10.0.0.0/33\n", "'/33' is no length of a prefix" },
	{ "accept to 10.0.0.0/\n", "'/' is no length of a prefix" },
	{ "accept to 10.0.0.1/8\n", "10.0.0.1/8 has bits beyond its length" },
	{ "accept to 2001:db8::/129\n", "'/129' is no length" },
	{ "accept from 10.0.0.1 to ::1\n", "no packet goes from one version of IP to the other" },
	{ "accept proto tpc\n", "'tpc' is no protocol" },
	{ "accept proto 256\n", "'256' is no protocol" },
	{ "accept dport 65536\n", "'65536' is no port" },
	{ "accept dport 2-1\n", "'2-1' is no port" },
	{ "accept dport -1\n", "'-1' is no port" },
	{ "accept sport 1-\n", "'1-' is no port" },
	{ "accept state old\n", "'old' is no state" },
	{ "accept state new,\n", "'' is no state" },
	{ "accept port 1\n", "'port' is none of from, to" },
};

static void test_bad(struct workbench *bench)
{
	struct lana_rule_info *infos;
	struct lana_error error;
	size_t count;

	write_file("drop to 10.0.0.2\n");
	workbench_add(bench, "firewall", file_option(), NULL);
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		write_file(bads[i].text);
		error.text[0] = 0;
		tap_ok(set_rules(bench->stack, &error) < 0 && strstr(error.text, path) &&
			       strstr(error.text, bads[i].error),
		       "refused: %s", error.text);
	}
	unlink(path);
	tap_ok(set_rules(bench->stack, &error) == -ENOENT, "refused: %s", error.text);
	if (lana_block_rules(bench->stack, "dut", &infos, &count, NULL))
		tap_bail("no rules");
	tap_ok(count == 1 && !strcmp(infos->text, "drop to 10.0.0.2/32"),
	       "what was there is there still");
	free(infos);
	tap_ok(lana_block_rules(bench->stack, "wb1", &infos, &count, &error) < 0,
	       "a device has no rules: %s", error.text);
	workbench_rm(bench);
}

/* ---- rules that change under load ----------------------------------------------------------- */

#define RELOADS	   20
#define REPETITION 20000

struct load {
	int program;
	volatile bool stop;
	unsigned long long packets;
	struct packet packet;
};

static void *run_load(void *cookie)
{
	struct load *load = cookie;

	while (!load->stop) {
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = load->packet.bytes,
			    .data_size_in = load->packet.size, .repeat = REPETITION);

		if (bpf_prog_test_run_opts(load->program, &options))
			break;
		load->packets += REPETITION;
	}
	return NULL;
}

/*
 * Each packet meets the same rule, wherever it stands: it is counted once, and never let through.
 */
static void test_load(struct workbench *bench)
{
	static const char *const files[] = {
		"drop to 10.0.0.2\naccept\n",
		"accept to 10.0.0.3\naccept from 192.0.2.1\ndrop to 10.0.0.2\naccept\n",
	};
	struct flow flow = { 4, 6, { 0x0a000001 }, { 0x0a000002 }, 1, 2 };
	struct load load = { .program = bench->roots[LANA_XDP] };
	struct lana_rule_info *infos;
	unsigned int refused = 0;
	pthread_t thread;
	size_t count;

	write_file(files[0]);
	workbench_add(bench, "firewall", file_option(), NULL);
	make_packet(&load.packet, &flow);
	if (pthread_create(&thread, NULL, run_load, &load))
		tap_bail("no thread");
	for (int i = 1; i <= RELOADS; i++) {
		write_file(files[i % 2]);
		refused += set_rules(bench->stack, NULL) != 0;
	}
	load.stop = true;
	pthread_join(thread, NULL);
	tap_is(refused, 0, "rules are changed %d times under load", RELOADS);
	if (lana_block_rules(bench->stack, "dut", &infos, &count, NULL))
		tap_bail("no rules");
	tap_ok(load.packets >= REPETITION, "%llu packets meanwhile", load.packets);
	tap_is(infos[0].packets, load.packets, "the rule has counted each of them");
	free(infos);
	tap_is(workbench_counter(bench, "dropped"), load.packets, "all were dropped");
	tap_is(workbench_counter(bench, "accepted"), 0, "none got through");
	workbench_rm(bench);
}

int main(void)
{
	struct lana_finding *findings;
	struct workbench bench;
	size_t count = 1;

	topology_begin();
	snprintf(path, sizeof(path), "%s/rules", topology_scratch());
	workbench_open(&bench, types);
	srandom(5);
	test_random(&bench, 10, 60);
	test_random(&bench, 300, 120);
	test_random(&bench, 10000, 150);
	test_same(&bench);
	test_bad(&bench);
	test_load(&bench);
	if (!lana_stack_check(bench.stack, &findings, &count, NULL))
		free(findings);
	tap_is(count, 0, "the stack is sound after all this");
	workbench_close(&bench);
	return tap_done();
}
