// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_gateway - what a firewall costs a packet, by its number of rules, beside nftables
 *
 * Frames are injected as if a device had received them (BPF_PROG_TEST_RUN, live frames, XDP_PASS):
 * the kernel makes each an skb, and a hook at tc ingress drops it. Rules have a source and a
 * destination prefix, TCP, and a range of ports; a packet matches the last alone. nftables has them
 * as a list of rules, and as one set of intervals. What the frame and the drop themselves cost is
 * the first row. At XDP nothing but the stack's program is run.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include "bench.h"
#include "selftests/topology.h"

#define NETNS  "gateway"
#define DEVICE "fw0"

static const unsigned int sizes[] = { 10, 1000, 10000 };

#define ROUNDS	    (bench_quick() ? 1 : 5)
#define RUN_SECONDS (bench_quick() ? 0.02 : 0.1)

static char path[128];

/* ---- rules ---------------------------------------------------------------------------------- */

struct rule {
	unsigned int from, to; /* /24 of 10.0.0.0/8 */
	unsigned int port;
};

/* The last is that of the packet, which no other matches. */
static struct rule rule_of(unsigned int i, unsigned int count)
{
	if (i == count - 1)
		return (struct rule){ 1, 2, 1 };
	srandom(i + 1);
	return (struct rule){ 0x100 + random() % 0xff00, 0x100 + random() % 0xff00,
			      1000 + 4 * (i % 16000) };
}

enum form { FORM_LANA, FORM_LIST, FORM_SET };

static void write_rules(enum form form, unsigned int count)
{
	FILE *file = fopen(path, "w");

	bench_must(file ? 0 : -errno, NULL, "%s", path);
	if (form != FORM_LANA)
		fprintf(file, "table netdev t {\n");
	if (form == FORM_SET)
		fprintf(file, "set s {\ntype ipv4_addr . ipv4_addr . inet_proto . inet_service\n"
			      "flags interval\nelements = {\n");
	if (form == FORM_LIST)
		fprintf(file, "chain c {\ntype filter hook ingress device \"%s\" priority 0;\n",
			DEVICE);
	for (unsigned int i = 0; i < count; i++) {
		struct rule r = rule_of(i, count);
		static const char *const texts[] = {
			[FORM_LANA] = "drop from 10.%u.%u.0/24 to 10.%u.%u.0/24 proto tcp dport "
				      "%u-%u\n",
			[FORM_LIST] = "ip saddr 10.%u.%u.0/24 ip daddr 10.%u.%u.0/24 tcp dport "
				      "%u-%u counter drop\n",
			[FORM_SET] = "10.%u.%u.0/24 . 10.%u.%u.0/24 . tcp . %u-%u,\n",
		};

		/* Formats are these three. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		fprintf(file, texts[form], r.from >> 8, r.from & 255, r.to >> 8, r.to & 255, r.port,
			r.port + 3);
#pragma GCC diagnostic pop
	}
	if (form == FORM_SET)
		fprintf(file,
			"}\n}\nchain c {\ntype filter hook ingress device \"%s\" priority 0;\n"
			"ip saddr . ip daddr . ip protocol . tcp dport @s counter drop\n",
			DEVICE);
	if (form != FORM_LANA)
		fprintf(file, "}\n}\n");
	fclose(file);
}

/* ---- packets -------------------------------------------------------------------------------- */

static unsigned char frame[64];

static void make_frame(void)
{
	struct ethhdr *eth = (void *)frame;
	struct iphdr *ip = (void *)(eth + 1);

	memset(eth->h_dest, 0xff, ETH_ALEN); /* whoever gets it takes it for his own */
	eth->h_source[0] = 2;
	eth->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = 6 };
	ip->tot_len = htons(sizeof(frame) - sizeof(*eth));
	ip->saddr = htonl(0x0a000101);
	ip->daddr = htonl(0x0a000201);
	*(unsigned short *)(ip + 1) = htons(4000);
	*((unsigned short *)(ip + 1) + 1) = htons(1);
}

/* ns a frame, as the device receives them. pass: a program that does nothing. */
static double inject(int pass)
{
	struct xdp_md context = { .data_end = sizeof(frame),
				  .ingress_ifindex = topology_ifindex(NETNS, DEVICE) };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1 << 14,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	double least = INFINITY;

	for (int round = 0; round < ROUNDS; round++) {
		double begin = bench_cpu_time(), spent;
		unsigned long frames = 0;
		int home = topology_enter(NETNS);

		do {
			bench_must(bpf_prog_test_run_opts(pass, &options) ? -errno : 0, NULL,
				   "live frames");
			frames += options.repeat;
			spent = bench_cpu_time() - begin;
		} while (spent < RUN_SECONDS);
		topology_leave(home);
		least = bench_min(least, spent * 1e9 / frames);
	}
	return least;
}

/* ns a frame in the program alone */
static double run(int program)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 20000);
	double least = INFINITY;

	for (int round = 0; round < 20 * ROUNDS; round++) {
		double begin = bench_cpu_time();

		bench_must(bpf_prog_test_run_opts(program, &options) ? -errno : 0, NULL,
			   "test run");
		bench_must(options.retval == XDP_DROP ? 0 : -EINVAL, NULL, "it is not dropped");
		least = bench_min(least, (bench_cpu_time() - begin) * 1e9 / options.repeat);
	}
	return least;
}

