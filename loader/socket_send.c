// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/ethernet.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "socket.h"

#define YIELDS	 4 /* times that a sender lets others run, before it sleeps */
#define SLEEP_NS 20000
#define TAG_SIZE 4
#define AT_ONCE	 256 /* frames that are copied before the kernel is asked to send them */

/* ---- the kernel ---------------------------------------------------------------------------- */

void socket_return(struct lana_socket *socket, __u32 frame)
{
	struct socket_returns *returns = &socket->returns;

	socket_give(socket, frame, SOCKET_IDLE);
	pthread_mutex_lock(&returns->mutex);
	returns->frames[returns->count] = frame;
	__atomic_store_n(&returns->count, returns->count + 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&returns->mutex);
}

static void put_free(struct lana_socket *socket, __u32 frame)
{
	socket_give(socket, frame, SOCKET_IDLE);
	socket->sending.free[socket->sending.free_count++] = frame;
}

/* The kernel is through with what it was given; who says so of others, has written it himself. */
void socket_reclaim(struct lana_socket *socket)
{
	struct socket_sending *sending = &socket->sending;
	__u32 at, n = xsk_ring_cons__peek(&sending->completion, socket->parts.send_ring, &at);

	for (__u32 i = 0; i < n; i++) {
		const __u64 *address = xsk_ring_cons__comp_addr(&sending->completion, at + i);
		__u64 frame = socket_frame(socket, __atomic_load_n(address, __ATOMIC_RELAXED));

		if (!socket_is(socket, frame, SOCKET_SENT)) {
			sending->forged++;
		} else if (socket_is_received(socket, frame)) {
			socket_return(socket, frame);
			__atomic_sub_fetch(&socket->returns.away, 1, __ATOMIC_RELAXED);
		} else {
			put_free(socket, frame);
		}
	}
	if (n)
		xsk_ring_cons__release(&sending->completion, n);
}

