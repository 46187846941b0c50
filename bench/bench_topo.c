// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_topo - networks of 200 and 1,000 nodes: seconds up and down, memory a node
 *
 * A line and a fat tree, made by
 *
 *	ip -batch	namespaces and veths, neither named for addresses nor switched on
 *	bare		lanactl topo: the same, switched on, lo too
 *	addresses	the same with IPv4 and IPv6 addresses
 *	routes		the same with the routes of shortest paths
 *	mininet		hosts and links, if it is installed (Debian package mininet)
 *
 * in turn, round by round; the least time and the median of memory are told. `gone` is from the
 * beginning of taking away until the kernel has taken down all of the namespaces, which it does
 * after the command.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lana/topo.h>

#include "bench.h"
#include "selftests/topology.h"

#define ROUNDS_MAX 3
#define ROUNDS	   (bench_quick() ? 1 : ROUNDS_MAX)
#define GONE_MAX   10  /* seconds */
#define NEAR	   8   /* namespaces that others may have made meanwhile */
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

struct figures {
	double up, down, gone, memory; /* seconds; KB */
};

/* NaN if it cannot be done. */
static double timed(const char *command)
{
	double begin = bench_now();

	return topology_run("%s >/dev/null", command) ? NAN : bench_now() - begin;
}

static struct figures measure(const char *up, const char *down)
{
	struct figures figures = { NAN, NAN, NAN, NAN };
	double before = namespaces(), memory = available_kb(), begin;

	figures.up = timed(up);
	if (isnan(figures.up))
		return figures;
	figures.memory = memory - available_kb();
	begin = bench_now();
	figures.down = timed(down);
	while (namespaces() > before + NEAR && bench_now() - begin < GONE_MAX)
		usleep(5000);
	figures.gone = bench_now() - begin;
	sleep(1); /* until memory is given back, too */
	return figures;
}

/* Of all rounds the least times, and the median of what others blur up and down. */
static struct figures sum_up(const struct figures *rounds, int count)
{
	struct figures sum = { NAN, NAN, NAN, NAN };
	double memory[ROUNDS_MAX];

	for (int i = 0; i < count; i++) {
		sum.up = fmin(sum.up, rounds[i].up);
		sum.down = fmin(sum.down, rounds[i].down);
		sum.gone = fmin(sum.gone, rounds[i].gone);
		memory[i] = rounds[i].memory;
	}
	if (count)
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

/* The same nodes and links for ip -batch and for mininet, by what the file's links say. */
static void write_others(const char *text, const char *name)
{
	char path[PATH_SIZE];
	FILE *up = create(path, name, "up"), *down = create(path, name, "down"),
	     *mininet = create(path, name, "links");
	size_t number = 0;
	char from[64], to[64];

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "  %63[a-z0-9]:", from) == 1 && line[2] != ' ') {
			fprintf(up, "netns add %s.%s\n", name, from);
			fprintf(down, "netns del %s.%s\n", name, from);
		} else if (sscanf(line, "  - %63s -- %63s", from, to) == 2) {
			fprintf(up,
				"link add e%zua netns %s.%s type veth peer name e%zub netns "
				"%s.%s\n",
				number, name, from, number, name, to);
			fprintf(mininet, "%s %s\n", from, to);
			number++;
		}
		if (!*line)
			break;
	}
	fclose(up);
	fclose(down);
	fclose(mininet);
}

static const char mininet_program[] =
	"import sys\n"
	"from mininet.net import Mininet\n"
	"from time import time\n"
	"net = Mininet(controller=None)\n"
	"nodes = {}\n"
	"begin = time()\n"
	"for line in open(sys.argv[1]):\n"
	"    ends = [nodes.get(n) or nodes.setdefault(n, net.addHost('h%d' % len(nodes), "
	"ip=None))\n"
	"            for n in line.split()]\n"
	"    net.addLink(*ends)\n"
	"net.build()\n"
	"up = time() - begin\n"
	"free = [l for l in open('/proc/meminfo') if l.startswith('MemAvailable')][0].split()[1]\n"
	"begin = time()\n"
	"net.stop()\n"
	"print(up, time() - begin, free, file=open(sys.argv[2], 'w'))\n";

