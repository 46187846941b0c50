// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_topo - networks of some 200 and 1,000 nodes: seconds up and down, memory a node
 *
 *	bench_topo [KIND SIZE]	all of it takes six minutes; a table one to two
 *
 * A line and a fat tree, made by
 *
 *	ip -batch	namespaces and veths, without addresses and not switched on
 *	ip, addresses	the same with addresses, switched on: another ip -batch for each namespace
 *	bare		lanactl topo: namespaces and veths, switched on, lo too
 *	addresses	the same with IPv4 and IPv6 addresses
 *	routes		the same with the routes of shortest paths
 *	mininet		hosts and links, if its Debian package is installed; 200 nodes, once
 *
 * in turn, round by round; the least time and the median of memory are told. `gone` is from the
 * beginning of taking away until the kernel has freed the namespaces, which it does after the
 * command. Memory is what the kernel has more of when the network is up (slabs, per-CPU memory,
 * stacks, page tables), and what is available less; both are the machine's.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <lana/topo.h>

#include "bench.h"
#include "selftests/topology.h"

#define ROUNDS_MAX 3
#define LARGE	   500 /* nodes */
#define GONE_MAX   10  /* seconds */
#define SETTLED	   0.7 /* seconds without a change */
#define PATH_SIZE  300 /* bytes */

/* ---- what is measured ------------------------------------------------------------------------ */

static double proc_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	char line[300];
	double value = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = atof(line + strlen(key) +
				     strcspn(line + strlen(key), "0123456789"));
	if (file)
		fclose(file);
	return value;
}

static double namespaces(void)
{
	return proc_number("/proc/slabinfo", "net_namespace ");
}

static double available_kb(void)
{
	return proc_number("/proc/meminfo", "MemAvailable:");
}

static double kernel_kb(void)
{
	static const char *const keys[] = { "Slab:", "Percpu:", "KernelStack:", "PageTables:" };
	double sum = 0;

	for (size_t i = 0; i < LENGTH(keys); i++)
		sum += proc_number("/proc/meminfo", keys[i]);
	return sum;
}

struct figures {
	double up, down, gone, kernel, memory; /* seconds; KB */
};

static const struct figures none = { NAN, NAN, NAN, NAN, NAN };

/* NaN if it cannot be done. */
static double timed(const char *command)
{
	double begin = bench_now();

	return topology_run("%s >/dev/null", command) ? NAN : bench_now() - begin;
}

/*
 * When the last of the namespaces that are going has been freed: when their number last fell. The
 * kernel's number includes some free ones, so what it was before is no mark.
 */
static double await_gone(double full, size_t nodes)
{
	double begin = bench_now(), last = begin, count = full;

	while (bench_now() - begin < GONE_MAX &&
	       (count > full - nodes / 2.0 || bench_now() - last < SETTLED)) {
		double now = namespaces();

		if (now < count)
			last = bench_now();
		count = now;
		usleep(5000);
	}
	return last;
}

static struct figures measure(const char *up, const char *down, size_t nodes)
{
	double kernel = kernel_kb(), memory = available_kb(), full, begin;
	struct figures figures = none;

	figures.up = timed(up);
	if (isnan(figures.up))
		return figures;
	usleep(300000);
	figures.kernel = kernel_kb() - kernel;
	figures.memory = memory - available_kb();
	full = namespaces();
	begin = bench_now();
	figures.down = timed(down);
	figures.gone = await_gone(full, nodes) - begin;
	sleep(1); /* until memory is given back, too */
	return figures;
}

/* Of all rounds the least times, and the median of what others blur up and down. */
static struct figures sum_up(const struct figures *rounds, int count)
{
	double kernel[ROUNDS_MAX], memory[ROUNDS_MAX];
	struct figures sum = none;

	for (int i = 0; i < count; i++) {
		sum.up = fmin(sum.up, rounds[i].up);
		sum.down = fmin(sum.down, rounds[i].down);
		sum.gone = fmin(sum.gone, rounds[i].gone);
		kernel[i] = rounds[i].kernel;
		memory[i] = rounds[i].memory;
	}
	if (!count)
		return sum;
	sum.kernel = bench_quantile(kernel, count, 0.5);
	sum.memory = bench_quantile(memory, count, 0.5);
	return sum;
}

/* ---- networks -------------------------------------------------------------------------------- */

static FILE *create(char path[PATH_SIZE], const char *name, const char *suffix)
{
	FILE *file;

	snprintf(path, PATH_SIZE, "%s/%s.%s", topology_scratch(), name, suffix);
	file = fopen(path, "we");
	bench_must(file ? 0 : -1, NULL, "%s", path);
	return file;
}

