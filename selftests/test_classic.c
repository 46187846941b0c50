// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_classic - packet filters do in the kernel what they do in libpcap
 *
 * Expressions of all primitives over random packets: what each returns at XDP and at tc, folded or
 * not, from packets in one buffer or in two, is what libpcap's own interpreter returns. And what is
 * no filter is refused with a line that says why. CLASSIC_SEED repeats a run, CLASSIC_PACKETS says
 * how many packets (10,000).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include "filter_expressions.h"
#include "filter_packet.h"
#include "filter_run.h"
#include "filter_wire.h"
#include "loader/cleanup.h"
#include "tap.h"
#include "topology.h"

#define GROUP	   32 /* filters a program */
#define FAULTS_MAX 5

static struct packet {
	unsigned char bytes[FILTER_PACKET_MAX];
	unsigned int size, linear; /* linear: where its first buffer ends, if it has two */
} * packets;

static size_t packets_count, filters_count;
static struct classic *filters;
static uint32_t *wanted; /* each packet, each filter */
static unsigned long faults;

/* ---- what libpcap says --------------------------------------------------------------------- */

static void compile(void)
{
	unsigned long refused = 0;
	struct lana_error error;

	filters = calloc(filters_count, sizeof(*filters));
	for (size_t i = 0; i < filters_count; i++)
		if (classic_compile(filter_expressions[i], &filters[i], &error) ||
		    classic_check(&filters[i], LANA_TC, &error)) {
			tap_note("%s", error.text);
			refused++;
		}
	tap_is(refused, 0, "%zu expressions are filters", filters_count);
}

static void make_packets(void)
{
	packets = calloc(packets_count, sizeof(*packets));
	for (size_t i = 0; i < packets_count; i++) {
		packets[i].size = filter_packet(packets[i].bytes);
		packets[i].linear = ETH_HLEN + random() % (packets[i].size - ETH_HLEN + 1);
	}
}

/* A filter that takes all of the packets, or none, would show little. */
static void ask_libpcap(void)
{
	unsigned long dull = 0;

	wanted = calloc(packets_count * filters_count, sizeof(*wanted));
	for (size_t i = 0; i < filters_count; i++) {
		size_t taken = 0;

		for (size_t j = 0; j < packets_count; j++) {
			uint32_t *want = &wanted[j * filters_count + i];

			*want = filter_libpcap(&filters[i], packets[j].bytes, packets[j].size);
			taken += *want != 0;
		}
		if (taken && taken < packets_count)
			continue;
		tap_note("'%s' takes %zu of %zu packets", filter_expressions[i], taken,
			 packets_count);
		dull++;
	}
	tap_is(dull, 0, "each expression takes some of %zu packets and refuses others",
	       packets_count);
}

/* ---- what the kernel says ------------------------------------------------------------------ */

static void fault(const struct packet *packet, size_t filter, uint64_t got, uint32_t want)
{
	char hex[2 * 128 + 1] = "";

	if (faults++ >= FAULTS_MAX)
		return;
	for (unsigned int i = 0; i < packet->size && i < 128; i++)
		sprintf(hex + 2 * i, "%02x", packet->bytes[i]);
	tap_note("'%s' returns 0x%llx, not 0x%x, for %u bytes, %u of them linear: %s",
		 filter_expressions[filter], (unsigned long long)got, want, packet->size,
		 packet->linear, hex);
}

struct mode {
	enum lana_flavour flavour;
	bool folded, split;
};

/* Results that were compared. */
static unsigned long run_group(const struct mode *mode, size_t first, size_t count)
{
	struct filter_run run = { .program = -1, .map = -1 };
	unsigned long compared = 0;
	char text[512];

	if (filter_run_open(&run, mode->flavour, mode->folded, &filters[first], count, text,
			    sizeof(text)))
		tap_bail("the kernel refuses '%s' and those behind it: %s",
			 filter_expressions[first], text);
	for (size_t i = 0; i < packets_count; i++) {
		const struct packet *packet = &packets[i];

		if (!filter_run_packet(&run, packet->bytes, packet->size,
				       mode->split ? packet->linear : packet->size))
			continue;
		compared += count;
		if (run.results[count] != (mode->split ? packet->linear : packet->size))
			tap_bail("a packet lies in other places than it should");
		for (size_t j = 0; j < count; j++) {
			uint32_t want = wanted[i * filters_count + first + j];

			if (run.results[j] != want)
				fault(packet, first + j, run.results[j], want);
		}
	}
	filter_run_close(&run);
	return compared;
}

/* Filters of the group that begins there. */
static size_t group_at(size_t first)
{
	return first + GROUP > filters_count ? filters_count - first : GROUP;
}

