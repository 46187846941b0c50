// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_router - what routers of lana's blocks do with a frame, and what the kernel's own does
 *
 * The same frames go into the same topology: once the kernel routes, then stacks of the blocks
 * "route", "ttl", "fragment", "icmp_error", "transmit", "arp", "ndisc" and "echo" do, at XDP and at
 * tc, by the kernel's tables and by their own. Frames that come out, replies included, must be the
 * same, byte by byte, but for what a router is free to choose (IPv4's identification of its own
 * packets, IPv6's flow label).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "router_lab.h"
#include "router_probe.h"
#include "tap.h"
#include "topology.h"

/* ---- routers -------------------------------------------------------------------------------- */

#define ERRORS(source)                                              \
	"  dead: { type: icmp_error, kind: expired" source " }\n"   \
	"  none: { type: icmp_error, kind: net" source " }\n"       \
	"  host: { type: icmp_error, kind: host" source " }\n"      \
	"  ban: { type: icmp_error, kind: prohibited" source " }\n" \
	"  big: { type: icmp_error, kind: big" source " }\n"        \
	"  cut: fragment\n"                                         \
	"  hops: ttl\n"                                             \
	"  out: transmit\n"

#define ERROR_EDGES                  \
	"  - r -> hops -> out\n"     \
	"  - hops[dead] -> dead\n"   \
	"  - r[prohibited] -> ban\n" \
	"  - r[big] -> cut -> r\n"   \
	"  - cut[df] -> big\n"       \
	"  - cut[parts] -> cut\n"    \
	"  - out <- r <- dead\n"     \
	"  - r <- none\n"            \
	"  - r <- host\n"            \
	"  - r <- ban\n"             \
	"  - r <- big\n"

/* The kernel's tables, and the kernel for what is left. It says of an unreachable net other things
   with IPv4 than with IPv6. */
static const char by_kernel[] = "hooks: { west: { hook: %s }, east: { hook: %s } }\n"
				"blocks:\n"
				"  r: { type: route, mode: kernel }\n"
				"  up: pass\n"
				"  v6: { type: ethertype, config: { type: 0x86dd } }\n" ERRORS(
					"") "bind:\n"
					    "  - west -> r\n"
					    "  - east -> r\n"
					    "  - r[local] -> up\n"
					    "  - r[up] -> up\n"
					    "  - cut[whole] -> up\n"
					    "  - r[none] -> v6\n"
					    "  - v6[match] -> none\n"
					    "  - v6[other] -> host\n" ERROR_EDGES;

/* Tables of its own, and nobody behind it: the namespace has neither addresses nor routes. */
static const char by_itself[] =
	"hooks: { west: { hook: %s }, east: { hook: %s } }\n"
	"blocks:\n"
	"  r: { type: route, table: %s }\n"
	"  arp1: { type: arp, address: 10.0.0.9 }\n"
	"  arp2: { type: arp, address: 10.0.1.9 }\n"
	"  nd1: { type: ndisc, address: 'fd00::9', router: on }\n"
	"  nd2: { type: ndisc, address: 'fd01::9', router: on }\n"
	"  ping: echo\n"
	"  closed: { type: icmp_error, kind: port, source: 10.0.0.9, source6: 'fd00::9' }\n"
	"  noroute: { type: icmp_error, kind: net, source: 10.0.0.9, source6: 'fd00::9' }\n" ERRORS(
		", source: 10.0.0.9, source6: 'fd00::9'") "bind:\n"
							  "  - west -> arp1\n"
							  "  - arp1[other] -> nd1\n"
							  "  - nd1[other] -> r\n"
							  "  - east -> arp2\n"
							  "  - arp2[other] -> nd2\n"
							  "  - nd2[other] -> r\n"
							  "  - r[local] -> ping\n"
							  "  - ping[other] -> closed\n"
							  "  - r[none] -> noroute\n"
							  "  - r[p1] -> host\n"
							  "  - r[p2] -> none\n"
							  "  - out <- arp1\n"
							  "  - out <- arp2\n"
							  "  - out <- nd1\n"
							  "  - out <- nd2\n"
							  "  - r <- ping\n"
							  "  - r <- closed\n"
							  "  - r <- noroute\n" ERROR_EDGES;

static const char table[] = "# as the kernel has them\n"
			    "hop 1 dev=west mac=02:00:00:00:00:01\n"
			    "hop 2 dev=east mac=02:00:00:00:01:01\n"
			    "hop 3 to=local\n"
			    "hop 4 to=p1\n"
			    "hop 5 to=prohibited\n"
			    "hop 6 to=drop\n"
			    "hop 7 to=p2 # IPv6 calls it no route\n"
			    "\n"
			    "ipv4 10.0.0.1 hop=1\n"
			    "ipv4 10.0.0.9/32 hop=3\n"
			    "ipv4 10.0.1.9/32 hop=3\n"
			    "ipv4 10.0.1.0/24 hop=2\n"
			    "ipv4 10.2.0.0/16 hop=2\n"
			    "ipv4 10.9.0.0/16 hop=4\n"
			    "ipv4 10.8.0.0/16 hop=5\n"
			    "ipv4 10.6.0.0/16 hop=6\n"
			    "ipv6 fd00::/64 hop=1\n"
			    "ipv6 fd00::9/128 hop=3\n"
			    "ipv6 fd01::/64 hop=2\n"
			    "ipv6 fd01::9/128 hop=3\n"
			    "ipv6 fd02::/64 hop=2\n"
			    "ipv6 fd09::/64 hop=7\n"
			    "ipv6 fd08::/64 hop=5\n"
			    "ipv6 fd06::/64 hop=6\n";

enum router { KERNEL, XDP_BY_KERNEL, TC_BY_KERNEL, XDP_BY_ITSELF, TC_BY_ITSELF, ROUTERS };

static const struct {
	const char *name, *text, *hook;
} routers[ROUTERS] = {
	[KERNEL] = { "kernel", NULL, NULL },
	[XDP_BY_KERNEL] = { "xdp-kernel", by_kernel, "xdp" },
	[TC_BY_KERNEL] = { "tc-kernel", by_kernel, "tc" },
	[XDP_BY_ITSELF] = { "xdp-table", by_itself, "xdp" },
	[TC_BY_ITSELF] = { "tc-table", by_itself, "tc" },
};

static void start(struct lab *lab, enum router router)
{
	bool has_table = routers[router].text == by_itself;
	char path[256], text[8192];
	FILE *file;

	lab_open(lab, routers[router].name, !has_table);
	if (router == KERNEL)
		return;
	snprintf(path, sizeof(path), "%s/routes", topology_scratch());
	file = fopen(path, "w");
	if (!file || fputs(table, file) < 0 || fclose(file))
		tap_bail("cannot write %s", path);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), routers[router].text, routers[router].hook,
		 routers[router].hook, path);
