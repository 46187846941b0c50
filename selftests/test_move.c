// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_move - entries that old and new code change while a block gets maps of another layout
 *
 * A row is an entry: what it is when the change begins, what the old code makes of it, what the new
 * code does with its copy, and what comes out of both. All rows are tried in a map of each kind
 * that census and survey have, from the one to the other and back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <loader/cleanup.h>
#include <loader/entries.h>
#include <loader/move.h>
#include <loader/types.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"

/* packets is a sum, last is not. */
struct entry {
	unsigned long long packets;
	unsigned int last;
	bool absent;
};

#define ABSENT             \
	{                  \
		0, 0, true \
	}
#define ENTRY(packets, last)         \
	{                            \
		packets, last, false \
	}

enum deed { NOTHING, ADDS, ADDS_AND_SETS, CREATES, DELETES };

static const struct row {
	const char *name;
	struct entry before, later;
	enum deed deed; /* of the new code: packets are added, last is set */
	struct entry what;
	struct entry wanted;
	bool narrows; /* census has no room for it */
} rows[] = {
	{ "nobody touches", ENTRY(5, 7), ENTRY(5, 7), NOTHING, ABSENT, ENTRY(5, 7), false },
	{ "old code changes", ENTRY(5, 7), ENTRY(9, 8), NOTHING, ABSENT, ENTRY(9, 8), false },
	{ "old code adds", ABSENT, ENTRY(3, 7), NOTHING, ABSENT, ENTRY(3, 7), false },
	{ "old code deletes", ENTRY(5, 7), ABSENT, NOTHING, ABSENT, ABSENT, false },
	{ "new code counts in", ENTRY(5, 7), ENTRY(5, 7), ADDS, ENTRY(4, 0), ENTRY(9, 7), false },
	{ "both count in", ENTRY(5, 7), ENTRY(8, 7), ADDS, ENTRY(4, 0), ENTRY(12, 7), false },
	{ "old code changes and new code counts in", ENTRY(5, 7), ENTRY(8, 8), ADDS, ENTRY(4, 0),
	  ENTRY(12, 8), false },
	{ "both change", ENTRY(5, 7), ENTRY(8, 8), ADDS_AND_SETS, ENTRY(4, 9), ENTRY(12, 9),
	  false },
	{ "both add", ABSENT, ENTRY(3, 7), CREATES, ENTRY(2, 9), ENTRY(5, 9), false },
	{ "new code adds", ABSENT, ABSENT, CREATES, ENTRY(2, 9), ENTRY(2, 9), false },
	{ "old code deletes and new code counts in", ENTRY(5, 7), ABSENT, ADDS, ENTRY(4, 0),
	  ENTRY(4, 7), false },
	{ "old code makes anew and new code counts in", ENTRY(5, 7), ENTRY(2, 8), ADDS, ENTRY(4, 0),
	  ENTRY(6, 8), false },
	{ "new code deletes", ENTRY(5, 7), ENTRY(5, 7), DELETES, ABSENT, ABSENT, false },
	{ "old code changes and new code deletes", ENTRY(5, 7), ENTRY(8, 8), DELETES, ABSENT,
	  ABSENT, false },
	{ "old code deletes and new code makes anew", ENTRY(5, 7), ABSENT, CREATES, ENTRY(2, 9),
	  ENTRY(2, 9), false },
	{ "old code makes too large", ENTRY(5, 7), ENTRY(6, 70000), NOTHING, ABSENT,
	  ENTRY(6, 65535), true },
};

#define ROWS ARRAY_SIZE(rows)

static struct lana_stack *stack;

/* ---- maps as programs see them ------------------------------------------------------------ */

struct side {
	struct state state;
	const struct bpf_map *map;
	struct entries entries;
	bool is_census;
};

static char *pin(const struct state *state, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/lana/move/state/%u@%s", topology_bpffs(), state->cell,
		 name);
	return path;
}

static void open_side(struct side *side, const char *type, const char *map, __u32 cell,
		      struct lana_error *error)
{
	int fd;