/* mininet lives in one process, which tells its times itself. */
static struct figures measure_mininet(const char *name)
{
	struct figures figures = { NAN, NAN, NAN, NAN };
	char program[PATH_SIZE], result[PATH_SIZE];
	double before = available_kb(), left;
	FILE *file = create(program, name, "py");

	fputs(mininet_program, file);
	fclose(file);
	snprintf(result, sizeof(result), "%s/%s.result", topology_scratch(), name);
	if (topology_run("python3 %s %s/%s.links %s >/dev/null 2>&1", program, topology_scratch(),
			 name, result))
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

enum way { IP, BARE, ADDRESSES, ROUTES, MININET, WAYS };

static const char *const ways[] = { "ip -batch", "bare", "addresses", "routes", "mininet" };
static const char *const suffixes[] = { "ip", "bare", "addr", "route", "mn" };

static struct figures run(enum way way, const char *name)
{
	const char *build = getenv("LANA_BUILD") ?: "build", *scratch = topology_scratch();
	char up[700], down[700];

	if (way == MININET)
		return measure_mininet(name);
	if (way == IP) {
		snprintf(up, sizeof(up), "ip -batch %s/%s.up", scratch, name);
		snprintf(down, sizeof(down), "ip -batch %s/%s.down", scratch, name);
	} else {
		snprintf(up, sizeof(up), "%s/lanactl topo up %s/%s.yaml", build, scratch, name);
		snprintf(down, sizeof(down), "%s/lanactl topo down %s", build, name);
	}
	return measure(up, down);
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
	write_others(text, names[MININET]);
	free(text);
}

static void table(const struct lana_topo_shape *shape, bool mininet)
{
	static const struct bench_column columns[] = {
		{ "way", -10, 0 },  { "up_s", 8, 3 },	    { "down_s", 8, 3 },
		{ "gone_s", 8, 3 }, { "kb_a_node", 10, 0 }, { "up_ratio", 9, 2 },
	};
	struct figures rounds[WAYS][ROUNDS_MAX], least[WAYS];
	int counts[WAYS] = {};
	char names[WAYS][40], key[40], title[100];
	size_t nodes;

	write_all(shape, names, &nodes);
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < WAYS; i++) {
			/* It takes so long that the rest hardly matters: once. */
			if (i == MININET && (!mininet || round || nodes > 500))
				continue;
			rounds[i][counts[i]++] = run(i, names[i]);
		}
	for (int i = 0; i < WAYS; i++)
		least[i] = sum_up(rounds[i], counts[i]);
	snprintf(key, sizeof(key), "%s_%zu", shape->kind, nodes);
	snprintf(title, sizeof(title), "%s of %zu nodes", shape->kind, nodes);
	bench_table(key, title, columns, LENGTH(columns));
	for (int i = 0; i < WAYS; i++)
		if (!isnan(least[i].up))
			bench_row(ways[i], least[i].up, least[i].down, least[i].gone,
				  least[i].memory / nodes, least[i].up / least[IP].up);
	bench_goal("up, by ip -batch", least[BARE].up / least[IP].up, 1.5, false);
	if (!isnan(least[MININET].up))
		bench_goal("mininet up, by bare", least[MININET].up / least[BARE].up, 20, true);
}

int main(void)
{
	static const struct lana_topo_shape shapes[] = {
		{ .kind = "line", .size = 200 },
		{ .kind = "fat-tree", .size = 8 },
		{ .kind = "line", .size = 1000 },
		{ .kind = "fat-tree", .size = 14 },
	};
	char folder[PATH_SIZE];
	bool mininet;

	bench_begin("topo");
	snprintf(folder, sizeof(folder), "%s/topo", topology_scratch());
	setenv("LANA_TOPO", folder, 1);
	mininet = !topology_run("python3 -c 'import mininet' 2>/dev/null");
	for (size_t i = 0; i < LENGTH(shapes) && (!bench_quick() || i < 2); i++)
		table(&shapes[i], mininet);
	return bench_end();
}
