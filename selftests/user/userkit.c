// SPDX-License-Identifier: GPL-2.0-only
/*
 * userkit - the user-space half of selftests/blocks/userkit.bpf.c
 */
#include <errno.h>
#include <string.h>

#include <lana/channel.h>
#include <lana/userblock.h>

#include "userkit.h"

#define HEADER 14
#define MADE   60

struct userkit {
	uint64_t packets, made;
};

/* Write where the library has its own: what is sent then must not get anywhere. */
static void forge(struct lana_userpacket *packet, enum userkit_forge what)
{
	struct lana_channel *channel = (struct lana_channel *)packet->data - 1;

	switch (what) {
	case FORGE_NOTHING:
		break;
	case FORGE_MAGIC:
		channel->magic++;
		break;
	case FORGE_IDP: /* of the first block there is, which is a device's */
		channel->idp = 1;
		break;
	case FORGE_LIFE:
		channel->life++;
		break;
	case FORGE_DEVICE:
		channel->device = 1; /* lo */
		break;
	case FORGE_FLAVOUR:
		channel->flavour = 7;
		break;
	}
}

/* False: there was no room, and it was dropped. */
static int change(struct lana_userblock *block, struct lana_userpacket *packet)
{
	const struct userkit_config *config = block->config;
	unsigned char *data = packet->data;

	for (uint32_t i = HEADER; config->flip && i < packet->length; i++)
		data[i] ^= config->flip;
	if ((config->push && !lana_user_push(packet, config->push)) ||
	    (config->pull && !lana_user_pull(packet, config->pull)) ||
	    (config->add && !lana_user_resize(packet, packet->length + config->add))) {
		lana_user_drop(block, packet, LANA_DROP_MALFORMED);
		return 0;
	}
	if (config->push)
		memset(packet->data, 0xee, config->push);
	if (config->add)
		memset((char *)packet->data + packet->length - config->add, 0xdd, config->add);
	return 1;
}

static void handle(struct lana_userblock *block, struct lana_userpacket *packet)
{
	struct userkit_counters *counters = block->counters[packet->path];
	const struct userkit_config *config = block->config;
	struct userkit *kit = block->state;
	uint64_t number = kit->packets++;
	struct lana_userpacket *copy;
	uint32_t port;

	counters->packets++;
	if (config->keep)
		return;
	if (config->drop_every && number % config->drop_every == config->drop_every - 1) {
		lana_user_drop(block, packet, LANA_DROP_POLICY);
		return;
	}
	if (!change(block, packet))
		return;
	port = config->split && number % 2 ? USERKIT_OTHER : USERKIT_NEXT;
	copy = config->twice ? lana_user_copy(block, packet) : NULL;
	forge(packet, config->forge);
	if (config->turn)
		lana_user_turn(block, packet, port);
	else
		lana_user_send(block, packet, port);
	if (copy)
		lana_user_send(block, copy, port);
}

static void process(struct lana_userblock *block, struct lana_userpacket **packets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		handle(block, packets[i]);
}

static void make(struct lana_userblock *block)
{
	struct lana_userpacket *packet = lana_user_make(block, LANA_INGRESS);
	struct userkit *kit = block->state;

	if (!packet)
		return;
	memset(packet->data, 0xff, HEADER);
	if (!lana_user_resize(packet, MADE))
		return;
	memset(packet->data, 0xff, MADE);
	memcpy((char *)packet->data + 12, "\x88\xb5", 2);
	memcpy((char *)packet->data + HEADER, &kit->made, sizeof(kit->made));
	kit->made++;
	((struct userkit_counters *)block->counters[LANA_INGRESS])->made++;
	lana_user_send(block, packet, USERKIT_NEXT);
}

static void begin(struct lana_userblock *block)
{
	const struct userkit_config *config = block->config;

	lana_user_timer(block, config->make_every ? lana_user_now() + config->make_every : 0);
}

static int init(struct lana_userblock *block)
{
	const struct userkit_config *config = block->config;

	begin(block);
	return config->refuse ? -EBUSY : 0;
}

static void timer(struct lana_userblock *block, uint64_t now)
{
	const struct userkit_config *config = block->config;

	make(block);
	lana_user_timer(block, now + config->make_every);
}

static void set(struct lana_userblock *block, const void *before)
{
	const struct userkit_config *old = before, *config = block->config;

	((struct userkit_counters *)block->counters[LANA_INGRESS])->sets++;
	if (old->make_every != config->make_every)
		begin(block);
}

LANA_USERBLOCK(userkit, .state_size = sizeof(struct userkit), .init = init, .process = process,
	       .timer = timer, .set = set);
