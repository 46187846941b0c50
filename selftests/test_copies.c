// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_copies - packets that are sent on by several ports at once
 *
 * Random stacks with tees, fanouts, duplicates and mirrors among blocks that read, change, turn,
 * pass and drop packets, of devices and of a program, run with each block in a program of its own,
 * where every copy is a real one, fused, where branches that only read get none, and after some of
 * their edges were changed one by one. Every frame that comes out of a device or gets to the
 * kernel, and every counter, is what a model in plain C says. COPIES_SEED repeats a run,
 * COPIES_GRAPHS says how many stacks (25).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lana/socket.h>

#include "copied.h"
#include "inspect.h"
#include "model_stack.h"
#include "tap.h"
#include "topology.h"

#define DEVICES 2
#define PACKETS 25 /* an entry and mode */
#define NETNS	"copies"

/* The last one is a socket, to which no block leads. */
static const char *const devices[DEVICES + 1] = { "d1", "d2", "program" };

static struct model_stack m = { .devices = devices, .devices_count = DEVICES, .seen = true };
static unsigned long packets, frames;
static struct copied *copied;
static struct lana_socket *program;

/* Generic XDP copies nothing of what devices receive, so there the program is the only entry. */
static struct model_entry all_entries[] = { { 0, LANA_INGRESS, 0 },
					    { 1, LANA_INGRESS, 0 },
					    { DEVICES, LANA_EGRESS, 0 },
					    { 1, LANA_EGRESS, 0 } };

static struct model_entry *entries;
static size_t entries_count;

/* ---- making a stack --------------------------------------------------------------------- */

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

	if (!model_below(4))
		return &model_copying[model_below(model_copying_count)];
	if (reading && model_below(8))
		return find_type(readers[model_below(sizeof(readers) / sizeof(readers[0]))]);
	for (;;) {
		const struct model_type *type = &model_types[model_below(model_types_count)];

		/* The kernel does not cut what it takes for headers, of what sockets send. */
		if (strcmp(type->name, "trim"))
			return type;
	}
}

static void random_graph(void)
{
	bool reading = model_below(2);

	memset(m.blocks, 0, sizeof(m.blocks));
	m.blocks_count = 3 + model_below(9);
	for (int i = 0; i < m.blocks_count; i++)
		m.blocks[i].type =
			i ? random_type(reading) : &model_copying[model_below(model_copying_count)];
	model_random_blocks(&m);
	for (size_t i = 0; i < entries_count; i++)
		entries[i].first = model_below(2);
}

/* ---- packets ---------------------------------------------------------------------------- */

static void random_packet(struct model_packet *packet)
{
	static const unsigned int types[] = { 0x0800, 0x0806, 0x86dd, 0x1234 };
	static const unsigned char ttls[] = { 1, 2, 3, 64, 255 };
	unsigned int type = types[model_below(4)];

	*packet = (struct model_packet){ .size = 60 + model_below(200) };
	for (unsigned int i = 0; i < packet->size; i++)
		packet->bytes[i] = random() >> 8;
	packet->bytes[12] = type >> 8;
	packet->bytes[13] = type;
	packet->bytes[22] = ttls[model_below(sizeof(ttls))];
	packet->bytes[14] = 0x45;
}

struct expected {
	const struct model_entry *entry;
	struct copied_frames frames;
};

static bool is_program(const struct model_entry *entry)
{
	return entry->device == DEVICES;
}

/* Is what is let go sent by the device? What a program sends comes up by its device. */
static bool is_sent_on(const struct model_entry *entry)
{
	return entry->path == LANA_EGRESS && !is_program(entry);
}

static void send_packet(const struct model_entry *entry, const struct model_packet *packet)
{
	if (!is_program(entry))
		copied_send(copied, entry->device, is_sent_on(entry), packet->bytes, packet->size);
	else if (lana_socket_send(program, packet->bytes, packet->size, 1000000000))
		tap_bail("the program cannot send");
}

