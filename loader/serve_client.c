// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve_client - ask a server for a socket
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "cleanup.h"
#include "error.h"
#include "serve_wire.h"
#include "socket.h"

#define ANSWER_NS 20000000000LL /* a server serves one after the other, and a stack may be busy */
#define END_NS	  2000000000LL

/* Until something can be read. -ETIMEDOUT: it cannot. */
static int await(int fd, __s64 timeout_ns)
{
	__s64 deadline = socket_deadline(timeout_ns), left;
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	int ready = 0;

	while (!ready && (left = socket_remaining(deadline))) {
		ready = poll(&wanted, 1, left / 1000000 + 1);
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready < 0)
			ready = 0;
	}
	return ready ? 0 : -ETIMEDOUT;
}

void serve_end(int connection)
{
	if (!shutdown(connection, SHUT_WR))
		await(connection, END_NS);
}

static int connect_to(const char *path, int *result, struct lana_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (!path || strlen(path) >= sizeof(address.sun_path))
		return refuse(error, -ENAMETOOLONG, "the path of a server has %zu bytes at most",
			      sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (void *)&address, sizeof(address))) {
		int err = -errno;

		return refuse(error, err, "no server of sockets at %s: %s", path, strerror(-err));
	}
	*result = TAKE_FD(fd);
	return 0;
}

static int ask(int fd, const char *name, const struct lana_socket_options *options)
{
	struct serve_request request = {
		.magic = SERVE_REQUEST,
		.version = SERVE_VERSION,
		.mtu = options->mtu,
		.receive_ring = options->receive_ring,
		.send_ring = options->send_ring,
		.hook = options->hook,
		.flags = (options->timestamps ? SERVE_TIMESTAMPS : 0) |
			 (options->indirect ? SERVE_INDIRECT : 0),
	};

	memcpy(request.name, name, strlen(name));
	/* If it has refused already, and closed, what it said is there to be read. */
	if (send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		return -errno;
	return await(fd, ANSWER_NS);
}

/* 1: it has refused, and *error says why. 0: a socket comes. */
static int is_refused(int fd, int *err, struct lana_error *error)
{
	struct serve_refusal refusal = {};
	ssize_t size = recv(fd, &refusal, sizeof(refusal), MSG_PEEK);

	/* Told once, if it has closed without reading what was asked; what it said comes after. */
	if (size < 0 && errno == ECONNRESET)
		size = recv(fd, &refusal, sizeof(refusal), MSG_PEEK);
	if (size <= 0) {
		*err = refuse(error, -ECONNRESET, "the server has ended");
		return 1;
	}
	if (refusal.magic != SERVE_REFUSAL)
		return 0;
	if (size != sizeof(refusal) || refusal.version != SERVE_VERSION || refusal.error >= 0 ||
	    !memchr(refusal.text, 0, sizeof(refusal.text)))
		*err = refuse(error, -EPROTO, "the server speaks another language");
	else
		*err = refuse(error, refusal.error, "%s", refusal.text);
	return 1;
}

int lana_socket_request(const char *path, const char *name,
			const struct lana_socket_options *options, struct lana_socket **result,
			struct lana_error *error)
{
	static const struct lana_socket_options defaults;
	struct lana_socket *socket;
	_cleanup_close_ int fd = -1;
	int err;

	if (!name || strlen(name) >= LANA_NAME_MAX)
		return refuse(error, -EINVAL, "the name of a block has %d bytes at most",
			      LANA_NAME_MAX - 1);
	err = connect_to(path, &fd, error);
	if (err)
		return err;
	err = ask(fd, name, options ?: &defaults);
	if (err)
		return refuse(error, err, "no answer from the server at %s: %s", path,
			      strerror(-err));
	if (is_refused(fd, &err, error))
		return err;
	err = lana_socket_take_over(fd, &socket, error);
	if (err)
		return err;
	socket->server = TAKE_FD(fd);
	*result = socket;
	return 0;
}
