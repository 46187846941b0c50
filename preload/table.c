// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/if_ether.h>

#include "preload.h"

#define FDS_MAX 65536

static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct endpoint *table[FDS_MAX];
static unsigned int used; /* descriptors that are ours; 0: nothing is to be looked up */

/*
 * Without the mutex: descriptors that are not ours cost next to nothing, and a signal handler may
 * use them whatever it interrupts.
 */
static bool is_possible(int fd)
{
	return fd >= 0 && fd < FDS_MAX && __atomic_load_n(&used, __ATOMIC_ACQUIRE) &&
	       __atomic_load_n(&table[fd], __ATOMIC_ACQUIRE);
}

struct endpoint *endpoint_get(int fd)
{
	struct endpoint *endpoint;

	if (!is_possible(fd))
		return NULL;
	pthread_mutex_lock(&table_mutex);
	endpoint = table[fd];
	if (endpoint)
		endpoint->references++;
	pthread_mutex_unlock(&table_mutex);
	return endpoint;
}

/* After a fork nobody knows whether the other side uses it: it goes when both have ended. */
static void endpoint_free(struct endpoint *endpoint)
{
	if (endpoint->holds)
		lana_socket_give_back(endpoint->socket, &endpoint->held, 1);
	if (endpoint->forked)
		lana_socket_leave(endpoint->socket);
	else
		lana_socket_close(endpoint->socket);
	if (endpoint->writable >= 0)
		REAL(close)(endpoint->writable);
	pthread_mutex_destroy(&endpoint->looking);
	pthread_mutex_destroy(&endpoint->mutex);
	free(endpoint->filter);
	free(endpoint);
}

void endpoint_put(struct endpoint *endpoint)
{
	int before = errno;
	bool last;

	pthread_mutex_lock(&table_mutex);
	last = !--endpoint->references;
	pthread_mutex_unlock(&table_mutex);
	if (last)
		endpoint_free(endpoint);
	errno = before;
}

void endpoint_put_p(struct endpoint **endpoint)
{
	if (*endpoint)
		endpoint_put(*endpoint);
}

/* What a descriptor stands for from now on, NULL: nothing of ours; what it stood for is let go. */
static void set(int fd, struct endpoint *endpoint)
{
	struct endpoint *before;

	if (fd < 0 || fd >= FDS_MAX)
		return;
	pthread_mutex_lock(&table_mutex);
	before = table[fd];
	__atomic_store_n(&table[fd], endpoint, __ATOMIC_RELEASE);
	if (endpoint)
		endpoint->references++;
	__atomic_add_fetch(&used, !!endpoint - !!before, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&table_mutex);
	endpoint_put_p(&before);
}

/* ---- fork ---------------------------------------------------------------------------------- */

static void before_fork(void)
{
	pthread_mutex_lock(&table_mutex);
}

static void after_fork(void)
{
	for (int fd = 0; used && fd < FDS_MAX; fd++)
		if (table[fd])
			table[fd]->forked = true;
	pthread_mutex_unlock(&table_mutex);
}

__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

/* ---- making one ---------------------------------------------------------------------------- */

int endpoint_make(int family, int type, int protocol)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int fd = endpoint ? epoll_create1(type & SOCK_CLOEXEC ? EPOLL_CLOEXEC : 0) : -1;

	if (fd >= FDS_MAX) {
		REAL(close)(fd);
		fd = -1;
		errno = EMFILE;
	}
	if (fd < 0) {
		free(endpoint);
		return -1;
	}
	if (type & SOCK_NONBLOCK)
		REAL(fcntl)(fd, F_SETFL, O_NONBLOCK);
	endpoint->family = family;
	endpoint->type = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	endpoint->protocol = protocol;
	endpoint->writable = -1;
	endpoint->buffers[0] = endpoint->buffers[1] = 212992;
	pthread_mutex_init(&endpoint->looking, NULL);
	pthread_mutex_init(&endpoint->mutex, NULL);
	set(fd, endpoint);
	return fd;
}

/* ---- descriptors --------------------------------------------------------------------------- */

PUBLIC int close(int fd)
{
	if (is_possible(fd))
		set(fd, NULL);
	return REAL(close)(fd);
}

static void close_from(unsigned int first, unsigned int last)
{
	for (unsigned int fd = first; used && fd <= last && fd < FDS_MAX; fd++)
		if (table[fd])
			set(fd, NULL);
}

PUBLIC int close_range(unsigned int first, unsigned int last, int flags)
{
	if (!flags)
		close_from(first, last);
	return REAL(close_range)(first, last, flags);
}

PUBLIC void closefrom(int first)
{
	close_from(first < 0 ? 0 : first, UINT_MAX);
	REAL(closefrom)(first);
}

/* A copy stands for the same; what was there before is closed. */
static int copied(int from, int to)
{
	_cleanup_endpoint_ struct endpoint *endpoint = to < 0 ? NULL : endpoint_get(from);

	if (to >= 0 && to != from && (endpoint || is_possible(to)))
		set(to, endpoint);
	return to;
}

PUBLIC int dup(int fd)
{
	return copied(fd, REAL(dup)(fd));
}

PUBLIC int dup2(int fd, int to)
{
	return copied(fd, REAL(dup2)(fd, to));
}

PUBLIC int dup3(int fd, int to, int flags)
{
	return copied(fd, REAL(dup3)(fd, to, flags));
}

/* O_NONBLOCK is the epoll descriptor's own, so the kernel keeps it. */
#define FCNTL(function)                                               \
	PUBLIC int function(int fd, int command, ...)                 \
	{                                                             \
		va_list args;                                         \
		void *word;                                           \
		int result;                                           \
                                                                      \
		va_start(args, command);                              \
		word = va_arg(args, void *);                          \
		va_end(args);                                         \
		result = REAL(function)(fd, command, word);           \
		if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) \
			copied(fd, result);                           \
		return result;                                        \
	}

FCNTL(fcntl)
FCNTL(fcntl64)
