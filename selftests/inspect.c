// SPDX-License-Identifier: GPL-2.0-only
/*
 * inspect - look at a stack from outside: what it is, and what is left of it
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <loader/registry.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"

#define GONE_MS 10000 /* programs are freed some time after their last user went */

static const char *stack_folder(const char *stack)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lana/%s", topology_bpffs(), stack);
	return path;
}

/* ---- what it is --------------------------------------------------------------------------- */

static int compare_blocks(const void *a, const void *b)
{
	const struct lana_block_info *one = a, *other = b;

	return strcmp(one->name, other->name);
}

char *inspect_stack(struct lana_stack *stack)
{
	struct lana_block_info *blocks;
	struct lana_error error = {};
	size_t count, size;
	char *text = NULL;
	FILE *out;

	if (lana_block_list(stack, NULL, &blocks, &count, &error))
		tap_bail("the stack cannot be listed: %s", error.text);
	qsort(blocks, count, sizeof(*blocks), compare_blocks);

	out = open_memstream(&text, &size);
	if (!out)
		tap_bail("out of memory");
	for (size_t i = 0; i < count; i++) {
		const struct lana_block_info *block = &blocks[i];

		fprintf(out, "%s %s refs=%u", block->name, block->type, block->references);
		for (size_t j = 0; j < block->config_count; j++)
			fprintf(out, " %s=%s", block->config[j].name, block->config[j].text);
		if (block->filter.kind != LANA_FILTER_NONE)
			fprintf(out, " %s=%s", lana_filter_kind_name(block->filter.kind),
				block->filter.text);
		for (size_t j = 0; j < block->edges_count; j++)
			fprintf(out, " %s.%s->%s", lana_path_name(block->edges[j].path),
				block->edges[j].port_name, block->edges[j].to_name);
		for (size_t j = 0; j < block->subscribers_count; j++)
			fprintf(out, " told:%s", block->subscribers[j]);
		fprintf(out, " %s%s\n", lana_hook_name(block->device.hook),
			block->device.gone ? " gone" : "");
	}
	fclose(out);
	free(blocks);
	return text;
}

int inspect_faults(struct lana_stack *stack)
{
	struct lana_finding *found;
	struct lana_error error = {};
	int err, faults = 0;
	size_t count;

	err = lana_stack_check(stack, &found, &count, &error);
	if (err) {
		tap_note("check: %s", error.text);
		return err;
	}
	for (size_t i = 0; i < count; i++) {
		if (strstr(found[i].text, "carrier is down"))
			continue; /* nobody has set it up */
		tap_note("check: %s: %s", found[i].subject, found[i].text);
		faults++;
	}
	free(found);
	return faults;
}

static const struct registry *map_registry(const char *stack)
{
	char path[PATH_MAX + 16];
	void *registry;
	int fd;

	snprintf(path, sizeof(path), "%s/registry", stack_folder(stack));
	fd = bpf_obj_get(path);
	registry = mmap(NULL, sizeof(struct registry), PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || registry == MAP_FAILED)
		tap_bail("no registry at %s: %s", path, strerror(errno));
	close(fd);
	return registry;
}

struct inspect_journal inspect_journal(const char *stack)
{
	const struct registry *registry = map_registry(stack);
	struct inspect_journal journal = { registry->busy, registry->pending, registry->notified };

	munmap((void *)registry, sizeof(*registry));
	return journal;
}

/* ---- what is left of it -------------------------------------------------------------------- */

/* Numbers of maps or of programs. */
struct ids {
	__u32 *list;
	size_t count;
};

struct leftovers {
	struct ids maps, programs;
};

static bool has(const struct ids *ids, __u32 id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->list[i] == id)
			return true;
	return false;
}

static void note(struct ids *ids, __u32 id)
{
	if (has(ids, id))
		return;
	ids->list = reallocarray(ids->list, ids->count + 1, sizeof(*ids->list));
	if (!ids->list)
		tap_bail("out of memory");
	ids->list[ids->count++] = id;
}

