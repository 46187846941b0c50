// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "bench.h"
#include "paths_flow.h"
#include "selftests/topology.h"

#define PORT	 5001
#define PATIENCE 10 /* seconds to connect */

volatile sig_atomic_t paths_flow_stopped;

static int open_socket(const char *netns, const char *address, int port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct timeval patience = { .tv_sec = PATIENCE };
	const struct linger at_once = { .l_onoff = 1 };
	int fd = topology_socket(netns, AF_INET, SOCK_STREAM, 0), one = 1;

	inet_pton(AF_INET, address, &name.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	bench_must(bind(fd, (void *)&name, sizeof(name)) ? -errno : 0, NULL, "%s", address);
	return fd;
}

void paths_flow_open(struct paths_flow *flow)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int listener = open_socket(flow->receiver, flow->to, PORT);

	flow->sends = open_socket(flow->sender, flow->from, 0);
	inet_pton(AF_INET, flow->to, &peer.sin_addr);
	bench_must(listen(listener, 1) ? -errno : 0, NULL, "listen");
	bench_must(setsockopt(flow->sends, IPPROTO_TCP, TCP_CONGESTION, flow->control,
			      strlen(flow->control))
			   ? -errno
			   : 0,
		   NULL, "%s", flow->control);
	bench_must(connect(flow->sends, (void *)&peer, sizeof(peer)) ? -errno : 0, NULL,
		   "connect to %s", flow->to);
	flow->receives = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	bench_must(flow->receives < 0 ? -errno : 0, NULL, "accept");
	close(listener);
	flow->bytes = 0;
}

void paths_flow_run(struct paths_flow *flow, double seconds)
{
	static const char zeros[1 << 16];
	static __thread char bytes[1 << 18];
	double end = bench_now() + seconds, left;

	while ((left = end - bench_now()) > 0 && !paths_flow_stopped) {
		struct pollfd fds[] = { { .fd = flow->receives, .events = POLLIN },
					{ .fd = flow->sends, .events = POLLOUT } };
		ssize_t got;

		poll(fds, LENGTH(fds), bench_min(left * 1000 + 1, 50));
		if (fds[1].revents)
			send(flow->sends, zeros, sizeof(zeros), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (!fds[0].revents)
			continue;
		got = recv(flow->receives, bytes, sizeof(bytes), MSG_DONTWAIT);
		bench_must(got < 0 && errno != EAGAIN ? -errno : 0, NULL, "receive");
		flow->bytes += bench_max(got, 0);
	}
}

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {};
	socklen_t size = sizeof(info);

	bench_must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) ? -errno : 0, NULL, "info");
	return info;
}

void paths_flow_measure(struct paths_flow *flow, double figures[PATHS_FIGURES_COUNT])
{
	struct tcp_info sends = info_of(flow->sends), receives = info_of(flow->receives);
	double begin = bench_now(), bytes = flow->bytes;
	struct tcp_info now;

	paths_flow_run(flow, flow->seconds);
	figures[PATHS_seconds] = bench_now() - begin;
	figures[PATHS_goodput] = (flow->bytes - bytes) / 1000 / figures[PATHS_seconds];
	now = info_of(flow->sends);
	figures[PATHS_sent_again] = now.tcpi_total_retrans - sends.tcpi_total_retrans;
	figures[PATHS_needless] = now.tcpi_dsack_dups - sends.tcpi_dsack_dups;
	figures[PATHS_rtt] = now.tcpi_rtt / 1000.0;
	now = info_of(flow->receives);
	figures[PATHS_disorder] = now.tcpi_rcv_ooopack - receives.tcpi_rcv_ooopack;
}

void paths_flow_close(struct paths_flow *flow)
{
	close(flow->sends);
	close(flow->receives);
}