static void run_mode(const struct mode *mode)
{
	unsigned long compared = 0, pairs = packets_count * filters_count;

	faults = 0;
	for (size_t first = 0; first < filters_count; first += GROUP)
		compared += run_group(mode, first, group_at(first));
	tap_is(faults, 0, "%s, %s, %s: %lu results are libpcap's",
	       mode->flavour == LANA_XDP ? "XDP" : "tc", mode->folded ? "folded" : "as emitted",
	       mode->split ? "two buffers" : "one buffer", compared);
	/* tc's test runs want IP headers to be whole. */
	if (mode->flavour == LANA_XDP)
		tap_is(compared, pairs, "of all packets");
	else
		tap_ok(compared > pairs / 10 * 8, "of more than 8 packets in 10");
}

static void run_modes(void)
{
	static const struct mode modes[] = {
		{ LANA_XDP, true, false }, { LANA_XDP, false, false }, { LANA_XDP, true, true },
		{ LANA_XDP, false, true }, { LANA_TC, true, false },   { LANA_TC, false, false },
	};
	bool splits = filter_run_splits();

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!modes[i].split || splits)
			run_mode(&modes[i]);
		else
			tap_skip("this kernel's test runs make no packets of two small buffers");
}

/* ---- packets on a wire --------------------------------------------------------------------- */

#define WIRE_PACKETS 200

/* The packet, and zeros behind it, up to the size of packets that the kernel takes apart. */
static unsigned long wire_packet(const struct filter_wire *wire, const struct filter_run *run,
				 size_t first, const struct packet *packet)
{
	static unsigned char bytes[FILTER_WIRE_SIZE];

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, packet->bytes, packet->size);
	filter_wire_send(wire, bytes, packet->linear);
	if (run->results[run->count] > packet->linear + FILTER_WIRE_TAGS)
		tap_bail("%llu bytes of a packet lie in one place, not %u",
			 (unsigned long long)run->results[run->count], packet->linear);
	for (size_t i = 0; i < run->count; i++) {
		uint32_t want = filter_libpcap(&filters[first + i], bytes, sizeof(bytes));

		if (run->results[i] != want)
			fault(packet, first + i, run->results[i], want);
	}
	return run->count;
}

static void run_wire(void)
{
	unsigned long compared = 0;
	struct filter_wire wire;
	char text[512];

	faults = 0;
	filter_wire_open(&wire);
	for (size_t first = 0; first < filters_count; first += GROUP) {
		struct filter_run run = { .program = -1, .map = -1 };

		if (filter_run_open(&run, LANA_TC, true, &filters[first], group_at(first), text,
				    sizeof(text)))
			tap_bail("%s", text);
		filter_wire_attach(&wire, &run);
		for (size_t i = 0; i < WIRE_PACKETS && i < packets_count; i++)
			compared += wire_packet(&wire, &run, first, &packets[i]);
		filter_run_close(&run);
	}
	filter_wire_close(&wire);
	tap_is(faults, 0, "tc, folded, a page behind the first bytes: %lu results are libpcap's",
	       compared);
}

/* ---- what is no filter --------------------------------------------------------------------- */

static const struct {
	const char *expression, *error;
} bad_expressions[] = {
	{ "tcp prot 80", "filter 'tcp prot 80': can't parse filter expression: syntax error" },
	{ "(ip", "syntax error" },
	{ "host 10.0.0.256", "invalid IPv4 address '10.0.0.256'" },
	{ "port 99999", "illegal port number 99999 > 65535" },
	{ "ip host 2001:db8::1", "'ip' modifier applied to ip6 host" },
	{ "ip broadcast", "netmask not known" },
	{ "wlan type data", "802.11 link-layer types supported only on 802.11" },
	{ "ip[0] / 0 = 1", "division by zero" },
	{ "ip[0] << 32 = 1", "shift by more than 31 bits" },
	{ "ip and arp", "expression rejects all packets" },
	{ "ip protochain 6", "jumps backward (as 'protochain' does)" },
};

static void test_expressions(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_expressions); i++) {
		const char *expression = bad_expressions[i].expression;
		struct classic filter = { .count = 77 };
		struct lana_error error = {};
		int err = classic_compile(expression, &filter, &error);

		tap_ok(err == -EINVAL && strstr(error.text, bad_expressions[i].error), "'%s': %s",
		       expression, error.text);
		tap_ok(filter.count == 77 && !strchr(error.text, '\n'),
		       "in one line, and nothing is written");
	}
}

/* No expression: everything matches. */
static void test_empty(void)
{
	static const char *const empty[] = { NULL, "", " \t\n" };
	struct filter_run run = { .program = -1, .map = -1 };
	struct classic filter = { .count = 77 };
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
		if (classic_compile(empty[i], &filter, NULL) || filter.count)
			tap_ok(false, "empty expression %zu is a filter", i);
	if (filter_run_open(&run, LANA_XDP, true, &filter, 1, text, sizeof(text)))
		tap_bail("an empty filter: %s", text);
	filter_run_packet(&run, packets[0].bytes, packets[0].size, packets[0].size);
	tap_is(run.results[0], CLASSIC_ALL, "an empty filter takes packets whole");
	filter_run_close(&run);
}

