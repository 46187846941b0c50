// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench.h"
#include "mptcp_lab.h"
#include "selftests/inspect.h"
#include "selftests/tap.h"
#include "selftests/topology.h"
#include "selftests/workers.h"

#define PORT 5001

static const char *const names[MPTCP_LAB_STACKS] = { "s", "r", "lab" };
static struct lana_stack *stacks[MPTCP_LAB_STACKS];
static pid_t workers[MPTCP_LAB_STACKS], watchers[2];

#define must(...) bench_must(topology_run(__VA_ARGS__), NULL, __VA_ARGS__)

/* ---- the network ---------------------------------------------------------------------------- */

static void make_end(const char *netns, const char *near, const char *far, int side)
{
	must("ip -n %s link add mp0 mtu 1464 type veth peer name mp0-peer", netns);
	must("ip -n %s link set mp0-peer addrgenmode none up", netns);
	must("ip -n %s link set mp0 arp off addrgenmode none up", netns);
	topology_address(netns, "mp0", near);
	must("ip -n %s route add %s dev mp0", netns, far);
	must("ip netns exec %s sysctl -qw net.ipv4.conf.mp0.forwarding=1 net.ipv4.fwmark_reflect=1 "
	     "net.ipv4.tcp_no_metrics_save=1 net.mptcp.enabled=1",
	     netns);
	must("ip -n %s link set mp0 gso_max_segs 1", netns);
	must("ip -n %s mptcp limits set subflows 8 add_addr_accepted 8", netns);
	for (int path = 1; path <= MPTCP_LAB_PATHS; path++)
		must("ip -n %s address add 10.%d.0.%d/24 dev w%d", netns, path, side, path);
}

static void write_links(FILE *file)
{
	fprintf(file, "hooks:\n");
	for (int path = 1; path <= MPTCP_LAB_PATHS; path++)
		fprintf(file, "  a%d: { hook: tc }\n  b%d: { hook: tc }\n", path, path);
	fprintf(file, "blocks:\n");
	for (int path = 1; path <= MPTCP_LAB_PATHS; path++)
		fprintf(file,
			"  there%d: { type: link, rate: 10mbit }\n  back%d: { type: link, rate: "
			"10mbit }\n",
			path, path);
	fprintf(file, "bind:\n");
	for (int path = 1; path <= MPTCP_LAB_PATHS; path++)
		fprintf(file, "  - a%d -> there%d -> b%d\n  - b%d -> back%d -> a%d\n", path, path,
			path, path, path, path);
}

static void open_stack(enum mptcp_lab_stack stack, const char *text)
{
	const struct lana_stack_options options = { .name = names[stack],
						    .bpffs = topology_bpffs(),
						    .netns = names[stack] };
	static const char *const blocks[] = { "order", "order", "there1" };
	struct lana_error error = {};
	char words[60];

	must("%s | %s -s %s -n %s apply - >/dev/null", text, inspect_lanactl(), names[stack],
	     names[stack]);
	bench_must(lana_stack_open(&options, &stacks[stack], &error), &error, "stack");
	snprintf(words, sizeof(words), "-n %s", names[stack]);
	workers[stack] = worker_start(stacks[stack], names[stack], NULL, blocks[stack]);
}

void mptcp_lab_begin(void)
{
	char path[200], words[300];
	FILE *file;

	for (size_t i = 0; i < MPTCP_LAB_STACKS; i++)
		topology_netns(names[i]);
	for (int i = 1; i <= MPTCP_LAB_PATHS; i++) {
		char near[8], a[8], b[8];

		snprintf(near, sizeof(near), "w%d", i);
		snprintf(a, sizeof(a), "a%d", i);
		snprintf(b, sizeof(b), "b%d", i);
		topology_veth("s", near, "lab", a);
		topology_veth("r", near, "lab", b);
	}
	make_end("s", "10.0.0.1/32", "10.0.0.2", 1);
	make_end("r", "10.0.0.2/32", "10.0.0.1", 2);
	snprintf(path, sizeof(path), "%s/links.yaml", topology_scratch());
	file = fopen(path, "we");
	bench_must(file ? 0 : -errno, NULL, "%s", path);
	write_links(file);
	fclose(file);
	snprintf(words, sizeof(words), "cat %s", path);
	open_stack(MPTCP_LAB_LINKS, words);
	/* No proxies: each tunnel leads to the other end, and what is in none is MPTCP's. */
	open_stack(MPTCP_LAB_SENDER, "sed 's/unwrap.other. -> order/unwrap[other] -> kernel/' "
				     "examples/multipath-sender.yaml");
	open_stack(MPTCP_LAB_RECEIVER, "sed 's/unwrap.other. -> order/unwrap[other] -> kernel/; "
				       "s/10\\.\\(.\\)\\.1\\.1, dst: 10\\..\\.1\\.2/"
				       "10.\\1.0.2, dst: 10.\\1.0.1/' "
				       "examples/multipath-receiver.yaml");
}