	if (types_current(stack, type, &side->state.type, error))
		tap_bail("%s", error->text);
	side->state.cell = cell;
	side->is_census = !strcmp(type, "census");
	if (state_create(stack, side->state.type, cell, NULL, error))
		tap_bail("%s", error->text);
	fd = bpf_obj_get(pin(&side->state, map));
	for (__u32 i = 0; i < side->state.type->own_count; i++)
		if (!strcmp(bpf_map__name(side->state.type->own[i]), map))
			side->map = side->state.type->own[i];
	if (fd < 0 || !side->map)
		tap_bail("no map %s", map);
	entries_init(&side->entries, fd, side->map);
}

static void close_side(struct side *side)
{
	close(side->entries.fd);
	state_remove(stack, side->state.cell);
}

/* Prefixes lie in one another: who asks for one that is absent meets a shorter one. */
static const void *key_of(const struct side *side, size_t row)
{
	static struct {
		__u32 first;
		__u8 bytes[4];
	} key;

	key.first = row;
	key.bytes[0] = 0;
	if (side->entries.type == BPF_MAP_TYPE_LPM_TRIE) {
		key.first = 8 + row;
		key.bytes[0] = 10;
	}
	return &key;
}

/* The more a CPU is worth, the more has it counted. */
static void put_value(const struct side *side, __u8 *value, const struct entry *entry, __u32 cpu)
{
	__u64 packets = entry->packets * (cpu + 1);

	memcpy(value + (side->is_census ? 0 : 8), &packets, side->is_census ? 4 : 8);
	memcpy(value + (side->is_census ? 4 : 0), &entry->last, side->is_census ? 2 : 4);
}

static struct entry get_value(const struct side *side, const __u8 *value)
{
	struct entry entry = {};
	int packets = 0;

	if (side->is_census) {
		memcpy(&packets, value, 4);
		entry.packets = packets; /* below zero, too */
		memcpy(&entry.last, value + 4, 2);
	} else {
		memcpy(&entry.last, value, 4);
		memcpy(&entry.packets, value + 8, 8);
	}
	return entry;
}

static void set(const struct side *side, size_t row, const struct entry *entry)
{
	__u8 values[16 * 256] = {};

	if (entry->absent && !entries_indexed(side->entries.type)) {
		bpf_map_delete_elem(side->entries.fd, key_of(side, row));
		return;
	}
	for (__u32 cpu = 0; cpu < side->entries.cpus; cpu++)
		put_value(side, values + cpu * side->entries.stride, entry, cpu);
	if (bpf_map_update_elem(side->entries.fd, key_of(side, row), values, BPF_ANY))
		tap_bail("row %zu: %s", row, strerror(errno));
}

/* Is there just this entry? A trie answers with a shorter prefix too. */
static bool is_there(const struct side *side, size_t row, __u8 *values)
{
	struct keys keys;
	bool there = true;

	if (!entries_indexed(side->entries.type)) {
		if (keys_read(&keys, &side->entries))
			tap_bail("the keys cannot be read");
		there = keys_have(&keys, key_of(side, row));
		keys_free(&keys);
	}
	return there && !bpf_map_lookup_elem(side->entries.fd, key_of(side, row), values);
}

/* What the new code does. */
static void act(const struct side *side, size_t row)
{
	const struct row *r = &rows[row];
	__u8 values[16 * 256] = {};
	struct entry entry;

	if (r->deed == DELETES)
		set(side, row, &(struct entry){ .absent = true });
	if (r->deed == CREATES)
		set(side, row, &r->what);
	if (r->deed != ADDS && r->deed != ADDS_AND_SETS)
		return;
	if (!is_there(side, row, values))
		tap_bail("%s: there is nothing to count in", r->name);
	entry = get_value(side, values);
	entry.packets += r->what.packets;
	if (r->deed == ADDS_AND_SETS)
		entry.last = r->what.last;
	set(side, row, &entry);
}

