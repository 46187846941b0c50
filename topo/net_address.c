// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_address - addresses, prefixes and routes as people write them
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "net.h"

bool net_parse_address(const char *text, bool with_length, struct net_address *address)
{
	struct net_address parsed = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
	const char *slash = strchr(text, '/');
	long length = parsed.family == AF_INET ? 32 : 128;
	char alone[INET6_ADDRSTRLEN];

	if (with_length != !!slash ||
	    (slash ? (size_t)(slash - text) : strlen(text)) >= sizeof(alone))
		return false;
	snprintf(alone, sizeof(alone), "%.*s", (int)(slash ? slash - text : (long)strlen(text)),
		 text);
	if (slash) {
		long most = length;
		char *end;

		length = strtol(slash + 1, &end, 10);
		if (*end || end == slash + 1 || length < 0 || length > most)
			return false;
	}
	if (inet_pton(parsed.family, alone, parsed.bytes) != 1)
		return false;
	parsed.length = length;
	*address = parsed;
	return true;
}

void net_format_address(const struct net_address *address, bool with_length, char *text,
			size_t size)
{
	char alone[INET6_ADDRSTRLEN];

	inet_ntop(address->family, address->bytes, alone, sizeof(alone));
	if (with_length)
		snprintf(text, size, "%s/%u", alone, address->length);
	else
		snprintf(text, size, "%s", alone);
}

const struct net_address *net_first_address(const struct net_node *node, int family)
{
	for (size_t i = 1; i <= node->interfaces_count; i++) {
		const struct net_interface *interface =
			&node->interfaces[i % node->interfaces_count];

		for (size_t j = 0; j < interface->addresses_count; j++)
			if (family == AF_UNSPEC || interface->addresses[j].family == family)
				return &interface->addresses[j];
	}
	return NULL;
}

/* Are all bits behind the prefix 0? */
static bool is_prefix(const struct net_address *address)
{
	for (unsigned int bit = address->length; bit < (address->family == AF_INET ? 32 : 128);
	     bit++)
		if (address->bytes[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

/* The words of a route behind its destination. */
static bool parse_words(char *words, struct net_route *route)
{
	char *save, *word, *value;

	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		value = strtok_r(NULL, " ", &save);
		if (!value)
			return false;
		if (!strcmp(word, "via") && !route->has_via)
			route->has_via = net_parse_address(value, false, &route->via);
		else if (!strcmp(word, "dev") && !route->device)
			route->device = strdup(value);
		else if (!strcmp(word, "metric") && !route->metric)
			route->metric = atoi(value);
		else
			return false;
		if (!strcmp(word, "via") && !route->has_via)
			return false;
	}
	return true;
}

bool net_parse_route(const char *text, struct net_route *route)
{
	_cleanup_free_ char *copy = strdup(text);
	struct net_route parsed = {};
	char *to = copy, *rest;
	bool good;

	if (!copy)
		return false;
	if (!strncmp(to, "blackhole ", 10)) {
		parsed.blackhole = true;
		to += 10;
	}
	rest = strchr(to, ' ');
	if (rest)
		*rest++ = 0;
	good = !rest || parse_words(rest, &parsed);
	if (!strcmp(to, "default"))
		parsed.to.family = parsed.has_via ? parsed.via.family : AF_INET;
	else if (!strcmp(to, "default6"))
		parsed.to.family = AF_INET6;
	else
		good = good && net_parse_address(to, true, &parsed.to) && is_prefix(&parsed.to);
	if (!good || (parsed.has_via && parsed.via.family != parsed.to.family) ||
	    parsed.blackhole == (parsed.has_via || parsed.device)) {
		free(parsed.device);
		return false;
	}
	parsed.text = strdup(text);
	*route = parsed;
	return parsed.text;
}
