// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cleanup.h"
#include "error.h"
#include "serve.h"

static bool is_socket(const char *path)
{
	struct stat status;

	return !lstat(path, &status) && S_ISSOCK(status.st_mode);
}

/* One that a server has left that was killed: nobody listens there. A full queue is no such. */
static bool is_left(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && is_socket(address->sun_path) &&
	       connect(fd, (void *)address, sizeof(*address)) && errno == ECONNREFUSED;
}

/*
 * Anybody may connect. Who may write to the folder can put something else at the path at any time:
 * so the socket is changed that is found there, and never what a link leads to.
 */
static int open_to_all(struct lana_server *server)
{
	_cleanup_close_ int found = open(server->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	char link[64];

	if (found < 0 || fstat(found, &status))
		return -errno;
	if (!S_ISSOCK(status.st_mode))
		return -ENOTSOCK;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	if (chmod(link, 0666))
		return -errno;
	server->path_device = status.st_dev;
	server->path_inode = status.st_ino;
	return 0;
}

static int listen_at(struct lana_server *server, struct lana_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = fd < 0 ? -errno : 0;

	strcpy(address.sun_path, server->path);
	if (!err && bind(fd, (void *)&address, sizeof(address)))
		err = -errno;
	if (err == -EADDRINUSE && is_left(&address)) {
		unlink(server->path);
		err = bind(fd, (void *)&address, sizeof(address)) ? -errno : 0;
	}
	if (err) {
		server->path[0] = 0; /* not ours to remove */
		return refuse(error, err, "cannot listen at %s: %s", address.sun_path,
			      err != -EADDRINUSE	    ? strerror(-err)
			      : is_socket(address.sun_path) ? "there is a server"
							    : "it is there, and no socket");
	}
	err = open_to_all(server);
	if (!err && listen(fd, 4096))
		err = -errno;
	if (err)
		return refuse(error, err, "cannot listen at %s: %s", server->path, strerror(-err));
	server->listener = TAKE_FD(fd);
	return 0;
}

int serve_listen(struct lana_server *server, const struct lana_server_options *options,
		 struct lana_error *error)
{
	int length, flags;

	if (options->listener) {
		server->listener = options->listener;
		flags = fcntl(server->listener, F_GETFL);
		if (flags < 0 || fcntl(server->listener, F_SETFL, flags | O_NONBLOCK))
			return refuse(error, -EBADF, "%d is no socket that listens",
				      options->listener);
		return 0;
	}
	if (options->path)
		length = snprintf(server->path, sizeof(server->path), "%s", options->path);
	else
		length = snprintf(server->path, sizeof(server->path), LANA_SERVER_FOLDER "/%s.sock",
				  server->stack_name);
	if (length >= (int)sizeof(server->path)) {
		server->path[0] = 0;
		return refuse(error, -ENAMETOOLONG, "the path of a server has %zu bytes at most",
			      sizeof(server->path) - 1);
	}
	if (!options->path && mkdir(LANA_SERVER_FOLDER, 0755) && errno != EEXIST) {
		server->path[0] = 0;
		return refuse(error, -errno, "cannot make %s: %s", LANA_SERVER_FOLDER,
			      strerror(errno));
	}
	return listen_at(server, error);
}

/* Another server may have taken the path over meanwhile. */
static bool is_ours(const struct lana_server *server)
{
	struct stat status;

	return *server->path && !lstat(server->path, &status) &&
	       status.st_dev == server->path_device && status.st_ino == server->path_inode;
}

void serve_listen_end(struct lana_server *server)
{
	if (is_ours(server))
		unlink(server->path);
	close_p(&server->listener);
}
