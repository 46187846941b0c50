// SPDX-License-Identifier: GPL-2.0-only
/*
 * fidelity - what links and their meters tell
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include <lana/fidelity.h>

#include "cleanup.h"
#include "error.h"
#include "registry.h"
#include "stack.h"
#include "state.h"
#include "types.h"
#include "units.h"

#define TYPE "link"

char *lana_unit_print(const char *type, uint64_t value, char text[LANA_UNIT_TEXT_MAX])
{
	enum units_kind kind = units_of_type(type);

	if (kind != UNITS_KINDS)
		return units_print(kind, value, text);
	snprintf(text, LANA_UNIT_TEXT_MAX, "%" PRIu64, value);
	return text;
}

/* The worker may be writing it: then it is read again. */
static int read_status(int map, __u32 path, struct link_status *status)
{
	struct link_status read = {}, again = {};

	for (int i = 0; i < 1000; i++) {
		if (bpf_map_lookup_elem(map, &path, &read) ||
		    bpf_map_lookup_elem(map, &path, &again))
			return -errno;
		/* A worker that was killed may have left it odd. */
		if (read.sequence == again.sequence && (!(read.sequence & 1) || i > 100))
			break;
	}
	*status = again;
	return 0;
}

static int open_map(const struct lana_stack *stack, __u32 cell, const char *name,
		    struct lana_error *error)
{
	char path[320];
	int fd = bpf_obj_get(stack_path(stack, path, sizeof(path), "state/%u@%s", cell, name));

	return fd < 0 ? refuse(error, -errno, "map '%s' of the block is missing: %s", name,
			       strerror(errno))
		      : fd;
}

/* What the kernel half has done is in its counters alone. */
static void report_kernel(struct lana_stack *stack, const struct record *record,
			  struct lana_link_info *link)
{
	struct lana_cell *cell = stack_cell(stack, record->cell);
	struct lana_path_cell sum;
	const struct link_counters *counters = (const void *)sum.own;

	link->status.report = (struct link_report){ .loss_configured = link_loss(&link->config) };
	if (!cell)
		return;
	state_sum(stack, cell, link->path, &sum);
	link->status.report.passed = counters->packets;
	if (counters->packets)
		link->status.report.loss_achieved =
			(unsigned __int128)counters->lost * LANA_CERTAIN / counters->packets;
}

static bool is_used(const struct record *record, const struct lana_link_info *link)
{
	return link->status.turn || link->status.report.passed ||
	       record->edges[link->path][LINK_NEXT];
}

static int describe(struct lana_stack *stack, __u32 idp, enum lana_path path,
		    struct lana_link_info *link, struct lana_error *error)
{
	const struct record *record = &stack->registry->records[idp];
	_cleanup_close_ int status = open_map(stack, record->cell, "link_status", error);
	_cleanup_close_ int places = -1;
	struct {
		__u32 lock;
		struct lana_fates fates;
	} place;
	__u32 key = path;
	int err;

	if (status < 0)
		return status;
	places = open_map(stack, record->cell, "link_fates", error);
	if (places < 0)
		return places;
	*link = (struct lana_link_info){ .path = path };
	strcpy(link->name, record->name);
	memcpy(&link->config, record->config, sizeof(link->config));
	link->takes_time = link_takes_time(&link->config);
	link->silent_ms = stack_silence_of(stack, stack_worker_of(stack, idp, link->worker));
	err = read_status(status, path, &link->status);
	if (err || bpf_map_lookup_elem(places, &key, &place))
		return refuse(error, err ?: -errno, "cannot read what link '%s' does: %s",
			      record->name, strerror(err ? -err : errno));
	if (!(link->status.turn & LINK_IN_USER) && !link->takes_time)
		report_kernel(stack, record, link);
	if (!link->status.seed)
		link->status.seed = link->config.seed ?: place.fates.seed;
	return 0;
}

static int list(struct lana_stack *stack, __u32 only, struct lana_link_info **result,
		size_t *result_count, struct lana_error *error)
{
	_cleanup_free_ struct lana_link_info *links = NULL;
	size_t count = 0;

	links = calloc(LANA_PATHS * stack->registry->limit, sizeof(*links));
	if (!links)
		return refuse(error, -ENOMEM, "out of memory");
	registry_for_each (stack->registry, idp) {
		const struct record *record = &stack->registry->records[idp];

		if (strcmp(record->type, TYPE) || !record->user || (only && idp != only))
			continue;
		for (int path = 0; path < LANA_PATHS; path++) {
			int err = describe(stack, idp, path, &links[count], error);

			if (err)
				return err;
			count += is_used(record, &links[count]);
		}
	}
	*result = TAKE_PTR(links);
	*result_count = count;
	return 0;
}

int lana_link_list(struct lana_stack *stack, const char *name, struct lana_link_info **links,
		   size_t *count, struct lana_error *error)
{
	__u32 idp = 0;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = name ? stack_find(stack, name, &idp, error) : 0;
	if (err)
		return err;
	if (idp && strcmp(stack->registry->records[idp].type, TYPE))
		return refuse(error, -EINVAL, "block '%s' is of type '%s', and no link", name,
			      stack->registry->records[idp].type);
	return list(stack, idp, links, count, error);
}
