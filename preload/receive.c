// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
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

/* Of two threads that look, one holds the frame, and the other one's is gone. */
static bool hold(struct endpoint *endpoint, const struct lana_frame *frame)
{
	bool free;

	pthread_mutex_lock(&endpoint->mutex);
	free = !endpoint->holds;
	if (free) {
		endpoint->held = *frame;
		endpoint->holds = true;
		show(endpoint);
	}
	pthread_mutex_unlock(&endpoint->mutex);
	return free;
}

bool endpoint_is_readable(struct endpoint *endpoint)
{
	struct lana_socket *socket = __atomic_load_n(&endpoint->socket, __ATOMIC_ACQUIRE);
	struct lana_frame frame;
	int got = socket ? 1 : -EAGAIN;

	if (endpoint->lost)
		return true;
	pthread_mutex_lock(&endpoint->looking);
	while (got > 0 && !__atomic_load_n(&endpoint->holds, __ATOMIC_RELAXED)) {
		got = lana_socket_borrow(socket, &frame, 1, 0);
		if (got > 0 && (!is_wanted(endpoint, &frame) || !hold(endpoint, &frame)))
			lana_socket_give_back(socket, &frame, 1);
	}
	pthread_mutex_unlock(&endpoint->looking);
	return got != -EAGAIN;
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Borrow the next frame that is wanted. -1: errno. */
static int next_frame(struct endpoint *endpoint, struct lana_socket *socket, int64_t timeout,
		      struct lana_frame *frame)
{
	int64_t deadline = timeout > 0 ? now() + timeout : 0;

	if (take_held(endpoint, frame))
		return 0;
	for (;;) {
		int got = lana_socket_borrow(socket, frame, 1, timeout);

		if (got == -EINTR && call_goes_on(timeout))
			continue;
		if (got < 0)
			return fail(-got, "cannot receive from socket '%s': %s", endpoint->name,
				    strerror(-got));
		if (is_wanted(endpoint, frame))
			return 0;
		lana_socket_give_back(socket, frame, 1);
		if (timeout > 0)
			timeout = deadline > now() ? deadline - now() : 0;
	}
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

ssize_t receive_message(struct endpoint *endpoint, int fd, struct msghdr *message, int flags)
{
	struct lana_socket *socket = endpoint_socket(endpoint, fd, 0);
	struct lana_frame frame;
	size_t size, copied;

	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return fail(flags & MSG_OOB ? EINVAL : EAGAIN, "there is no such queue");
	if (!socket ||
	    next_frame(endpoint, socket, patience(fd, flags, endpoint->receive_timeout), &frame))
		return -1;
	size = frame.length - begin(endpoint);
	copied = scatter((unsigned char *)frame.data + begin(endpoint), size, message);
	tell_source(endpoint, header_of(&frame), message);
	message->msg_flags = copied < size ? MSG_TRUNC : 0;
	message->msg_controllen = 0;
	if (!(flags & MSG_PEEK) || !hold(endpoint, &frame))
		lana_socket_give_back(socket, &frame, 1);
	if (!(flags & MSG_PEEK))
		__atomic_add_fetch(&endpoint->received, 1, __ATOMIC_RELAXED);
	return flags & MSG_TRUNC ? size : copied;
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
