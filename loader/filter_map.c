// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter_map - the filters of a stack's blocks: frozen maps, pinned as filters/NUMBER
 *
 * A block's record has the number. Whoever gives the block another filter makes another map, so the
 * commit decides which of the two is the block's, and the other one goes after it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "code.h"
#include "commit.h"
#include "error.h"
#include "filter.h"
#include "template.h"

/* What is in the map; behind it the text. */
struct stored {
	__u32 kind; /* enum lana_filter_kind */
	__u32 text_size;
	struct classic program;
};

static const char *map_path(const struct lana_stack *stack, char path[320], __u32 number)
{
	return stack_path(stack, path, 320, "filters/%u", number);
}

/* ---- numbers ------------------------------------------------------------------------------ */

#define NUMBERS_MAX (2 * LANA_BLOCKS_MAX)

/* One that neither a block nor one that shall be has. */
static __u32 free_number(const struct commit *commit)
{
	const struct registry *registry = commit->stack->registry;
	__u64 used[NUMBERS_MAX / 64 + 1] = { 1 };
	__u32 number = 0;

	registry_for_each (registry, idp) {
		__u32 taken = registry->records[idp].filter;

		used[taken / 64] |= 1ULL << (taken % 64);
	}
	for (size_t i = 0; i < commit->changes_count; i++) {
		__u32 taken = commit->changes[i]->new.filter;

		used[taken / 64] |= 1ULL << (taken % 64);
	}
	while (used[number / 64] & 1ULL << (number % 64))
		number++;
	return number;
}

void filter_remove(struct lana_stack *stack, __u32 number)
{
	char path[320];

	if (unlink(map_path(stack, path, number)) && errno != ENOENT)
		stack->unfinished = true;
}

static bool is_used(const struct lana_stack *stack, __u32 number)
{
	registry_for_each (stack->registry, idp)
		if (stack->registry->records[idp].filter == number)
			return true;
	return false;
}

int filter_orphans(const struct lana_stack *stack, void (*found)(void *cookie, __u32 number),
		   void *cookie)
{
	struct dirent *entry;
	char path[320];
	DIR *dir;

	dir = opendir(stack_path(stack, path, sizeof(path), "filters"));
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		__u32 number = strtoul(entry->d_name, NULL, 10);

		if (number && !is_used(stack, number))
			found(cookie, number);
	}
	closedir(dir);
	return 0;
}

static void remove_orphan(void *cookie, __u32 number)
{
	filter_remove(cookie, number);
}

void filter_remove_orphans(struct lana_stack *stack)
{
	if (filter_orphans(stack, remove_orphan, stack))
		stack->unfinished = true;
}

/* ---- maps --------------------------------------------------------------------------------- */

static int write_map(const struct lana_stack *stack, __u32 number, const struct filter *filter)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_RDONLY_PROG);
	const __u32 text_size = strlen(filter->text) + 1, size = sizeof(struct stored) + text_size;
	_cleanup_free_ struct stored *stored = calloc(1, size + 8); /* read in units of 8 bytes */
	_cleanup_close_ int fd = -1;
	__u32 zero = 0;
	char path[320];

	if (!stored)
		return -ENOMEM;
	*stored = (struct stored){ filter->kind, text_size, filter->program };
	memcpy(stored + 1, filter->text, text_size);

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lana_filter", sizeof(zero), size, 1, &options);
	if (fd < 0 || bpf_map_update_elem(fd, &zero, stored, BPF_ANY) || bpf_map_freeze(fd))
		return -errno;
	if (!bpf_obj_pin(fd, map_path(stack, path, number)))
		return 0;
	/* What could not be removed when it was to go. */
	return errno != EEXIST || unlink(path) || bpf_obj_pin(fd, path) ? -errno : 0;
}