#pragma GCC diagnostic pop
	lab_apply(lab, text);
}

/* ---- comparing ------------------------------------------------------------------------------ */

static bool is_router4(unsigned int address)
{
	return address == htonl(0x0a000009) || address == htonl(0x0a000109);
}

static bool is_router6(const struct in6_addr *address)
{
	static const unsigned char nines[][16] = { { 0xfd, 0, [15] = 9 }, { 0xfd, 1, [15] = 9 } };

	return !memcmp(address, nines[0], 16) || !memcmp(address, nines[1], 16);
}

/* Leave out what a router chooses of its own packets, once it was found to be right. */
static void normalise(struct lab_frame *frame)
{
	struct ethhdr *eth = (void *)frame->bytes;
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	struct iphdr *ip = (void *)(eth + 1);

	/* Nor does padding mean anything. */
	if (eth->h_proto == htons(ETH_P_IP) &&
	    frame->size > (unsigned int)ETH_HLEN + ntohs(ip->tot_len))
		frame->size = ETH_HLEN + ntohs(ip->tot_len);
	if (eth->h_proto == htons(ETH_P_IP) && is_router4(ip->saddr) &&
	    !lab_checksum(ip, ip->ihl * 4, 0))
		ip->id = ip->check = 0;
	if (eth->h_proto == htons(ETH_P_IPV6) && is_router6(&ip6->saddr)) {
		ip6->flow_lbl[0] &= 0xf0;
		ip6->flow_lbl[1] = ip6->flow_lbl[2] = 0;
	}
}

