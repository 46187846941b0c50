// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_state - what a block keeps is its own, goes on when its code is replaced, and goes with it
 *
 * learn remembers addresses in a map of its own, recall has the same map and only looks. The
 * ledgers keep entries in a map that is declared differently by each of them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

static const char *send_from(struct workbench *bench, unsigned char address)
{
	struct packet packet = { .size = 64 };
	static char where[64];

	packet.bytes[11] = address;
	workbench_run(bench, LANA_XDP, &packet, where, sizeof(where));
	return where;
}

static int count_pins(void)
{
	struct dirent *entry;
	char path[256];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/lana/default/state", topology_bpffs());
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

static int replace(struct workbench *bench, const char *type, bool drop, struct lana_error *error)
{
	return lana_block_replace(bench->stack, "dut", type, NULL, drop, error);
}

static void test_maps(struct workbench *bench)
{
	struct lana_error error;

	if (!tap_is(workbench_add(bench, "learn", NULL, &error), 0, "learn is added"))
		tap_bail("%s", error.text);
	tap_is_text(send_from(bench, 1), "new", "an address is new");
	tap_is_text(send_from(bench, 1), "known", "and known then");

	tap_is(lana_block_add(bench->stack, "other", "learn", NULL, &error), 0,
	       "another block of the type is added");
	tap_is(count_pins(), 2, "each has a map of its own");
	tap_is(replace(bench, "recall", false, &error), 0, "recall takes the block over");
	tap_is_text(send_from(bench, 1), "known", "and finds the address in its state");
	tap_is_text(send_from(bench, 2), "new", "but not one that never came");
	tap_is_text(send_from(bench, 2), "new", "which it does not remember");
	tap_is(replace(bench, "learn", false, &error), 0, "learn is put back");
	tap_is_text(send_from(bench, 1), "known", "and still knows it");

	tap_ok(replace(bench, "forward", false, &error) < 0, "forward would lose the state: %s",
	       error.text);
	tap_ok(strstr(error.text, "drop-state"), "the refusal names the way");
	tap_is(replace(bench, "learn", true, &error), 0, "replaced by itself, state dropped");
	tap_is_text(send_from(bench, 1), "new", "all is forgotten");
	tap_is(count_pins(), 2, "the old map is gone");
	lana_block_rm(bench->stack, "other", NULL);
	tap_is(count_pins(), 1, "a map goes with its block");
	workbench_rm(bench);
	tap_is(count_pins(), 0, "and so does the last");
}

static void test_counters(struct workbench *bench)
{
	struct lana_error error;

	workbench_add(bench, "counter", NULL, NULL);
	send_from(bench, 1);
	tap_is(replace(bench, "counter", false, &error), 0, "a counter is replaced by its like");
	send_from(bench, 1);
	tap_is(workbench_counter(bench, "packets"), 2, "it counts on");
	tap_ok(replace(bench, "ttl", false, &error) < 0, "ttl counts other things: %s", error.text);
	send_from(bench, 1);
	tap_is(workbench_counter(bench, "packets"), 3, "the refusal changed nothing");
	tap_is(replace(bench, "counter", true, &error), 0, "replaced, state dropped");
	tap_is(workbench_counter(bench, "packets"), 0, "it begins anew");
	workbench_rm(bench);
}

/* Options go along by name; what would be lost must be said. */
static void test_config(struct workbench *bench)
{
	struct lana_error error;

	workbench_add(bench, "mark", "value=5", NULL);
	tap_ok(replace(bench, "forward", false, &error) < 0, "forward has no value: %s",
	       error.text);
	tap_is(replace(bench, "mark", false, &error), 0, "mark has");
	tap_is(replace(bench, "forward", true, &error), 0, "it may be dropped");
	workbench_rm(bench);
}

/* ---- other layouts ------------------------------------------------------------------------ */

struct ledger_entry {
	unsigned int sum;
	char note[8];
};

struct ledger_more_entry {
	unsigned int extra;
	char note[16];
	unsigned long long sum;
};

/* The map of the one block that there is. */
static int open_map(const char *name)
{
	char folder[256], path[600] = "";
	struct dirent *entry;
	DIR *dir;
	int map;

	snprintf(folder, sizeof(folder), "%s/lana/default/state", topology_bpffs());
	dir = opendir(folder);
	while (dir && (entry = readdir(dir)))
		if (strchr(entry->d_name, '@') && !strcmp(strchr(entry->d_name, '@') + 1, name))
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
	if (dir)
		closedir(dir);
	map = bpf_obj_get(path);
	if (map < 0)
		tap_bail("no map %s: %s", name, strerror(errno));
	return map;
}

static void write_entry(const char *name, unsigned int key, const void *value)
{
	int map = open_map(name);

	if (bpf_map_update_elem(map, &key, value, BPF_ANY))
		tap_bail("%s: %s", name, strerror(errno));
	close(map);
}

static bool read_entry(const char *name, unsigned int key, void *value)
{
	int map = open_map(name);
	bool there = !bpf_map_lookup_elem(map, &key, value);

	close(map);
	return there;
}

/* The newest limit in the queue is the last one. */
static unsigned int last_limit(void)
{
	unsigned int limit = 0, next;
	int map = open_map("queue");

	while (!bpf_map_lookup_and_delete_elem(map, NULL, &next))
		limit = next;
	close(map);
	return limit;
}

static int set(struct workbench *bench, const char *option)
{
	return lana_block_set(bench->stack, "dut", (const char *[]){ option, NULL }, NULL);
}

static const char *option(struct workbench *bench, const char *name)
{
	static char text[LANA_CONFIG_MAX + 1];
	struct lana_block_info *info;
	size_t count;

	if (lana_block_list(bench->stack, "dut", &info, &count, NULL))
		tap_bail("no dut");
	snprintf(text, sizeof(text), "none");
	for (size_t i = 0; i < info->config_count; i++)
		if (!strcmp(info->config[i].name, name))
			snprintf(text, sizeof(text), "%s", info->config[i].text);
	free(info);
	return text;
}

static void begin_ledger(struct workbench *bench)
{
	const struct ledger_entry entry = { 7, "seven" };
	struct lana_error error;

	if (workbench_add(bench, "ledger", "limit=9 label=abc", &error))
		tap_bail("%s", error.text);
	write_entry("ledger", 1, &entry);
	send_from(bench, 1);
}

static void test_layouts(struct workbench *bench)
{
	struct ledger_more_entry more = {};
	struct ledger_entry entry = {};
	struct lana_error error = {};

	begin_ledger(bench);
	tap_is(replace(bench, "ledger_more", false, &error), 0, "another layout: %s", error.text);
	tap_ok(read_entry("ledger", 1, &more), "an entry is there");
	tap_ok(more.sum == 7 && !strcmp(more.note, "seven") && !more.extra,
	       "with its values, and zero where it had none");
	tap_is(workbench_counter(bench, "packets"), 1, "the count too");
	tap_is(workbench_counter(bench, "extra"), 0, "and zero where there was none");
	tap_is_text(option(bench, "limit"), "9", "an option is narrowed");
	tap_is_text(option(bench, "label"), "abc", "a text is shortened");
	tap_is_text(option(bench, "extra"), "0", "a new one is zero");
	tap_is(last_limit(), 9, "a map that is declared alike stays");
	send_from(bench, 1);
	tap_is(workbench_counter(bench, "packets"), 2, "it counts on");
	tap_is(last_limit(), 9, "and goes by its options");
	write_entry("ledger", 0, &more);
	tap_is_text(send_from(bench, 1), "drop policy", "it looks into the map");

	tap_ok(replace(bench, "ledger", false, &error) < 0, "the way back loses fields: %s",
	       error.text);
	tap_ok(strstr(error.text, "field 'extra' has no place"), "by name");
	tap_is(workbench_counter(bench, "packets"), 3, "the refusal changed nothing");
	tap_is(replace(bench, "ledger", true, &error), 0, "but for consent");
	tap_ok(!read_entry("ledger", 1, &entry), "then all is new");
	tap_is(workbench_counter(bench, "packets"), 0, "counts too");
	tap_is_text(option(bench, "limit"), "9", "options that have a place stay");
	tap_is(count_pins(), 2, "no map is left over");
	workbench_rm(bench);
}

/* What is refused, and part of why. */
static const struct {
	const char *type, *why;
} refusals[] = {
	{ "ledger_key", "map 'ledger' of 'dut' would be lost: its keys are laid out differently" },
	{ "ledger_kind", "it is of type hash and would be of type lru_hash" },
	{ "ledger_room", "its entries do not fit into 2" },
	{ "ledger_gone", "field 'note' has no place in the new type" },
	{ "ledger_queue",
	  "map 'queue' of 'dut' would be lost: maps of type queue are kept only if" },
	{ "counter", "map 'ledger' of 'dut' would be lost: the new type has no such map" },
	{ "forward", "counters of 'dut' would be lost: field 'packets' has no place" },
};

static void test_refusals(struct workbench *bench)
{
	struct ledger_entry entry = { 8, "eight" };
	struct lana_error error = {};
	int pins;

	begin_ledger(bench);
	pins = count_pins();
	set(bench, "limit=0");
	set(bench, "label=");
	for (unsigned int key = 2; key < 5; key++)
		write_entry("ledger", key, &entry);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		int err = replace(bench, refusals[i].type, false, &error);

		if (!tap_ok(err < 0 && strstr(error.text, refusals[i].why), "%s: %s",
			    refusals[i].type, error.text))
			tap_note("wanted %s", refusals[i].why);
		tap_is(count_pins(), pins, "%s: no map is left over", refusals[i].type);
	}

	set(bench, "limit=300");
	tap_ok(replace(bench, "ledger_more", false, &error) < 0, "a value that does not fit: %s",
	       error.text);
	tap_ok(strstr(error.text, "field 'limit': 300 does not fit __u8"), "it is named");
	tap_is_text(option(bench, "limit"), "300", "and still there");
	set(bench, "limit=3");
	set(bench, "label=abcd");
	tap_ok(replace(bench, "ledger_more", false, &error) < 0, "a text that does not fit: %s",
	       error.text);
	tap_ok(strstr(error.text, "field 'label': 'abcd' does not fit char[4]"), "it is named");
	tap_is(replace(bench, "ledger_more", true, &error), 0, "it may be lost");
	tap_is_text(option(bench, "label"), "", "then it is");
	tap_is_text(option(bench, "limit"), "3", "what fits stays");
	workbench_rm(bench);
}

