// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_copies - what it costs that a packet goes two ways
 *
 * At XDP one way only reads, and both are woven one after the other: beside the same blocks in one
 * way. At tc both ways set a mark, so one gets a clone: beside the same by hand, and without a
 * copy. The roots are run by BPF_PROG_TEST_RUN, in turns; of each the best run counts. At XDP with
 * marks both are copies, sent through devices: beside a bare broadcast, and a redirect to one
 * device. There live frames are run, and the clock stops when the last one has arrived.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_link.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.h"
#include "copies_hand.skel.h"
#include "selftests/topology.h"

#define NETNS	    "lana"
#define RUN_SECONDS 0.003
#define ROUNDS	    (bench_quick() ? 5 : 60)

#define TCX_EGRESS  47 /* libbpf 1.1 does not name it */

/* A 64-byte frame of UDP in IPv4. */
static unsigned char frame[64] = { [12] = 8, [14] = 0x45, [22] = 64, [23] = 17 };

struct side {
	int program;
	unsigned int ifindex; /* of tc; 0: at XDP */
	double best;
};

static void run(struct side *side)
{
	struct __sk_buff skb = { .ifindex = side->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = RUN_SECONDS * 1e9 / (isinf(side->best) ? 300 : side->best));
	double begin;

	if (side->ifindex) {
		options.ctx_in = &skb;
		options.ctx_size_in = sizeof(skb);
	}
	begin = bench_cpu_time();
	bench_must(bpf_prog_test_run_opts(side->program, &options) ? -errno : 0, NULL, "test run");
	side->best = bench_min(side->best, (bench_cpu_time() - begin) * 1e9 / options.repeat);
}

static void compare(struct side *sides, size_t count)
{
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < count; i++)
			run(&sides[i]);
}

static void apply(struct lana_stack *stack, const char *text)
{
	struct lana_error error = {};

	bench_must(lana_apply(stack, text, strlen(text), NULL, NULL, &error), &error, "apply");
	bench_must(lana_stack_fuse(stack, true, &error), &error, "fuse");
}

/* The tc programs of a device that lana has hooked are found by its link. */
static int root_of(struct lana_stack *stack, const char *device, const char *pin)
{
	struct lana_block_info *info;
	struct lana_error error = {};
	struct bpf_link_info link = {};
	__u32 size = sizeof(link);
	char path[256];
	size_t count;
	int fd;

	bench_must(lana_block_list(stack, device, &info, &count, &error), &error, "%s", device);
	snprintf(path, sizeof(path), "%s/lana/default/links/%u@%s", topology_bpffs(), info->idp,
		 pin);
	free(info);
	fd = bpf_obj_get(path);
	bench_must(fd < 0 ? -errno : bpf_obj_get_info_by_fd(fd, &link, &size), NULL, "%s", path);
	close(fd);
	return bpf_prog_get_fd_by_id(link.prog_id);
}

static const struct bench_column columns[] = {
	{ "stack", -44, 0 },
	{ "ns", 8, 1 },
};

static void bench_xdp(struct lana_stack *stack)
{
	static const char text[] =
		"hooks: { x1: { hook: xdp }, x2: { hook: xdp } }\n"
		"blocks:\n"
		"  { n1: counter, v: { type: ethertype, config: { type: 0x806 } }, n2: counter,\n"
		"    split: tee, m1: counter, w: { type: ethertype, config: { type: 0x806 } },\n"
		"    m2: counter, end: drop }\n"
		"bind:\n"
		"  - x1 -> n1 -> v\n"
		"  - v[other] -> n2 -> end\n"
		"  - x2 -> split\n"
		"  - split[0] -> m1 -> end\n"
		"  - split[1] -> w\n"
		"  - w[other] -> m2 -> end\n";
	struct side sides[2] = { { .best = INFINITY }, { .best = INFINITY } };

	apply(stack, text);
	sides[0].program = root_of(stack, "x1", "xdp");
	sides[1].program = root_of(stack, "x2", "xdp");
	compare(sides, 2);
	bench_row("xdp: counter, ethertype, counter, drop", sides[0].best);
	bench_row("xdp: the same behind a tee, on two ways", sides[1].best);
	bench_goal("XDP: ns that a way in line takes more", sides[1].best - sides[0].best, 5,
		   false);
	close(sides[0].program);
	close(sides[1].program);
}

