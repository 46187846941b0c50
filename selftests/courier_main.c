// SPDX-License-Identifier: GPL-2.0-only
/*
 * courier - send numbered datagrams by a lana socket, and take in those of another courier
 *
 *	courier STACK NETNS BELOW SOURCE DEST COUNT FILE
 *
 * They are UDP in IPv4, of many ports: a flow each. It begins when there is FILE, ends when all of
 * the other one's have come, and prints how many there were, how many of these differed from what
 * was sent, came twice, and came behind a later one of their flow.
 */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lana/lana.h>
#include <lana/socket.h>

#include "loader/internet.h"

#define SIZE	 1000 /* bytes of data */
#define FLOWS	 8
#define WINDOW	 64 /* datagrams that may be on their way to either side */
#define PORT	 7001
#define PATIENCE 5000000000LL /* ns */

struct datagram {
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	uint32_t number;
	uint8_t data[SIZE - 4];
} __attribute__((packed));

/* Without a UDP checksum: none is wanted over IPv4. */
static void make(struct datagram *datagram, uint32_t number, in_addr_t source, in_addr_t dest)
{
	memset(datagram, 0, sizeof(*datagram));
	memset(datagram->eth.ether_dhost, 2, ETH_ALEN);
	memset(datagram->eth.ether_shost, 4, ETH_ALEN);
	datagram->eth.ether_type = htons(ETHERTYPE_IP);
	datagram->ip = (struct iphdr){ .version = 4,
				       .ihl = 5,
				       .tot_len = htons(sizeof(*datagram) - ETH_HLEN),
				       .ttl = 64,
				       .protocol = IPPROTO_UDP,
				       .saddr = source,
				       .daddr = dest };
	datagram->ip.check = internet_checksum((char *)datagram + ETH_HLEN, sizeof(datagram->ip));
	datagram->udp.source = htons(PORT + number % FLOWS);
	datagram->udp.dest = htons(PORT);
	datagram->udp.len = htons(sizeof(datagram->udp) + SIZE);
	datagram->number = htonl(number);
	for (size_t i = 0; i < sizeof(datagram->data); i++)
		datagram->data[i] = number * 7 + i;
}

static int fail(const char *text)
{
	fprintf(stderr, "courier: %s\n", text);
	return 1;
}

/* Headers but UDP's are rewritten on the way. */
static bool is_right(const struct datagram *got, ssize_t size, in_addr_t source, in_addr_t dest)
{
	struct datagram want;

	if (size != sizeof(want) || got->ip.saddr != source || got->ip.daddr != dest)
		return false;
	make(&want, ntohl(got->number), source, dest);
	return !memcmp(&got->udp, &want.udp, sizeof(want) - offsetof(struct datagram, udp));
}

int main(int argc, char **argv)
{
	struct lana_stack_options options = { .bpffs = getenv("LANA_BPFFS") };
	unsigned int count, sent = 0, came = 0, wrong = 0, twice = 0, late = 0;
	uint32_t next[FLOWS] = {};
	struct lana_error error = {};
	struct lana_socket *socket;
	struct lana_stack *stack;
	struct datagram datagram;
	in_addr_t own, other;
	bool *seen;

	if (argc != 8)
		return fail("see its source");
	options.name = argv[1];
	options.netns = argv[2];
	own = inet_addr(argv[4]);
	other = inet_addr(argv[5]);
	count = atoi(argv[6]);
	seen = calloc(count, sizeof(*seen));
	if (!seen || lana_stack_open(&options, &stack, &error) ||
	    lana_socket_open(stack, "courier", NULL, &socket, &error) ||
	    lana_socket_bind(stack, "courier", argv[3], NULL, &error))
		return fail(error.text);
	while (access(argv[7], F_OK))
		usleep(1000);
	while (came < count || sent < count) {
		ssize_t size;
		uint32_t number;

		for (; sent < count && sent < came + WINDOW; sent++) {
			make(&datagram, sent, own, other);
			if (lana_socket_send(socket, &datagram, sizeof(datagram), PATIENCE))
				return fail("a datagram cannot be sent");
		}
		if (came == count)
			break;
		size = lana_socket_recv(socket, &datagram, sizeof(datagram), NULL, PATIENCE);
		if (size < 0)
			break;
		number = ntohl(datagram.number);
		if (!is_right(&datagram, size, other, own) || number >= count) {
			wrong++;
			continue;
		}
		twice += seen[number];
		came += !seen[number];
		seen[number] = true;
		late += number < next[number % FLOWS];
		if (number >= next[number % FLOWS])
			next[number % FLOWS] = number + 1;
	}
	printf("%u came, %u wrong, %u twice, %u late\n", came, wrong, twice, late);
	lana_socket_close(socket);
	lana_stack_close(stack);
	return came != count;
}
