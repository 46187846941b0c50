// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "socket.h"

#define LOOK_EVERY 256 /* times that nothing was there, until the kernel is asked if all is well */
#define AWAY_NS	   1000000
#define SPIN_NS	   50000 /* how long a thread looks at the rings before it sleeps */
#define LOOKS	   64	 /* between two looks at the clock */
#define AT_ONCE	   64	 /* frames that are copied between two looks at the rings */

/* ---- rings --------------------------------------------------------------------------------- */

static void *address_of(const struct lana_socket *socket, __u32 frame)
{
	return (char *)socket->memory + ((size_t)frame << socket->frame_shift);
}

/* The program that stamps may fail to: then no old stamp may stand there. */
static void clear_stamp(const struct lana_socket *socket, __u32 frame)
{
	if (socket->parts.stamps)
		*(__u64 *)(address_of(socket, frame) + SOCKET_HEADROOM - sizeof(__u64)) = 0;
}

/*
 * The ring has as many places as its socket has frames; but the kernel may show a frame that it has
 * received before it says that it has taken it out of here. False: there is no room yet.
 */
static bool fill(struct lana_socket *socket, __u32 frame)
{
	struct xsk_ring_prod *ring = &socket->xsks[frame >> socket->ring_shift].fill;
	__u32 at;

	if (!xsk_ring_prod__reserve(ring, 1, &at))
		return false;
	clear_stamp(socket, frame);
	socket_give(socket, frame, SOCKET_RECEIVED);
	*xsk_ring_prod__fill_addr(ring, at) = (__u64)frame << socket->frame_shift;
	return true;
}

/* What fill() has put there may be taken. */
static void submit_fills(struct lana_socket *socket)
{
	for (__u32 i = 0; i < socket->parts.xsks; i++) {
		struct xsk_ring_prod *ring = &socket->xsks[i].fill;

		__atomic_store_n(ring->producer, ring->cached_prod, __ATOMIC_RELEASE);
	}
}

/* Nobody may be sending any more, and so look at what the kernel is through with. */
static void reclaim(struct lana_socket *socket)
{
	if (!__atomic_load_n(&socket->returns.away, __ATOMIC_RELAXED) ||
	    pthread_mutex_trylock(&socket->sending.mutex))
		return;
	socket_reclaim(socket);
	pthread_mutex_unlock(&socket->sending.mutex);
}