static bool is_same(struct lab_frame *one, struct lab_frame *other)
{
	normalise(one);
	normalise(other);
	return one->size == other->size && !memcmp(one->bytes, other->bytes, one->size);
}

static void note_frame(const char *who, const struct lab_frame *frame)
{
	char text[3 * 160 + 1] = "";

	for (unsigned int i = 0; i < frame->size && i < 160; i++)
		snprintf(text + 3 * i, sizeof(text) - 3 * i, "%02x%c", frame->bytes[i],
			 i % 16 == 13 ? '|' : ' ');
	tap_note("%s: %u bytes: %s", who, frame->size, text);
}

static bool compare(const char *name, struct lab_seen *want, struct lab_seen *got)
{
	static const char *const sides[] = { "left", "right" };
	bool same = true;

	for (int side = 0; side < LAB_SIDES; side++) {
		unsigned int most =
			want->count[side] > got->count[side] ? want->count[side] : got->count[side];

		for (unsigned int i = 0; i < most; i++) {
			struct lab_frame *w = &want->frames[side][i], *g = &got->frames[side][i];

			if (i < want->count[side] && i < got->count[side] && is_same(w, g))
				continue;
			same = false;
			tap_note("%s, %s, frame %u:", name, sides[side], i);
			if (i < want->count[side])
				note_frame("kernel", w);
			if (i < got->count[side])
				note_frame("lana", g);
		}
	}
	return same;
}

/* Whoever answered: the blocks, not the kernel behind them. */
static void check_counts(struct lab *lab, enum router router)
{
	static const char *const blocks[] = { "dead", "ban", "big", "host", "none", "cut" };
	unsigned int idle = 0;

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct lana_block_stats *stats;
		struct lana_error error;
		size_t count;

		if (lana_block_stats(lab->stack, blocks[i], &stats, &count, &error))
			tap_bail("%s", error.text);
		if (!stats->path[LANA_INGRESS].own[0].value) { /* what they have made */
			tap_note("%s has made nothing", blocks[i]);
			idle++;
		}
		free(stats);
	}
	tap_is(idle, 0, "%s: it was the blocks that answered", routers[router].name);
}

/* ---- the test ------------------------------------------------------------------------------- */

static struct lab_seen *seen; /* what the kernel did, by probe */

static void run(enum router router)
{
	unsigned int skipped = 0, wrong = 0, pointless = 0;
	static struct lab_seen got;
	struct lab lab;

	start(&lab, router);
	for (unsigned int i = 0; i < probes_count; i++) {
		const struct probe *probe = &probes[i];
		struct lab_frame frame;

		if (routers[router].text == by_itself && probe->needs & NEEDS_KERNEL) {
			skipped++;
			continue;
		}
		probe_make(probe, &frame);
		lab_probe(&lab, probe->side, &frame, router == KERNEL ? &seen[i] : &got);
		if (router != KERNEL) {
			wrong += !compare(probe->name, &seen[i], &got);
		} else if (seen[i].count[LAB_LEFT] != probe->left ||
			   seen[i].count[LAB_RIGHT] != probe->right) {
			pointless++;
			tap_note("%s: %u frames on the left, %u on the right", probe->name,
				 seen[i].count[LAB_LEFT], seen[i].count[LAB_RIGHT]);
		}
	}
	if (router == KERNEL)
		tap_is(pointless, 0, "the kernel does with %u frames as expected", probes_count);
	else
		tap_is(wrong, 0, "%s: the same comes out as of the kernel for %u frames",
		       routers[router].name, probes_count - skipped);
	if (router != KERNEL)
		check_counts(&lab, router);
	lab_close(&lab);
}

int main(void)
{
	topology_begin();
	seen = calloc(probes_count, sizeof(*seen));
	if (!seen)
		tap_bail("out of memory");
	for (int router = 0; router < ROUTERS; router++)
		run(router);
	free(seen);
	return tap_done();
}
