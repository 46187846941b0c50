// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker_frames - the worker's memory, and the rings by which the kernel has its frames
 *
 * A frame is free, in the fill ring or received, a block's, or on its way out; packets[] has one
 * entry for each. One thread does it all.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "worker.h"

static char *frame_at(const struct lana_worker *worker, __u32 frame)
{
	return (char *)worker->socket->memory + ((size_t)frame << worker->socket->frame_shift);
}

int frames_open(struct lana_worker *worker)
{
	const struct socket_parts *parts = &worker->socket->parts;
	__u32 frames = socket_frames(parts);

	worker->frames = frames;
	worker->packets = calloc(frames, sizeof(*worker->packets));
	worker->free = calloc(frames, sizeof(*worker->free));
	worker->backlog_end = &worker->backlog;
	if (!worker->packets || !worker->free)
		return -ENOMEM;
	for (__u32 i = 0; i < frames; i++)
		worker->packets[i].frame = i;
	/* The first ones wait in the fill ring already. */
	for (__u32 i = frames; i-- > parts->receive_ring;)
		worker->free[worker->free_count++] = i;
	return 0;
}

void frames_close(struct lana_worker *worker)
{
	free(worker->packets);
	free(worker->free);
}

struct lana_userpacket *frames_take(struct lana_worker *worker)
{
	struct lana_userpacket *packet;

	if (!worker->free_count) {
		worker->short_of_memory++;
		return NULL;
	}
	packet = &worker->packets[worker->free[--worker->free_count]];
	packet->data =
		frame_at(worker, packet->frame) + SOCKET_HEADROOM + sizeof(struct lana_channel);
	return packet;
}

void frames_free(struct lana_worker *worker, struct lana_userpacket *packet)
{
	packet->owner = NULL;
	worker->free[worker->free_count++] = packet->frame;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void refill(struct lana_worker *worker)
{
	struct xsk_ring_prod *fill = &worker->socket->xsks[0].fill;
	__u32 room = xsk_prod_nb_free(fill, WORKER_BATCH), at = 0;
	__u32 n = room < worker->free_count ? room : worker->free_count;

	if (!n || xsk_ring_prod__reserve(fill, n, &at) != n)
		return;
	for (__u32 i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(fill, at + i) = (__u64)worker->free[--worker->free_count]
							  << worker->socket->frame_shift;
	xsk_ring_prod__submit(fill, n);
}

/* NULL: it has no header, which cannot be. */
static struct lana_userpacket *receive_one(struct lana_worker *worker, const struct xdp_desc *desc)
{
	struct lana_userpacket *packet = &worker->packets[socket_frame(worker->socket, desc->addr)];
	const struct lana_channel *channel = (void *)((char *)worker->socket->memory + desc->addr);

	if (desc->len < sizeof(*channel) || channel->magic != LANA_CHANNEL_MAGIC) {
		frames_free(worker, packet);
		return NULL;
	}
	packet->data = (void *)(channel + 1);
	packet->length = desc->len - sizeof(*channel);
	packet->mark = channel->mark;
	packet->time = channel->time;
	packet->path = channel->path;
	packet->next = NULL;
	return packet;
}

__u32 frames_receive(struct lana_worker *worker, struct lana_userpacket *packets[WORKER_BATCH])
{
	struct xsk_ring_cons *ring = &worker->socket->xsks[0].receive;
	__u32 at = 0, n = xsk_ring_cons__peek(ring, WORKER_BATCH, &at), count = 0;

	for (__u32 i = 0; i < n; i++) {
		packets[count] = receive_one(worker, xsk_ring_cons__rx_desc(ring, at + i));
		count += packets[count] != NULL;
	}
	if (n)
		xsk_ring_cons__release(ring, n);
	frames_turn_over(worker);
	return count;
}

/* ---- sending -------------------------------------------------------------------------------- */

static __u32 unsent(const struct xsk_ring_prod *ring)
{
	return ring->cached_prod - __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
}

/* False: the ring is full. */
static bool put(struct lana_worker *worker, struct lana_userpacket *packet)
{
	struct xsk_ring_prod *ring = &worker->socket->sending.ring;
	struct lana_channel *channel = packet_channel(packet);
	__u32 at = 0;

	if (!xsk_ring_prod__reserve(ring, 1, &at))
		return false;
	*xsk_ring_prod__tx_desc(ring, at) = (struct xdp_desc){
		.addr = (char *)channel - (char *)worker->socket->memory,
		.len = packet->length + sizeof(*channel),
	};
	worker->outward++;
	return true;
}

void frames_send(struct lana_worker *worker, struct lana_userpacket *packet)
{
	packet->owner = NULL;
	if (!worker->backlog && put(worker, packet))
		return;
	packet->next = NULL;
	*worker->backlog_end = packet;
	worker->backlog_end = &packet->next;
}

void frames_turn_over(struct lana_worker *worker)
{
	struct xsk_ring_cons *completion = &worker->socket->sending.completion;
	__u32 at = 0, n = xsk_ring_cons__peek(completion, worker->socket->parts.send_ring, &at);

	for (__u32 i = 0; i < n; i++)
		worker->free[worker->free_count++] =
			socket_frame(worker->socket, *xsk_ring_cons__comp_addr(completion, at + i));
	if (n)
		xsk_ring_cons__release(completion, n);
	worker->outward -= n;
	refill(worker);
}

bool frames_flush(struct lana_worker *worker)
{
	struct xsk_ring_prod *ring = &worker->socket->sending.ring;

	while (worker->backlog && put(worker, worker->backlog)) {
		worker->backlog = worker->backlog->next;
		if (!worker->backlog)
			worker->backlog_end = &worker->backlog;
	}
	__atomic_store_n(ring->producer, ring->cached_prod, __ATOMIC_RELEASE);
	if (!unsent(ring))
		return true;
	sendto(worker->socket->parts.fds[SOCKET_FD_XSK], NULL, 0, MSG_DONTWAIT, NULL, 0);
	frames_turn_over(worker);
	return !worker->backlog && !unsent(ring);
}
