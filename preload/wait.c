// SPDX-License-Identifier: GPL-2.0-only
/*
 * wait - what an epoll descriptor does not tell: which frames are wanted, and that some may be sent
 *
 * The latter is always so: sending waits for room by itself, or says EAGAIN.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "kept.h"
#include "preload.h"

/* ---- time ---------------------------------------------------------------------------------- */

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* What is left of the time that the caller gave, NULL: for ever. At least 0. */
static const struct timespec *left_of(const struct timespec *timeout, int64_t began,
				      struct timespec *left)
{
	int64_t ns;

	if (!timeout)
		return NULL;
	ns = timeout->tv_sec * 1000000000LL + timeout->tv_nsec - (now() - began);
	ns = ns > 0 ? ns : 0;
	*left = (struct timespec){ ns / 1000000000, ns % 1000000000 };
	return left;
}

/* Was that the last look? */
static bool is_over(const struct timespec *left)
{
	return left && !left->tv_sec && !left->tv_nsec;
}

/* ---- poll ---------------------------------------------------------------------------------- */

#define IN  (POLLIN | POLLRDNORM)
#define OUT (POLLOUT | POLLWRNORM)

/* What is so of ours; the kernel's word for "readable" includes frames that are not wanted. */
static short look(const struct pollfd *wanted, bool *ours)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(wanted->fd);

	*ours = endpoint;
	if (!endpoint)
		return 0;
	return wanted->events &
	       (OUT | (wanted->events & IN && endpoint_is_readable(endpoint) ? IN : 0));
}

/* Write what is so of ours. Returns how many of all there are. */
static int look_at_all(struct pollfd *fds, nfds_t count)
{
	int found = 0;

	for (nfds_t i = 0; i < count; i++) {
		bool ours;
		short events = look(&fds[i], &ours);

		if (ours)
			fds[i].revents = (fds[i].revents & ~IN) | events;
		found += !!fds[i].revents;
	}
	return found;
}

static bool has_ours(const struct pollfd *fds, nfds_t count)
{
	for (nfds_t i = 0; i < count; i++) {
		_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fds[i].fd);

		if (endpoint)
			return true;
	}
	return false;
}

PUBLIC int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask)
{
	static const struct timespec none;
	int64_t began = now();

	if (!has_ours(fds, count))
		return REAL(ppoll)(fds, count, timeout, mask);
	for (;;) {
		struct timespec rest;
		const struct timespec *left = left_of(timeout, began, &rest);
		int found;

		for (nfds_t i = 0; i < count; i++)
			fds[i].revents = 0;
		found = REAL(ppoll)(fds, count, look_at_all(fds, count) ? &none : left, mask);
		if (found < 0)
			return found;
		found = look_at_all(fds, count);
		if (found || is_over(left))
			return found;
	}
}

PUBLIC int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	const struct timespec time = { timeout / 1000, timeout % 1000 * 1000000L };

	if (!has_ours(fds, count))
		return REAL(poll)(fds, count, timeout);
	return ppoll(fds, count, timeout < 0 ? NULL : &time, NULL);
}

PUBLIC int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
PUBLIC int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		       const sigset_t *mask, size_t room);
__attribute__((noreturn)) void __chk_fail(void);

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	if (room / sizeof(*fds) < count)
		__chk_fail();
	return poll(fds, count, timeout);
}

int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		const sigset_t *mask, size_t room)
{
	if (room / sizeof(*fds) < count)
		__chk_fail();
	return ppoll(fds, count, timeout, mask);
}

/* ---- select -------------------------------------------------------------------------------- */

/* Take ours out of a set, if there is one, and put those in that can be read, or written. */
static int look_at_set(int count, fd_set *set, const fd_set *asked, bool reading)
{
	int found = 0;

	for (int fd = 0; set && fd < count && fd < FD_SETSIZE; fd++) {
		_cleanup_endpoint_ struct endpoint *endpoint =
			FD_ISSET(fd, asked) ? endpoint_get(fd) : NULL;

		if (!endpoint)
			continue;
		FD_CLR(fd, set);
		if (reading && !endpoint_is_readable(endpoint))
			continue;
		FD_SET(fd, set);
		found++;
	}
	return found;
}

