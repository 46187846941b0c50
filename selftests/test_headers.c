// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_headers - blocks that read and change headers: vlan, ipv4, ipv6, checksum, ttl
 *
 * Cases by name, at XDP and at tc; then random packets, sound and spoiled, of which a slow
 * reference says where they have to go and how they have to look there. At XDP some of them are so
 * long that they come in several buffers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ip_reference.h"
#include "tap.h"
#include "topology.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };
static const char *const devices[] = { [LANA_XDP] = "wb1", [LANA_TC] = "wb2" };

#define PACKETS	     1500
#define LONG_PACKETS 60

/* Bytes of a text: hexadecimal, and "*N" for N bytes of 0. */
static void read_packet(struct packet *packet, const char *text)
{
	unsigned int byte, zeros;
	int length;

	*packet = (struct packet){};
	for (; *text; text += length) {
		length = 1;
		if (sscanf(text, "*%u%n", &zeros, &length) == 1)
			packet->size += zeros;
		else if (sscanf(text, "%2x%n", &byte, &length) == 1)
			packet->bytes[packet->size++] = byte;
	}
}

/* ---- cases ---------------------------------------------------------------------------------- */

#define MACS	 "020000000001 020000000002 "
#define C5	 "8100 6005 " /* customer's tag: priority 3, VLAN 5 */
#define S7	 "88a8 0007 "
#define REST	 "1234 *50"
#define IPV4	 MACS "0800 "
#define IPV6	 MACS "86dd "
#define ADDRESS6 "20010db8000000000000000000000001 "
#define HEADER6	 ADDRESS6 ADDRESS6