static struct ids *pinned; /* where nftw() finds it */
static size_t pins;

static int note_pin(const char *path, const struct stat *info, int type, struct FTW *where)
{
	struct bpf_map_info map = {};
	__u32 size = sizeof(map);
	int fd;

	(void)info, (void)where;
	pins++;
	if (type != FTW_F || strstr(path, "/links/"))
		return 0;
	fd = bpf_obj_get(path);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &map, &size))
		note(pinned, map.id);
	if (fd >= 0)
		close(fd);
	return 0;
}

static void note_pins(const char *stack, struct ids *maps)
{
	pinned = maps;
	pins = 0;
	nftw(stack_folder(stack), note_pin, 16, FTW_PHYS);
}

bool leftovers_pinned(const char *stack)
{
	struct ids maps = {};

	note_pins(stack, &maps);
	free(maps.list);
	return pins;
}

/* The maps of a program; how many, or 0 if it is gone. */
static __u32 maps_of(__u32 program, __u32 maps[64])
{
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (__u64)(unsigned long)maps };
	__u32 size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(program);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		info.nr_map_ids = 0;
	if (fd >= 0)
		close(fd);
	return info.nr_map_ids;
}

/* All programs that use one of the maps. */
static void note_users(const struct ids *maps, struct ids *programs)
{
	__u32 used[64], id = 0, count;

	while (!bpf_prog_get_next_id(id, &id)) {
		count = maps_of(id, used);
		for (__u32 i = 0; i < count && i < 64; i++)
			if (has(maps, used[i]))
				note(programs, id);
	}
}

struct inspect_programs inspect_programs(const char *stack)
{
	const struct registry *registry = map_registry(stack);
	struct inspect_programs programs = {};
	struct ids maps = {}, users = {};

	note_pins(stack, &maps);
	note_users(&maps, &users);
	programs.there = users.count;
	registry_for_each (registry, idp) {
		const struct record *record = &registry->records[idp];

		for (int path = 0; path < LANA_PATHS; path++)
			programs.wanted += __builtin_popcount(record->woven[path]);
		programs.wanted += record->device.hook == LANA_HOOK_TC
					   ? 2
					   : record->device.hook != LANA_HOOK_NONE;
	}
	munmap((void *)registry, sizeof(*registry));
	free(maps.list);
	free(users.list);
	return programs;
}

/* "WHERE LENGTH HASH" of a program by its number. */
static void print_code(FILE *out, const char *where, __u32 id)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		tap_bail("program %u: %s", id, strerror(errno));
	close(fd);
	fprintf(out, "%s %u ", where, info.xlated_prog_len);
	for (size_t i = 0; i < sizeof(info.tag); i++)
		fprintf(out, "%02x", info.tag[i]);
	fputc('\n', out);
}

/* Slots of blocks, not those that serve commits under way or hold on to what is not used. */
static void print_table(FILE *out, const struct registry *registry, int table, int flavour,
			int path)
{
	registry_for_each (registry, idp) {
		const struct record *record = &registry->records[idp];

		for (__u32 port = 0; port <= LANA_PORTS_MAX; port++) {
			bool own = port == LANA_PORTS_MAX;
			__u32 slot = own ? idp : LANA_SLOT_PORT(idp, port), id;
			char where[64];

			if (!own &&
			    (record->fused[path] & 1U << port || !record->edges[path][port]))
				continue;
			snprintf(where, sizeof(where), "%s %d.%d.%u", record->name, flavour, path,
				 port);
			if (!bpf_map_lookup_elem(table, &slot, &id))
				print_code(out, where, id);
		}
	}
}

