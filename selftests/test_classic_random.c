// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_classic_random - random programs of the classic machine, translated, do what the machine
 * does
 *
 * All instructions and ancillary loads, over random packets, at XDP (in one buffer, and in two) and
 * at tc, folded and as emitted. What is right is what a machine in plain C (filter_machine.c) does;
 * and where libpcap's interpreter knows all that a program does, it has to agree. CLASSIC_SEED
 * repeats a run, CLASSIC_PROGRAMS says how many programs (1,024 for each of the two).
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include "filter_ancillary.h"
#include "filter_machine.h"
#include "filter_packet.h"
#include "filter_program.h"
#include "filter_run.h"
#include "loader/cleanup.h"
#include "tap.h"
#include "topology.h"

#define PACKETS	   100 /* a program */
#define GROUP	   16  /* programs that are loaded as one */
#define FAULTS_MAX 5

static struct packet {
	unsigned char bytes[FILTER_PACKET_MAX];
	unsigned int size, linear; /* linear: where its first buffer ends, if it has two */
} packets[PACKETS];

static struct classic programs[GROUP];
static struct filter_machine machine;
static unsigned long faults, pairs, libpcap_pairs, libpcap_faults;

static unsigned int below(unsigned int limit)
{
	return random() % limit;
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void explain(const struct classic *program, const struct packet *packet,
		    unsigned long long got, unsigned long long want, const char *who)
{
	tap_note("%s 0x%llx, not 0x%llx, for %u bytes, %u of them linear:", who, got, want,
		 packet->size, packet->linear);
	for (__u32 i = 0; i < program->count && i < 64; i++)
		tap_note("  %u: { 0x%02x, %u, %u, 0x%x }", i, program->insns[i].code,
			 program->insns[i].jt, program->insns[i].jf, program->insns[i].k);
}

static void compare(const struct filter_run *run, const struct packet *packet)
{
	filter_ancillary(run->flavour, packet->bytes, machine.ancillary);
	for (int i = 0; i < GROUP; i++) {
		__u32 want =
			filter_machine_run(&machine, &programs[i], packet->bytes, packet->size);
		__u32 libpcap;

		pairs++;
		if (run->results[i] != want && faults++ < FAULTS_MAX)
			explain(&programs[i], packet, run->results[i], want, "the kernel returns");
		if (machine.special)
			continue;
		libpcap_pairs++;
		libpcap = filter_libpcap(&programs[i], packet->bytes, packet->size);
		if (libpcap != want && libpcap_faults++ < FAULTS_MAX)
			explain(&programs[i], packet, libpcap, want, "libpcap returns");
	}
}

static void run_group(enum lana_flavour flavour, bool folded, bool split)
{
	struct filter_run run = { .program = -1, .map = -1 };
	char text[2048];

	if (filter_run_open(&run, flavour, folded, programs, GROUP, text, sizeof(text)))
		tap_bail("the kernel refuses programs: %s", text);
	for (int i = 0; i < PACKETS; i++) {
		const struct packet *packet = &packets[i];

		if (filter_run_packet(&run, packet->bytes, packet->size,
				      split ? packet->linear : packet->size))
			compare(&run, packet);
	}
	filter_run_close(&run);
}

static void random_group(enum lana_flavour flavour)
{
	for (int i = 0; i < GROUP; i++)
		filter_program(&programs[i], flavour);
	for (int i = 0; i < PACKETS; i++) {
		packets[i].size = filter_packet(packets[i].bytes);
		packets[i].linear = ETH_HLEN + below(packets[i].size - ETH_HLEN + 1);
	}
}

static void run_flavour(enum lana_flavour flavour, int count)
{
	bool splits = flavour == LANA_XDP && filter_run_splits();

	faults = pairs = libpcap_faults = libpcap_pairs = 0;
	for (int done = 0; done < count; done += GROUP) {
		random_group(flavour);
		for (int folded = 0; folded <= 1; folded++)
			for (int split = 0; split <= splits; split++)
				run_group(flavour, folded, split);
	}
	tap_is(faults, 0, "%s: %lu results are the machine's", flavour == LANA_XDP ? "XDP" : "tc",
	       pairs);
	tap_is(libpcap_faults, 0, "of which libpcap confirms %lu", libpcap_pairs);
	tap_ok(libpcap_pairs > pairs / 4, "a quarter at least");
}

/* ---- was it worth it? ---------------------------------------------------------------------- */

static void check_variety(void)
{
	static const __u16 codes[] = { BPF_LD | BPF_W | BPF_ABS,
				       BPF_LD | BPF_H | BPF_ABS,
				       BPF_LD | BPF_B | BPF_ABS,
				       BPF_LD | BPF_W | BPF_IND,
				       BPF_LD | BPF_H | BPF_IND,
				       BPF_LD | BPF_B | BPF_IND,
				       BPF_LD | BPF_W | BPF_LEN,
				       BPF_LD | BPF_IMM,
				       BPF_LD | BPF_MEM,
				       BPF_LDX | BPF_W | BPF_LEN,
				       BPF_LDX | BPF_IMM,
				       BPF_LDX | BPF_MEM,
				       BPF_LDX | BPF_B | BPF_MSH,
				       BPF_ST,
				       BPF_STX,
				       BPF_ALU | BPF_NEG,
				       BPF_JMP | BPF_JA,
				       BPF_RET | BPF_K,
				       BPF_RET | BPF_A,
				       BPF_MISC | BPF_TAX,
				       BPF_MISC | BPF_TXA };
	static const __u16 operations[] = { BPF_ALU | BPF_ADD, BPF_ALU | BPF_SUB, BPF_ALU | BPF_MUL,
					    BPF_ALU | BPF_DIV, BPF_ALU | BPF_MOD, BPF_ALU | BPF_AND,
					    BPF_ALU | BPF_OR,  BPF_ALU | BPF_XOR, BPF_ALU | BPF_LSH,
					    BPF_ALU | BPF_RSH, BPF_JMP | BPF_JEQ, BPF_JMP | BPF_JGT,
					    BPF_JMP | BPF_JGE, BPF_JMP | BPF_JSET };
	static const __u16 asked[] = { SKF_AD_PROTOCOL,	 SKF_AD_PKTTYPE,	 SKF_AD_IFINDEX,
				       SKF_AD_MARK,	 SKF_AD_QUEUE,		 SKF_AD_RXHASH,
				       SKF_AD_CPU,	 SKF_AD_ALU_XOR_X,	 SKF_AD_VLAN_TAG,
				       SKF_AD_VLAN_TPID, SKF_AD_VLAN_TAG_PRESENT };
	unsigned long least = ~0UL;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		least = machine.ran[codes[i]] < least ? machine.ran[codes[i]] : least;
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		for (__u16 source = BPF_K; source <= BPF_X; source += BPF_X)
			if (machine.ran[operations[i] | source] < least)
				least = machine.ran[operations[i] | source];
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		least = machine.asked[asked[i] / 4] < least ? machine.asked[asked[i] / 4] : least;
	tap_ok(least > 1000, "each instruction and ancillary load ran %lu times at least", least);
	tap_ok(machine.taken > 1000 && machine.beyond > 1000,
	       "%lu jumps left something out, %lu loads were beyond the packet", machine.taken,
	       machine.beyond);
}

/* Random numbers are random. */
static void test_random_load(void)
{
	struct classic program = { 2,
				   { BPF_STMT(BPF_LD | BPF_ABS, SKF_AD_OFF + SKF_AD_RANDOM),
				     BPF_STMT(BPF_RET | BPF_A, 0) } };
	struct filter_run run = { .program = -1, .map = -1 };
	uint64_t all_set = ~0ULL, any_set = 0;
	char text[512];

	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		if (filter_run_open(&run, flavour, true, &program, 1, text, sizeof(text)))
			tap_bail("#rand: %s", text);
		for (int i = 0; i < 64; i++) {
			filter_run_packet(&run, packets[0].bytes, 60, 60);
			all_set &= run.results[0];
			any_set |= run.results[0];
		}
		filter_run_close(&run);
		tap_ok(!all_set && any_set == 0xffffffff, "#rand: 32 bits, each set now and then");
	}
}

static void pin_to_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		tap_bail("sched_setaffinity: %s", strerror(errno));
}

int main(void)
{
	unsigned int seed = getenv("CLASSIC_SEED") ? atoi(getenv("CLASSIC_SEED")) : time(NULL);
	int count = getenv("CLASSIC_PROGRAMS") ? atoi(getenv("CLASSIC_PROGRAMS")) : 1024;

	topology_begin();
	pin_to_cpu();
	srandom(seed);
	tap_note("CLASSIC_SEED=%u CLASSIC_PROGRAMS=%d", seed, count);
	run_flavour(LANA_XDP, count);
	run_flavour(LANA_TC, count);
	check_variety();
	test_random_load();
	return tap_done();
}