static const struct test {
	const char *type, *options, *packet, *where, *after; /* NULL: unchanged */
	const char *counter;				     /* that counts 1 */
} tests[] = {
	{ "vlan", NULL, MACS C5 REST, "next", NULL, NULL },
	{ "vlan", "mode=match id=5", MACS C5 REST, "next", NULL, NULL },
	{ "vlan", "mode=match id=6", MACS C5 REST, "other", NULL, NULL },
	{ "vlan", "mode=match id=5 service=on", MACS C5 REST, "other", NULL, NULL },
	{ "vlan", "mode=match id=7 service=on", MACS S7 C5 REST, "next", NULL, NULL },
	{ "vlan", "mode=match id=5", MACS S7 C5 REST, "other", NULL, NULL }, /* the outermost one */
	{ "vlan", "mode=match", MACS REST, "other", NULL, NULL },
	{ "vlan", "mode=pop id=5", MACS C5 REST, "next", MACS REST, NULL },
	{ "vlan", "mode=pop id=4", MACS C5 REST, "other", NULL, NULL },
	{ "vlan", "mode=pop", MACS "8100 0000 " REST, "next", MACS REST, NULL },
	{ "vlan", "mode=pop", MACS REST, "other", NULL, NULL },
	{ "vlan", "mode=pop", MACS "8100 60", "other", NULL, NULL }, /* cut */

	{ "ipv4", NULL, MACS "0806 *46", "drop protocol", NULL, NULL },
	{ "ipv4", NULL, IPV4 "45000014 00000000 40fd 79ee 00000000 00000000 *26", "good", NULL,
	  NULL },
	{ "ipv4", NULL, IPV4 "45000014 00000000 40fd 79ef 00000000 00000000 *26", "bad", NULL,
	  "bad_checksum" },
	{ "ipv4", NULL, IPV4 "55000014 00000000 40fd 69ee 00000000 00000000 *26", "bad", NULL,
	  "bad_version" },
	{ "ipv4", NULL, IPV4 "45000030 00000000 40fd 79d2 00000000 00000000 *26", "bad", NULL,
	  "bad_length" },
	{ "ipv4", NULL, IPV4 "44000014 00000000 40fd 7aee 00000000 00000000 *26", "bad", NULL,
	  "bad_length" },
	{ "ipv4", NULL, IPV4 "45000013 00000000 40fd 79ef 00000000 00000000 *26", "bad", NULL,
	  "bad_length" },
	{ "ipv4", NULL, IPV4 "46000018 00000000 40fd 77e9 00000000 00000000 01010000 *22",
	  "options", NULL, NULL },
	{ "ipv4", NULL, IPV4 "46000018 00000000 40fd 77ea 00000000 00000000 01010000 *22", "bad",
	  NULL, "bad_checksum" },
	{ "ipv4", NULL, IPV4 "45000014 00002000 40fd 59ee 00000000 00000000 *26", "fragment", NULL,
	  NULL },
	{ "ipv4", NULL, IPV4 "45000014 00000001 40fd 79ed 00000000 00000000 *26", "fragment", NULL,
	  NULL },
	{ "ipv4", NULL, IPV4 "45000014 00004000 40fd 39ee 00000000 00000000 *26", "good", NULL,
	  NULL },

	{ "ipv6", NULL, IPV6 "60000000 0000 3b40 " HEADER6, "good", NULL, NULL },
	{ "ipv6", NULL, IPV6 "40000000 0000 3b40 " HEADER6, "bad", NULL, "bad_version" },
	{ "ipv6", NULL, IPV6 "60000000 0001 3b40 " HEADER6, "bad", NULL, "bad_length" },
	{ "ipv6", NULL, IPV6 "60000000 0008 0040 " HEADER6 "3b00*6", "extensions", NULL, NULL },
	{ "ipv6", NULL, IPV6 "60000000 0008 0040 " HEADER6 "3b01*6", "bad", NULL,
	  "bad_extensions" },
	{ "ipv6", NULL, IPV6 "60000000 0010 3c40 " HEADER6 "0000*6 3b00*6", "bad", NULL,
	  "bad_extensions" }, /* hop-by-hop options that are not the first */
	{ "ipv6", NULL, IPV6 "60000000 0008 2c40 " HEADER6 "1100 0001 *4", "fragment", NULL, NULL },
	{ "ipv6", NULL, IPV6 "60000000 0008 2c40 " HEADER6 "2b00 0008 *4", "fragment", NULL, NULL },
	{ "ipv6", NULL,
	  IPV6 "60000000 0040 3c40 " HEADER6 "3c00*6 3c00*6 3c00*6 3c00*6 3c00*6 3c00*6 3c00*6 "
	       "3b00*6",
	  "extensions", NULL, NULL },
	{ "ipv6", NULL,
	  IPV6 "60000000 0048 3c40 " HEADER6 "3c00*6 3c00*6 3c00*6 3c00*6 3c00*6 3c00*6 3c00*6 "
	       "3c00*6 3b00*6",
	  "bad", NULL, "bad_extensions" },
	{ "ipv6", NULL, MACS "0800 *46", "drop protocol", NULL, NULL },

	{ "checksum", NULL, MACS "0806 *46", "next", NULL, NULL },
	{ "checksum", "transport=ignore", IPV4 "45000014 00000000 40fd 79ef 00000000 00000000 *26",
	  "bad", NULL, "network_bad" },
	{ "checksum", "network=ignore transport=ignore",
	  IPV4 "45000014 00000000 40fd 79ef 00000000 00000000 *26", "next", NULL, NULL },
	{ "checksum", "network=set", IPV4 "45000014 00000000 40fd 1234 00000000 00000000 *26",
	  "next", IPV4 "45000014 00000000 40fd 79ee 00000000 00000000 *26", "network_set" },
	/* UDP over IPv4: no checksum, and one that comes to 0 and is sent as ffff */
	{ "checksum", NULL, IPV4 "4500001c 00000000 4011 7ad2 00000000 00000000 00010002 00080000",
	  "next", NULL, "transport_skipped" },
	{ "checksum", "transport=set",
	  IPV4 "4500001c 00000000 4011 7ad2 00000000 00000000 0001ffdd 00080000", "next",
	  IPV4 "4500001c 00000000 4011 7ad2 00000000 00000000 0001ffdd 0008ffff", "transport_set" },

	{ "snap", NULL, MACS REST, "next", NULL, NULL },
	{ "snap", "bytes=60", MACS REST, "next", MACS "1234 *46", "cut" },
	{ "snap", "bytes=63", MACS REST, "next", MACS "1234 *49", "cut" },
	{ "snap", "bytes=64", MACS REST, "next", NULL, NULL },
	{ "snap", "bytes=1", MACS REST, "next", MACS "1234 *46", "cut" }, /* as short as may be */
	{ "snap", "bytes=100", MACS "1234 *46", "next", NULL, NULL },

	{ "ttl", NULL, IPV6 "60000000 0000 3b40 " HEADER6, "next",
	  IPV6 "60000000 0000 3b3f " HEADER6, NULL },
	{ "ttl", NULL, IPV6 "60000000 0000 3b01 " HEADER6, "dead", NULL, NULL },
	{ "ttl", NULL, IPV6 "60000000 0000 3b00 " HEADER6, "dead", NULL, "arrived_zero" },
	{ "ttl", "reserve=8", IPV6 "60000000 0000 3b09 " HEADER6, "dead", NULL, NULL },
};

