// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket_pass - hand a socket on to another process: its numbers, and its descriptors
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "cleanup.h"
#include "error.h"
#include "socket.h"
#include "stack.h"

#define PATIENCE_NS 1000000000LL

/* Descriptors stand one behind the other, those that there are. */
union control {
	char bytes[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))];
	struct cmsghdr header;
};

static __u32 count_fds(const struct socket_parts *parts)
{
	return SOCKET_FD_XSK + parts->xsks;
}

/* ---- handing over -------------------------------------------------------------------------- */

/* Is everything with the kernel or in a ring? Both sides are locked. */
static bool is_complete(struct lana_socket *socket)
{
	socket_reclaim(socket);
	socket_refill(socket);
	return socket->sending.free_count == socket->parts.send_ring &&
	       !__atomic_load_n(&socket->returns.count, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&socket->returns.away, __ATOMIC_RELAXED);
}

/* What was sent may be on its way for a moment yet. */
static bool await_complete(struct lana_socket *socket)
{
	__s64 deadline = socket_deadline(PATIENCE_NS);

	while (!is_complete(socket)) {
		if (!socket_remaining(deadline))
			return false;
		socket_push(socket, socket_remaining(deadline));
	}
	return true;
}

static int send_parts(const struct lana_socket *socket, int channel)
{
	struct socket_parts parts = socket->parts;
	union control control = {};
	struct iovec bytes = { &parts, sizeof(parts) };
	size_t size = count_fds(&parts) * sizeof(int);
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	ssize_t sent;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), socket->parts.fds, size);
	socket_parts_init(&parts); /* their numbers mean nothing there */
	sent = sendmsg(channel, &message, MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	return sent == sizeof(parts) ? 0 : -EMSGSIZE;
}

int lana_socket_hand_over(struct lana_socket *socket, int channel, struct lana_error *error)
{
	int err = 0;

	pthread_mutex_lock(&socket->receiving.mutex);
	pthread_mutex_lock(&socket->sending.mutex);
	if (socket->handed)
		err = refuse(error, -EBADF, "socket '%s' was handed over already",
			     socket->parts.name);
	else if (socket->down)
		err = refuse(error, -ENETDOWN, "socket '%s' is down", socket->parts.name);
	else if (socket->server >= 0)
		err = refuse(error, -EOPNOTSUPP,
			     "socket '%s' is this process's alone: a server has given it",
			     socket->parts.name);
	else if (socket->sending.owned || socket->receiving.owned)
		err = refuse(error, -EBUSY, "frames of socket '%s' are in use", socket->parts.name);
	else if (!await_complete(socket))
		err = refuse(error, -EBUSY, "what socket '%s' sends does not get through",
			     socket->parts.name);
	if (!err) {
		err = send_parts(socket, channel);
		if (err)
			refuse(error, err, "cannot hand socket '%s' over: %s", socket->parts.name,
			       strerror(-err));
	}
	if (!err)
		socket->down = socket->handed = true;
	pthread_mutex_unlock(&socket->sending.mutex);
	pthread_mutex_unlock(&socket->receiving.mutex);
	return err;
}

/* ---- taking over --------------------------------------------------------------------------- */

/*
 * Of the size that it should have, for ever, and of ordinary pages, as huge ones may be missing
 * when they are touched: else reading it might end the program.
 */
static bool is_memory(int fd, size_t size)
{
	struct statfs kind;
	struct stat memory;
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_SHRINK && !fstat(fd, &memory) &&
	       (size_t)memory.st_size == size && !fstatfs(fd, &kind) && kind.f_type == TMPFS_MAGIC;
}

/* The kernel's and no file, which could be cut short: else reading it might end the program. */
static bool is_map(int fd)
{
	struct statfs kind;

	return !fstatfs(fd, &kind) && kind.f_type == ANON_INODE_FS_MAGIC;
}

static bool is_xsk(int fd)
{
	socklen_t size = sizeof(int);
	int domain;

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_XDP;
}

static bool are_xsks(const struct socket_parts *parts)
{
	for (__u32 i = 0; i < parts->xsks; i++)
		if (!is_xsk(parts->fds[SOCKET_FD_XSK + i]))
			return false;
	return true;
}

/* Whoever sent it may be anybody. */
static bool is_sane(const struct socket_parts *parts, __u32 fds)
{
	return parts->magic == SOCKET_MAGIC && parts->version == SOCKET_VERSION &&
	       memchr(parts->name, 0, sizeof(parts->name)) &&
	       !check_name("block", parts->name, NULL) && parts->xsks &&
	       parts->xsks <= parts->shares && parts->shares <= SOCKET_XSKS_MAX &&
	       fds == count_fds(parts) && parts->mtu <= LANA_SOCKET_MTU_MAX &&
	       socket_is_ring(parts->receive_ring) && socket_is_ring(parts->send_ring) &&
	       (parts->frame_size == 2048 || parts->frame_size == 4096) &&
	       socket_frame_max(parts->mtu) + SOCKET_HEADROOM <= parts->frame_size &&
	       is_memory(parts->fds[SOCKET_FD_MEMORY], socket_memory(parts)) &&
	       is_map(parts->fds[SOCKET_FD_COUNTS]) && are_xsks(parts);
}

static int receive_parts(int channel, struct socket_parts *parts)
{
	union control control = {};
	struct iovec bytes = { parts, sizeof(*parts) };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = CMSG_LEN(SOCKET_FDS_MAX * sizeof(int)) };
	struct cmsghdr *header;
	ssize_t size = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	__u32 fds = 0;

	if (size < 0)
		return -errno;
	socket_parts_init(parts);
	for (header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || fds)
			continue;
		fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(parts->fds, CMSG_DATA(header), fds * sizeof(int));
	}
	if (size != sizeof(*parts) || message.msg_flags & (MSG_CTRUNC | MSG_TRUNC))
		return -EPROTO;
	return is_sane(parts, fds) ? 0 : -EPROTO;
}

int lana_socket_take_over(int channel, struct lana_socket **result, struct lana_error *error)
{
	struct socket_parts parts;
	int err;

	socket_parts_init(&parts);
	err = receive_parts(channel, &parts);
	if (err)
		refuse(error, err, "cannot take a socket over: %s",
		       err == -EPROTO ? "what came is none" : strerror(-err));
	if (!err) {
		err = socket_map(&parts, result);
		if (err)
			refuse(error, err, "cannot use the socket '%s': %s", parts.name,
			       strerror(-err));
	}
	if (err)
		socket_parts_close(&parts);
	return err;
}
