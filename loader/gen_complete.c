// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_complete - fill in what a packet's text leaves out: types, lengths, padding, checksums
 */
#include <errno.h>
#include <string.h>

#include <lana/stamp.h>

#include "error.h"
#include "gen_template.h"

static bool is(const struct gen_layer *layer, const char *name)
{
	return layer && !strcmp(layer->type->name, name);
}

/* A field that was not given, to be filled in. */
static void fill(struct gen_template *template, struct gen_layer *layer, const char *name,
		 __u64 value)
{
	const struct gen_field_type *field = layer->type->fields;
	__u8 size, shift;
	bool shared;
	__u16 at;

	while (field->name && strcmp(field->name, name))
		field++;
	if (!field->name || layer->given & 1U << (field - layer->type->fields))
		return;
	gen_place(layer, field, &at, &size, &shift, &shared);
	gen_put(template->bytes + at, size, shift, field->width, value);
}

static bool gave(const struct gen_layer *layer, const char *name)
{
	for (const struct gen_field_type *field = layer->type->fields; field->name; field++)
		if (!strcmp(field->name, name))
			return layer->given & 1U << (field - layer->type->fields);
	return false;
}

/* ---- types -------------------------------------------------------------------------------- */

/* EtherTypes and protocol numbers, as IANA lists them; 0: it has none. */
static const struct {
	const char *name;
	__u16 ethertype;
	__u8 protocol;
} numbers[] = {
	{ "vlan", 0x8100, 0 }, { "arp", 0x0806, 0 }, { "ip4", 0x0800, 4 }, { "ip6", 0x86dd, 41 },
	{ "icmp", 0, 1 },      { "tcp", 0, 6 },	     { "udp", 0, 17 },	   { "icmp6", 0, 58 },
	{ NULL, 0x88b5, 253 }, /* for experiments: IEEE 802, RFC 3692 */
};

static void fill_type(struct gen_template *template, struct gen_layer *layer,
		      const struct gen_layer *next)
{
	size_t n = 0;

	while (numbers[n].name && !is(next, numbers[n].name))
		n++;
	fill(template, layer, is(layer, "ip4") ? "proto" : "next", numbers[n].protocol ?: 253);
	if (is(layer, "eth") || is(layer, "vlan"))
		fill(template, layer, "type", numbers[n].ethertype ?: 0x88b5);
}

/* Lengths reach to the end of the packet, as far as it has been given: padding is not in them. */
static void fill_length(struct gen_template *template, struct gen_layer *layer, __u32 end)
{
	if (is(layer, "ip4") || is(layer, "udp"))
		fill(template, layer, "len", end - layer->at);
	else if (is(layer, "ip6"))
		fill(template, layer, "len", end - layer->at - layer->size);
}

/* ---- size and stamp ------------------------------------------------------------------------- */

static int resize(struct gen_template *template, __u32 size, const char *name,
		  struct lana_error *error)
{
	__u32 head = template->has_payload ? template->payload_at : template->size;

	if (size < head)
		return refuse(error, -ENOSPC,
			      "%s: headers of %u bytes do not fit into frames of %u", name, head,
			      size);
	if (!template->has_payload && template->layers_count == GEN_LAYERS_MAX)
		return refuse(error, -ENOSPC, "%s: no room for a payload", name);
	if (size > template->size)
		memset(template->bytes + template->size, 0, size - template->size);
	if (!template->has_payload)
		template->layers[template->layers_count++] =
			(struct gen_layer){ .type = gen_layer_find("payload", 7), .at = head };
	template->has_payload = true;
	template->payload_at = head;
	template->payload_size = size - head;
	template->layers[template->layers_count - 1].size = size - head;
	template->size = size;
	return 0;
}

static int stamp(struct gen_template *template, const struct gen_completion *completion,
		 struct lana_error *error)
{
	__u32 head = template->has_payload ? template->payload_at : template->size;
	__u8 *bytes = template->bytes;
	int err = 0;