static int count_set(int count, const fd_set *set)
{
	int found = 0;

	for (int fd = 0; set && fd < count && fd < FD_SETSIZE; fd++)
		found += !!FD_ISSET(fd, set);
	return found;
}

static void copy_set(const fd_set *from, fd_set *to)
{
	if (to)
		*to = *from;
}

static bool set_has_ours(int count, const fd_set *set)
{
	for (int fd = 0; set && fd < count && fd < FD_SETSIZE; fd++) {
		_cleanup_endpoint_ struct endpoint *endpoint =
			FD_ISSET(fd, set) ? endpoint_get(fd) : NULL;

		if (endpoint)
			return true;
	}
	return false;
}

PUBLIC int pselect(int count, fd_set *read, fd_set *write, fd_set *except,
		   const struct timespec *timeout, const sigset_t *mask)
{
	static const struct timespec none;
	const fd_set nothing = {}, reads = read ? *read : nothing,
		     writes = write ? *write : nothing, excepts = except ? *except : nothing;
	int64_t began = now();

	if (!set_has_ours(count, read) && !set_has_ours(count, write))
		return REAL(pselect)(count, read, write, except, timeout, mask);
	for (;;) {
		struct timespec rest;
		const struct timespec *left = left_of(timeout, began, &rest);
		int found;

		copy_set(&reads, read);
		copy_set(&writes, write);
		copy_set(&excepts, except);
		found = look_at_set(count, read, &reads, true) +
			look_at_set(count, write, &writes, false);
		copy_set(&reads, read);
		if (REAL(pselect)(count, read, write, except, found ? &none : left, mask) < 0)
			return -1;
		look_at_set(count, read, &reads, true);
		look_at_set(count, write, &writes, false);
		found = count_set(count, read) + count_set(count, write) + count_set(count, except);
		if (found || is_over(left))
			return found;
	}
}

PUBLIC int select(int count, fd_set *read, fd_set *write, fd_set *except, struct timeval *timeout)
{
	struct timespec time;

	if (!set_has_ours(count, read) && !set_has_ours(count, write))
		return REAL(select)(count, read, write, except, timeout);
	if (timeout)
		time = (struct timespec){ timeout->tv_sec, timeout->tv_usec * 1000 };
	return pselect(count, read, write, except, timeout ? &time : NULL, NULL);
}

/* ---- epoll --------------------------------------------------------------------------------- */

/* A second descriptor, that can always be written to, stands for it with the same data. */
static int writable_of(struct endpoint *endpoint)
{
	pthread_mutex_lock(&endpoint->mutex);
	if (endpoint->writable < 0)
		endpoint->writable = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	kept_set(endpoint->writable, true);
	pthread_mutex_unlock(&endpoint->mutex);
	return endpoint->writable;
}

static int control_writable(struct endpoint *endpoint, int epoll, int operation,
			    const struct epoll_event *event)
{
	struct epoll_event other = *event;
	int fd = writable_of(endpoint);

	other.events &= ~(EPOLLIN | EPOLLRDNORM | EPOLLPRI | EPOLLRDHUP);
	if (fd < 0)
		return -1;
	if (!REAL(epoll_ctl)(epoll, operation, fd, &other) || errno != ENOENT)
		return 0;
	return REAL(epoll_ctl)(epoll, EPOLL_CTL_ADD, fd, &other);
}

PUBLIC int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	bool sends =
		event && operation != EPOLL_CTL_DEL && event->events & (EPOLLOUT | EPOLLWRNORM);
	struct epoll_event changed;
	int result, before = errno;

	if (!endpoint)
		return REAL(epoll_ctl)(epoll, operation, fd, event);
	if (event && operation != EPOLL_CTL_DEL && endpoint_show_held(endpoint, fd))
		return -1;
	if (event) {
		changed = *event;
		changed.events &= ~(EPOLLOUT | EPOLLWRNORM);
		event = &changed;
	}
	result = REAL(epoll_ctl)(epoll, operation, fd, event);
	if (result)
		return result;
	if (sends) {
		changed.events |= EPOLLOUT;
		return control_writable(endpoint, epoll, operation, &changed);
	}
	if (endpoint->writable >= 0)
		REAL(epoll_ctl)(epoll, EPOLL_CTL_DEL, endpoint->writable, NULL);
	errno = before;
	return 0;
}
