// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <lana/af_lana.h>

#include "kept.h"
#include "preload.h"

/* ---- frames -------------------------------------------------------------------------------- */

static const struct ethhdr *header_of(const struct lana_frame *frame)
{
	return frame->data;
}

/* What the program sees of a frame begins there. */
static unsigned int begin(const struct endpoint *endpoint)
{
	return endpoint->type == SOCK_DGRAM ? HEADER_SIZE : 0;
}

/* Does the program want it? AF_LANA knows "everything" as 0, AF_PACKET "nothing". */
static bool is_wanted(struct endpoint *endpoint, const struct lana_frame *frame)
{
	unsigned short protocol = endpoint->protocol;
	unsigned int from = begin(endpoint), size = frame->length - from;
	bool wanted = protocol == htons(ETH_P_ALL) || protocol == header_of(frame)->h_proto ||
		      (!protocol && endpoint->family == AF_LANA);

	if (!wanted)
		return false;
	pthread_mutex_lock(&endpoint->mutex);
	if (endpoint->filter)
		wanted = bpf_filter(endpoint->filter, (unsigned char *)frame->data + from, size,
				    size);
	pthread_mutex_unlock(&endpoint->mutex);
	return wanted;
}

/*
 * ---- a frame that was looked at ------------------------------------------------------------
 *
 * It is in no ring any more, so the lana socket's descriptor does not tell of it. For epoll sets an
 * eventfd does; poll and select look ahead by themselves. The mutex is the caller's.
 */

static void show(const struct endpoint *endpoint)
{
	eventfd_t count;

	if (endpoint->holding < 0)
		return;
	if (endpoint->holds)
		eventfd_write(endpoint->holding, 1);
	else
		eventfd_read(endpoint->holding, &count);
}

/* Made once it is asked for: who polls and looks ahead does not pay for it. */
static int make_holding(struct endpoint *endpoint, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int holding = eventfd(endpoint->holds, EFD_CLOEXEC | EFD_NONBLOCK);

	if (holding < 0)
		return -1;
	if (REAL(epoll_ctl)(fd, EPOLL_CTL_ADD, holding, &event)) {
		int err = errno;

		REAL(close)(holding);
		return fail(err, "cannot wait for a frame that is held");
	}
	endpoint->holding = holding;
	kept_set(holding, true);
	return 0;
}

int endpoint_show_held(struct endpoint *endpoint, int fd)
{
	int result;

	pthread_mutex_lock(&endpoint->mutex);
	result = endpoint->holding < 0 ? make_holding(endpoint, fd) : 0;
	pthread_mutex_unlock(&endpoint->mutex);
	return result;
}

/*
 * From here on `looking` is the caller's, from before a frame is borrowed until it is known whether
 * it is held. So what is held is always older than what can be borrowed.
 */

static bool take_held(struct endpoint *endpoint, struct lana_frame *frame)
{
	bool held;

	pthread_mutex_lock(&endpoint->mutex);
	held = endpoint->holds;
	*frame = endpoint->held;
	endpoint->holds = false;
	if (held)
		show(endpoint);
	pthread_mutex_unlock(&endpoint->mutex);
	return held;
}

static void hold(struct endpoint *endpoint, const struct lana_frame *frame)
{
	pthread_mutex_lock(&endpoint->mutex);
	endpoint->held = *frame;
	endpoint->holds = true;
	show(endpoint);
	pthread_mutex_unlock(&endpoint->mutex);
}

/* The next frame that is wanted, without waiting. Returns 1, or why there is none. */
static int borrow_wanted(struct endpoint *endpoint, struct lana_socket *socket,
			 struct lana_frame *frame)
{
	for (;;) {
		int got = lana_socket_borrow(socket, frame, 1, 0);

		if (got <= 0 || is_wanted(endpoint, frame))
			return got;
		lana_socket_give_back(socket, frame, 1);
	}
}

/* Have one be held. Returns 1, or why there is none. */
static int look_ahead(struct endpoint *endpoint, struct lana_socket *socket)
{
	struct lana_frame frame;
	int got;

	if (endpoint->holds)
		return 1;
	got = borrow_wanted(endpoint, socket, &frame);
	if (got > 0)
		hold(endpoint, &frame);
	return got;
}

bool endpoint_is_readable(struct endpoint *endpoint)
{
	struct lana_socket *socket = __atomic_load_n(&endpoint->socket, __ATOMIC_ACQUIRE);
	int got;

	if (endpoint->lost || !socket)
		return endpoint->lost;
	pthread_mutex_lock(&endpoint->looking);
	got = look_ahead(endpoint, socket);
	pthread_mutex_unlock(&endpoint->looking);
	return got != -EAGAIN;
}

/* ---- what is told of a frame ---------------------------------------------------------------- */

