// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_live_state - what blocks have counted and remembered adds up when their code is replaced
 * under full load
 *
 *	 generator        stack                        checker
 *	+--------+    +---------------------------+    +--------+
 *	|     g0 |----| in ─► … blocks … ─► out   |----| c0     |
 *	+--------+    +---------------------------+    +--------+
 *
 * census and survey count each frame in their counters and in maps of several kinds, laid out
 * differently. LANA_SOAK=N in the environment takes N times as many turns and kills.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "inspect.h"
#include "live.h"
#include "tap.h"
#include "topology.h"
#include "victim.h"

/* ---- what is in the maps ------------------------------------------------------------------ */

static const char *const maps[] = { "flows", "lanes", "prefixes", "slots", "cells" };

#define MAPS_COUNT (sizeof(maps) / sizeof(maps[0]))

/* The one map of that name that a block has. */
static int open_map(const char *name)
{
	char folder[256], path[600] = "";
	struct dirent *entry;
	DIR *dir;
	int map;

	snprintf(folder, sizeof(folder), "%s/lana/live/state", topology_bpffs());
	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		const char *at = strchr(entry->d_name, '@');

		if (!at || strncmp(at + 1, name, strlen(name)))
			continue;
		if (*path)
			tap_note("there is %s beside %s", entry->d_name, path);
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
	}
	if (dir)
		closedir(dir);
	map = bpf_obj_get(path);
	if (map < 0)
		tap_bail("no map %s: %s", name, strerror(errno));
	return map;
}

/* Of census, of survey. */
static uint64_t packets_in(const unsigned char *value, unsigned int size, uint64_t *wrong)
{
	unsigned int last = 0;
	uint64_t packets = 0;

	memcpy(&packets, value + (size == 8 ? 0 : 8), size == 8 ? 4 : 8);
	memcpy(&last, value + (size == 8 ? 4 : 0), size == 8 ? 2 : 4);
	*wrong += packets && last != 1234;
	return packets;
}

/* Packets of all entries, and how many entries are not as the code leaves them. */
static uint64_t sum_map(const char *name, uint64_t *wrong, unsigned int *entries)
{
	int map = open_map(name), cpus = libbpf_num_possible_cpus();
	struct bpf_map_info info = {};
	unsigned char key[8], values[16 * 256];
	unsigned int size = sizeof(info);
	uint64_t sum = 0;
	bool first = true;

	if (bpf_obj_get_info_by_fd(map, &info, &size) || cpus > 256)
		tap_bail("%s cannot be read", name);
	if (info.type != BPF_MAP_TYPE_PERCPU_HASH && info.type != BPF_MAP_TYPE_PERCPU_ARRAY)
		cpus = 1;
	for (; !bpf_map_get_next_key(map, first ? NULL : key, key); first = false) {
		bool counted = false;

		if (bpf_map_lookup_elem(map, key, values))
			tap_bail("an entry of %s has gone", name);
		for (int cpu = 0; cpu < cpus; cpu++) {
			uint64_t packets =
				packets_in(values + cpu * info.value_size, info.value_size, wrong);

			sum += packets;
			counted |= packets;
		}
		*entries += counted;
	}
	close(map);
	return sum;
}

static void check_maps(const char *name, uint64_t received)
{
	for (size_t i = 0; i < MAPS_COUNT; i++) {
		unsigned int entries = 0;
		uint64_t wrong = 0, sum = sum_map(maps[i], &wrong, &entries);

		tap_is((long long)(sum - received), 0, "%s: %s hold each frame once, in %u entries",
		       name, maps[i], entries);
		tap_is(wrong, 0, "%s: %s: the other field of each is right", name, maps[i]);
	}
}

