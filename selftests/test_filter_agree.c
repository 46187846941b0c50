// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_filter_agree - filter blocks take the packets that libpcap's interpreter takes, and random
 * programs do what the classic machine does
 *
 * In real stacks: at XDP (packets in one buffer, and in two) and at tc, with blocks fused and with
 * a program a block. FILTER_SEED repeats a run, FILTER_PACKETS says how many packets for the
 * expressions (10,000), FILTER_PROGRAMS how many programs (1,056).
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/if_ether.h>

#include "filter_ancillary.h"
#include "filter_chain.h"
#include "filter_expressions.h"
#include "filter_machine.h"
#include "filter_packet.h"
#include "filter_program.h"
#include "filter_run.h"
#include "loader/cleanup.h"
#include "tap.h"
#include "topology.h"

#define FAULTS_MAX	5
#define PROGRAM_PACKETS 100 /* a program */

static struct packet {
	unsigned char bytes[FILTER_PACKET_MAX];
	unsigned int size, linear; /* linear: where its first buffer ends, if it has two */
} * packets;

static size_t packets_count, programs_count;
static unsigned long faults;

/* ---- modes -------------------------------------------------------------------------------- */

struct mode {
	enum lana_flavour flavour;
	bool fused, split;
};

static const struct mode modes[] = {
	{ LANA_XDP, true, false }, { LANA_XDP, true, true },  { LANA_XDP, false, false },
	{ LANA_TC, true, false },  { LANA_TC, false, false },
};

static const char *describe(const struct mode *mode)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s, %s, %s", mode->flavour == LANA_XDP ? "XDP" : "tc",
		 mode->fused ? "fused" : "a program a block",
		 mode->split ? "two buffers" : "one buffer");
	return text;
}

static void make_packets(size_t count)
{
	packets = realloc(packets, count * sizeof(*packets));
	if (!packets)
		tap_bail("no memory");
	for (size_t i = 0; i < count; i++) {
		packets[i].size = filter_packet(packets[i].bytes);
		packets[i].linear = ETH_HLEN + random() % (packets[i].size - ETH_HLEN + 1);
	}
}

/* What packets were taken by, as bits: is it what is wanted? */
static void compare(const struct packet *packet, uint64_t taken, uint64_t wanted,
		    const char *const *options)
{
	uint64_t wrong = taken ^ wanted;
	char hex[2 * 128 + 1] = "";

	if (!wrong || faults++ >= FAULTS_MAX)
		return;
	for (unsigned int i = 0; i < packet->size && i < 128; i++)
		sprintf(hex + 2 * i, "%02x", packet->bytes[i]);
	tap_note("'%s' %s %u bytes, %u of them linear: %s", options[__builtin_ctzll(wrong)],
		 taken & wrong & -wrong ? "takes" : "does not take", packet->size, packet->linear,
		 hex);
}

/* Run all packets through a chain whose filters take what wanted says. Pairs that were compared. */
static unsigned long run_packets(struct filter_chain *chain, const struct mode *mode, size_t count,
				 const uint64_t *wanted, const char *const *options)
{
	unsigned long compared = 0;
	uint64_t taken;

	for (size_t i = 0; i < count; i++) {
		const struct packet *packet = &packets[i];

		if (!filter_chain_run(chain, packet->bytes, packet->size,
				      mode->split ? packet->linear : packet->size, &taken))
			continue;
		compare(packet, taken, wanted[i], options);
		compared += chain->count;
	}
	return compared;
}

/* Blocks are fused, as far as programs of lana's limits go. */
static void check_programs(struct filter_chain *chain)
{
	unsigned int programs = filter_chain_programs(chain), blocks = 2 * chain->count + 1;

	if (chain->fused)
		tap_ok(programs < 8, "%u blocks are %u programs", blocks, programs);
	else
		tap_ok(programs >= chain->count, "%u programs", programs);
}

/* ---- expressions -------------------------------------------------------------------------- */

static char **expressions; /* as options */
static uint32_t *libpcap;  /* by expression and packet: bit n is packet 32 i + n */

static size_t words(void)
{
	return packets_count / 32 + 1;
}

static void ask_libpcap(void)
{
	expressions = calloc(filter_expressions_count, sizeof(*expressions));
	libpcap = calloc(filter_expressions_count * words(), sizeof(*libpcap));
	for (size_t i = 0; i < filter_expressions_count; i++) {
		struct lana_error error = {};
		struct classic filter;

		if (classic_compile(filter_expressions[i], &filter, &error))
			tap_bail("%s", error.text);
		if (asprintf(&expressions[i], "expr=%s", filter_expressions[i]) < 0)
			tap_bail("no memory");
		for (size_t j = 0; j < packets_count; j++)
			if (filter_libpcap(&filter, packets[j].bytes, packets[j].size))
				libpcap[i * words() + j / 32] |= 1U << j % 32;
	}
}

static void want_expressions(size_t first, unsigned int count, uint64_t *wanted)
{
	memset(wanted, 0, packets_count * sizeof(*wanted));
	for (unsigned int i = 0; i < count; i++)
		for (size_t j = 0; j < packets_count; j++)
			if (libpcap[(first + i) * words() + j / 32] & 1U << j % 32)
				wanted[j] |= 1ULL << i;
}

