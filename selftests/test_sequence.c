// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_sequence - what block sequence puts into packets, byte by byte, and takes off again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <lana/sequence.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

#define PAYLOAD 40
#define SIZE	sizeof(struct lana_sequence)

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

static struct workbench bench;
static enum lana_flavour flavour;

static struct iphdr *ip_of(struct packet *packet)
{
	return (void *)(packet->bytes + ETH_HLEN);
}

static struct lana_sequence *header_of(struct packet *packet)
{
	return (void *)(ip_of(packet) + 1);
}

static void set_check(struct iphdr *ip)
{
	const uint16_t *words = (void *)ip;
	uint32_t sum = 0;

	ip->check = 0;
	for (int i = 0; i < ip->ihl * 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~((sum & 0xffff) + (sum >> 16));
}

static void set_dest(struct packet *packet, const char *dest)
{
	ip_of(packet)->daddr = inet_addr(dest);
	set_check(ip_of(packet));
}

/* A device has summed it up, at tc. */
static struct packet make(uint8_t protocol, const char *source, unsigned int options)
{
	struct packet packet = { .size = ETH_HLEN + sizeof(struct iphdr) + options + PAYLOAD,
				 .summed = true };
	struct iphdr *ip = ip_of(&packet);

	for (unsigned int i = 0; i < packet.size; i++)
		packet.bytes[i] = i * 5;
	packet.bytes[12] = 8;
	packet.bytes[13] = 0;
	*ip = (struct iphdr){ .version = 4,
			      .ihl = (sizeof(*ip) + options) / 4,
			      .tot_len = htons(packet.size - ETH_HLEN),
			      .ttl = 9,
			      .protocol = protocol,
			      .saddr = inet_addr(source),
			      .daddr = inet_addr("10.0.0.9") };
	set_check(ip);
	return packet;
}

/* The packet as it should be with a header; its number is not looked at. */
static struct packet with_header(const struct packet *plain, const struct lana_sequence *header)
{
	struct packet packet = *plain;
	struct iphdr *ip = ip_of(&packet);

	memmove((char *)(ip + 1) + SIZE, ip + 1, plain->size - ETH_HLEN - sizeof(*ip));
	packet.size += SIZE;
	*header_of(&packet) = *header;
	header_of(&packet)->protocol = ip->protocol;
	ip->protocol = 253;
	ip->tot_len = htons(packet.size - ETH_HLEN);
	set_check(ip);
	return packet;
}

static bool are_same(const struct packet *one, const struct packet *two)
{
	return one->size == two->size && !memcmp(one->bytes, two->bytes, one->size);
}

/* Run it through; does it leave by that port? */
static bool leaves(struct packet *packet, const char *port)
{
	char where[64];

	workbench_run(&bench, flavour, packet, where, sizeof(where));
	if (!strcmp(where, port))
		return true;
	tap_note("it goes to %s", where);
	return false;
}

static void begin(const char *options)
{
	struct lana_error error;

	if (workbench_add(&bench, "sequence", options, &error))
		tap_bail("%s: %s", options, error.text);
}

static void test_number(void)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP, 50, 253 };
	uint32_t first = 0, number;
	bool right = true;

	begin("");
	for (uint32_t i = 0; i < 5; i++) {
		struct packet plain = make(protocols[i], "10.0.0.1", 0), packet = plain, want;

		right &= leaves(&packet, "next");
		want = with_header(&plain,
				   &(struct lana_sequence){ .number = header_of(&packet)->number });
		right &= are_same(&packet, &want);
		number = ntohl(header_of(&packet)->number);
		first = i ? first : number;
		right &= number == first + i;
	}
	tap_ok(right, "%s: packets of any protocol are numbered one after the other",
	       flavours[flavour]);
	for (int i = 0; i < 4; i++) {
		struct packet packet = make(IPPROTO_UDP, i % 2 ? "10.0.0.1" : "10.0.0.2", 0);

		if (i == 3)
			set_dest(&packet, "10.0.0.8");
		leaves(&packet, "next");
	}
	tap_is(workbench_counter(&bench, "begun"), 3, "%s: each pair has numbers of its own",
	       flavours[flavour]);
	workbench_rm(&bench);
	begin("");
	struct packet packet = make(IPPROTO_UDP, "10.0.0.1", 0);

	leaves(&packet, "next");
	tap_ok(ntohl(header_of(&packet)->number) - first > 1000, "%s: they begin anywhere",
	       flavours[flavour]);
	workbench_rm(&bench);
}

