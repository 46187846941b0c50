// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>

#include "bench.h"
#include "fused.h"
#include "monolith.skel.h"
#include "selftests/topology.h"
#include "selftests/traffic_endpoint.h"

struct fused {
	struct lana_stack *stack;
	int root;
	struct monolith_bpf *monolith;
	int link; /* at in1 */
};

struct fused *fused_open(void)
{
	struct fused *fused = calloc(1, sizeof(*fused));
	struct lana_error error = {};

	bench_must(fused ? 0 : -ENOMEM, NULL, "stacks");
	topology_netns("gen");
	topology_netns("lana");
	topology_veth("gen", "out0", "lana", "in0");
	topology_veth("gen", "out1", "lana", "in1");
	fused->stack = bench_stack("lana");
	fused->link = -1;
	bench_must(lana_hook(fused->stack, "in0", NULL, &error), &error, "hook in0");
	fused->root = bench_attached("lana:in0");
	return fused;
}

static void detach(struct fused *fused)
{
	if (fused->link >= 0)
		close(fused->link);
	fused->link = -1;
	monolith_bpf__destroy(fused->monolith);
	fused->monolith = NULL;
}

void fused_no_hand(struct fused *fused)
{
	detach(fused);
}

void fused_close(struct fused *fused)
{
	struct lana_error error = {};

	detach(fused);
	close(fused->root);
	bench_must(lana_stack_flush(fused->stack, &error), &error, "flush");
	lana_stack_close(fused->stack);
	free(fused);
}

static void apply(struct fused *fused, const char *text, bool fuse)
{
	struct lana_error error = {};

	bench_must(lana_stack_fuse(fused->stack, true, &error), &error, "fuse");
	bench_must(lana_apply(fused->stack, text, strlen(text), NULL, NULL, &error), &error,
		   "apply");
	bench_must(lana_stack_fuse(fused->stack, fuse, &error), &error, "fuse");
}

void fused_chain(struct fused *fused, const char *type, unsigned int blocks, bool fuse)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	bench_must(file ? 0 : -ENOMEM, NULL, "stack file");
	fputs("hooks: { in0: }\nblocks:\n  end: drop\n", file);
	for (unsigned int i = 0; i < blocks; i++)
		fprintf(file, "  %s%u: %s\n", type, i, type);
	fputs("bind:\n  - in0", file);
	for (unsigned int i = 0; i < blocks; i++)
		fprintf(file, " -> %s%u", type, i);
	fputs(" -> end\n", file);
	fclose(file);
	apply(fused, text, fuse);
	free(text);
}

void fused_apply(struct fused *fused, const char *text)
{
	apply(fused, text, true);
}

void fused_real(struct fused *fused)
{
	apply(fused,
	      "hooks: { in0: }\n"
	      "blocks:\n"
	      "  split: { type: ethertype, config: { type: 0x0800 } }\n"
	      "  hops: ttl\n"
	      "  n4: counter\n"
	      "  low: { type: mark, value: 1, mask: 0xff }\n"
	      "  between: forward\n"
	      "  high: { type: mark, value: 0x100, mask: 0xff00 }\n"
	      "  all: counter\n"
	      "  other: counter\n"
	      "  late: counter\n"
	      "  before: forward\n"
	      "  behind: forward\n"
	      "  end: drop\n"
	      "bind:\n"
	      "  - in0 -> split\n"
	      "  - split[match] -> hops -> n4 -> low -> between -> high -> all -> before -> end\n"
	      "  - split[other] -> other -> all\n"
	      "  - hops[dead] -> late -> behind -> end\n",
	      true);
}

int fused_root(const struct fused *fused)
{
	return fused->root;
}

struct lana_stack *fused_stack(const struct fused *fused)
{
	return fused->stack;
}

int fused_hand(struct fused *fused, const char *name)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	struct traffic_endpoint endpoint = TRAFFIC_ENDPOINT_CLOSED;
	int home, program;

	detach(fused);
	fused->monolith = monolith_bpf__open();
	bench_must(fused->monolith ? 0 : -errno, NULL, "monolith");
	bench_must(monolith_bpf__load(fused->monolith), NULL, "monolith");
	program = bpf_program__fd(bpf_object__find_program_by_name(fused->monolith->obj, name));
	bench_must(program < 0 ? program : 0, NULL, name);

	/*
	 * Attached: a test run of a program that is not would rewrite the kernel's XDP dispatcher.
	 */
	bench_must(traffic_endpoint_open(&endpoint, "lana:in1"), NULL, "in1");
	bench_must(traffic_endpoint_enter(&endpoint, &home), NULL, "in1");
	fused->link = bpf_link_create(program, endpoint.ifindex, BPF_XDP, &options);
	bench_must(fused->link < 0 ? -errno : 0, NULL, "attach to in1");
	traffic_endpoint_leave(home);
	traffic_endpoint_close(&endpoint);
	return program;
}

int fused_hand_count(struct fused *fused, unsigned int blocks)
{
	char name[32];

	snprintf(name, sizeof(name), "count_%u", blocks);
	return fused_hand(fused, name);
}
