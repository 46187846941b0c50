// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "socket.h"

#define YIELDS	 4 /* times that a sender lets others run, before it sleeps */
#define SLEEP_NS 20000
#define AT_ONCE	 256 /* frames that are copied before the kernel is asked to send them */

/* ---- the kernel ---------------------------------------------------------------------------- */

void socket_reclaim(struct lana_socket *socket)
{
	struct socket_sending *sending = &socket->sending;
	struct socket_returns *returns = &socket->returns;
	__u32 at, n = xsk_ring_cons__peek(&sending->completion, socket->parts.send_ring, &at);

	for (__u32 i = 0; i < n; i++) {
		__u64 address = *xsk_ring_cons__comp_addr(&sending->completion, at + i);
		__u32 frame = socket_frame(socket, address);

		if (!socket_is_received(socket, frame)) {
			sending->free[sending->free_count++] = frame;
			continue;
		}
		pthread_mutex_lock(&returns->mutex);
		returns->frames[returns->count] = frame;
		__atomic_store_n(&returns->count, returns->count + 1, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&returns->mutex);
		__atomic_sub_fetch(&returns->away, 1, __ATOMIC_RELAXED);
	}
	if (n)
		xsk_ring_cons__release(&sending->completion, n);
}

static __u32 unsent(const struct socket_sending *sending)
{
	return sending->ring.cached_prod -
	       __atomic_load_n(sending->ring.consumer, __ATOMIC_ACQUIRE);
}

/*
 * Have the kernel send what is in the ring, as much as goes. Returns whether it has moved on; what
 * it refuses for good is counted by the device.
 */
static bool kick(struct lana_socket *socket)
{
	struct socket_sending *sending = &socket->sending;
	__u32 before = unsent(sending);

	sendto(socket->parts.fds[SOCKET_FD_XSK], NULL, 0, MSG_DONTWAIT, NULL, 0);
	return unsent(sending) < before;
}

/* Somebody else has to make room. *waits: how often this has been done. */
static int wait(struct lana_socket *socket, __s64 deadline, __u32 *waits)
{
	__s64 left = socket_remaining(deadline);
	struct timespec time = { .tv_nsec = SLEEP_NS };

	if (!left)
		return -EAGAIN;
	if ((*waits)++ < YIELDS) {
		sched_yield();
		return 0;
	}
	if (socket_is_down(socket))
		return -ENETDOWN;
	if (left > 0 && left < SLEEP_NS)
		time.tv_nsec = left;
	return nanosleep(&time, NULL) ? -errno : 0;
}

/* Until the kernel has taken all but so many frames. */
static int push_until(struct lana_socket *socket, __u32 leave, __s64 deadline)
{
	__u32 waits = 0;

	while (unsent(&socket->sending) > leave) {
		int err = kick(socket) ? 0 : wait(socket, deadline, &waits);

		if (err)
			return err;
	}
	return 0;
}

static int push(struct lana_socket *socket, __u32 leave, __s64 timeout)
{
	return push_until(socket, leave, timeout ? socket_deadline(timeout) : 0);
}

int socket_push(struct lana_socket *socket, __s64 deadline)
{
	return push_until(socket, 0, deadline);
}

/* ---- frames -------------------------------------------------------------------------------- */

/* A free frame. -EAGAIN: there was none in time. */
static int get_free(struct lana_socket *socket, __s64 timeout)
{
	struct socket_sending *sending = &socket->sending;
	__s64 deadline = 0;
	__u32 waits = 0;

	if (sending->free_count)
		return 0;
	socket_reclaim(socket);
	while (!sending->free_count) {
		int err;

		if (!waits && timeout)
			deadline = socket_deadline(timeout);
		err = kick(socket) ? 0 : wait(socket, deadline, &waits);
		socket_reclaim(socket);
		if (err && !sending->free_count)
			return socket_is_down(socket) ? -ENETDOWN : err;
	}
	return 0;
}