static void test_path(void)
{
	struct packet plain = make(IPPROTO_UDP, "10.0.0.1", 0);
	struct lana_sequence header = { .number = htonl(0x12345678) };
	unsigned int first = 0;
	bool right = true;

	begin("mode=path path=31");
	for (unsigned int i = 0; i < 3; i++) {
		struct packet packet = with_header(&plain, &header), want;
		unsigned int number;

		right &= leaves(&packet, "next");
		number = ntohs(header_of(&packet)->path_number);
		first = i ? first : number;
		right &= number == ((first + i) & 0xffff);
		want = with_header(&plain, &(struct lana_sequence){ .number = header.number,
								    .path_number = htons(number),
								    .path = 31 });
		right &= are_same(&packet, &want);
	}
	tap_ok(right, "%s: a path writes its number, and those of its packets", flavours[flavour]);
	workbench_rm(&bench);
}

static void test_remove(void)
{
	struct packet plain = make(IPPROTO_TCP, "10.0.0.1", 0), packet;

	begin("mode=remove");
	packet = with_header(&plain, &(struct lana_sequence){ .number = 77, .path = 3 });
	tap_ok(leaves(&packet, "next") && are_same(&packet, &plain),
	       "%s: without the header the packet is what it was", flavours[flavour]);
	workbench_rm(&bench);
}

/*
 * A packet that passes on one path of the stack and comes back on the other gets a header on each:
 * the numbers of each have no gap.
 */
static void test_both_ways(void)
{
	uint32_t first[2] = {}, number;
	struct lana_error error;
	bool right = true;

	begin("");
	if (lana_block_add(bench.stack, "turn", "swap_mac", NULL, &error) ||
	    lana_bind(bench.stack, "turn", "dut", NULL, &error))
		tap_bail("%s", error.text);
	for (uint32_t i = 0; i < 3; i++) {
		struct packet packet = make(IPPROTO_UDP, "10.0.0.1", 0);

		right &= leaves(&packet, "turn next");
		for (int back = 0; back < 2; back++) {
			/* The last one that was put in stands first. */
			number = ntohl(header_of(&packet)[!back].number);
			first[back] = i ? first[back] : number;
			right &= number == first[back] + i;
		}
	}
	tap_ok(right, "%s: each path of a stack has numbers of its own", flavours[flavour]);
	if (lana_unbind(bench.stack, "turn", "dut", NULL, &error) ||
	    lana_block_rm(bench.stack, "turn", &error))
		tap_bail("%s", error.text);
	workbench_rm(&bench);
}

/* The kernel would cut it into several of one number. */
static void test_super_segment(void)
{
	struct packet plain = make(IPPROTO_TCP, "10.0.0.1", 0), packet = plain;

	packet.gso = PAYLOAD / 4;
	begin("");
	tap_ok(leaves(&packet, "other") && are_same(&packet, &plain),
	       "tc: a super-segment is not numbered");
	workbench_rm(&bench);
}

/* What cannot be numbered, or has no number, leaves as it is. */
static void test_others(void)
{
	struct packet options = make(IPPROTO_UDP, "10.0.0.1", 4), ipv6 = options, arp = options;
	struct packet cut = make(253, "10.0.0.1", 0), plain = make(IPPROTO_UDP, "10.0.0.1", 0);
	static const char *const modes[] = { "mode=number", "mode=path path=1", "mode=remove" };

	ipv6.bytes[12] = 0x86;
	ipv6.bytes[13] = 0xdd;
	ipv6.bytes[14] = 0x60;
	arp.bytes[12] = 8;
	arp.bytes[13] = 6;
	ip_of(&cut)->tot_len = htons(sizeof(struct iphdr) + 7);
	set_check(ip_of(&cut));
	for (int i = 0; i < 3; i++) {
		struct packet *packets[] = { &options, &ipv6, &arp, &cut, &plain };
		bool right = true;

		begin(modes[i]);
		for (int j = 0; j < 5; j++) {
			struct packet copy = *packets[j];

			/* Those that have no header can be given one. */
			if (i == 0 && j >= 3)
				continue;
			right &= leaves(&copy, "other") && are_same(&copy, packets[j]);
		}
		tap_ok(right, "%s: %s: others leave as they came", flavours[flavour], modes[i]);
		workbench_rm(&bench);
	}
}

int main(void)
{
	topology_begin();
	workbench_open(&bench, LANA_TYPES_DIR);
	for (flavour = LANA_XDP; flavour <= LANA_TC; flavour++) {
		test_number();
		test_both_ways();
		test_path();
		test_remove();
		test_others();
		if (flavour == LANA_TC)
			test_super_segment();
	}
	if (!bench.sums)
		tap_skip("the kernel makes no packets that a device has summed up");
	workbench_close(&bench);
	return tap_done();
}
