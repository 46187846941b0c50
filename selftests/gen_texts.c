// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen_texts.h"
#include "tap.h"

/* ---- texts -------------------------------------------------------------------------------- */

struct text {
	unsigned int *seed;
	char *at, *end;
};

static unsigned int draw(struct text *t, unsigned int less_than)
{
	return rand_r(t->seed) % less_than;
}

static __attribute__((format(printf, 2, 3))) void put(struct text *t, const char *format, ...)
{
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(t->at, t->end - t->at, format, list);
	va_end(list);
	if (n >= t->end - t->at)
		tap_bail("no room for a text");
	t->at += n;
}

enum kind { NUMBER, MAC, IP4, IP6 };

static void put_atom(struct text *t, enum kind kind, unsigned int value)
{
	switch (kind) {
	case NUMBER:
		put(t, "%u", value);
		break;
	case MAC:
		put(t, "02:00:00:%02x:%02x:%02x", value >> 16 & 255, value >> 8 & 255, value & 255);
		break;
	case IP4:
		put(t, "10.%u.%u.%u", value >> 16 & 255, value >> 8 & 255, value & 255);
		break;
	case IP6:
		put(t, "2001:db8::%x:%x", value >> 16 & 255, value & 0xffff);
		break;
	}
}

/* Each form of a value, of a field that holds up to most. */
static void put_value(struct text *t, enum kind kind, unsigned int most)
{
	unsigned int from = draw(t, most) & 0xffffff, to = from + draw(t, most - from + 1);

	if (to > 0xffffff && kind != NUMBER)
		to = from;
	switch (draw(t, kind == IP6 ? 6 : 7)) {
	case 0:
		put_atom(t, kind, from);
		break;
	case 1:
		put_atom(t, kind, from);
		put(t, "+%s", draw(t, 2) ? "" : most < 3 ? "1" : "3");
		break;
	case 2:
		put_atom(t, kind, from);
		put(t, "..");
		put_atom(t, kind, to);
		break;
	case 3:
		put_atom(t, kind, from);
		put(t, " .. ");
		put_atom(t, kind, to);
		put(t, " + %u", 1 + draw(t, most < 9 ? most : 9));
		break;
	case 4:
		put(t, "[");
		for (unsigned int n = 1 + draw(t, 5); n; n--) {
			put_atom(t, kind, draw(t, most) & 0xffffff);
			put(t, n > 1 ? ", " : "]");
		}
		break;
	case 5:
		put(t, "random(");
		put_atom(t, kind, from);
		put(t, "..");
		put_atom(t, kind, to);
		put(t, draw(t, 2) ? ")" : ", seed=%u)", draw(t, 100));
		break;
	case 6:
		put(t, "random");
		break;
	}
}

static void put_field(struct text *t, bool *any, const char *name, enum kind kind,
		      unsigned int most)
{
	if (draw(t, 3))
		return;
	put(t, "%s%s=", *any ? ", " : "(", name);
	put_value(t, kind, most);
	*any = true;
}

struct field {
	const char *name;
	enum kind kind;
	unsigned int most;
};

static void put_layer(struct text *t, const char *name, const struct field *fields)
{
	bool any = false;

	put(t, "%s", name);
	for (; fields->name; fields++)
		put_field(t, &any, fields->name, fields->kind, fields->most);
	put(t, any ? ") " : " ");
}

static const struct field eth[] = { { "dst", MAC, ~0U }, { "src", MAC, ~0U }, {} };
static const struct field vlan[] = {
	{ "pcp", NUMBER, 7 }, { "dei", NUMBER, 1 }, { "id", NUMBER, 4095 }, {}
};
static const struct field arp[] = { { "op", NUMBER, 65535 }, { "sha", MAC, ~0U },
				    { "spa", IP4, ~0U },     { "tha", MAC, ~0U },
				    { "tpa", IP4, ~0U },     {} };
static const struct field ip4[] = { { "dscp", NUMBER, 63 },  { "ecn", NUMBER, 3 },
				    { "id", NUMBER, 65535 }, { "df", NUMBER, 1 },
				    { "ttl", NUMBER, 255 },  { "src", IP4, ~0U },
				    { "dst", IP4, ~0U },     {} };
static const struct field ip6[] = { { "dscp", NUMBER, 63 },
				    { "ecn", NUMBER, 3 },
				    { "flow", NUMBER, 0xfffff },
				    { "hop", NUMBER, 255 },
				    { "src", IP6, ~0U },
				    { "dst", IP6, ~0U },
				    {} };
static const struct field icmp[] = { { "type", NUMBER, 255 },
				     { "code", NUMBER, 255 },
				     { "id", NUMBER, 65535 },
				     { "seq", NUMBER, 65535 },
				     {} };
