// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_layers - the protocols of the packet language: their fields, and what they are if not given
 */
#include <string.h>

#include "cleanup.h"
#include "gen_template.h"

/* Fields are as in the figures of the RFCs: bits from the left. */
static const struct gen_layer_type types[] = {
	/* IEEE 802.3 */
	{ .name = "eth",
	  .size = 14,
	  .bytes = "020000000002020000000001"
		   "0000",
	  .fields = { { "dst", 0, 48, GEN_MAC },
		      { "src", 48, 48, GEN_MAC },
		      { "type", 96, 16, GEN_NUMBER } } },
	/* IEEE 802.1Q; the tag's own type is the "type" of what is before it */
	{ .name = "vlan",
	  .size = 4,
	  .bytes = "00010000",
	  .fields = { { "pcp", 0, 3, GEN_NUMBER },
		      { "dei", 3, 1, GEN_NUMBER },
		      { "id", 4, 12, GEN_NUMBER },
		      { "type", 16, 16, GEN_NUMBER } } },
	/* RFC 826 */
	{ .name = "arp",
	  .size = 28,
	  .bytes = "0001080006040001"
		   "0200000000010a000001"
		   "0000000000000a000002",
	  .fields = { { "hardware", 0, 16, GEN_NUMBER },
		      { "protocol", 16, 16, GEN_NUMBER },
		      { "op", 48, 16, GEN_NUMBER },
		      { "sha", 64, 48, GEN_MAC },
		      { "spa", 112, 32, GEN_IP4 },
		      { "tha", 144, 48, GEN_MAC },
		      { "tpa", 192, 32, GEN_IP4 } } },
	/* RFC 791, RFC 2474, RFC 3168 */
	{ .name = "ip4",
	  .size = 20,
	  .bytes = "4500000000000000"
		   "40000000"
		   "0a0000010a000002",
	  .fields = { { "version", 0, 4, GEN_NUMBER },
		      { "ihl", 4, 4, GEN_NUMBER },
		      { "dscp", 8, 6, GEN_NUMBER },
		      { "ecn", 14, 2, GEN_NUMBER },
		      { "len", 16, 16, GEN_NUMBER },
		      { "id", 32, 16, GEN_NUMBER },
		      { "df", 49, 1, GEN_NUMBER },
		      { "mf", 50, 1, GEN_NUMBER },
		      { "frag", 51, 13, GEN_NUMBER },
		      { "ttl", 64, 8, GEN_NUMBER },
		      { "proto", 72, 8, GEN_NUMBER },
		      { "check", 80, 16, GEN_NUMBER },
		      { "src", 96, 32, GEN_IP4 },
		      { "dst", 128, 32, GEN_IP4 } } },
	/* RFC 8200; addresses of RFC 3849 */
	{ .name = "ip6",
	  .size = 40,
	  .bytes = "6000000000000040"
		   "20010db8000000000000000000000001"
		   "20010db8000000000000000000000002",
	  .fields = { { "version", 0, 4, GEN_NUMBER },
		      { "dscp", 4, 6, GEN_NUMBER },
		      { "ecn", 10, 2, GEN_NUMBER },
		      { "flow", 12, 20, GEN_NUMBER },
		      { "len", 32, 16, GEN_NUMBER },
		      { "next", 48, 8, GEN_NUMBER },
		      { "hop", 56, 8, GEN_NUMBER },
		      { "src", 64, 64, GEN_IP6 },
		      { "dst", 192, 64, GEN_IP6 } } },
	/* RFC 792: as an echo request has it */
	{ .name = "icmp",
	  .size = 8,
	  .bytes = "0800000000000000",
	  .fields = { { "type", 0, 8, GEN_NUMBER },
		      { "code", 8, 8, GEN_NUMBER },
		      { "check", 16, 16, GEN_NUMBER },
		      { "id", 32, 16, GEN_NUMBER },
		      { "seq", 48, 16, GEN_NUMBER } } },
	/* RFC 4443: as an echo request has it */
	{ .name = "icmp6",
	  .size = 8,
	  .bytes = "8000000000000000",
	  .fields = { { "type", 0, 8, GEN_NUMBER },
		      { "code", 8, 8, GEN_NUMBER },
		      { "check", 16, 16, GEN_NUMBER },
		      { "id", 32, 16, GEN_NUMBER },
		      { "seq", 48, 16, GEN_NUMBER } } },
	/* RFC 768; port 9 discards (RFC 863) */
	{ .name = "udp",
	  .size = 8,
	  .bytes = "0009000900000000",
	  .fields = { { "sport", 0, 16, GEN_NUMBER },
		      { "dport", 16, 16, GEN_NUMBER },
		      { "len", 32, 16, GEN_NUMBER },
		      { "check", 48, 16, GEN_NUMBER } } },
	/* RFC 9293: a SYN */
	{ .name = "tcp",
	  .size = 20,
	  .bytes = "00090009"
		   "0000000000000000"
		   "5002ffff00000000",
	  .fields = { { "sport", 0, 16, GEN_NUMBER },
		      { "dport", 16, 16, GEN_NUMBER },
		      { "seq", 32, 32, GEN_NUMBER },
		      { "ack", 64, 32, GEN_NUMBER },
		      { "doff", 96, 4, GEN_NUMBER },
		      { "flags", 104, 8, GEN_FLAGS },
		      { "window", 112, 16, GEN_NUMBER },
		      { "check", 128, 16, GEN_NUMBER },
		      { "urgent", 144, 16, GEN_NUMBER } } },
	{ .name = "payload" },
	{ .name = "bytes" },
};

const struct gen_layer_type *gen_layer_find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].name) == length && !strncmp(types[i].name, name, length))
			return &types[i];
	return NULL;
}

/* RFC 9293, RFC 3168: from the lowest bit up. */
static const char *const flags[] = { "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr" };

int gen_flag_find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strlen(flags[i]) == length && !strncmp(flags[i], name, length))
			return i;
	return -1;
}

/*
 * The bytes that a field is in: 1, 2, 4, 6 or 8, of which a field that does not fill them shares
 * the rest with its neighbours.
 */
void gen_place(const struct gen_layer *layer, const struct gen_field_type *field, __u16 *at,
	       __u8 *size, __u8 *shift, bool *shared)
{
	__u16 first = field->bit / 8, end = (field->bit + field->width + 7) / 8;
	__u8 bytes = end - first;

	if (bytes == 3) { /* the flow label: no other field ends in the middle of three bytes */
		first--;
		bytes = 4;
	}
	*at = layer->at + first;
	*size = bytes;
	*shift = 8 * (first + bytes) - (field->bit + field->width);
	*shared = field->width != 8 * bytes;
}

void gen_put(__u8 *bytes, __u8 size, __u8 shift, __u8 width, __u64 value)
{
	__u64 mask = (width >= 64 ? ~0ULL : (1ULL << width) - 1) << shift;
	__u64 word = 0;

	for (__u8 i = 0; i < size; i++)
		word = word << 8 | bytes[i];
	word = (word & ~mask) | (value << shift & mask);
	for (__u8 i = size; i--; word >>= 8)
		bytes[i] = word;
}
