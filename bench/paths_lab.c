// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "bench.h"
#include "paths_flow.h"
#include "paths_lab.h"
#include "selftests/topology.h"

/* ---- the network ----------------------------------------------------------------------------- */

/*
 *	 s                  p1 … p5                   r
 *	+------+           +---------+            +------+
 *	| mp0  | w1 ──────►| forward |───────► w1 | mp0  |
 *	|      |  …        |         |         …  |      |
 *	|      | w5 ──────►|         |───────► w5 |      |
 *	+------+           +---------+            +------+
 *	10.0.0.1  10.N.0.1   .2   10.N.1.2  .1    10.0.0.2
 *
 * Tunnels lead from s to r and back. What s sends by wN is held to the path's rate; what comes back
 * is held to nothing. Node x has the other ends of mp0.
 */
static void write_topology(FILE *file, const char *network)
{
	fprintf(file, "network: %s\naddressing: { ipv4: none, ipv6: none }\nnodes:\n  x:\n",
		network);
	for (int side = 0; side < 2; side++) {
		fprintf(file, "  %c:\n    stack: %s.%c.yaml\n", "sr"[side], network, "sr"[side]);
		fprintf(file,
			"    sysctls: { net.ipv4.conf.mp0.forwarding: 1, net.ipv4.fwmark_reflect: "
			"1, net.ipv4.tcp_no_metrics_save: 1 }\n"
			"    routes: [10.0.0.%d/32 dev mp0",
			2 - side);
		for (int n = 1; n <= PATHS_MAX; n++)
			fprintf(file, ", 10.%d.%d.0/24 via 10.%d.%d.2", n, !side, n, side);
		fprintf(file, "]\n    interfaces:\n      mp0: { addresses: [10.0.0.%d/32] }\n",
			side + 1);
		for (int n = 1; n <= PATHS_MAX; n++)
			fprintf(file, "      w%d: { addresses: [10.%d.%d.1/24] }\n", n, n, side);
	}
	for (int n = 1; n <= PATHS_MAX; n++)
		fprintf(file,
			"  p%d: { forwarding: true, interfaces: { near: { addresses: "
			"[10.%d.0.2/24] }, far: { addresses: [10.%d.1.2/24] } } }\n",
			n, n, n);
	fprintf(file, "links:\n");
	for (int side = 0; side < 2; side++)
		fprintf(file, "  - { ends: ['%c:mp0', 'x:%c'], mtu: 1464 }\n", "sr"[side],
			"sr"[side]);
	for (int n = 1; n <= PATHS_MAX; n++)
		fprintf(file,
			"  - { ends: ['s:w%d', 'p%d:near'], name: w%d, from: { s: { rate: "
			"100mbit, limit: 100pkt } } }\n"
			"  - { ends: ['p%d:far', 'r:w%d'] }\n",
			n, n, n, n, n);
}

/* As examples/multipath-sender.yaml and multipath-receiver.yaml, with tunnels from end to end. */
static void write_stack(FILE *file, int side)
{
	fprintf(file, "hooks:\n  mp0: { hook: tc }\n");
	for (int n = 1; n <= PATHS_MAX; n++)
		fprintf(file, "  w%d: { hook: tc }\n", n);
	fprintf(file, "blocks:\n"
		      "  mss: { type: mss, mtu: 1464 }\n"
		      "  spread: { type: fanout, hot: true, mode: weighted, mark: 0x700 }\n"
		      "  way: { type: route, mode: kernel }\n"
		      "  out: transmit\n"
		      "  ask: { type: transmit, neighbours: kernel }\n"
		      "  unwrap: { type: decap, mode: ipip }\n"
		      "  order: reorder\n"
		      "  kernel: pass\n");
	for (int n = 1; n <= PATHS_MAX; n++)
		fprintf(file,
			"  sent%d: counter\n  from%d: { type: mark, value: 0x%x }\n"
			"  path%d: { type: encap, mode: ipip, src: 10.%d.%d.1, dst: 10.%d.%d.1 }\n",
			n, n, 0x700 + n, n, n, side, n, !side);
	fprintf(file, "bind:\n"
		      "  - spread <- mss <- mp0\n"
		      "  - ask <- way[up]\n"
		      "  - unwrap[other] -> kernel\n"
		      "  - unwrap -> order -> kernel\n"
		      "  - out <- way\n");
	for (int n = 1; n <= PATHS_MAX; n++)
		fprintf(file,
			"  - way <- path%d <- sent%d <- spread[%d]\n"
			"  - w%d -> from%d -> unwrap\n",
			n, n, n - 1, n, n);
}