static void note_end(void *cookie, enum model_end end, int device,
		     const struct model_packet *packet)
{
	struct expected *expected = cookie;
	struct copied_frame *frame = &expected->frames.frames[expected->frames.count++];
	bool out = is_sent_on(expected->entry);

	if (expected->frames.count == COPIED_FRAMES_MAX)
		tap_bail("too many copies");
	memset(frame, 0, sizeof(*frame));
	frame->passed = end == MODEL_PASSED && !out;
	frame->device = end == MODEL_PASSED ? expected->entry->device : -2 - device;
	frame->size = packet->size;
	memcpy(frame->bytes, packet->bytes, packet->size);
}

static void run_packet(const struct model_entry *entry)
{
	static struct expected expected;
	const struct model_sink sink = { note_end, &expected };
	struct model_packet packet;
	size_t wrong;

	random_packet(&packet);
	expected.entry = entry;
	expected.frames.count = 0;
	model_walk(m.blocks, entry->first, entry->path, &packet, &sink);
	send_packet(entry, &packet);
	wrong = copied_compare(copied, &expected.frames);
	if (wrong)
		model_fault(&m, "frames that differ", wrong, 0);
	packets++;
	frames += expected.frames.count;
}

static unsigned long run_packets(void)
{
	unsigned long before = m.faults;

	for (size_t i = 0; i < entries_count; i++)
		for (int j = 0; j < PACKETS; j++)
			run_packet(&entries[i]);
	model_compare_counters(&m);
	return m.faults - before;
}

/* ---- the whole --------------------------------------------------------------------------- */

static void open_program(void)
{
	struct lana_block_info *info;
	struct lana_error error = {};
	size_t count;

	model_must(lana_socket_open(m.stack, devices[DEVICES], NULL, &program, &error), &error,
		   "socket");
	model_must(lana_block_list(m.stack, devices[DEVICES], &info, &count, &error), &error,
		   "list");
	copied_watch(copied, NETNS, info->device.ifindex, DEVICES);
	free(info);
}

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
	model_must(lana_stack_open(&options, &m.stack, &error), &error, "no stack");
	for (int i = 0; i < DEVICES; i++)
		model_must(lana_hook(m.stack, devices[i], &how, &error), &error, "hook");
	open_program();
	entries = hook == LANA_HOOK_SKB ? &all_entries[2] : all_entries;
	entries_count = hook == LANA_HOOK_TC ? 4 : hook == LANA_HOOK_SKB ? 1 : 3;
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

	model_must(lana_block_list(m.stack, NULL, &list, &count, &error), &error, "list");
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
		model_must(lana_stack_fuse(m.stack, false, NULL), NULL, "fuse off");
		model_build(&m, entries, entries_count);
		count_ways(&apart);
		alone += run_packets();
		model_must(lana_stack_fuse(m.stack, true, NULL), NULL, "fuse on");
		count_ways(&fused);
		joined += run_packets();
		model_change_some(&m);
		partly += run_packets();
		sound += !inspect_faults(m.stack);
		model_take_down(&m);
	}
	tap_note("%s: %lu packets became %lu frames; %zu branches in line, %zu clones, %zu copies "
		 "broadcast",
		 name, packets, frames, fused.inlined, fused.cloned, fused.broadcast);
	tap_is(alone, 0, "%s: blocks alone do what the model does", name);
	tap_is(joined, 0, "%s: fused blocks do", name);
	tap_is(partly, 0, "%s: and blocks that are changed one by one", name);
	tap_is(sound, graphs, "%s: every stack is sound", name);
	if (hook == LANA_HOOK_SKB) {
		tap_ok(!apart.cloned && apart.broadcast, "%s: there are copies of what is sent",
		       name);
	} else {
		tap_ok(!apart.inlined && fused.inlined && frames > packets / 2,
		       "%s: branches that only read get no copies when fused", name);
		tap_ok(fused.cloned + fused.broadcast < apart.cloned + apart.broadcast &&
			       (hook == LANA_HOOK_TC ? fused.cloned : fused.broadcast),
		       "%s: others do, in the way of the hook", name);
	}
	lana_socket_close(program);
	model_must(lana_stack_flush(m.stack, NULL), NULL, "flush");
	lana_stack_close(m.stack);
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
	test_random(LANA_HOOK_SKB, (graphs + 4) / 5);
	test_random(LANA_HOOK_TC, graphs);
	copied_close(copied);
	return tap_done();
}
