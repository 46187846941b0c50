// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_packet.h>

#include <lana/af_lana.h>

#include "kept.h"
#include "places.h"
#include "preload.h"

int fail(int error, const char *format, ...)
{
	if (error != EAGAIN && getenv("LANA_PRELOAD_DEBUG")) {
		char text[600];
		va_list args;

		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		fprintf(stderr, "liblana-preload: %s\n", text);
	}
	errno = error;
	return -1;
}

int64_t patience(int fd, int flags, int64_t timeout)
{
	if (flags & MSG_DONTWAIT || REAL(fcntl)(fd, F_GETFL) & O_NONBLOCK)
		return 0;
	return timeout ?: LANA_SOCKET_FOREVER;
}

/* ---- the lana socket ------------------------------------------------------------------------ */

static int open_own(const struct place *place, struct lana_socket **socket,
		    struct lana_error *error)
{
	const struct lana_stack_options options = { .name = getenv("LANA_PRELOAD_STACK"),
						    .bpffs = getenv("LANA_BPFFS"),
						    .types = getenv("LANA_TYPES"),
						    .fuse = true };
	struct lana_stack *stack;
	int err = lana_stack_open(&options, &stack, error);

	if (err)
		return err;
	err = lana_socket_open(stack, place->name, NULL, socket, error);
	if (!err && *place->lower) {
		err = lana_socket_bind(stack, place->name, place->lower, NULL, error);
		if (err)
			lana_socket_close(*socket);
	}
	lana_stack_close(stack);
	return err;
}

static int open_socket(const struct place *place, struct lana_socket **socket)
{
	const char *server = getenv("LANA_SOCKET_PATH");
	struct lana_error error = {};
	int err = server && *server ? lana_socket_request(server, place->name, NULL, socket, &error)
				    : open_own(place, socket, &error);

	return err ? fail(-err, "socket '%s': %s", place->name, error.text) : 0;
}

/* The caller has the endpoint's mutex. */
static int give_socket(struct endpoint *endpoint, int fd, const struct place *place)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct lana_socket *socket;

	if (endpoint->socket)
		return strcmp(place->name, endpoint->name)
			       ? fail(EINVAL, "it is socket '%s' already", endpoint->name)
			       : 0;
	if (open_socket(place, &socket))
		return -1;
	if (epoll_ctl(fd, EPOLL_CTL_ADD, lana_socket_fd(socket), &event)) {
		int err = errno;

		lana_socket_close(socket);
		return fail(err, "cannot wait for socket '%s'", place->name);
	}
	kept_socket(socket, true);
	strcpy(endpoint->name, place->name);
	__atomic_store_n(&endpoint->socket, socket, __ATOMIC_RELEASE);
	return 0;
}

static void read_device(struct endpoint *endpoint, const char *device)
{
	int fd = REAL(socket)(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (!REAL(ioctl)(fd, SIOCGIFHWADDR, &request))
		memcpy(endpoint->address, request.ifr_hwaddr.sa_data, ADDRESS_SIZE);
	if (fd >= 0)
		REAL(close)(fd);
	endpoint->ifindex = if_nametoindex(device);
}

int endpoint_bind_device(struct endpoint *endpoint, int fd, const char *device)
{
	struct place place;
	int result;

	if (!places_find(device, &place))
		return fail(ENODEV, "LANA_PRELOAD names no socket for device '%s'",
			    device ?: "(any)");
	pthread_mutex_lock(&endpoint->mutex);
	result = give_socket(endpoint, fd, &place);
	if (!result)
		read_device(endpoint, place.device);
	pthread_mutex_unlock(&endpoint->mutex);
	return result;
}

/* 0: any device. */
static int bind_index(struct endpoint *endpoint, int fd, int ifindex)
{
	char device[IFNAMSIZ];

	if (!ifindex)
		return endpoint_bind_device(endpoint, fd, NULL);
	if (!if_indextoname(ifindex, device))
		return fail(ENODEV, "there is no device %d", ifindex);
	return endpoint_bind_device(endpoint, fd, device);
}

struct lana_socket *endpoint_socket(struct endpoint *endpoint, int fd, int ifindex)
{
	struct lana_socket *socket = __atomic_load_n(&endpoint->socket, __ATOMIC_ACQUIRE);

	if (socket && endpoint->lost) {
		fail(EBUSY,
		     "another thread was using socket '%s' when the process forked: it is the "
		     "parent's",
		     endpoint->name);
		return NULL;
	}
	if (socket || (endpoint->family == AF_PACKET && !bind_index(endpoint, fd, ifindex)))
		return socket ?: endpoint->socket;
	if (endpoint->family == AF_LANA)
		fail(ENOTCONN, "the socket is not bound");
	return NULL;
}

/* ---- interface ----------------------------------------------------------------------------- */

static bool is_packet(int family, int kind)
{
	return family == AF_PACKET || (family == AF_INET && kind == SOCK_PACKET);
}

/* AF_PACKET is ours if anything is said of it; never the kernel's, if what is said is wrong. */
PUBLIC int socket(int family, int type, int protocol)
{
	int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK), said;

	if (family == AF_LANA && kind != SOCK_RAW)
		return fail(ESOCKTNOSUPPORT, "a socket of AF_LANA is of type SOCK_RAW");
	if (family == AF_LANA)
		return endpoint_make(family, type, protocol);
	said = is_packet(family, kind) ? places_check() : 0;
	if (said < 0)
		return -1;
	if (said && kind != SOCK_RAW && kind != SOCK_DGRAM)
		return fail(ESOCKTNOSUPPORT,
			    "a socket of AF_PACKET is of type SOCK_RAW or SOCK_DGRAM");
	return said ? endpoint_make(family, type, protocol) : REAL(socket)(family, type, protocol);
}

static int bind_name(struct endpoint *endpoint, int fd, const struct sockaddr_lana *address)
{
	struct place place = {};
	int result;

	if (!memchr(address->slana_name, 0, sizeof(address->slana_name)))
		return fail(EINVAL, "the name of a socket has no end");
	strcpy(place.name, address->slana_name);
	pthread_mutex_lock(&endpoint->mutex);
	result = endpoint->socket ? fail(EINVAL, "it is socket '%s' already", endpoint->name)
				  : give_socket(endpoint, fd, &place);
	pthread_mutex_unlock(&endpoint->mutex);
	return result;
}

/* A program that only exchanged one constant for the other still has an address of AF_PACKET. */
PUBLIC int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	const struct sockaddr_ll *link = (const void *)address;

	if (!endpoint)
		return REAL(bind)(fd, address, size);
	if (size < sizeof(sa_family_t) || address->sa_family != endpoint->family)
		return fail(EINVAL, "the address is of another family");
	if (endpoint->family == AF_LANA && size == sizeof(struct sockaddr_lana))
		return bind_name(endpoint, fd, (const void *)address);
	if (size < offsetof(struct sockaddr_ll, sll_addr))
		return fail(EINVAL, "the address is too short");
	if (link->sll_protocol)
		endpoint->protocol = link->sll_protocol;
	return bind_index(endpoint, fd, link->sll_ifindex);
}

PUBLIC int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);

	if (endpoint)
		return fail(EOPNOTSUPP, "raw sockets do not connect");
	return REAL(connect)(fd, address, size);
}
