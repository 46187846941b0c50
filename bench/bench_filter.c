// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_filter - what a filter block costs, beside the same by hand, and on a packet socket
 *
 *	in0  root → filter "tcp port 80" ─ match ─► counter ─► drop
 *				         └ other ─────────────► drop
 *	in1  the same in one program by hand; or no program, and a packet socket with the filter
 *
 * Times are of attached programs, run by BPF_PROG_TEST_RUN in turns; of each the best run counts.
 * Rates are of frames sent into the veths at full speed, which the filter does not take, or takes;
 * nobody reads from the socket.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "bench.h"
#include "fused.h"
#include "rate.h"
#include "selftests/topology.h"
#include "selftests/traffic.h"

#define RUN_SECONDS 0.003
#define ROUNDS	    (bench_quick() ? 10 : 100)
#define RUNS_MAX    7
#define RUNS	    (bench_quick() ? 1 : RUNS_MAX)
#define WINDOW_MS   (bench_quick() ? 10 : 30)

#define HTTP	    "tcp port 80"
#define LONG                                                                           \
	"(tcp port 80 or tcp port 443 or udp port 53 or icmp) and (net 10.0.0.0/8 or " \
	"net 192.168.0.0/16 or net 172.16.0.0/12) and not host 10.0.0.9 and greater 60"

/* ---- times -------------------------------------------------------------------------------- */

struct frame {
	const char *name;
	unsigned char bytes[80];
};

/* From 10.0.0.1 to 10.0.0.2, or the same in IPv6; from port 1000. */
static const struct frame frames[] = {
	{ "TCP, port 80",
	  { [12] = 8,
	    [14] = 0x45,
	    [22] = 64,
	    [23] = 6,
	    [26] = 10,
	    [29] = 1,
	    [30] = 10,
	    [33] = 2,
	    [34] = 3,
	    [35] = 0xe8,
	    [37] = 80 } },
	{ "TCP, port 81",
	  { [12] = 8,
	    [14] = 0x45,
	    [22] = 64,
	    [23] = 6,
	    [26] = 10,
	    [29] = 1,
	    [30] = 10,
	    [33] = 2,
	    [34] = 3,
	    [35] = 0xe8,
	    [37] = 81 } },
	{ "UDP, port 53",
	  { [12] = 8,
	    [14] = 0x45,
	    [22] = 64,
	    [23] = 17,
	    [26] = 10,
	    [29] = 1,
	    [30] = 10,
	    [33] = 2,
	    [34] = 3,
	    [35] = 0xe8,
	    [37] = 53 } },
	{ "TCP in IPv6, port 80",
	  { [12] = 0x86, [13] = 0xdd, [14] = 0x60, [20] = 6, [54] = 3, [55] = 0xe8, [57] = 80 } },
	{ "ARP", { [12] = 8, [13] = 6 } },
};

/* ns a packet */
static double run(int program, const struct frame *frame, double guess)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = sizeof(frame->bytes), .repeat = RUN_SECONDS * 1e9 / guess);
	double begin = bench_cpu_time();

	bench_must(bpf_prog_test_run_opts(program, &options) ? -errno : 0, NULL, "test run");
	bench_must(options.retval == XDP_DROP ? 0 : -EINVAL, NULL, "the packet is not dropped");
	return (bench_cpu_time() - begin) * 1e9 / options.repeat;
}

enum kind { LANA, HAND, DROP, KINDS };

static double best[KINDS][LENGTH(frames)];

static void run_all(int program, enum kind kind)
{
	for (size_t i = 0; i < LENGTH(frames); i++) {
		double *least = &best[kind][i];

		*least = bench_min(*least, run(program, &frames[i], isinf(*least) ? 60 : *least));
	}
}

static void set_filter(struct fused *fused, const char *expression)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "hooks: { in0: }\n"
		 "blocks:\n"
		 "  pick: { type: filter, expr: '%s' }\n"
		 "  hits: counter\n"
		 "  end: drop\n"
		 "bind:\n"
		 "  - in0 -> pick -> hits -> end\n"
		 "  - pick[other] -> end\n",
		 expression);
	fused_apply(fused, text);
}

static void set_drop(struct fused *fused)
{
	fused_apply(fused, "hooks: { in0: }\nblocks: { end: drop }\nbind: [ in0 -> end ]\n");
}

/* In turns, so that all had the same disturbances. */
static void measure_times(struct fused *fused, const char *expression)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < LENGTH(frames); i++)
			best[kind][i] = INFINITY;
	for (int turn = 0; turn < 4; turn++) {
		int hand = fused_hand(fused, "http");

		set_filter(fused, expression);
		for (int round = 0; round < ROUNDS / 4; round++) {
			run_all(fused_root(fused), LANA);
			run_all(hand, HAND);
		}
		set_drop(fused);
		for (int round = 0; round < ROUNDS / 4; round++)
			run_all(fused_root(fused), DROP);
	}
}