void mptcp_lab_end(void)
{
	for (size_t i = 0; i < MPTCP_LAB_STACKS; i++) {
		worker_end(workers[i], SIGTERM);
		lana_stack_flush(stacks[i], NULL);
		lana_stack_close(stacks[i]);
	}
}

void mptcp_lab_set(enum mptcp_lab_stack stack, const char *block, const char *format, ...)
{
	struct lana_error error = {};
	char text[200];
	const char *const options[] = { text, NULL };
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	bench_must(lana_block_set(stacks[stack], block, options, &error), &error, "%s", text);
}

void mptcp_lab_link(unsigned int path, const char *option)
{
	char name[16];

	snprintf(name, sizeof(name), "there%u", path);
	mptcp_lab_set(MPTCP_LAB_LINKS, name, "%s", option);
	snprintf(name, sizeof(name), "back%u", path);
	mptcp_lab_set(MPTCP_LAB_LINKS, name, "%s", option);
}

void mptcp_lab_use(unsigned int count)
{
	static const char *const weights[] = { "0",	   "95",	  "95,95",
					       "95,95,95", "95,95,95,95", "95,95,95,95,95" };

	for (int i = 0; i < 2; i++) {
		mptcp_lab_set(i, "spread", "weights=%s", weights[count]);
		mptcp_lab_set(i, "flows", "weights=%s", weights[count]);
		mptcp_lab_set(i, "spread", "down=0");
		mptcp_lab_set(i, "flows", "down=0");
	}
	must("ip -n r mptcp endpoint flush");
	for (unsigned int path = 2; path <= count; path++)
		must("ip -n r mptcp endpoint add 10.%u.0.2 dev w%u signal", path, path);
}

uint64_t mptcp_lab_late(void)
{
	struct lana_link_info *links;
	struct lana_error error = {};
	uint64_t late = 0;
	size_t count;

	bench_must(lana_link_list(stacks[MPTCP_LAB_LINKS], NULL, &links, &count, &error), &error,
		   "links");
	for (size_t i = 0; i < count; i++)
		late += links[i].status.report.late;
	free(links);
	return late;
}

/* ---- who watches ----------------------------------------------------------------------------- */

static void exec_watcher(int end, bool adapt)
{
	static const char *const far[] = { "10.0.0.2", "10.0.0.1" };
	char path[100];

	snprintf(path, sizeof(path), "%s/said.%s", topology_scratch(), names[end]);
	if (!freopen(path, "w", stdout))
		_exit(127);
	execl(inspect_lanactl(), "lanactl", "-s", names[end], "-n", names[end], "paths", far[end],
	      "spread", "flows", adapt ? "adapt" : NULL, NULL);
	_exit(127);
}

static void watch(bool adapt)
{
	for (int end = 0; end < 2; end++) {
		watchers[end] = tap_fork();
		if (!watchers[end])
			exec_watcher(end, adapt);
	}
	/* It knows the paths when it says its first word. */
	must("until test -s %s/said.s -a -s %s/said.r; do sleep 0.05; done", topology_scratch(),
	     topology_scratch());
}

static void unwatch(void)
{
	for (int end = 0; end < 2; end++) {
		kill(watchers[end], SIGTERM);
		waitpid(watchers[end], NULL, 0);
	}
	must("rm %s/said.s %s/said.r", topology_scratch(), topology_scratch());
}