static void print_links(FILE *out, const char *folder)
{
	char path[PATH_MAX + 16];
	struct dirent **names;
	int count;

	snprintf(path, sizeof(path), "%s/links", folder);
	count = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char link[2 * PATH_MAX];
		struct bpf_link_info info = {};
		__u32 size = sizeof(info);
		int fd;

		snprintf(link, sizeof(link), "%s/%s", path, names[i]->d_name);
		fd = names[i]->d_name[0] == '.' ? -1 : bpf_obj_get(link);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
			print_code(out, names[i]->d_name, info.prog_id);
		if (fd >= 0)
			close(fd);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

char *inspect_code(const char *stack)
{
	const struct registry *registry = map_registry(stack);
	const char *folder = stack_folder(stack);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		tap_bail("out of memory");
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		for (int path = 0; path < LANA_PATHS; path++) {
			char pin[PATH_MAX + 16];
			int table;

			snprintf(pin, sizeof(pin), "%s/table@%d@%d", folder, flavour, path);
			table = bpf_obj_get(pin);
			if (table < 0)
				continue;
			print_table(out, registry, table, flavour, path);
			close(table);
		}
	print_links(out, folder);
	fclose(out);
	munmap((void *)registry, sizeof(*registry));
	return text;
}

struct leftovers *leftovers_note(const char *stack)
{
	struct leftovers *leftovers = calloc(1, sizeof(*leftovers));
	__u32 maps[64], count;

	if (!leftovers)
		tap_bail("out of memory");
	note_pins(stack, &leftovers->maps);
	note_users(&leftovers->maps, &leftovers->programs);
	for (size_t i = 0; i < leftovers->programs.count; i++) {
		count = maps_of(leftovers->programs.list[i], maps);
		for (__u32 j = 0; j < count && j < 64; j++)
			note(&leftovers->maps, maps[j]);
	}
	tap_note("the stack has %zu maps and %zu programs", leftovers->maps.count,
		 leftovers->programs.count);
	return leftovers;
}

/*
 * Those that still are. Not asked by opening them: each close of the last descriptor of a prog
 * array has it cleared by a worker, and Linux (6.18) loses a reference, and so the map, if that is
 * asked for again before the worker ran.
 */
static size_t count_living(const struct ids *ids, int (*next_id)(__u32 id, __u32 *next),
			   const char *complain)
{
	size_t living = 0;
	__u32 next;

	for (size_t i = 0; i < ids->count; i++) {
		if (next_id(ids->list[i] - 1, &next) || next != ids->list[i])
			continue;
		living++;
		if (complain)
			tap_note("%s %u is left", complain, next);
	}
	return living;
}

size_t leftovers_wait(struct leftovers *leftovers)
{
	size_t living = 1;

	for (int i = 0; living && i <= GONE_MS / 20; i++) {
		bool last = i == GONE_MS / 20;

		living = count_living(&leftovers->maps, bpf_map_get_next_id, last ? "map" : NULL) +
			 count_living(&leftovers->programs, bpf_prog_get_next_id,
				      last ? "program" : NULL);
		if (living && !last)
			usleep(20000);
	}
	free(leftovers->maps.list);
	free(leftovers->programs.list);
	free(leftovers);
	return living;
}

/* ---- what was built ------------------------------------------------------------------------ */

const char *inspect_build(const char *folder)
{
	static char path[2 * PATH_MAX];
	const char *build = getenv("LANA_BUILD");
	char self[PATH_MAX] = "";

	if (!build) {
		if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
			tap_bail("where am I? %s", strerror(errno));
		build = dirname(dirname(self)); /* BUILD/selftests/test_x */
	}
	snprintf(path, sizeof(path), "%s/%s", build, folder);
	return path;
}

const char *inspect_lanactl(void)
{
	static char path[2 * PATH_MAX];

	if (!*path) {
		snprintf(path, sizeof(path), "%s",
			 getenv("LANACTL") ? getenv("LANACTL") : inspect_build("lanactl"));
		if (access(path, X_OK))
			tap_bail("%s is not built", path);
	}
	return path;
}
