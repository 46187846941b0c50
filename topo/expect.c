// SPDX-License-Identifier: GPL-2.0-only
/*
 * expect - echoes and TCP between nodes, by sockets that are opened in them
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "loader/cleanup.h"
#include "loader/clock.h"
#include "echo.h"
#include "expect.h"

#define MS	   1000000ULL
#define WAIT_NS	   (1000 * MS) /* for an answer */
#define ECHOES	   200	       /* of a loss */
#define GAP_NS	   (5 * MS)    /* between them */
#define RETRY_NS   (100 * MS)  /* of one that is to come back */
#define TCP_NS	   (1000 * MS) /* that is sent for */
#define TCP_BLOCK  (128 << 10)
#define CONNECT_MS 2000

/*
 * ---- echoes -----------------------------------------------------------------------------------
 */

/* The first echo may be lost while a neighbour is looked for. */
static int expect_reach(const struct home *home, const struct net *net,
			const struct net_event *event, char *found, size_t size)
{
	const struct echo_plan plan = {
		.count = WAIT_NS / RETRY_NS, .gap = RETRY_NS, .wait = RETRY_NS, .once = true
	};
	struct echo_pair pair = { .from = event->node, .to = event->target };
	__u64 begin = clock_ns(CLOCK_MONOTONIC);
	int err = echo_run(home, net, &plan, &pair, 1);

	if (err)
		return err;
	snprintf(found, size, pair.received ? "an answer came after %.1f ms" : "no answer came",
		 (clock_ns(CLOCK_MONOTONIC) - begin) / 1e6);
	return !pair.received == event->no;
}

static int expect_loss(const struct home *home, const struct net *net,
		       const struct net_event *event, char *found, size_t size)
{
	const struct echo_plan plan = { .count = ECHOES, .gap = GAP_NS, .wait = WAIT_NS };
	struct echo_pair pair = { .from = event->node, .to = event->target };
	int err = echo_run(home, net, &plan, &pair, 1);

	if (err)
		return err;
	snprintf(found, size, "%u of %d echoes were lost", ECHOES - pair.received, ECHOES);
	return 100.0 * (ECHOES - pair.received) / ECHOES < event->limit;
}

/*
 * ---- TCP --------------------------------------------------------------------------------------
 */

struct sink {
	int listener;
	__u64 bytes, first, last; /* ns */
};

static void *run_sink(void *cookie)
{
	struct sink *sink = cookie;
	struct pollfd ready = { .fd = sink->listener, .events = POLLIN };
	_cleanup_free_ char *block = malloc(TCP_BLOCK);
	int fd = block && poll(&ready, 1, CONNECT_MS) > 0
			 ? accept4(sink->listener, NULL, NULL, SOCK_CLOEXEC)
			 : -1;
	struct timeval most = { .tv_sec = 2 };
	ssize_t size;

	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	while ((size = recv(fd, block, TCP_BLOCK, 0)) > 0) {
		sink->last = clock_ns(CLOCK_MONOTONIC);
		sink->first = sink->first ?: sink->last;
		sink->bytes += size;
	}
	close(fd);
	return NULL;
}

static int open_listener(const struct home *home, const struct net *net,
			 const struct net_event *event, __u16 *port)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage at;
	socklen_t size = echo_address(&event->target, 0, &at);
	int err = echo_go_to(home, &net->nodes[event->target_node]);

	if (err)
		return err;
	fd = socket(event->target.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&at, &size))
		return -errno;
	*port = ntohs(event->target.family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
						      : ((struct sockaddr_in6 *)&at)->sin6_port);
	return TAKE_FD(fd);
}

/* False: there was no connection. */
static bool send_for_a_while(const struct net_event *event, __u16 port)
{
	_cleanup_close_ int fd =
		socket(event->target.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	_cleanup_free_ char *block = calloc(1, TCP_BLOCK);
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	struct sockaddr_storage to;
	socklen_t size = echo_address(&event->target, port, &to);
	__u64 end;

	if (fd < 0 || !block)
		return false;
	if (connect(fd, (struct sockaddr *)&to, size) &&
	    (errno != EINPROGRESS || poll(&ready, 1, CONNECT_MS) <= 0 || ready.revents & POLLERR))
		return false;
	end = clock_ns(CLOCK_MONOTONIC) + TCP_NS;
	while (clock_ns(CLOCK_MONOTONIC) < end)
		if (poll(&ready, 1, 10) > 0 &&
		    send(fd, block, TCP_BLOCK, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
	return true;
}

static int expect_throughput(const struct home *home, const struct net *net,
			     const struct net_event *event, char *found, size_t size)
{
	_cleanup_close_ int listener = -1;
	struct sink sink = {};
	pthread_t thread;
	bool connected;
	double rate;
	__u16 port = 0;
	int err;

	listener = open_listener(home, net, event, &port);
	if (listener < 0)
		return listener;
	sink.listener = listener;
	err = echo_go_to(home, &net->nodes[event->node]);
	if (err)
		return err;
	if (pthread_create(&thread, NULL, run_sink, &sink))
		return -EAGAIN;
	connected = send_for_a_while(event, port);
	pthread_join(thread, NULL);
	rate = sink.last > sink.first ? sink.bytes * 8e9 / (sink.last - sink.first) : 0;
	if (connected)
		snprintf(found, size, "%.1f mbit a second", rate / 1e6);
	else
		snprintf(found, size, "there was no connection");
	return rate > event->limit;
}

int expect(const struct home *home, const struct net *net, const struct net_event *event,
	   char *found, size_t size)
{
	switch (event->kind) {
	case EVENT_REACHES:
		return expect_reach(home, net, event, found, size);
	case EVENT_LOSS:
		return expect_loss(home, net, event, found, size);
	default:
		return expect_throughput(home, net, event, found, size);
	}
}
