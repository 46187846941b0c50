// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_nat - what gateways of lana's blocks make of a frame, and what the kernel's own NAT does
 *
 * The same conversation goes through the same topology: once the kernel routes and translates
 * (nftables), then nat does, at tc between the kernel and the outer device, and behind a route
 * block at XDP and at tc, by the kernel's routes and by a table. Frames that come out must be the
 * same, byte by byte, but for ports that a gateway was free to choose, if it names the same one by
 * the same other throughout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include "nat_steps.h"
#include "tap.h"
#include "topology.h"

#define must(...)                              \
	do {                                   \
		if (topology_run(__VA_ARGS__)) \
			tap_bail(__VA_ARGS__); \
	} while (0)

/* ---- gateways ------------------------------------------------------------------------------- */

#define NAT "  nat: { type: nat, inside: 10.0.0.0, inside_length: 24, table: %s%s }\n"

/* Between the kernel, which routes, and the device. */
static const char before_device[] = "hooks: { east: { hook: %s } }\n"
				    "blocks:\n" NAT "  kernel: pass\n"
				    "bind:\n"
				    "  - east -> nat -> kernel\n"
				    "  - nat[other] -> kernel\n"
				    "  - east <- nat <- east\n";

static const char behind_route[] = "hooks: { west: { hook: %s }, east: { hook: %s } }\n"
				   "blocks:\n" NAT "  r: { type: route, %s }\n"
				   "  kernel: pass\n"
				   "  hops: ttl\n"
				   "  cut: fragment\n"
				   "  out: transmit\n"
				   "  dead: { type: icmp_error, kind: expired }\n"
				   "  big: { type: icmp_error, kind: big }\n"
				   "bind:\n"
				   "  - west -> r -> hops -> nat -> out\n"
				   "  - east -> r\n"
				   "  - r[local] -> nat\n"
				   "  - r[up] -> kernel\n"
				   "  - nat[in] -> r\n"
				   "  - nat[local] -> kernel\n"
				   "  - hops[dead] -> dead\n"
				   "  - r[big] -> cut -> r\n"
				   "  - cut[df] -> big\n"
				   "  - cut[whole] -> kernel\n"
				   "  - out <- nat <- r <- dead\n"
				   "  - r <- big\n";

static const char routes[] = "hop 1 dev=west mac=02:00:00:00:00:01\n"
			     "hop 2 dev=east mac=02:00:00:00:01:01\n"
			     "hop 3 to=local\n"
			     "ipv4 10.0.0.0/24 hop=1\n"
			     "ipv4 10.0.0.9/32 hop=3\n"
			     "ipv4 10.0.1.9/32 hop=3\n"
			     "ipv4 10.0.1.0/24 hop=2\n"
			     "ipv4 10.2.0.0/16 hop=2\n";

static const char ports[] = "tcp 8080 to=10.0.0.1 port=80\n"
			    "udp 53 to=10.0.0.1\n";

/* What the kernel is told. Of TCP that is of no connection and begins none, none leaves. */
static const char rules[] =
	"table ip nat {\n"
	"  chain pre { type nat hook prerouting priority dstnat;\n"
	"    ip daddr 10.0.1.9 tcp dport 8080 dnat to 10.0.0.1:80\n"
	"    ip daddr 10.0.1.9 udp dport 53 dnat to 10.0.0.1\n"
	"  }\n"
	"  chain post { type nat hook postrouting priority srcnat;\n"
	"    oifname east ip saddr 10.0.0.0/24 masquerade\n"
	"    oifname west ip saddr 10.0.0.0/24 ct status dnat snat to 10.0.1.9\n"
	"  }\n"
	"}\n"
	"table ip filter {\n"
	"  chain forward { type filter hook forward priority filter; ct state invalid drop; }\n"
	"}\n";

enum gateway { KERNEL, TC, TC_ROUTE, XDP_ROUTE, TC_TABLE, XDP_TABLE, GATEWAYS };

static const struct {
	const char *name, *hook;
	bool behind_route, by_table;
} gateways[GATEWAYS] = {
	[KERNEL] = { "kernel", NULL, false, false },
	[TC] = { "tc", "tc", false, false },
	[TC_ROUTE] = { "tc-route", "tc", true, false },
	[XDP_ROUTE] = { "xdp-route", "xdp", true, false },
	[TC_TABLE] = { "tc-table", "tc", true, true },
	[XDP_TABLE] = { "xdp-table", "xdp", true, true },
};

