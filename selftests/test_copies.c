// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_copies - packets that are sent on by several ports at once
 *
 * Random stacks with tees and fanouts among blocks that read, change, turn, pass and drop packets
 * run with each block in a program of its own, where every copy is a real one, fused, where
 * branches that only read get none, and after some of their edges were changed one by one. Every
 * frame that comes out of a device or gets to the kernel, and every counter, is what a model in
 * plain C says. COPIES_SEED repeats a run, COPIES_GRAPHS says how many stacks (25).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "copied.h"
#include "inspect.h"
#include "model.h"
#include "tap.h"
#include "topology.h"

#define DEVICES	   2
#define PACKETS	   25 /* an entry and mode */
#define NETNS	   "copies"
#define FAULTS_MAX 5

static struct lana_stack *stack;
static struct model_block blocks[MODEL_BLOCKS_MAX];
static int blocks_count;
static unsigned long packets, frames, faults;
static struct copied *copied;

static const char *const devices[DEVICES] = { "d1", "d2" };

/* Where packets come in: a device, on a path. */
static struct entry {
	int device;
	enum lana_path path;
	int first;
} entries[] = { { 0, LANA_INGRESS, 0 }, { 1, LANA_INGRESS, 0 }, { 1, LANA_EGRESS, 0 } };

static size_t entries_count;

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
		return devices[-2 - block];
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
	return from + 1 + below(from + 4 < blocks_count ? 3 : blocks_count - from - 1);
}

static void random_options(struct model_block *block)
{
	for (int i = 0; i < MODEL_OPTIONS_MAX; i++)
		if (block->type->options[i])
			block->options[i] = below(block->type->limits[i]);
	if (!strcmp(block->type->name, "ethertype") || !strcmp(block->type->name, "retype"))
		block->options[0] = (unsigned int[]){ 0x0800, 0x0806, 0x86dd, 0x1234 }[below(4)];
	if (!strcmp(block->type->name, "maze"))
		block->options[2] = !below(8);
}

static const struct model_type *find_type(const char *name)
{
	for (size_t i = 0; i < model_types_count; i++)
		if (!strcmp(model_types[i].name, name))
			return &model_types[i];
	tap_bail("no type %s", name);
}

/* Half of the stacks have much that only reads, for branches without copies. */
static const struct model_type *random_type(bool reading)
{
	static const char *const readers[] = { "forward", "counter", "ethertype",
					       "mark_is", "counter", "drop" };

	if (!below(4))
		return &model_copying[below(model_copying_count)];
	if (reading && below(8))
		return find_type(readers[below(sizeof(readers) / sizeof(readers[0]))]);
	for (;;) {
		const struct model_type *type = &model_types[below(model_types_count)];

		/* The kernel does not cut what it takes for headers, of what sockets send. */
		if (strcmp(type->name, "trim"))
			return type;
	}
}

