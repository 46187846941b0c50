// SPDX-License-Identifier: GPL-2.0-only
#include "bench.h"
#include "selftests/topology.h"
#include "socket_lab.h"

struct socket_lab socket_lab;

void socket_lab_begin(void)
{
	topology_netns("far");
	topology_netns("near");
	topology_veth("far", "f0", "near", "n0");
	topology_veth("near", "v0", "near", "v1");
	topology_address("far", "f0", "10.0.0.1/24");
	topology_address("near", "n0", "10.0.0.2/24");
	socket_lab.stack = bench_stack("near");
}

void socket_lab_open(enum lana_hook hook)
{
	const struct lana_hook_options how = { .hook = hook };
	struct lana_error error = {};

	bench_must(lana_hook(socket_lab.stack, "n0", &how, &error), &error, "hook");
	bench_must(lana_socket_open(socket_lab.stack, "app", NULL, &socket_lab.app, &error), &error,
		   "socket");
	bench_bind(socket_lab.stack, "app", "n0", NULL, false);
	bench_must(lana_stack_fuse(socket_lab.stack, true, &error), &error, "fuse");
}

void socket_lab_close(void)
{
	struct lana_error error = {};

	lana_socket_close(socket_lab.app);
	bench_must(lana_unhook(socket_lab.stack, "n0", &error), &error, "unhook");
}