static void test_room(struct workbench *bench)
{
	struct ledger_entry entry = { 8, "eight" };
	struct lana_error error = {};

	begin_ledger(bench);
	tap_is(replace(bench, "ledger_room", false, &error), 0, "few entries fit into less: %s",
	       error.text);
	tap_ok(read_entry("ledger", 1, &entry) && entry.sum == 7, "and are there");
	tap_is(replace(bench, "ledger", false, &error), 0, "and into more");
	tap_ok(read_entry("ledger", 1, &entry) && entry.sum == 7, "and are there");
	workbench_rm(bench);
}

/* A value in the way of a narrower field. */
static void test_narrowing(struct workbench *bench)
{
	struct {
		unsigned int last;
		unsigned long long packets;
	} entry = { 3, 5000000000ULL };
	struct lana_error error = {};

	if (workbench_add(bench, "survey", NULL, &error))
		tap_bail("%s", error.text);
	write_entry("flows", 1, &entry);
	tap_ok(replace(bench, "census", false, &error) < 0, "an entry that does not fit: %s",
	       error.text);
	tap_ok(strstr(error.text, "map 'flows' of 'dut'") &&
		       strstr(error.text, "field 'packets': 5000000000 does not fit __u32"),
	       "it is named");
	memset(&entry, 0, sizeof(entry));
	tap_ok(read_entry("flows", 1, &entry) && entry.packets == 5000000000ULL, "and still there");
	workbench_rm(bench);
}

