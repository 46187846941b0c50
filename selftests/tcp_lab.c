// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "tap.h"
#include "tcp_lab.h"
#include "topology.h"
#include "workers.h"

#define PORT	    5301
#define PIECE	    16384 /* bytes at a time */
#define STREAMS_MAX 32

/* ---- topology ------------------------------------------------------------------------------- */

/* A lossy run would tell the next one how slowly to begin. */
static void forget_paths(const char *netns)
{
	if (topology_run("ip netns exec %s sysctl -qw net.ipv4.tcp_no_metrics_save=1", netns))
		tap_bail("%s: no sysctl", netns);
}

void tcp_lab_begin(void)
{
	live_begin();
	topology_address("generator", "g0", "10.9.0.1/24");
	topology_address("checker", "c0", "10.9.0.2/24");
	topology_offload("stack", "out", "gro", true);
	if (topology_run("tc -n stack qdisc replace dev in root pfifo limit 10000"))
		tap_skip_all("tc has no pfifo");
	forget_paths("generator");
	forget_paths("checker");
}

void tcp_lab_open(struct tcp_lab *lab, enum lana_hook hook, const char *there, const char *back)
{
	/* XDP does not see whether a checksum is finished; at tc senders keep their offloads. */
	topology_offload("generator", "g0", "tx", hook == LANA_HOOK_TC);
	topology_offload("checker", "c0", "tx", hook == LANA_HOOK_TC);
	lab->stack = live_open(hook, true);
	live_do(lab->stack, "add there link %s", there);
	live_do(lab->stack, "add back link %s", back);
	live_do(lab->stack, "bind there in ingress");
	live_do(lab->stack, "bind out there ingress");
	live_do(lab->stack, "bind back out ingress");
	live_do(lab->stack, "bind in back ingress");
	lab->worker = worker_start(lab->stack, "live", NULL, "there");
	worker_wait(lab->stack, "back", "worker");
}

void tcp_lab_close(struct tcp_lab *lab)
{
	worker_end(lab->worker, SIGTERM);
	live_close(lab->stack);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static int open_socket(const char *netns, const char *congestion)
{
	int fd = topology_socket(netns, AF_INET, SOCK_STREAM, 0), one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		tap_bail("socket: %s", strerror(errno));
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, strlen(congestion))) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct sockaddr_in far_end(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	inet_pton(AF_INET, "10.9.0.2", &address.sin_addr);
	return address;
}

bool tcp_lab_connect(struct tcp_stream *stream, const char *congestion)
{
	const struct sockaddr_in address = far_end();
	int listener = open_socket("checker", congestion);

	*stream = (struct tcp_stream){ .from = open_socket("generator", congestion) };
	if (listener < 0 || stream->from < 0)
		return false;
	if (bind(listener, (const void *)&address, sizeof(address)) || listen(listener, 1) ||
	    connect(stream->from, (const void *)&address, sizeof(address)))
		tap_bail("no connection: %s", strerror(errno));
	stream->to = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (stream->to < 0 || fcntl(stream->from, F_SETFL, O_NONBLOCK))
		tap_bail("no connection: %s", strerror(errno));
	close(listener);
	return true;
}

void tcp_lab_disconnect(struct tcp_stream *stream)
{
	const struct linger abort = { .l_onoff = 1 };

	setsockopt(stream->from, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	close(stream->from);
	close(stream->to);
}

const char *tcp_lab_congestion(const struct tcp_stream *stream)
{
	static char name[32];
	socklen_t size = sizeof(name) - 1;

	memset(name, 0, sizeof(name));
	getsockopt(stream->from, IPPROTO_TCP, TCP_CONGESTION, name, &size);
	return name;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* Byte n of every stream: no piece of it looks like one that is displaced. */
static unsigned char byte_of(uint64_t n)
{
	return (n * 0x9e3779b97f4a7c15) >> 56 ^ n;
}

static void send_some(struct tcp_stream *stream)
{
	unsigned char bytes[PIECE];
	ssize_t sent;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = byte_of(stream->sent + i);
	sent = send(stream->from, bytes, sizeof(bytes), MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		tap_bail("send: %s", strerror(errno));
	stream->sent += sent > 0 ? sent : 0;
}

static void receive_some(struct tcp_stream *stream)
{
	unsigned char bytes[PIECE];
	ssize_t got = recv(stream->to, bytes, sizeof(bytes), 0);

	if (got < 0 && errno != EAGAIN)
		tap_bail("receive: %s", strerror(errno));
	for (ssize_t i = 0; i < got; i++)
		stream->differs |= bytes[i] != byte_of(stream->received + i);
	stream->received += got > 0 ? got : 0;
	stream->ended |= !got;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* True: all have ended. */
static bool pump(struct tcp_stream *streams, size_t count, bool sending, double until)
{
	struct pollfd fds[2 * STREAMS_MAX];
	bool ended = false;

	while (!ended && now() < until) {
		for (size_t i = 0; i < count; i++) {
			fds[2 * i] = (struct pollfd){ sending ? streams[i].from : -1, POLLOUT, 0 };
			fds[2 * i + 1] =
				(struct pollfd){ streams[i].ended ? -1 : streams[i].to, POLLIN, 0 };
		}
		poll(fds, 2 * count, (until - now()) * 1000 + 1);
		ended = true;
		for (size_t i = 0; i < count; i++) {
			if (fds[2 * i].revents)
				send_some(&streams[i]);
			if (fds[2 * i + 1].revents)
				receive_some(&streams[i]);
			ended &= streams[i].ended;
		}
	}
	return ended;
}

void tcp_lab_run(struct tcp_stream *streams, size_t count, double seconds)
{
	if (count > STREAMS_MAX)
		tap_bail("more streams than %d", STREAMS_MAX);
	pump(streams, count, true, now() + seconds);
}

bool tcp_lab_finish(struct tcp_stream *streams, size_t count, double seconds)
{
	for (size_t i = 0; i < count; i++)
		shutdown(streams[i].from, SHUT_WR);
	return pump(streams, count, false, now() + seconds);
}
