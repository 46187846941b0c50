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

#include "kept.h"
#include "preload.h"

static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct endpoint *table[FDS_MAX];
static unsigned int used; /* descriptors that are ours; 0: nothing is to be looked up */
static pid_t owner;	  /* of the table: */

/*
 * A child of vfork(2) works in its parent's memory, and has descriptors of its own: what it closes
 * is open in the parent. No handler of pthread_atfork(3) ran.
 */
static bool is_borrowed(void)
{
	return getpid() != owner;
}

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

static void drop(int fd)
{
	kept_set(fd, false);
	if (fd >= 0)
		REAL(close)(fd);
}

/* After a fork nobody knows whether the other side uses it: it goes when both have ended. */
static void endpoint_free(struct endpoint *endpoint)
{
	if (endpoint->socket)
		kept_socket(endpoint->socket, false);
	/* What is held may be the other side's, too. */
	if (endpoint->holds && !endpoint->forked)
		lana_socket_give_back(endpoint->socket, &endpoint->held, 1);
	if (endpoint->forked)
		lana_socket_leave(endpoint->socket);
	else
		lana_socket_close(endpoint->socket);
	drop(endpoint->writable);
	drop(endpoint->holding);
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

	if (fd < 0 || fd >= FDS_MAX || is_borrowed())
		return;
	pthread_mutex_lock(&table_mutex);
	before = table[fd];
	__atomic_store_n(&table[fd], endpoint, __ATOMIC_RELEASE);
	if (endpoint) {
		endpoint->references++;
		endpoint->descriptors++;
	}
	if (before)
		before->descriptors--;
	__atomic_add_fetch(&used, !!endpoint - !!before, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&table_mutex);
	endpoint_put_p(&before);
}

/* ---- fork ---------------------------------------------------------------------------------- */

static void before_fork(void)
{
	pthread_mutex_lock(&table_mutex);
}

/* Calls of other threads are not in this process: they neither end nor let go of locks. */
static void forget_calls(struct endpoint *endpoint)
{
	if (endpoint->references == endpoint->descriptors)
		return;
	endpoint->lost = true;
	endpoint->references = endpoint->descriptors;
	pthread_mutex_init(&endpoint->looking, NULL);
	pthread_mutex_init(&endpoint->mutex, NULL);
}

static void after_fork(bool child)
{
	for (int fd = 0; used && fd < FDS_MAX; fd++) {
		if (!table[fd])
			continue;
		table[fd]->forked = true;
		if (child)
			forget_calls(table[fd]);
	}
	pthread_mutex_unlock(&table_mutex);
}

static void after_fork_parent(void)
{
	after_fork(false);
}

static void after_fork_child(void)
{
	owner = getpid();
	after_fork(true);
}

__attribute__((constructor)) static void watch_forks(void)
{
	owner = getpid();
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
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
	endpoint->writable = endpoint->holding = -1;
	endpoint->buffers[0] = endpoint->buffers[1] = 212992;
	pthread_mutex_init(&endpoint->looking, NULL);
	pthread_mutex_init(&endpoint->mutex, NULL);
	set(fd, endpoint);
	return fd;
}

/* ---- descriptors --------------------------------------------------------------------------- */

/* There is no such descriptor, for all that the program knows. */
static int refuse_kept(int fd, int error)
{
	return fail(error, "descriptor %d is the library's own", fd);
}

PUBLIC int close(int fd)
{
	if (kept_is(fd))
		return refuse_kept(fd, EBADF);
	if (is_possible(fd))
		set(fd, NULL);
	return REAL(close)(fd);
}

/* All but those that are kept, in as many calls as it takes. */
static int close_parts(unsigned int first, unsigned int last, int flags)
{
	int result = 0;

	for (unsigned int fd = first; !result && fd <= last && fd < FDS_MAX; fd++) {
		if (!kept_is(fd))
			continue;
		if (fd > first)
			result = REAL(close_range)(first, fd - 1, flags);
		first = fd + 1;
	}
	return result || first > last ? result : REAL(close_range)(first, last, flags);
}

/*
 * With CLOSE_RANGE_UNSHARE other threads keep what is closed here. There is one table for all: they
 * lose what is ours.
 */
PUBLIC int close_range(unsigned int first, unsigned int last, int flags)
{
	if (first > last || !__atomic_load_n(&used, __ATOMIC_ACQUIRE) ||
	    flags & (int)CLOSE_RANGE_CLOEXEC)
		return REAL(close_range)(first, last, flags);
	for (unsigned int fd = first; fd <= last && fd < FDS_MAX; fd++)
		if (is_possible(fd))
			set(fd, NULL);
	return close_parts(first, last, flags);
}

PUBLIC void closefrom(int first)
{
	if (!__atomic_load_n(&used, __ATOMIC_ACQUIRE))
		REAL(closefrom)(first);
	else
		close_range(first < 0 ? 0 : first, UINT_MAX, 0);
}

/* A copy stands for the same; what was there before is closed. */
static int copied(int from, int to)
{
	_cleanup_endpoint_ struct endpoint *endpoint = to < 0 ? NULL : endpoint_get(from);

	if (endpoint && to >= FDS_MAX) {
		REAL(close)(to);
		return fail(EMFILE, "descriptor %d is too large for a socket of ours", to);
	}
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
	return kept_is(to) ? refuse_kept(to, EBUSY) : copied(fd, REAL(dup2)(fd, to));
}

PUBLIC int dup3(int fd, int to, int flags)
{
	return kept_is(to) ? refuse_kept(to, EBUSY) : copied(fd, REAL(dup3)(fd, to, flags));
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
			return copied(fd, result);                    \
		return result;                                        \
	}

FCNTL(fcntl)
FCNTL(fcntl64)
