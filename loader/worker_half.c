// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker_half - packets to the user-space halves of blocks, and what these call
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/if_ether.h>

#include "worker.h"

/* ---- to halves ------------------------------------------------------------------------------ */

/* The block that a packet is for; NULL: it goes back as it came. */
static struct hosted *find_block(const struct lana_worker *worker,
				 const struct lana_userpacket *packet)
{
	const struct lana_channel *channel = packet_channel(packet);
	struct hosted *hosted =
		channel->idp < LANA_BLOCKS_MAX ? worker->hosted[channel->idp] : NULL;

	return hosted && hosted->life == channel->life ? hosted : NULL;
}

/* Give packets in a row that are for one block to it at once. */
bool worker_receive(struct lana_worker *worker)
{
	struct lana_userpacket *packets[WORKER_BATCH];
	__u32 count = frames_receive(worker, packets), first = 0;
	struct hosted *hosted = count ? find_block(worker, packets[0]) : NULL;

	for (__u32 i = 0; i < count; i++) {
		struct hosted *next = i + 1 < count ? find_block(worker, packets[i + 1]) : NULL;

		if (!hosted)
			frames_send(worker, packets[i]);
		else
			packets[i]->owner = &hosted->block;
		if (hosted && (i + 1 == count || next != hosted))
			hosted->half->process(&hosted->block, &packets[first], i + 1 - first);
		if (next != hosted)
			first = i + 1;
		hosted = next;
	}
	if (count)
		frames_flush(worker);
	return count;
}

/* ---- from halves ---------------------------------------------------------------------------- */

static struct hosted *hosted_of(struct lana_userblock *block)
{
	return (struct hosted *)block; /* it comes first */
}

/* What the engine counts of a block, which the worker does in its part. */
static struct lana_path_cell *part_of(const struct hosted *hosted, int path)
{
	return &hosted->counts->path[path];
}

static void leave(struct hosted *hosted, struct lana_userpacket *packet, int path, __u32 port)
{
	struct lana_worker *worker = hosted->worker;
	struct lana_channel *channel = packet_channel(packet);

	if (hosted->discards) {
		frames_free(worker, packet);
		return;
	}
	if (port >= LANA_PORTS_MAX || packet->length < ETH_HLEN ||
	    packet->length > socket_frame_max(worker->socket->parts.mtu)) {
		part_of(hosted, path)->drops[LANA_DROP_INVALID]++;
		frames_free(worker, packet);
		return;
	}
	if (!(__atomic_load_n(&hosted->bound->path[path].bound, __ATOMIC_RELAXED) & 1U << port)) {
		part_of(hosted, path)->unbound[port]++;
		frames_free(worker, packet);
		return;
	}
	channel->mark = packet->mark;
	channel->path = path;
	channel->port = port;
	channel->flags |= LANA_CHANNEL_TAKEN;
	frames_send(worker, packet);
}

void lana_user_send(struct lana_userblock *block, struct lana_userpacket *packet, uint32_t port)
{
	leave(hosted_of(block), packet, packet->path, port);
}

void lana_user_turn(struct lana_userblock *block, struct lana_userpacket *packet, uint32_t port)
{
	struct hosted *hosted = hosted_of(block);

	leave(hosted, packet, !packet->path, hosted->turns ? port : LANA_PORTS_MAX);
}

void lana_user_drop(struct lana_userblock *block, struct lana_userpacket *packet,
		    enum lana_drop reason)
{
	struct hosted *hosted = hosted_of(block);

	if ((unsigned int)reason >= LANA_DROPS_MAX)
		reason = LANA_DROP_INVALID;
	part_of(hosted, packet->path)->drops[reason]++;
	frames_free(hosted->worker, packet);
}

struct lana_userpacket *lana_user_make(struct lana_userblock *block, enum lana_path path)
{
	struct hosted *hosted = hosted_of(block);
	struct lana_worker *worker = hosted->worker;
	struct lana_userpacket *packet = frames_take(worker);

