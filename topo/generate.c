// SPDX-License-Identifier: GPL-2.0-only
/*
 * generate - networks of well-known shapes
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "sketch.h"

#define NODES_MAX 100000

/* Nodes NAME1, NAME2, …; the number of the first one, or -1. */
static long add_nodes(struct net *net, const char *name, unsigned int count, bool forwarding)
{
	long first = net->nodes_count;

	for (unsigned int i = 1; i <= count; i++) {
		char numbered[NET_NAME_MAX + 12];

		snprintf(numbered, sizeof(numbered), "%s%u", name, i);
		if (sketch_node(net, numbered, forwarding) < 0)
			return -1;
	}
	return first;
}

static bool draw_line(const struct lana_topo_shape *shape, struct net *net)
{
	long first = add_nodes(net, "n", shape->size, true);
	bool good = first >= 0;

	for (unsigned int i = 1; good && i < shape->size; i++)
		good = sketch_pair(net, first + i - 1, first + i);
	return good;
}

static bool draw_ring(const struct lana_topo_shape *shape, struct net *net)
{
	return draw_line(shape, net) && (shape->size < 3 || sketch_pair(net, shape->size - 1, 0));
}

static bool draw_star(const struct lana_topo_shape *shape, struct net *net)
{
	long hub = sketch_node(net, "hub", true), first = add_nodes(net, "n", shape->size, false);
	bool good = hub >= 0 && first >= 0;

	for (unsigned int i = 0; good && i < shape->size; i++)
		good = sketch_pair(net, hub, first + i);
	return good;
}

static bool draw_tree(const struct lana_topo_shape *shape, struct net *net)
{
	unsigned long count = 0, level = 1, fork = shape->by ?: 2;
	long first;
	bool good;

	for (unsigned int i = 0; i < shape->size && count <= NODES_MAX; i++, level *= fork)
		count += level;
	if (count > NODES_MAX)
		return false;
	first = add_nodes(net, "n", count, true);
	good = first >= 0;
	for (unsigned long i = 1; good && i < count; i++)
		good = sketch_pair(net, first + (i - 1) / fork, first + i);
	return good;
}

static bool draw_grid(const struct lana_topo_shape *shape, struct net *net)
{
	unsigned long columns = shape->size, rows = shape->by ?: shape->size;
	bool good = columns * rows <= NODES_MAX;

	for (unsigned long i = 0; good && i < columns * rows; i++) {
		char name[NET_NAME_MAX];

		snprintf(name, sizeof(name), "r%luc%lu", i / columns + 1, i % columns + 1);
		good = sketch_node(net, name, true) >= 0;
		if (good && i % columns)
			good = sketch_pair(net, i - 1, i);
		if (good && i >= columns)
			good = sketch_pair(net, i - columns, i);
	}
	return good;
}

/*
 * Of switches with k ports (Al-Fares, Loukissas and Vahdat 2008): k pods of k/2 edge and k/2
 * aggregation routers, (k/2)² cores, k/2 hosts at each edge.
 */
static bool draw_pod(struct net *net, unsigned int pod, unsigned int half, long cores)
{
	char name[NET_NAME_MAX];
	long above, below, hosts;
	bool good;

	snprintf(name, sizeof(name), "p%ua", pod);
	above = add_nodes(net, name, half, true);
	snprintf(name, sizeof(name), "p%ue", pod);
	below = add_nodes(net, name, half, true);
	snprintf(name, sizeof(name), "p%uh", pod);
	hosts = add_nodes(net, name, half * half, false);
	good = above >= 0 && below >= 0 && hosts >= 0;
	for (unsigned int i = 0; good && i < half * half; i++)
		good = sketch_pair(net, cores + i, above + i / half) &&
		       sketch_pair(net, above + i / half, below + i % half) &&
		       sketch_pair(net, below + i / half, hosts + i);
	return good;
}

static bool draw_fat_tree(const struct lana_topo_shape *shape, struct net *net)
{
	unsigned int half = shape->size / 2;
	long cores;
	bool good;

	if (shape->size % 2 || shape->size > 64)
		return false;
	cores = add_nodes(net, "core", half * half, true);
	good = cores >= 0;
	for (unsigned int pod = 1; good && pod <= shape->size; pod++)
		good = draw_pod(net, pod, half, cores);
	return good;
}

/* The next number of a sequence that a seed begins: splitmix64 (Steele, Lea and Flood 2014). */
static __u64 draw_number(__u64 *state)
{
	__u64 mixed = *state += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return mixed ^ mixed >> 31;
}

static bool are_linked(const struct net *net, __u32 a, __u32 b)
{
	for (size_t i = 0; i < net->links_count; i++) {
		const struct net_end *ends = net->links[i].ends;

		if ((ends[0].node == a && ends[1].node == b) ||
		    (ends[0].node == b && ends[1].node == a))
			return true;
	}
	return false;
}

/* A random tree, which all nodes are in, and links between random pairs until there are enough. */
static bool draw_random(const struct lana_topo_shape *shape, struct net *net)
{
	__u64 state = shape->seed, wanted = (__u64)shape->size * (shape->by ?: 3) / 2,
	      pairs = (__u64)shape->size * (shape->size - 1) / 2;
	bool good = add_nodes(net, "n", shape->size, true) >= 0;

	if (wanted > pairs || wanted > NODES_MAX / 10)
		wanted = pairs < NODES_MAX / 10 ? pairs : NODES_MAX / 10;
	for (unsigned int i = 1; good && i < shape->size; i++)
		good = sketch_pair(net, draw_number(&state) % i, i);
	while (good && net->links_count < wanted) {
		__u32 a = draw_number(&state) % shape->size, b = draw_number(&state) % shape->size;

		if (a != b && !are_linked(net, a, b))
			good = sketch_pair(net, a, b);
	}
	return good;
}

static const struct {
	const char *kind;
	bool (*draw)(const struct lana_topo_shape *shape, struct net *net);
	unsigned int most; /* of size */
	const char *limit; /* what it may be */
} shapes[] = {
	{ "line", draw_line, NODES_MAX, "1 to 100000 nodes" },
	{ "ring", draw_ring, NODES_MAX, "1 to 100000 nodes" },
	{ "star", draw_star, NODES_MAX, "1 to 100000 leaves" },
	{ "tree", draw_tree, 17, "1 to 17 levels, and no more than 100000 nodes" },
	{ "grid", draw_grid, NODES_MAX, "no more than 100000 nodes" },
	{ "fat-tree", draw_fat_tree, 64, "an even number up to 64" },
	{ "random", draw_random, 10000, "1 to 10000 nodes" },
};

int lana_topo_generate(const struct lana_topo_shape *shape, char **text, struct lana_error *error)
{
	_cleanup_(net_free) struct net net = { .shortest = true };
	char comment[120];

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (strcmp(shapes[i].kind, shape->kind))
			continue;
		if (!shape->size || shape->size > shapes[i].most || !shapes[i].draw(shape, &net))
			return refuse(error, -EINVAL, "the size of a %s is %s", shape->kind,
				      shapes[i].limit);
		snprintf(comment, sizeof(comment), "Made by lanactl topo generate: %s, %zu nodes.",
			 shape->kind, net.nodes_count);
		return sketch_write(&net, comment, text) ? refuse(error, -ENOMEM, "out of memory")
							 : 0;
	}
	return refuse(error, -EINVAL,
		      "'%.60s' is no shape: line, ring, star, tree, grid, fat-tree or random",
		      shape->kind);
}
