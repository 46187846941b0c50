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
#include "model.h"
#include "tap.h"
#include "topology.h"

#define DEVICES	   3
#define ENTRIES	   4
#define PACKETS	   300 /* an entry and mode */
#define NETNS	   "random"
#define STACK	   "random"
#define FAULTS_MAX 5

static struct lana_stack *stack;
static struct model_block blocks[MODEL_BLOCKS_MAX];
static int blocks_count;
static unsigned long packets, faults;

static const struct {
	const char *name;
	enum lana_hook hook;
} devices[DEVICES] = { { "x1", LANA_HOOK_XDP }, { "x2", LANA_HOOK_XDP }, { "t1", LANA_HOOK_TC } };

/* Where packets come in: a device's root, on a path. */
static struct entry {
	int device;
	enum lana_path path;
	const char *pin; /* of its link */
	int program;
	int first; /* block that it leads to */
} entries[ENTRIES] = {
	{ 0, LANA_INGRESS, "xdp", -1, 0 },
	{ 1, LANA_INGRESS, "xdp", -1, 0 },
	{ 2, LANA_INGRESS, "ingress", -1, 0 },
	{ 2, LANA_EGRESS, "egress", -1, 0 },
};

static void must(int err, const struct lana_error *error, const char *what)
{
	if (err)
		tap_bail("%s: %s", what, error && *error->text ? error->text : strerror(-err));
}

static unsigned int below(unsigned int limit)
{
	return random() % limit;
}

static void fault(const char *what, unsigned long got, unsigned long want)
{
	if (faults++ < FAULTS_MAX)
		tap_note("%s: %lu, the model says %lu", what, got, want);
}

/* ---- making a stack --------------------------------------------------------------------- */

static const char *name_of(char name[LANA_NAME_MAX], int block)
{
	if (block < MODEL_NOWHERE)
		return devices[-2 - block].name;
	snprintf(name, LANA_NAME_MAX, "b%d", block);
	return name;
}

static int random_target(int from)
{
	unsigned int kind = below(20);

	if (kind < 3)
		return MODEL_NOWHERE;
	if (kind < 6 || from + 1 >= blocks_count)
		return MODEL_DEVICE((int)below(DEVICES));
	if (kind < 14) /* near: long ways, and joins */
		return from + 1 + below(from + 4 < blocks_count ? 3 : blocks_count - from - 1);
	return from + 1 + below(blocks_count - from - 1);
}

static void random_options(struct model_block *block)
{
	for (int i = 0; i < MODEL_OPTIONS_MAX; i++)
		if (block->type->options[i])
			block->options[i] = below(block->type->limits[i]);
	if (!strcmp(block->type->name, "ethertype") || !strcmp(block->type->name, "retype"))
		block->options[0] = (unsigned int[]){ 0x0800, 0x0806, 0x86dd, 5 }[below(4)];
	if (!strcmp(block->type->name, "maze"))
		block->options[2] = !below(8);
}

static void random_graph(void)
{
	memset(blocks, 0, sizeof(blocks));
	blocks_count = 4 + below(24);
	for (int i = 0; i < blocks_count; i++) {
		/* Those that end a packet's way, the last two, less often. */
		size_t kind = below(4) ? below(model_types_count - 2) : below(model_types_count);

		blocks[i].type = &model_types[kind];
		random_options(&blocks[i]);
		for (int path = 0; path < LANA_PATHS; path++)
			for (int port = 0; port < MODEL_PORTS_MAX; port++)
				blocks[i].edges[path][port] = random_target(i);
	}
	for (int i = 0; i < ENTRIES; i++)
		entries[i].first = below(blocks_count < 4 ? blocks_count : 4);
}

static void options_of(const struct model_block *block, char text[MODEL_OPTIONS_MAX][64],
		       const char *words[MODEL_OPTIONS_MAX + 1])
{
	static const char *const modes[] = { "plain", "twice" };
	int count = 0;

	for (int i = 0; i < MODEL_OPTIONS_MAX; i++) {
		const char *name = block->type->options[i];

		if (!name)
			continue;
		if (!strcmp(name, "mode"))
			snprintf(text[i], 64, "mode=%s", modes[block->options[i]]);
		else
			snprintf(text[i], 64, "%s=%u", name, block->options[i]);
		words[count++] = text[i];
	}
	words[count] = NULL;
}

/* How a bind of an edge is said. */
struct bind {
	char from[LANA_NAME_MAX], to[LANA_NAME_MAX], port[16];
	const char *upper, *lower;
	struct lana_bind_options options;
};

static void describe_bind(struct bind *bind, int from, int path, int port, int to)
{
	char name[LANA_NAME_MAX];

	snprintf(bind->from, sizeof(bind->from), "%s", name_of(name, from));
	snprintf(bind->to, sizeof(bind->to), "%s", name_of(name, to));
	snprintf(bind->port, sizeof(bind->port), "%d", port);
	bind->upper = path == LANA_INGRESS ? bind->to : bind->from;
	bind->lower = path == LANA_INGRESS ? bind->from : bind->to;
	bind->options = (struct lana_bind_options){ .port = bind->port,
						    .ingress = path == LANA_INGRESS,
						    .egress = path == LANA_EGRESS };
}