	if (template->has_payload && template->payload_size < LANA_STAMP_SIZE)
		return refuse(error, -ENOSPC, "%s: a stamp needs %d bytes, the payload has %u",
			      completion->name, LANA_STAMP_SIZE, template->payload_size);
	if (head + LANA_STAMP_SIZE > GEN_SIZE_MAX)
		return refuse(error, -ENOSPC, "%s: no room for a stamp", completion->name);
	if (!template->has_payload)
		err = resize(template, head + LANA_STAMP_SIZE, completion->name, error);
	if (err)
		return err;
	template->stamp_at = head;
	gen_put(bytes + head, 4, 0, 32, LANA_STAMP_MAGIC);
	memset(bytes + head + 4, 0, LANA_STAMP_SIZE - 4);
	return 0;
}

/* ---- checksums ------------------------------------------------------------------------------ */

/* Of 16-bit words as they are in memory; an odd byte is followed by a zero. */
static __u64 sum_bytes(const __u8 *bytes, __u32 size)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < size; i++)
		sum += (__u64)bytes[i] << (i % 2 ? 8 : 0);
	return sum;
}

static __u64 swap16(__u32 word)
{
	return __builtin_bswap16(word);
}

/* The address part of the pseudo header: that of the network layer before the layer. */
static void add_pseudo(const struct gen_template *template, const struct gen_layer *layer,
		       __u8 protocol, struct gen_sum *sum)
{
	const struct gen_layer *network = layer;
	__u32 length = sum->end - sum->from;

	while (network > template->layers && !is(network, "ip4") && !is(network, "ip6"))
		network--;
	if (is(network, "ip4")) {
		sum->addresses = network->at + 12;
		sum->addresses_size = 8;
	} else if (is(network, "ip6")) {
		sum->addresses = network->at + 8;
		sum->addresses_size = 32;
	} else {
		return;
	}
	sum->base += sum_bytes(template->bytes + sum->addresses, sum->addresses_size);
	sum->base += swap16(length) + swap16(protocol);
}

static void add_sum(struct gen_template *template, const struct gen_layer *layer, __u32 end)
{
	struct gen_sum sum = { .from = layer->at, .end = end };

	if (gave(layer, "check"))
		return;
	if (is(layer, "ip4")) {
		__u32 options = layer->at + (template->bytes[layer->at] & 15) * 4;

		sum.at = layer->at + 10;
		/* Options are bytes behind the header. */
		sum.end = layer->at + layer->size;
		if (options > sum.end && options <= end)
			sum.end = options;
	} else if (is(layer, "icmp")) {
		sum.at = layer->at + 2;
	} else if (is(layer, "icmp6")) {
		sum.at = layer->at + 2;
		add_pseudo(template, layer, 58, &sum);
	} else if (is(layer, "udp")) {
		sum.at = layer->at + 6;
		sum.never_zero = true;
		add_pseudo(template, layer, 17, &sum);
	} else if (is(layer, "tcp")) {
		sum.at = layer->at + 16;
		add_pseudo(template, layer, 6, &sum);
	} else {
		return;
	}
	sum.base += sum_bytes(template->bytes + sum.from, sum.end - sum.from);
	template->sums[template->sums_count++] = sum;
}

/* ------------------------------------------------------------------------------------------- */

int gen_complete(struct gen_template *template, const struct gen_completion *completion,
		 struct lana_error *error)
{
	struct gen_layer *layers = template->layers;
	__u32 end;
	int err = 0;

	if (completion->size)
		err = resize(template, completion->size, completion->name, error);
	if (!err && completion->stamp)
		err = stamp(template, completion, error);
	if (err)
		return err;

	end = template->size;
	for (__u32 i = 0; i < template->layers_count; i++) {
		fill_type(template, &layers[i],
			  i + 1 < template->layers_count ? &layers[i + 1] : NULL);
		fill_length(template, &layers[i], end);
	}
	for (__u32 i = template->layers_count; i--;)
		add_sum(template, &layers[i], end);
	while (template->size < GEN_SIZE_MIN)
		template->bytes[template->size++] = 0;
	return 0;
}