static void check(const struct side *side, size_t row, const char *what)
{
	const struct row *r = &rows[row];
	__u8 values[16 * 256] = {};
	bool there = is_there(side, row, values), right = there == !r->wanted.absent;

	for (__u32 cpu = 0; right && there && cpu < side->entries.cpus; cpu++) {
		struct entry got = get_value(side, values + cpu * side->entries.stride);

		right = got.packets == r->wanted.packets * (cpu + 1) && got.last == r->wanted.last;
		if (!right)
			tap_note("CPU %u: packets %lld, last %u", cpu, (long long)got.packets,
				 got.last);
	}
	tap_ok(right, "%s: %s: %s", what, bpf_map__name(side->map), r->name);
	if (there == r->wanted.absent)
		tap_note("it is %s", there ? "there" : "missing");
}

/* ---- the test ----------------------------------------------------------------------------- */

/* Arrays have no absent entries. */
static bool applies(const struct side *side, const struct row *row, bool narrows)
{
	bool absent = row->before.absent || row->later.absent || row->wanted.absent;

	return !(absent && entries_indexed(side->entries.type)) && (!row->narrows || narrows);
}

static void finish(const struct move *move)
{
	int err = move_finish(move);

	if (err)
		tap_bail("finish: %s", strerror(-err));
}

static void test(const char *from, const char *to, const char *map)
{
	struct side old = {}, new = {};
	struct lana_error error = {};
	struct convert *convert;
	struct move move;
	char was[600], what[64];
	int snapshot;

	open_side(&old, from, map, 100, &error);
	open_side(&new, to, map, 101, &error);
	if (convert_new(old.state.type->btf, bpf_map__btf_value_type_id(old.map),
			new.state.type->btf, bpf_map__btf_value_type_id(new.map), &convert, &error))
		tap_bail("%s", error.text);
	move = (struct move){ stack, old.state, new.state, old.map, new.map, convert };

	for (size_t i = 0; i < ROWS; i++)
		if (applies(&old, &rows[i], new.is_census))
			set(&old, i, &rows[i].before);
	if (move_begin(&move, &error))
		tap_bail("begin: %s", error.text);
	for (size_t i = 0; i < ROWS; i++)
		if (applies(&old, &rows[i], new.is_census)) {
			set(&old, i, &rows[i].later);
			act(&new, i);
		}

	/* One that is killed when all is done but not noted does it again. */
	snprintf(was, sizeof(was), "%s@was", pin(&new.state, map));
	snapshot = bpf_obj_get(was);
	snprintf(what, sizeof(what), "%s to %s", from, to);
	finish(&move);
	tap_ok(access(was, F_OK), "%s: the snapshot of %s is gone", what, map);
	for (size_t i = 0; i < ROWS; i++)
		if (applies(&old, &rows[i], new.is_census))
			check(&new, i, what);
	if (bpf_obj_pin(snapshot, was))
		tap_bail("%s: %s", was, strerror(errno));
	finish(&move);
	snprintf(what, sizeof(what), "%s to %s, again", from, to);
	for (size_t i = 0; i < ROWS; i++)
		if (applies(&old, &rows[i], new.is_census))
			check(&new, i, what);
	close(snapshot);
	convert_free(convert);
	close_side(&old);
	close_side(&new);
}

int main(void)
{
	static const char *const maps[] = { "flows", "lanes",  "prefixes", "slots",
					    "cells", "recent", "recents" };
	struct lana_stack_options options = { .name = "move", .create = true };
	struct lana_error error = {};

	topology_begin();
	options.bpffs = topology_bpffs();
	options.types = inspect_build("selftests/blocks");
	if (lana_stack_open(&options, &stack, &error) || lana_type_load(stack, "census", &error) ||
	    lana_type_load(stack, "survey", &error) || stack_lock(stack, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		test("census", "survey", maps[i]);
		test("survey", "census", maps[i]);
	}
	stack_unlock(stack);
	lana_stack_flush(stack, NULL);
	lana_stack_close(stack);
	return tap_done();
}