/* The file of a shape, with other words in the place of "routing: shortest". */
static void write_file(const char *text, const char *name, const char *head)
{
	char path[PATH_SIZE];
	FILE *file = create(path, name, "yaml");
	const char *nodes = strstr(text, "nodes:");

	fprintf(file, "network: %s\n%s\n%s", name, head, nodes);
	fclose(file);
}

/*
 * What ip -batch shall do within a namespace, for lo (number -1) or for an end of a link; it is one
 * file for each, as it works in one only.
 */
static void switch_on(const char *name, const char *node, int number, int end)
{
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.within/%s.%s", topology_scratch(), name, name, node);
	file = fopen(path, "ae");
	bench_must(file ? 0 : -1, NULL, "%s", path);
	if (number < 0)
		fprintf(file, "link set lo up\n");
	else
		fprintf(file,
			"link set e%d%c up\naddress add 10.%d.%d.%d/24 dev e%d%c\n"
			"address add fd00:0:0:%x::%d/64 dev e%d%c nodad\n",
			number, "ab"[end], number / 256, number % 256, end + 1, number, "ab"[end],
			number, end + 1, number, "ab"[end]);
	fclose(file);
}

/* The same nodes and links for ip -batch and for mininet, by what the file's links say. */
static void write_others(const char *text, const char *name)
{
	char path[PATH_SIZE];
	FILE *up = create(path, name, "up"), *down = create(path, name, "down"),
	     *mininet = create(path, name, "links");
	char from[64], to[64];
	int number = 0;

	snprintf(path, sizeof(path), "%s/%s.within", topology_scratch(), name);
	bench_must(mkdir(path, 0755), NULL, "%s", path);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "  %63[a-z0-9]:", from) == 1 && line[2] != ' ') {
			fprintf(up, "netns add %s.%s\n", name, from);
			fprintf(down, "netns del %s.%s\n", name, from);
			switch_on(name, from, -1, 0);
		} else if (sscanf(line, "  - %63s -- %63s", from, to) == 2) {
			fprintf(up,
				"link add e%da netns %s.%s type veth peer name e%db netns "
				"%s.%s\n",
				number, name, from, number, name, to);
			fprintf(mininet, "%s %s\n", from, to);
			switch_on(name, from, number, 0);
			switch_on(name, to, number, 1);
			number++;
		}
		if (!*line)
			break;
	}
	fclose(up);
	fclose(down);
	fclose(mininet);
}

/* mininet lives in one process, which tells its times itself, of Debian's python3. */
static struct figures measure_mininet(const char *name)
{
	struct figures figures = none;
	double before = available_kb(), left;
	char result[PATH_SIZE];
	FILE *file;

	snprintf(result, sizeof(result), "%s/%s.result", topology_scratch(), name);
	if (topology_run(
		    "timeout 120 /usr/bin/python3 bench/by_mininet.py %s/%s.links %s 2>/dev/null",
		    topology_scratch(), name, result))
		return figures;
	file = fopen(result, "re");
	if (file && fscanf(file, "%lf %lf %lf", &figures.up, &figures.down, &left) == 3)
		figures.memory = before - left;
	if (file)
		fclose(file);
	sleep(1);
	return figures;
}

/* ---- tables ---------------------------------------------------------------------------------- */

enum way { IP, IP_ADDRESSES, BARE, ADDRESSES, ROUTES, MININET, WAYS };

static const char *const ways[] = { "ip -batch", "ip, addresses", "bare",
				    "addresses", "routes",	  "mininet" };
static const char *const suffixes[] = { "ip", "ipa", "bare", "addr", "route", "mn" };

static struct figures run(enum way way, const char *name, size_t nodes)
{
	const char *build = getenv("LANA_BUILD") ?: "build", *scratch = topology_scratch();
	char up[1000], down[700];
	int length;

	if (way == MININET)
		return measure_mininet(name);
	if (way == IP || way == IP_ADDRESSES) {
		length = snprintf(up, sizeof(up), "ip -batch %s/%s.up", scratch, name);
		if (way == IP_ADDRESSES)
			snprintf(up + length, sizeof(up) - length,
				 " && cd %s/%s.within && for n in *; do ip -n $n -batch $n || "
				 "exit; done",
				 scratch, name);
		snprintf(down, sizeof(down), "ip -batch %s/%s.down", scratch, name);
	} else {
		snprintf(up, sizeof(up), "%s/lanactl topo up %s/%s.yaml", build, scratch, name);
		snprintf(down, sizeof(down), "%s/lanactl topo down %s", build, name);
	}
	return measure(up, down, nodes);
}

