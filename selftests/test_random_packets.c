// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_random_packets - no packet and no option makes a block of any type leave its bounds
 *
 * Every type that was built runs at XDP and at tc, with its options at zero and at random, and is
 * fed packets of the usual protocols, some of them changed, random bytes, and packets cut behind
 * each of their first bytes. Each packet must be accounted for exactly once, by a
 * port or a reason that the type has. That no byte beyond a packet is read is for the kernel's
 * verifier to show, which every program has passed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>

#include "filter_packet.h"
#include "tap.h"
#include "topology.h"
#include "workbench.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

static const char types[] = LANA_TYPES_DIR;

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

#define OPTION_SETS 4 /* the first of them: all zero */
#define PACKETS	    100
#define CUT_PACKETS 3

/* ---- options ---------------------------------------------------------------------------- */

/* A value that the option may have: the extremes as often as all others. */
static unsigned long long random_value(const struct lana_field *field)
{
	unsigned long long value = (unsigned long long)random() << 33 ^ random() << 11 ^ random();
	unsigned long long most = field->most ?: ~0ULL >> (64 - 8 * field->size);

	switch (random() % 4) {
	case 0:
		return field->least;
	case 1:
		return most;
	case 2:
		value %= 16;
	}
	return most - field->least == ~0ULL ? value
					    : field->least + value % (most - field->least + 1);
}

/* Only unsigned integers: other kinds of options have texts of their own, in other tests. */
static bool is_drawn(const struct lana_field *field)
{
	return !strncmp(field->type, "__u", 3) && !strchr(field->type, '[');
}

static bool draws_options(const struct lana_type_info *type)
{
	for (unsigned int i = 0; i < type->config_count; i++)
		if (is_drawn(&type->config[i]))
			return true;
	return false;
}

static void random_options(const struct lana_type_info *type, char *text, size_t size)
{
	size_t length = 0;

	*text = 0;
	for (unsigned int i = 0; i < type->config_count; i++) {
		const struct lana_field *field = &type->config[i];

		if (!is_drawn(field))
			continue;
		length += snprintf(text + length, size - length, "%s%s=%llu", length ? " " : "",
				   field->name, random_value(field));
		if (length >= size)
			tap_bail("%s has too many options", type->name);
	}
}

static struct lana_type_info type_of(struct workbench *bench, const char *name)
{
	struct lana_type_info *all, found = {};
	struct lana_error error;
	size_t count;

	if (lana_type_load(bench->stack, name, &error) ||
	    lana_type_list(bench->stack, &all, &count, &error))
		tap_bail("%s: %s", name, error.text);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(all[i].name, name))
			found = all[i];
	free(all);
	return found;
}

/* ---- packets ---------------------------------------------------------------------------- */

static void random_packet(struct packet *packet)
{
	*packet = (struct packet){};
	if (random() % 4) {
		packet->size = filter_packet(packet->bytes);
	} else {
		packet->size = ETH_HLEN + random() % 200;
		for (unsigned int i = 0; i < packet->size; i++)
			packet->bytes[i] = random();
	}
	if (packet->size < ETH_HLEN) /* the kernel makes none */
		packet->size = ETH_HLEN;
}

/* ---- the test --------------------------------------------------------------------------- */

struct result {
	unsigned int packets, unaccounted, invalid;
};

static void run(struct workbench *bench, enum lana_flavour flavour, const struct packet *packet,
		struct result *result)
{
	struct packet copy = *packet;
	char where[64];

	if (!workbench_run(bench, flavour, &copy, where, sizeof(where)))
		return;
	result->packets++;
	result->unaccounted += !strcmp(where, "?");
	result->invalid += !strcmp(where, "drop invalid");
}

static void run_all(struct workbench *bench, enum lana_flavour flavour, struct result *result)
{
	struct packet packet;

	for (int i = 0; i < PACKETS; i++) {
		random_packet(&packet);
		run(bench, flavour, &packet, result);
	}
	for (int i = 0; i < CUT_PACKETS; i++) {
		random_packet(&packet);
		for (unsigned int size = ETH_HLEN; size < packet.size && size < 120; size++) {
			struct packet cut = packet;

			cut.size = size;
			run(bench, flavour, &cut, result);
		}
	}
}

/* Options that no number is; they turn other code of the type on. */
static const struct {
	const char *type, *options;
} words[] = {
	{ "route", "mode=kernel" },
	{ "icmp_error", "kind=big source=10.0.0.9 source6=fd00::9 mtu=1300" },
	{ "icmp_error", "kind=host source=10.0.0.9 source6=fd00::9 rate=4000000000" },
	{ "arp", "address=10.0.0.2" },
	{ "ndisc", "address=2001:db8::2 router=on" },
	{ "echo", "address=10.0.0.2 address6=2001:db8::2" },
	{ "fragment", "mtu=68" },
	{ "gate", "closed=on" },
	{ "threshold", "at=3 every=2 unit=bytes" },
};

