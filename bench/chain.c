// SPDX-License-Identifier: GPL-2.0-only
/*
 * chain - chains of like blocks, lana's and by hand; see chain.h
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>

#include "baseline.h"
#include "baseline.skel.h"
#include "bench.h"
#include "chain.h"
#include "selftests/topology.h"
#include "selftests/traffic_endpoint.h"

_Static_assert(CHAIN_MAX == BASELINE_LAST, "both kinds of chains are of one length");

const struct chain_kind chain_kinds[CHAIN_IDS] = {
	[CHAIN_FORWARD] = { "forward", "forward", NULL },
	[CHAIN_FORWARD_CONSTANT] = { "constant index", NULL, "forward_constant" },
	[CHAIN_FORWARD_VARIABLE] = { "variable index", NULL, "forward_variable" },
	[CHAIN_COUNTER] = { "counter", "counter", NULL },
	[CHAIN_HELPER_CONSTANT] = { "constant index, buff_len", NULL, "helper_constant" },
	[CHAIN_LINEAR] = { "count_linear", "count_linear", NULL },
	[CHAIN_LINEAR_CONSTANT] = { "constant index, data_end", NULL, "linear_constant" },
	[CHAIN_LINEAR_VARIABLE] = { "variable index, data_end", NULL, "linear_variable" },
	[CHAIN_DROP] = { "XDP_DROP", NULL, NULL },
};

struct chains {
	struct lana_stack *stack;
	struct baseline_bpf *baseline;
	int roots[CHAIN_IDS]; /* lana's, if any, is in place 0 */
	int links[CHAIN_IDS];
	const char *end; /* block behind lana's chains */
};

static void block_name(char name[LANA_NAME_MAX], enum chain_id id, unsigned int k)
{
	snprintf(name, LANA_NAME_MAX, "%s%u", chain_kinds[id].type, k);
}

static void build_blocks(struct chains *c, enum chain_id id)
{
	const char *type = chain_kinds[id].type;
	char name[LANA_NAME_MAX], upper[LANA_NAME_MAX] = "drop";

	/* From the first on, as baseline's programs are loaded: they lie in memory in order. */
	for (unsigned int k = 0; k < CHAIN_MAX; k++) {
		block_name(name, id, k);
		bench_add(c->stack, name, type);
	}
	bench_bind(c->stack, "drop", name, NULL, true);
	for (unsigned int k = 0; k < CHAIN_MAX; k++) {
		block_name(upper, id, k);
		if (k)
			bench_bind(c->stack, upper, name, NULL, true);
		block_name(name, id, k);
	}
}

static int program(struct chains *c, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(c->baseline->obj, name));
}

static void put(struct chains *c, const char *chain, __u32 slot, const char *name)
{
	int map = bpf_object__find_map_fd_by_name(c->baseline->obj, chain), fd = program(c, name);

	bench_must(bpf_map_update_elem(map, &slot, &fd, 0) ? -errno : 0, NULL, "%s", name);
}

static void attach(struct chains *c, enum chain_id id, int root)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	struct traffic_endpoint endpoint = TRAFFIC_ENDPOINT_CLOSED;
	char path[64];
	int home;

	snprintf(path, sizeof(path), "lana:%s", chain_device(id));
	bench_must(traffic_endpoint_open(&endpoint, path), NULL, "%s", path);
	bench_must(traffic_endpoint_enter(&endpoint, &home), NULL, "%s", path);
	c->roots[id] = root;
	c->links[id] = bpf_link_create(root, endpoint.ifindex, BPF_XDP, &options);
	bench_must(c->links[id] < 0 ? c->links[id] : 0, NULL, "attach to %s", path);
	traffic_endpoint_leave(home);
	traffic_endpoint_close(&endpoint);
}