static FILE *scratch(const char *network, const char *suffix)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s%s", topology_scratch(), network, suffix);
	file = fopen(path, "we");
	bench_must(file ? 0 : -errno, NULL, "%s", path);
	return file;
}

static void lanactl(const char *words)
{
	const char *build = getenv("LANA_BUILD") ?: "build";

	bench_must(topology_run("%s/lanactl %s >/dev/null", build, words), NULL, "%s", words);
}

static struct lana_stack *open_stack(const char *network, const char *infix, const char *node,
				     const char *separator)
{
	char name[LANA_NAME_MAX], netns[64];
	struct lana_stack_options options = { .bpffs = topology_bpffs(),
					      .name = name,
					      .netns = netns };
	struct lana_error error = {};
	struct lana_stack *stack;

	snprintf(name, sizeof(name), "%s%s%s", network, infix, node);
	snprintf(netns, sizeof(netns), "%s%s%s", network, separator, node);
	bench_must(lana_stack_open(&options, &stack, &error), &error, "stack %s", name);
	return stack;
}

/* ---- the receiver's worker ------------------------------------------------------------------- */

static void *run_worker(void *cookie)
{
	struct paths_lab *lab = cookie;
	struct lana_error error = {};

	while (!__atomic_load_n(&lab->stopping, __ATOMIC_RELAXED))
		bench_must(lana_worker_run(lab->worker, 100, &error), &error, "worker");
	return NULL;
}

static void start_worker(struct paths_lab *lab)
{
	const struct lana_worker_options options = { .blocks = (const char *[]){ "order", NULL } };
	struct lana_error error = {};

	bench_must(lana_worker_open(lab->receiver, &options, &lab->worker, &error), &error,
		   "worker");
	bench_must(-pthread_create(&lab->thread, NULL, run_worker, lab), NULL, "thread");
}

/* ---- a lab ----------------------------------------------------------------------------------- */

void paths_lab_down(int number)
{
	const char *build = getenv("LANA_BUILD") ?: "build";

	topology_run("%s/lanactl topo down lab%d >/dev/null", build, number);
}

/* What a topology file cannot say. */
static void finish_end(const char *network, int side)
{
	char netns[32];

	snprintf(netns, sizeof(netns), "%s.%c", network, "sr"[side]);
	/* TCP makes super-segments also where the device has no offload. */
	bench_must(topology_run("ip -n %s link set mp0 arp off gso_max_segs 1", netns), NULL,
		   "mp0");
	/* What belongs to a connection does not wait until its neighbour is found. */
	for (int n = 1; n <= PATHS_MAX; n++)
		bench_must(topology_run("ip -n %s neighbour replace 10.%d.%d.2 dev w%d managed",
					netns, n, side, n),
			   NULL, "neighbours");
}

struct paths_lab *paths_lab_open(int number)
{
	struct paths_lab *lab = calloc(1, sizeof(*lab));
	char words[200];
	FILE *file;

	bench_must(lab ? 0 : -ENOMEM, NULL, "lab");
	snprintf(lab->network, sizeof(lab->network), "lab%d", number);
	file = scratch(lab->network, ".yaml");
	write_topology(file, lab->network);
	fclose(file);
	for (int side = 0; side < 2; side++) {
		file = scratch(lab->network, side ? ".r.yaml" : ".s.yaml");
		write_stack(file, side);
		fclose(file);
	}
	snprintf(words, sizeof(words), "topo up %s/%s.yaml", topology_scratch(), lab->network);
	lanactl(words);
	for (int side = 0; side < 2; side++)
		finish_end(lab->network, side);
	lab->sender = open_stack(lab->network, "+", "s", ".");
	lab->receiver = open_stack(lab->network, "+", "r", ".");
	lab->wires = open_stack(lab->network, "++", "wires", "@");
	start_worker(lab);
	return lab;
}

void paths_lab_close(struct paths_lab *lab)
{
	char words[200];

	__atomic_store_n(&lab->stopping, true, __ATOMIC_RELAXED);
	pthread_join(lab->thread, NULL);
	lana_worker_close(lab->worker);
	lana_stack_close(lab->sender);
	lana_stack_close(lab->receiver);
	lana_stack_close(lab->wires);
	snprintf(words, sizeof(words), "topo down %s", lab->network);
	lanactl(words);
	free(lab);
}

/* ---- weights by themselves ------------------------------------------------------------------- */

