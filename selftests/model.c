// SPDX-License-Identifier: GPL-2.0-only
/*
 * model - what blocks do, written a second time in plain C, from their manuals
 */
#include <string.h>

#include "model.h"

#define ETH_SIZE 14
#define IP_SIZE	 20
#define IP6_SIZE 40

static unsigned int ethertype_of(const struct model_packet *packet)
{
	return packet->bytes[12] << 8 | packet->bytes[13];
}

static int run_forward(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)options, (void)packet, (void)own;
	return 0;
}

static int run_drop(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)options, (void)packet, (void)own;
	return -LANA_DROP_POLICY;
}

static int run_pass(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)options, (void)packet, (void)own;
	return LANA_PASS;
}

static int run_counter(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)options;
	own[0]++;
	own[1] += packet->size;
	return 0;
}

static int run_ethertype(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)own;
	if (packet->size < ETH_SIZE)
		return -LANA_DROP_SHORT;
	return ethertype_of(packet) == options[0] ? 0 : 1;
}

/* The checksum of the header grows by 0x0100 in one's complement, RFC 1624. */
static int run_ttl(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	unsigned char *ip = packet->bytes + ETH_SIZE, *ttl = ip + 8;
	bool ipv6 = packet->size >= ETH_SIZE + IP6_SIZE && ethertype_of(packet) == 0x86dd;
	unsigned int sum;

	if (ipv6)
		ttl = ip + 7;
	else if (packet->size < ETH_SIZE + IP_SIZE || ethertype_of(packet) != 0x0800)
		return -LANA_DROP_PROTOCOL;
	if (!*ttl)
		own[0]++;
	if (*ttl <= 1 + options[0])
		return 1;
	--*ttl;
	if (ipv6)
		return 0;
	sum = (ip[10] << 8 | ip[11]) + 0x0100;
	if (sum >= 0xffff)
		sum -= 0xffff;
	ip[10] = sum >> 8;
	ip[11] = sum;
	return 0;
}

static unsigned int word_at(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

/* A sum of the header's words, in the order of the network, that is no more than 16 bits. */
static unsigned int header_sum(const unsigned char *ip, unsigned int size)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < size; i += 2)
		sum += word_at(ip + i);
	sum = (sum >> 16) + (sum & 0xffff);
	return (sum >> 16) + (sum & 0xffff);
}

static int run_ipv4(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	const unsigned char *ip = packet->bytes + ETH_SIZE;
	unsigned int size = (ip[0] & 15) * 4, total = word_at(ip + 2);

	(void)options;
	if (ethertype_of(packet) != 0x0800)
		return -LANA_DROP_PROTOCOL;
	if (packet->size >= ETH_SIZE + IP_SIZE && ip[0] >> 4 != 4) {
		own[0]++;
		return 1;
	}
	if (packet->size < ETH_SIZE + IP_SIZE || size < IP_SIZE || total < size ||
	    total > packet->size - ETH_SIZE) {
		own[1]++;
		return 1;
	}
	if (header_sum(ip, size) != 0xffff) {
		own[2]++;
		return 1;
	}
	if (word_at(ip + 6) & 0x3fff)
		return 3;
	return size > IP_SIZE ? 2 : 0;
}

static int run_mark(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	uint32_t mask = options[1] ? options[1] : 0xffffffff;

	(void)own;
	packet->mark = (packet->mark & ~mask) | (options[0] & mask);
	return 0;
}

static int run_mark_is(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)own;
	return packet->mark == options[0] ? 0 : 1;
}

static int run_swap_mac(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	unsigned char target[6];

	(void)options, (void)own;
	if (packet->size < ETH_SIZE)
		return -LANA_DROP_SHORT;
	memcpy(target, packet->bytes, 6);
	memmove(packet->bytes, packet->bytes + 6, 6);
	memcpy(packet->bytes + 6, target, 6);
	return LANA_TURN;
}

static int run_maze(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	static const int verdicts[] = { 0, 1, 2, LANA_TURN + 1, 77, LANA_PASS };
	unsigned int value;

	own[0]++;
	if (packet->size <= ETH_SIZE)
		return -LANA_DROP_SHORT;
	if (options[2])
		return -LANA_DROP_POLICY;
	value = (packet->bytes[ETH_SIZE] + options[0]) & 0xff;
	for (int i = 0; i < 8 && value > 5; i++)
		value = value % 8 + value / 8;
	if (options[1])
		value *= 2;
	own[2] += packet->bytes[ETH_SIZE];
	if (value < 3)
		own[1]++;
	return value < sizeof(verdicts) / sizeof(verdicts[0]) ? verdicts[value]
							      : -LANA_DROP_MALFORMED;
}

static int run_retype(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)own;
	if (packet->size < ETH_SIZE)
		return -LANA_DROP_SHORT;
	packet->bytes[12] = options[0] >> 8;
	packet->bytes[13] = options[0];
	return 0;
}

static int run_trim(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)own;
	if (packet->size < 60 + options[0])
		return 1;
	packet->size -= options[0];
	return 0;
}