/* What a stack's filter is not must not come from there. */
static int take_stored(const struct stored *stored, __u32 size, struct filter **result)
{
	_cleanup_(filter_put_p) struct filter *filter = NULL;
	const char *text = (const char *)(stored + 1);

	if (size <= sizeof(*stored) || stored->text_size != size - sizeof(*stored) ||
	    text[stored->text_size - 1] || stored->kind > LANA_FILTER_CODE ||
	    stored->program.count > CLASSIC_MAX)
		return -EUCLEAN;
	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	filter->users = 1;
	filter->kind = stored->kind;
	filter->program = stored->program;
	filter->text = strdup(text);
	if (!filter->text)
		return -ENOMEM;
	*result = TAKE_PTR(filter);
	return 0;
}

static int read_map(const struct lana_stack *stack, __u32 number, struct filter **filter)
{
	_cleanup_free_ struct stored *stored = NULL;
	_cleanup_close_ int fd = -1;
	struct bpf_map_info info = {};
	__u32 length = sizeof(info), zero = 0;
	char path[320];

	fd = bpf_obj_get(map_path(stack, path, number));
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	stored = calloc(1, info.value_size + 8);
	if (!stored)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, stored))
		return -errno;
	return take_stored(stored, info.value_size, filter);
}

int filter_read(const struct lana_stack *stack, const struct record *record, struct filter **filter,
		struct lana_error *error)
{
	int err;

	if (!record->filter) {
		*filter = NULL;
		return 0;
	}
	err = read_map(stack, record->filter, filter);
	return err ? refuse(error, err, "the filter of '%s' is missing or damaged: %s",
			    record->name, strerror(-err))
		   : 0;
}

/* ---- in records --------------------------------------------------------------------------- */

/* Instructions that a filter becomes. */
static __u32 woven_size(const struct classic *program, enum lana_flavour flavour)
{
	_cleanup_(code_free) struct code code = {};

	classic_emit(&code, flavour, program);
	return code.count;
}

/* Count the instructions of a record's templates, with that filter (or none) woven in. */
static void count_insns(struct record *record, const struct type *type, const struct filter *filter)
{
	record->insns = 0;
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		const struct bpf_program *program = type->programs[flavour];
		const struct weave_block block = { .insns = bpf_program__insns(program),
						   .count = bpf_program__insn_cnt(program),
						   .template = type->maps };
		__u32 count = block.count;

		if (filter && !classic_check(&filter->program, flavour, NULL))
			count += template_matches(&block) * woven_size(&filter->program, flavour);
		if (count > record->insns)
			record->insns = count;
	}
}

/* Can the hooks that the stack has answer what it asks? */
static int check_hooks(const struct lana_stack *stack, const struct filter *filter,
		       struct lana_error *error)
{
	int err = 0;

	for (int flavour = 0; !err && flavour < LANA_FLAVOURS; flavour++)
		if (stack_uses(stack, flavour, LANA_INGRESS) ||
		    stack_uses(stack, flavour, LANA_EGRESS))
			err = classic_check(&filter->program, flavour, error);
	return err;
}

void filter_drop(struct commit *commit, const struct record *record)
{
	if (record->filter && !is_used(commit->stack, record->filter))
		filter_remove(commit->stack, record->filter);
}

int filter_set(struct commit *commit, struct record *record, const struct type *type,
	       const struct filter *filter, struct lana_error *error)
{
	_cleanup_(filter_put_p) struct filter *before = NULL;
	__u32 number = 0;
	int err;

	if (!type->config.has_filter)
		return 0;
	if (filter && filter->err)
		return refuse(error, filter->err, "%s", filter->why.text);
	err = filter_read(commit->stack, record, &before, error);
	if (!err && filter)
		err = check_hooks(commit->stack, filter, error);
	if (err)
		return err;
	if (!filter || filter_same(before, filter)) {
		count_insns(record, type, before);
		return 0;
	}

	if (filter->kind != LANA_FILTER_NONE) {
		commit->made_filters = true;
		number = free_number(commit);
		err = write_map(commit->stack, number, filter);
	}
	if (err)
		return refuse(error, err, "cannot keep the filter: %s", strerror(-err));
	filter_drop(commit, record);
	record->filter = number;
	memset(record->stuck, 0, sizeof(record->stuck));
	count_insns(record, type, filter);
	return 0;
}