static const struct bench_column time_columns[] = {
	{ "packet", -22, 0 }, { "lana", 6, 1 }, { "by_hand", 8, 1 },
	{ "ratio", 6, 2 },    { "drop", 6, 1 }, { "long", 6, 1 },
};

static void bench_times(struct fused *fused)
{
	double longer[LENGTH(frames)], worst = 0, net;

	measure_times(fused, LONG);
	memcpy(longer, best[LANA], sizeof(longer));
	measure_times(fused, HTTP);
	bench_table("times",
		    "ns a packet with \"" HTTP "\", the measurement's own included; a stack that "
		    "drops; a long expression",
		    time_columns, LENGTH(time_columns));
	for (size_t i = 0; i < LENGTH(frames); i++) {
		double ratio = best[LANA][i] / best[HAND][i];

		bench_row(frames[i].name, best[LANA][i], best[HAND][i], ratio, best[DROP][i],
			  longer[i]);
		worst = bench_max(worst, ratio);
	}
	net = (best[LANA][0] - best[DROP][0]) / (best[HAND][0] - best[DROP][0]);
	bench_goal("\"" HTTP "\": block / by hand", worst, 1.3, false);
	bench_goal("... of a packet that matches, less the stack that drops", net, 1.3, false);
}

/* ---- rates -------------------------------------------------------------------------------- */

/* A packet socket on in1 that has the filter, and that nobody reads from. */
static int open_socket(const char *expression)
{
	struct lana_filter_program program;
	struct sock_fprog filter = { .filter = (struct sock_filter *)program.insns };
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = topology_ifindex("lana", "in1") };
	struct lana_error error = {};
	int home, fd;

	bench_must(lana_filter_compile(LANA_FILTER_EXPR, expression, &program, &error), &error,
		   "filter");
	filter.len = program.count;
	home = topology_enter("lana");
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	bench_must(fd < 0 ? -errno : 0, NULL, "packet socket");
	bench_must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ? -errno
											 : 0,
		   NULL, "filter of a packet socket");
	bench_must(bind(fd, (void *)&address, sizeof(address)) ? -errno : 0, NULL, "bind");
	topology_leave(home);
	return fd;
}

/* What the socket's filter has let through, drops for want of room included. */
static unsigned int let_through(int socket)
{
	struct tpacket_stats stats = {};
	socklen_t size = sizeof(stats);

	bench_must(getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &stats, &size) ? -errno : 0,
		   NULL, "statistics");
	return stats.tp_packets;
}

static const struct bench_column rate_columns[] = {
	{ "filter", -14, 0 },
	{ "lana", 8, 2 },
	{ "socket", 8, 2 },
	{ "ratio", 6, 2 },
};

/* Frames are of UDP to port 9. */
static double rate_row(struct fused *fused, struct traffic *lana, struct traffic *kernel,
		       const char *expression, bool takes)
{
	double ours[RUNS_MAX], theirs[RUNS_MAX], a, b;

	set_filter(fused, expression);
	for (int i = 0; i < RUNS; i++) {
		int socket = open_socket(expression);

		ours[i] = rate_window(lana, WINDOW_MS);
		theirs[i] = rate_window(kernel, WINDOW_MS);
		bench_must(!let_through(socket) == takes ? -EINVAL : 0, NULL,
			   "the socket's filter");
		close(socket);
	}
	a = bench_quantile(ours, RUNS, 0.5) / 1e6;
	b = bench_quantile(theirs, RUNS, 0.5) / 1e6;
	bench_row(expression, a, b, a / b);
	return a / b;
}

static void bench_rates(struct fused *fused)
{
	struct traffic_options options = { .pin = true, .cpu = BENCH_CPU_TRAFFIC };
	struct traffic *lana, *kernel;
	double least;

	fused_no_hand(fused);
	topology_offload("lana", "in1", "gro", true);
	options.send = "gen:out0";
	bench_must(traffic_open(&options, &lana), NULL, "traffic");
	options.send = "gen:out1";
	bench_must(traffic_open(&options, &kernel), NULL, "traffic");
	bench_table("rates", "Mpps through a veth, 64 bytes: filter block, packet socket",
		    rate_columns, LENGTH(rate_columns));
	least = rate_row(fused, lana, kernel, HTTP, false);
	least = bench_min(least, rate_row(fused, lana, kernel, "udp port 9", true));
	bench_goal("filter block / the same filter on a packet socket", least, 3, true);
	traffic_close(lana);
	traffic_close(kernel);
}

int main(void)
{
	struct fused *fused;

	bench_begin("filter");
	bench_pin(BENCH_CPU_TRAFFIC);
	fused = fused_open();
	bench_times(fused);
	bench_pin(BENCH_CPU_CHANGE);
	bench_rates(fused);
	fused_close(fused);
	return bench_end();
}
