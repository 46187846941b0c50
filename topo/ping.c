// SPDX-License-Identifier: GPL-2.0-only
/*
 * ping - who reaches whom in a network: lana_topo_ping()
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/resource.h>

#include "echo.h"
#include "limits.h"
#include "loader/cleanup.h"
#include "loader/error.h"
#include "parallel.h"

#define COUNT	3
#define GAP_NS	100000000ULL
#define WAIT_NS 1000000000ULL

/* Pairs as they are asked, and what is told of them, in the same order. */
struct ping {
	struct home home;
	struct net net;
	struct echo_plan plan;
	struct echo_pair *pairs;
	struct lana_topo_echoes *told;
	size_t count;
	int err;
};

static void ping_free(struct ping *ping)
{
	home_close(&ping->home);
	net_free(&ping->net);
	free(ping->pairs);
	free(ping->told);
}

static int add_pair(struct ping *ping, size_t from, size_t to, int family)
{
	const struct net_node *a = &ping->net.nodes[from], *b = &ping->net.nodes[to];
	const struct net_address *address = net_first_address(b, family);
	struct lana_topo_echoes *told;
	struct echo_pair *pair;
	size_t count = ping->count;

	if (from == to || !address || !net_first_address(a, family))
		return 0;
	pair = NET_ADD(ping->pairs, count);
	told = NET_ADD(ping->told, ping->count);
	if (!pair || !told)
		return -ENOMEM;
	pair->from = from;
	pair->to = *address;
	memcpy(told->from, a->name, sizeof(told->from));
	memcpy(told->to, b->name, sizeof(told->to));
	told->family = family == AF_INET ? 4 : 6;
	return 0;
}

/* The number of a node; -1: all are meant. */
static int find(const struct ping *ping, const char *name, long *number, struct lana_error *error)
{
	*number = name ? net_find_node(&ping->net, name) : -1;
	return name && *number < 0 ? refuse(error, -ENOENT, "network '%s' has no node '%s'",
					    ping->home.name, name)
				   : 0;
}

static int list_pairs(struct ping *ping, const struct lana_topo_ping *wish,
		      struct lana_error *error)
{
	static const int families[] = { AF_INET, AF_INET6 };
	long from, to;
	int err = find(ping, wish->from, &from, error) ?: find(ping, wish->to, &to, error);

	for (size_t f = 0; !err && f < ARRAY_SIZE(families); f++) {
		if (wish->family && (wish->family == 4) != (families[f] == AF_INET))
			continue;
		for (size_t i = 0; i < ping->net.nodes_count; i++)
			for (size_t j = 0; j < ping->net.nodes_count; j++)
				if ((from < 0 || (size_t)from == i) &&
				    (to < 0 || (size_t)to == j) &&
				    add_pair(ping, i, j, families[f]))
					return refuse(error, -ENOMEM, "out of memory");
	}
	if (!err && !ping->count)
		return refuse(error, -EADDRNOTAVAIL, "no two nodes that have addresses%s of '%s'",
			      wish->family == 4	  ? " of IPv4"
			      : wish->family == 6 ? " of IPv6"
						  : "",
			      ping->home.name);
	return err;
}

static void run(void *cookie, size_t number)
{
	struct ping *ping = cookie;

	(void)number;
	ping->err = echo_run(&ping->home, &ping->net, &ping->plan, ping->pairs, ping->count);
}

/* In a thread, as the caller is to stay where he is. */
static int run_with_files(struct ping *ping, struct lana_error *error)
{
	size_t files = 2 * ping->net.nodes_count + 200;
	struct rlimit before;
	int err;

	if (limits_raise_files(files, &before))
		return refuse(error, -EMFILE, "%zu open files cannot be had (ulimit -Hn)", files);
	err = parallel(1, run, ping) ?: ping->err;
	setrlimit(RLIMIT_NOFILE, &before);
	return err ? refuse(error, err, "cannot send echoes in '%s': %s", ping->home.name,
			    strerror(-err))
		   : 0;
}

int lana_topo_ping(const struct lana_topo_options *options, const char *network,
		   const struct lana_topo_ping *wish, struct lana_topo_echoes **echoes,
		   size_t *count, struct lana_error *error)
{
	_cleanup_(ping_free) struct ping ping = { .home.fd = -1,
						  .plan = { .count = wish->count ?: COUNT,
							    .gap = GAP_NS,
							    .wait = wish->wait ?: WAIT_NS,
							    .eager = true,
							    .ahead = true } };
	int err = home_open(options, network, false, &ping.home, error) ?:
		  home_check(&ping.home, error) ?:
		  home_load(&ping.home, &ping.net, error);

	home_close(&ping.home); /* what is wanted is its name: nobody is to wait for the echoes */
	err = err ?: list_pairs(&ping, wish, error) ?: run_with_files(&ping, error);
	if (err)
		return err;
	for (size_t i = 0; i < ping.count; i++) {
		const struct echo_pair *pair = &ping.pairs[i];

		ping.told[i].sent = pair->sent;
		ping.told[i].received = pair->received;
		ping.told[i].least = pair->least;
		ping.told[i].mean = pair->received ? pair->sum / pair->received : 0;
		ping.told[i].most = pair->most;
	}
	*echoes = TAKE_PTR(ping.told);
	*count = ping.count;
	return 0;
}