static void bench_tc(struct lana_stack *stack, const struct copies_hand_bpf *hand)
{
	unsigned int t1 = topology_ifindex(NETNS, "t1"), h1 = topology_ifindex(NETNS, "h1");
	struct side sides[] = {
		{ bpf_program__fd(hand->progs.alone), h1, INFINITY },
		{ bpf_program__fd(hand->progs.clone), h1, INFINITY },
		{ -1, t1, INFINITY },
	};
	int home;

	apply(stack, "hooks: { t1: { hook: tc } }\n"
		     "blocks: { split: tee, a: { type: mark, value: 1 }, na: counter, end: drop,\n"
		     "  b: { type: mark, value: 2 }, nb: counter }\n"
		     "bind:\n"
		     "  - t1 -> split\n"
		     "  - split[0] -> a -> na -> end\n"
		     "  - split[1] -> b -> nb -> end\n");
	sides[2].program = root_of(stack, "t1", "ingress");
	home = topology_enter(NETNS); /* where the devices that runs name are looked up */
	compare(sides, 3);
	topology_leave(home);
	bench_row("tc: mark, counter, drop by hand", sides[0].best);
	bench_row("tc: two of these by bpf_clone_redirect by hand", sides[1].best);
	bench_row("tc: two of these behind a tee", sides[2].best);
	bench_goal("tc: a clone, lana / by hand", sides[2].best / sides[1].best, 1.1, false);
	close(sides[2].program);
}

/* ---- broadcast ------------------------------------------------------------------------------- */

#define LIVE_ROUNDS (bench_quick() ? 3 : 80)
#define LIVE_WAIT   0.2 /* seconds until all should have arrived */

struct live {
	int program;
	unsigned int copies;
	uint64_t (*arrived)(void *cookie);
	void *cookie;
	double best[2]; /* seconds that a few frames took, and many */
	unsigned int lossy;
};

/* Short, to be spared by others now and then. Setting a run up takes long: both do that. */
static const unsigned int live_frames[] = { 5000, 30000 };

static uint64_t arrived_by_hand(void *cookie)
{
	const struct copies_hand_bpf *hand = cookie;

	return __atomic_load_n(&hand->bss->arrived, __ATOMIC_RELAXED);
}

static uint64_t arrived_at_blocks(void *cookie)
{
	struct lana_block_stats *stats;
	struct lana_error error = {};
	uint64_t packets = 0;
	size_t count;

	bench_must(lana_block_stats(cookie, NULL, &stats, &count, &error), &error, "stats");
	for (size_t i = 0; i < count; i++)
		if (!strcmp(stats[i].type, "counter"))
			packets += stats[i].path[LANA_INGRESS].own[0].value;
	free(stats);
	return packets;
}

/* Rings have no room for all if the machine is busy: such a run does not count. */
static void run_live(struct live *live, int length)
{
	const unsigned int frames = live_frames[length];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = frames, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	uint64_t goal = live->arrived(live->cookie) + (uint64_t)live->copies * frames;
	double begin = bench_now(), end;
	bool all;

	bench_must(bpf_prog_test_run_opts(live->program, &options) ? -errno : 0, NULL, "live");
	do {
		end = bench_now();
		all = live->arrived(live->cookie) >= goal;
	} while (!all && end < begin + LIVE_WAIT);
	live->lossy += !all;
	if (all)
		live->best[length] = bench_min(live->best[length], end - begin);
}

static double live_ns(const struct live *live)
{
	return (live->best[1] - live->best[0]) * 1e9 / (live_frames[1] - live_frames[0]);
}

/* Both ends of a pair are in the map, and lead to what has arrived. */
static void fill_loops(const struct copies_hand_bpf *hand)
{
	static const char *const ends[] = { "y", "y_" };
	int home = topology_enter(NETNS);

	for (__u32 i = 0; i < LENGTH(ends); i++) {
		__u32 ifindex = topology_ifindex(NETNS, ends[i]);

		bench_must(bpf_map_update_elem(bpf_map__fd(hand->maps.loops), &i, &ifindex, BPF_ANY)
				   ? -errno
				   : 0,
			   NULL, "loops");
		bench_must(bpf_xdp_attach(ifindex, bpf_program__fd(hand->progs.arrive),
					  XDP_FLAGS_DRV_MODE, NULL),
			   NULL, "%s", ends[i]);
	}
	topology_leave(home);
}

