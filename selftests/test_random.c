// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_random - random stacks do to random packets what a model of them in plain C does
 *
 * Each stack has forks, joins, both paths, two hooks at XDP and one at tc. It runs with each block
 * in a program of its own, fused, and after some of its edges and options were changed one by one,
 * which leaves it fused in part. Compared are the verdict, the bytes and the mark of each packet,
 * and all counters. RANDOM_SEED repeats a run, RANDOM_GRAPHS says how many stacks (60).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "inspect.h"
#include "model_stack.h"
#include "tap.h"
#include "topology.h"

#define DEVICES 3
#define ENTRIES 4
#define PACKETS 300 /* an entry and mode */
#define NETNS	"random"
#define STACK	"random"

static const char *const devices[DEVICES] = { "x1", "x2", "t1" };
static const enum lana_hook hooks[DEVICES] = { LANA_HOOK_XDP, LANA_HOOK_XDP, LANA_HOOK_TC };

static struct model_stack m = { .devices = devices, .devices_count = DEVICES };
static unsigned long packets;

static struct model_entry entries[ENTRIES] = { { 0, LANA_INGRESS, 0 },
					       { 1, LANA_INGRESS, 0 },
					       { 2, LANA_INGRESS, 0 },
					       { 2, LANA_EGRESS, 0 } };

/* The roots where they come in: pins of their links, and the programs. */
static const char *const pins[ENTRIES] = { "xdp", "xdp", "ingress", "egress" };
static int programs[ENTRIES] = { -1, -1, -1, -1 };

/* ---- making a stack --------------------------------------------------------------------- */

static void random_graph(void)
{
	memset(m.blocks, 0, sizeof(m.blocks));
	m.blocks_count = 4 + model_below(24);
	for (int i = 0; i < m.blocks_count; i++) {
		/* Those that end a packet's way, the last two, less often. */
		size_t kind = model_below(4) ? model_below(model_types_count - 2)
					     : model_below(model_types_count);

		m.blocks[i].type = &model_types[kind];
	}
	model_random_blocks(&m);
	for (int i = 0; i < ENTRIES; i++)
		entries[i].first = model_below(4);
}

/* ---- packets ---------------------------------------------------------------------------- */

/* Let an IPv4 header be right, with options or without. */
static void make_sound(struct model_packet *packet)
{
	unsigned int words = packet->size < 74 || model_below(2) ? 5 : 5 + model_below(11), sum = 0;
	unsigned char *ip = packet->bytes + 14;

	ip[0] = 0x40 | words;
	ip[2] = (packet->size - 14) >> 8;
	ip[3] = packet->size - 14;
	ip[6] = model_below(4) ? 0x40 : random();
	ip[7] = model_below(4) ? 0 : random();
	ip[10] = ip[11] = 0;
	for (unsigned int i = 0; i < 4 * words; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	ip[10] = ~sum >> 8;
	ip[11] = ~sum;
}

static void random_packet(struct model_packet *packet, bool tc)
{
	static const unsigned int types[] = { 0x0800, 0x0800, 0x0800, 0x0806, 0x86dd, 0x1234 };
	static const unsigned char ttls[] = { 0, 1, 2, 3, 5, 64, 255 };
	unsigned int type = types[model_below(6)];

	packet->size = tc		? 60 + model_below(200)
		       : model_below(8) ? 14 + model_below(200)
					: 14 + model_below(40);
	for (unsigned int i = 0; i < packet->size; i++)
		packet->bytes[i] = random() >> 8;
	packet->bytes[12] = type >> 8;
	packet->bytes[13] = type;
	if (packet->size > 22)
		packet->bytes[22] = ttls[model_below(sizeof(ttls))];
	if (tc && type == 0x0800)
		packet->bytes[14] = 0x45;
	if (type == 0x0800 && packet->size >= 34 && model_below(2))
		make_sound(packet);
	packet->mark = 0;
}

static int retval_of(enum model_end end, bool tc)
{
	static const int xdp[] = { XDP_DROP, XDP_PASS, XDP_REDIRECT }, clsact[] = { 2, -1, 7 };

	return tc ? clsact[end] : xdp[end];
}

static void run_packet(const struct model_entry *entry, int program)
{
	bool tc = hooks[entry->device] == LANA_HOOK_TC;
	struct model_packet packet, wanted;
	unsigned char out[sizeof(packet.bytes)];
	struct __sk_buff skb = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.bytes, .data_out = out,
		    .data_size_out = sizeof(out));
	enum model_end end;

	random_packet(&packet, tc);
	wanted = packet;
	end = model_run(m.blocks, entry->first, entry->path, &wanted);
	options.data_size_in = packet.size;
	if (tc) {
		options.ctx_in = options.ctx_out = &skb;
		options.ctx_size_in = options.ctx_size_out = sizeof(skb);
	}
	if (bpf_prog_test_run_opts(program, &options))
		tap_bail("test run: %s", strerror(errno));
	packets++;
	if ((int)options.retval != retval_of(end, tc))
		model_fault(&m, "verdict", options.retval, retval_of(end, tc));
	if (options.data_size_out != wanted.size || memcmp(out, wanted.bytes, wanted.size))
		model_fault(&m, "bytes, of a packet of this length", options.data_size_out,
			    wanted.size);
	if (tc && skb.mark != wanted.mark)
		model_fault(&m, "mark", skb.mark, wanted.mark);
}