static void run_expressions(const struct mode *mode)
{
	struct filter_chain chain = { .flavour = mode->flavour,
				      .type = "filter",
				      .fused = mode->fused,
				      .count =
					      mode->fused ? FILTER_CHAIN_MAX : FILTER_CHAIN_CALLS };
	uint64_t *wanted = calloc(packets_count, sizeof(*wanted));
	unsigned long compared = 0, most = 0;
	size_t last = filter_expressions_count - chain.count;
	size_t count = mode->split ? packets_count / 5 : packets_count; /* two buffers are dear */

	faults = 0;
	filter_chain_open(&chain);
	for (size_t done = 0; done < filter_expressions_count; done += chain.count) {
		size_t first = done < last ? done : last; /* the last group begins earlier */
		const char *const *options = (const char *const *)&expressions[first];

		filter_chain_set(&chain, options);
		want_expressions(first, chain.count, wanted);
		compared += run_packets(&chain, mode, count, wanted, options);
		most += count * chain.count;
	}
	tap_is(faults, 0, "%s: %zu expressions, %lu results are libpcap's", describe(mode),
	       filter_expressions_count, compared);
	/* tc's test runs want IP headers to be whole. */
	tap_ok(compared > most / 10 * (mode->flavour == LANA_TC ? 8 : 10) - 1,
	       "that is enough packets");
	check_programs(&chain);
	filter_chain_close(&chain);
	free(wanted);
}

/* ---- random programs ---------------------------------------------------------------------- */

static unsigned long matches;

static char *numbers_of(const struct classic *program)
{
	char *text, *option;

	if (classic_print(program, CLASSIC_NUMBERS, &text) ||
	    asprintf(&option, "code=%s", text) < 0)
		tap_bail("no memory");
	free(text);
	return option;
}

static void want_programs(const struct mode *mode, const struct classic *programs,
			  unsigned int count, uint64_t *wanted)
{
	static struct filter_machine machine;

	for (size_t j = 0; j < PROGRAM_PACKETS; j++) {
		filter_ancillary(mode->flavour, packets[j].bytes, machine.ancillary);
		wanted[j] = 0;
		for (unsigned int i = 0; i < count; i++)
			if (filter_machine_run(&machine, &programs[i], packets[j].bytes,
					       packets[j].size))
				wanted[j] |= 1ULL << i;
		matches += __builtin_popcountll(wanted[j]);
	}
}

static void run_programs(const struct mode *mode)
{
	struct filter_chain chain = { .flavour = mode->flavour,
				      .type = "sieve",
				      .fused = mode->fused,
				      .adorned = true,
				      .count = 16 };
	struct classic programs[FILTER_CHAIN_MAX];
	uint64_t wanted[PROGRAM_PACKETS];
	char *options[FILTER_CHAIN_MAX];
	unsigned long compared = 0;

	faults = matches = 0;
	filter_chain_open(&chain);
	for (size_t done = 0; done < programs_count; done += chain.count) {
		make_packets(PROGRAM_PACKETS);
		for (unsigned int i = 0; i < chain.count; i++) {
			filter_program(&programs[i], mode->flavour);
			options[i] = numbers_of(&programs[i]);
		}
		filter_chain_set(&chain, (const char *const *)options);
		want_programs(mode, programs, chain.count, wanted);
		compared += run_packets(&chain, mode, PROGRAM_PACKETS, wanted,
					(const char *const *)options);
		for (unsigned int i = 0; i < chain.count; i++)
			free(options[i]);
	}
	tap_is(faults, 0, "%s: %zu programs, %lu results are the machine's", describe(mode),
	       programs_count, compared);
	tap_ok(matches > compared / 10 && matches < compared / 10 * 9,
	       "%lu of them say that the packet matches", matches);
	check_programs(&chain);
	filter_chain_close(&chain);
}

/* ------------------------------------------------------------------------------------------- */

static void pin_to_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		tap_bail("sched_setaffinity: %s", strerror(errno));
}

static size_t number_from(const char *variable, size_t otherwise)
{
	return getenv(variable) ? strtoul(getenv(variable), NULL, 10) : otherwise;
}

int main(void)
{
	unsigned int seed = number_from("FILTER_SEED", time(NULL));
	bool splits;

	packets_count = number_from("FILTER_PACKETS", 10000);
	programs_count = number_from("FILTER_PROGRAMS", 1056);
	topology_begin();
	pin_to_cpu();
	srandom(seed);
	tap_note("FILTER_SEED=%u FILTER_PACKETS=%zu FILTER_PROGRAMS=%zu", seed, packets_count,
		 programs_count);
	splits = filter_run_splits();
	make_packets(packets_count);
	ask_libpcap();
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!modes[i].split || splits)
			run_expressions(&modes[i]);
		else
			tap_skip("this kernel's test runs make no packets of two small buffers");
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!modes[i].split || splits)
			run_programs(&modes[i]);
	return tap_done();
}
