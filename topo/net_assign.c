// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_assign - addresses for the ends of links to which the file gives none
 *
 * Links are numbered in the order of the file. Link N has the Nth network of that length in the
 * pool, and its ends have the addresses from the first on, in their order. A link that the
 * network had before keeps its number, and others get the lowest that is free: so a running
 * network does not change its addresses because a link was added. An interface to which the file
 * gives addresses, or an empty list, gets no others; a link whose interfaces are all of this kind
 * has no network.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "net.h"

static unsigned int address_bits(const struct net_pool *pool)
{
	return pool->prefix.family == AF_INET ? 32 : 128;
}

/* Add number << shift to an address. */
static void add_to(__u8 *bytes, unsigned int bits, __u64 number, unsigned int shift)
{
	for (unsigned int i = 0; i < 64 && shift + i < bits; i++)
		if (number >> i & 1)
			bytes[(bits - 1 - shift - i) / 8] |= 1 << (shift + i) % 8;
}

/* Are there so many ends that a network of the pool is too small? Two share a /31 (RFC 3021). */
static bool is_too_small(const struct net_pool *pool, size_t ends)
{
	unsigned int host = address_bits(pool) - pool->length;

	return host == 1 ? ends > 2 : host < 32 && ends > (1ULL << host) - 2;
}

static int assign(struct net *net, const struct net_link *link, const struct net_pool *pool,
		  struct lana_error *error)
{
	unsigned int bits = address_bits(pool), host = bits - pool->length,
		     room = pool->length - pool->prefix.length;

	if (room < 32 && link->subnet >= 1ULL << room)
		return file_refuse(&net->file, link->place, error, -EINVAL,
				   "no network is left for link '%s' in the pool of %llu",
				   link->name, 1ULL << room);
	if (is_too_small(pool, link->ends_count))
		return file_refuse(&net->file, link->place, error, -EINVAL,
				   "a network of /%u is too small for the %zu ends of '%s'",
				   pool->length, link->ends_count, link->name);
	for (size_t i = 0; i < link->ends_count; i++) {
		struct net_interface *interface =
			&net->nodes[link->ends[i].node].interfaces[link->ends[i].interface];
		struct net_address *address;

		if (interface->given)
			continue;
		address = NET_ADD(interface->addresses, interface->addresses_count);
		if (!address)
			return refuse(error, -ENOMEM, "out of memory");
		*address = pool->prefix;
		address->length = pool->length;
		address->place = link->place;
		add_to(address->bytes, bits, link->subnet, host);
		add_to(address->bytes, bits, host == 1 ? i : i + 1, 0);
	}
	return 0;
}

/* Does the file leave any of a link's ends without addresses? */
static bool wants_network(const struct net *net, const struct net_link *link)
{
	for (size_t i = 0; i < link->ends_count; i++)
		if (!net->nodes[link->ends[i].node].interfaces[link->ends[i].interface].given)
			return true;
	return false;
}

/* Numbers that links keep are noted in used, which has a byte for each number that may be. */
static void keep_numbers(struct net *net, const struct net *before, char *used, size_t count)
{
	for (size_t i = 0; before && i < net->links_count; i++) {
		long old = net_find_link(before, net->links[i].name);

		if (old >= 0 && before->links[old].subnet < count &&
		    wants_network(net, &net->links[i])) {
			net->links[i].subnet = before->links[old].subnet;
			used[net->links[i].subnet] = 1;
		}
	}
}

int net_assign(struct net *net, const struct net *before, struct lana_error *error)
{
	size_t count = net->links_count + 1, next = 0;
	_cleanup_free_ char *used = NULL;
	int err = 0;

	for (size_t i = 0; before && i < before->links_count; i++)
		if (before->links[i].subnet != NET_NONE && before->links[i].subnet >= count)
			count = before->links[i].subnet + 1;
	used = calloc(count + net->links_count, 1);
	if (!used)
		return refuse(error, -ENOMEM, "out of memory");
	keep_numbers(net, before, used, count);
	for (size_t i = 0; !err && i < net->links_count; i++) {
		struct net_link *link = &net->links[i];

		if (!wants_network(net, link))
			continue;
		if (link->subnet == NET_NONE) {
			while (used[next])
				next++;
			link->subnet = next++;
		}
		for (int j = 0; !err && j < 2; j++)
			if (net->pools[j].prefix.family)
				err = assign(net, link, &net->pools[j], error);
	}
	return err;
}