static void write_file(const char *name, const char *text, const char *more, char path[256])
{
	FILE *file;

	snprintf(path, 256, "%s/%s", topology_scratch(), name);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fputs(more, file) < 0 || fclose(file))
		tap_bail("cannot write %s", path);
}

static void start(struct lab *lab, enum gateway gateway)
{
	const char *name = gateways[gateway].name, *hook = gateways[gateway].hook;
	char table[256], path[256], by[300], text[4096];
	bool behind = gateways[gateway].behind_route;

	lab_open(lab, name, true);
	for (int host = 2; host <= 7; host += 5)
		must("ip -n %s neighbour add 10.0.0.%d dev west lladdr 02:00:00:00:00:01 nud "
		     "permanent",
		     name, host);
	must("ip netns exec %s sysctl -qw net.ipv4.conf.all.send_redirects=0 "
	     "net.ipv4.conf.west.send_redirects=0",
	     name);
	if (gateway == KERNEL) {
		write_file("rules", rules, "", path);
		/* The frames have no sequence numbers to speak of. */
		must("ip netns exec %s nft -f %s && ip netns exec %s sysctl -qw "
		     "net.netfilter.nf_conntrack_tcp_loose=0 "
		     "net.netfilter.nf_conntrack_tcp_be_liberal=1",
		     name, path, name);
		return;
	}
	write_file("ports", ports, behind ? "uplink 0 dev=east address=10.0.1.9\n" : "", table);
	write_file("routes", routes, "", path);
	snprintf(by, sizeof(by), gateways[gateway].by_table ? "table: %s" : "mode: kernel", path);
	if (behind)
		snprintf(text, sizeof(text), behind_route, hook, hook, table, "", by);
	else
		snprintf(text, sizeof(text), before_device, hook, table, ", outside: 10.0.1.9");
	/* What the kernel sends. */
	if (behind && !strcmp(hook, "tc"))
		strcat(text, "  - nat <- east\n");
	lab_apply(lab, text);
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* Leave out what a gateway chooses of its own errors. */
static void normalise(struct lab_frame *frame)
{
	struct ethhdr *eth = (void *)frame->bytes;
	struct iphdr *ip = (void *)(eth + 1);
	unsigned char *icmp = (void *)(ip + 1);
	bool is_own = ip->saddr == inet_addr("10.0.0.9") || ip->saddr == inet_addr("10.0.1.9");

	if (eth->h_proto == htons(ETH_P_IP) && is_own && ip->protocol == IPPROTO_ICMP &&
	    (icmp[0] == 3 || icmp[0] == 11 || !icmp[0]) && !lab_checksum(ip, ip->ihl * 4, 0))
		ip->id = ip->check = 0;
}

static void note_frame(const char *who, const struct lab_frame *frame)
{
	char text[3 * 160 + 1] = "";

	for (unsigned int i = 0; i < frame->size && i < 160; i++)
		snprintf(text + 3 * i, sizeof(text) - 3 * i, "%02x%c", frame->bytes[i],
			 i % 16 == 13 ? '|' : ' ');
	tap_note("%s: %u bytes: %s", who, frame->size, text);
}

static bool is_same(struct lab_frame *want, struct lab_frame *got, struct nat_ports *names)
{
	struct lab_frame renamed = *got;

	if (!nat_rename(&renamed, want, names))
		return false;
	normalise(want);
	normalise(&renamed);
	return want->size == renamed.size && !memcmp(want->bytes, renamed.bytes, want->size);
}

static bool compare(const struct nat_step *step, struct lab_seen *want, struct lab_seen *got,
		    struct nat_ports *names)
{
	static const char *const sides[] = { "left", "right" };
	bool same = true;

	for (int side = 0; side < LAB_SIDES; side++) {
		unsigned int wanted = want->count[side], seen = got->count[side];

		for (unsigned int i = 0; i < wanted || i < seen; i++) {
			struct lab_frame *w = &want->frames[side][i], *g = &got->frames[side][i];

			if (i < wanted && i < seen && is_same(w, g, names))
				continue;
			same = false;
			tap_note("%s, %s, frame %u:", step->name, sides[side], i);
			if (i < wanted)
				note_frame("kernel", w);
			if (i < seen)
				note_frame("lana  ", g);
		}
	}
	return same;
}

/* ---- the test ------------------------------------------------------------------------------- */

static void add(struct lab_seen *to, const struct lab_seen *seen)
{
	for (int side = 0; side < LAB_SIDES; side++)
		for (unsigned int i = 0; i < seen->count[side]; i++)
			if (to->count[side] < LAB_SEEN_MAX)
				to->frames[side][to->count[side]++] = seen->frames[side][i];
}

/*
 * The conversation: what came out of each step. Of one that is a part of the next, it came out of
 * that. done: which steps a gateway can do.
 */
static void talk(struct lab *lab, unsigned int can, struct lab_seen *seen, bool *done)
{
	static struct lab_seen part;
	struct lab_frame frame;

	for (unsigned int i = 0; i < nat_steps_count; i++) {
		const struct nat_step *step = &nat_steps[i];
		const struct lab_seen *before = step->back ? &seen[i - step->back] : NULL;

		memset(seen[i].count, 0, sizeof(seen[i].count));
		done[i] = !(step->needs & ~can) && (!before || before->count[step->side]);
		if (!done[i])
			continue;
		nat_make(step, before ? &before->frames[step->side][0] : NULL, &frame);
		lab_probe(lab, step->side, &frame, &part);
		if (i && nat_steps[i - 1].more) {
			add(&seen[i], &seen[i - 1]);
			memset(seen[i - 1].count, 0, sizeof(seen[i - 1].count));
		}
		add(&seen[i], &part);
	}
}

static struct lab_seen *wanted, *got;
static bool *could, *can_do;

static void check_kernel(void)
{
	unsigned int pointless = 0;

	for (unsigned int i = 0; i < nat_steps_count; i++) {
		const struct nat_step *step = &nat_steps[i];

		if (could[i] && wanted[i].count[LAB_LEFT] == step->left &&
		    wanted[i].count[LAB_RIGHT] == step->right)
			continue;
		pointless++;
		tap_note("%u, %s: %u frames on the left, %u on the right", i, step->name,
			 wanted[i].count[LAB_LEFT], wanted[i].count[LAB_RIGHT]);
	}
	tap_is(pointless, 0, "the kernel does in %u steps what is expected", nat_steps_count);
}

static void run(enum gateway gateway)
{
	unsigned int can = 0, wrong = 0, count = 0;
	struct nat_ports names = {};
	struct lab lab;

	if (gateway == KERNEL || gateways[gateway].behind_route)
		can |= NAT_NEEDS_ROUTE;
	if (gateway == KERNEL || !strcmp(gateways[gateway].hook, "tc"))
		can |= NAT_NEEDS_COPIES;
	start(&lab, gateway);
	if (gateway == KERNEL) {
		talk(&lab, can, wanted, could);
		check_kernel();
	} else {
		talk(&lab, can, got, can_do);
		for (unsigned int i = 0; i < nat_steps_count; i++) {
			if (nat_steps[i].needs & ~can)
				continue;
			count++;
			wrong += !compare(&nat_steps[i], &wanted[i], &got[i], &names);
		}
		tap_is(wrong, 0, "%s: the same comes out as of the kernel in %u steps",
		       gateways[gateway].name, count);
	}
	lab_close(&lab);
}

int main(void)
{
	topology_begin();
	if (topology_run("nft --version >/dev/null"))
		tap_skip_all("nftables is not installed");
	topology_netns("probe");
	if (topology_run(
		    "ip netns exec probe nft 'add table ip n; add chain ip n c { type nat hook "
		    "postrouting priority srcnat; }; add rule ip n c masquerade'"))
		tap_skip_all("the kernel has no NAT");
	wanted = calloc(nat_steps_count, sizeof(*wanted));
	got = calloc(nat_steps_count, sizeof(*got));
	could = calloc(nat_steps_count, sizeof(*could));
	can_do = calloc(nat_steps_count, sizeof(*can_do));
	if (!wanted || !got || !could || !can_do)
		tap_bail("out of memory");
	for (int gateway = 0; gateway < GATEWAYS; gateway++)
		run(gateway);
	free(wanted);
	free(got);
	free(could);
	free(can_do);
	return tap_done();
}
