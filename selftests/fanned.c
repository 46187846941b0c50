// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include "fanned.h"
#include "tap.h"

void fanned_open(struct workbench *bench)
{
	workbench_open(bench, LANA_TYPES_DIR);
	for (int port = 0; port < LANA_PORTS_MAX; port++) {
		char name[8];

		snprintf(name, sizeof(name), "c%d", port);
		if (lana_block_add(bench->stack, name, "counter", NULL, NULL))
			tap_bail("no counter");
	}
}

static struct lana_bind_options port_options(int port, char text[8])
{
	snprintf(text, 8, "%d", port);
	return (struct lana_bind_options){ .ingress = true, .port = text };
}

void fanned_bind(struct workbench *bench, int port, bool on)
{
	char text[8], name[16];
	struct lana_bind_options options = port_options(port, text);
	struct lana_error error;

	snprintf(name, sizeof(name), "c%d", port);
	if (on ? lana_bind(bench->stack, name, "dut", &options, &error)
	       : lana_unbind(bench->stack, name, "dut", &options, &error))
		tap_bail("%s", error.text);
}

static void bind_ports(struct workbench *bench, unsigned int ports, bool on)
{
	for (int port = 0; port < LANA_PORTS_MAX; port++)
		if (ports & 1U << port)
			fanned_bind(bench, port, on);
}

void fanned_begin(struct workbench *bench, const char *options, unsigned int ports)
{
	struct lana_error error;

	if (workbench_add(bench, "fanout", options, &error))
		tap_bail("%s", error.text);
	bind_ports(bench, ports, true);
	lana_stack_fuse(bench->stack, true, NULL);
}

void fanned_end(struct workbench *bench, unsigned int ports)
{
	bind_ports(bench, ports, false);
	workbench_rm(bench);
}

struct fanned_counts fanned_count(struct workbench *bench)
{
	struct lana_block_stats *stats;
	struct fanned_counts counts = {};
	size_t blocks;

	if (lana_block_stats(bench->stack, NULL, &stats, &blocks, NULL))
		tap_bail("no counters");
	for (size_t i = 0; i < blocks; i++) {
		const struct lana_path_stats *side = &stats[i].path[LANA_INGRESS];

		if (stats[i].name[0] == 'c')
			counts.ports[atoi(stats[i].name + 1)] = side->own[0].value;
		for (size_t j = 0; !strcmp(stats[i].name, "dut") && j < side->unbound_count; j++)
			counts.lost += side->unbound[j].value;
	}
	free(stats);
	return counts;
}

void fanned_run(struct workbench *bench, enum lana_flavour flavour, const struct packet *packet,
		unsigned int times)
{
	unsigned char out[sizeof(packet->bytes)];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet->bytes,
		    .data_size_in = packet->size, .data_out = out, .data_size_out = sizeof(out),
		    .repeat = times);

	if (bpf_prog_test_run_opts(bench->roots[flavour], &options))
		tap_bail("test run failed");
}

int fanned_port(struct workbench *bench, enum lana_flavour flavour, const struct packet *packet)
{
	struct fanned_counts before = fanned_count(bench), after;
	int found = -1, grown = 0;

	fanned_run(bench, flavour, packet, 1);
	after = fanned_count(bench);
	for (int port = 0; port < LANA_PORTS_MAX; port++)
		if (after.ports[port] != before.ports[port]) {
			found = port;
			grown += after.ports[port] - before.ports[port];
		}
	return grown == 1 ? found : -1;
}

void fanned_ipv4(struct packet *packet, unsigned int source, unsigned int dest,
		 unsigned short sport, unsigned short dport)
{
	struct ethhdr *eth = (void *)packet->bytes;
	struct iphdr *ip = (void *)(eth + 1);
	unsigned short *ports = (void *)(ip + 1);

	*packet = (struct packet){ .size = 64 };
	eth->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 9, .protocol = 17 };
	ip->tot_len = htons(50);
	ip->saddr = htonl(source);
	ip->daddr = htonl(dest);
	ports[0] = htons(sport);
	ports[1] = htons(dport);
}

void fanned_set(struct workbench *bench, const char *option)
{
	const char *options[] = { option, NULL };
	struct lana_error error;

	if (lana_block_set(bench->stack, "dut", options, &error))
		tap_bail("%s", error.text);
}
