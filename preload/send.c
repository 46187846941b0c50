// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <lana/af_lana.h>

#include "preload.h"

static size_t length_of(const struct msghdr *message)
{
	size_t length = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		length += message->msg_iov[i].iov_len;
	return length;
}

static void gather(const struct msghdr *message, unsigned char *to)
{
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		memcpy(to, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
		to += message->msg_iov[i].iov_len;
	}
}

/* An address of AF_PACKET, which a socket of AF_LANA may be given too; NULL: there is none. */
static const struct sockaddr_ll *address_of(const struct msghdr *message)
{
	return message->msg_name && message->msg_namelen >= sizeof(struct sockaddr_ll) - 2 &&
			       message->msg_namelen <= sizeof(struct sockaddr_ll) + 12
		       ? message->msg_name
		       : NULL;
}

/* SOCK_DGRAM: the header is the kernel's affair, and so ours. */
static void put_header(const struct endpoint *endpoint, const struct sockaddr_ll *to, void *frame)
{
	struct ethhdr *header = frame;

	memcpy(header->h_dest, to->sll_addr, ADDRESS_SIZE);
	memcpy(header->h_source, endpoint->address, ADDRESS_SIZE);
	header->h_proto = to->sll_protocol ?: endpoint->protocol;
}

static int check_length(const struct lana_socket *socket, size_t length)
{
	if (length < HEADER_SIZE)
		return fail(EINVAL, "a frame of %zu bytes is too short", length);
	if (length > lana_socket_mtu(socket) + HEADER_SIZE + 4)
		return fail(EMSGSIZE, "a frame of %zu bytes is too long", length);
	return 0;
}

static int reserve(struct lana_socket *socket, struct lana_frame *frame, int64_t timeout)
{
	int got;

	do
		got = lana_socket_reserve(socket, frame, 1, timeout);
	while (got == -EINTR && call_goes_on(timeout));
	return got;
}

static int submit(struct lana_socket *socket, struct lana_frame *frame, int64_t timeout)
{
	int done;

	do
		done = lana_socket_submit(socket, frame, 1, timeout);
	while (done == -EINTR && call_goes_on(timeout));
	return done;
}

ssize_t send_message(struct endpoint *endpoint, int fd, const struct msghdr *message, int flags)
{
	const struct sockaddr_ll *to = address_of(message);
	struct lana_socket *socket = endpoint_socket(endpoint, fd, to ? to->sll_ifindex : 0);
	size_t own = endpoint->type == SOCK_DGRAM ? HEADER_SIZE : 0, length = length_of(message);
	int64_t timeout = patience(fd, flags, endpoint->send_timeout);
	struct lana_frame frame;
	int err;

	if (!socket || check_length(socket, own + length))
		return -1;
	if (own && !to)
		return fail(EDESTADDRREQ, "where to? a socket of type SOCK_DGRAM needs an address");
	err = reserve(socket, &frame, timeout);
	if (err <= 0)
		return fail(-err, "cannot send by socket '%s': %s", endpoint->name, strerror(-err));
	if (own)
		put_header(endpoint, to, frame.data);
	gather(message, (unsigned char *)frame.data + own);
	frame.length = own + length;
	err = submit(socket, &frame, timeout);
	if (err == 1)
		return length;
	frame.length = 0;
	lana_socket_submit(socket, &frame, 1, 0);
	return fail(-err, "cannot send by socket '%s': %s", endpoint->name, strerror(-err));
}

/* ---- interface ----------------------------------------------------------------------------- */

PUBLIC ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);

	return endpoint ? send_message(endpoint, fd, message, flags)
			: REAL(sendmsg)(fd, message, flags);
}

PUBLIC ssize_t sendto(int fd, const void *data, size_t size, int flags,
		      const struct sockaddr *address, socklen_t address_size)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	struct iovec part = { (void *)data, size };
	const struct msghdr message = { .msg_name = (void *)address,
					.msg_namelen = address_size,
					.msg_iov = &part,
					.msg_iovlen = 1 };

	return endpoint ? send_message(endpoint, fd, &message, flags)
			: REAL(sendto)(fd, data, size, flags, address, address_size);
}

PUBLIC ssize_t send(int fd, const void *data, size_t size, int flags)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	struct iovec part = { (void *)data, size };
	const struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return endpoint ? send_message(endpoint, fd, &message, flags)
			: REAL(send)(fd, data, size, flags);
}

PUBLIC ssize_t write(int fd, const void *data, size_t size)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	struct iovec part = { (void *)data, size };
	const struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return endpoint ? send_message(endpoint, fd, &message, 0) : REAL(write)(fd, data, size);
}

PUBLIC ssize_t writev(int fd, const struct iovec *parts, int count)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	const struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count };

	return endpoint ? send_message(endpoint, fd, &message, 0) : REAL(writev)(fd, parts, count);
}

PUBLIC int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	unsigned int done = 0;

	if (!endpoint)
		return REAL(sendmmsg)(fd, messages, count, flags);
	while (done < count) {
		ssize_t sent = send_message(endpoint, fd, &messages[done].msg_hdr, flags);

		if (sent < 0)
			return done ? (int)done : -1;
		messages[done++].msg_len = sent;
	}
	return done;
}
