// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_vlinks - what a tagged link costs, beside its carrier and beside what the kernel has
 *
 *	left                              right
 *	  l0 ────────────────────────────── r0          the carrier, a veth
 *	  v7 ══ vlink_push … vlink_pop ════ w7          a tagged link on it
 *	  l0.5 ──────────────────────────── r0.5        a VLAN device on it, if the kernel has them
 *	  b0 ── bridge ── c0 ──── c1 ── bridge ── b1    a veth on a bridge, on a carrier of its own
 *
 * One TCP stream, and UDP packets of 18 bytes (frames of 60) for a second of the sender's CPU, by
 * sockets of the kernel. All ways in turn, round by round; the median of the rounds is told.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "selftests/topology.h"

#define ROUNDS	   7
#define ROUNDS_NOW (bench_quick() ? 1 : ROUNDS)
#define SECONDS	   0.5
#define PORT	   5000

static const struct way {
	const char *name, *address; /* of the right */
} ways[] = {
	{ "carrier", "10.0.0.2" },
	{ "tagged link", "10.0.7.2" },
	{ "VLAN", "10.0.5.2" },
	{ "bridge", "10.0.9.2" },
};

enum { CARRIER, VLINK, VLAN, BRIDGE };

static bool there[LENGTH(ways)];
static volatile bool stop;

/* ---- topology -------------------------------------------------------------------------------- */

static struct lana_stack *link_stack(const char *netns, const char *name, const char *carrier)
{
	struct lana_stack *stack = bench_stack(netns);
	struct lana_error error = {};

	bench_must(lana_vlink_add(stack, name, carrier, 7, &error), &error, "link %s", name);
	return stack;
}

static bool try(const char *left, const char *right)
{
	return !topology_run("%s 2>/dev/null", left) && !topology_run("%s 2>/dev/null", right);
}

static void add_veth(const char *left, const char *right)
{
	topology_veth("left", left, "right", right);
	topology_offload("left", left, "tx", true);
	topology_offload("right", right, "tx", true);
}

static void set_up(void)
{
	topology_netns("left");
	topology_netns("right");
	add_veth("l0", "r0");
	topology_address("left", "l0", "10.0.0.1/24");
	topology_address("right", "r0", "10.0.0.2/24");
	there[CARRIER] = there[VLINK] = true;

	there[VLAN] = try("ip -n left link add link l0 name l0.5 up type vlan id 5",
			  "ip -n right link add link r0 name r0.5 up type vlan id 5");
	if (there[VLAN])
		there[VLAN] = try("ip -n left addr add 10.0.5.1/24 dev l0.5",
				  "ip -n right addr add 10.0.5.2/24 dev r0.5");

	add_veth("c0", "c1");
	there[BRIDGE] =
		try("ip -n left link add name br0 up type bridge && ip -n left link add name b0 up "
		    "type "
		    "veth peer name p0 && ip -n left link set p0 up master br0 && ip -n left "
		    "link set c0 master br0 && ip -n left addr add 10.0.9.1/24 dev b0",
		    "ip -n right link add name br0 up type bridge && ip -n right link add name b1 "
		    "up type "
		    "veth peer name p1 && ip -n right link set p1 up master br0 && ip -n right "
		    "link set c1 master br0 && ip -n right addr add 10.0.9.2/24 dev b1");
}

static void link_up(const char *netns, const char *name, const char *address)
{
	if (topology_run("ip -n %s link set %s up", netns, name))
		bench_must(-EIO, NULL, "%s up", name);
	topology_address(netns, name, address);
}

/* ---- sockets --------------------------------------------------------------------------------- */

