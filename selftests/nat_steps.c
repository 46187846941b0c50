// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include "nat_steps.h"
#include "tap.h"

#define DF   0x4000
#define MORE 0x2000

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

#define ICMP(type, code) ((type) << 8 | (code))

#define ECHO		 ICMP(8, 0)
#define ECHO_REPLY	 0
#define PORT		 ICMP(3, 3)
#define TOO_BIG		 ICMP(3, 4)
#define EXPIRED		 ICMP(11, 0)

/* ---- making them ---------------------------------------------------------------------------- */

static struct iphdr *header_of(const struct lab_frame *frame)
{
	return (void *)(frame->bytes + ETH_HLEN);
}

static unsigned short *word(void *bytes, unsigned int offset)
{
	return bytes + offset;
}

/* Offset of a transport checksum in its header. */
static unsigned int check_of(unsigned char protocol)
{
	return protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2;
}

static void fill_transport(const struct nat_step *step, const struct iphdr *ip,
			   unsigned char *bytes, unsigned int size, unsigned short sport,
			   unsigned short dport)
{
	unsigned int at = check_of(step->protocol), sum = 0;

	for (unsigned int i = 0; i < size; i++)
		bytes[i] = i * 7;
	*word(bytes, 0) = sport;
	*word(bytes, 2) = dport;
	switch (step->protocol) {
	case IPPROTO_TCP:
		bytes[12] = 5 << 4;
		bytes[13] = step->type;
		break;
	case IPPROTO_UDP:
		*word(bytes, 4) = htons(size);
		break;
	case IPPROTO_ICMP:
		bytes[0] = step->type >> 8;
		bytes[1] = step->type;
		*word(bytes, 4) = sport;
		break;
	}
	*word(bytes, at) = 0;
	if (step->no_checksum)
		return;
	if (step->protocol != IPPROTO_ICMP) {
		for (int i = 0; i < 4; i++)
			sum += word((void *)&ip->saddr, 0)[i];
		sum += htons(step->protocol) + htons(size);
	}
	*word(bytes, at) = lab_checksum(bytes, size, sum);
}

static void fill_header(const struct nat_step *step, struct iphdr *ip, unsigned int size)
{
	*ip = (struct iphdr){ .version = 4,
			      .ihl = 5,
			      .tos = 0x10,
			      .id = htons(0x1234),
			      .ttl = step->ttl ?: 64,
			      .protocol = step->protocol,
			      .frag_off = htons(step->frag),
			      .tot_len = htons(size) };
	if (step->source)
		inet_pton(AF_INET, step->source, &ip->saddr);
	if (step->target)
		inet_pton(AF_INET, step->target, &ip->daddr);
}

/* A fragment but the first: its bytes go on where those of a packet of udp() would. */
static void make_later(struct iphdr *ip, unsigned int size)
{
	unsigned int from = (ntohs(ip->frag_off) & 0x1fff) * 8;
	unsigned char *bytes = (void *)(ip + 1);

	for (unsigned int i = 0; i < size - sizeof(*ip); i++)
		bytes[i] = (from + i) * 7;
}

static void make_packet(const struct nat_step *step, const struct iphdr *before, struct iphdr *ip,
			unsigned int size)
{
	unsigned short sport = htons(step->sport), dport = htons(step->dport);
	const void *ports = before + 1;

	fill_header(step, ip, size);
	if (before) {
		ip->saddr = before->daddr;
		ip->daddr = before->saddr;
		sport = *word((void *)ports, step->protocol == IPPROTO_ICMP ? 4 : 2);
		dport = *word((void *)ports, 0);
	}
	if (step->frag & 0x1fff)
		make_later(ip, size);
	else
		fill_transport(step, ip, (void *)(ip + 1), step->whole ?: size - sizeof(*ip), sport,
			       dport);
}