const struct model_type model_types[] = {
	{ "forward", {}, {}, { "next" }, run_forward },
	{ "counter", {}, {}, { "next" }, run_counter },
	{ "ethertype", { "type" }, { 0x10000 }, { "match", "other" }, run_ethertype },
	{ "ttl", { "reserve" }, { 5 }, { "next", "dead" }, run_ttl },
	{ "ipv4", {}, {}, { "good", "bad", "options", "fragment" }, run_ipv4 },
	{ "mark", { "value", "mask" }, { 4, 4 }, { "next" }, run_mark },
	{ "mark_is", { "mark" }, { 4 }, { "match", "other" }, run_mark_is },
	{ "swap_mac", {}, {}, { "next" }, run_swap_mac },
	{ "maze", { "bias", "mode", "lose" }, { 256, 2, 2 }, { "zero", "one", "two" }, run_maze },
	{ "retype", { "type", "helper" }, { 0x10000, 2 }, { "next" }, run_retype },
	{ "trim", { "bytes" }, { 9 }, { "next", "short" }, run_trim },
	{ "drop", {}, {}, {}, run_drop },
	{ "pass", {}, {}, {}, run_pass },
};

const size_t model_types_count = sizeof(model_types) / sizeof(model_types[0]);

static int run_all(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)options, (void)packet, (void)own;
	return LANA_ALL;
}

/* Of chances only 0 and 1. */
static int run_duplicate(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	(void)packet;
	if (!options[0])
		return 0;
	own[0]++;
	return LANA_ALL;
}

static int run_mirror(const uint32_t *options, struct model_packet *packet, uint64_t *own)
{
	uint64_t *picked = &own[1]; /* that is no counter, but what the block remembers */

	if (!(packet->bound & 2))
		return 0;
	if (options[0] > 1 && ++*picked % options[0])
		return 0;
	own[0]++;
	return LANA_ALL;
}

const struct model_type model_copying[] = {
	{ "tee", {}, {}, { "0", "1" }, run_all },
	{ "fanout", {}, {}, { "0", "1", "2" }, run_all },
	{ "duplicate", { "ppm" }, { 2 }, { "next" }, run_duplicate },
	{ "mirror", { "one_in" }, { 4 }, { "next", "mirror" }, run_mirror },
};

const size_t model_copying_count = sizeof(model_copying) / sizeof(model_copying[0]);

#define X(NAME, name, text) [LANA_DROP_##NAME] = name,
const char *const model_drops[LANA_DROPS_MAX] = { LANA_DROP_REASONS(X) };
#undef X

enum model_end model_run(struct model_block *blocks, int first, enum lana_path path,
			 struct model_packet *packet)
{
	for (int at = first; at > MODEL_NOWHERE;) {
		struct model_block *block = &blocks[at];
		struct model_side *side = &block->sides[path];
		int verdict = block->type->process(block->options, packet, side->own);
		int port = verdict % LANA_TURN;

		if (verdict == LANA_PASS)
			return MODEL_PASSED;
		if (verdict < 0) {
			side->drops[-verdict]++;
			return MODEL_DROPPED;
		}
		if (verdict >= 2 * LANA_TURN || port >= MODEL_PORTS_MAX ||
		    !block->type->ports[port]) {
			side->drops[LANA_DROP_INVALID]++;
			return MODEL_DROPPED;
		}
		if (verdict >= LANA_TURN)
			path = !path;
		at = block->edges[path][port];
		if (at == MODEL_NOWHERE) {
			block->sides[path].unbound[port]++;
			return MODEL_DROPPED;
		}
		if (at < MODEL_NOWHERE)
			return MODEL_SENT;
	}
	return first == MODEL_NOWHERE ? MODEL_DROPPED : MODEL_SENT;
}

/* Each port that is bound gets the packet as it is, or twice; if none is, port 0 misses it. */
static void walk_all(struct model_block *blocks, struct model_block *block, enum lana_path path,
		     const struct model_packet *packet, const struct model_sink *sink)
{
	int times = block->type->process == run_duplicate ? 2 : 1;
	bool bound = false;

	for (int port = 0; port < MODEL_PORTS_MAX && block->type->ports[port]; port++)
		for (int i = 0; block->edges[path][port] != MODEL_NOWHERE && i < times; i++) {
			bound = true;
			model_walk(blocks, block->edges[path][port], path, packet, sink);
		}
	if (!bound)
		block->sides[path].unbound[0]++;
}

void model_walk(struct model_block *blocks, int first, enum lana_path path,
		const struct model_packet *packet, const struct model_sink *sink)
{
	struct model_packet copy = *packet;
	struct model_block *block = &blocks[first];
	int verdict, port, to;

	if (first < MODEL_NOWHERE) {
		sink->end(sink->cookie, MODEL_SENT, first, packet);
		return;
	}
	copy.bound = 0;
	for (port = 0; port < MODEL_PORTS_MAX; port++)
		copy.bound |= block->edges[path][port] != MODEL_NOWHERE ? 1U << port : 0;
	verdict = block->type->process(block->options, &copy, block->sides[path].own);
	port = verdict % LANA_TURN;
	if (verdict == LANA_PASS) {
		sink->end(sink->cookie, MODEL_PASSED, MODEL_NOWHERE, &copy);
	} else if (verdict == LANA_ALL) {
		walk_all(blocks, block, path, &copy, sink);
	} else if (verdict < 0) {
		block->sides[path].drops[-verdict]++;
	} else if (verdict >= 2 * LANA_TURN || port >= MODEL_PORTS_MAX ||
		   !block->type->ports[port]) {
		block->sides[path].drops[LANA_DROP_INVALID]++;
	} else {
		path = verdict >= LANA_TURN ? !path : path;
		to = block->edges[path][port];
		if (to == MODEL_NOWHERE)
			block->sides[path].unbound[port]++;
		else
			model_walk(blocks, to, path, &copy, sink);
	}
}