/* ---- commits ------------------------------------------------------------------------------ */

static int commit(struct workbench *bench, const char *const *types, bool dry_run,
		  struct lana_commit_result *result, struct lana_error *error)
{
	const struct lana_commit_options options = { .dry_run = dry_run };
	struct lana_commit *commit;
	int err = lana_commit_begin(bench->stack, &commit);

	for (; !err && *types; types++)
		err = lana_commit_replace(commit, "dut", *types, NULL, false);
	if (!err)
		err = lana_commit_commit(commit, &options, result, error);
	lana_commit_free(commit);
	return err;
}

static const char *say(const struct lana_commit_result *result)
{
	static char text[1024];

	*text = 0;
	for (size_t i = 0; i < result->conversions_count; i++) {
		const struct lana_conversion *c = &result->conversions[i];
		size_t length = strlen(text);

		snprintf(text + length, sizeof(text) - length, "%s%s %s%s%s", i ? ", " : "",
			 c->place, c->field, *c->field ? " " : "", lana_fate_name(c->fate));
	}
	return text;
}

/* A block that is replaced first and then removed. */
static void test_removal(struct workbench *bench)
{
	struct lana_error error = {};
	struct lana_commit *commit;

	lana_block_add(bench->stack, "dut", "ledger", NULL, &error);
	lana_commit_begin(bench->stack, &commit);
	lana_commit_replace(commit, "dut", "ledger_more", NULL, false);
	lana_commit_rm(commit, "dut");
	tap_is(lana_commit_commit(commit, NULL, NULL, &error), 0, "replaced and removed: %s",
	       error.text);
	lana_commit_free(commit);
	tap_is(count_pins(), 0, "no map is left over");
}

