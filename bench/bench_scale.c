// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_scale - 1,000 blocks in one stack: time to build, memory, time to look at them
 *
 * The blocks are counters, bound both ways in a chain. Their memory is told twice: by what the
 * kernel says of every program and map of the stack, and by what becomes of the free memory.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bench.h"
#include "selftests/topology.h"

#define BLOCKS 1000

/* ---- memory ----------------------------------------------------------------------------- */

struct memory {
	double programs, maps, jited; /* bytes as the kernel accounts for them */
	double available, slab;	      /* bytes, of the whole machine */
};

/* The number that follows "key:" in a file of /proc, in bytes if it is told in kB; or 0. */
static double proc_value(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	char line[256], unit[8] = "";
	double value = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			sscanf(line + strlen(key) + 1, "%lf %7s", &value, unit);
	if (file)
		fclose(file);
	return strcmp(unit, "kB") ? value : value * 1024;
}

static double memlock(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return proc_value(path, "memlock");
}

static bool contains(const __u32 *ids, __u32 count, __u32 id)
{
	for (__u32 i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

struct ids {
	__u32 *ids;
	__u32 count;
};

static void add_id(struct ids *set, __u32 id)
{
	if (contains(set->ids, set->count, id))
		return;
	set->ids = reallocarray(set->ids, set->count + 1, sizeof(*set->ids));
	bench_must(set->ids ? 0 : -ENOMEM, NULL, "maps");
	set->ids[set->count++] = id;
}

/* Add a program if it uses one of the stack's jump tables, and note which maps it has. */
static void add_program(struct memory *memory, int fd, const __u32 *tables, struct ids *maps)
{
	__u32 ids[64], length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = LENGTH(ids), .map_ids = (uintptr_t)ids };

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return;
	if (!contains(ids, info.nr_map_ids, tables[0]) &&
	    !contains(ids, info.nr_map_ids, tables[1]))
		return;
	memory->programs += memlock(fd);
	memory->jited += info.jited_prog_len;
	for (__u32 i = 0; i < info.nr_map_ids; i++)
		add_id(maps, ids[i]);
}

static __u32 pinned_id(const char *name)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/lana/default/%s", topology_bpffs(), name);
	fd = bpf_obj_get(path);
	bench_must(fd < 0 ? fd : bpf_obj_get_info_by_fd(fd, &info, &length), NULL, "%s", path);
	close(fd);
	return info.id;
}

static void account(struct memory *memory)
{
	const __u32 tables[] = { pinned_id("table@0@0"), pinned_id("table@0@1") };
	struct ids maps = {};
	__u32 id = 0;
	int fd;

	*memory = (struct memory){};
	add_id(&maps, pinned_id("registry")); /* of which no program knows */
	while (!bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		add_program(memory, fd, tables, &maps);
		close(fd);
	}
	for (__u32 i = 0; i < maps.count; i++) {
		fd = bpf_map_get_fd_by_id(maps.ids[i]);
		if (fd < 0)
			continue;
		memory->maps += memlock(fd);
		close(fd);
	}
	free(maps.ids);
	sleep(1); /* let the kernel free what was discarded */
	memory->available = proc_value("/proc/meminfo", "MemAvailable");
	memory->slab = proc_value("/proc/meminfo", "Slab");
}

static const struct bench_column memory_columns[] = {
	{ "what", -22, 0 },
	{ "empty_KiB", 10, 1 },
	{ "full_KiB", 10, 1 },
	{ "a_block_bytes", 13, 0 },
};

static void memory_row(const char *what, double before, double after, double unit)
{
	bench_row(what, before / unit, after / unit, (after - before) / BLOCKS);
}

static void report_memory(const struct memory *before, const struct memory *after)
{
	bench_table("memory", "memory of 1,000 blocks, a program for each path in use",
		    memory_columns, LENGTH(memory_columns));
	memory_row("programs", before->programs, after->programs, 1024);
	memory_row("their machine code", before->jited, after->jited, 1024);
	memory_row("maps", before->maps, after->maps, 1024);
	memory_row("MemAvailable, lost", 0, before->available - after->available, 1024);
	memory_row("Slab", before->slab, after->slab, 1024);
}

/* ---- time ------------------------------------------------------------------------------- */

static const struct bench_column time_columns[] = {
	{ "what", -34, 0 },
	{ "ms", 9, 2 },
	{ "us_a_block", 10, 2 },
};

static void time_row(const char *what, double seconds)
{
	bench_row(what, seconds * 1e3, seconds * 1e6 / BLOCKS);
}

