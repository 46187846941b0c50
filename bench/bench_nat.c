// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_nat - packets a second through a gateway that translates them
 *
 *	gen      gateway (a namespace for each)                sink
 *	NAME0 ── west    kernel, nftables or lana      east ── NAME1
 *
 * As bench_router, and with its limits: frames of 64 bytes of one connection, one sending CPU, on
 * which all the rest runs as well. The kernel forwards with no NAT, and with nftables' masquerade;
 * then lana's nat does it, between the kernel and the device, and behind a route block.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "bench.h"
#include "rate.h"
#include "selftests/topology.h"

#define ROUNDS_NOW (bench_quick() ? 1 : 7)

#define must(...)                                                         \
	do {                                                              \
		bench_must(topology_run(__VA_ARGS__), NULL, __VA_ARGS__); \
	} while (0)

/* Between the kernel, which routes, and the device. */
static const char before_device[] =
	"hooks: { east: { hook: %s } }\n"
	"blocks:\n"
	"  nat: { type: nat, inside: 10.0.0.0, inside_length: 24, outside: 10.0.1.9 }\n"
	"  kernel: pass\n"
	"bind:\n"
	"  - east -> nat -> kernel\n"
	"  - nat[other] -> kernel\n"
	"  - east <- nat <- east\n";

static const char behind_route[] =
	"hooks: { west: { hook: %s }, east: { hook: %s } }\n"
	"blocks:\n"
	"  nat: { type: nat, inside: 10.0.0.0, inside_length: 24, table: %s }\n"
	"  r: { type: route, mode: kernel }\n"
	"  hops: ttl\n"
	"  kernel: pass\n"
	"  out: transmit\n"
	"  dead: { type: icmp_error, kind: expired }\n"
	"bind:\n"
	"  - west -> r -> hops -> nat -> out\n"
	"  - east -> r\n"
	"  - r[local] -> nat\n"
	"  - r[up] -> kernel\n"
	"  - nat[in] -> r\n"
	"  - nat[local] -> kernel\n"
	"  - hops[dead] -> dead\n"
	"  - out <- nat <- r <- dead\n";

enum { KERNEL, NFT, TC, TC_ROUTE, XDP_ROUTE, GATEWAYS };

static struct gateway {
	const char *name, *title, *hook;
	struct lana_stack *stack;
	struct traffic *traffic;
	struct rate rate;
	bool is_there;
} gateways[GATEWAYS] = {
	[KERNEL] = { "k", "the kernel, no NAT" },
	[NFT] = { "n", "the kernel, nft masquerade" },
	[TC] = { "t", "lana, the kernel routes", "tc" },
	[TC_ROUTE] = { "tr", "lana behind route, tc", "tc" },
	[XDP_ROUTE] = { "xr", "lana behind route, xdp", "xdp" },
};

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	bench_must(file && fputs(text, file) >= 0 && !fclose(file) ? 0 : -errno, NULL, "%s", path);
}

static void apply(struct gateway *gateway)
{
	struct lana_stack_options options = { .name = gateway->name,
					      .bpffs = topology_bpffs(),
					      .netns = gateway->name,
					      .create = true };
	struct lana_error error = {};
	char path[256], text[4096];

	snprintf(path, sizeof(path), "%s/uplinks", topology_scratch());
	write_file(path, "uplink 0 dev=east address=10.0.1.9\n");
	if (gateway == &gateways[TC])
		snprintf(text, sizeof(text), before_device, gateway->hook);
	else
		snprintf(text, sizeof(text), behind_route, gateway->hook, gateway->hook, path);
	bench_must(lana_stack_open(&options, &gateway->stack, &error), &error, "stack");
	bench_must(lana_apply(gateway->stack, text, strlen(text), NULL, NULL, &error), &error, "%s",
		   gateway->title);
}

static void set_up(struct gateway *gateway)
{
	struct traffic_options options = { .target_ip = htonl(0x0a000102) };
	char left[20], right[20], send[64], check[64], path[256];

	snprintf(left, sizeof(left), "%s0", gateway->name);
	snprintf(right, sizeof(right), "%s1", gateway->name);
	topology_netns(gateway->name);
	topology_veth("gen", left, gateway->name, "west");
	topology_veth(gateway->name, "east", "sink", right);
	must("ip -n %s link set west address 02:00:00:00:00:02", gateway->name);
	topology_address(gateway->name, "west", "10.0.0.9/24");
	topology_address(gateway->name, "east", "10.0.1.9/24");
	must("ip -n %s neighbour add 10.0.1.2 dev east lladdr 02:00:00:00:00:03 nud permanent",
	     gateway->name);
	must("ip netns exec %s sysctl -qw net.ipv4.ip_forward=1", gateway->name);
	topology_offload(gateway->name, "west", "gro", true); /* it receives what XDP redirects */
	gateway->is_there = true;
	if (gateway == &gateways[NFT]) {
		snprintf(path, sizeof(path), "%s/nft", topology_scratch());
		write_file(path, "table ip n {\n"
				 "chain c { type nat hook postrouting priority srcnat;\n"
				 "oifname east masquerade\n}\n}\n");
		gateway->is_there =
			!topology_run("ip netns exec %s nft -f %s", gateway->name, path);
	}
	snprintf(send, sizeof(send), "gen:%s", left);
	snprintf(check, sizeof(check), "sink:%s", right);
	options.send = send;
	options.check = check;
	gateway->traffic = rate_open(options);
	if (gateway->hook)
		apply(gateway);
}

int main(void)
{
	static const struct bench_column columns[] = {
		{ "gateway", -28, 0 }, { "Mpps", 6, 2 },	{ "ns", 6, 0 },
		{ "lost", 8, 0 },      { "duplicated", 10, 0 }, { "reordered", 9, 0 },
	};
	double nft;

	bench_begin("nat");
	bench_pin(BENCH_CPU_CHANGE);
	topology_netns("gen");
	topology_netns("sink");
	for (int i = 0; i < GATEWAYS; i++)
		set_up(&gateways[i]);
	for (int round = 0; round < ROUNDS_NOW; round++)
		for (int i = 0; i < GATEWAYS; i++)
			if (gateways[i].is_there)
				rate_run(gateways[i].traffic, &gateways[i].rate);

	bench_table("nat", "64-byte frames translated and routed from one veth to another", columns,
		    LENGTH(columns));
	for (int i = 0; i < GATEWAYS; i++) {
		struct rate *rate = &gateways[i].rate;
		double mine;

		if (!gateways[i].is_there)
			continue;
		mine = rate_of(rate);
		bench_row(gateways[i].title, mine / 1e6, 1e9 / mine, rate->lost, rate->duplicated,
			  rate->reordered);
	}
	if (gateways[NFT].is_there) {
		nft = rate_of(&gateways[NFT].rate);
		bench_goal("nat at tc / nft masquerade", rate_of(&gateways[TC].rate) / nft, 1,
			   true);
		bench_goal("nat behind route at xdp / nft masquerade",
			   rate_of(&gateways[XDP_ROUTE].rate) / nft, 2, true);
	}
	for (int i = 0; i < GATEWAYS; i++) {
		traffic_close(gateways[i].traffic);
		if (gateways[i].stack)
			lana_stack_flush(gateways[i].stack, NULL);
		lana_stack_close(gateways[i].stack);
	}
	return bench_end();
}
