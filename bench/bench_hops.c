// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_hops - TCP through 1 to 30 routers in a row: throughput, and CPU time a gigabyte
 *
 *	a -- r1 -- r2 -- ... -- r30 -- z     lanactl topo
 *	     |     |            |
 *	     b1    b2           b30          from a to bN are N hops
 *
 * The routers are the kernel, or a stack of lana's (route by the kernel's tables, ttl, transmit and
 * what a router answers) in each of them, at tc or at XDP. XDP takes other offloads at the ends:
 * checksums are finished by the sender, and so there are no super-segments; beside it is the kernel
 * with the same ends.
 *
 * A run is one connection of half a second. CPU time is that of both ends and of ksoftirqd: packets
 * are forwarded in softirqs, which run on account of who sent them, or in ksoftirqd. What runs on
 * account of other programs is missed, and is little on a machine that is left alone.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench.h"
#include "selftests/topology.h"

#define ROUTERS	    30
#define RUNS_MAX    5
#define RUNS	    (bench_quick() ? 1 : RUNS_MAX)
#define SECONDS	    (bench_quick() ? 0.2 : 0.5)
#define CHUNK	    (256 << 10) /* bytes */
#define PORT	    5201
#define SOFTIRQ_MAX 64 /* threads */

/* %1$s is the hook. */
static const char stack_file[] = "hooks:\n"
				 "  west: { hook: %1$s }\n"
				 "  east: { hook: %1$s }\n"
				 "  host: { hook: %1$s }\n"
				 "blocks:\n"
				 "  route: { type: route, mode: kernel }\n"
				 "  hops: ttl\n"
				 "  out: transmit\n"
				 "  kernel: pass\n"
				 "  expired: { type: icmp_error, kind: expired }\n"
				 "  unreachable: { type: icmp_error, kind: host }\n"
				 "bind:\n"
				 "  - west -> route -> hops -> out\n"
				 "  - east -> route\n"
				 "  - host -> route\n"
				 "  - route[local] -> kernel\n"
				 "  - route[up] -> kernel\n"
				 "  - route[big] -> kernel\n"
				 "  - route[none] -> unreachable\n"
				 "  - hops[dead] -> expired\n"
				 "  - out <- route <- expired\n"
				 "  - route <- unreachable\n";

enum way { KERNEL, TC, KERNEL_FINISHED, XDP, WAYS };

static const struct {
	const char *title, *network, *hook;
	bool finished; /* checksums, by the ends */
	enum way beside;
} ways[WAYS] = {
	[KERNEL] = { "kernel", "kernel", NULL, false, KERNEL },
	[TC] = { "lana at tc", "tc", "tc", false, KERNEL },
	[KERNEL_FINISHED] = { "kernel, tx off", "kernel", NULL, true, KERNEL_FINISHED },
	[XDP] = { "lana at XDP, tx off", "xdp", "xdp", true, KERNEL_FINISHED },
};

static const unsigned int hops[] = { 1, 2, 5, 10, 20, 30 };

struct figures {
	double rate[RUNS_MAX], cpu[RUNS_MAX]; /* bits a second; seconds a GB */
};

/* ---- the network ----------------------------------------------------------------------------- */

static FILE *create(const char *name)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.yaml", topology_scratch(), name);
	file = fopen(path, "we");
	bench_must(file ? 0 : -errno, NULL, "%s", path);
	return file;
}

/* Links are numbered in their order: that to bN is 10.0.(ROUTERS + N).0/24, where bN is 2. */
static void write_network(enum way way)
{
	FILE *file = create(ways[way].network);

	fprintf(file, "routing: shortest\naddressing: { ipv6: none }\nnodes:\n  a:\n  z:\n");
	for (int i = 1; i <= ROUTERS; i++)
		fprintf(file, "  b%d:\n  r%d: { forwarding: true%s }\n", i, i,
			ways[way].hook ? ", stack: stack.yaml" : "");
	fprintf(file, "links:\n  - a -- r1:west\n");
	for (int i = 1; i < ROUTERS; i++)
		fprintf(file, "  - r%d:east -- r%d:west\n", i, i + 1);
	fprintf(file, "  - r%d:east -- z\n", ROUTERS);
	for (int i = 1; i <= ROUTERS; i++)
		fprintf(file, "  - r%d:host -- b%d\n", i, i);
	fclose(file);
	if (!ways[way].hook)
		return;
	file = create("stack");
	fprintf(file, stack_file, ways[way].hook);
	fclose(file);
}