/* A receiver in the right, connected to by a sender in the left. */
static void open_pair(const struct way *way, int type, int *sender, int *receiver)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	const struct timeval patience = { .tv_usec = 100000 };
	int fd = topology_socket("right", AF_INET, type, 0), one = 1;

	inet_pton(AF_INET, way->address, &address.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bench_must(bind(fd, (void *)&address, sizeof(address)) ? -errno : 0, NULL, "bind");
	if (type == SOCK_STREAM)
		bench_must(listen(fd, 1) ? -errno : 0, NULL, "listen");
	*sender = topology_socket("left", AF_INET, type, 0);
	bench_must(connect(*sender, (void *)&address, sizeof(address)) ? -errno : 0, NULL,
		   "connect to %s", way->address);
	*receiver = type == SOCK_STREAM ? accept(fd, NULL, NULL) : fd;
	bench_must(*receiver < 0 ? -errno : 0, NULL, "accept");
	if (type == SOCK_STREAM)
		close(fd);
	setsockopt(*receiver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

struct sending {
	int fd;
	size_t size;
	double sent, cpu; /* calls, and the thread's seconds */
};

static void *send_all(void *cookie)
{
	static const char bytes[131072];
	struct sending *sending = cookie;
	double from;

	bench_pin(BENCH_CPU_TRAFFIC);
	from = bench_cpu_time();
	for (; !stop; sending->sent++)
		if (send(sending->fd, bytes, sending->size, MSG_NOSIGNAL) < 0 && errno != ENOBUFS)
			break;
	sending->cpu = bench_cpu_time() - from;
	return NULL;
}

/*
 * Bytes a second that arrive; or packets for a second of the sender's CPU time, as one is all the
 * way to the receiver's socket when it is sent.
 */
static double measure(const struct way *way, int type)
{
	static char bytes[262144];
	double from, amount = 0, now;
	struct sending sending = { .size = type == SOCK_STREAM ? 131072 : 18 };
	pthread_t thread;
	int receiver;

	open_pair(way, type, &sending.fd, &receiver);
	stop = false;
	bench_must(-pthread_create(&thread, NULL, send_all, &sending), NULL, "thread");
	from = bench_now();
	do {
		ssize_t got = recv(receiver, bytes, sizeof(bytes), 0);

		amount += got > 0 ? got : 0;
		now = bench_now();
	} while (now - from < SECONDS);
	stop = true;
	shutdown(receiver, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(sending.fd);
	close(receiver);
	return type == SOCK_STREAM ? amount / (now - from) : sending.sent / sending.cpu;
}

/* ------------------------------------------------------------------------------------------- */

static const struct bench_column columns[] = {
	{ "way", -14, 0 },     { "tcp_gbit", 10, 2 },	    { "of_carrier", 10, 2 },
	{ "udp_kpps", 10, 1 }, { "of_the_carrier", 14, 2 },
};

static void run(void)
{
	static double tcp[LENGTH(ways)][ROUNDS], udp[LENGTH(ways)][ROUNDS];
	double tcp_of[LENGTH(ways)], udp_of[LENGTH(ways)];

	bench_pin(BENCH_CPU_CHANGE);
	for (int round = 0; round < ROUNDS_NOW; round++)
		for (size_t i = 0; i < LENGTH(ways); i++) {
			if (!there[i])
				continue;
			tcp[i][round] = measure(&ways[i], SOCK_STREAM) * 8 / 1e9;
			udp[i][round] = measure(&ways[i], SOCK_DGRAM) / 1e3;
		}
	bench_table("vlinks", "one stream of TCP; UDP of 18 bytes, a CPU second; medians", columns,
		    LENGTH(columns));
	for (size_t i = 0; i < LENGTH(ways); i++) {
		tcp_of[i] = there[i] ? bench_quantile(tcp[i], ROUNDS_NOW, 0.5) : NAN;
		udp_of[i] = there[i] ? bench_quantile(udp[i], ROUNDS_NOW, 0.5) : NAN;
		bench_row(ways[i].name, tcp_of[i], tcp_of[i] / tcp_of[CARRIER], udp_of[i],
			  udp_of[i] / udp_of[CARRIER]);
	}
	bench_goal("TCP by a tagged link, of its carrier's", tcp_of[VLINK] / tcp_of[CARRIER], 0.8,
		   true);
	bench_goal("TCP by a tagged link, of a bridge's", tcp_of[VLINK] / tcp_of[BRIDGE], 0.9,
		   true);
}

int main(void)
{
	struct lana_stack *left, *right;

	bench_begin("vlinks");
	set_up();
	left = link_stack("left", "v7", "l0");
	right = link_stack("right", "w7", "r0");
	link_up("left", "v7", "10.0.7.1/24");
	link_up("right", "w7", "10.0.7.2/24");
	run();
	lana_stack_close(left);
	lana_stack_close(right);
	return bench_end();
}
