// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <sys/epoll.h>

#include "echo.h"
#include "loader/cleanup.h"
#include "loader/clock.h"
#include "loader/internet.h"

#define BUSY_MAX   256	      /* pairs at a time: their answers fit the buffer of one socket */
#define ACTIVE_MAX 4096	      /* with those of which only the last answer is waited for */
#define TAKEN_MAX  64	      /* sockets a look */
#define AHEAD	   UINT32_MAX /* the number of the echo that goes ahead */

/* What is sent: its pair and number are in it, and of whose run it is. */
struct echo {
	struct icmphdr header;
	__u32 pair, number;
	__u64 run, at; /* at: CLOCK_REALTIME, as the kernel stamps answers */
};

struct echo_socket {
	int fd;
	__u32 node;
	int family;
};

struct echoes {
	const struct home *home;
	const struct net *net;
	const struct echo_plan *plan;
	struct echo_pair *pairs;
	size_t count, next;
	size_t active[ACTIVE_MAX], active_count;
	struct echo_socket *sockets; /* of each node that asks, two: IPv4 and IPv6 */
	int *numbers;		     /* of these, by node and family; -1: none yet */
	size_t sockets_count;
	int poll;
	__u64 run;
};

/* ---- sockets ------------------------------------------------------------------------------- */

int echo_go_to(const struct home *home, const struct net_node *node)
{
	char path[HOME_PATH_MAX];
	_cleanup_close_ int fd =
		open(home_path(home, path, "ns/%s", node->name), O_RDONLY | O_CLOEXEC);

	return fd < 0 || setns(fd, CLONE_NEWNET) ? -errno : 0;
}

socklen_t echo_address(const struct net_address *target, __u16 port, struct sockaddr_storage *to)
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

/* One that gets nothing but answers to echoes, and when they came. */
static int open_socket(int family)
{
	bool four = family == AF_INET;
	_cleanup_close_ int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
					four ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	struct icmp_filter four_filter = { ~(1U << ICMP_ECHOREPLY) };
	struct icmp6_filter six_filter;
	const int on = 1;

	memset(&six_filter, 0xff, sizeof(six_filter));
	six_filter.data[ICMPV6_ECHO_REPLY / 32] &= ~(1U << ICMPV6_ECHO_REPLY % 32);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    (four ? setsockopt(fd, SOL_RAW, ICMP_FILTER, &four_filter, sizeof(four_filter))
		  : setsockopt(fd, SOL_ICMPV6, ICMPV6_FILTER, &six_filter, sizeof(six_filter))))
		return -errno;
	return TAKE_FD(fd);
}

/* The number of the socket by which a pair asks. */
static int socket_of(struct echoes *echoes, const struct echo_pair *pair)
{
	int *number = &echoes->numbers[2 * pair->from + (pair->to.family == AF_INET6)];
	struct epoll_event event = { .events = EPOLLIN };
	struct echo_socket *added;
	int err;

	if (*number >= 0)
		return *number;
	err = echo_go_to(echoes->home, &echoes->net->nodes[pair->from]);
	if (err)
		return err;
	added = NET_ADD(echoes->sockets, echoes->sockets_count);
	if (!added)
		return -ENOMEM;
	*added = (struct echo_socket){ open_socket(pair->to.family), pair->from, pair->to.family };
	if (added->fd < 0)
		return added->fd;
	event.data.u32 = echoes->sockets_count - 1;
	if (epoll_ctl(echoes->poll, EPOLL_CTL_ADD, added->fd, &event))
		return -errno;
	return *number = echoes->sockets_count - 1;
}

/* ---- echoes -------------------------------------------------------------------------------- */