static void lanactl(const char *words)
{
	const char *build = getenv("LANA_BUILD") ?: "build";

	bench_must(topology_run("%s/lanactl %s >/dev/null", build, words), NULL, "%s", words);
}

static void up(enum way way)
{
	char words[400];

	write_network(way);
	snprintf(words, sizeof(words), "topo up %s/%s.yaml", topology_scratch(), ways[way].network);
	lanactl(words);
}

static void down(enum way way)
{
	char words[100];

	snprintf(words, sizeof(words), "topo down %s", ways[way].network);
	lanactl(words);
}

static void finish_checksums(enum way way)
{
	char node[60];

	for (size_t i = 0; i <= LENGTH(hops); i++) {
		if (i == LENGTH(hops))
			snprintf(node, sizeof(node), "%s.a", ways[way].network);
		else
			snprintf(node, sizeof(node), "%s.b%u", ways[way].network, hops[i]);
		topology_offload(node, "eth0", "tx", false);
		/* What XDP redirects into a veth is taken there by its NAPI only. */
		topology_offload(node, "eth0", "gro", true);
	}
}

/* ---- a run ----------------------------------------------------------------------------------- */

static double own_cpu_time(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Of all threads of ksoftirqd, by the scheduler's clock. */
static double softirq_time(void)
{
	static int pids[SOFTIRQ_MAX], count = -1;
	char path[60], name[20];
	double sum = 0, ns;
	FILE *file;

	if (count < 0) {
		struct dirent *entry;
		DIR *dir = opendir("/proc");

		for (count = 0; dir && (entry = readdir(dir)) && count < SOFTIRQ_MAX;) {
			if (!isdigit((unsigned char)entry->d_name[0]))
				continue;
			snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
			file = fopen(path, "re");
			if (file && fgets(name, sizeof(name), file) &&
			    !strncmp(name, "ksoftirqd/", 10))
				pids[count++] = atoi(entry->d_name);
			if (file)
				fclose(file);
		}
		if (dir)
			closedir(dir);
	}
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/schedstat", pids[i]);
		file = fopen(path, "re");
		if (file && fscanf(file, "%lf", &ns) == 1)
			sum += ns / 1e9;
		if (file)
			fclose(file);
	}
	return sum;
}

static char chunk[CHUNK];

static struct sockaddr_in target(unsigned int hop_count)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(PORT),
				     .sin_addr.s_addr =
					     htonl(0x0a000002 | (ROUTERS + hop_count) << 8) };
}

/* Bytes and seconds from the first of them to the last. */
static void receive(int listener, int result)
{
	double sums[2] = {}, begin = 0;
	int fd = accept(listener, NULL, NULL);
	ssize_t size;

	bench_must(fd < 0 ? -errno : 0, NULL, "accept");
	bench_pin(BENCH_CPU_TRAFFIC);
	while ((size = recv(fd, chunk, CHUNK, 0)) > 0) {
		begin = begin ?: bench_now();
		sums[0] += size;
		sums[1] = bench_now() - begin;
	}
	_exit(write(result, sums, sizeof(sums)) != sizeof(sums));
}

static void send_for(int fd, double seconds)
{
	double end = bench_now() + seconds;

	bench_pin(BENCH_CPU_CHANGE);
	while (bench_now() < end && send(fd, chunk, CHUNK, MSG_NOSIGNAL) > 0)
		;
	shutdown(fd, SHUT_WR);
	recv(fd, chunk, 1, 0); /* until the other end has all of it, and has closed */
	_exit(0);
}

