// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "socket.h"

/* ---- rings --------------------------------------------------------------------------------- */

/* The ring structs of libxdp, filled as its own functions do. */
#define SET_UP(which, map, offsets, entries)                     \
	do {                                                     \
		(which)->mask = (entries)-1;                     \
		(which)->size = (entries);                       \
		(which)->producer = (map) + (offsets)->producer; \
		(which)->consumer = (map) + (offsets)->consumer; \
		(which)->flags = (map) + (offsets)->flags;       \
		(which)->ring = (map) + (offsets)->desc;         \
		(which)->cached_prod = *(which)->producer;       \
		(which)->cached_cons = *(which)->consumer;       \
	} while (0)

static int map_ring(int xsk, __u64 page, const struct xdp_ring_offset *offsets, __u32 entries,
		    size_t entry, struct socket_mapping *mapping)
{
	size_t size = offsets->desc + entries * entry;
	void *start =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, xsk, page);

	if (start == MAP_FAILED)
		return -errno;
	*mapping = (struct socket_mapping){ start, size };
	return 0;
}

static int map_receiving(const struct socket_parts *parts, struct socket_xsk *xsk,
			 const struct xdp_mmap_offsets *offsets)
{
	int err = map_ring(xsk->fd, XDP_PGOFF_RX_RING, &offsets->rx, parts->receive_ring,
			   sizeof(struct xdp_desc), &xsk->mappings[0]);

	if (!err)
		err = map_ring(xsk->fd, XDP_UMEM_PGOFF_FILL_RING, &offsets->fr, parts->receive_ring,
			       sizeof(__u64), &xsk->mappings[1]);
	if (err)
		return err;
	SET_UP(&xsk->receive, xsk->mappings[0].start, &offsets->rx, parts->receive_ring);
	SET_UP(&xsk->fill, xsk->mappings[1].start, &offsets->fr, parts->receive_ring);
	xsk->fill.cached_cons += parts->receive_ring; /* libxdp keeps it so much ahead */
	return 0;
}

static int map_sending(const struct socket_parts *parts, struct socket_sending *sending,
		       const struct xdp_mmap_offsets *offsets)
{
	int xsk = parts->fds[SOCKET_FD_XSK];
	int err = map_ring(xsk, XDP_PGOFF_TX_RING, &offsets->tx, parts->send_ring,
			   sizeof(struct xdp_desc), &sending->mappings[0]);

	if (!err)
		err = map_ring(xsk, XDP_UMEM_PGOFF_COMPLETION_RING, &offsets->cr, parts->send_ring,
			       sizeof(__u64), &sending->mappings[1]);
	if (err)
		return err;
	SET_UP(&sending->ring, sending->mappings[0].start, &offsets->tx, parts->send_ring);
	SET_UP(&sending->completion, sending->mappings[1].start, &offsets->cr, parts->send_ring);
	sending->ring.cached_cons += parts->send_ring;
	return 0;
}