static void test_commits(struct workbench *bench)
{
	static const char *const more[] = { "ledger_more", NULL };
	static const char *const round[] = { "ledger_room", "ledger_more", NULL };
	static const char *const gone[] = { "ledger_gone", NULL };
	struct lana_commit_result result = {};
	struct ledger_more_entry entry = {};
	struct lana_error error = {};
	int pins;

	begin_ledger(bench);
	pins = count_pins();
	tap_is(commit(bench, more, true, &result, &error), 0, "a dry run: %s", error.text);
	tap_is_text(say(&result),
		    "options extra new, options limit narrowed, options label narrowed, "
		    "counters extra new, counters packets kept, ledger extra new, "
		    "ledger note widened, ledger sum widened, queue kept",
		    "says what would become of the state");
	free(result.conversions);
	tap_is_text(option(bench, "extra"), "none", "and changes nothing");
	tap_is(count_pins(), pins, "and leaves nothing");

	tap_ok(commit(bench, gone, true, &result, &error) < 0, "one that is refused: %s",
	       error.text);
	tap_is_text(say(&result),
		    "options kept, counters kept, ledger sum kept, ledger note lost, queue kept",
		    "says what would be lost");
	free(result.conversions);

	tap_is(commit(bench, round, false, &result, &error), 0, "replaced twice at once: %s",
	       error.text);
	tap_is(result.finals_count, 0, "no count is the last");
	free(result.conversions);
	free(result.finals);
	tap_ok(read_entry("ledger", 1, &entry) && entry.sum == 7, "the entry is there");
	tap_is(workbench_counter(bench, "packets"), 1, "the count too");
	tap_is(count_pins(), pins, "no map is left over");
	workbench_rm(bench);
	test_removal(bench);
}

int main(void)
{
	struct lana_finding *findings;
	struct workbench bench;
	size_t count = 1;

	topology_begin();
	workbench_open(&bench, types);
	test_maps(&bench);
	test_counters(&bench);
	test_config(&bench);
	test_layouts(&bench);
	test_refusals(&bench);
	test_room(&bench);
	test_narrowing(&bench);
	test_commits(&bench);
	lana_stack_check(bench.stack, &findings, &count, NULL);
	tap_is(count, 0, "the stack is sound after all this");
	workbench_close(&bench);
	return tap_done();
}