static void random_graph(void)
{
	bool reading = below(2);

	memset(blocks, 0, sizeof(blocks));
	blocks_count = 3 + below(9);
	for (int i = 0; i < blocks_count; i++) {
		blocks[i].type =
			i ? random_type(reading) : &model_copying[below(model_copying_count)];
		random_options(&blocks[i]);
		for (int path = 0; path < LANA_PATHS; path++)
			for (int port = 0; port < MODEL_PORTS_MAX; port++)
				blocks[i].edges[path][port] = random_target(i);
	}
	for (size_t i = 0; i < entries_count; i++)
		entries[i].first = below(2);
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

static int bind_edge(struct lana_commit *commit, int from, int path, int port, int to, bool on,
		     struct lana_error *error)
{
	char from_name[LANA_NAME_MAX], to_name[LANA_NAME_MAX], number[16];
	const char *low = name_of(from_name, from), *up = name_of(to_name, to);
	struct lana_bind_options options = { .port = number,
					     .ingress = path == LANA_INGRESS,
					     .egress = path == LANA_EGRESS };
	const char *upper = path == LANA_INGRESS ? up : low, *lower = up == upper ? low : up;

	snprintf(number, sizeof(number), "%d", port);
	if (commit)
		return lana_commit_bind(commit, upper, lower, &options);
	return on ? lana_bind(stack, upper, lower, &options, error)
		  : lana_unbind(stack, upper, lower, &options, error);
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
				if (blocks[i].type->ports[port] &&
				    blocks[i].edges[path][port] != MODEL_NOWHERE)
					bind_edge(commit, i, path, port,
						  blocks[i].edges[path][port], true, NULL);
	for (size_t i = 0; i < entries_count; i++)
		bind_edge(commit, MODEL_DEVICE(entries[i].device), entries[i].path, 0,
			  entries[i].first, true, NULL);
	must(lana_commit_commit(commit, &options, NULL, &error), &error, "the stack");
	lana_commit_free(commit);
}

static void take_down(void)
{
	static const char empty[] = "hooks: { d1: , d2: }";
	struct lana_error error = {};

	must(lana_apply(stack, empty, strlen(empty), NULL, NULL, &error), &error, "empty");
}

/* Change an edge and some options, one by one. */
static void change_some(void)
{
	struct lana_error error = {};
	char name[LANA_NAME_MAX], text[MODEL_OPTIONS_MAX][64];
	const char *words[MODEL_OPTIONS_MAX + 1];

	for (int i = 0; i < 6; i++) {
		int from = below(blocks_count), path = below(4) ? LANA_INGRESS : LANA_EGRESS;
		int port = below(2), before, to = random_target(from);
		struct model_block *block = &blocks[from];
		bool on = to != MODEL_NOWHERE;

		before = block->edges[path][port];
		random_options(block);
		options_of(block, text, words);
		must(lana_block_set(stack, name_of(name, from), words, &error), &error, "set");
		if (!block->type->ports[port] || to == before)
			continue;
		must(bind_edge(NULL, from, path, port, on ? to : before, on, &error), &error,
		     "bind");
		block->edges[path][port] = to;
	}
}

/* ---- packets ---------------------------------------------------------------------------- */

static void random_packet(struct model_packet *packet)
{
	static const unsigned int types[] = { 0x0800, 0x0806, 0x86dd, 0x1234 };
	static const unsigned char ttls[] = { 1, 2, 3, 64, 255 };
	unsigned int type = types[below(4)];

	*packet = (struct model_packet){ .size = 60 + below(200) };
	for (unsigned int i = 0; i < packet->size; i++)
		packet->bytes[i] = random() >> 8;
	packet->bytes[12] = type >> 8;
	packet->bytes[13] = type;
	packet->bytes[22] = ttls[below(sizeof(ttls))];
	packet->bytes[14] = 0x45;
}

struct expected {
	const struct entry *entry;
	struct copied_frames frames;
};

static void note_end(void *cookie, enum model_end end, int device,
		     const struct model_packet *packet)
{
	struct expected *expected = cookie;
	struct copied_frame *frame = &expected->frames.frames[expected->frames.count++];
	bool out = expected->entry->path == LANA_EGRESS; /* and what is let go is sent */

	if (expected->frames.count == COPIED_FRAMES_MAX)
		tap_bail("too many copies");
	memset(frame, 0, sizeof(*frame));
	frame->passed = end == MODEL_PASSED && !out;
	frame->device = end == MODEL_PASSED ? expected->entry->device : -2 - device;
	frame->size = packet->size;
	memcpy(frame->bytes, packet->bytes, packet->size);
}

static void run_packet(const struct entry *entry)
{
	static struct expected expected;
	const struct model_sink sink = { note_end, &expected };
	struct model_packet packet;
	size_t wrong;

	random_packet(&packet);
	expected.entry = entry;
	expected.frames.count = 0;
	model_walk(blocks, entry->first, entry->path, &packet, &sink);
	copied_send(copied, entry->device, entry->path == LANA_EGRESS, packet.bytes, packet.size);
	wrong = copied_compare(copied, &expected.frames);
	if (wrong)
		fault("frames that differ", wrong, 0);
	packets++;
	frames += expected.frames.count;
}

static void compare_side(const char *name, const struct model_block *block,
			 const struct model_side *side, const struct lana_path_stats *stats)
{
	char what[100];

	for (size_t i = 0; i < stats->own_count; i++)
		if (stats->own[i].value != side->own[i]) {
			snprintf(what, sizeof(what), "%s: %s", name, stats->own[i].name);
			fault(what, stats->own[i].value, side->own[i]);
		}
	for (int i = 0; i < LANA_DROPS_MAX; i++) {
		uint64_t got = 0;

		for (size_t j = 0; j < stats->drops_count; j++)
			if (model_drops[i] && !strcmp(stats->drops[j].name, model_drops[i]))
				got = stats->drops[j].value;
		snprintf(what, sizeof(what), "%s: %s", name, model_drops[i]);
		if (got != side->drops[i])
			fault(what, got, side->drops[i]);
	}
	for (int i = 0; i < MODEL_PORTS_MAX && block->type->ports[i]; i++) {
		uint64_t got = 0;

		for (size_t j = 0; j < stats->unbound_count; j++)
			if (!strcmp(stats->unbound[j].name, block->type->ports[i]))
				got = stats->unbound[j].value;
		snprintf(what, sizeof(what), "%s: unbound %s", name, block->type->ports[i]);
		if (got != side->unbound[i])
			fault(what, got, side->unbound[i]);
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
			compare_side(name, &blocks[i], &blocks[i].sides[path], &stats->path[path]);
		free(stats);
	}
}

static unsigned long run_packets(void)
{
	unsigned long before = faults;

	for (size_t i = 0; i < entries_count; i++)
		for (int j = 0; j < PACKETS; j++)
			run_packet(&entries[i]);
	compare_counters();
	return faults - before;
}

/* ---- the whole --------------------------------------------------------------------------- */

static void open_stack(enum lana_hook hook)
{
	static char types[2 * PATH_MAX + 64];
	struct lana_stack_options options = {
		.bpffs = topology_bpffs(), .types = types, .netns = NETNS, .create = true
	};
	const struct lana_hook_options how = { .hook = hook };
	struct lana_error error = {};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", inspect_build("bpf/blocks"));
	snprintf(types, sizeof(types), "%s:%s", path, inspect_build("selftests/blocks"));
	must(lana_stack_open(&options, &stack, &error), &error, "no stack");
	for (int i = 0; i < DEVICES; i++)
		must(lana_hook(stack, devices[i], &how, &error), &error, "hook");
	entries_count = hook == LANA_HOOK_TC ? 3 : 2;
}

/* How many packets take which way where packets are sent on by several ports. */
struct ways {
	size_t inlined, cloned, broadcast;
};

static void count_ways(struct ways *ways)
{
	struct lana_block_info *list;
	struct lana_error error = {};
	size_t count;

	must(lana_block_list(stack, NULL, &list, &count, &error), &error, "list");
	for (size_t i = 0; i < count; i++)
		for (int path = 0; path < LANA_PATHS; path++) {
			ways->inlined += list[i].copies[path].inlined;
			ways->cloned += list[i].copies[path].cloned;
			ways->broadcast += list[i].copies[path].broadcast;
		}
	free(list);
}

static void test_random(enum lana_hook hook, int graphs)
{
	const char *name = lana_hook_name(hook);
	unsigned long alone = 0, joined = 0, partly = 0;
	struct ways apart = {}, fused = {};
	int sound = 0;

	packets = frames = 0;
	open_stack(hook);
	for (int i = 0; i < graphs; i++) {
		random_graph();
		must(lana_stack_fuse(stack, false, NULL), NULL, "fuse off");
		build();
		count_ways(&apart);
		alone += run_packets();
		must(lana_stack_fuse(stack, true, NULL), NULL, "fuse on");
		count_ways(&fused);
		joined += run_packets();
		change_some();
		partly += run_packets();
		sound += !inspect_faults(stack);
		take_down();
	}
	tap_note("%s: %lu packets became %lu frames; %zu branches in line, %zu clones, %zu copies "
		 "broadcast",
		 name, packets, frames, fused.inlined, fused.cloned, fused.broadcast);
	tap_is(alone, 0, "%s: blocks alone do what the model does", name);
	tap_is(joined, 0, "%s: fused blocks do", name);
	tap_is(partly, 0, "%s: and blocks that are changed one by one", name);
	tap_is(sound, graphs, "%s: every stack is sound", name);
	tap_ok(!apart.inlined && fused.inlined && frames > packets / 2,
	       "%s: branches that only read get no copies when fused", name);
	tap_ok(fused.cloned + fused.broadcast < apart.cloned + apart.broadcast &&
		       (hook == LANA_HOOK_TC ? fused.cloned : fused.broadcast),
	       "%s: others do, in the way of the hook", name);
	must(lana_stack_flush(stack, NULL), NULL, "flush");
	lana_stack_close(stack);
}

int main(void)
{
	unsigned int seed = getenv("COPIES_SEED") ? atoi(getenv("COPIES_SEED")) : time(NULL);
	int graphs = getenv("COPIES_GRAPHS") ? atoi(getenv("COPIES_GRAPHS")) : 25;

	topology_begin();
	topology_netns(NETNS);
	topology_run("ip netns exec %s sysctl -qw net.ipv6.conf.all.disable_ipv6=1 "
		     "net.ipv6.conf.default.disable_ipv6=1",
		     NETNS);
	for (int i = 0; i < DEVICES; i++) {
		char other[16];

		snprintf(other, sizeof(other), "%s_", devices[i]);
		topology_veth(NETNS, devices[i], NETNS, other);
	}
	copied = copied_open(NETNS, devices, DEVICES);
	srandom(seed);
	tap_note("COPIES_SEED=%u COPIES_GRAPHS=%d", seed, graphs);
	test_random(LANA_HOOK_XDP, graphs);
	test_random(LANA_HOOK_TC, graphs);
	copied_close(copied);
	return tap_done();
}
