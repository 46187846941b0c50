// SPDX-License-Identifier: GPL-2.0-only
/*
 * expect - echoes (RFC 792, RFC 4443) and TCP between nodes, by sockets that are opened in them
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
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include "loader/cleanup.h"
#include "loader/clock.h"
#include "loader/internet.h"
#include "expect.h"

#define MS	   1000000ULL
#define WAIT_NS	   (1000 * MS) /* for an answer */
#define ECHOES	   200	       /* of a loss */
#define GAP_NS	   (5 * MS)    /* between them */
#define TCP_NS	   (1000 * MS) /* that is sent for */
#define TCP_BLOCK  (128 << 10)
#define CONNECT_MS 2000

static int go_to(const struct home *home, const struct net_node *node)
{
	char path[HOME_PATH_MAX];
	_cleanup_close_ int fd =
		open(home_path(home, path, "ns/%s", node->name), O_RDONLY | O_CLOEXEC);

	return fd < 0 || setns(fd, CLONE_NEWNET) ? -errno : 0;
}

static socklen_t address_to(const struct net_address *target, __u16 port,
			    struct sockaddr_storage *to)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
	struct sockaddr_in *four = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	to->ss_family = target->family;
	if (target->family == AF_INET) {
		four->sin_port = htons(port);
		memcpy(&four->sin_addr, target->bytes, 4);
		return sizeof(*four);
	}
	six->sin6_port = htons(port);
	memcpy(&six->sin6_addr, target->bytes, 16);
	return sizeof(*six);
}

/*
 * ---- echoes -----------------------------------------------------------------------------------
 */

struct pinger {
	int socket, family;
	struct sockaddr_storage to;
	socklen_t to_size;
	__u16 id;
	bool back[ECHOES];
	unsigned int count;
};

/*
 * Of ICMPv6 the kernel computes the checksum. That it cannot be sent now is an echo that is lost.
 */
static void send_echo(struct pinger *pinger, __u16 number)
{
	struct icmphdr echo = { .type = pinger->family == AF_INET ? ICMP_ECHO
								  : ICMP6_ECHO_REQUEST };

	echo.un.echo.id = htons(pinger->id);
	echo.un.echo.sequence = htons(number);
	if (pinger->family == AF_INET)
		echo.checksum = internet_checksum(&echo, sizeof(echo));
	if (sendto(pinger->socket, &echo, sizeof(echo), MSG_DONTWAIT,
		   (struct sockaddr *)&pinger->to, pinger->to_size) < 0)
		return;
}

static void take_answer(struct pinger *pinger)
{
	unsigned char bytes[1500];
	ssize_t size = recv(pinger->socket, bytes, sizeof(bytes), MSG_DONTWAIT), skip = 0;
	struct icmphdr echo;
	__u16 number;

	if (pinger->family == AF_INET && size > 0)
		skip = (bytes[0] & 0xf) * 4;
	if (size < skip + (ssize_t)sizeof(echo))
		return;
	memcpy(&echo, bytes + skip, sizeof(echo));
	number = ntohs(echo.un.echo.sequence);
	if (echo.type != (pinger->family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) ||
	    ntohs(echo.un.echo.id) != pinger->id || number >= ECHOES || pinger->back[number])
		return;
	pinger->back[number] = true;
	pinger->count++;
}

/* Take answers until then, or until so many have come. */
static void listen_until(struct pinger *pinger, __u64 end, unsigned int enough)
{
	__u64 now = clock_ns(CLOCK_MONOTONIC);

	while (now < end && pinger->count < enough) {
		struct pollfd ready = { .fd = pinger->socket, .events = POLLIN };
		struct timespec wait = { (end - now) / 1000000000, (end - now) % 1000000000 };

		if (ppoll(&ready, 1, &wait, NULL) > 0)
			take_answer(pinger);
		now = clock_ns(CLOCK_MONOTONIC);
	}
}

static int open_pinger(const struct home *home, const struct net *net,
		       const struct net_event *event, struct pinger *pinger)
{
	int err = go_to(home, &net->nodes[event->node]);

	if (err)
		return err;
	*pinger = (struct pinger){ .family = event->target.family,
				   .id = clock_ns(CLOCK_MONOTONIC) / 1000 };
	pinger->to_size = address_to(&event->target, 0, &pinger->to);
	pinger->socket = socket(pinger->family, SOCK_RAW | SOCK_CLOEXEC,
				pinger->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	return pinger->socket < 0 ? -errno : 0;
}

/* An echo each 100 ms, as the first one may be lost while a neighbour is looked for. */
static int expect_reach(const struct home *home, const struct net *net,
			const struct net_event *event, char *found, size_t size)
{
	struct pinger pinger;
	__u64 begin = clock_ns(CLOCK_MONOTONIC);
	int err = open_pinger(home, net, event, &pinger);

	if (err)
		return err;
	for (__u16 number = 0; !pinger.count && number < WAIT_NS / (100 * MS); number++) {
		send_echo(&pinger, number);
		listen_until(&pinger, begin + (number + 1) * 100 * MS, 1);
	}
	close(pinger.socket);
	snprintf(found, size, pinger.count ? "an answer came after %.1f ms" : "no answer came",
		 (clock_ns(CLOCK_MONOTONIC) - begin) / 1e6);
	return !pinger.count == event->no;
}

static int expect_loss(const struct home *home, const struct net *net,
		       const struct net_event *event, char *found, size_t size)
{
	struct pinger pinger;
	__u64 begin = clock_ns(CLOCK_MONOTONIC);
	double lost;
	int err = open_pinger(home, net, event, &pinger);

	if (err)
		return err;
	for (__u16 number = 0; number < ECHOES; number++) {
		send_echo(&pinger, number);
		listen_until(&pinger, begin + (number + 1) * GAP_NS, ECHOES);
	}
	listen_until(&pinger, clock_ns(CLOCK_MONOTONIC) + WAIT_NS, ECHOES);
	close(pinger.socket);
	lost = 100.0 * (ECHOES - pinger.count) / ECHOES;
	snprintf(found, size, "%u of %d echoes were lost", ECHOES - pinger.count, ECHOES);
	return lost < event->limit;
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
	socklen_t size = address_to(&event->target, 0, &at);
	int err = go_to(home, &net->nodes[event->target_node]);

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
	socklen_t size = address_to(&event->target, port, &to);
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
	err = go_to(home, &net->nodes[event->node]);
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
