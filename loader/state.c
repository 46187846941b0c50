// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "error.h"
#include "commit.h"
#include "state.h"

/* One bit a cell; a block that is being added or replaced may need one more. */
#define CELLS_MAX (2 * LANA_BLOCKS_MAX)

__u32 state_free_cell(const struct commit *commit)
{
	const struct registry *registry = commit->stack->registry;
	__u64 used[CELLS_MAX / 64] = {};
	__u32 cell = 0;

	registry_for_each (registry, idp) {
		__u32 taken = registry->records[idp].cell;

		used[taken / 64] |= 1ULL << (taken % 64);
	}
	for (size_t i = 0; i < commit->changes_count; i++) {
		__u32 taken = commit->changes[i]->new.cell;

		if (commit->changes[i]->new.name[0])
			used[taken / 64] |= 1ULL << (taken % 64);
	}
	while (used[cell / 64] & 1ULL << (cell % 64))
		cell++;
	return cell;
}

static const char *map_path(const struct lana_stack *stack, char path[320], __u32 cell,
			    const struct bpf_map *map)
{
	return stack_path(stack, path, 320, "state/%u@%s", cell, bpf_map__name(map));
}

/* Another map like the template's. */
static int create_map(const struct lana_stack *stack, const struct type *type,
		      const struct bpf_map *map, __u32 cell)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = bpf_map__map_flags(map),
		    .map_extra = bpf_map__map_extra(map), .numa_node = bpf_map__numa_node(map),
		    .btf_fd = bpf_object__btf_fd(type->object),
		    .btf_key_type_id = bpf_map__btf_key_type_id(map),
		    .btf_value_type_id = bpf_map__btf_value_type_id(map));
	_cleanup_close_ int fd = -1;
	char path[320];

	fd = bpf_map_create(bpf_map__type(map), bpf_map__name(map), bpf_map__key_size(map),
			    bpf_map__value_size(map), bpf_map__max_entries(map), &options);
	if (fd < 0 || bpf_obj_pin(fd, map_path(stack, path, cell, map)))
		return -errno;
	return 0;
}

int state_create(struct lana_stack *stack, const struct type *type, __u32 number,
		 struct lana_error *error)
{
	struct lana_cell *cell = stack_cell(stack, number);
	int err;

	if (!cell)
		return refuse(error, -errno, "no memory for counters: %s", strerror(errno));
	for (__u32 cpu = 0; cpu < stack->cpus; cpu++)
		memset(cell_on_cpu(cell, cpu), 0, sizeof(*cell));

	if (type->own_count)
		state_remove(stack, number); /* of a writer that was killed */
	for (__u32 i = 0; i < type->own_count; i++) {
		err = create_map(stack, type, type->own[i], number);
		if (err) {
			state_remove(stack, number);
			return refuse(error, err, "cannot make map '%s': %s",
				      bpf_map__name(type->own[i]), strerror(-err));
		}
	}
	return 0;
}

/* Remove the maps of the cells that are to go, or leave that to the next one. */
static void remove_maps(struct lana_stack *stack, bool (*goes)(const void *cookie, __u32 cell),
			const void *cookie)
{
	struct dirent *entry;
	char path[320];
	DIR *dir;

	dir = opendir(stack_path(stack, path, sizeof(path), "state"));
	while (dir && (entry = readdir(dir)))
		if (strchr(entry->d_name, '@') && goes(cookie, strtoul(entry->d_name, NULL, 10)) &&
		    unlink(stack_path(stack, path, sizeof(path), "state/%s", entry->d_name)))
			stack->unfinished = true;
	if (dir)
		closedir(dir);
	else
		stack->unfinished = true;
}

static bool is_cell(const void *cookie, __u32 cell)
{
	return *(const __u32 *)cookie == cell;
}

void state_remove(struct lana_stack *stack, __u32 cell)
{
	remove_maps(stack, is_cell, &cell);
}

static bool is_unused(const void *cookie, __u32 cell)
{
	const struct lana_stack *stack = cookie;

	registry_for_each (stack->registry, idp)
		if (stack->registry->records[idp].cell == cell)
			return false;
	return true;
}

void state_remove_orphans(struct lana_stack *stack)
{
	remove_maps(stack, is_unused, stack);
}

int state_open(const struct lana_stack *stack, const struct type *type, __u32 cell,
	       struct weave_own *own, struct lana_error *error)
{
	char path[320];

	for (__u32 i = 0; i < type->own_count; i++) {
		own[i].template = bpf_map__fd(type->own[i]);
		own[i].instance = bpf_obj_get(map_path(stack, path, cell, type->own[i]));
		if (own[i].instance < 0) {
			int err = -errno;

			state_close(own, i);
			return refuse(error, err, "map '%s' of the block is missing: %s",
				      bpf_map__name(type->own[i]), strerror(-err));
		}
	}
	return 0;
}

void state_close(struct weave_own *own, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(own[i].instance);
}

/* Key and value types are compared by size: fields may be renamed. */
static bool maps_equal(const struct bpf_map *a, const struct bpf_map *b)
{
	return !strcmp(bpf_map__name(a), bpf_map__name(b)) &&
	       bpf_map__type(a) == bpf_map__type(b) &&
	       bpf_map__key_size(a) == bpf_map__key_size(b) &&
	       bpf_map__value_size(a) == bpf_map__value_size(b) &&
	       bpf_map__max_entries(a) == bpf_map__max_entries(b) &&
	       bpf_map__map_flags(a) == bpf_map__map_flags(b);
}

bool state_equal(const struct type *a, const struct type *b)
{
	if (!layout_equal(&a->counters, &b->counters) || a->own_count != b->own_count)
		return false;
	for (__u32 i = 0; i < a->own_count; i++)
		if (!maps_equal(a->own[i], b->own[i]))
			return false;
	return true;
}

bool state_exists(const struct type *type)
{
	return type->counters.count || type->own_count;
}