static void run_test(struct workbench *bench, const struct test *test, enum lana_flavour flavour)
{
	struct packet packet, after;
	struct lana_error error;
	char where[64], label[256];

	snprintf(label, sizeof(label), "%s: %s%s%s, %s", flavours[flavour], test->type,
		 test->options ? " " : "", test->options ?: "", test->packet + strlen(MACS));
	if (workbench_add(bench, test->type, test->options, &error)) {
		tap_ok(false, "%s: %s", label, error.text);
		return;
	}
	read_packet(&packet, test->packet);
	read_packet(&after, test->after ?: test->packet);
	if (workbench_run(bench, flavour, &packet, where, sizeof(where))) {
		tap_is_text(where, test->where, "%s", label);
		tap_ok(packet.size == after.size && !memcmp(packet.bytes, after.bytes, after.size),
		       "%s: what becomes of it", label);
		if (test->counter)
			tap_is(workbench_counter(bench, test->counter), 1, "%s: counts %s", label,
			       test->counter);
	}
	workbench_rm(bench);
}

/* ---- tags that are put on -------------------------------------------------------------------- */

/* At tc a tag that was put on is not in the packet: only a block further on can tell of it. */
static void test_push(struct workbench *bench, enum lana_flavour flavour)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	static const struct {
		const char *inner[4], *outer[4], *options, *where;
	} pushes[] = {
		{ { "mode=push", "id=5" }, { "mode=push", "id=9", "pcp=7" }, "id=9", "next" },
		{ { "mode=push", "id=5" }, { "mode=push", "id=9" }, "id=5", "other" },
		{ { "mode=push", "id=5" }, { "mode=push", "service=on" }, "service=on", "next" },
		{ { "mode=push", "id=5" }, { "mode=pop" }, "id=0", "other" },
		{ { "mode=push", "id=4095" }, { "mode=match" }, "id=4095", "next" },
	};
	struct lana_stack *stack = bench->stack;
	struct packet packet, before;
	struct lana_error error = {};
	char where[64];

	lana_block_add(stack, "p1", "vlan", NULL, &error);
	lana_block_add(stack, "p2", "vlan", NULL, &error);
	workbench_add(bench, "vlan", "mode=match", &error);
	lana_bind(stack, "dut", "p2", &ingress, &error);
	lana_bind(stack, "p2", "p1", &ingress, &error);
	lana_bind(stack, "p1", devices[flavour], &ingress, &error);
	read_packet(&before, MACS REST);
	for (size_t i = 0; i < sizeof(pushes) / sizeof(pushes[0]); i++) {
		const char *clear[] = { "mode=match", "id=0", "pcp=0", "service=off", NULL };
		const char *options[] = { pushes[i].options, NULL };

		lana_block_set(stack, "p1", clear, &error);
		lana_block_set(stack, "p2", clear, &error);
		lana_block_set(stack, "dut", clear, &error);
		lana_block_set(stack, "p1", pushes[i].inner, &error);
		lana_block_set(stack, "p2", pushes[i].outer, &error);
		lana_block_set(stack, "dut", options, &error);
		packet = before;
		workbench_run(bench, flavour, &packet, where, sizeof(where));
		tap_is_text(where, pushes[i].where, "%s: vlan push, row %zu (%s)",
			    flavours[flavour], i, error.text);
		if (flavour == LANA_XDP && !i)
			tap_ok(packet.size == before.size + 8 &&
				       !memcmp(packet.bytes, before.bytes, 12) &&
				       !memcmp(packet.bytes + 12,
					       "\x81\x00\xe0\x09\x81\x00\x00\x05", 8) &&
				       !memcmp(packet.bytes + 20, before.bytes + 12,
					       before.size - 12),
			       "xdp: two tags stand behind the addresses");
	}
	lana_bind(stack, "dut", devices[flavour], &ingress, &error);
	lana_unbind(stack, "dut", "p2", NULL, &error);
	lana_unbind(stack, "p2", "p1", NULL, &error);
	lana_block_rm(stack, "p2", &error);
	lana_block_rm(stack, "p1", &error);
	workbench_rm(bench);
}

