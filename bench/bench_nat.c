// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_nat - packets a second through a gateway that translates them
 *
 * Between generator and sink of forward.h are the kernel, nftables or lana. The kernel forwards
 * with no NAT, and with nftables' masquerade; then lana's nat does it, between the kernel and the
 * device, and behind a route block.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "forward.h"
#include "selftests/topology.h"

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
	struct forward forward;
	const char *hook;
	bool is_there;
} gateways[GATEWAYS] = {
	[KERNEL] = { { "k", "the kernel, no NAT" } },
	[NFT] = { { "n", "the kernel, nft masquerade" } },
	[TC] = { { "t", "lana, the kernel routes" }, "tc" },
	[TC_ROUTE] = { { "tr", "lana behind route, tc" }, "tc" },
	[XDP_ROUTE] = { { "xr", "lana behind route, xdp" }, "xdp" },
};

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	bench_must(file && fputs(text, file) >= 0 && !fclose(file) ? 0 : -errno, NULL, "%s", path);
}

static void apply(struct gateway *gateway)
{
	char path[256], text[4096];

	snprintf(path, sizeof(path), "%s/uplinks", topology_scratch());
	write_file(path, "uplink 0 dev=east address=10.0.1.9\n");
	if (gateway == &gateways[TC])
		snprintf(text, sizeof(text), before_device, gateway->hook);
	else
		snprintf(text, sizeof(text), behind_route, gateway->hook, gateway->hook, path);
	forward_apply(&gateway->forward, text);
}

static void set_up(struct gateway *gateway)
{
	const char *name = gateway->forward.name;
	char path[256];

	forward_set_up(&gateway->forward);
	gateway->is_there = true;
	if (gateway == &gateways[NFT]) {
		snprintf(path, sizeof(path), "%s/nft", topology_scratch());
		write_file(path, "table ip n {\n"
				 "chain c { type nat hook postrouting priority srcnat;\n"
				 "oifname east masquerade\n}\n}\n");
		gateway->is_there = !topology_run("ip netns exec %s nft -f %s", name, path);
	}
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
	forward_begin();
	for (int i = 0; i < GATEWAYS; i++)
		set_up(&gateways[i]);
	for (int round = 0; round < FORWARD_ROUNDS; round++)
		for (int i = 0; i < GATEWAYS; i++)
			if (gateways[i].is_there)
				rate_run(gateways[i].forward.traffic, &gateways[i].forward.rate);

	bench_table("nat", "64-byte frames translated and routed from one veth to another", columns,
		    LENGTH(columns));
	for (int i = 0; i < GATEWAYS; i++) {
		struct rate *rate = &gateways[i].forward.rate;
		double mine;

		if (!gateways[i].is_there)
			continue;
		mine = rate_of(rate);
		bench_row(gateways[i].forward.title, mine / 1e6, 1e9 / mine, rate->lost,
			  rate->duplicated, rate->reordered);
	}
	if (gateways[NFT].is_there) {
		nft = rate_of(&gateways[NFT].forward.rate);
		bench_goal("nat at tc / nft masquerade", rate_of(&gateways[TC].forward.rate) / nft,
			   1, true);
		bench_goal("nat behind route at xdp / nft masquerade",
			   rate_of(&gateways[XDP_ROUTE].forward.rate) / nft, 2, true);
	}
	for (int i = 0; i < GATEWAYS; i++)
		forward_close(&gateways[i].forward);
	return bench_end();
}
