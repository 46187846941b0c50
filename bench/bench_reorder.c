// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_reorder - what order costs, and what it gains
 *
 *	  left             lab                                           right
 *	+------+    +-----------------------------------------------+    +------+
 *	|  l0  |----| west ─ fan ═ link 1, link 2 ═ marks ═ order ─ east |----|  r0  |
 *	+------+    +-----------------------------------------------+    +------+
 *
 * First: nanoseconds of a segment that comes in order, injected at west, at XDP, beside block
 * counter. Then: one TCP connection over two links of 50 Mbit/s, of which the second takes longer,
 * without order and with it in turn; and how many of its segments came out of order to right.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <lana/worker.h>

#include "bench.h"
#include "selftests/topology.h"

#define PORT   5001
#define ROOM   (1 << 20) /* of the sender, which fits into the links' queues: they lose nothing */
#define ROUNDS (bench_quick() ? 1 : 3)

static struct lana_stack *stack;

/* ---- the kernel half ------------------------------------------------------------------------- */

/* ns a frame that leads from west to these blocks, of which the last drops it */
static double inject(void)
{
	static unsigned char frame[1514];
	struct iphdr *ip = (void *)(frame + ETH_HLEN);
	struct xdp_md context = { .data_end = sizeof(frame),
				  .ingress_ifindex = topology_ifindex("lab", "west") };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1 << 14,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	int home = topology_enter("lab"), program = bench_attached("lab:west");
	double least = INFINITY;

	frame[12] = 8;
	*ip = (struct iphdr){ .version = 4,
			      .ihl = 5,
			      .tot_len = htons(sizeof(frame) - ETH_HLEN),
			      .protocol = IPPROTO_TCP,
			      .saddr = 1,
			      .daddr = 2 };
	*(struct tcphdr *)(ip + 1) = (struct tcphdr){ .doff = 5, .source = 1, .dest = 2 };
	for (int round = 0; round < (bench_quick() ? 1 : 30); round++) {
		double begin = bench_cpu_time();

		bench_must(bpf_prog_test_run_opts(program, &options) ? -errno : 0, NULL,
			   "live frames");
		least = bench_min(least, (bench_cpu_time() - begin) * 1e9 / options.repeat);
	}
	topology_leave(home);
	return least;
}

static double inject_through(const char *type)
{
	const struct lana_hook_options hook = { .hook = LANA_HOOK_XDP };
	struct lana_error error = {};
	double ns;

	stack = bench_stack("lab");
	bench_must(lana_hook(stack, "west", &hook, &error), &error, "hook");
	bench_must(lana_type_load(stack, bench_type("advance"), &error), &error, "load");
	bench_add(stack, "advance", "advance");
	bench_add(stack, "b", type);
	bench_add(stack, "end", "drop");
	bench_bind(stack, "end", "b", NULL, true);
	bench_bind(stack, "b", "advance", NULL, true);
	bench_bind(stack, "advance", "west", NULL, true);
	bench_must(lana_stack_fuse(stack, true, &error), &error, "fuse");
	ns = inject();
	lana_stack_flush(stack, NULL);
	lana_stack_close(stack);
	return ns;
}

static void bench_kernel(void)
{
	static const struct bench_column columns[] = { { "block", -10, 0 }, { "ns", 6, 1 } };
	static const char *const types[] = { "forward", "counter", "reorder" };

	bench_table("kernel", "ns a segment in order, with the frame and what makes it", columns,
		    LENGTH(columns));
	for (size_t i = 0; i < LENGTH(types); i++)
		bench_row(types[i], inject_through(types[i]));
}

/* ---- a connection ---------------------------------------------------------------------------- */

static void set(const char *block, const char *option)
{
	const char *const options[] = { option, NULL };
	struct lana_error error = {};

	bench_must(lana_block_set(stack, block, options, &error), &error, "%s", option);
}

static void add(const char *block, const char *type, const char *option)
{
	const char *const options[] = { option, NULL };
	struct lana_error error = {};

	bench_must(lana_block_add(stack, block, type, options, &error), &error, "%s", block);
}

static void open_paths(void)
{
	const struct lana_hook_options hook = { .hook = LANA_HOOK_TC };
	struct lana_error error = {};

	stack = bench_stack("lab");
	bench_must(lana_hook(stack, "west", &hook, &error), &error, "hook");
	bench_must(lana_hook(stack, "east", &hook, &error), &error, "hook");
	add("fan", "fanout", "mode=round-robin");
	add("order", "reorder", NULL);
	for (int i = 1; i <= 2; i++) {
		char name[16], mark[16], value[16], port[16];

		snprintf(name, sizeof(name), "k%d", i);
		snprintf(mark, sizeof(mark), "m%d", i);
		snprintf(value, sizeof(value), "value=%d", i);
		snprintf(port, sizeof(port), "%d", i - 1);
		add(name, "link", "rate=50mbit");
		set(name, "limit=4mb");
		add(mark, "mark", value);
		bench_bind(stack, name, "fan", port, true);
		bench_bind(stack, mark, name, NULL, true);
		bench_bind(stack, "order", mark, NULL, true);
	}
	bench_bind(stack, "fan", "west", NULL, true);
	bench_bind(stack, "east", "order", NULL, true);
	bench_bind(stack, "west", "east", NULL, true);
}

static bool stopping;

static void *run_worker(void *cookie)
{
	struct lana_error error = {};

	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED))
		bench_must(lana_worker_run(cookie, 10, &error), &error, "worker");
	return NULL;
}