/* ---- size, ports and addresses --------------------------------------------------------------- */

/* Put the test block on the bench so, and run a packet. */
static void reshape(struct workbench *bench, enum lana_flavour flavour, const char *options,
		    struct packet *packet, const char *where)
{
	struct lana_error error;
	char got[64];

	if (workbench_add(bench, "reshape", options, &error))
		tap_bail("%s", error.text);
	workbench_run(bench, flavour, packet, got, sizeof(got));
	tap_is_text(got, where, "%s: reshape %s", flavours[flavour], options);
	workbench_rm(bench);
}

static void is_spliced(const struct packet *packet, const struct packet *before, unsigned int head,
		       unsigned int gap, const char *flavour, const char *what)
{
	tap_ok(packet->size == before->size + gap && !memcmp(packet->bytes, before->bytes, head) &&
		       !memcmp(packet->bytes + head + gap, before->bytes + head,
			       before->size - head),
	       "%s: %s", flavour, what);
}

static void test_sizes(struct workbench *bench, enum lana_flavour flavour)
{
	struct packet packet, before;

	srandom(4);
	do
		ip_make(&before, 600);
	while (strcmp(ip_verdict(&before, 4), "good") || before.size < 200);
	packet = before;
	reshape(bench, flavour, "how=insert", &packet, "next");
	is_spliced(&packet, &before, 14, 20, flavours[flavour], "behind the Ethernet header");
	memcpy(packet.bytes + 14, "\x45\0\0\x14\0\0\0\0\x40\x04", 10); /* tc wants to see IP */
	reshape(bench, flavour, "how=take_out", &packet, "next");
	is_spliced(&packet, &before, 14, 0, flavours[flavour], "and as it was");
	reshape(bench, flavour, "how=front", &packet, "next");
	is_spliced(&packet, &before, 0, 14, flavours[flavour], "in front of it");

	packet = before;
	reshape(bench, flavour, "how=resize length=100", &packet, "next");
	tap_ok(packet.size == 100 && !memcmp(packet.bytes, before.bytes, 100), "%s: cut",
	       flavours[flavour]);
	reshape(bench, flavour, "how=resize length=150", &packet, "next");
	tap_ok(packet.size == 150 && !memcmp(packet.bytes, before.bytes, 100) &&
		       !packet.bytes[100] && !memcmp(packet.bytes + 100, packet.bytes + 101, 49),
	       "%s: lengthened by zeros", flavours[flavour]);
	reshape(bench, flavour, "how=resize length=10", &packet, "refused");
	tap_is(packet.size, 150, "%s: a packet keeps its header", flavours[flavour]);
	read_packet(&packet, MACS "0800 *10");
	if (flavour == LANA_XDP)
		reshape(bench, flavour, "how=take_out", &packet, "refused");
}

