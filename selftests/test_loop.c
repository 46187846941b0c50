// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_loop - copies at XDP that come back to the stack: whose they are, and made-up ones
 *
 *	west ─► split ─┬─ 0 ─► m0 ─► n0 ─► end
 *	               └─ 1 ─► m1 ─► n1 ─► end
 *
 * Copies come in at the program of a loop's device by BPF_PROG_TEST_RUN, with what stands in front
 * of them as the test likes: so a copy can outlive its block without any race.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_link.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <maps/loops.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"

#define NETNS "loop"

static struct lana_stack *stack;
static struct lana_loops page;

static void must(int err, const struct lana_error *error, const char *what)
{
	if (err)
		tap_bail("%s: %s", what, error && *error->text ? error->text : strerror(-err));
}

static void apply(const char *text)
{
	struct lana_error error = {};

	must(lana_apply(stack, text, strlen(text), NULL, NULL, &error), &error, "apply");
}

static void read_page(void)
{
	char path[256];
	__u32 zero = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/lana/default/loops@page", topology_bpffs());
	fd = bpf_obj_get(path);
	must(fd < 0 || bpf_map_lookup_elem(fd, &zero, &page) ? -errno : 0, NULL, path);
	close(fd);
}

/* The program of a loop's device. */
static int open_root(__u32 number)
{
	int home = topology_enter(NETNS), fd;
	__u32 id = 0;

	must(bpf_xdp_query_id(page.ends[number], XDP_FLAGS_DRV_MODE, &id), NULL, "query");
	topology_leave(home);
	fd = bpf_prog_get_fd_by_id(id);
	must(fd < 0 ? -errno : 0, NULL, "program");
	return fd;
}

static __u32 idp_of(const char *name)
{
	struct lana_block_info *info;
	struct lana_error error = {};
	size_t count;
	__u32 idp;

	must(lana_block_list(stack, name, &info, &count, &error), &error, name);
	idp = info->idp;
	free(info);
	return idp;
}

static uint64_t packets(const char *name)
{
	struct lana_block_stats *stats;
	struct lana_error error = {};
	uint64_t value;
	size_t count;

	must(lana_block_stats(stack, name, &stats, &count, &error), &error, name);
	value = stats->path[LANA_INGRESS].own[0].value;
	free(stats);
	return value;
}

static uint64_t stale(void)
{
	struct lana_error error = {};
	uint64_t count;

	must(lana_stale_copies(stack, &count, &error), &error, "stale copies");
	return count;
}

/* Let a copy come back, or (NULL) a frame that is none. What the program returns. */
static unsigned int come_back(int program, const struct lana_copy *copy)
{
	unsigned char data[sizeof(*copy) + 60] = {};
	struct xdp_md context = { .data_end = sizeof(data) };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = data, .data_size_in = sizeof(data),
		    .ctx_in = &context, .ctx_size_in = sizeof(context));

	if (copy) {
		memcpy(data, copy, sizeof(*copy));
		context.data = sizeof(*copy);
	}
	must(bpf_prog_test_run_opts(program, &options) ? -errno : 0, NULL, "test run");
	return options.retval;
}

static const char split[] = "hooks: { west: { netns: " NETNS ", hook: xdp } }\n"
			    "blocks: { split: tee, m0: { type: mark, value: 1 }, n0: counter,\n"
			    "  m1: { type: mark, value: 2 }, n1: counter, end: drop }\n"
			    "bind:\n"
			    "  - west -> split\n"
			    "  - split[0] -> m0 -> n0 -> end\n"
			    "  - split[1] -> m1 -> n1 -> end\n";

/* Other blocks, of which one has the number that split had, and copies as well. */
static const char other[] = "hooks: { west: { netns: " NETNS ", hook: xdp } }\n"
			    "blocks: { again: tee, m0: { type: mark, value: 1 }, n0: counter,\n"
			    "  m1: { type: mark, value: 2 }, n1: counter, end: drop }\n"
			    "bind:\n"
			    "  - west -> again\n"
			    "  - again[0] -> m0 -> n0 -> end\n"
			    "  - again[1] -> m1 -> n1 -> end\n";

static struct lana_copy make_copy(const char *block)
{
	__u32 idp = idp_of(block);

	return (struct lana_copy){ .magic = LANA_COPY_MAGIC,
				   .device = 1,
				   .ports = { 0x10 },
				   .idp = idp,
				   .life = page.lives[idp] };
}

/* What is to become of copies that are not as they should be: the one in the table is its own. */
static void test_made_up(int program)
{
	static const struct {
		const char *name;
		__u32 magic;
		__u16 idp, life; /* to be added */
		unsigned int reached, stale;
	} rows[] = {
		{ "a copy", LANA_COPY_MAGIC, 0, 0, 1, 0 },
		{ "of a block's earlier life", LANA_COPY_MAGIC, 0, 0xffff, 0, 1 },
		{ "of a later one", LANA_COPY_MAGIC, 0, 1, 0, 1 },
		{ "of what is no block", LANA_COPY_MAGIC, 0x2000, 0, 0, 1 },
		{ "on a path where it leads nowhere", LANA_COPY_MAGIC, LANA_COPY_EGRESS, 0, 0, 1 },
		{ "of somebody else", 0x12345678, 0, 0, 0, 0 },
	};
	uint64_t reached = packets("n0"), old = stale();
	unsigned int verdict = come_back(program, NULL);

	tap_ok(verdict == XDP_DROP && packets("n0") == reached && stale() == old,
	       "a frame that is no copy is dropped");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lana_copy copy = make_copy("split");

		copy.magic = rows[i].magic;
		copy.idp += rows[i].idp;
		copy.life += rows[i].life;
		verdict = come_back(program, &copy);
		reached += rows[i].reached;
		old += rows[i].stale;
		tap_ok(verdict == XDP_DROP && packets("n0") == reached && stale() == old, "%s %s",
		       rows[i].name, rows[i].reached ? "goes on" : "is dropped");
	}
	tap_is(packets("n1"), 0, "which of the copies it is, the device says");
}

/* A copy waits while its block is removed, and another takes its number. */
static void test_outlived(void)
{
	struct lana_copy copy = make_copy("split"), fresh;
	uint64_t old = stale();
	int program;

	apply("hooks: { west: { netns: " NETNS ", hook: xdp } }\n");
	apply(other);
	tap_is(idp_of("again"), copy.idp, "another block has the number of one that has gone");
	read_page();
	program = open_root(0);
	come_back(program, &copy);
	tap_is(packets("n0") + packets("n1"), 0, "a copy that has outlived its block goes nowhere");
	tap_is(stale(), old + 1, "and is counted");
	fresh = make_copy("again");
	come_back(program, &fresh);
	tap_is(packets("n0") + packets("n1"), 1, "one of the block that is there now goes on");
	close(program);
}

int main(void)
{
	struct lana_stack_options options = { .netns = NETNS, .create = true };
	struct lana_error error = {};
	int program;

	topology_begin();
	topology_netns(NETNS);
	topology_veth(NETNS, "west", NETNS, "west_");
	options.bpffs = topology_bpffs();
	options.types = inspect_build("bpf/blocks");
	must(lana_stack_open(&options, &stack, &error), &error, "no stack");
	apply(split);
	read_page();
	program = open_root(0);
	test_made_up(program);
	close(program);
	test_outlived();
	tap_is(inspect_faults(stack), 0, "the stack is sound");
	must(lana_stack_flush(stack, &error), &error, "flush");
	lana_stack_close(stack);
	return tap_done();
}