/* ---- what is compared ----------------------------------------------------------------------- */

static int load_pass(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", insns, LENGTH(insns), NULL);

	bench_must(fd < 0 ? -errno : 0, NULL, "a program that passes all");
	return fd;
}

/* The firewall at a hook; rules 0: a block that drops. *reload: seconds that new rules took. */
static double measure_lana(enum lana_hook hook, unsigned int rules, int pass, double *reload)
{
	struct lana_stack *stack = bench_stack(NETNS);
	struct lana_hook_options options = { .hook = hook };
	struct lana_error error;
	char option[160];
	double ns, begin;

	bench_must(lana_hook(stack, DEVICE, &options, &error), &error, "hook");
	bench_add(stack, "f", rules ? "firewall" : "drop");
	bench_bind(stack, "f", DEVICE, NULL, true);
	if (rules) {
		write_rules(FORM_LANA, rules);
		snprintf(option, sizeof(option), "rules=%s", path);
		begin = bench_now();
		bench_must(lana_block_set(stack, "f", (const char *[]){ option, NULL }, &error),
			   &error, "rules");
		*reload = (bench_now() - begin) * 1e3;
	}
	ns = hook == LANA_HOOK_TC ? inject(pass) : run(bench_attached(NETNS ":" DEVICE));
	lana_stack_flush(stack, NULL);
	lana_stack_close(stack);
	return ns;
}

static double measure_nft(enum form form, unsigned int rules, int pass, double *reload)
{
	double ns, begin = bench_now();

	write_rules(form, rules);
	if (topology_run("ip netns exec %s nft -f %s", NETNS, path))
		return NAN;
	*reload = (bench_now() - begin) * 1e3;
	ns = inject(pass);
	topology_run("ip netns exec %s nft delete table netdev t", NETNS);
	return ns;
}

int main(void)
{
	static const struct bench_column columns[] = {
		{ "rules", -6, 0 },    { "xdp", 8, 1 },	    { "tc", 8, 1 },
		{ "nft list", 10, 1 }, { "nft set", 9, 1 }, { "lana ms", 9, 1 },
		{ "list ms", 9, 1 },   { "set ms", 8, 1 },
	};
	double drop, xdp_drop, most = 0, least = INFINITY, reload[3] = { NAN, NAN, NAN };
	int pass;

	bench_begin("gateway");
	bench_pin(BENCH_CPU_TRAFFIC);
	topology_netns(NETNS);
	topology_veth(NETNS, DEVICE, NETNS, "fw1");
	snprintf(path, sizeof(path), "%s/rules", topology_scratch());
	make_frame();
	pass = load_pass();
	bench_table("firewall",
		    "ns a packet that the last rule drops; ms to load the rules (nft: a process)",
		    columns, LENGTH(columns));
	xdp_drop = measure_lana(LANA_HOOK_XDP, 0, pass, reload);
	drop = measure_lana(LANA_HOOK_TC, 0, pass, reload);
	bench_row("none", xdp_drop, drop, NAN, NAN, NAN, NAN, NAN);
	for (size_t i = 0; i < LENGTH(sizes); i++) {
		double xdp = measure_lana(LANA_HOOK_XDP, sizes[i], pass, &reload[0]);
		double tc = measure_lana(LANA_HOOK_TC, sizes[i], pass, &reload[0]);
		double list = measure_nft(FORM_LIST, sizes[i], pass, &reload[1]);
		double set = measure_nft(FORM_SET, sizes[i], pass, &reload[2]);
		char text[16];

		snprintf(text, sizeof(text), "%u", sizes[i]);
		bench_row(text, xdp, tc, list, set, reload[0], reload[1], reload[2]);
		most = bench_max(most, xdp);
		least = bench_min(least, xdp);
	}
	bench_goal("firewall: 10,000 rules / 10", most / least, 3, false);
	close(pass);
	return bench_end();
}