/* lanactl paths, which sets weights as it sees fit; its pid. */
static pid_t start_learning(const struct paths_lab *lab)
{
	char program[300], stack[LANA_NAME_MAX], netns[32];
	char *words[] = { "setpriv", "--pdeathsig", "KILL",  "--",	 program,  "-s",    stack,
			  "-n",	     netns,	    "paths", "10.0.0.2", "spread", "adapt", NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	snprintf(program, sizeof(program), "%s/lanactl", getenv("LANA_BUILD") ?: "build");
	snprintf(stack, sizeof(stack), "%s+s", lab->network);
	snprintf(netns, sizeof(netns), "%s.s", lab->network);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	bench_must(-posix_spawnp(&pid, words[0], &actions, NULL, words, environ), NULL, "paths");
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static void stop_learning(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* ---- what is counted ------------------------------------------------------------------------- */

/* Of a block, by either path. */
static double counter(struct lana_stack *stack, const char *block, const char *name)
{
	struct lana_error error = {};
	uint64_t value;

	bench_must(lana_block_count(stack, block, name, &value, &error), &error, "%s", name);
	return value;
}

struct counts {
	double figures[PATHS_FIGURES_COUNT];
	double packets, sent, late; /* all paths' */
};

static void count(struct paths_lab *lab, const struct paths_cell *cell, struct counts *counts)
{
	static const struct {
		enum paths_figure figure;
		const char *name;
	} of_order[] = {
		{ PATHS_held, "held" },		{ PATHS_filled, "filled" }, { PATHS_lost, "lost" },
		{ PATHS_timeouts, "timeouts" }, { PATHS_full, "full" },	    { PATHS_late, "late" },
	};

	*counts = (struct counts){};
	for (size_t i = 0; i < LENGTH(of_order); i++)
		counts->figures[of_order[i].figure] =
			counter(lab->receiver, "order", of_order[i].name);
	for (int path = 1; path <= cell->paths; path++) {
		char sent[24], link[32];
		double packets;

		snprintf(sent, sizeof(sent), "sent%d", path);
		snprintf(link, sizeof(link), "w%d@s.w%d", path, path);
		packets = counter(lab->sender, sent, "packets");
		if (path == 1)
			counts->figures[PATHS_first] = packets;
		counts->packets += packets;
		counts->figures[PATHS_dropped] += counter(lab->wires, link, "dropped_tail");
		counts->sent += counter(lab->wires, link, "sent");
		counts->late += counter(lab->wires, link, "late");
	}
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* A packet at 20 kB/s takes 75 ms, so what is slow has longer. */
static void choose_times(const struct paths_cell *cell, struct paths_flow *flow)
{
	bool slow = cell->cap <= 100 || !strcmp(cell->profile, "2005");

	flow->warm_up = slow ? 4 : 2;
	flow->seconds = paths_heavy(cell) ? 6 : slow ? 12 : 8;
	if (cell->shares == PATHS_LEARNT)
		flow->warm_up += 8;
	if (bench_quick()) {
		flow->warm_up = 0.3;
		flow->seconds = 0.7;
	}
}

static void subtract(const struct counts *before, const struct counts *after,
		     double figures[PATHS_FIGURES_COUNT])
{
	double packets = after->packets - before->packets, sent = after->sent - before->sent;

	for (int i = PATHS_held; i <= PATHS_dropped; i++)
		figures[i] = after->figures[i] - before->figures[i];
	figures[PATHS_first] =
		(after->figures[PATHS_first] - before->figures[PATHS_first]) / (packets ?: 1);
	figures[PATHS_unpunctual] = (after->late - before->late) / (sent ?: 1);
}

void paths_lab_measure(struct paths_lab *lab, const struct paths_cell *cell,
		       double figures[PATHS_FIGURES_COUNT])
{
	bool direct = cell->shares == PATHS_DIRECT;
	struct paths_flow flow = { .control = cell->control,
				   .from = direct ? "10.1.0.1" : "10.0.0.1",
				   .to = direct ? "10.1.1.1" : "10.0.0.2" };
	char sender[32], receiver[32];
	struct counts before, after;
	pid_t learning = 0;

	snprintf(sender, sizeof(sender), "%s.s", lab->network);
	snprintf(receiver, sizeof(receiver), "%s.r", lab->network);
	flow.sender = sender;
	flow.receiver = receiver;
	choose_times(cell, &flow);
	paths_lab_set(lab, cell);
	if (cell->shares == PATHS_LEARNT)
		learning = start_learning(lab);

	paths_flow_open(&flow);
	paths_flow_run(&flow, flow.warm_up);
	count(lab, cell, &before);
	paths_flow_measure(&flow, figures);
	count(lab, cell, &after);
	subtract(&before, &after, figures);
	paths_flow_close(&flow);

	if (learning)
		stop_learning(learning);
	paths_lab_settle(lab, cell);
}