/* Of ICMPv6 the kernel computes the checksum. */
static int send_echo(struct echoes *echoes, struct echo_pair *pair)
{
	bool four = pair->to.family == AF_INET;
	bool ahead = echoes->plan->ahead && pair->ahead == ECHO_AHEAD_NONE;
	struct echo echo = { .header.type = four ? ICMP_ECHO : ICMPV6_ECHO_REQUEST,
			     .pair = pair - echoes->pairs,
			     .number = ahead ? AHEAD : pair->sent,
			     .run = echoes->run };
	struct sockaddr_storage to;
	socklen_t size = echo_address(&pair->to, 0, &to);
	int number = socket_of(echoes, pair);

	if (number < 0)
		return number;
	echo.header.un.echo.id = echoes->run;
	echo.header.un.echo.sequence = htons(echo.number);
	if (ahead)
		pair->ahead = ECHO_AHEAD_SENT;
	else
		pair->sent++;
	pair->last = clock_ns(CLOCK_MONOTONIC);
	echo.at = clock_ns(CLOCK_REALTIME);
	if (four)
		echo.header.checksum = internet_checksum(&echo, sizeof(echo));
	if (sendto(echoes->sockets[number].fd, &echo, sizeof(echo), 0, (struct sockaddr *)&to,
		   size) >= 0)
		return 0;
	if (ahead)
		pair->ahead = ECHO_AHEAD_DONE;
	else
		pair->unsent++;
	return 0;
}

/* An answer is counted once, however often it comes. */
static void note_answer(struct echoes *echoes, const struct echo_socket *socket,
			const struct echo *echo, __u64 now)
{
	struct echo_pair *pair = &echoes->pairs[echo->pair];
	__u64 took = now > echo->at ? now - echo->at : 0;

	if (echo->run != echoes->run || echo->pair >= echoes->count || pair->from != socket->node ||
	    pair->to.family != socket->family || !pair->back)
		return;
	if (echo->number == AHEAD)
		pair->ahead = ECHO_AHEAD_DONE;
	if (echo->number >= pair->sent || pair->back[echo->number])
		return;
	pair->back[echo->number] = true;
	pair->least = pair->received && pair->least < took ? pair->least : took;
	pair->most = pair->most > took ? pair->most : took;
	pair->sum += took;
	pair->received++;
}

static void take_answers(struct echoes *echoes, const struct echo_socket *socket)
{
	unsigned char bytes[200], control[100];
	struct iovec part = { bytes, sizeof(bytes) };

	for (;;) {
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t size = recvmsg(socket->fd, &message, 0), skip = 0;
		struct echo echo;

		if (size < 0)
			return;
		if (socket->family == AF_INET && size > 0)
			skip = (bytes[0] & 0xf) * 4;
		if (size < skip + (ssize_t)sizeof(echo))
			continue;
		memcpy(&echo, bytes + skip, sizeof(echo));
		note_answer(echoes, socket, &echo, clock_stamp(&message));
	}
}

/* ---- pairs --------------------------------------------------------------------------------- */

static bool is_waiting(const struct echo_pair *pair)
{
	return pair->received + pair->unsent < pair->sent;
}

/* Until when may there be something of a pair on its way? Others may begin then. */
static __u64 busy_until(const struct echo_plan *plan, const struct echo_pair *pair)
{
	return pair->sent && pair->sent < plan->count ? UINT64_MAX : pair->last + plan->gap;
}

/* When there is something to do for a pair: now, if it is in the past. */
static __u64 due(const struct echo_plan *plan, const struct echo_pair *pair)
{
	if (!pair->sent) /* that would only wait behind it, for the same neighbour */
		return pair->ahead == ECHO_AHEAD_SENT ? pair->last + plan->wait : 0;
	if (pair->sent < plan->count)
		return plan->eager && !is_waiting(pair) ? 0 : pair->last + plan->gap;
	return is_waiting(pair) ? pair->last + plan->wait : 0;
}

static int begin_pair(struct echoes *echoes)
{
	struct echo_pair *pair = &echoes->pairs[echoes->next];

	pair->back = calloc(echoes->plan->count, sizeof(*pair->back));
	if (!pair->back)
		return -ENOMEM;
	echoes->active[echoes->active_count++] = echoes->next++;
	return send_echo(echoes, pair);
}

