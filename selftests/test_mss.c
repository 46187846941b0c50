// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_mss - what block mss makes of SYNs, and that it leaves all else alone
 *
 * Each case runs at XDP and at tc. Checksums are made anew here and compared. multipath.sh has TCP.
 */
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

static const struct test {
	const char *label, *options;
	int version;
	int flags; /* of TCP: 2 is SYN, 16 ACK */
	int ip_options;
	const char *tcp; /* its options, filled up with 0 to whole words */
	size_t size;
	int at;	 /* where in these is the MSS */
	int mss; /* afterwards; 0: as it was */
	bool udp;
} tests[] = {
#define TCP(text) text, sizeof(text) - 1
	{ "SYN", "mtu=1472", 4, 2, 0, TCP("\2\4\5\264"), 2, 1432, false },
	{ "SYN and ACK", "mtu=1472", 4, 18, 0, TCP("\2\4\5\264"), 2, 1432, false },
	{ "it is less already", "mtu=1472", 4, 2, 0, TCP("\2\4\5\1"), 2, 0, false },
	{ "it is the same", "mtu=1500", 4, 2, 0, TCP("\2\4\5\264"), 2, 0, false },
	{ "behind others", "mtu=576", 4, 2, 0, TCP("\4\2\x8\xa\1\2\3\4\5\6\7\x8\2\4\5\264\1"), 14,
	  536, false },
	{ "at an odd place", "mtu=1001", 4, 2, 0, TCP("\1\2\4\5\264\1\4\2"), 3, 961, false },
	{ "behind options of IP", "mtu=1472", 4, 2, 8, TCP("\2\4\5\264"), 2, 1432, false },
	{ "IPv6", "mtu=1472", 6, 2, 0, TCP("\2\4\5\240"), 2, 1412, false },
	{ "IPv6, at an odd place", "mtu=1472", 6, 2, 0, TCP("\1\1\1\2\4\5\240"), 5, 1412, false },
	{ "by mss", "mss=1000", 4, 2, 0, TCP("\2\4\5\264"), 2, 1000, false },
	{ "by mss, less than by mtu", "mss=1000 mtu=1400", 4, 2, 0, TCP("\2\4\5\264"), 2, 1000,
	  false },
	{ "by mtu, less than by mss", "mss=1400 mtu=1200", 4, 2, 0, TCP("\2\4\5\264"), 2, 1160,
	  false },
	{ "nobody says", "", 4, 2, 0, TCP("\2\4\5\264"), 2, 0, false },
	{ "no SYN", "mtu=1000", 4, 16, 0, TCP("\2\4\5\264"), 2, 0, false },
	{ "no options", "mtu=1000", 4, 2, 0, "", 0, 0, 0, false },
	{ "no such option", "mtu=1000", 4, 2, 0, TCP("\4\2\1\1"), 0, 0, false },
	{ "behind the end of options", "mtu=1000", 4, 2, 0, TCP("\0\2\4\5\264"), 3, 0, false },
	{ "an option without length", "mtu=1000", 4, 2, 0, TCP("\3\0\2\4\5\264"), 4, 0, false },
	{ "one that is cut", "mtu=1000", 4, 2, 0, TCP("\1\1\2\4"), 0, 0, false },
	{ "one of a wrong length", "mtu=1000", 4, 2, 0, TCP("\2\3\5\264"), 0, 0, false },
	{ "UDP", "mtu=1000", 4, 2, 0, TCP("\2\4\5\264"), 2, 0, true },
};

/* ---- packets -------------------------------------------------------------------------------- */

static unsigned int sum_words(const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;
	unsigned int sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? byte[i] : byte[i] << 8;
	return sum;
}