static unsigned char kind(const struct endpoint *endpoint, const unsigned char *address)
{
	static const unsigned char all[ADDRESS_SIZE] = { 255, 255, 255, 255, 255, 255 };

	if (!memcmp(address, endpoint->address, ADDRESS_SIZE))
		return PACKET_HOST;
	if (!memcmp(address, all, ADDRESS_SIZE))
		return PACKET_BROADCAST;
	return *address & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

static void tell_source(const struct endpoint *endpoint, const struct ethhdr *header,
			struct msghdr *message)
{
	union {
		struct sockaddr_ll link;
		struct sockaddr_lana lana;
	} from = {};
	socklen_t size;

	if (!message->msg_name) {
		message->msg_namelen = 0;
		return;
	}
	if (endpoint->family == AF_LANA) {
		from.lana.slana_family = AF_LANA;
		memcpy(from.lana.slana_name, endpoint->name, sizeof(endpoint->name));
		size = sizeof(from.lana);
	} else {
		from.link = (struct sockaddr_ll){ .sll_family = AF_PACKET,
						  .sll_protocol = header->h_proto,
						  .sll_ifindex = endpoint->ifindex,
						  .sll_hatype = ARPHRD_ETHER,
						  .sll_pkttype = kind(endpoint, header->h_dest),
						  .sll_halen = ADDRESS_SIZE };
		memcpy(from.link.sll_addr, header->h_source, ADDRESS_SIZE);
		size = sizeof(from.link);
	}
	memcpy(message->msg_name, &from, size < message->msg_namelen ? size : message->msg_namelen);
	message->msg_namelen = size;
}

static size_t scatter(const unsigned char *bytes, size_t size, const struct msghdr *message)
{
	size_t done = 0;

	for (size_t i = 0; i < message->msg_iovlen && done < size; i++) {
		const struct iovec *part = &message->msg_iov[i];
		size_t n = part->iov_len < size - done ? part->iov_len : size - done;

		memcpy(part->iov_base, bytes + done, n);
		done += n;
	}
	return done;
}

/* Returns what the call does. */
static ssize_t tell(const struct endpoint *endpoint, const struct lana_frame *frame,
		    struct msghdr *message, int flags)
{
	size_t size = frame->length - begin(endpoint);
	size_t copied = scatter((unsigned char *)frame->data + begin(endpoint), size, message);

	tell_source(endpoint, header_of(frame), message);
	message->msg_flags = copied < size ? MSG_TRUNC : 0;
	message->msg_controllen = 0;
	return flags & MSG_TRUNC ? size : copied;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* It stays where it is until it has been copied: another thread may want it, too. */
static ssize_t peek(struct endpoint *endpoint, struct lana_socket *socket, struct msghdr *message,
		    int flags)
{
	ssize_t got;

	pthread_mutex_lock(&endpoint->looking);
	got = look_ahead(endpoint, socket);
	if (got > 0)
		got = tell(endpoint, &endpoint->held, message, flags);
	pthread_mutex_unlock(&endpoint->looking);
	return got;
}

/* Without waiting. Returns what the call does, or a negative errno. */
static ssize_t take(struct endpoint *endpoint, struct lana_socket *socket, struct msghdr *message,
		    int flags)
{
	struct lana_frame frame;
	ssize_t got = 1;

	if (flags & MSG_PEEK)
		return peek(endpoint, socket, message, flags);
	pthread_mutex_lock(&endpoint->looking);
	if (!take_held(endpoint, &frame))
		got = borrow_wanted(endpoint, socket, &frame);
	pthread_mutex_unlock(&endpoint->looking);
	if (got < 0)
		return got;
	got = tell(endpoint, &frame, message, flags);
	lana_socket_give_back(socket, &frame, 1);
	__atomic_add_fetch(&endpoint->received, 1, __ATOMIC_RELAXED);
	return got;
}

/*
 * Until something may have come, into a ring, or to be held by another thread that looked at it.
 * left: as patience() has it. -EAGAIN: not in time.
 */
static int await(struct endpoint *endpoint, int fd, struct lana_socket *socket, int64_t left)
{
	const struct timespec time = { left / 1000000000, left % 1000000000 };
	struct pollfd fds[2] = { { .fd = lana_socket_fd(socket), .events = POLLIN },
				 { .events = POLLIN } };
	int ready;

	if (endpoint_show_held(endpoint, fd))
		return -errno;
	fds[1].fd = endpoint->holding;
	ready = REAL(ppoll)(fds, 2, left < 0 ? NULL : &time, NULL);
	if (ready < 0)
		return -errno;
	return ready ? 0 : -EAGAIN;
}

#define SPIN_NS 50000 /* to look again costs less than to sleep and be woken */

/* Returns what the call does, or a negative errno. timeout: as patience() has it. */
static ssize_t take_or_wait(struct endpoint *endpoint, int fd, struct lana_socket *socket,
			    struct msghdr *message, int flags, int64_t timeout)
{
	ssize_t got = take(endpoint, socket, message, flags);
	int64_t began = got == -EAGAIN && timeout ? now() : 0;

	while (got == -EAGAIN && timeout) {
		int64_t waited = now() - began;
		int err = 0;

		if (timeout > 0 && waited >= timeout)
			break;
		if (waited >= SPIN_NS)
			err = await(endpoint, fd, socket, timeout < 0 ? timeout : timeout - waited);
		if (err == -EINTR && call_goes_on(timeout))
			err = 0;
		if (err && err != -EAGAIN)
			return err;
		got = take(endpoint, socket, message, flags);
	}
	return got;
}

ssize_t receive_message(struct endpoint *endpoint, int fd, struct msghdr *message, int flags)
{
	struct lana_socket *socket = endpoint_socket(endpoint, fd, 0);
	ssize_t got;

	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return fail(flags & MSG_OOB ? EINVAL : EAGAIN, "there is no such queue");
	if (!socket)
		return -1;
	got = take_or_wait(endpoint, fd, socket, message, flags,
			   patience(fd, flags, endpoint->receive_timeout));
	return got < 0 ? fail(-got, "cannot receive from socket '%s': %s", endpoint->name,
			      strerror(-got))
		       : got;
}

/* ---- interface ----------------------------------------------------------------------------- */

PUBLIC ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);

	return endpoint ? receive_message(endpoint, fd, message, flags)
			: REAL(recvmsg)(fd, message, flags);
}