static unsigned long run_packets(void)
{
	unsigned long before = m.faults;

	for (int i = 0; i < ENTRIES; i++)
		for (int j = 0; programs[i] >= 0 && j < PACKETS; j++)
			run_packet(&entries[i], programs[i]);
	model_compare_counters(&m);
	return m.faults - before;
}

/* ---- the whole --------------------------------------------------------------------------- */

static void open_entries(void)
{
	struct lana_error error = {};

	for (int i = 0; i < ENTRIES; i++) {
		struct lana_block_info *info;
		struct bpf_link_info link = {};
		__u32 size = sizeof(link);
		char path[256];
		size_t count;
		int fd;

		model_must(
			lana_block_list(m.stack, devices[entries[i].device], &info, &count, &error),
			&error, "list");
		snprintf(path, sizeof(path), "%s/lana/%s/links/%u@%s", topology_bpffs(), STACK,
			 info->idp, pins[i]);
		free(info);
		fd = bpf_obj_get(path);
		if (fd < 0)
			continue; /* no tcx: hooks_clsact.sh has tested what there is instead */
		if (bpf_obj_get_info_by_fd(fd, &link, &size))
			tap_bail("%s: %s", path, strerror(errno));
		programs[i] = bpf_prog_get_fd_by_id(link.prog_id);
		close(fd);
	}
}

static void open_stack(void)
{
	static char types[2 * PATH_MAX + 64];
	const struct lana_stack_options options = { .name = STACK,
						    .bpffs = topology_bpffs(),
						    .types = types,
						    .netns = NETNS,
						    .create = true };
	struct lana_error error = {};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", inspect_build("bpf/blocks"));
	snprintf(types, sizeof(types), "%s:%s", path, inspect_build("selftests/blocks"));
	topology_netns(NETNS);
	model_must(lana_stack_open(&options, &m.stack, &error), &error, "no stack");
	for (int i = 0; i < DEVICES; i++) {
		const struct lana_hook_options hook = { .hook = hooks[i] };
		char other[16];

		snprintf(other, sizeof(other), "%s_", devices[i]);
		topology_veth(NETNS, devices[i], NETNS, other);
		model_must(lana_hook(m.stack, devices[i], &hook, &error), &error, "hook");
	}
	open_entries();
}

/* How many blocks share a program with others. */
static size_t count_fused(void)
{
	struct lana_block_info *list;
	struct lana_error error = {};
	size_t count, fused = 0;

	model_must(lana_block_list(m.stack, NULL, &list, &count, &error), &error, "list");
	for (size_t i = 0; i < count; i++)
		for (int path = 0; path < LANA_PATHS; path++)
			for (unsigned int j = 0; j < list[i].programs[path].count; j++)
				fused += strcmp(list[i].programs[path].first[j], list[i].name) != 0;
	free(list);
	return fused;
}

int main(void)
{
	unsigned int seed = getenv("RANDOM_SEED") ? atoi(getenv("RANDOM_SEED")) : time(NULL);
	int graphs = getenv("RANDOM_GRAPHS") ? atoi(getenv("RANDOM_GRAPHS")) : 60;
	unsigned long alone = 0, joined = 0, partly = 0;
	size_t fused = 0, sound = 0;

	topology_begin();
	open_stack();
	srandom(seed);
	tap_note("RANDOM_SEED=%u RANDOM_GRAPHS=%d", seed, graphs);
	for (int i = 0; i < graphs; i++) {
		random_graph();
		model_must(lana_stack_fuse(m.stack, false, NULL), NULL, "fuse off");
		model_build(&m, entries, ENTRIES);
		alone += run_packets();
		model_must(lana_stack_fuse(m.stack, true, NULL), NULL, "fuse on");
		fused += count_fused();
		joined += run_packets();
		model_change_some(&m);
		partly += run_packets();
		sound += !inspect_faults(m.stack);
		model_take_down(&m);
	}
	tap_note("%lu packets; %zu blocks in the programs of others", packets, fused);
	tap_is(alone, 0, "blocks alone do what the model does");
	tap_is(joined, 0, "fused blocks do");
	tap_is(partly, 0, "and blocks that are changed one by one");
	tap_is(sound, graphs, "every stack is sound");
	tap_ok(packets >= 100000 || graphs < 60, "there were 100,000 packets");
	tap_ok(fused > 0, "blocks were fused");
	model_must(lana_stack_flush(m.stack, NULL), NULL, "flush");
	lana_stack_close(m.stack);
	return tap_done();
}