static __u32 unsent(const struct socket_sending *sending)
{
	return socket_used(sending->ring.cached_prod,
			   __atomic_load_n(sending->ring.consumer, __ATOMIC_ACQUIRE),
			   sending->ring.size);
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

/* How long a call may wait, from when it first has to; and how often it has done so. */
struct patience {
	__s64 timeout, deadline;
	bool begun;
	__u32 waits;
};

static struct patience patience_of(__s64 timeout)
{
	return (struct patience){ .timeout = timeout };
}

/* Somebody else has to make room. */
static int wait(struct lana_socket *socket, struct patience *patience)
{
	struct timespec time = { .tv_nsec = SLEEP_NS };
	__s64 left;

	if (!patience->begun)
		patience->deadline = socket_deadline(patience->timeout);
	patience->begun = true;
	left = socket_remaining(patience->deadline);
	if (!left)
		return -EAGAIN;
	if (patience->waits++ < YIELDS) {
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
static int push(struct lana_socket *socket, __u32 leave, struct patience *patience)
{
	patience->waits = 0;
	while (unsent(&socket->sending) > leave) {
		int err = kick(socket) ? 0 : wait(socket, patience);

		if (err)
			return err;
	}
	return 0;
}

int socket_push(struct lana_socket *socket, __s64 timeout)
{
	struct patience patience = patience_of(timeout);

	return push(socket, 0, &patience);
}

/* ---- frames -------------------------------------------------------------------------------- */

/* A free frame. -EAGAIN: there was none in time. */
static int get_free(struct lana_socket *socket, struct patience *patience)
{
	struct socket_sending *sending = &socket->sending;

	if (sending->free_count)
		return 0;
	socket_reclaim(socket);
	patience->waits = 0;
	while (!sending->free_count) {
		int err = kick(socket) ? 0 : wait(socket, patience);

		socket_reclaim(socket);
		if (err && !sending->free_count)
			return socket_is_down(socket) ? -ENETDOWN : err;
	}
	return 0;
}

/* Up to count of them. */
static int reserve(struct lana_socket *socket, struct lana_frame *frames, __u32 count,
		   struct patience *patience)
{
	struct socket_sending *sending = &socket->sending;
	__u32 size = socket->parts.frame_size;
	int err;

	if (sending->free_count < count)
		socket_reclaim(socket);
	err = get_free(socket, patience);
	if (err)
		return err;
	if (count > sending->free_count)
		count = sending->free_count;
	for (__u32 i = 0; i < count; i++) {
		__u32 frame = sending->free[--sending->free_count];

		socket_give(socket, frame, SOCKET_TAKEN);
		frames[i] = (struct lana_frame){
			.data = (char *)socket->memory + (size_t)frame * size,
			.size = socket_frame_max(socket->parts.mtu),
			.handle = frame,
		};
	}
	return count;
}

/* As with the kernel's packet sockets, a tag has room beyond the MTU: one of 802.1Q. */
static bool has_tag(const unsigned char *frame)
{
	return frame[12] == ETH_P_8021Q >> 8 && frame[13] == (ETH_P_8021Q & 0xff);
}

static bool is_right(const struct lana_socket *socket, const void *data, __u32 length)
{
	__u32 most = socket->parts.mtu + ETH_HLEN;

	return length >= LANA_SOCKET_FRAME_MIN &&
	       (length <= most || (length <= most + TAG_SIZE && has_tag(data)));
}

/* Is it the program's, and fit to be sent from where it lies? */
static int check(const struct lana_socket *socket, const struct lana_frame *frame)
{
	const char *start, *data = frame->data;

	if (!socket_is(socket, frame->handle, SOCKET_TAKEN))
		return -EINVAL;
	if (!frame->length)
		return socket_is_received(socket, frame->handle) ? -EMSGSIZE : 0;
	start = (char *)socket->memory + frame->handle * socket->parts.frame_size;
	if (data < start || data > start + socket->parts.frame_size ||
	    frame->length > start + socket->parts.frame_size - data)
		return -EINVAL;
	return is_right(socket, data, frame->length) ? 0 : -EMSGSIZE;
}

/* There is room. */
static void put(struct lana_socket *socket, const struct lana_frame *frame)
{
	struct socket_sending *sending = &socket->sending;
	__u32 at = 0;

	if (socket_is_received(socket, frame->handle))
		__atomic_add_fetch(&socket->returns.away, 1, __ATOMIC_RELAXED);
	socket_give(socket, frame->handle, SOCKET_SENT);
	xsk_ring_prod__reserve(&sending->ring, 1, &at);
	*xsk_ring_prod__tx_desc(&sending->ring, at) = (struct xdp_desc){
		.addr = (char *)frame->data - (char *)socket->memory,
		.len = frame->length,
	};
	sending->frames++;
	sending->bytes += frame->length;
}

/* What was put into the ring may be sent. */
static void publish(struct socket_sending *sending)
{
	__atomic_store_n(sending->ring.producer, sending->ring.cached_prod, __ATOMIC_RELEASE);
}

/* As many places as are free in the ring, at least one. */
static int make_room(struct lana_socket *socket, struct patience *patience, __u32 *room)
{
	struct socket_sending *sending = &socket->sending;
	int err;

	publish(sending);
	err = push(socket, sending->ring.size - 1, patience);
	if (!err)
		*room = sending->ring.size - unsent(sending);
	if (!err)
		xsk_prod_nb_free(&sending->ring, *room);
	return err;
}

/*
 * The device has gone, and nobody will send what is in the ring: the latest frames are the
 * program's again. How many of so many are not?
 */
static __u32 take_back(struct lana_socket *socket, const struct lana_frame *frames, __u32 done)
{
	struct socket_sending *sending = &socket->sending;
	__u32 left = unsent(sending);

	while (done && left) {
		const struct lana_frame *frame = &frames[done - 1];

		socket_give(socket, frame->handle, SOCKET_TAKEN);
		done--;
		if (!frame->length)
			continue;
		if (socket_is_received(socket, frame->handle))
			__atomic_sub_fetch(&socket->returns.away, 1, __ATOMIC_RELAXED);
		sending->ring.cached_prod--;
		sending->frames--;
		sending->bytes -= frame->length;
		left--;
	}
	publish(sending);
	return done;
}

/* Put frames into the ring, from the first one on. Returns how many; *err: why not all. */
static __u32 put_all(struct lana_socket *socket, const struct lana_frame *frames, __u32 count,
		     struct patience *patience, int *err)
{
	__u32 done = 0, room = 0;

	for (; done < count; done++) {
		*err = check(socket, &frames[done]);
		if (*err)
			break;
		if (!frames[done].length) {
			socket_give(socket, frames[done].handle, SOCKET_IDLE);
			continue;
		}
		if (!room)
			*err = make_room(socket, patience, &room);
		if (*err)
			break;
		put(socket, &frames[done]);
		room--;
	}
	publish(&socket->sending);
	return done;
}

/* Put frames into the ring, and have them sent. Returns how many were taken. */
static int submit(struct lana_socket *socket, const struct lana_frame *frames, __u32 count,
		  struct patience *patience)
{
	const struct xsk_ring_prod *ring = &socket->sending.ring;
	__u32 before = ring->cached_prod, done;
	int err = 0, late = 0;

	socket_reclaim(socket);
	done = put_all(socket, frames, count, patience, &err);
	if (ring->cached_prod != before || err == -EAGAIN)
		late = push(socket, 0, patience);
	if (late && socket_is_down(socket)) {
		err = -ENETDOWN;
		done = take_back(socket, frames, done);
	}
	for (__u32 i = 0; i < done; i++)
		if (!frames[i].length) /* not wanted after all */
			put_free(socket, frames[i].handle);
	return done ? (int)done : err;
}

/* ---- interface ----------------------------------------------------------------------------- */

/* May it still send? */
static int ready(const struct lana_socket *socket)
{
	if (socket->handed)
		return -EBADF;
	return __atomic_load_n(&socket->down, __ATOMIC_RELAXED) ? -ENETDOWN : 0;
}

int lana_socket_reserve(struct lana_socket *socket, struct lana_frame *frames, uint32_t count,
			int64_t timeout_ns)
{
	struct patience patience = patience_of(timeout_ns);
	int got;

	if (!count)
		return 0;
	pthread_mutex_lock(&socket->sending.mutex);
	got = ready(socket) ?: reserve(socket, frames, count, &patience);
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
	struct patience patience = patience_of(timeout_ns);
	int done;

	pthread_mutex_lock(&socket->sending.mutex);
	done = ready(socket) ?: submit(socket, frames, count, &patience);
	if (done > 0)
		socket->sending.owned -= done - note_turned(socket, frames, done);
	pthread_mutex_unlock(&socket->sending.mutex);
	return done;
}

/* Copy as many frames as can be reserved and send them. Returns how many. */
static int send_some(struct lana_socket *socket, const struct lana_frame *frames, __u32 count,
		     struct patience *patience)
{
	struct lana_frame own[AT_ONCE];
	int got = reserve(socket, own, count < AT_ONCE ? count : AT_ONCE, patience), sent;

	for (int i = 0; i < got; i++) {
		memcpy(own[i].data, frames[i].data, frames[i].length);
		own[i].length = frames[i].length;
	}
	if (got <= 0)
		return got;
	sent = submit(socket, own, got, patience);
	/* Frames that were turned round may fill the ring. */
	for (int i = sent > 0 ? sent : 0; i < got; i++)
		put_free(socket, own[i].handle);
	return sent;
}

int lana_socket_sendm(struct lana_socket *socket, const struct lana_frame *frames, uint32_t count,
		      int64_t timeout_ns)
{
	struct patience patience = patience_of(timeout_ns);
	__u32 fit = 0, done = 0;
	int sent = 0;

	while (fit < count && is_right(socket, frames[fit].data, frames[fit].length))
		fit++;
	if (count && !fit)
		return -EMSGSIZE;
	pthread_mutex_lock(&socket->sending.mutex);
	sent = ready(socket);
	while (sent >= 0 && done < fit) {
		sent = send_some(socket, frames + done, fit - done, &patience);
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
	struct patience patience = patience_of(timeout_ns);
	int err;

	pthread_mutex_lock(&socket->sending.mutex);
	socket_is_down(socket);
	err = ready(socket) ?: push(socket, 0, &patience);
	pthread_mutex_unlock(&socket->sending.mutex);
	return err;
}
