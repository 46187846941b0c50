// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_router - packets a second through a router, and what a table of a million prefixes costs
 *
 * Between generator and sink of forward.h are the kernel, a relay or lana. The kernel routes with
 * no firewall; the bare redirect is one XDP program that sends all to the other side and does
 * nothing else.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "forward.h"
#include "lookup.h"
#include "lookup.skel.h"
#include "selftests/relay.h"
#include "selftests/topology.h"

#define MILLION 1000000

/* ---- routers ---------------------------------------------------------------------------- */

/* examples/router.yaml at XDP, with tables of one kind or another. */
static const char stack_file[] = "hooks: { west: { hook: xdp }, east: { hook: xdp } }\n"
				 "blocks:\n"
				 "  route: { type: route, %s }\n"
				 "  hops: ttl\n"
				 "  cut: fragment\n"
				 "  out: transmit\n"
				 "  kernel: pass\n"
				 "  expired: { type: icmp_error, kind: expired }\n"
				 "  unreachable: { type: icmp_error, kind: net }\n"
				 "  too_big: { type: icmp_error, kind: big }\n"
				 "bind:\n"
				 "  - west -> route -> hops -> out\n"
				 "  - east -> route\n"
				 "  - route[local] -> kernel\n"
				 "  - route[up] -> kernel\n"
				 "  - route[none] -> unreachable\n"
				 "  - route[big] -> cut -> route\n"
				 "  - cut[df] -> too_big\n"
				 "  - cut[whole] -> kernel\n"
				 "  - hops[dead] -> expired\n"
				 "  - out <- route <- expired\n"
				 "  - route <- unreachable\n"
				 "  - route <- too_big\n";

enum { KERNEL, BARE, BY_KERNEL, BY_TABLE, BY_MILLION, ROUTERS };

static struct router {
	struct forward forward;
	unsigned int prefixes; /* of lana's own table; 0: it has none */
	struct relay *relay;
} routers[ROUTERS] = {
	[KERNEL] = { { "k", "the kernel" } },
	[BARE] = { { "b", "bare redirect" } },
	[BY_KERNEL] = { { "lk", "lana, the kernel's tables" } },
	[BY_TABLE] = { { "lt", "lana, 16 prefixes" }, 16 },
	[BY_MILLION] = { { "lm", "lana, a million prefixes" }, MILLION },
};

/* ---- tables ----------------------------------------------------------------------------- */

/* Lengths of prefixes in the Internet's table, roughly: parts of 100 up to the length. */
static unsigned int random_length(void)
{
	static const struct {
		unsigned int part, length;
	} parts[] = { { 60, 24 }, { 72, 22 }, { 82, 23 }, { 89, 21 }, { 94, 20 }, { 99, 19 } };
	unsigned int dice = random() % 100;

	for (size_t i = 0; i < LENGTH(parts); i++)
		if (dice < parts[i].part)
			return parts[i].length;
	return 16;
}

/* Different prefixes, and that of the generator's target among them; all to the same hop. */
static void write_table(const char *path, unsigned int count)
{
	unsigned char *taken = calloc(1 << 24, 4); /* a bit a prefix, by its length */
	FILE *file = fopen(path, "w");

	if (!file || !taken)
		bench_must(-errno, NULL, "%s", path);
	srandom(1);
	fprintf(file, "hop 1 dev=east mac=02:00:00:00:00:03\nipv4 10.0.1.0/24 hop=1\n");
	taken[(10 << 16 | 1) * 4 + 3] |= 1 << (24 % 8);
	for (unsigned int i = 1; i < count;) {
		unsigned int length = random_length();
		unsigned int address = (unsigned int)random() << 1 & -1U << (32 - length);
		unsigned char *place = &taken[(address >> 8) * 4 + length / 8];

		if (address >> 24 == 0 || address >> 24 >= 224 || *place & 1 << length % 8)
			continue;
		*place |= 1 << length % 8;
		fprintf(file, "ipv4 %u.%u.%u.0/%u hop=1\n", address >> 24, address >> 16 & 255,
			address >> 8 & 255, length);
		i++;
	}
	if (fclose(file))
		bench_must(-errno, NULL, "%s", path);
	free(taken);
}

/* ---- setting up ------------------------------------------------------------------------- */

static void apply(struct router *router)
{
	char path[256], text[4096], how[300] = "mode: kernel";

	if (router->prefixes) {
		snprintf(path, sizeof(path), "%s/%s", topology_scratch(), router->forward.name);
		write_table(path, router->prefixes);
		snprintf(how, sizeof(how), "table: %s", path);
	}
	snprintf(text, sizeof(text), stack_file, how);
	forward_apply(&router->forward, text);
	if (router->prefixes)
		unlink(path);
}

static void set_up(struct router *router)
{
	char west[64];

	forward_set_up(&router->forward);
	if (router == &routers[BARE]) {
		snprintf(west, sizeof(west), "%s:west", router->forward.name);
		bench_must(relay_open(west, "east", 0, &router->relay), NULL, "relay");
	} else if (router != &routers[KERNEL]) {
		apply(router);
	}
}