/* Build, and say how long the first and the last tenth took. */
static void build(struct lana_stack *stack)
{
	char name[LANA_NAME_MAX], lower[LANA_NAME_MAX] = "in";
	double times[12];
	int t = 0;

	for (int n = 0; n < BLOCKS; n++) {
		if (n == 0 || n == BLOCKS / 10 || n == BLOCKS - BLOCKS / 10)
			times[t++] = bench_now();
		snprintf(name, sizeof(name), "block%d", n);
		bench_add(stack, name, "counter");
	}
	times[t++] = bench_now();
	for (int n = 0; n < BLOCKS; n++) {
		if (n == BLOCKS / 10 || n == BLOCKS - BLOCKS / 10)
			times[t++] = bench_now();
		snprintf(name, sizeof(name), "block%d", n);
		bench_bind(stack, name, lower, NULL, false);
		snprintf(lower, sizeof(lower), "%s", name);
	}
	times[t++] = bench_now();

	time_row("add 1,000 blocks", times[3] - times[0]);
	time_row("  at the rate of the first 100", (times[1] - times[0]) * 10);
	time_row("  at the rate of the last 100", (times[3] - times[2]) * 10);
	time_row("bind them both ways", times[6] - times[3]);
	time_row("  at the rate of the first 100", (times[4] - times[3]) * 10);
	time_row("  at the rate of the last 100", (times[6] - times[5]) * 10);
}

static void show(struct lana_stack *stack)
{
	struct lana_block_info *blocks;
	struct lana_error error = {};
	size_t count;

	bench_must(lana_block_list(stack, NULL, &blocks, &count, &error), &error, "list");
	free(blocks);
}

static void show_one(struct lana_stack *stack)
{
	struct lana_block_info *blocks;
	struct lana_error error = {};
	size_t count;

	bench_must(lana_block_list(stack, "block500", &blocks, &count, &error), &error, "list");
	free(blocks);
}

static void stats(struct lana_stack *stack)
{
	struct lana_block_stats *all;
	struct lana_error error = {};
	size_t count;

	bench_must(lana_block_stats(stack, NULL, &all, &count, &error), &error, "stats");
	free(all);
}

static void check(struct lana_stack *stack)
{
	struct lana_finding *findings;
	struct lana_error error = {};
	size_t count;

	bench_must(lana_stack_check(stack, &findings, &count, &error), &error, "check");
	if (count)
		error = (struct lana_error){ "the stack is not sound" };
	bench_must(count ? -EINVAL : 0, &error, "check");
	free(findings);
}

static void reopen(struct lana_stack *stack)
{
	(void)stack;
	lana_stack_close(bench_stack("lana"));
}

static const struct {
	const char *name;
	void (*call)(struct lana_stack *stack);
} calls[] = {
	{ "open and close the stack", reopen },
	{ "show all (lana_block_list)", show },
	{ "show one", show_one },
	{ "stats of all (lana_block_stats)", stats },
	{ "check (lana_stack_check)", check },
};

static const char *const commands[] = {
	"show",
	"show block500",
	"stats",
	"stats block500",
	"check",
	"set edge type=0x0800",
	"bind block500 block499",
};

static double best_call(struct lana_stack *stack, void (*call)(struct lana_stack *stack))
{
	double took[9];

	for (size_t i = 0; i < LENGTH(took); i++) {
		took[i] = bench_now();
		call(stack);
		took[i] = bench_now() - took[i];
	}
	return bench_quantile(took, LENGTH(took), 0);
}

static double best_command(const char *words)
{
	double took[9];

	for (size_t i = 0; i < LENGTH(took); i++) {
		took[i] = bench_now();
		bench_must(topology_run("%s/lanactl %s >/dev/null", getenv("LANA_BUILD") ?: "build",
					words)
				   ? -EINVAL
				   : 0,
			   NULL, "lanactl %s", words);
		took[i] = bench_now() - took[i];
	}
	return bench_quantile(took, LENGTH(took), 0);
}

int main(void)
{
	struct memory before, after;
	struct lana_error error = {};
	struct lana_stack *stack;
	char text[64];
	double begin;

	bench_begin("scale");
	topology_netns("gen");
	topology_netns("lana");
	topology_veth("gen", "out", "lana", "in");
	stack = bench_stack("lana");
	bench_must(lana_hook(stack, "in", NULL, &error), &error, "hook");
	bench_must(lana_type_load(stack, "counter", &error), &error, "load");
	bench_add(stack, "edge", "ethertype");
	account(&before);

	bench_table("time", "1,000 blocks in one stack: time (calls and commands: best of 9)",
		    time_columns, LENGTH(time_columns));
	build(stack);
	account(&after);
	for (size_t i = 0; i < LENGTH(calls); i++)
		time_row(calls[i].name, best_call(stack, calls[i].call));
	for (size_t i = 0; i < LENGTH(commands); i++) {
		snprintf(text, sizeof(text), "lanactl %s", commands[i]);
		time_row(text, best_command(commands[i]));
	}
	begin = bench_now();
	bench_must(lana_stack_flush(stack, &error), &error, "flush");
	time_row("flush", bench_now() - begin);
	lana_stack_close(stack);

	report_memory(&before, &after);
	return bench_end();
}