static const struct live_case cases[] = {
	{
		.name = "40 replaces by another layout",
		.setup = { "add count census", "bind out count", "bind count in" },
		.turn = { "replace count survey", "flow", "replace count census", "flow" },
		.turns = 20,
		.counted = { "count" },
		.settled = check_maps,
	},
	{
		/*
		 * in ─► split ─ match, other ─► mid ─► out: two slots are written one after the
		 * other
		 */
		.name = "20 replaces of a block that two ports lead to",
		.setup = { "add split ethertype type=0x0800", "add mid census", "bind out mid",
			   "bind mid split port match", "bind mid split port other",
			   "bind split in" },
		.turn = { "replace mid survey", "flow", "replace mid census", "flow" },
		.turns = 10,
		.booked = "mid:protocol",
		.counted = { "mid" },
		.settled = check_maps,
		.traffic = { .arp_every = 3 },
	},
	{
		.name = "200 replaces by other counters",
		.setup = { "add count counter", "bind out count", "bind count in" },
		.turn = { "replace count gauge", "replace count counter" },
		.turns = 100,
		.counted = { "count" },
	},
};

/* ---- commits and kills -------------------------------------------------------------------- */

static const char *const maps_types[] = { "survey", "census" };
static const char *const counters_types[] = { "gauge", "counter" };

/* Both blocks in one instant. */
static int replace_both(struct lana_stack *stack, unsigned int n, struct lana_error *error)
{
	struct lana_commit *commit;
	int err = lana_commit_begin(stack, &commit);

	if (!err)
		err = lana_commit_replace(commit, "count", maps_types[n % 2], NULL, false);
	if (!err)
		err = lana_commit_replace(commit, "more", counters_types[n % 2], NULL, false);
	if (!err)
		err = lana_commit_commit(commit, NULL, NULL, error);
	lana_commit_free(commit);
	return err;
}

static int replace_one(struct lana_stack *stack, unsigned int n, struct lana_error *error)
{
	return lana_block_replace(stack, "count", maps_types[n % 2], NULL, false, error);
}

static void commit_twice(struct lana_stack *stack)
{
	struct lana_error error = {};

	for (unsigned int n = 0; n < 2; n++)
		if (replace_both(stack, n, &error))
			tap_bail("commit: %s", error.text);
}

static unsigned int busy, decided, seed;

static void *open_in_victim(void)
{
	return live_open_again();
}

static void replace(void *stack, unsigned int n)
{
	struct lana_error error = {};
	int err = n / 2 % 2 ? replace_one(stack, n, &error) : replace_both(stack, n, &error);

	if (err) {
		fprintf(stderr, "# a replace is refused: %s\n", error.text);
		_exit(1);
	}
}

static const struct victim replacer = { .begin = open_in_victim, .work = replace, .rounds = 2 };

/* Whoever comes next, this process or the next victim, finishes what was begun. */
static void kill_one(struct lana_stack *stack)
{
	struct inspect_journal journal;

	victim_kill(&replacer, 0, &seed);
	journal = inspect_journal("live");
	busy += journal.busy;
	decided += journal.pending;
	if (rand_r(&seed) % 2 && inspect_faults(stack))
		tap_ok(false, "the stack is sound after a kill");
}

#define TWO_BLOCKS                                                                          \
	{                                                                                   \
		"add count census", "add more counter", "bind out more", "bind more count", \
			"bind count in"                                                     \
	}

static const struct live_case both[] = {
	{
		.name = "20 commits that replace two blocks",
		.setup = TWO_BLOCKS,
		.act = commit_twice,
		.turns = 10,
		.counted = { "count", "more" },
		.settled = check_maps,
	},
	{
		.name = "48 writers killed while they replace blocks",
		.setup = TWO_BLOCKS,
		.act = kill_one,
		.turns = 48,
		.counted = { "count", "more" },
		.settled = check_maps,
	},
};

int main(void)
{
	seed = getenv("LANA_SEED") ? strtoul(getenv("LANA_SEED"), NULL, 10)
				   : (unsigned int)time(NULL);
	live_begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		live_run(&cases[i], LANA_HOOK_XDP, false);
		live_run(&cases[i], LANA_HOOK_XDP, true);
	}
	live_run(&cases[0], LANA_HOOK_TC, true);
	tap_note("LANA_SEED=%u", seed);
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		live_run(&both[i], LANA_HOOK_XDP, i % 2);
	tap_note("%u writers killed in a change, %u after it was decided", busy, decided);
	tap_ok(busy > 0 && decided > 0, "writers were killed before and after they had decided");
	return tap_done();
}