static int socket_in(const char *network, const char *node)
{
	struct timeval patience = { .tv_sec = 5 };
	char name[60];
	int home, fd;

	snprintf(name, sizeof(name), "%s.%s", network, node);
	home = topology_enter(name);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	topology_leave(home);
	bench_must(fd < 0 ? -errno : 0, NULL, "socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	return fd;
}

static void run(enum way way, unsigned int hop_count, double *rate, double *cpu)
{
	struct sockaddr_in address = target(hop_count);
	double sums[2] = {}, before;
	int listener, sender, ends[2];
	char node[20];
	pid_t pids[2];

	snprintf(node, sizeof(node), "b%u", hop_count);
	listener = socket_in(ways[way].network, node);
	bench_must(bind(listener, (struct sockaddr *)&address, sizeof(address)), NULL, "bind");
	bench_must(listen(listener, 1), NULL, "listen");
	sender = socket_in(ways[way].network, "a");
	bench_must(connect(sender, (struct sockaddr *)&address, sizeof(address)), NULL,
		   "%s: connect over %u hops", ways[way].title, hop_count);
	bench_must(pipe(ends), NULL, "pipe");
	before = own_cpu_time() + softirq_time();
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		bench_must(pids[i] < 0 ? -errno : 0, NULL, "fork");
		if (!pids[i] && i)
			send_for(sender, SECONDS);
		else if (!pids[i])
			receive(listener, ends[1]);
	}
	close(listener);
	close(sender);
	close(ends[1]);
	for (int i = 0; i < 2; i++)
		waitpid(pids[i], NULL, 0);
	bench_must(read(ends[0], sums, sizeof(sums)) == sizeof(sums) ? 0 : -EIO, NULL, "%s",
		   ways[way].title);
	close(ends[0]);
	*rate = 8 * sums[0] / sums[1];
	*cpu = (own_cpu_time() + softirq_time() - before) / (sums[0] / 1e9);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Best and median; for CPU time the best is the least. */
static void sum_up(struct figures *figures, double result[4])
{
	result[1] = bench_quantile(figures->rate, RUNS, 0.5);
	result[0] = bench_quantile(figures->rate, RUNS, 1) / 1e9;
	result[1] /= 1e9;
	result[3] = bench_quantile(figures->cpu, RUNS, 0.5);
	result[2] = bench_quantile(figures->cpu, RUNS, 0);
}

static void print(struct figures figures[LENGTH(hops)][WAYS])
{
	static const struct bench_column columns[] = {
		{ "router", -20, 0 },	 { "hops", 5, 0 },	  { "best_gbit", 10, 2 },
		{ "median", 7, 2 },	 { "cpu_s_a_gb", 11, 3 }, { "median_cpu", 11, 3 },
		{ "rate_ratio", 11, 2 }, { "cpu_ratio", 10, 2 },
	};
	double results[LENGTH(hops)][WAYS][4];

	bench_table("hops", "one TCP connection; ratios by the kernel with the same ends", columns,
		    LENGTH(columns));
	for (int way = 0; way < WAYS; way++)
		for (size_t i = 0; i < LENGTH(hops); i++) {
			double *result = results[i][way], *beside = results[i][ways[way].beside];

			sum_up(&figures[i][way], result);
			bench_row(ways[way].title, (double)hops[i], result[0], result[1], result[2],
				  result[3], result[0] / beside[0], result[2] / beside[2]);
		}
}

int main(void)
{
	static struct figures figures[LENGTH(hops)][WAYS];
	char folder[300];

	bench_begin("hops");
	snprintf(folder, sizeof(folder), "%s/topo", topology_scratch());
	setenv("LANA_TOPO", folder, 1);
	for (int way = 0; way < WAYS; way++) {
		if (way != KERNEL_FINISHED)
			up(way);
		if (way == XDP)
			finish_checksums(XDP);
	}
	/* Runs of what is compared stand side by side in time. */
	for (int finished = 0; finished < 2; finished++) {
		if (finished)
			finish_checksums(KERNEL_FINISHED);
		for (size_t i = 0; i < LENGTH(hops); i++)
			for (int number = 0; number < RUNS; number++)
				for (int way = 0; way < WAYS; way++)
					if (ways[way].finished == finished)
						run(way, hops[i], &figures[i][way].rate[number],
						    &figures[i][way].cpu[number]);
	}
	print(figures);
	for (int way = 0; way < WAYS; way++)
		if (way != KERNEL_FINISHED)
			down(way);
	return bench_end();
}