static void add_bind(struct lana_commit *commit, int from, int path, int port, int to)
{
	struct bind bind;

	if (to == MODEL_NOWHERE)
		return;
	describe_bind(&bind, from, path, port, to);
	must(lana_commit_bind(commit, bind.upper, bind.lower, &bind.options), NULL, "bind");
}

static void build(void)
{
	const struct lana_commit_options options = {};
	struct lana_commit *commit;
	struct lana_error error = {};
	char name[LANA_NAME_MAX], text[MODEL_OPTIONS_MAX][64];
	const char *words[MODEL_OPTIONS_MAX + 1];

	must(lana_commit_begin(stack, &commit), NULL, "begin");
	for (int i = 0; i < blocks_count; i++) {
		options_of(&blocks[i], text, words);
		must(lana_commit_add(commit, name_of(name, i), blocks[i].type->name, words), NULL,
		     "add");
	}
	for (int i = 0; i < blocks_count; i++)
		for (int path = 0; path < LANA_PATHS; path++)
			for (int port = 0; port < MODEL_PORTS_MAX; port++)
				if (blocks[i].type->ports[port])
					add_bind(commit, i, path, port,
						 blocks[i].edges[path][port]);
	for (int i = 0; i < ENTRIES; i++)
		add_bind(commit, MODEL_DEVICE(entries[i].device), entries[i].path, 0,
			 entries[i].first);
	must(lana_commit_commit(commit, &options, NULL, &error), &error, "the stack");
	lana_commit_free(commit);
}

static void take_down(void)
{
	static const char empty[] = "hooks: { x1: , x2: , t1: }";
	struct lana_error error = {};

	must(lana_apply(stack, empty, strlen(empty), NULL, NULL, &error), &error, "empty");
}

/* Change an edge or some options, one by one. */
static void change_some(void)
{
	struct lana_error error = {};
	char name[LANA_NAME_MAX], text[MODEL_OPTIONS_MAX][64];
	const char *words[MODEL_OPTIONS_MAX + 1];

	for (int i = 0; i < 6; i++) {
		int from = below(blocks_count), path = below(LANA_PATHS), port = below(2);
		struct model_block *block = &blocks[from];
		int before = block->edges[path][port], to = random_target(from), err;
		struct bind bind;

		random_options(block);
		options_of(block, text, words);
		must(lana_block_set(stack, name_of(name, from), words, &error), &error, "set");
		if (!block->type->ports[port] || to == before)
			continue;
		describe_bind(&bind, from, path, port, to == MODEL_NOWHERE ? before : to);
		err = to == MODEL_NOWHERE
			      ? lana_unbind(stack, bind.upper, bind.lower, &bind.options, &error)
			      : lana_bind(stack, bind.upper, bind.lower, &bind.options, &error);
		must(err, &error, "bind");
		block->edges[path][port] = to;
	}
}

/* ---- packets ---------------------------------------------------------------------------- */

/* Let an IPv4 header be right, with options or without. */
static void make_sound(struct model_packet *packet)
{
	unsigned int words = packet->size < 74 || below(2) ? 5 : 5 + below(11), sum = 0;
	unsigned char *ip = packet->bytes + 14;

	ip[0] = 0x40 | words;
	ip[2] = (packet->size - 14) >> 8;
	ip[3] = packet->size - 14;
	ip[6] = below(4) ? 0x40 : random();
	ip[7] = below(4) ? 0 : random();
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
	unsigned int type = types[below(6)];

	packet->size = tc ? 60 + below(200) : below(8) ? 14 + below(200) : 14 + below(40);
	for (unsigned int i = 0; i < packet->size; i++)
		packet->bytes[i] = random() >> 8;
	packet->bytes[12] = type >> 8;
	packet->bytes[13] = type;
	if (packet->size > 22)
		packet->bytes[22] = ttls[below(sizeof(ttls))];
	if (tc && type == 0x0800)
		packet->bytes[14] = 0x45;
	if (type == 0x0800 && packet->size >= 34 && below(2))
		make_sound(packet);
	packet->mark = 0;
}

static int retval_of(enum model_end end, bool tc)
{
	static const int xdp[] = { XDP_DROP, XDP_PASS, XDP_REDIRECT }, clsact[] = { 2, -1, 7 };

	return tc ? clsact[end] : xdp[end];
}

