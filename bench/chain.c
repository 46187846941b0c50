// SPDX-License-Identifier: GPL-2.0-only
/*
 * chain - chains of like blocks, lana's and by hand; see chain.h
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "baseline.h"
#include "baseline.skel.h"
#include "bench.h"
#include "chain.h"

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
};

struct chains {
	struct lana_stack *stack;
	struct baseline_bpf *baseline;
	char device[32]; /* its block */
	int root; /* of lana's */
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

static void put(struct chains *c, const char *chain, __u32 slot, const char *program)
{
	struct bpf_object *object = c->baseline->obj;
	int map = bpf_object__find_map_fd_by_name(object, chain);
	int fd = bpf_program__fd(bpf_object__find_program_by_name(object, program));

	bench_must(bpf_map_update_elem(map, &slot, &fd, 0) ? -errno : 0, NULL, "%s", program);
}

static void build_baseline(struct chains *c, const char *chain)
{
	char program[64];

	for (__u32 k = 0; k < CHAIN_MAX; k++) {
		snprintf(program, sizeof(program), "%s_%u", chain, k);
		put(c, chain, k, program);
	}
	put(c, chain, BASELINE_LAST, "drop");
}

struct chains *chains_open(const char *netns, const char *device)
{
	struct chains *c = calloc(1, sizeof(*c));
	struct lana_error error = {};
	char path[64];

	bench_must(c ? 0 : -ENOMEM, NULL, "chains");
	c->baseline = baseline_bpf__open();
	bench_must(c->baseline ? baseline_bpf__load(c->baseline) : -errno, NULL, "baseline");
	for (__u32 slot = 0; slot < BASELINE_SLOTS; slot++)
		c->baseline->bss->slots[slot] = slot;

	c->stack = bench_stack(netns);
	snprintf(c->device, sizeof(c->device), "%s", device);
	bench_must(lana_hook(c->stack, device, NULL, &error), &error, "hook %s", device);
	bench_must(lana_type_load(c->stack, bench_type("count_linear"), &error), &error, "load");
	bench_add(c->stack, "drop", "drop");
	for (int id = 0; id < CHAIN_IDS; id++)
		if (chain_kinds[id].type)
			build_blocks(c, id);
		else
			build_baseline(c, chain_kinds[id].baseline);

	snprintf(path, sizeof(path), "%s:%s", netns, device);
	c->root = bench_attached(path);
	return c;
}

void chains_close(struct chains *c)
{
	struct lana_error error = {};

	bench_must(lana_stack_flush(c->stack, &error), &error, "flush");
	lana_stack_close(c->stack);
	baseline_bpf__destroy(c->baseline);
	close(c->root);
	free(c);
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
		bench_bind(c->stack, length ? name : "drop", c->device, NULL, true);
		return c->root;
	}
	snprintf(name, sizeof(name), "%s_%u", kind->baseline, first);
	put(c, kind->baseline, BASELINE_FIRST, length ? name : "drop");
	snprintf(name, sizeof(name), "%s_root", kind->baseline);
	return bpf_program__fd(bpf_object__find_program_by_name(c->baseline->obj, name));
}

void chain_end(struct chains *c, const char *block)
{
	char name[LANA_NAME_MAX];

	for (int id = 0; id < CHAIN_IDS; id++)
		if (chain_kinds[id].type) {
			block_name(name, id, CHAIN_MAX - 1);
			bench_bind(c->stack, block, name, NULL, true);
		}
}

int chain_drop(struct chains *c)
{
	return bpf_program__fd(c->baseline->progs.drop);
}