	if (!packet)
		return NULL;
	packet->length = packet->mark = 0;
	packet->path = path;
	packet->time = lana_user_now();
	packet->next = NULL;
	packet->owner = block;
	*packet_channel(packet) = (struct lana_channel){
		.time = packet->time,
		.magic = LANA_CHANNEL_MAGIC,
		.device = worker->made_device,
		.idp = hosted->idp,
		.life = hosted->life,
		.path = path,
		.flavour = worker->flavour,
	};
	return packet;
}

struct lana_userpacket *lana_user_copy(struct lana_userblock *block,
				       const struct lana_userpacket *from)
{
	struct lana_userpacket *packet = frames_take(hosted_of(block)->worker);

	if (!packet)
		return NULL;
	packet->length = from->length;
	packet->mark = from->mark;
	packet->path = from->path;
	packet->time = from->time;
	packet->next = NULL;
	packet->owner = block;
	memcpy(packet_channel(packet), packet_channel(from),
	       sizeof(struct lana_channel) + from->length);
	return packet;
}

uint32_t lana_user_room(const struct lana_userblock *block)
{
	const struct hosted *hosted = (const struct hosted *)block;

	return socket_frame_max(hosted->worker->socket->parts.mtu);
}

uint32_t lana_user_frames(const struct lana_userblock *block, uint32_t *unused)
{
	const struct lana_worker *worker = ((const struct hosted *)block)->worker;

	if (unused)
		*unused = worker->free_count;
	return worker->frames;
}

bool lana_user_is_sent(const struct lana_userblock *block)
{
	const struct lana_worker *worker = ((const struct hosted *)block)->worker;

	return !worker->backlog && !worker->outward;
}

int lana_user_map(const struct lana_userblock *block, const char *name)
{
	const struct hosted *hosted = (const struct hosted *)block;
	char path[320];
	int fd;

	fd = bpf_obj_get(stack_path(hosted->worker->stack, path, sizeof(path), "state/%u@%s",
				    hosted->cell, name));
	return fd < 0 ? -errno : fd;
}

void lana_user_log(const struct lana_userblock *block, const char *format, ...)
{
	const struct hosted *hosted = (const struct hosted *)block;
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	worker_log(hosted->worker, "%s (%s): %s", hosted->name, hosted->type, text);
}

/* ---- size ----------------------------------------------------------------------------------- */

static struct lana_worker *worker_of(const struct lana_userpacket *packet)
{
	return hosted_of(packet->owner)->worker;
}

/* Have the frame begin elsewhere, its header before it. */
static void *begin_at(struct lana_userpacket *packet, char *data, __u32 length)
{
	struct lana_channel channel = *packet_channel(packet);

	packet->data = data;
	packet->length = length;
	*packet_channel(packet) = channel;
	return data;
}

void *lana_user_push(struct lana_userpacket *packet, uint32_t size)
{
	const struct lana_worker *worker = worker_of(packet);
	const struct lana_socket *socket = worker->socket;
	char *start = (char *)socket->memory + ((size_t)packet->frame << socket->frame_shift);
	size_t before = (char *)packet_channel(packet) - start;

	if (size > before || size > socket_frame_max(socket->parts.mtu) ||
	    packet->length + size > socket_frame_max(socket->parts.mtu))
		return NULL;
	return begin_at(packet, (char *)packet->data - size, packet->length + size);
}

void *lana_user_pull(struct lana_userpacket *packet, uint32_t size)
{
	if (packet->length < ETH_HLEN || size > packet->length - ETH_HLEN)
		return NULL;
	return begin_at(packet, (char *)packet->data + size, packet->length - size);
}

void *lana_user_resize(struct lana_userpacket *packet, uint32_t length)
{
	const struct lana_socket *socket = worker_of(packet)->socket;
	char *end = (char *)socket->memory + ((size_t)(packet->frame + 1) << socket->frame_shift);

	if (length < ETH_HLEN || length > socket_frame_max(socket->parts.mtu) ||
	    length > (size_t)(end - (char *)packet->data))
		return NULL;
	packet->length = length;
	return packet->data;
}

void lana_user_timer(struct lana_userblock *block, uint64_t when)
{
	struct hosted *hosted = hosted_of(block);

	if (hosted->half->timer)
		timer_set(hosted, when);
}