void socket_refill(struct lana_socket *socket)
{
	struct socket_returns *returns = &socket->returns;
	__u32 left;

	reclaim(socket);
	if (!__atomic_load_n(&returns->count, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&returns->mutex);
	left = returns->count;
	while (left && fill(socket, returns->frames[left - 1]))
		left--;
	__atomic_store_n(&returns->count, left, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&returns->mutex);
	submit_fills(socket);
}

/*
 * Does a descriptor lie within a frame of the share that an AF_XDP socket receives into, and is it
 * as long as what the stack lets through?
 */
static bool is_sound(const struct lana_socket *socket, __u32 share, const struct xdp_desc *desc)
{
	__u64 frame = socket_frame(socket, desc->addr);
	__u32 offset = desc->addr & (socket->parts.frame_size - 1);

	return frame >> socket->ring_shift == share && offset >= sizeof(__u64) &&
	       desc->len <= socket->parts.frame_size - offset &&
	       desc->len >= LANA_SOCKET_FRAME_MIN &&
	       desc->len <= socket_frame_max(socket->parts.mtu);
}

/* False: nobody but who still has a socket that was handed over can have written that. */
static bool describe(struct lana_socket *socket, __u32 share, const struct xdp_desc *in_ring,
		     struct lana_frame *frame)
{
	/* Read once: it may change. */
	const struct xdp_desc desc = { .addr = __atomic_load_n(&in_ring->addr, __ATOMIC_RELAXED),
				       .len = __atomic_load_n(&in_ring->len, __ATOMIC_RELAXED) };
	__u64 number = socket_frame(socket, desc.addr);

	if (!is_sound(socket, share, &desc) ||
	    !socket_pass(socket, number, SOCKET_RECEIVED, SOCKET_TAKEN))
		return false;
	frame->data = xsk_umem__get_data(socket->memory, desc.addr);
	frame->length = desc.len;
	frame->size = socket->parts.frame_size - (desc.addr & (socket->parts.frame_size - 1));
	frame->time = 0;
	if (socket->parts.stamps)
		memcpy(&frame->time, (char *)frame->data - sizeof(frame->time),
		       sizeof(frame->time));
	frame->handle = number;
	return true;
}

/* Take frames out of the rings, without waiting. */
static __u32 take(struct lana_socket *socket, struct lana_frame *frames, __u32 count)
{
	struct socket_receiving *receiving = &socket->receiving;
	__u32 taken = 0;

	for (__u32 i = 0; taken < count && i < socket->parts.xsks; i++) {
		__u32 share = receiving->next;
		struct xsk_ring_cons *ring = &socket->xsks[share].receive;
		__u32 at, n = xsk_ring_cons__peek(ring, count - taken, &at);

		for (__u32 j = 0; j < n; j++) {
			if (!describe(socket, share, xsk_ring_cons__rx_desc(ring, at + j),
				      &frames[taken])) {
				receiving->forged++;
				continue;
			}
			receiving->bytes += frames[taken++].length;
		}
		if (n)
			xsk_ring_cons__release(ring, n);
		if (taken < count && ++receiving->next == socket->parts.xsks)
			receiving->next = 0;
	}
	receiving->frames += taken;
	return taken;
}

/* Those that were the program's. How many were not? */
static __u32 give_back(struct lana_socket *socket, const struct lana_frame *frames, __u32 count)
{
	__u32 wrong = 0;

	for (__u32 i = 0; i < count; i++) {
		__u64 frame = frames[i].handle;

		if (!socket_is(socket, frame, SOCKET_TAKEN) || !socket_is_received(socket, frame))
			wrong++;
		else if (!fill(socket, frame))
			socket_return(socket, frame);
	}
	submit_fills(socket);
	return wrong;
}

/* ---- waiting ------------------------------------------------------------------------------- */

/*
 * Until something may have come. -EAGAIN: not in time. Others may give frames back meanwhile. While
 * frames that were turned round are away, nothing may come for the very reason that they are.
 */
static int wait(struct lana_socket *socket, __s64 deadline)
{
	struct pollfd fds[SOCKET_XSKS_MAX + 1];
	__s64 left = socket_remaining(deadline);
	__u32 count = socket->parts.xsks;
	struct timespec time;
	int ready;

	if (!left)
		return -EAGAIN;
	if (__atomic_load_n(&socket->returns.away, __ATOMIC_RELAXED) &&
	    (left < 0 || left > AWAY_NS))
		left = AWAY_NS;
	time = (struct timespec){ left / 1000000000, left % 1000000000 };
	for (__u32 i = 0; i < count; i++)
		fds[i] = (struct pollfd){ .fd = socket->xsks[i].fd, .events = POLLIN };
	fds[count] = (struct pollfd){ .fd = socket->parts.fds[SOCKET_FD_EVENTS], .events = POLLIN };
	pthread_mutex_unlock(&socket->receiving.mutex);
	ready = ppoll(fds, count + 1, left < 0 ? NULL : &time, NULL);
	ready = ready < 0 ? -errno : 0;
	pthread_mutex_lock(&socket->receiving.mutex);
	return ready;
}

/*
 * Frames, or why there are none. Who asks again and again without waiting does not ask the kernel
 * each time whether the device is still there.
 */
static int get(struct lana_socket *socket, struct lana_frame *frames, __u32 count, __s64 timeout)
{
	struct socket_receiving *receiving = &socket->receiving;
	__s64 deadline = 0;

	for (bool waited = false;; waited = true) {
		__u32 taken;
		int err;

		if (socket->handed)
			return -EBADF;
		socket_refill(socket);
		taken = take(socket, frames, count);
		if (taken) {
			receiving->idle = 0;
			return taken;
		}
		if (receiving->idle++ % LOOK_EVERY == 0 || timeout)
			if (socket_is_down(socket))
				return -ENETDOWN;
		if (!timeout)
			return -EAGAIN;
		if (!waited)
			deadline = socket_deadline(timeout);
		err = wait(socket, deadline);
		if (err)
			return err;
	}
}

/* Frames, or what get() says. Going to sleep and being woken costs more than to look again. */
static int spin_and_get(struct lana_socket *socket, struct lana_frame *frames, __u32 count,
			__s64 timeout)
{
	__s64 spin = timeout < 0 || timeout > SPIN_NS ? SPIN_NS : timeout, deadline = 0;

	if (socket->handed)
		return -EBADF;
	socket_refill(socket);
	for (int i = 0; timeout; i++) {
		__u32 taken = take(socket, frames, count);

		if (taken)
			return taken;
		if (i % LOOKS)
			continue;
		if (!i)
			deadline = socket_deadline(spin);
		else if (!socket_remaining(deadline))
			break;
	}
	return get(socket, frames, count, timeout > 0 ? timeout - spin : timeout);
}

/* ---- interface ----------------------------------------------------------------------------- */

int lana_socket_borrow(struct lana_socket *socket, struct lana_frame *frames, uint32_t count,
		       int64_t timeout_ns)
{
	int got = 0;

	if (!count)
		return 0;
	pthread_mutex_lock(&socket->receiving.mutex);
	got = spin_and_get(socket, frames, count, timeout_ns);
	if (got > 0)
		__atomic_add_fetch(&socket->receiving.owned, got, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&socket->receiving.mutex);
	return got;
}

int lana_socket_give_back(struct lana_socket *socket, const struct lana_frame *frames,
			  uint32_t count)
{
	__u32 wrong;

	pthread_mutex_lock(&socket->receiving.mutex);
	wrong = give_back(socket, frames, count);
	__atomic_sub_fetch(&socket->receiving.owned, count - wrong, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&socket->receiving.mutex);
	return wrong ? -EINVAL : 0;
}

static void copy(const struct lana_frame *from, struct lana_frame *to)
{
	memcpy(to->data, from->data, from->length < to->size ? from->length : to->size);
	to->length = from->length;
	to->time = from->time;
}

int lana_socket_recvm(struct lana_socket *socket, struct lana_frame *frames, uint32_t count,
		      int64_t timeout_ns)
{
	struct lana_frame taken[AT_ONCE];
	int got = 0;

	pthread_mutex_lock(&socket->receiving.mutex);
	for (__u32 done = 0; done < count; done += got) {
		__u32 wanted = count - done < AT_ONCE ? count - done : AT_ONCE;

		/* For the first one it waits. */
		got = spin_and_get(socket, taken, wanted, done ? 0 : timeout_ns);
		for (int i = 0; i < got; i++)
			copy(&taken[i], &frames[done + i]);
		if (got > 0)
			give_back(socket, taken, got);
		if (got < (int)wanted) {
			got = got > 0 ? (int)done + got : done ? (int)done : got;
			goto unlock;
		}
	}
	got = count;
unlock:
	pthread_mutex_unlock(&socket->receiving.mutex);
	return got;
}

ssize_t lana_socket_recv(struct lana_socket *socket, void *data, size_t size, uint64_t *time,
			 int64_t timeout_ns)
{
	struct lana_frame frame = { .data = data, .size = size < UINT32_MAX ? size : UINT32_MAX };
	int got = lana_socket_recvm(socket, &frame, 1, timeout_ns);

	if (got <= 0)
		return got;
	if (time)
		*time = frame.time;
	return frame.length;
}