static int map_rings(struct lana_socket *socket)
{
	const struct socket_parts *parts = &socket->parts;
	int err = 0;

	for (__u32 i = 0; !err && i < parts->xsks; i++) {
		struct socket_xsk *xsk = &socket->xsks[i];
		struct xdp_mmap_offsets offsets;
		socklen_t size = sizeof(offsets);

		xsk->fd = parts->fds[SOCKET_FD_XSK + i];
		if (getsockopt(xsk->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size))
			return -errno;
		err = map_receiving(parts, xsk, &offsets);
		if (!err && !i)
			err = map_sending(parts, &socket->sending, &offsets);
	}
	return err;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int map_memory(struct lana_socket *socket)
{
	const struct socket_parts *parts = &socket->parts;
	void *memory = mmap(NULL, socket_memory(parts), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, parts->fds[SOCKET_FD_MEMORY], 0);
	void *arrived;

	if (memory == MAP_FAILED)
		return -errno;
	socket->memory = memory;
	arrived = mmap(NULL, sizeof(__u64), PROT_READ, MAP_SHARED, parts->fds[SOCKET_FD_COUNTS], 0);
	if (arrived == MAP_FAILED)
		return -errno;
	socket->arrived = arrived;
	return 0;
}

/* All frames for sending are free, and all others the kernel's. */
static int list_frames(struct lana_socket *socket)
{
	const struct socket_parts *parts = &socket->parts;
	__u32 received = parts->shares * parts->receive_ring;

	socket->frames = socket_frames(parts);
	socket->owners = calloc(socket->frames, sizeof(*socket->owners));
	socket->sending.free = calloc(parts->send_ring, sizeof(*socket->sending.free));
	socket->returns.frames = calloc(received, sizeof(*socket->returns.frames));
	if (!socket->owners || !socket->sending.free || !socket->returns.frames)
		return -ENOMEM;
	memset(socket->owners, SOCKET_RECEIVED, received);
	memset(socket->owners + received, SOCKET_IDLE, parts->send_ring);
	for (__u32 i = parts->send_ring; i-- > 0;)
		socket->sending.free[socket->sending.free_count++] = received + i;
	return 0;
}

static int watch(struct lana_socket *socket)
{
	struct epoll_event event = { .events = EPOLLIN };
	int err = 0;

	socket->poll = epoll_create1(EPOLL_CLOEXEC);
	if (socket->poll < 0 ||
	    epoll_ctl(socket->poll, EPOLL_CTL_ADD, socket->parts.fds[SOCKET_FD_EVENTS], &event))
		return -errno;
	for (__u32 i = 0; !err && i < socket->parts.xsks; i++)
		if (epoll_ctl(socket->poll, EPOLL_CTL_ADD, socket->xsks[i].fd, &event))
			err = -errno;
	return err;
}

static int map_all(struct lana_socket *socket)
{
	int err = map_memory(socket);

	if (!err)
		err = map_rings(socket);
	if (!err)
		err = list_frames(socket);
	return err ?: watch(socket);
}

int socket_map(const struct socket_parts *parts, struct lana_socket **result)
{
	struct lana_socket *socket = aligned_alloc(64, sizeof(*socket));
	int err;

	if (!socket)
		return -ENOMEM;
	memset(socket, 0, sizeof(*socket));
	socket->parts = *parts;
	socket->frame_shift = __builtin_ctz(parts->frame_size);
	socket->ring_shift = __builtin_ctz(parts->receive_ring);
	socket->poll = -1;
	socket->server = -1;
	pthread_mutex_init(&socket->receiving.mutex, NULL);
	pthread_mutex_init(&socket->sending.mutex, NULL);
	pthread_mutex_init(&socket->returns.mutex, NULL);
	err = map_all(socket);
	if (err) {
		socket_parts_init(&socket->parts); /* they stay the caller's */
		socket_free(socket);
		return err;
	}
	*result = socket;
	return 0;
}

static void unmap(struct socket_mapping mappings[2])
{
	for (int i = 0; i < 2; i++)
		if (mappings[i].start)
			munmap(mappings[i].start, mappings[i].size);
}

void socket_free(struct lana_socket *socket)
{
	for (int i = 0; i < SOCKET_XSKS_MAX; i++)
		unmap(socket->xsks[i].mappings);
	unmap(socket->sending.mappings);
	if (socket->memory)
		munmap(socket->memory, socket_memory(&socket->parts));
	if (socket->arrived)
		munmap((void *)socket->arrived, sizeof(*socket->arrived));
	free(socket->owners);
	free(socket->sending.free);
	free(socket->returns.frames);
	close_p(&socket->poll);
	close_p(&socket->server);
	socket_parts_close(&socket->parts);
	pthread_mutex_destroy(&socket->receiving.mutex);
	pthread_mutex_destroy(&socket->sending.mutex);
	pthread_mutex_destroy(&socket->returns.mutex);
	lana_stack_close(socket->stack);
	free(socket);
}

void socket_free_p(struct lana_socket **socket)
{
	if (*socket)
		socket_free(*socket);
}