static const struct field udp[] = { { "sport", NUMBER, 65535 }, { "dport", NUMBER, 65535 }, {} };
static const struct field tcp[] = { { "sport", NUMBER, 65535 },	 { "dport", NUMBER, 65535 },
				    { "seq", NUMBER, ~0U },	 { "ack", NUMBER, ~0U },
				    { "flags", NUMBER, 255 },	 { "window", NUMBER, 65535 },
				    { "urgent", NUMBER, 65535 }, {} };

void gen_text_random(unsigned int *seed, char *text, size_t room)
{
	struct text t = { seed, text, text + room };
	bool six;

	put_layer(&t, "eth", eth);
	while (!draw(&t, 3))
		put_layer(&t, "vlan", vlan);
	if (!draw(&t, 8)) {
		put_layer(&t, "arp", arp);
		return;
	}
	do {
		six = draw(&t, 2);
		put_layer(&t, six ? "ip6" : "ip4", six ? ip6 : ip4);
	} while (!draw(&t, 4));
	switch (draw(&t, 4)) {
	case 0:
		put_layer(&t, "udp", udp);
		break;
	case 1:
		put_layer(&t, "tcp", tcp);
		break;
	case 2:
		put_layer(&t, six ? "icmp6" : "icmp", icmp);
		break;
	}
	if (!draw(&t, 3))
		put(&t, "bytes(%02x %02x%02x) ", draw(&t, 256), draw(&t, 256), draw(&t, 256));
	if (draw(&t, 2))
		put(&t, "payload(%u, %u)", 18 + draw(&t, draw(&t, 2) ? 30 : 1400), draw(&t, 256));
}

/* ---- frames ------------------------------------------------------------------------------- */

/* The sum of RFC 1071, the slow way. */
static uint32_t sum(uint32_t before, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		before += i % 2 ? bytes[i] : bytes[i] << 8;
		before = (before & 0xffff) + (before >> 16);
	}
	return before;
}

static size_t word(const uint8_t *bytes)
{
	return bytes[0] << 8 | bytes[1];
}

static bool sound_transport(uint8_t protocol, const uint8_t *bytes, size_t size, uint32_t pseudo,
			    const char **wrong)
{
	pseudo = sum(pseudo, (uint8_t[]){ 0, protocol, size >> 8, size }, 4);
	switch (protocol) {
	case 1:
		*wrong = "ICMP";
		return sum(0, bytes, size) == 0xffff;
	case 58:
		*wrong = "ICMPv6";
		return sum(pseudo, bytes, size) == 0xffff;
	case 6:
		*wrong = "TCP";
		return size >= 20 && bytes[12] >> 4 == 5 && sum(pseudo, bytes, size) == 0xffff;
	case 17:
		*wrong = "UDP";
		return size >= 8 && word(bytes + 4) == size && word(bytes + 6) &&
		       sum(pseudo, bytes, size) == 0xffff;
	}
	*wrong = "protocol";
	return protocol == 253;
}

static bool sound_network(unsigned int type, const uint8_t *bytes, size_t size, size_t padding,
			  const char **wrong)
{
	uint8_t protocol;
	size_t length;

	*wrong = "a header's length";
	if (type == 0x0800) {
		length = size < 20 ? 0 : word(bytes + 2);
		if (length < 20 || length > size || size - length > padding || bytes[0] != 0x45)
			return false;
		*wrong = "IPv4";
		if (sum(0, bytes, 20) != 0xffff)
			return false;
		protocol = bytes[9];
		if (protocol != 4 && protocol != 41)
			return sound_transport(protocol, bytes + 20, length - 20,
					       sum(0, bytes + 12, 8), wrong);
		return sound_network(protocol == 4 ? 0x0800 : 0x86dd, bytes + 20, length - 20, 0,
				     wrong);
	}
	length = size < 40 ? 0 : 40 + word(bytes + 4);
	if (length < 40 || length > size || size - length > padding || bytes[0] >> 4 != 6)
		return false;
	protocol = bytes[6];
	if (protocol != 4 && protocol != 41)
		return sound_transport(protocol, bytes + 40, length - 40, sum(0, bytes + 8, 32),
				       wrong);
	return sound_network(protocol == 4 ? 0x0800 : 0x86dd, bytes + 40, length - 40, 0, wrong);
}

bool gen_frame_sound(const uint8_t *frame, size_t size, const char **wrong)
{
	size_t at = 12;

	*wrong = "Ethernet";
	while (at + 2 < size && word(frame + at) == 0x8100)
		at += 4;
	if (size < 60 || at + 2 > size)
		return false;
	if (word(frame + at) == 0x0806)
		return !memcmp(frame + at + 2, "\0\1\10\0\6\4", 6);
	if (word(frame + at) != 0x0800 && word(frame + at) != 0x86dd)
		return false;
	return sound_network(word(frame + at), frame + at + 2, size - at - 2, size == 60 ? 60 : 0,
			     wrong);
}
