// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ip_reference.h"

#define LINK 14 /* bytes of an Ethernet header */

enum {
	HOPS = 0,
	ICMP = 1,
	IGMP = 2,
	TCP = 6,
	UDP = 17,
	ROUTING = 43,
	FRAGMENT = 44,
	AUTH = 51,
	ICMP6 = 58,
	DESTINATION = 60
};

static unsigned int below(unsigned int limit)
{
	return random() % limit;
}

static unsigned int get16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

static void put16(unsigned char *at, unsigned int number)
{
	at[0] = number >> 8;
	at[1] = number;
}

/* RFC 1071, word by word in the order of the network; not complemented. */
static unsigned int sum16(const unsigned char *bytes, unsigned int size, unsigned int sum)
{
	for (unsigned int i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* ---- what a packet says of itself ------------------------------------------------------------ */

struct parsed {
	int version;
	unsigned int transport, end; /* offsets */
	unsigned int protocol;
	bool extended, fragment, headless, routed;
};

enum fault { SOUND, VERSION, LENGTH, HEADER };

static bool is_extension(unsigned int kind)
{
	return kind == HOPS || kind == ROUTING || kind == FRAGMENT || kind == AUTH ||
	       kind == DESTINATION || kind == 135 || kind == 139 || kind == 140;
}

static enum fault parse_ipv4(const struct packet *p, struct parsed *parsed)
{
	const unsigned char *ip = p->bytes + LINK;
	unsigned int size, total;

	if (p->size < LINK + 20)
		return LENGTH;
	if (ip[0] >> 4 != 4)
		return VERSION;
	size = (ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (size < 20 || total < size || LINK + total > p->size)
		return LENGTH;
	parsed->transport = LINK + size;
	parsed->end = LINK + total;
	parsed->protocol = ip[9];
	parsed->extended = size > 20;
	parsed->fragment = get16(ip + 6) & 0x3fff;
	parsed->headless = get16(ip + 6) & 0x1fff;
	return SOUND;
}

static enum fault parse_ipv6(const struct packet *p, struct parsed *parsed)
{
	const unsigned char *ip = p->bytes + LINK;
	unsigned int count = 0;

	if (p->size < LINK + 40)
		return LENGTH;
	if (ip[0] >> 4 != 6)
		return VERSION;
	parsed->transport = LINK + 40;
	parsed->end = LINK + 40 + get16(ip + 4);
	parsed->protocol = ip[6];
	if (parsed->end > p->size)
		return LENGTH;
	while (is_extension(parsed->protocol) && !parsed->headless) {
		const unsigned char *header = p->bytes + parsed->transport;
		unsigned int size = 8;

		if (++count > 8 || (count > 1 && parsed->protocol == HOPS) ||
		    parsed->end - parsed->transport < 8)
			return HEADER;
		if (parsed->protocol == AUTH)
			size = (header[1] + 2) * 4;
		else if (parsed->protocol != FRAGMENT)
			size = (header[1] + 1) * 8;
		if (parsed->end - parsed->transport < size)
			return HEADER;
		if (parsed->protocol == FRAGMENT) {
			parsed->fragment = true;
			parsed->headless = get16(header + 2) >> 3;
		} else {
			parsed->extended = true;
		}
		parsed->routed |= parsed->protocol == ROUTING && header[3];
		parsed->protocol = header[0];
		parsed->transport += size;
	}
	return SOUND;
}

static enum fault parse(const struct packet *p, struct parsed *parsed)
{
	*parsed = (struct parsed){ .version = get16(p->bytes + 12) == 0x0800 ? 4 : 6 };
	return parsed->version == 4 ? parse_ipv4(p, parsed) : parse_ipv6(p, parsed);
}

static bool header_is_right(const struct packet *p)
{
	return sum16(p->bytes + LINK, (p->bytes[LINK] & 15) * 4, 0) == 0xffff;
}

const char *ip_verdict(const struct packet *p, int version)
{
	struct parsed parsed;

	if (p->size < LINK || get16(p->bytes + 12) != (version == 4 ? 0x0800 : 0x86dd))
		return "drop protocol";
	if (parse(p, &parsed) != SOUND || (version == 4 && !header_is_right(p)))
		return "bad";
	if (parsed.fragment)
		return "fragment";
	if (parsed.extended)
		return version == 4 ? "options" : "extensions";
	return "good";
}

/* ---- checksums ------------------------------------------------------------------------------- */

/* Offset of a transport checksum in its header; -1: none that lana knows. */
static int check_offset(const struct parsed *parsed)
{
	switch (parsed->protocol) {
	case TCP:
		return 16;
	case UDP:
		return 6;
	case ICMP:
	case IGMP:
		return parsed->version == 4 ? 2 : -1;
	case ICMP6:
		return parsed->version == 6 ? 2 : -1;
	default:
		return -1;
	}
}

static unsigned int transport_sum(const struct packet *p, const struct parsed *parsed,
				  unsigned int length)
{
	const unsigned char *ip = p->bytes + LINK;
	unsigned int sum = 0;

	if (parsed->protocol != ICMP && parsed->protocol != IGMP) {
		sum = parsed->protocol + length;
		sum = parsed->version == 4 ? sum16(ip + 12, 8, sum) : sum16(ip + 8, 32, sum);
	}
	return sum16(p->bytes + parsed->transport, length, sum);
}

static const char *transport_verdict(struct packet *p, const struct parsed *parsed, bool set)
{
	unsigned char *header = p->bytes + parsed->transport;
	int offset = check_offset(parsed);
	unsigned int length = parsed->end - parsed->transport, check;

	if (offset < 0 || parsed->fragment || parsed->routed)
		return "next";
	if (parsed->protocol == UDP && length >= 8) {
		if (get16(header + 4) > length)
			return "bad";
		length = get16(header + 4);
	}
	if (length < (unsigned int)offset + 2)
		return "bad";
	if (!set && parsed->protocol == UDP && !get16(header + offset))
		return parsed->version == 4 ? "next" : "bad";
	if (!set)
		return transport_sum(p, parsed, length) == 0xffff ? "next" : "bad";

	put16(header + offset, 0);
	check = ~transport_sum(p, parsed, length) & 0xffff;
	put16(header + offset, !check && parsed->protocol == UDP ? 0xffff : check);
	return "next";
}

const char *ip_checksum_verdict(struct packet *p, bool set)
{
	unsigned int type = p->size < LINK ? 0 : get16(p->bytes + 12);
	unsigned char *ip = p->bytes + LINK;
	struct parsed parsed;

	if (type != 0x0800 && type != 0x86dd)
		return "next";
	if (parse(p, &parsed) != SOUND)
		return "bad";
	if (parsed.version == 4 && set) {
		put16(ip + 10, 0);
		put16(ip + 10, ~sum16(ip, (ip[0] & 15) * 4, 0));
	} else if (parsed.version == 4 && !header_is_right(p)) {
		return "bad";
	}
	return transport_verdict(p, &parsed, set);
}

/* ---- packets --------------------------------------------------------------------------------- */

static void put_random(struct packet *p, unsigned int size)
{
	while (size--)
		p->bytes[p->size++] = random();
}

/* What the protocol has behind the IP headers. */
static void put_transport(struct packet *p, unsigned int protocol, unsigned int payload)
{
	unsigned int begin = p->size, size = payload ? below(payload) : 0;

	put_random(p, (protocol == TCP ? 20 : 8) + size);
	if (protocol == UDP)
		put16(p->bytes + begin + 4, 8 + size);
}

/* Extension headers; the protocol of what is behind them is put where each one says it. */
static void put_extensions(struct packet *p, unsigned int next_at, unsigned int protocol)
{
	static const unsigned char kinds[] = { ROUTING, DESTINATION, FRAGMENT, AUTH };
	unsigned int count = below(3) ? 0 : below(9);

	for (unsigned int i = 0; i < count; i++) {
		unsigned char kind = i || below(2) ? kinds[below(4)] : (unsigned char)HOPS;
		unsigned int begin = p->size, units = below(2) ? 0 : below(4);

		p->bytes[next_at] = kind;
		put_random(p, kind == AUTH ? 8 + 4 * units : kind == FRAGMENT ? 8 : 8 + 8 * units);
		p->bytes[begin + 1] = units;
		if (kind == ROUTING)
			p->bytes[begin + 3] = !below(4);
		if (kind == FRAGMENT && below(4))
			put16(p->bytes + begin + 2, 1);
		next_at = begin;
	}
	p->bytes[next_at] = protocol;
}

static void make_ipv4(struct packet *p, unsigned int payload)
{
	static const unsigned char protocols[] = { TCP, TCP, UDP, UDP, ICMP, IGMP, 132, 50 };
	unsigned int words = below(3) ? 5 : 5 + below(11);
	unsigned char *ip = p->bytes + LINK;

	put_random(p, 4 * words);
	ip[0] = 0x40 | words;
	ip[9] = protocols[below(8)];
	put16(ip + 6, below(5) ? 0x4000 * below(2) : below(0x4000));
	put_transport(p, ip[9], payload);
	put16(ip + 2, p->size - LINK);
}

static void make_ipv6(struct packet *p, unsigned int payload)
{
	static const unsigned char protocols[] = { TCP, TCP, UDP, UDP, ICMP6, 132, 50, 59 };
	unsigned int protocol = protocols[below(8)];
	unsigned char *ip = p->bytes + LINK;

	put_random(p, 40);
	ip[0] = 0x60 | (ip[0] & 15);
	put_extensions(p, LINK + 6, protocol);
	put_transport(p, protocol, payload);
	put16(ip + 4, p->size - LINK - 40);
}

void ip_make(struct packet *p, unsigned int payload)
{
	bool ipv6 = below(2);

	*p = (struct packet){};
	put_random(p, 12);
	p->size += 2;
	put16(p->bytes + 12, ipv6 ? 0x86dd : 0x0800);
	if (ipv6)
		make_ipv6(p, payload);
	else
		make_ipv4(p, payload);
	if (!below(4))
		put_random(p, below(12));
	ip_checksum_verdict(p, true);
}

void ip_spoil(struct packet *p)
{
	unsigned int headers = p->size < 100 ? p->size : 100;

	switch (below(5)) {
	case 0:
		p->bytes[below(p->size)] ^= 1 << below(8);
		break;
	case 1: /* of the headers, several */
		for (int i = 1 + below(3); i; i--)
			p->bytes[12 + below(headers - 12)] ^= 1 << below(8);
		break;
	case 2:
		put16(p->bytes + LINK + (below(2) ? 2 : 4), below(2) ? below(p->size) : random());
		break;
	case 3:
		p->size = LINK + below(p->size - LINK);
		break;
	default: /* words exchanged: the sum stays as it was */
		for (int i = 0; i < 2; i++) {
			unsigned char byte = p->bytes[26 + i];

			p->bytes[26 + i] = p->bytes[28 + i];
			p->bytes[28 + i] = byte;
		}
	}
}