/* An error, from whom the quoted packet went to if nobody else is said to have sent it. */
static void make_quote(const struct nat_step *step, const struct iphdr *quoted, struct iphdr *ip,
		       unsigned int size)
{
	unsigned char *icmp = (void *)(ip + 1);

	fill_header(step, ip, size);
	ip->protocol = IPPROTO_ICMP;
	ip->daddr = quoted->saddr;
	if (!step->source)
		ip->saddr = quoted->daddr;
	memset(icmp, 0, 8);
	icmp[0] = step->type >> 8;
	icmp[1] = step->type;
	if (step->type == TOO_BIG)
		*word(icmp, 6) = htons(1200);
	memcpy(icmp + 8, quoted, size - sizeof(*ip) - 8);
	*word(icmp, 2) = lab_checksum(icmp, size - sizeof(*ip), 0);
}

void nat_make(const struct nat_step *step, const struct lab_frame *before, struct lab_frame *frame)
{
	struct ethhdr *eth = (void *)frame->bytes;
	bool is_left = step->side == LAB_LEFT;
	unsigned int size = step->size ?: 60;
	struct iphdr *ip = header_of(frame);

	memset(frame, 0, sizeof(*frame));
	memcpy(eth->h_source, is_left ? LAB_MAC_LEFT : LAB_MAC_RIGHT, ETH_ALEN);
	memcpy(eth->h_dest, is_left ? LAB_MAC_WEST : LAB_MAC_EAST, ETH_ALEN);
	eth->h_proto = htons(ETH_P_IP);
	frame->size = ETH_HLEN + size;
	if (step->what == NAT_QUOTE)
		make_quote(step, header_of(before), ip, size);
	else
		make_packet(step, before ? header_of(before) : NULL, ip, size);
	ip->check = 0;
	ip->check = lab_checksum(ip, sizeof(*ip), 0);
}

/* ---- ports that a gateway has chosen -------------------------------------------------------- */

static bool note(struct nat_ports *ports, unsigned int got, unsigned int want)
{
	for (unsigned int i = 0; i < ports->count; i++)
		if (ports->got[i] == got || ports->want[i] == want)
			return ports->got[i] == got && ports->want[i] == want;
	if (ports->count == 64)
		tap_bail("too many ports");
	ports->got[ports->count] = got;
	ports->want[ports->count++] = want;
	return true;
}

static void amend(unsigned short *check, unsigned short was, unsigned short is)
{
	unsigned int sum = (unsigned short)~*check + (unsigned short)~was + is;

	sum = (sum & 0xffff) + (sum >> 16);
	*check = ~(sum + (sum >> 16));
}

/* Replace a word, and with it what is in up to two checksums over it. */
static void replace(unsigned short *at, unsigned short is, unsigned short *inner,
		    unsigned short *outer)
{
	unsigned short was = *at, before;

	*at = is;
	if (outer)
		amend(outer, was, is);
	if (!inner)
		return;
	before = *inner;
	amend(inner, was, is);
	if (outer)
		amend(outer, before, *inner);
}

/* end: of the frame. outer: the checksum of the error that quotes the packet; NULL: none does. */
static bool rename_packet(struct iphdr *got, const struct iphdr *want, const void *end,
			  struct nat_ports *ports, unsigned short *outer)
{
	unsigned char *g = (void *)(got + 1), *w = (void *)(want + 1);
	unsigned short *check = word(g, check_of(got->protocol));
	unsigned int outside = inet_addr(NAT_OUTSIDE), at;

	if (got->protocol != want->protocol || got->saddr != want->saddr ||
	    got->daddr != want->daddr || got->frag_off & htons(0x1fff))
		return true; /* to be found out elsewhere */
	if (got->protocol == IPPROTO_ICMP && (g[0] == 3 || g[0] == 11)) {
		struct iphdr *inner = (void *)(g + 8);

		return outer || rename_packet(inner, (void *)(w + 8), end, ports, check);
	}
	if ((void *)(check + 1) > end || (got->protocol == IPPROTO_UDP && !*check))
		check = NULL; /* it was cut off, or there is none */
	for (int side = 0; side < 2; side++) {
		if ((side ? got->daddr : got->saddr) != outside)
			continue;
		at = got->protocol == IPPROTO_ICMP ? 4 : side * 2;
		if (!note(ports, got->protocol << 16 | *word(g, at),
			  got->protocol << 16 | *word(w, at)))
			return false;
		if (*word(g, at) != *word(w, at))
			replace(word(g, at), *word(w, at), check, outer);
	}
	return true;
}