/* Up to count of them. */
static int reserve(struct lana_socket *socket, struct lana_frame *frames, __u32 count,
		   __s64 timeout)
{
	struct socket_sending *sending = &socket->sending;
	__u32 size = socket->parts.frame_size;
	int err;

	if (sending->free_count < count)
		socket_reclaim(socket);
	err = get_free(socket, timeout);
	if (err)
		return err;
	if (count > sending->free_count)
		count = sending->free_count;
	for (__u32 i = 0; i < count; i++) {
		__u32 frame = sending->free[--sending->free_count];

		frames[i] = (struct lana_frame){
			.data = (char *)socket->memory + (size_t)frame * size,
			.size = socket_frame_max(socket->parts.mtu),
			.handle = frame,
		};
	}
	return count;
}

static bool is_right(const struct lana_socket *socket, __u32 length)
{
	return length >= LANA_SOCKET_FRAME_MIN && length <= socket_frame_max(socket->parts.mtu);
}

/* Does the frame lie where it belongs, and may it be sent? */
static bool is_fit(const struct lana_socket *socket, const struct lana_frame *frame)
{
	const char *start = (char *)socket->memory + frame->handle * socket->parts.frame_size;
	const char *data = frame->data;

	return frame->handle < socket_frames(&socket->parts) && data >= start &&
	       is_right(socket, frame->length) &&
	       data + frame->length <= start + socket->parts.frame_size;
}

/* One that is not wanted after all. */
static bool is_unwanted(const struct lana_socket *socket, const struct lana_frame *frame)
{
	return !frame->length && frame->handle < socket_frames(&socket->parts) &&
	       !socket_is_received(socket, frame->handle);
}

static void put(struct lana_socket *socket, const struct lana_frame *frame)
{
	struct socket_sending *sending = &socket->sending;
	struct xdp_desc *desc;
	__u32 at = 0;

	if (is_unwanted(socket, frame)) {
		sending->free[sending->free_count++] = frame->handle;
		return;
	}
	if (socket_is_received(socket, frame->handle))
		__atomic_add_fetch(&socket->returns.away, 1, __ATOMIC_RELAXED);
	xsk_ring_prod__reserve(&sending->ring, 1, &at);
	desc = xsk_ring_prod__tx_desc(&sending->ring, at);
	*desc = (struct xdp_desc){
		.addr = (char *)frame->data - (char *)socket->memory,
		.len = frame->length,
	};
	sending->frames++;
	sending->bytes += frame->length;
}

/* How many frames from the first on are fit to be sent. */
static __u32 count_fit(const struct lana_socket *socket, const struct lana_frame *frames,
		       __u32 count)
{
	__u32 n = 0;

	while (n < count && (is_fit(socket, &frames[n]) || is_unwanted(socket, &frames[n])))
		n++;
	return n;
}

/* Put frames into the ring, and have them sent. Returns how many were taken. */
static int submit(struct lana_socket *socket, const struct lana_frame *frames, __u32 count,
		  __s64 timeout)
{
	struct socket_sending *sending = &socket->sending;
	__u32 fit = count_fit(socket, frames, count), done = 0;
	int err = 0;

	if (count && !fit)
		return -EMSGSIZE;
	socket_reclaim(socket);
	while (done < fit) {
		__u32 room = socket->parts.send_ring - unsent(sending);
		__u32 n = fit - done < room ? fit - done : room;

		if (!n) {
			err = push(socket, socket->parts.send_ring - 1, timeout);
			if (err)
				break;
			continue;
		}
		xsk_prod_nb_free(&sending->ring, n);
		for (__u32 i = 0; i < n; i++)
			put(socket, &frames[done + i]);
		__atomic_store_n(sending->ring.producer, sending->ring.cached_prod,
				 __ATOMIC_RELEASE);
		done += n;
	}
	if (done)
		err = push(socket, 0, timeout);
	if (err && socket_is_down(socket))
		err = -ENETDOWN;
	return done ? (int)done : err;
}