static ssize_t receive(struct endpoint *endpoint, int fd, void *data, size_t size, int flags,
		       void *address, socklen_t *address_size)
{
	struct iovec part = { data, size };
	struct msghdr message = { .msg_name = address,
				  .msg_namelen = address && address_size ? *address_size : 0,
				  .msg_iov = &part,
				  .msg_iovlen = 1 };
	ssize_t got = receive_message(endpoint, fd, &message, flags);

	if (got >= 0 && address && address_size)
		*address_size = message.msg_namelen;
	return got;
}

PUBLIC ssize_t recvfrom(int fd, void *restrict data, size_t size, int flags,
			struct sockaddr *restrict address, socklen_t *restrict address_size)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);

	return endpoint ? receive(endpoint, fd, data, size, flags, address, address_size)
			: REAL(recvfrom)(fd, data, size, flags, address, address_size);
}

PUBLIC ssize_t recv(int fd, void *data, size_t size, int flags)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);

	return endpoint ? receive(endpoint, fd, data, size, flags, NULL, NULL)
			: REAL(recv)(fd, data, size, flags);
}

PUBLIC ssize_t read(int fd, void *data, size_t size)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);

	return endpoint ? receive(endpoint, fd, data, size, 0, NULL, NULL)
			: REAL(read)(fd, data, size);
}

PUBLIC ssize_t readv(int fd, const struct iovec *parts, int count)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count };

	return endpoint ? receive_message(endpoint, fd, &message, 0)
			: REAL(readv)(fd, parts, count);
}

/* It waits for the first one with MSG_WAITFORONE; else, as the kernel's, for each of them. */
PUBLIC int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags,
		    struct timespec *timeout)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	int64_t deadline = timeout ? now() + timeout->tv_sec * 1000000000LL + timeout->tv_nsec : 0;
	unsigned int done = 0;

	if (!endpoint)
		return REAL(recvmmsg)(fd, messages, count, flags, timeout);
	while (done < count) {
		ssize_t got = receive_message(endpoint, fd, &messages[done].msg_hdr,
					      flags & ~MSG_WAITFORONE);

		if (got < 0)
			return done ? (int)done : -1;
		messages[done++].msg_len = got;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (deadline && now() >= deadline)
			break;
	}
	return done;
}

/* ---- what gcc makes of these calls with -D_FORTIFY_SOURCE ------------------------------------ */

PUBLIC ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags);
PUBLIC ssize_t __read_chk(int fd, void *data, size_t size, size_t room);
PUBLIC ssize_t __recvfrom_chk(int fd, void *data, size_t size, size_t room, int flags,
			      struct sockaddr *address, socklen_t *address_size);
__attribute__((noreturn)) void __chk_fail(void);

ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
	if (size > room)
		__chk_fail();
	return recv(fd, data, size, flags);
}

ssize_t __read_chk(int fd, void *data, size_t size, size_t room)
{
	if (size > room)
		__chk_fail();
	return read(fd, data, size);
}

ssize_t __recvfrom_chk(int fd, void *data, size_t size, size_t room, int flags,
		       struct sockaddr *address, socklen_t *address_size)
{
	if (size > room)
		__chk_fail();
	return recvfrom(fd, data, size, flags, address, address_size);
}