static unsigned short fold(unsigned int sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void put_ipv4(struct packet *packet, const struct test *test, unsigned int payload)
{
	struct iphdr *ip = (void *)(packet->bytes + ETH_HLEN);

	*ip = (struct iphdr){ .version = 4, .ttl = 64 };
	ip->ihl = 5 + test->ip_options / 4;
	ip->protocol = test->udp ? IPPROTO_UDP : IPPROTO_TCP;
	ip->tot_len = htons(ip->ihl * 4 + payload);
	inet_pton(AF_INET, "10.1.0.1", &ip->saddr);
	inet_pton(AF_INET, "10.2.0.2", &ip->daddr);
	memset(ip + 1, 1, test->ip_options); /* no operation */
	ip->check = fold(sum_words(ip, ip->ihl * 4));
	packet->size += ip->ihl * 4;
}

static void put_ipv6(struct packet *packet, unsigned int payload)
{
	struct ipv6hdr *ip = (void *)(packet->bytes + ETH_HLEN);

	*ip = (struct ipv6hdr){ .version = 6, .nexthdr = IPPROTO_TCP, .hop_limit = 64 };
	ip->payload_len = htons(payload);
	inet_pton(AF_INET6, "2001:db8::1", &ip->saddr);
	inet_pton(AF_INET6, "2001:db8::2", &ip->daddr);
	packet->size += sizeof(*ip);
}

/* mss: to be announced; 0: as the test has it. */
static void make(struct packet *packet, const struct test *test, int mss)
{
	struct ethhdr *eth = (void *)packet->bytes;
	unsigned int room = (test->size + 3) / 4 * 4, payload = sizeof(struct tcphdr) + room + 5;
	unsigned char *place;
	struct tcphdr *tcp;
	unsigned int sum;

	*packet = (struct packet){ .size = ETH_HLEN };
	eth->h_proto = htons(test->version == 4 ? ETH_P_IP : ETH_P_IPV6);
	if (test->version == 4)
		put_ipv4(packet, test, payload);
	else
		put_ipv6(packet, payload);
	tcp = (void *)(packet->bytes + packet->size);
	*tcp = (struct tcphdr){ .source = htons(4000),
				.dest = htons(80),
				.seq = htonl(0x12345678) };
	tcp->doff = 5 + room / 4;
	((unsigned char *)tcp)[13] = test->flags;
	place = (unsigned char *)(tcp + 1);
	memcpy(place, test->tcp, test->size);
	memcpy(place + room, "lana!", 5);
	if (mss) {
		place[test->at] = mss >> 8;
		place[test->at + 1] = mss;
	}
	packet->size += payload;
	sum = sum_words(tcp, payload) + IPPROTO_TCP + payload;
	sum += test->version == 4 ? sum_words(packet->bytes + ETH_HLEN + 12, 8)
				  : sum_words(packet->bytes + ETH_HLEN + 8, 32);
	tcp->check = fold(sum);
}

static void run(struct workbench *bench, const struct test *test, enum lana_flavour flavour)
{
	unsigned long long clamped = workbench_counter(bench, "clamped");
	struct packet packet, wanted;
	char where[64];

	make(&packet, test, 0);
	make(&wanted, test, test->mss);
	if (!workbench_run(bench, flavour, &packet, where, sizeof(where)))
		tap_bail("%s: no such packet", test->label);
	tap_is_text(where, "next", "%s: %s", flavours[flavour], test->label);
	tap_ok(packet.size == wanted.size && !memcmp(packet.bytes, wanted.bytes, wanted.size),
	       "%s: %s: byte for byte", flavours[flavour], test->label);
	tap_is(workbench_counter(bench, "clamped") - clamped, test->mss != 0, "%s: %s: counted",
	       flavours[flavour], test->label);
}

int main(void)
{
	struct lana_error error;
	struct workbench bench;

	topology_begin();
	workbench_open(&bench, LANA_TYPES_DIR);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		if (workbench_add(&bench, "mss", tests[i].options, &error))
			tap_bail("%s: %s", tests[i].options, error.text);
		for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
			run(&bench, &tests[i], flavour);
		workbench_rm(&bench);
	}
	workbench_close(&bench);
	return tap_done();
}