/* Which port it is follows from the packet only where ports lead somewhere: all do, to one end. */
static const char *const choices[] = { "mode=hash", "mode=round-robin",
				       "mode=weighted weights=0,1,2,65535", "mode=first" };

static unsigned long long dropped(struct workbench *bench)
{
	unsigned long long sum = 0;
	struct lana_block_stats *stats;
	struct lana_error error;
	size_t count;

	if (lana_block_stats(bench->stack, "end", &stats, &count, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < stats->path[LANA_INGRESS].drops_count; i++)
		sum += stats->path[LANA_INGRESS].drops[i].value;
	free(stats);
	return sum;
}

static void test_choice(struct workbench *bench, const char *options)
{
	struct lana_bind_options way = { .ingress = true };
	struct result result = {};
	struct lana_error error;
	char port[8];
	int err;

	err = workbench_add(bench, "fanout", options, &error);
	if (!err)
		err = lana_block_add(bench->stack, "end", "drop", NULL, &error);
	for (int i = 0; !err && i < LANA_PORTS_MAX; i++) {
		snprintf(port, sizeof(port), "%d", i);
		way.port = port;
		err = lana_bind(bench->stack, "end", "dut", &way, &error);
	}
	if (err)
		tap_bail("fanout %s: %s", options, error.text);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		run_all(bench, flavour, &result);
	tap_is(dropped(bench), result.packets, "fanout %s leads each of %u packets to one port",
	       options, result.packets);
	for (int i = 0; i < LANA_PORTS_MAX; i++) {
		snprintf(port, sizeof(port), "%d", i);
		way.port = port;
		lana_unbind(bench->stack, "end", "dut", &way, NULL);
	}
	lana_block_rm(bench->stack, "end", NULL);
	workbench_rm(bench);
}

static void test_words(struct workbench *bench, const char *type, const char *options)
{
	struct result result = {};
	struct lana_error error;

	if (workbench_add(bench, type, options, &error)) {
		tap_ok(false, "%s %s: %s", type, options, error.text);
		return;
	}
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		run_all(bench, flavour, &result);
	workbench_rm(bench);
	tap_ok(result.packets > PACKETS / 2 && !result.unaccounted && !result.invalid,
	       "%s %s accounts for each of %u packets once (%u not, %u invalid)", type, options,
	       result.packets, result.unaccounted, result.invalid);
}

/* With options drawn until they fit each other, in the first set with none. */
static int add(struct workbench *bench, const struct lana_type_info *type, int set, char *options,
	       size_t size, struct lana_error *error)
{
	int err = -ERANGE;

	for (int tries = 0; err == -ERANGE && tries < 20; tries++) {
		if (set)
			random_options(type, options, size);
		err = workbench_add(bench, type->name, options, error);
	}
	return err;
}

static void test_type(struct workbench *bench, const char *name)
{
	struct lana_type_info type = type_of(bench, name);

	srandom(1);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		struct result result = {};
		struct lana_error error;
		char options[256] = "";

		for (int set = 0; set < OPTION_SETS; set++) {
			if (set && !draws_options(&type))
				break;
			if (add(bench, &type, set, options, sizeof(options), &error)) {
				tap_ok(false, "%s: %s %s: %s", flavours[flavour], name, options,
				       error.text);
				return;
			}
			run_all(bench, flavour, &result);
			if (result.unaccounted || result.invalid)
				tap_note("with %s", *options ? options : "no options");
			workbench_rm(bench);
		}
		tap_ok(result.packets > PACKETS / 2 && !result.unaccounted,
		       "%s: %s accounts for each of %u packets once (%u not)", flavours[flavour],
		       name, result.packets, result.unaccounted);
		tap_is(result.invalid, 0, "%s: %s keeps to its ports and reasons",
		       flavours[flavour], name);
	}
}

/* Lana makes them itself. */
static bool is_not_added(const char *file)
{
	return !strcmp(file, "device.bpf.o") || !strcmp(file, "socket.bpf.o") ||
	       !strcmp(file, "worker.bpf.o");
}

int main(void)
{
	DIR *dir = opendir(types);
	struct lana_finding *findings;
	struct workbench bench;
	struct dirent *entry;
	size_t count = 1;

	topology_begin();
	workbench_open(&bench, types);
	while (dir && (entry = readdir(dir))) {
		char *dot = strstr(entry->d_name, ".bpf.o");

		if (!dot || dot[strlen(".bpf.o")] || is_not_added(entry->d_name))
			continue;
		*dot = 0;
		test_type(&bench, entry->d_name);
	}
	if (dir)
		closedir(dir);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		test_words(&bench, words[i].type, words[i].options);
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++)
		test_choice(&bench, choices[i]);
	if (!lana_stack_check(bench.stack, &findings, &count, NULL))
		free(findings);
	tap_is(count, 0, "the stack is sound after all this");
	workbench_close(&bench);
	return tap_done();
}