static void run_packet(const struct entry *entry)
{
	bool tc = devices[entry->device].hook == LANA_HOOK_TC;
	struct model_packet packet, wanted;
	unsigned char out[sizeof(packet.bytes)];
	struct __sk_buff skb = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.bytes, .data_out = out,
		    .data_size_out = sizeof(out));
	enum model_end end;

	random_packet(&packet, tc);
	wanted = packet;
	end = model_run(blocks, entry->first, entry->path, &wanted);
	options.data_size_in = packet.size;
	if (tc) {
		options.ctx_in = options.ctx_out = &skb;
		options.ctx_size_in = options.ctx_size_out = sizeof(skb);
	}
	if (bpf_prog_test_run_opts(entry->program, &options))
		tap_bail("test run: %s", strerror(errno));
	packets++;
	if ((int)options.retval != retval_of(end, tc))
		fault("verdict", options.retval, retval_of(end, tc));
	if (options.data_size_out != wanted.size || memcmp(out, wanted.bytes, wanted.size))
		fault("bytes, of a packet of this length", options.data_size_out, wanted.size);
	if (tc && skb.mark != wanted.mark)
		fault("mark", skb.mark, wanted.mark);
}

static void compare_side(const struct model_block *block, const struct model_side *side,
			 const struct lana_path_stats *stats)
{
	for (size_t i = 0; i < stats->own_count; i++)
		if (stats->own[i].value != side->own[i])
			fault(stats->own[i].name, stats->own[i].value, side->own[i]);
	for (int i = 0; i < LANA_DROPS_MAX; i++) {
		uint64_t got = 0;

		for (size_t j = 0; j < stats->drops_count; j++)
			if (model_drops[i] && !strcmp(stats->drops[j].name, model_drops[i]))
				got = stats->drops[j].value;
		if (got != side->drops[i])
			fault(model_drops[i], got, side->drops[i]);
	}
	for (int i = 0; i < MODEL_PORTS_MAX && block->type->ports[i]; i++) {
		uint64_t got = 0;

		for (size_t j = 0; j < stats->unbound_count; j++)
			if (!strcmp(stats->unbound[j].name, block->type->ports[i]))
				got = stats->unbound[j].value;
		if (got != side->unbound[i])
			fault(block->type->ports[i], got, side->unbound[i]);
	}
}

static void compare_counters(void)
{
	struct lana_error error = {};

	for (int i = 0; i < blocks_count; i++) {
		struct lana_block_stats *stats;
		char name[LANA_NAME_MAX];
		size_t count;

		must(lana_block_stats(stack, name_of(name, i), &stats, &count, &error), &error,
		     "stats");
		for (int path = 0; path < LANA_PATHS; path++)
			compare_side(&blocks[i], &blocks[i].sides[path], &stats->path[path]);
		free(stats);
	}
}

static unsigned long run_packets(void)
{
	unsigned long before = faults;

	for (int i = 0; i < ENTRIES; i++)
		for (int j = 0; entries[i].program >= 0 && j < PACKETS; j++)
			run_packet(&entries[i]);
	compare_counters();
	return faults - before;
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

		must(lana_block_list(stack, devices[entries[i].device].name, &info, &count, &error),
		     &error, "list");
		snprintf(path, sizeof(path), "%s/lana/%s/links/%u@%s", topology_bpffs(), STACK,
			 info->idp, entries[i].pin);
		free(info);
		fd = bpf_obj_get(path);
		if (fd < 0)
			continue; /* no tcx: hooks_clsact.sh has tested what there is instead */
		if (bpf_obj_get_info_by_fd(fd, &link, &size))
			tap_bail("%s: %s", path, strerror(errno));
		entries[i].program = bpf_prog_get_fd_by_id(link.prog_id);
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
	must(lana_stack_open(&options, &stack, &error), &error, "no stack");
	for (int i = 0; i < DEVICES; i++) {
		const struct lana_hook_options hook = { .hook = devices[i].hook };
		char other[16];

		snprintf(other, sizeof(other), "%s_", devices[i].name);
		topology_veth(NETNS, devices[i].name, NETNS, other);
		must(lana_hook(stack, devices[i].name, &hook, &error), &error, "hook");
	}
	open_entries();
}

/* How many blocks share a program with others. */
static size_t count_fused(void)
{
	struct lana_block_info *list;
	struct lana_error error = {};
	size_t count, fused = 0;

	must(lana_block_list(stack, NULL, &list, &count, &error), &error, "list");
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
		must(lana_stack_fuse(stack, false, NULL), NULL, "fuse off");
		build();
		alone += run_packets();
		must(lana_stack_fuse(stack, true, NULL), NULL, "fuse on");
		fused += count_fused();
		joined += run_packets();
		change_some();
		partly += run_packets();
		sound += !inspect_faults(stack);
		take_down();
	}
	tap_note("%lu packets; %zu blocks in the programs of others", packets, fused);
	tap_is(alone, 0, "blocks alone do what the model does");
	tap_is(joined, 0, "fused blocks do");
	tap_is(partly, 0, "and blocks that are changed one by one");
	tap_is(sound, graphs, "every stack is sound");
	tap_ok(packets >= 100000 || graphs < 60, "there were 100,000 packets");
	tap_ok(fused > 0, "blocks were fused");
	must(lana_stack_flush(stack, NULL), NULL, "flush");
	lana_stack_close(stack);
	return tap_done();
}
