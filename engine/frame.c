// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <lana/random.h>

#include "frame.h"

#define TAG_SIZE 4
#define TAGS_MAX 2

/* Behind the Ethernet header and its tags: where, and what. */
static __u32 find_network(const __u8 *bytes, __u32 length, __u16 *type)
{
	__u32 at = offsetof(struct ethhdr, h_proto);

	for (int tags = 0; at + sizeof(*type) <= length; tags++, at += TAG_SIZE) {
		*type = bytes[at] << 8 | bytes[at + 1];
		if ((*type != ETH_P_8021Q && *type != ETH_P_8021AD) || tags == TAGS_MAX)
			return at + sizeof(*type);
	}
	*type = 0;
	return length;
}

/* ---- congestion ----------------------------------------------------------------------------- */

enum { NOT_ECT, ECT1, ECT0, CE }; /* RFC 3168, section 5 */

/* The bits are the lowest of the second byte. */
static bool mark_ipv4(__u8 *header)
{
	__u8 before = header[1] & CE;
	__u32 sum;

	if (before == NOT_ECT)
		return false;
	header[1] |= CE;
	/* RFC 1624, equation 3: ~(~sum + ~before + after); ~before + after is the difference. */
	sum = (__u16) ~(header[10] << 8 | header[11]);
	sum += CE - before;
	sum = ~(sum + (sum >> 16));
	header[10] = sum >> 8;
	header[11] = sum;
	return true;
}

/* They are in the middle of the traffic class: bits 10 and 11 of the header. */
static bool mark_ipv6(__u8 *header)
{
	if (!(header[1] & CE << 4))
		return false;
	header[1] |= CE << 4;
	return true;
}

bool frame_mark_congestion(void *bytes, __u32 length)
{
	__u16 type;
	__u32 at = find_network(bytes, length, &type);
	__u8 *header = (__u8 *)bytes + at;

	if (type == ETH_P_IP && at + sizeof(struct iphdr) <= length && header[0] >> 4 == 4)
		return mark_ipv4(header);
	if (type == ETH_P_IPV6 && at + sizeof(struct ipv6hdr) <= length && header[0] >> 4 == 6)
		return mark_ipv6(header);
	return false;
}

/* ---- flows ---------------------------------------------------------------------------------- */

/* What is gathered of a flow; all of it counts. */
struct flow_key {
	__u8 bytes[40];
	__u32 size;
};

static void gather(struct flow_key *key, const __u8 *bytes, __u32 size)
{
	memcpy(key->bytes + key->size, bytes, size);
	key->size += size;
}

/* Ports are the first four bytes of these; of others, there is no telling. */
static void gather_ports(struct flow_key *key, __u8 protocol, const __u8 *bytes, const __u8 *end)
{
	if ((protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	     protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE) &&
	    end - bytes >= 4)
		gather(key, bytes, 4);
}

static void gather_ipv4(struct flow_key *key, const __u8 *header, const __u8 *end)
{
	bool fragment = (header[6] & 0x3f) | header[7];
	__u32 size = (header[0] & 0xf) * 4;

	gather(key, header + 9, 1);
	gather(key, header + 12, 8);
	if (!fragment && end - header >= (ptrdiff_t)size)
		gather_ports(key, header[9], header + size, end);
}

static void gather_ipv6(struct flow_key *key, const __u8 *header, const __u8 *end)
{
	gather(key, header + 6, 1);
	gather(key, header + 8, 32);
	gather_ports(key, header[6], header + sizeof(struct ipv6hdr), end);
}

__u32 frame_flow(const void *bytes, __u32 length, __u64 seed)
{
	struct flow_key key = {};
	__u16 type;
	__u32 at = find_network(bytes, length, &type);
	const __u8 *header = (const __u8 *)bytes + at, *end = (const __u8 *)bytes + length;
	__u64 hash = seed, word;

	if (type == ETH_P_IP && end - header >= (ptrdiff_t)sizeof(struct iphdr))
		gather_ipv4(&key, header, end);
	else if (type == ETH_P_IPV6 && end - header >= (ptrdiff_t)sizeof(struct ipv6hdr))
		gather_ipv6(&key, header, end);
	else
		gather(&key, bytes, length < ETH_HLEN ? length : ETH_HLEN);
	for (__u32 i = 0; i < key.size; i += sizeof(word)) {
		memcpy(&word, key.bytes + i, sizeof(word));
		hash = lana_random(hash ^ word, type, i);
	}
	return (hash >> 32) | !(hash >> 32);
}