static void test_long(void)
{
	char text[8192] = "ip";
	struct classic filter;
	struct lana_error error = {};

	for (int i = 0; i < 280; i++)
		sprintf(text + strlen(text), "&&ether[%d]=1", i);
	tap_is(classic_compile(text, &filter, &error), -E2BIG, "280 comparisons: %s", error.text);
	for (int i = 0; i < 20; i++)
		sprintf(text + strlen(text), " and ether[%d] = 1", i);
	tap_is(classic_compile(text, &filter, &error), -E2BIG, "a long text: %s", error.text);
	memset(text, '(', 3000);
	strcpy(text + 3000, "ip");
	tap_is(classic_compile(text, &filter, &error), -EINVAL, "3000 parentheses: %s", error.text);
}

#define RET	      BPF_STMT(BPF_RET | BPF_K, 1)
#define LOAD(mode, k) BPF_STMT(BPF_LD | BPF_W | (mode), k)
#define ALU(op, k)    BPF_STMT(BPF_ALU | (op) | BPF_K, k)

static const struct {
	const char *what;
	struct sock_filter insns[4]; /* end in zeros */
	const char *xdp, *tc;	     /* the line that refuses it; NULL: it is taken */
} programs[] = {
	{ "a return", { RET }, NULL, NULL },
	{ "a load with zeros for code", { LOAD(BPF_IMM, 1), RET }, NULL, NULL },
	{ "no return", { LOAD(BPF_ABS, 0) }, "instruction 0: the last is to return", "" },
	{ "a jump at the end",
	  { RET, BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0) },
	  "instruction 1: jumps past the end",
	  "" },
	{ "a jump to the end",
	  { BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), RET },
	  "instruction 0: jumps past the end",
	  "" },
	{ "a jump far away",
	  { BPF_JUMP(BPF_JMP | BPF_JA, 0x7fffffff, 0, 0), RET },
	  "instruction 0: jumps past the end",
	  "" },
	{ "a jump to itself",
	  { BPF_JUMP(BPF_JMP | BPF_JA, -1, 0, 0), RET },
	  "instruction 0: jumps backward",
	  "" },
	{ "a yes past the end",
	  { BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), RET },
	  "instruction 0: jumps past the end",
	  "" },
	{ "a no past the end",
	  { BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 0, 255), RET },
	  "instruction 0: jumps past the end",
	  "" },
	{ "a code of eBPF",
	  { BPF_STMT(BPF_ALU64 | BPF_MOV | BPF_K, 0), RET },
	  "instruction 0: no instruction has code 0xb7",
	  "" },
	{ "a call",
	  { RET, BPF_STMT(BPF_JMP | BPF_CALL, 1), RET },
	  "instruction 1: no instruction has code 0x85",
	  "" },
	{ "a store of bytes",
	  { BPF_STMT(BPF_ST | BPF_MEM | BPF_B, 0), RET },
	  "instruction 0: no instruction has code 0x72",
	  "" },
	{ "a code of 16 bits",
	  { BPF_STMT(0x8000, 0), RET },
	  "instruction 0: no instruction has code 0x8000",
	  "" },
	{ "a return of X",
	  { BPF_STMT(BPF_RET | BPF_X, 0) },
	  "instruction 0: no instruction has code 0xe",
	  "" },
	{ "a division by 0", { ALU(BPF_DIV, 0), RET }, "instruction 0: divides by 0", "" },
	{ "a remainder by 0", { ALU(BPF_MOD, 0), RET }, "instruction 0: divides by 0", "" },
	{ "a shift by 32", { ALU(BPF_LSH, 32), RET }, "instruction 0: shifts by 32", "" },
	{ "a shift by -1", { ALU(BPF_RSH, -1), RET }, "instruction 0: shifts by 4294967295", "" },
	{ "a shift by 31", { ALU(BPF_RSH, 31), RET }, NULL, NULL },
	{ "word 16", { BPF_STMT(BPF_ST, 16), RET }, "instruction 0: there is no M[16]", "" },
	{ "word -1 of X",
	  { BPF_STMT(BPF_STX, -1), RET },
	  "instruction 0: there is no M[4294967295]",
	  "" },
	{ "a load of word 16",
	  { BPF_STMT(BPF_LDX | BPF_MEM, 16), RET },
	  "instruction 0: there is no M[16]",
	  "" },
	{ "word 15", { LOAD(BPF_MEM, 15), RET }, NULL, NULL },
	{ "a load from -1",
	  { LOAD(BPF_ABS, -1), RET },
	  "instruction 0: loads from -1, where nothing is",
	  "" },
	{ "a load before the link header",
	  { LOAD(BPF_ABS, SKF_LL_OFF - 1), RET },
	  "instruction 0: loads from -2097153, where nothing is",
	  "" },
	{ "a load from the link header", { LOAD(BPF_ABS, SKF_LL_OFF), RET }, NULL, NULL },
	{ "a load from the network header by X",
	  { LOAD(BPF_IND, SKF_NET_OFF + 9), RET },
	  NULL,
	  NULL },
	{ "an X from beside the packet",
	  { BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, SKF_AD_OFF), RET },
	  "instruction 0: loads from -4096, where nothing is",
	  "" },
	{ "an ancillary load by X",
	  { LOAD(BPF_IND, SKF_AD_OFF), RET },
	  "instruction 0: loads from -4096, where nothing is",
	  "" },
	{ "between two ancillaries",
	  { LOAD(BPF_ABS, SKF_AD_OFF + 2), RET },
	  "instruction 0: loads from -4094, where nothing is",
	  "" },
	{ "beyond the ancillaries",
	  { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_MAX), RET },
	  "instruction 0: loads from -4032, where nothing is",
	  "" },
	{ "#proto",
	  { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL), RET },
	  "instruction 0: #proto is not known at XDP",
	  NULL },
	{ "#type",
	  { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE), RET },
	  "instruction 0: #type is not known at XDP",
	  NULL },
	{ "#ifidx", { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_IFINDEX), RET }, NULL, NULL },
	{ "#nla",
	  { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_NLATTR), RET },
	  "instruction 0: #nla is not known at XDP",
	  "instruction 0: #nla is not known at tc" },
	{ "#mark", { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_MARK), RET }, NULL, NULL },
	{ "#queue", { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_QUEUE), RET }, NULL, NULL },
	{ "#hatype",
	  { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_HATYPE), RET },
	  "instruction 0: #hatype is not known at XDP",
	  "instruction 0: #hatype is not known at tc" },
	{ "#rxhash",
	  { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_RXHASH), RET },
	  "instruction 0: #rxhash is not known at XDP",
	  NULL },
	{ "#cpu", { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_CPU), RET }, NULL, NULL },
	{ "#poff",
	  { RET, LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_PAY_OFFSET), RET },
	  "instruction 1: #poff is not known at XDP",
	  "instruction 1: #poff is not known at tc" },
	{ "#rand", { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_RANDOM), RET }, NULL, NULL },
	{ "#vlan_tci",
	  { LOAD(BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG), RET },
	  "instruction 0: #vlan_tci is not known at XDP",
	  NULL },
};

