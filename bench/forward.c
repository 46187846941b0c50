// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "forward.h"
#include "selftests/topology.h"

#define must(...)                                                         \
	do {                                                              \
		bench_must(topology_run(__VA_ARGS__), NULL, __VA_ARGS__); \
	} while (0)

void forward_begin(void)
{
	topology_netns("gen");
	topology_netns("sink");
}

void forward_set_up(struct forward *forward)
{
	struct traffic_options options = { .target_ip = htonl(0x0a000102) };
	char left[20], right[20], send[64], check[64];

	snprintf(left, sizeof(left), "%s0", forward->name);
	snprintf(right, sizeof(right), "%s1", forward->name);
	topology_netns(forward->name);
	topology_veth("gen", left, forward->name, "west");
	topology_veth(forward->name, "east", "sink", right);
	must("ip -n %s link set west address 02:00:00:00:00:02", forward->name);
	topology_address(forward->name, "west", "10.0.0.9/24");
	topology_address(forward->name, "east", "10.0.1.9/24");
	must("ip -n %s neighbour add 10.0.1.2 dev east lladdr 02:00:00:00:00:03 nud "
	     "permanent",
	     forward->name);
	must("ip netns exec %s sysctl -qw net.ipv4.ip_forward=1", forward->name);
	topology_offload(forward->name, "west", "gro", true); /* it receives what XDP redirects */

	snprintf(send, sizeof(send), "gen:%s", left);
	snprintf(check, sizeof(check), "sink:%s", right);
	options.send = send;
	options.check = check;
	forward->traffic = rate_open(options);
}

void forward_apply(struct forward *forward, const char *text)
{
	const struct lana_stack_options options = { .name = forward->name,
						    .bpffs = topology_bpffs(),
						    .netns = forward->name,
						    .create = true };
	struct lana_error error = {};

	bench_must(lana_stack_open(&options, &forward->stack, &error), &error, "stack");
	bench_must(lana_apply(forward->stack, text, strlen(text), NULL, NULL, &error), &error, "%s",
		   forward->title);
}

void forward_close(struct forward *forward)
{
	traffic_close(forward->traffic);
	if (forward->stack)
		lana_stack_flush(forward->stack, NULL);
	lana_stack_close(forward->stack);
}
