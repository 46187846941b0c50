// SPDX-License-Identifier: GPL-2.0-only
/*
 * stack_maps - the pinned maps that a stack is made of: opened, made and mapped
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "error.h"
#include "event_log.h"
#include "folder.h"
#include "loop.h"
#include "measure.h"
#include "stack.h"

/* What a stack's pinned maps are like. */
struct map_kind {
	const char *name; /* in the kernel */
	enum bpf_map_type type;
	__u32 value_size, max_entries, flags;
};

/* Whoever maps it must know its size. -EPROTO: it is of another kind. */
static int check_kind(int map, const struct map_kind *kind)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(map, &info, &size))
		return -errno;
	return info.type == kind->type && info.value_size == kind->value_size &&
			       info.max_entries == kind->max_entries
		       ? 0
		       : -EPROTO;
}

/* Open the map pinned at path, or make and pin it. */
static int open_pinned(const struct map_kind *kind, int inner_fd, const char *path, int *fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = kind->flags,
		    .inner_map_fd = inner_fd);
	_cleanup_close_ int map = bpf_obj_get(path);
	int err;

	if (map < 0 && errno != ENOENT)
		return -errno;
	if (map >= 0) {
		err = check_kind(map, kind);
		if (err)
			return err;
	} else {
		map = bpf_map_create(kind->type, kind->name, sizeof(__u32), kind->value_size,
				     kind->max_entries, &options);
		if (map < 0)
			return -errno;
		if (bpf_obj_pin(map, path))
			return -errno;
	}
	*fd = TAKE_FD(map);
	return 0;
}

static int open_grace(struct lana_stack *stack)
{
	static const struct map_kind kind = { "lana_grace", BPF_MAP_TYPE_ARRAY_OF_MAPS,
					      sizeof(__u32), 1, 0 };
	_cleanup_close_ int inner =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(__u32), sizeof(__u32), 1, NULL);
	char path[320];

	if (inner < 0)
		return -errno;
	return open_pinned(&kind, inner, stack_path(stack, path, sizeof(path), "grace"),
			   &stack->grace_fd);
}

/*
 * The kernel waits for a grace period of RCU when a map in a map is replaced, for the sake of
 * programs that still hold the old one; they all run inside RCU.
 */
int stack_grace(struct lana_stack *stack)
{
	_cleanup_close_ int inner =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(__u32), sizeof(__u32), 1, NULL);
	__u32 zero = 0;

	if (inner < 0 || bpf_map_update_elem(stack->grace_fd, &zero, &inner, BPF_ANY))
		return -errno;
	return 0;
}

int stack_open_tables(struct lana_stack *stack, enum lana_flavour flavour, struct lana_error *error)
{
	static const struct map_kind kind = { "lana_table", BPF_MAP_TYPE_PROG_ARRAY, sizeof(__u32),
					      LANA_SLOTS, 0 };
	char path[320];
	int err;

	for (int i = 0; i < LANA_PATHS; i++) {
		if (stack->tables[flavour][i] >= 0)
			continue;
		stack_path(stack, path, sizeof(path), "table@%d@%d", flavour, i);
		err = open_pinned(&kind, 0, path, &stack->tables[flavour][i]);
		if (err)
			return refuse(error, err, "no jump table (%s): %s", path, strerror(-err));
	}
	return 0;
}

int stack_map_page(struct lana_stack *stack, const char *name, const char *pin, __u32 size,
		   struct page *page)
{
	struct map_kind kind = { name, BPF_MAP_TYPE_ARRAY, size, 1, BPF_F_MMAPABLE };
	_cleanup_close_ int fd = -1;
	char path[320];
	void *cells;
	int err;

	err = open_pinned(&kind, 0, stack_path(stack, path, sizeof(path), "%s", pin), &fd);
	if (err)
		return err;
	cells = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cells == MAP_FAILED)
		return -errno;
	*page = (struct page){ TAKE_FD(fd), cells };
	return 0;
}

void stack_unmap_page(struct page *page, __u32 size)
{
	if (!page->cells)
		return;
	munmap(page->cells, size);
	close(page->fd);
	*page = (struct page){};
}

struct lana_cell *stack_cell(struct lana_stack *stack, __u32 cell)
{
	struct page *page = &stack->pages[cell / LANA_PAGE_CELLS];
	char pin[32];
	int err = 0;