/* ---- packets a second ------------------------------------------------------------------- */

static const struct bench_column forward_columns[] = {
	{ "router", -28, 0 },	  { "Mpps", 6, 2 }, { "of_kernel", 9, 2 },
	{ "of_redirect", 11, 2 }, { "lost", 8, 0 }, { "duplicated", 10, 0 },
	{ "reordered", 9, 0 },
};

static void forward(void)
{
	double kernel, bare;

	for (int i = 0; i < ROUTERS; i++)
		set_up(&routers[i]);
	for (int round = 0; round < FORWARD_ROUNDS; round++)
		for (int i = 0; i < ROUTERS; i++)
			rate_run(routers[i].forward.traffic, &routers[i].forward.rate);

	kernel = rate_of(&routers[KERNEL].forward.rate);
	bare = rate_of(&routers[BARE].forward.rate);
	bench_table("forward", "64-byte frames routed from one veth to another", forward_columns,
		    LENGTH(forward_columns));
	for (int i = 0; i < ROUTERS; i++) {
		struct rate *rate = &routers[i].forward.rate;
		double mine = rate_of(rate);

		bench_row(routers[i].forward.title, mine / 1e6, mine / kernel, mine / bare,
			  rate->lost, rate->duplicated, rate->reordered);
	}
	for (int i = BY_KERNEL; i < ROUTERS; i++) {
		double mine = rate_of(&routers[i].forward.rate);
		char text[96];

		snprintf(text, sizeof(text), "%s / the kernel", routers[i].forward.title);
		bench_goal(text, mine / kernel, 3, true);
		snprintf(text, sizeof(text), "%s / bare redirect", routers[i].forward.title);
		bench_goal(text, mine / bare, 0.8, true);
	}
}

static void tear_down(void)
{
	for (int i = 0; i < ROUTERS; i++) {
		forward_close(&routers[i].forward);
		relay_close(routers[i].relay);
	}
}

/* ---- tables ----------------------------------------------------------------------------- */

/* The block's table of the only cell that has one. */
static int open_table(struct router *router)
{
	char path[300];

	for (int cell = 0; cell < 64; cell++) {
		int fd;

		snprintf(path, sizeof(path), "%s/lana/%s/state/%d@ipv4", topology_bpffs(),
			 router->forward.name, cell);
		fd = bpf_obj_get(path);
		if (fd >= 0)
			return fd;
	}
	bench_must(-ENOENT, NULL, "the table of %s", router->forward.name);
	return -1;
}

/* Nanoseconds a loop, of the fastest run. */
static double time_of(int program)
{
	unsigned char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);
	double best = INFINITY;

	for (int i = 0; i < (bench_quick() ? 2 : 20); i++) {
		bench_must(bpf_prog_test_run_opts(program, &options) ? -errno : 0, NULL,
			   "test run");
		best = bench_min(best, options.duration);
	}
	return best / LOOKUPS;
}

/* What a look-up takes, the loop around it left out; of one address, or of any. */
static double lookup(int table, bool any)
{
	struct lookup_bpf *skeleton = lookup_bpf__open();
	double ns;

	bench_must(skeleton ? 0 : -errno, NULL, "lookup");
	skeleton->rodata->spread = any ? ~0U : 0;
	bench_must(bpf_map__reuse_fd(skeleton->maps.ipv4, table), NULL, "table");
	bench_must(lookup_bpf__load(skeleton), NULL, "lookup");
	ns = time_of(bpf_program__fd(skeleton->progs.lookup)) -
	     time_of(bpf_program__fd(skeleton->progs.loop));
	lookup_bpf__destroy(skeleton);
	return ns;
}

static const struct bench_column table_columns[] = {
	{ "prefixes", -9, 0 },	    { "set_ms", 8, 1 },		{ "us_a_prefix", 11, 2 },
	{ "lookup_one_ns", 13, 0 }, { "lookup_any_ns", 13, 0 },
};

static void load(void)
{
	static const unsigned int sizes[] = { 16, 1000, 100000, MILLION };
	struct router *router = &routers[BY_TABLE];

	bench_table("tables", "a table set while the router runs", table_columns,
		    LENGTH(table_columns));
	for (size_t i = 0; i < LENGTH(sizes); i++) {
		char path[256], option[300], size[20];
		const char *options[] = { option, NULL };
		struct lana_error error = {};
		double begin, took;
		int table;

		snprintf(path, sizeof(path), "%s/table", topology_scratch());
		write_table(path, sizes[i]);
		snprintf(option, sizeof(option), "table=%s", path);
		begin = bench_now();
		bench_must(lana_block_set(router->forward.stack, "route", options, &error), &error,
			   "set");
		took = bench_now() - begin;
		unlink(path);

		table = open_table(router);
		snprintf(size, sizeof(size), "%u", sizes[i]);
		bench_row(size, took * 1e3, took * 1e6 / sizes[i], lookup(table, false),
			  lookup(table, true));
		close(table);
	}
}

int main(void)
{
	bench_begin("router");
	bench_pin(BENCH_CPU_CHANGE);
	forward_begin();
	forward();
	load();
	tear_down();
	return bench_end();
}