static void bench_broadcast(struct lana_stack *stack, struct copies_hand_bpf *hand)
{
	struct live ways[] = {
		{ bpf_program__fd(hand->progs.single),
		  1,
		  arrived_by_hand,
		  hand,
		  { INFINITY, INFINITY },
		  0 },
		{ bpf_program__fd(hand->progs.broadcast),
		  2,
		  arrived_by_hand,
		  hand,
		  { INFINITY, INFINITY },
		  0 },
		{ -1, 2, arrived_at_blocks, stack, { INFINITY, INFINITY }, 0 },
	};

	fill_loops(hand);
	apply(stack, "hooks: { x1: { hook: xdp } }\n"
		     "blocks: { split: tee, a: { type: mark, value: 1 }, na: counter, end: drop,\n"
		     "  b: { type: mark, value: 2 }, nb: counter }\n"
		     "bind:\n"
		     "  - x1 -> split\n"
		     "  - split[0] -> a -> na -> end\n"
		     "  - split[1] -> b -> nb -> end\n");
	ways[2].program = root_of(stack, "x1", "xdp");
	for (int round = 0; round < LIVE_ROUNDS; round++)
		for (size_t i = 0; i < LENGTH(ways); i++)
			for (int length = 0; length < 2; length++)
				run_live(&ways[i], length);
	bench_row("xdp: one redirect through a veth by hand", live_ns(&ways[0]));
	bench_row("xdp: two copies by broadcast by hand", live_ns(&ways[1]));
	bench_row("xdp: two copies behind a tee", live_ns(&ways[2]));
	bench_goal("xdp: ns that a copy takes more than by hand",
		   (live_ns(&ways[2]) - live_ns(&ways[1])) / 2, 50, false);
	for (size_t i = 0; i < LENGTH(ways); i++)
		if (ways[i].lossy)
			printf("(in %u of %u runs of the row %zu of these not all arrived)\n",
			       ways[i].lossy, 2 * LIVE_ROUNDS, i + 1);
	close(ways[2].program);
}

/* ---------------------------------------------------------------------------------------------- */

/* By hand: copies go to the egress of h1. */
static struct copies_hand_bpf *open_hand(int *link)
{
	struct copies_hand_bpf *hand = copies_hand_bpf__open();
	int home;

	bench_must(hand ? 0 : -errno, NULL, "copies_hand");
	hand->rodata->device = topology_ifindex(NETNS, "h1");
	bench_must(copies_hand_bpf__load(hand), NULL, "copies_hand");
	home = topology_enter(NETNS);
	*link = bpf_link_create(bpf_program__fd(hand->progs.end), topology_ifindex(NETNS, "h1"),
				TCX_EGRESS, NULL);
	topology_leave(home);
	bench_must(*link < 0 ? -errno : 0, NULL, "attach to h1");
	return hand;
}

int main(void)
{
	static const char *const devices[] = { "x1", "x2", "t1", "h1", "y" };
	struct copies_hand_bpf *hand;
	struct lana_stack *stack;
	struct lana_error error = {};
	char other[16];
	int link;

	bench_begin("copies");
	bench_pin(BENCH_CPU_TRAFFIC);
	topology_netns(NETNS);
	for (size_t i = 0; i < LENGTH(devices); i++) {
		snprintf(other, sizeof(other), "%s_", devices[i]);
		topology_veth(NETNS, devices[i], NETNS, other);
	}
	stack = bench_stack(NETNS);
	hand = open_hand(&link);
	bench_table("copies", "ns a packet, the measurement's own included", columns,
		    LENGTH(columns));
	bench_xdp(stack);
	bench_must(lana_stack_flush(stack, &error), &error, "flush");
	lana_stack_close(stack);
	stack = bench_stack(NETNS);
	bench_tc(stack, hand);
	bench_must(lana_stack_flush(stack, &error), &error, "flush");
	lana_stack_close(stack);
	stack = bench_stack(NETNS);
	bench_broadcast(stack, hand);
	bench_must(lana_stack_flush(stack, &error), &error, "flush");
	lana_stack_close(stack);
	close(link);
	copies_hand_bpf__destroy(hand);
	return bench_end();
}