	snprintf(pin, sizeof(pin), "cells@%u", cell / LANA_PAGE_CELLS);
	if (!page->cells)
		err = stack_map_page(stack, "lana_cells", pin, stack_page_size(stack), page);
	if (err) {
		errno = -err;
		return NULL;
	}
	return (struct lana_cell *)page->cells + cell % LANA_PAGE_CELLS;
}

/* ---- those that every stack has ------------------------------------------------------------ */

static int map_registry(struct lana_stack *stack)
{
	void *registry = mmap(NULL, sizeof(struct registry), PROT_READ | PROT_WRITE, MAP_SHARED,
			      stack->registry_fd, 0);

	if (registry == MAP_FAILED)
		return -errno;
	stack->registry = registry;
	return 0;
}

static int map_context(struct lana_stack *stack)
{
	void *context = mmap(NULL, stack_side_word(stack) + sizeof(__u32), PROT_READ | PROT_WRITE,
			     MAP_SHARED, stack->context_fd, 0);

	if (context == MAP_FAILED)
		return -errno;
	stack->context = context;
	return 0;
}

static int check_registry(struct lana_stack *stack, bool create, struct lana_error *error)
{
	struct registry *registry = stack->registry;

	if (!registry->magic && create) {
		registry->version = REGISTRY_VERSION;
		registry->abi = LANA_ABI;
		registry->limit = 1;
		stack->created = true;
		__atomic_store_n(&registry->magic, REGISTRY_MAGIC, __ATOMIC_RELEASE);
	}
	if (registry->magic == REGISTRY_FLUSHING)
		return -ESTALE;
	if (!registry->magic)
		return refuse(error, -ENOENT, "no stack '%s'", stack->name);
	if (registry->magic != REGISTRY_MAGIC || registry->version != REGISTRY_VERSION ||
	    registry->abi != LANA_ABI)
		return refuse(error, -EPROTO,
			      "stack '%s' was made by another version of lana: flush "
			      "it with that version, or remove %s",
			      stack->name, stack->folder);
	if (!registry_is_sane(registry))
		return refuse(error, -EUCLEAN, "the registry of stack '%s' is damaged: remove %s",
			      stack->name, stack->folder);
	return 0;
}

int stack_open_maps(struct lana_stack *stack, bool create, struct lana_error *error)
{
	struct map_kind registry = { "lana_registry", BPF_MAP_TYPE_ARRAY, sizeof(struct registry),
				     1, BPF_F_MMAPABLE };
	struct map_kind context = { "lana_context", BPF_MAP_TYPE_ARRAY, stack_side_word(stack) + 64,
				    1, BPF_F_MMAPABLE };
	char path[320];
	int err;

	stack_path(stack, path, sizeof(path), "registry");
	if (!create && access(path, F_OK))
		return refuse(error, -ENOENT, "no stack '%s'", stack->name);

	err = open_pinned(&registry, 0, path, &stack->registry_fd);
	if (!err)
		err = open_pinned(&context, 0, stack_path(stack, path, sizeof(path), "context"),
				  &stack->context_fd);
	if (!err)
		err = open_grace(stack);
	if (!err)
		err = map_registry(stack);
	if (!err)
		err = map_context(stack);
	if (err)
		return folder_refuse(err, error, "make or open the maps of the stack");

	return check_registry(stack, create, error);
}

static void close_pages(struct lana_stack *stack)
{
	for (__u32 i = 0; i < PAGES_MAX; i++)
		stack_unmap_page(&stack->pages[i], stack_page_size(stack));
	stack_unmap_page(&stack->events, sizeof(struct event_log));
	stack_unmap_page(&stack->loops, sizeof(struct lana_loops));
	measure_close(stack);
}

void stack_close_maps(struct lana_stack *stack)
{
	close_pages(stack);
	for (int i = 0; i < LANA_FLAVOURS; i++)
		for (int j = 0; j < LANA_PATHS; j++)
			close_p(&stack->tables[i][j]);
	if (stack->registry)
		munmap(stack->registry, sizeof(struct registry));
	if (stack->context)
		munmap(stack->context, stack_side_word(stack) + sizeof(__u32));
	close_p(&stack->registry_fd);
	close_p(&stack->context_fd);
	close_p(&stack->grace_fd);
}