/* ---- interface ----------------------------------------------------------------------------- */

int lana_socket_reserve(struct lana_socket *socket, struct lana_frame *frames, uint32_t count,
			int64_t timeout_ns)
{
	int got;

	if (!count)
		return 0;
	pthread_mutex_lock(&socket->sending.mutex);
	got = reserve(socket, frames, count, timeout_ns);
	if (got > 0)
		socket->sending.owned += got;
	pthread_mutex_unlock(&socket->sending.mutex);
	return got;
}

/* Frames that were borrowed belong to the kernel now, and then are to be received into again. */
static __u32 note_turned(struct lana_socket *socket, const struct lana_frame *frames, __u32 count)
{
	__u32 turned = 0;

	for (__u32 i = 0; i < count; i++)
		turned += socket_is_received(socket, frames[i].handle);
	if (turned)
		__atomic_sub_fetch(&socket->receiving.owned, turned, __ATOMIC_RELAXED);
	return turned;
}

int lana_socket_submit(struct lana_socket *socket, const struct lana_frame *frames, uint32_t count,
		       int64_t timeout_ns)
{
	int done;

	pthread_mutex_lock(&socket->sending.mutex);
	if (socket->down) {
		done = -ENETDOWN;
	} else {
		done = submit(socket, frames, count, timeout_ns);
		if (done > 0)
			socket->sending.owned -= done - note_turned(socket, frames, done);
	}
	pthread_mutex_unlock(&socket->sending.mutex);
	return done;
}

/* Copy as many frames as can be reserved and send them. Returns how many. */
static int send_some(struct lana_socket *socket, const struct lana_frame *frames, __u32 count,
		     __s64 timeout)
{
	struct lana_frame own[AT_ONCE];
	int got = reserve(socket, own, count < AT_ONCE ? count : AT_ONCE, timeout), sent;

	for (int i = 0; i < got; i++) {
		memcpy(own[i].data, frames[i].data, frames[i].length);
		own[i].length = frames[i].length;
	}
	if (got <= 0)
		return got;
	sent = submit(socket, own, got, timeout);
	/* Frames that were turned round may fill the ring. */
	for (int i = sent > 0 ? sent : 0; i < got; i++)
		socket->sending.free[socket->sending.free_count++] = own[i].handle;
	return sent;
}

int lana_socket_sendm(struct lana_socket *socket, const struct lana_frame *frames, uint32_t count,
		      int64_t timeout_ns)
{
	__u32 fit = 0, done = 0;
	int sent = 0;

	while (fit < count && is_right(socket, frames[fit].length))
		fit++;
	if (count && !fit)
		return -EMSGSIZE;
	pthread_mutex_lock(&socket->sending.mutex);
	if (socket->down)
		sent = -ENETDOWN;
	while (sent >= 0 && done < fit) {
		sent = send_some(socket, frames + done, fit - done, timeout_ns);
		done += sent > 0 ? sent : 0;
	}
	pthread_mutex_unlock(&socket->sending.mutex);
	return done ? (int)done : sent;
}

int lana_socket_send(struct lana_socket *socket, const void *data, size_t length,
		     int64_t timeout_ns)
{
	const struct lana_frame frame = { .data = (void *)data,
					  .length = length < UINT32_MAX ? length : UINT32_MAX };
	int sent = lana_socket_sendm(socket, &frame, 1, timeout_ns);

	return sent < 0 ? sent : 0;
}

int lana_socket_flush(struct lana_socket *socket, int64_t timeout_ns)
{
	int err;

	pthread_mutex_lock(&socket->sending.mutex);
	err = socket_is_down(socket) ? -ENETDOWN : push(socket, 0, timeout_ns);
	pthread_mutex_unlock(&socket->sending.mutex);
	return err;
}