/* ---- a connection --------------------------------------------------------------------------- */

static int open_socket(const struct mptcp_flow *flow, const char *netns)
{
	int fd = topology_socket(netns, AF_INET, SOCK_STREAM, flow->mptcp ? IPPROTO_MPTCP : 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bench_must(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, flow->congestion,
			      strlen(flow->congestion))
			   ? -errno
			   : 0,
		   NULL, "%s", flow->congestion);
	return fd;
}

static void *send_all(void *cookie)
{
	static const char bytes[1 << 16];

	while (send(*(int *)cookie, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

struct acts {
	const struct mptcp_flow *flow;
	double begun;
};

static void *act_all(void *cookie)
{
	const struct acts *acts = cookie;

	for (size_t i = 0; i < LENGTH(acts->flow->events); i++) {
		const struct mptcp_event *event = &acts->flow->events[i];
		double left = acts->begun + event->at - bench_now();

		if (!event->act)
			break;
		if (left > 0)
			usleep(left * 1e6);
		event->act();
	}
	return NULL;
}

static void receive(int fd, double begun, double seconds, struct mptcp_record *record)
{
	static char bytes[1 << 18];
	size_t ms = 0, end = seconds * 1000;
	uint64_t sum = 0;

	while (ms < end) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		ssize_t got = 0;
		size_t now;

		poll(&ready, 1, 5);
		if (ready.revents)
			got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		now = (bench_now() - begun) * 1000;
		for (; ms < now && ms < end; ms++)
			record->bytes[ms] = sum;
		sum += got > 0 ? got : 0;
	}
}

void mptcp_lab_run(const struct mptcp_flow *flow, struct mptcp_record *record)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int listener = open_socket(flow, "r"), from = open_socket(flow, "s"), to;
	const struct linger abort = { .l_onoff = 1 };
	struct acts acts = { .flow = flow };
	struct tcp_info info = {};
	socklen_t size = sizeof(info);
	pthread_t sender, actor;

	memset(record, 0, sizeof(*record));
	if (!flow->mptcp)
		watch(flow->adapt);
	bench_must(bind(listener, (void *)&address, sizeof(address)) || listen(listener, 1) ? -errno
											    : 0,
		   NULL, "listen");
	inet_pton(AF_INET, flow->mptcp ? "10.1.0.2" : "10.0.0.2", &address.sin_addr);
	bench_must(connect(from, (void *)&address, sizeof(address)) ? -errno : 0, NULL, "connect");
	to = accept(listener, NULL, NULL);
	bench_must(to < 0 ? -errno : 0, NULL, "accept");
	acts.begun = bench_now();
	bench_must(-pthread_create(&sender, NULL, send_all, &from), NULL, "thread");
	bench_must(-pthread_create(&actor, NULL, act_all, &acts), NULL, "thread");
	receive(to, acts.begun, flow->seconds, record);
	getsockopt(from, IPPROTO_TCP, TCP_INFO, &info, &size);
	record->retransmits = info.tcpi_total_retrans;
	shutdown(from, SHUT_RDWR);
	pthread_join(sender, NULL);
	pthread_join(actor, NULL);
	setsockopt(from, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	close(from);
	close(to);
	close(listener);
	if (!flow->mptcp)
		unwatch();
	usleep(300000); /* what is on its way arrives */
}

double mptcp_record_rate(const struct mptcp_record *record, double from, double to)
{
	size_t first = from * 1000, last = to * 1000 - 1;

	return (record->bytes[last] - record->bytes[first]) * 8e-6 / (to - from);
}

double mptcp_record_silence(const struct mptcp_record *record, double from, double to)
{
	size_t since = from * 1000, longest = 0;

	for (size_t ms = since + 1; ms < to * 1000; ms++)
		if (record->bytes[ms] != record->bytes[ms - 1]) {
			longest = ms - since > longest ? ms - since : longest;
			since = ms;
		}
	if (to * 1000 - since > longest)
		longest = to * 1000 - since;
	return longest / 1e3;
}