/* What is right stays right, whatever is changed in it. */
static void test_amended(struct workbench *bench, enum lana_flavour flavour, const char *options)
{
	unsigned int changed = 0, wrong = 0;
	struct lana_error error;
	char where[64];

	srandom(5);
	if (workbench_add(bench, "reshape", options, &error))
		tap_bail("%s", error.text);
	for (int i = 0; i < 400; i++) {
		struct packet packet, before, after;

		ip_make(&packet, 300);
		before = packet;
		workbench_run(bench, flavour, &packet, where, sizeof(where));
		after = packet;
		changed += memcmp(packet.bytes, before.bytes, packet.size) != 0;
		wrong += strcmp(where, "next") || strcmp(ip_checksum_verdict(&after, false),
							 ip_checksum_verdict(&before, false));
	}
	tap_ok(changed > 100, "%s: reshape %s: changes %u packets", flavours[flavour], options,
	       changed);
	tap_is(wrong, 0, "%s: reshape %s: checksums stay right", flavours[flavour], options);
	workbench_rm(bench);
}

/* ---- random packets ------------------------------------------------------------------------- */

/* Where the packet has to go; it becomes what it has to be. */
static const char *expect(const char *type, bool set, struct packet *packet)
{
	if (!strcmp(type, "checksum"))
		return ip_checksum_verdict(packet, set);
	return ip_verdict(packet, !strcmp(type, "ipv4") ? 4 : 6);
}

static void compare(struct workbench *bench, const char *type, bool set, enum lana_flavour flavour,
		    unsigned int payload, int count)
{
	const char *options = set ? "network=set transport=set" : NULL;
	int sound = 0, wrong = 0, differ = 0, run = 0;
	struct lana_error error;

	if (workbench_add(bench, type, options, &error)) {
		tap_ok(false, "%s: %s", type, error.text);
		return;
	}
	srandom(1);
	for (int i = 0; i < count; i++) {
		struct packet packet, wanted;
		const char *where;
		char got[64];

		ip_make(&packet, payload);
		if (random() % 2)
			ip_spoil(&packet);
		wanted = packet;
		where = expect(type, set, &wanted);
		if (!workbench_run(bench, flavour, &packet, got, sizeof(got)))
			continue;
		run++;
		sound += strcmp(where, "bad") && strcmp(where, "drop protocol");
		wrong += strcmp(where, got);
		if (strcmp(where, got))
			tap_note("packet %d, %u bytes: %s, not %s", i, packet.size, got, where);
		/* What a bad packet becomes on its way to that verdict is not promised. */
		if (strcmp(where, "bad") &&
		    (packet.size != wanted.size || memcmp(packet.bytes, wanted.bytes, packet.size)))
			differ++;
	}
	tap_ok(run > count / 2 && sound > count / 8, "%s: %s: %d packets, %d of them sound",
	       flavours[flavour], type, run, sound);
	tap_is(!wrong, 1, "%s: %s%s agrees with the reference, up to %u bytes (%d times not)",
	       flavours[flavour], type, set ? " set" : "", payload, wrong);
	tap_is(differ, 0, "%s: %s%s: so do the packets", flavours[flavour], type,
	       set ? " set" : "");
	workbench_rm(bench);
}

static void compare_all(struct workbench *bench, enum lana_flavour flavour, unsigned int payload,
			int count)
{
	compare(bench, "ipv4", false, flavour, payload, count);
	compare(bench, "ipv6", false, flavour, payload, count);
	compare(bench, "checksum", false, flavour, payload, count);
	compare(bench, "checksum", true, flavour, payload, count);
}

int main(void)
{
	struct workbench bench;

	topology_begin();
	workbench_open(&bench, LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks");
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
			run_test(&bench, &tests[i], flavour);
		test_push(&bench, flavour);
		test_sizes(&bench, flavour);
		test_amended(&bench, flavour, "how=port");
		test_amended(&bench, flavour, "how=address");
		compare_all(&bench, flavour, 600, PACKETS);
	}
	compare_all(&bench, LANA_XDP, 8800, LONG_PACKETS);
	workbench_close(&bench);
	return tap_done();
}
