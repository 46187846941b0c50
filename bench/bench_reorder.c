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
 * Arguments: the tables to make, of kernel, tcp and loss.
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
#define ROOM   (1 << 20) /* of the receiver: no more is on its way, so that links lose nothing */
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
	set("fan", "weights=500,500"); /* of earliest: 50 Mbit/s */
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

static void *send_all(void *cookie)
{
	static const char bytes[1 << 16];

	while (send(*(int *)cookie, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

struct result {
	double mbits;
	double disorder, again; /* of a million bytes: segments out of order, and sent again */
};

/* Bytes that come in that time. */
static double receive(int fd, double seconds)
{
	static char bytes[1 << 18];
	double begin = bench_now(), sum = 0;

	while (bench_now() - begin < seconds) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

		sum += got > 0 ? got : 0;
	}
	return sum;
}

struct seen {
	double disorder, again; /* segments, so far */
};

static void look(int from, int to, struct seen *seen)
{
	struct tcp_info info = {};
	socklen_t size = sizeof(info);

	getsockopt(to, IPPROTO_TCP, TCP_INFO, &info, &size);
	seen->disorder = info.tcpi_rcv_ooopack;
	getsockopt(from, IPPROTO_TCP, TCP_INFO, &info, &size);
	seen->again = info.tcpi_total_retrans;
}

/* After a second, in which it has begun. */
static struct result transfer(const char *congestion, double seconds)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	const struct timeval patience = { .tv_usec = 100000 };
	int listener = topology_socket("right", AF_INET, SOCK_STREAM, 0);
	int from = topology_socket("left", AF_INET, SOCK_STREAM, 0), to, one = 1, room = ROOM;
	struct seen before, after;
	double bytes_got;
	pthread_t sender;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bench_must(setsockopt(listener, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ? -errno
											 : 0,
		   NULL, "SO_RCVBUFFORCE");
	bench_must(bind(listener, (void *)&address, sizeof(address)) || listen(listener, 1) ? -errno
											    : 0,
		   NULL, "listen");
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
	receive(to, bench_quick() ? 0.1 : 1);
	look(from, to, &before);
	bytes_got = receive(to, seconds);
	look(from, to, &after);
	shutdown(from, SHUT_RDWR);
	pthread_join(sender, NULL);
	close(from);
	close(to);
	close(listener);
	return (struct result){ bytes_got * 8e-6 / seconds,
				(after.disorder - before.disorder) * 1e6 / bytes_got,
				(after.again - before.again) * 1e6 / bytes_got };
}

/* In turn; each the median. */
static void compare(const char *congestion, double seconds, struct result *off, struct result *on)
{
	double mbits[2][3], disorder[2][3], again[2][3];

	for (int round = 0; round < ROUNDS; round++)
		for (int is_on = 0; is_on < 2; is_on++) {
			struct result result;

			set("order", is_on ? "order=on" : "order=off");
			result = transfer(congestion, seconds);
			mbits[is_on][round] = result.mbits;
			disorder[is_on][round] = result.disorder;
			again[is_on][round] = result.again;
		}
	*off = (struct result){ bench_quantile(mbits[0], ROUNDS, 0.5),
				bench_quantile(disorder[0], ROUNDS, 0.5),
				bench_quantile(again[0], ROUNDS, 0.5) };
	*on = (struct result){ bench_quantile(mbits[1], ROUNDS, 0.5),
			       bench_quantile(disorder[1], ROUNDS, 0.5),
			       bench_quantile(again[1], ROUNDS, 0.5) };
}

/* The worst of what stands in a table. */
struct worst {
	double ratio, disorder; /* on / off */
};

static void row(struct worst *worst, const char *congestion, const char *name, double apart)
{
	const double seconds = bench_quick() ? 0.3 : 2;
	struct result off, on;
	char delay[32];

	set("k1", "delay=5ms");
	snprintf(delay, sizeof(delay), "delay=%gms", 5 + apart);
	set("k2", delay);
	snprintf(delay, sizeof(delay), "delays=500,%g", 500 + 100 * apart);
	set("fan", delay);
	compare(congestion, seconds, &off, &on);
	bench_row(congestion, name, apart, off.mbits, on.mbits, on.mbits / off.mbits, off.disorder,
		  on.disorder, off.again, on.again);
	worst->ratio = bench_min(worst->ratio, on.mbits / off.mbits);
	if (off.disorder > 100)
		worst->disorder = fmax(worst->disorder, on.disorder / off.disorder);
}

static const char *const congestions[] = { "cubic", "reno" };
static const struct bench_column columns[] = {
	{ "congestion", -10, 0 }, { "links", -10, 0 },	{ "apart_ms", 8, 0 }, { "off_mbit", 8, 1 },
	{ "on_mbit", 8, 1 },	  { "ratio", 7, 2 },	{ "off_ooo", 8, 1 },  { "on_ooo", 8, 1 },
	{ "off_again", 9, 1 },	  { "on_again", 9, 1 },
};

static void bench_tcp(void)
{
	static const double apart[] = { 0, 1, 5, 10, 20, 50 };
	struct worst worst = { .ratio = INFINITY };

	bench_table("tcp",
		    "by order=off and on: Mbit/s, and of a million bytes the segments out of order "
		    "and sent again",
		    columns, LENGTH(columns));
	for (size_t c = 0; c < LENGTH(congestions); c++)
		for (size_t i = 0; i < LENGTH(apart); i++)
			row(&worst, congestions[c], "lose none", apart[i]);
	bench_goal("with order / without, at worst", worst.ratio, 0.97, true);
	bench_goal("disorder with order / without, at worst", worst.disorder, 0.1, false);
}

/*
 * Packets are lost, by chance or as TCP fills queues of 25 ms until they overflow. Mode earliest
 * prefers the path that is faster while it has room.
 */
static void bench_loss(void)
{
	static const struct {
		const char *name, *mode, *set, *unset;
	} links[] = { { "loss 0.1%", "round-robin", "loss=0.1%", "loss=0" },
		      { "earliest", "earliest", "loss=0.1%", "loss=0" },
		      { "loss 1%", "round-robin", "loss=1%", "loss=0" },
		      { "earliest", "earliest", "loss=1%", "loss=0" },
		      { "overflow", "round-robin", "limit=160kb", "limit=4mb" } };
	static const double apart[] = { 0, 5, 20 };
	struct worst turns = { .ratio = INFINITY }, earliest = { .ratio = INFINITY };

	bench_table("loss", "the same where packets are lost", columns, LENGTH(columns));
	for (size_t l = 0; l < LENGTH(links); l++) {
		bool by_turns = !strcmp(links[l].mode, "round-robin");
		char mode[32];

		snprintf(mode, sizeof(mode), "mode=%s", links[l].mode);
		set("fan", mode);
		set("k1", links[l].set);
		set("k2", links[l].set);
		for (size_t c = 0; c < LENGTH(congestions); c++)
			for (size_t i = 0; i < LENGTH(apart); i++)
				row(by_turns ? &turns : &earliest, congestions[c], links[l].name,
				    apart[i]);
		set("k1", links[l].unset);
		set("k2", links[l].unset);
	}
	bench_goal("with order / without, at worst", turns.ratio, 0.97, true);
	bench_goal("the same by earliest", earliest.ratio, 0.97, true);
}

static const struct {
	const char *name;
	void (*run)(void);
} tables[] = { { "tcp", bench_tcp }, { "loss", bench_loss } };

int main(int argc, char **argv)
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
	if (bench_wanted(argc, argv, "kernel"))
		bench_kernel();

	open_paths();
	bench_must(lana_worker_open(stack, &options, &worker, &error), &error, "worker");
	bench_must(-pthread_create(&thread, NULL, run_worker, worker), NULL, "thread");
	for (size_t i = 0; i < LENGTH(tables); i++)
		if (bench_wanted(argc, argv, tables[i].name))
			tables[i].run();
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	lana_worker_close(worker);
	lana_stack_flush(stack, NULL);
	lana_stack_close(stack);
	return bench_end();
}
