// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"

static const struct {
	const char *noun;
	size_t size;
	int family;
} kinds[] = {
	[ADDRESS_NONE] = { "an address", 0, 0 },
	[ADDRESS_IP4] = { "an IPv4 address", 4, AF_INET },
	[ADDRESS_IP6] = { "an IPv6 address", 16, AF_INET6 },
	[ADDRESS_MAC] = { "a MAC address", 6, 0 },
};

enum address_kind address_kind(const char *struct_name, size_t size)
{
	static const struct {
		const char *name;
		enum address_kind kind;
	} structs[] = {
		{ "lana_ip4", ADDRESS_IP4 }, { "in_addr", ADDRESS_IP4 },
		{ "lana_ip6", ADDRESS_IP6 }, { "in6_addr", ADDRESS_IP6 },
		{ "lana_mac", ADDRESS_MAC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(structs); i++)
		if (!strcmp(structs[i].name, struct_name) && kinds[structs[i].kind].size == size)
			return structs[i].kind;
	return ADDRESS_NONE;
}

const char *address_noun(enum address_kind kind)
{
	return kinds[kind].noun;
}

static bool parse_mac(const char *text, unsigned char bytes[6])
{
	int end = 0;

	return strspn(text, "0123456789abcdefABCDEF:") == strlen(text) &&
	       sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &bytes[0], &bytes[1],
		      &bytes[2], &bytes[3], &bytes[4], &bytes[5], &end) == 6 &&
	       !text[end];
}

bool address_parse(enum address_kind kind, const char *text, void *bytes)
{
	unsigned char parsed[ADDRESS_MAX];
	bool good = kinds[kind].family ? inet_pton(kinds[kind].family, text, parsed) == 1
				       : parse_mac(text, parsed);

	if (good)
		memcpy(bytes, parsed, kinds[kind].size);
	return good;
}

void address_format(enum address_kind kind, const void *bytes, char *text, size_t size)
{
	const unsigned char *b = bytes;

	if (kinds[kind].family)
		inet_ntop(kinds[kind].family, bytes, text, size);
	else
		snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
			 b[5]);
}
