// SPDX-License-Identifier: GPL-2.0-only
/* socket_trip - there and back: a program at either end, on CPUs of their own */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "selftests/topology.h"
#include "socket_lab.h"

#define TRIPS	  (bench_quick() ? 300 : 20000)
#define PING_SIZE 64

/* An end: UDP, or a socket; waiting, or asking again and again. */
struct end {
	int udp; /* -1: */
	struct lana_socket *socket;
	bool spins;
};

static bool end_send(const struct end *end, const void *data, size_t size)
{
	return end->udp >= 0 ? send(end->udp, data, size, 0) == (ssize_t)size
			     : !lana_socket_send(end->socket, data, size, LANA_SOCKET_FOREVER);
}

static bool end_receive(const struct end *end, void *data, size_t size)
{
	for (;;) {
		ssize_t got = end->udp >= 0
				      ? recv(end->udp, data, size, end->spins ? MSG_DONTWAIT : 0)
				      : lana_socket_recv(end->socket, data, size, NULL,
							 end->spins ? 0 : LANA_SOCKET_FOREVER);

		if (got > 0)
			return true;
		if (got < 0 && !end->spins)
			return false;
	}
}

static void *echo(void *cookie)
{
	const struct end *end = cookie;
	char frame[PING_SIZE];

	bench_pin(BENCH_CPU_TRAFFIC);
	for (int i = 0; i < TRIPS; i++)
		if (!end_receive(end, frame, sizeof(frame)) || !end_send(end, frame, sizeof(frame)))
			break;
	return NULL;
}

static void ping_pong(const char *name, struct end near, struct end far, double *p50)
{
	static double times[20000];
	char frame[PING_SIZE] = { [12] = 0x88, 0xb5 };
	pthread_t thread;

	bench_must(-pthread_create(&thread, NULL, echo, &far), NULL, "thread");
	for (int i = 0; i < TRIPS; i++) {
		double start = bench_now();

		if (!end_send(&near, frame, sizeof(frame)) ||
		    !end_receive(&near, frame, sizeof(frame)))
			break;
		times[i] = (bench_now() - start) * 1e6;
	}
	pthread_join(thread, NULL);
	*p50 = bench_quantile(times, TRIPS, 0.5);
	bench_row(name, *p50, bench_quantile(times, TRIPS, 0.99));
}

static int udp_end(const char *netns, const char *own, const char *other)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9) };
	int home = topology_enter(netns), fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_aton(own, &address.sin_addr);
	bench_must(bind(fd, (void *)&address, sizeof(address)) ? -errno : 0, NULL, "bind");
	inet_aton(other, &address.sin_addr);
	bench_must(connect(fd, (void *)&address, sizeof(address)) ? -errno : 0, NULL, "connect");
	topology_leave(home);
	return fd;
}

void socket_trip(void)
{
	struct end near = { .udp = udp_end("near", "10.0.0.2", "10.0.0.1") };
	struct end far = { .udp = udp_end("far", "10.0.0.1", "10.0.0.2") };
	const struct lana_stack_options options = {
		.name = "far", .bpffs = topology_bpffs(), .netns = "far", .create = true
	};
	const struct lana_hook_options how = { .hook = LANA_HOOK_XDP };
	struct lana_error error = {};
	struct lana_stack *other;
	double udp, udp_spins, socket, socket_spins;

	ping_pong("UDP", near, far, &udp);
	near.spins = far.spins = true;
	ping_pong("UDP, spinning", near, far, &udp_spins);
	close(near.udp);
	close(far.udp);

	socket_lab_open(LANA_HOOK_XDP);
	bench_must(lana_stack_open(&options, &other, &error), &error, "stack");
	bench_must(lana_hook(other, "f0", &how, &error), &error, "hook");
	near = (struct end){ .udp = -1, .socket = socket_lab.app };
	far = (struct end){ .udp = -1 };
	bench_must(lana_socket_open(other, "app", NULL, &far.socket, &error), &error, "socket");
	bench_bind(other, "app", "f0", NULL, false);
	ping_pong("socket", near, far, &socket);
	near.spins = far.spins = true;
	ping_pong("socket, spinning", near, far, &socket_spins);
	lana_socket_close(far.socket);
	lana_stack_flush(other, NULL);
	lana_stack_close(other);
	socket_lab_close();
	bench_goal("socket against UDP, spinning", socket_spins / udp_spins, 1, false);
}