static int open_socket(const char *netns)
{
	int home = topology_enter(netns), fd = socket(AF_INET, SOCK_STREAM, 0);

	topology_leave(home);
	bench_must(fd < 0 ? -errno : 0, NULL, "socket");
	return fd;
}

static void *send_all(void *cookie)
{
	static const char bytes[1 << 16];

	while (send(*(int *)cookie, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

struct result {
	double mbits, disorder; /* segments out of order, of a million bytes */
};

static struct result transfer(const char *congestion, double seconds)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	const struct timeval patience = { .tv_usec = 100000 };
	int listener = open_socket("right"), from = open_socket("left"), to, one = 1, room = ROOM;
	struct tcp_info info = {};
	socklen_t size = sizeof(info);
	static char bytes[1 << 18];
	double begin, bytes_got = 0;
	pthread_t sender;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bench_must(bind(listener, (void *)&address, sizeof(address)) || listen(listener, 1) ? -errno
											    : 0,
		   NULL, "listen");
	setsockopt(from, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	inet_pton(AF_INET, "10.0.0.2", &address.sin_addr);
	bench_must(setsockopt(from, IPPROTO_TCP, TCP_CONGESTION, congestion, strlen(congestion))
			   ? -errno
			   : 0,
		   NULL, "%s", congestion);
	bench_must(connect(from, (void *)&address, sizeof(address)) ? -errno : 0, NULL, "connect");
	to = accept(listener, NULL, NULL);
	bench_must(to < 0 ? -errno : 0, NULL, "accept");
	setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	bench_must(-pthread_create(&sender, NULL, send_all, &from), NULL, "thread");
	for (begin = bench_now(); bench_now() - begin < seconds;) {
		ssize_t got = recv(to, bytes, sizeof(bytes), 0);

		bytes_got += got > 0 ? got : 0;
	}
	getsockopt(to, IPPROTO_TCP, TCP_INFO, &info, &size);
	shutdown(from, SHUT_RDWR);
	pthread_join(sender, NULL);
	close(from);
	close(to);
	close(listener);
	return (struct result){ bytes_got * 8e-6 / seconds,
				info.tcpi_rcv_ooopack * 1e6 / bytes_got };
}

/* In turn; each the median. */
static void compare(const char *congestion, double seconds, struct result *off, struct result *on)
{
	double mbits[2][3], disorder[2][3];

	for (int round = 0; round < ROUNDS; round++)
		for (int is_on = 0; is_on < 2; is_on++) {
			struct result result;

			set("order", is_on ? "order=on" : "order=off");
			result = transfer(congestion, seconds);
			mbits[is_on][round] = result.mbits;
			disorder[is_on][round] = result.disorder;
		}
	*off = (struct result){ bench_quantile(mbits[0], ROUNDS, 0.5),
				bench_quantile(disorder[0], ROUNDS, 0.5) };
	*on = (struct result){ bench_quantile(mbits[1], ROUNDS, 0.5),
			       bench_quantile(disorder[1], ROUNDS, 0.5) };
}

static void bench_tcp(void)
{
	static const struct bench_column columns[] = {
		{ "congestion", -10, 0 }, { "apart_ms", 8, 0 }, { "off_mbit", 8, 1 },
		{ "on_mbit", 8, 1 },	  { "ratio", 7, 2 },	{ "off_ooo", 8, 1 },
		{ "on_ooo", 8, 1 },
	};
	static const char *const congestions[] = { "cubic", "reno" };
	static const double apart[] = { 0, 1, 5, 10, 20, 50 };
	const double seconds = bench_quick() ? 0.3 : 2;
	double least = INFINITY, gain = INFINITY;

	bench_table("tcp", "Mbit/s, and segments out of order a million bytes, by order=off and on",
		    columns, LENGTH(columns));
	for (size_t c = 0; c < LENGTH(congestions); c++)
		for (size_t i = 0; i < LENGTH(apart); i++) {
			struct result off, on;
			char delay[32];

			set("k1", "delay=5ms");
			snprintf(delay, sizeof(delay), "delay=%gms", 5 + apart[i]);
			set("k2", delay);
			compare(congestions[c], seconds, &off, &on);
			bench_row(congestions[c], apart[i], off.mbits, on.mbits,
				  on.mbits / off.mbits, off.disorder, on.disorder);
			least = bench_min(least, on.mbits / off.mbits);
			if (!strcmp(congestions[c], "reno") && apart[i] > 0)
				gain = bench_min(gain, on.mbits / off.mbits);
		}
	bench_goal("with order / without, at worst", least, 0.97, true);
	bench_goal("the same with reno and paths that differ", gain, 1, true);
}

int main(void)
{
	const struct lana_worker_options options = {};
	struct lana_worker *worker = NULL;
	struct lana_error error = {};
	pthread_t thread;

	bench_begin("reorder");
	topology_netns("left");
	topology_netns("lab");
	topology_netns("right");
	topology_veth("left", "l0", "lab", "west");
	topology_veth("lab", "east", "right", "r0");
	topology_address("left", "l0", "10.0.0.1/24");
	topology_address("right", "r0", "10.0.0.2/24");
	bench_kernel();

	open_paths();
	bench_must(lana_worker_open(stack, &options, &worker, &error), &error, "worker");
	bench_must(-pthread_create(&thread, NULL, run_worker, worker), NULL, "thread");
	bench_tcp();
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	lana_worker_close(worker);
	lana_stack_flush(stack, NULL);
	lana_stack_close(stack);
	return bench_end();
}