/* Send what is due, and be done with what is. */
static int tend(struct echoes *echoes, __u64 now)
{
	const struct echo_plan *plan = echoes->plan;
	int err = 0;

	for (size_t i = 0; !err && i < echoes->active_count; i++) {
		struct echo_pair *pair = &echoes->pairs[echoes->active[i]];
		bool end = plan->once && pair->received;

		if (!end && due(plan, pair) > now)
			continue;
		if (!end && pair->sent < plan->count) {
			err = send_echo(echoes, pair);
			continue;
		}
		free(TAKE_PTR(pair->back));
		echoes->active[i--] = echoes->active[--echoes->active_count];
	}
	return err;
}

/* How many pairs are busy. *next: when something is due, or one of them is not busy any more. */
static size_t look_ahead(const struct echoes *echoes, __u64 now, __u64 *next)
{
	size_t busy = 0;

	*next = UINT64_MAX;
	for (size_t i = 0; i < echoes->active_count; i++) {
		const struct echo_pair *pair = &echoes->pairs[echoes->active[i]];
		const __u64 moments[] = { due(echoes->plan, pair), busy_until(echoes->plan, pair) };

		busy += moments[1] > now;
		if (moments[0] < *next)
			*next = moments[0];
		if (moments[1] > now && moments[1] < *next)
			*next = moments[1];
	}
	return busy;
}

/* Do what there is to do, until *next. */
static int step(struct echoes *echoes, __u64 *next)
{
	__u64 now = clock_ns(CLOCK_MONOTONIC);
	int err = tend(echoes, now);
	size_t busy = look_ahead(echoes, now, next);

	for (; !err && echoes->next < echoes->count && echoes->active_count < ACTIVE_MAX &&
	       busy < BUSY_MAX;
	     busy++) {
		*next = 0;
		err = begin_pair(echoes);
	}
	return err;
}

static void listen_until(struct echoes *echoes, __u64 moment)
{
	struct pollfd ready = { .fd = echoes->poll, .events = POLLIN };
	__u64 now = clock_ns(CLOCK_MONOTONIC), left = moment > now ? moment - now : 0;
	struct timespec wait = { left / 1000000000, left % 1000000000 };
	struct epoll_event events[TAKEN_MAX];
	int count;

	ppoll(&ready, 1, &wait, NULL);
	count = epoll_wait(echoes->poll, events, TAKEN_MAX, 0);
	for (int i = 0; i < count; i++)
		take_answers(echoes, &echoes->sockets[events[i].data.u32]);
}

static void close_all(struct echoes *echoes)
{
	for (size_t i = 0; i < echoes->active_count; i++)
		free(TAKE_PTR(echoes->pairs[echoes->active[i]].back));
	for (size_t i = 0; i < echoes->sockets_count; i++)
		close_p(&echoes->sockets[i].fd);
	free(echoes->sockets);
	free(echoes->numbers);
	close_p(&echoes->poll);
}

int echo_run(const struct home *home, const struct net *net, const struct echo_plan *plan,
	     struct echo_pair *pairs, size_t count)
{
	_cleanup_(close_all) struct echoes echoes = {
		.home = home,
		.net = net,
		.plan = plan,
		.pairs = pairs,
		.count = count,
		.numbers = malloc((2 * net->nodes_count + 1) * sizeof(int)),
		.poll = epoll_create1(EPOLL_CLOEXEC),
		.run = clock_ns(CLOCK_MONOTONIC) ^ (__u64)gettid() << 48,
	};
	__u64 next = 0;
	int err = 0;

	if (echoes.poll < 0 || !echoes.numbers)
		return echoes.numbers ? -errno : -ENOMEM;
	memset(echoes.numbers, -1, 2 * net->nodes_count * sizeof(int));
	while (!(err = step(&echoes, &next)) && echoes.active_count)
		listen_until(&echoes, next);
	return err;
}