static void build_baseline(struct chains *c, enum chain_id id)
{
	const char *chain = chain_kinds[id].baseline;
	char name[64];

	for (__u32 k = 0; k < CHAIN_MAX; k++) {
		snprintf(name, sizeof(name), "%s_%u", chain, k);
		put(c, chain, k, name);
	}
	put(c, chain, BASELINE_LAST, "drop");
	snprintf(name, sizeof(name), "%s_root", chain);
	attach(c, id, program(c, name));
}

static void hook(struct chains *c)
{
	const char *device = chain_device(CHAIN_FORWARD);
	struct lana_error error = {};
	char path[64];

	c->stack = bench_stack("lana");
	bench_must(lana_hook(c->stack, device, NULL, &error), &error, "hook %s", device);
	bench_must(lana_type_load(c->stack, bench_type("count_linear"), &error), &error, "load");
	bench_add(c->stack, "drop", "drop");
	snprintf(path, sizeof(path), "lana:%s", device);
	c->roots[CHAIN_FORWARD] = bench_attached(path);
}

struct chains *chains_open(void)
{
	struct chains *c = calloc(1, sizeof(*c));

	bench_must(c ? 0 : -ENOMEM, NULL, "chains");
	c->end = "drop";
	c->baseline = baseline_bpf__open();
	bench_must(c->baseline ? baseline_bpf__load(c->baseline) : -errno, NULL, "baseline");
	for (__u32 slot = 0; slot < BASELINE_SLOTS; slot++)
		c->baseline->bss->slots[slot] = slot;

	topology_netns("gen");
	topology_netns("lana");
	for (int id = 0; id < CHAIN_IDS; id++)
		if (id == CHAIN_FORWARD || !chain_kinds[id].type)
			topology_veth("gen", chain_entry(id), "lana", chain_device(id));
	hook(c);
	for (int id = 0; id < CHAIN_IDS; id++)
		if (chain_kinds[id].type)
			build_blocks(c, id);
		else if (chain_kinds[id].baseline)
			build_baseline(c, id);
		else
			attach(c, id, program(c, "drop"));
	return c;
}

void chains_close(struct chains *c)
{
	struct lana_error error = {};

	bench_must(lana_stack_flush(c->stack, &error), &error, "flush");
	lana_stack_close(c->stack);
	close(c->roots[CHAIN_FORWARD]);
	for (int id = 0; id < CHAIN_IDS; id++)
		if (!chain_kinds[id].type)
			close(c->links[id]);
	baseline_bpf__destroy(c->baseline);
	free(c);
}

const char *chain_entry(enum chain_id id)
{
	static char names[CHAIN_IDS][16];

	if (chain_kinds[id].type)
		id = CHAIN_FORWARD;
	snprintf(names[id], sizeof(names[id]), "out%d", id);
	return names[id];
}

const char *chain_device(enum chain_id id)
{
	static char names[CHAIN_IDS][16];

	if (chain_kinds[id].type)
		id = CHAIN_FORWARD;
	snprintf(names[id], sizeof(names[id]), "in%d", id);
	return names[id];
}

struct lana_stack *chains_stack(struct chains *c)
{
	return c->stack;
}

int chain_shape(struct chains *c, enum chain_id id, unsigned int length)
{
	const struct chain_kind *kind = &chain_kinds[id];
	unsigned int first = CHAIN_MAX - length;
	char name[64];

	if (kind->type) {
		block_name(name, id, first);
		bench_bind(c->stack, length ? name : c->end, chain_device(id), NULL, true);
		return c->roots[CHAIN_FORWARD];
	}
	if (kind->baseline) {
		snprintf(name, sizeof(name), "%s_%u", kind->baseline, first);
		put(c, kind->baseline, BASELINE_FIRST, length ? name : "drop");
	}
	return c->roots[id];
}

void chain_end(struct chains *c, const char *block)
{
	char name[LANA_NAME_MAX];

	c->end = block;
	for (int id = 0; id < CHAIN_IDS; id++)
		if (chain_kinds[id].type) {
			block_name(name, id, CHAIN_MAX - 1);
			bench_bind(c->stack, block, name, NULL, true);
		}
}
