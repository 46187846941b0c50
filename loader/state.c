// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "error.h"
#include "commit.h"
#include "shape.h"
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
		      const struct bpf_map *map, __u32 cell, __u32 entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = bpf_map__map_flags(map),
		    .map_extra = bpf_map__map_extra(map), .numa_node = bpf_map__numa_node(map),
		    .btf_fd = bpf_object__btf_fd(type->object),
		    .btf_key_type_id = bpf_map__btf_key_type_id(map),
		    .btf_value_type_id = bpf_map__btf_value_type_id(map));
	_cleanup_close_ int fd = -1;
	char path[320];

	fd = bpf_map_create(bpf_map__type(map), bpf_map__name(map), bpf_map__key_size(map),
			    bpf_map__value_size(map), entries, &options);
	if (fd < 0 || bpf_obj_pin(fd, map_path(stack, path, cell, map)))
		return -errno;
	return 0;
}

/* The same map by the name of another cell: it goes with the last one. */
static int take_map(const struct lana_stack *stack, const struct bpf_map *map, __u32 from, __u32 to)
{
	_cleanup_close_ int fd = -1;
	char path[320];

	fd = bpf_obj_get(map_path(stack, path, from, map));
	if (fd < 0 || bpf_obj_pin(fd, map_path(stack, path, to, map)))
		return -errno;
	return 0;
}

static int provide_map(const struct lana_stack *stack, const struct type *type,
		       const struct bpf_map *map, __u32 cell, const struct state *before)
{
	const struct bpf_map *twin = before ? state_twin(before->type, map) : NULL;

	if (twin && state_maps_equal(before->type, twin, type, map))
		return take_map(stack, map, before->cell, cell);
	return create_map(stack, type, map, cell, bpf_map__max_entries(map));
}

int state_create(struct lana_stack *stack, const struct type *type, __u32 number,
		 const struct state *before, struct lana_error *error)
{
	struct lana_cell *cell = stack_cell(stack, number);
	int err;

	if (!cell)
		return refuse(error, -errno, "no memory for counters: %s", strerror(errno));
	for (__u32 cpu = 0; cpu <= stack_user_part(stack); cpu++)
		memset(cell_on_cpu(cell, cpu), 0, sizeof(*cell));

	if (type->own_count)
		state_remove(stack, number); /* of a writer that was killed */
	for (__u32 i = 0; i < type->own_count; i++) {
		err = provide_map(stack, type, type->own[i], number, before);
		if (err) {
			state_remove(stack, number);
			return refuse(error, err, "cannot make map '%s': %s",
				      bpf_map__name(type->own[i]), strerror(-err));
		}
	}
	return 0;
}

int state_renew(struct lana_stack *stack, const struct type *type, __u32 i, __u32 cell,
		__u32 entries, int *result, struct lana_error *error)
{
	const struct bpf_map *map = type->own[i];
	_cleanup_close_ int fd = -1;
	char path[320];
	int err;

	unlink(map_path(stack, path, cell, map));
	err = create_map(stack, type, map, cell, entries ?: bpf_map__max_entries(map));
	if (!err) {
		fd = bpf_obj_get(map_path(stack, path, cell, map));
		err = fd < 0 ? -errno : 0;
	}
	if (err)
		return refuse(error, err, "cannot make map '%s': %s", bpf_map__name(map),
			      strerror(-err));
	*result = TAKE_FD(fd);
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

static bool ids_equal(const struct btf *a, __u32 id, const struct btf *b, __u32 other)
{
	struct shape one, two;

	return !shape_read(a, id, &one) && !shape_read(b, other, &two) && shape_equal(&one, &two);
}

bool state_keys_equal(const struct type *a, const struct bpf_map *map, const struct type *b,
		      const struct bpf_map *other)
{
	return bpf_map__key_size(map) == bpf_map__key_size(other) &&
	       ids_equal(a->btf, bpf_map__btf_key_type_id(map), b->btf,
			 bpf_map__btf_key_type_id(other));
}

bool state_maps_equal(const struct type *a, const struct bpf_map *map, const struct type *b,
		      const struct bpf_map *other)
{
	return bpf_map__type(map) == bpf_map__type(other) &&
	       bpf_map__value_size(map) == bpf_map__value_size(other) &&
	       bpf_map__max_entries(map) == bpf_map__max_entries(other) &&
	       bpf_map__map_flags(map) == bpf_map__map_flags(other) &&
	       bpf_map__map_extra(map) == bpf_map__map_extra(other) &&
	       state_keys_equal(a, map, b, other) &&
	       ids_equal(a->btf, bpf_map__btf_value_type_id(map), b->btf,
			 bpf_map__btf_value_type_id(other));
}

const struct bpf_map *state_twin(const struct type *type, const struct bpf_map *map)
{
	for (__u32 i = 0; i < type->own_count; i++)
		if (!strcmp(bpf_map__name(type->own[i]), bpf_map__name(map)))
			return type->own[i];
	return NULL;
}

__u32 state_counters_id(const struct type *type)
{
	char name[LANA_NAME_MAX + 16];
	__s32 id;

	snprintf(name, sizeof(name), "%s_counters", type->name);
	id = btf__find_by_name_kind(type->btf, name, BTF_KIND_STRUCT);
	return id > 0 && type->counters.count ? id : 0;
}

bool state_equal(const struct type *a, const struct type *b)
{
	if (a->own_count != b->own_count ||
	    !ids_equal(a->btf, state_counters_id(a), b->btf, state_counters_id(b)))
		return false;
	for (__u32 i = 0; i < a->own_count; i++) {
		const struct bpf_map *twin = state_twin(b, a->own[i]);

		if (!twin || !state_maps_equal(a, a->own[i], b, twin))
			return false;
	}
	return true;
}

void state_sum(const struct lana_stack *stack, struct lana_cell *cell, int path,
	       struct lana_path_cell *sum)
{
	*sum = (struct lana_path_cell){};
	for (__u32 cpu = 0; cpu <= stack_user_part(stack); cpu++) {
		const struct lana_path_cell *part = &cell_on_cpu(cell, cpu)->path[path];
		const __u64 *own = (const void *)part->own;

		for (int i = 0; i < LANA_DROPS_MAX; i++)
			sum->drops[i] += part->drops[i];
		for (int i = 0; i < LANA_PORTS_MAX; i++)
			sum->unbound[i] += part->unbound[i];
		for (size_t i = 0; i < LANA_COUNTERS_MAX / sizeof(*own); i++)
			((__u64 *)sum->own)[i] += own[i];
	}
}

void state_sum_events(const struct lana_stack *stack, struct lana_cell *cell,
		      struct lana_events_cell *sum)
{
	*sum = (struct lana_events_cell){};
	for (__u32 cpu = 0; cpu <= stack_user_part(stack); cpu++) {
		const struct lana_events_cell *part = &cell_on_cpu(cell, cpu)->events;

		sum->published += part->published;
		sum->suppressed += part->suppressed;
	}
}
