// SPDX-License-Identifier: GPL-2.0-only
/*
 * check - compare the registry with tables, programs, counters and links
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "attach.h"
#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "filter.h"
#include "findings.h"
#include "loop.h"
#include "measure.h"
#include "types.h"
#include "vlink.h"

static __u32 program_in(int table, __u32 slot)
{
	__u32 id;

	return bpf_map_lookup_elem(table, &slot, &id) ? 0 : id;
}

/* An unbound port's slot is empty or counts misses. libbpf may find no memory for names. */
static bool is_miss(__u32 id)
{
	_cleanup_close_ int program = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return program >= 0 && !bpf_obj_get_info_by_fd(program, &info, &size) &&
	       (!*info.name || !strcmp(info.name, MISS_NAME));
}

static void check_edge(struct lana_stack *stack, __u32 idp, int path, __u32 port,
		       struct findings *findings)
{
	const struct record *record = &stack->registry->records[idp];
	__u32 to = record->edges[path][port];

	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		int table = stack->tables[flavour][path];
		__u32 there, wanted;

		if (!stack_uses(stack, flavour, path))
			continue;
		if (record->fused[path] & 1U << port)
			continue;
		there = program_in(table, LANA_SLOT_PORT(idp, port));
		wanted = to ? program_in(table, to) : 0;
		if (!to && there && (record->device.passing || is_miss(there)))
			continue;
		if (there != wanted || (to && !wanted))
			findings_add(findings, LANA_FAIL, record->name,
				     "%s port %u leads to program %u instead of %u of '%s'",
				     lana_path_name(path), port, there, wanted,
				     stack->registry->records[to].name);
	}
}

/* Edges that lead to a block, counted anew. */
struct inward {
	__u32 references[LANA_PATHS], entries[LANA_PATHS];
};

static void count_inward(const struct registry *registry, struct inward *inward)
{
	registry_for_each (registry, idp) {
		bool entered = registry->records[idp].probes & PROBE_ENTERED;

		inward[idp].references[LANA_INGRESS] += entered;
		inward[idp].entries[LANA_INGRESS] += entered;
	}
	registry_for_each (registry, from)
		for (int path = 0; path < LANA_PATHS; path++)
			for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
				const struct record *record = &registry->records[from];
				struct inward *to = &inward[record->edges[path][port]];

				to->references[path]++;
				to->entries[path] += !(record->fused[path] & 1U << port);
			}
}

static void check_references(const struct record *record, int path, const struct inward *inward,
			     struct findings *findings)
{
	__u32 references = inward->references[path], entries = inward->entries[path];

	if (references != record->references[path] || entries != record->entries[path])
		findings_add(findings, LANA_FAIL, record->name,
			     "is counted to have %u references on %s, %u of them not fused, and "
			     "has %u and %u",
			     record->references[path], lana_path_name(path), record->entries[path],
			     references, entries);
}

static void check_subscribers(const struct registry *registry, const struct record *record,
			      struct findings *findings)
{
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX && record->subscribers[i]; i++)
		if (!registry->records[record->subscribers[i]].hears)
			findings_add(findings, LANA_FAIL, record->name,
				     "has IDP %u for a subscriber, which has no event function",
				     record->subscribers[i]);
}

static void check_record(struct lana_stack *stack, __u32 idp, const struct inward *inward,
			 struct findings *findings)
{
	const struct registry *registry = stack->registry;
	const struct record *record = &registry->records[idp];
	struct lana_cell *cell = stack_cell(stack, record->cell);
	_cleanup_(filter_put_p) struct filter *filter = NULL;
	__u32 silent_ms = stack_silence_of(stack, idp);
	struct lana_error error = {};
	const struct type *type;

	if (filter_read(stack, record, &filter, &error))
		findings_add(findings, LANA_FAIL, record->name, "%s", error.text);
	if (registry_find(registry, record->name) != idp)
		findings_add(findings, LANA_FAIL, record->name, "is not found by its name");
	if (types_read(stack, record->type, record->version, &type, &error))
		findings_add(findings, LANA_FAIL, record->name, "%s", error.text);
	if (!cell)
		findings_add(findings, LANA_FAIL, record->name, "has no counters: %s",
			     strerror(errno));
	if (record->probes != probes_of(registry, record->name))
		findings_add(findings, LANA_FAIL, record->name, "has other probes than it should");
	check_subscribers(registry, record, findings);

	for (int path = 0; path < LANA_PATHS; path++) {
		check_references(record, path, inward, findings);
		if (registry_lacks(registry, record, path))
			findings_add(findings, LANA_FAIL, record->name, "lacks a program on %s",
				     lana_path_name(path));

		for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
			check_edge(stack, idp, path, port, findings);
		if (cell && cell->path[path].bound != record_bound(record, path))
			findings_add(findings, LANA_FAIL, record->name,
				     "misses on %s would be booked wrongly", lana_path_name(path));
	}
	if (record->device.hook != LANA_HOOK_NONE && !is_attached(stack, idp, &record->device))
		findings_add(findings, LANA_WARN, record->name,
			     record->device.is_worker
				     ? "its device is gone: it has to be started again"
			     : record->device.is_socket
				     ? "its device is gone: its program has to open it again"
				     : "its device is gone or was detached: hook it again, or "
				       "unhook it");
	else if (silent_ms)
		findings_add(findings, LANA_WARN, record->name,
			     "process %u has not come round for %u s: it was stopped, or a block "
			     "of it does not return",
			     record->device.process, silent_ms / 1000);
}

/* Two blocks must not count in one cell. */
static void check_cells(struct lana_stack *stack, struct findings *findings)
{
	const struct registry *registry = stack->registry;
	__u64 used[2 * LANA_BLOCKS_MAX / 64] = {};

	registry_for_each (registry, idp) {
		__u32 cell = registry->records[idp].cell;

		if (cell >= 64 * ARRAY_SIZE(used) || used[cell / 64] & 1ULL << (cell % 64))
			findings_add(findings, LANA_FAIL, registry->records[idp].name,
				     "shares its counters with another block");
		else
			used[cell / 64] |= 1ULL << (cell % 64);
	}
}

static void note_orphan(void *findings, __u32 number)
{
	findings_add(findings, LANA_FAIL, "filters", "number %u is of no block", number);
}

static void check_filters(const struct lana_stack *stack, struct findings *findings)
{
	int err = filter_orphans(stack, note_orphan, findings);

	if (err)
		findings_add(findings, LANA_FAIL, "filters", "cannot be listed: %s",
			     strerror(-err));
}

int lana_stack_check(struct lana_stack *stack, struct lana_finding **list, size_t *count,
		     struct lana_error *error)
{
	_cleanup_free_ struct inward *inward = calloc(LANA_BLOCKS_MAX, sizeof(*inward));
	_cleanup_(findings_free) struct findings findings = {};
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	if (!inward)
		return refuse(error, -ENOMEM, "out of memory");
	count_inward(stack->registry, inward);
	registry_for_each (stack->registry, idp)
		check_record(stack, idp, &inward[idp], &findings);
	check_cells(stack, &findings);
	check_filters(stack, &findings);
	vlinks_check(stack, &findings);
	loops_check(stack, &findings);
	return findings_take(&findings, list, count) ? refuse(error, -ENOMEM, "out of memory") : 0;
}