bool nat_rename(struct lab_frame *got, const struct lab_frame *want, struct nat_ports *ports)
{
	return rename_packet(header_of(got), header_of(want), got->bytes + got->size, ports, NULL);
}

/* ---- the steps ------------------------------------------------------------------------------ */

#define LEFT	     LAB_LEFT
#define RIGHT	     LAB_RIGHT
#define TCP	     IPPROTO_TCP
#define UDP	     IPPROTO_UDP
#define PING	     IPPROTO_ICMP
#define SEND	     NAT_SEND, 0
#define ANSWER(back) NAT_ANSWER, back
#define QUOTE(back)  NAT_QUOTE, back

#define ONE	     "10.0.0.1"
#define OTHER	     "10.0.0.2"
#define ROUTER	     "10.0.0.7"
#define WORLD	     "10.2.0.5"
#define FAR	     "10.2.0.254"
#define OUT	     NAT_OUTSIDE

#define LEFT_SEES    .left = 1
#define RIGHT_SEES   .right = 1

/* clang-format off: a table */
const struct nat_step nat_steps[] = {
	{ "SYN", LEFT, SEND, TCP, ONE, WORLD, 1000, 80, SYN, RIGHT_SEES },
	{ "SYN-ACK", RIGHT, ANSWER(1), TCP, .type = SYN | ACK, LEFT_SEES },
	{ "ACK", LEFT, SEND, TCP, ONE, WORLD, 1000, 80, ACK, RIGHT_SEES },
	{ "data", LEFT, SEND, TCP, ONE, WORLD, 1000, 80, ACK, 999, RIGHT_SEES },
	{ "data back", RIGHT, ANSWER(1), TCP, .type = ACK, .size = 1201, LEFT_SEES },
	{ "SYN, another host, same port", LEFT, SEND, TCP, OTHER, WORLD, 1000, 80, SYN,
	  RIGHT_SEES },
	{ "its SYN-ACK", RIGHT, ANSWER(1), TCP, .type = SYN | ACK, LEFT_SEES },
	{ "ACK of the other", LEFT, SEND, TCP, OTHER, WORLD, 1000, 80, ACK, RIGHT_SEES },
	{ "too big, of a router", RIGHT, QUOTE(1), PING, FAR, .type = TOO_BIG, .size = 88,
	  LEFT_SEES },
	{ "too big, 8 bytes quoted", RIGHT, QUOTE(2), PING, FAR, .type = TOO_BIG, .size = 56,
	  LEFT_SEES },
	{ "an error of inside", LEFT, QUOTE(4), PING, .type = PORT, .size = 88, RIGHT_SEES },
	{ "FIN", LEFT, SEND, TCP, ONE, WORLD, 1000, 80, FIN | ACK, RIGHT_SEES },
	{ "data behind FIN", RIGHT, ANSWER(1), TCP, .type = ACK, LEFT_SEES },
	{ "FIN back", RIGHT, ANSWER(2), TCP, .type = FIN | ACK, LEFT_SEES },
	{ "last ACK", LEFT, SEND, TCP, ONE, WORLD, 1000, 80, ACK, RIGHT_SEES },
	{ "RST", RIGHT, ANSWER(8), TCP, .type = RST | ACK, LEFT_SEES },
	{ "ACK of no connection", LEFT, SEND, TCP, ONE, WORLD, 1001, 80, ACK, .left = 0 },
	{ "RST of no connection", LEFT, SEND, TCP, ONE, WORLD, 1001, 80, RST, .left = 0 },
	{ "SYN-ACK of none, from the world", RIGHT, SEND, TCP, WORLD, OUT, 80, 5555, SYN | ACK,
	  RIGHT_SEES },
	{ "SYN to a closed port", RIGHT, SEND, TCP, WORLD, OUT, 1234, 81, SYN, RIGHT_SEES },
	{ "SYN, time up", LEFT, SEND, TCP, ONE, WORLD, 1002, 80, SYN, .ttl = 1, LEFT_SEES },

	{ "datagram", LEFT, SEND, UDP, ONE, WORLD, 2000, 7, RIGHT_SEES },
	{ "its answer", RIGHT, ANSWER(1), UDP, LEFT_SEES },
	{ "port unreachable", RIGHT, QUOTE(2), PING, .type = PORT, .size = 88, LEFT_SEES },
	{ "expired, of a router", RIGHT, QUOTE(3), PING, FAR, .type = EXPIRED, .size = 56,
	  LEFT_SEES },
	{ "the same port to others", LEFT, SEND, UDP, ONE, FAR, 2000, 9, RIGHT_SEES },
	{ "answer of these", RIGHT, ANSWER(1), UDP, LEFT_SEES },
	{ "another host, same port", LEFT, SEND, UDP, OTHER, WORLD, 2000, 7, RIGHT_SEES },
	{ "its answer", RIGHT, ANSWER(1), UDP, LEFT_SEES },
	{ "expired, about the other's", RIGHT, QUOTE(2), PING, FAR, .type = EXPIRED, .size = 88,
	  LEFT_SEES },
	{ "no checksum", LEFT, SEND, UDP, ONE, WORLD, 2001, 7, .no_checksum = true, RIGHT_SEES },
	{ "answer without", RIGHT, ANSWER(1), UDP, .no_checksum = true, LEFT_SEES },
	{ "error about it", RIGHT, QUOTE(2), PING, .type = PORT, .size = 88, LEFT_SEES },
	{ "time up", LEFT, SEND, UDP, ONE, WORLD, 2002, 7, .ttl = 1, LEFT_SEES },
	{ "last hop", LEFT, SEND, UDP, ONE, WORLD, 2003, 7, .ttl = 2, RIGHT_SEES },
	{ "too big", LEFT, SEND, UDP, ONE, WORLD, 2004, 7, .size = 1400, .frag = DF, LEFT_SEES },
	{ "to be cut", LEFT, SEND, UDP, ONE, WORLD, 2005, 7, .size = 1400, .right = 2,
	  .needs = NAT_NEEDS_COPIES },
	{ "port of nobody", RIGHT, SEND, UDP, WORLD, OUT, 1234, 5556, RIGHT_SEES },

	{ "forwarded SYN", RIGHT, SEND, TCP, WORLD, OUT, 3000, 8080, SYN, LEFT_SEES },
	{ "its SYN-ACK", LEFT, ANSWER(1), TCP, .type = SYN | ACK, RIGHT_SEES },
	{ "its ACK", RIGHT, SEND, TCP, WORLD, OUT, 3000, 8080, ACK, LEFT_SEES },
	{ "forwarded datagram", RIGHT, SEND, UDP, WORLD, OUT, 3000, 53, LEFT_SEES },
	{ "its answer", LEFT, ANSWER(1), UDP, RIGHT_SEES },
	{ "error of who got it", LEFT, QUOTE(2), PING, .type = PORT, .size = 88, RIGHT_SEES },
	{ "error of a router inside", LEFT, QUOTE(3), PING, ROUTER, .type = EXPIRED, .size = 88,
	  RIGHT_SEES },
	{ "forwarded, time up", RIGHT, SEND, UDP, WORLD, OUT, 3001, 53, .ttl = 1, RIGHT_SEES },
	{ "forwarded, known, time up", RIGHT, SEND, UDP, WORLD, OUT, 3000, 53, .ttl = 1,
	  RIGHT_SEES },

	{ "SYN from inside to outside", LEFT, SEND, TCP, OTHER, OUT, 4000, 8080, SYN, LEFT_SEES,
	  .needs = NAT_NEEDS_ROUTE },
	{ "its SYN-ACK", LEFT, ANSWER(1), TCP, .type = SYN | ACK, LEFT_SEES,
	  .needs = NAT_NEEDS_ROUTE },
	{ "its ACK", LEFT, SEND, TCP, OTHER, OUT, 4000, 8080, ACK, LEFT_SEES,
	  .needs = NAT_NEEDS_ROUTE },
	{ "error about that", LEFT, QUOTE(1), PING, .type = PORT, .size = 88, LEFT_SEES,
	  .needs = NAT_NEEDS_ROUTE },
	{ "from inside to the machine", LEFT, SEND, TCP, ONE, OUT, 4001, 81, SYN, LEFT_SEES },
	{ "port of nobody, from inside", LEFT, SEND, UDP, ONE, OUT, 4002, 81, LEFT_SEES },

	{ "echo", LEFT, SEND, PING, ONE, WORLD, 50, .type = ECHO, RIGHT_SEES },
	{ "its reply", RIGHT, ANSWER(1), PING, .type = ECHO_REPLY, LEFT_SEES },
	{ "echo of another host, same id", LEFT, SEND, PING, OTHER, WORLD, 50, .type = ECHO,
	  RIGHT_SEES },
	{ "its reply", RIGHT, ANSWER(1), PING, .type = ECHO_REPLY, LEFT_SEES },
	{ "expired, about the first echo", RIGHT, QUOTE(4), PING, FAR, .type = EXPIRED, .size = 88,
	  LEFT_SEES },
	{ "expired, about the other's", RIGHT, QUOTE(3), PING, FAR, .type = EXPIRED, .size = 56,
	  LEFT_SEES },
	{ "timestamp", LEFT, SEND, PING, ONE, WORLD, 50, .type = ICMP(13, 0), RIGHT_SEES },
	{ "its reply", RIGHT, ANSWER(1), PING, .type = ICMP(14, 0), LEFT_SEES },
	{ "reply that nobody asked for", RIGHT, SEND, PING, WORLD, OUT, 51, .type = ECHO_REPLY,
	  .left = 0 },
	{ "echo to the machine", RIGHT, SEND, PING, WORLD, OUT, 52, .type = ECHO, RIGHT_SEES },
	{ "echo, time up", LEFT, SEND, PING, ONE, WORLD, 53, .type = ECHO, .ttl = 1, LEFT_SEES },

	{ "fragment", LEFT, SEND, UDP, ONE, WORLD, 6000, 7, .size = 620, .whole = 800, .frag = MORE,
	  .more = true },
	{ "the last", LEFT, SEND, UDP, ONE, WORLD, .size = 220, .frag = 600 / 8, .right = 2 },
	{ "fragment back", RIGHT, SEND, UDP, WORLD, OUT, 7, 6000, .size = 620, .whole = 1400,
	  .frag = MORE, .more = true },
	{ "and another", RIGHT, SEND, UDP, WORLD, OUT, .size = 620, .frag = MORE | 600 / 8,
	  .more = true },
	{ "the last", RIGHT, SEND, UDP, WORLD, OUT, .size = 220, .frag = 1200 / 8, .left = 3 },
	{ "fragment of an echo", LEFT, SEND, PING, ONE, WORLD, 54, .type = ECHO, .size = 620,
	  .whole = 800, .frag = MORE, .more = true },
	{ "the last", LEFT, SEND, PING, ONE, WORLD, .size = 220, .frag = 600 / 8, .right = 2 },
};
/* clang-format on */

const unsigned int nat_steps_count = sizeof(nat_steps) / sizeof(nat_steps[0]);