static void write_all(const struct lana_topo_shape *shape, char names[WAYS][40], size_t *nodes)
{
	struct lana_topo_source source = { .name = "shape" };
	struct lana_topo_result result = {};
	struct lana_error error = {};
	char *text;

	bench_must(lana_topo_generate(shape, &text, &error), &error, "%s", shape->kind);
	source.text = text;
	source.size = strlen(text);
	bench_must(lana_topo_validate(&source, &result, &error), &error, "%s", shape->kind);
	*nodes = result.nodes;
	for (int i = 0; i < WAYS; i++)
		snprintf(names[i], 40, "%s%u%s", shape->kind, shape->size, suffixes[i]);
	write_file(text, names[BARE], "addressing: { ipv4: none, ipv6: none }");
	write_file(text, names[ADDRESSES], "");
	write_file(text, names[ROUTES], "routing: shortest");
	write_others(text, names[IP]);
	write_others(text, names[IP_ADDRESSES]);
	write_others(text, names[MININET]);
	free(text);
}

/* What takes so long that others hardly blur it is done once, or not at all. */
static int rounds_of(enum way way, size_t nodes)
{
	if (way == MININET && nodes > LARGE)
		return 0;
	if (way == MININET || bench_quick() || (way == IP_ADDRESSES && nodes > LARGE))
		return 1;
	return nodes > LARGE ? ROUNDS_MAX - 1 : ROUNDS_MAX;
}

static void print(const struct lana_topo_shape *shape, const struct figures *least, size_t nodes)
{
	static const struct bench_column columns[] = {
		{ "way", -13, 0 },	{ "up_s", 8, 3 },     { "down_s", 8, 3 },
		{ "gone_s", 8, 3 },	{ "up_ratio", 9, 2 }, { "down_ratio", 11, 2 },
		{ "kernel_kb", 10, 0 }, { "kb", 8, 0 },
	};
	char key[40], title[100];

	snprintf(key, sizeof(key), "%s_%zu", shape->kind, nodes);
	snprintf(title, sizeof(title), "%s of %zu nodes; memory a node", shape->kind, nodes);
	bench_table(key, title, columns, LENGTH(columns));
	for (int i = 0; i < WAYS; i++)
		if (!isnan(least[i].up))
			bench_row(ways[i], least[i].up, least[i].down, least[i].gone,
				  least[i].up / least[IP].up, least[i].down / least[IP].down,
				  least[i].kernel / nodes, least[i].memory / nodes);
	bench_goal("bare up, by ip -batch", least[BARE].up / least[IP].up, 1.5, false);
	bench_goal("addresses up, by ip -batch without", least[ADDRESSES].up / least[IP].up, 1.5,
		   false);
	bench_goal("addresses up, by ip with addresses",
		   least[ADDRESSES].up / least[IP_ADDRESSES].up, 1.5, false);
	if (!isnan(least[MININET].up))
		bench_goal("mininet up, by bare", least[MININET].up / least[BARE].up, 20, true);
	else if (nodes <= LARGE)
		printf("mininet is not there (Debian package mininet), or took two minutes\n");
}

static void table(const struct lana_topo_shape *shape)
{
	struct figures rounds[WAYS][ROUNDS_MAX], least[WAYS];
	char names[WAYS][40];
	size_t nodes;

	write_all(shape, names, &nodes);
	for (int round = 0; round < ROUNDS_MAX; round++)
		for (int i = 0; i < WAYS; i++)
			if (round < rounds_of(i, nodes))
				rounds[i][round] = run(i, names[i], nodes);
	for (int i = 0; i < WAYS; i++)
		least[i] = sum_up(rounds[i], rounds_of(i, nodes));
	print(shape, least, nodes);
}

int main(int argc, char **argv)
{
	static const struct lana_topo_shape shapes[] = {
		{ .kind = "line", .size = 200 },
		{ .kind = "fat-tree", .size = 8 },
		{ .kind = "line", .size = 1000 },
		{ .kind = "fat-tree", .size = 14 },
	};
	char folder[PATH_SIZE];

	bench_begin("topo");
	snprintf(folder, sizeof(folder), "%s/topo", topology_scratch());
	setenv("LANA_TOPO", folder, 1);
	if (argc == 3) {
		table(&(struct lana_topo_shape){ .kind = argv[1], .size = atoi(argv[2]) });
		return bench_end();
	}
	for (size_t i = 0; i < LENGTH(shapes) && (!bench_quick() || i < 2); i++)
		table(&shapes[i]);
	return bench_end();
}