static __u32 length_of(const struct sock_filter insns[4])
{
	static const struct sock_filter none;
	__u32 count = 0;

	while (count < 4 && memcmp(&insns[count], &none, sizeof(none)))
		count++;
	return count;
}

static void test_program(size_t number, enum lana_flavour flavour)
{
	const char *name = flavour == LANA_XDP ? "XDP" : "tc", *want = programs[number].xdp;
	struct classic filter = { .count = length_of(programs[number].insns) };
	struct lana_error error = {};
	int err;

	if (flavour == LANA_TC && !(programs[number].tc && !*programs[number].tc))
		want = programs[number].tc;
	memcpy(filter.insns, programs[number].insns, sizeof(programs[number].insns));
	err = classic_check(&filter, flavour, &error);
	if (!want)
		tap_is(err, 0, "%s: %s is taken%s", name, programs[number].what, error.text);
	else
		tap_ok(err == -EINVAL && strstr(error.text, want), "%s: %s: %s", name,
		       programs[number].what, error.text);
}

static void test_programs(void)
{
	struct classic endless = { .count = CLASSIC_MAX + 1 };
	struct lana_error error = {};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		test_program(i, LANA_XDP);
		test_program(i, LANA_TC);
	}
	tap_is(classic_check(&endless, LANA_XDP, &error), -EINVAL, "513 instructions: %s",
	       error.text);
}

int main(void)
{
	unsigned int seed = getenv("CLASSIC_SEED") ? atoi(getenv("CLASSIC_SEED")) : time(NULL);

	packets_count = getenv("CLASSIC_PACKETS") ? atoi(getenv("CLASSIC_PACKETS")) : 10000;
	filters_count = filter_expressions_count;
	topology_begin();
	srandom(seed);
	tap_note("CLASSIC_SEED=%u CLASSIC_PACKETS=%zu", seed, packets_count);
	compile();
	make_packets();
	ask_libpcap();
	run_modes();
	run_wire();
	test_expressions();
	test_empty();
	test_long();
	test_programs();
	return tap_done();
}
