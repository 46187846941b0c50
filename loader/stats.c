// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats - read what blocks and devices have counted: lana/stats.h
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "commit.h"
#include "device.h"
#include "error.h"
#include "measure.h"
#include "names.h"
#include "state.h"
#include "types.h"

/* ---- counters ------------------------------------------------------------------------- */

static void read_path(const struct type *type, const struct lana_path_cell *sum,
		      struct lana_path_stats *stats)
{
	for (__u32 i = 0; i < type->counters.count; i++) {
		const struct lana_field *field = &type->counters.fields[i].field;
		struct lana_count *count = &stats->own[stats->own_count++];

		strcpy(count->name, field->name);
		memcpy(&count->value, sum->own + field->offset, sizeof(count->value));
	}
	for (int i = 0; i < LANA_DROPS_MAX; i++) {
		struct lana_count *count = &stats->drops[stats->drops_count];

		if (!sum->drops[i])
			continue;
		way_reason(i, count->name);
		count->value = sum->drops[i];
		stats->drops_count++;
	}
	for (int i = 0; i < LANA_PORTS_MAX; i++) {
		struct lana_count *count = &stats->unbound[stats->unbound_count];

		if (!sum->unbound[i])
			continue;
		if ((__u32)i < type->ports_count)
			strcpy(count->name, type->ports[i]);
		else /* of a type that the block was of */
			snprintf(count->name, sizeof(count->name), "port%d", i);
		count->value = sum->unbound[i];
		stats->unbound_count++;
	}
}

/* The verdict that a way stands for. */
static __s32 verdict_of(int way)
{
	return way < PROBE_DROP ? way : PROBE_DROP - way;
}

static void read_measured(struct lana_stack *stack, __u32 idp, const struct type *type, int path,
			  struct lana_path_stats *stats)
{
	struct probe_path sum;

	if (!measure_read(stack, idp, path, &sum))
		return;
	for (int i = 0; i < PROBE_WAYS; i++) {
		struct lana_way_stats *way = &stats->ways[stats->ways_count];

		if (!sum.ways[i].packets)
			continue;
		way_of(type->ports, path, verdict_of(i), &way->way);
		way->packets = sum.ways[i].packets;
		way->bytes = sum.ways[i].bytes;
		way->dropped = sum.ways[i].dropped;
		stats->ways_count++;
	}
	stats->samples = sum.samples;
	if (sum.samples && sum.ns > sum.clock_ns)
		stats->ns = (double)(sum.ns - sum.clock_ns) / sum.samples;
}

static void read_events(const struct lana_stack *stack, struct lana_cell *cell,
			const struct type *type, struct lana_block_stats *stats)
{
	struct lana_events_cell sum;

	state_sum_events(stack, cell, &sum);
	stats->publishes = type->events_count;
	stats->events_published = sum.published;
	stats->events_suppressed = sum.suppressed;
}

static int refuse_cell(const struct record *record, struct lana_error *error)
{
	return refuse(error, -errno, "the counters of '%s' are missing: %s", record->name,
		      strerror(errno));
}

int stats_read(struct lana_stack *stack, __u32 idp, struct lana_block_stats *stats,
	       struct lana_error *error)
{
	const struct record *record = &stack->registry->records[idp];
	struct lana_cell *cell = stack_cell(stack, record->cell);
	const struct type *type;
	int err;

	if (!cell)
		return refuse_cell(record, error);
	err = types_read(stack, record->type, record->version, &type, error);
	if (err)
		return err;
	strcpy(stats->name, record->name);
	strcpy(stats->type, record->type);
	stats->idp = idp;
	read_events(stack, cell, type, stats);
	for (int path = 0; path < LANA_PATHS; path++) {
		struct lana_path_cell sum;

		state_sum(stack, cell, path, &sum);
		read_path(type, &sum, &stats->path[path]);
		read_measured(stack, idp, type, path, &stats->path[path]);
	}
	return 0;
}

int lana_block_stats(struct lana_stack *stack, const char *name, struct lana_block_stats **stats,
		     size_t *count, struct lana_error *error)
{
	_cleanup_free_ struct lana_block_stats *all = NULL;
	__u32 first, limit;
	size_t found = 0;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = stack_range(stack, name, &first, &limit, error);
	if (err)
		return err;
	all = calloc(limit - first + 1, sizeof(*all));
	if (!all)
		return refuse(error, -ENOMEM, "out of memory");
	for (__u32 idp = first; idp < limit; idp++) {
		if (!stack->registry->records[idp].name[0])
			continue;
		err = stats_read(stack, idp, &all[found++], error);
		if (err)
			return err;
	}
	*stats = TAKE_PTR(all);
	*count = found;
	return 0;
}

/* A counter, on both paths together. -EINVAL */
static int add_up(const struct type *type, const struct lana_path_cell sums[LANA_PATHS],
		  const char *counter, uint64_t *value)
{
	for (__u32 i = 0; i < type->counters.count; i++) {
		const struct lana_field *field = &type->counters.fields[i].field;

		if (strcmp(field->name, counter))
			continue;
		*value = 0;
		for (int path = 0; path < LANA_PATHS; path++) {
			__u64 part;

			memcpy(&part, sums[path].own + field->offset, sizeof(part));
			*value += part;
		}
		return 0;
	}
	return -EINVAL;
}

int lana_block_counts(struct lana_stack *stack, const char *name, const char *const *counters,
		      uint64_t *values, struct lana_error *error)
{
	struct lana_path_cell sums[LANA_PATHS];
	const struct record *record;
	const struct type *type;
	struct lana_cell *cell;
	__u32 idp;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = stack_find(stack, name, &idp, error);
	if (err)
		return err;
	record = &stack->registry->records[idp];
	err = types_read(stack, record->type, record->version, &type, error);
	if (err)
		return err;
	cell = stack_cell(stack, record->cell);
	if (!cell)
		return refuse_cell(record, error);
	for (int path = 0; path < LANA_PATHS; path++)
		state_sum(stack, cell, path, &sums[path]);
	for (size_t i = 0; counters[i]; i++)
		if (add_up(type, sums, counters[i], &values[i]))
			return refuse(error, -EINVAL, "'%s' has no counter '%.64s'", name,
				      counters[i]);
	return 0;
}

int lana_block_count(struct lana_stack *stack, const char *name, const char *counter,
		     uint64_t *value, struct lana_error *error)
{
	return lana_block_counts(stack, name, (const char *const[]){ counter, NULL }, value, error);
}

/* ---- devices -------------------------------------------------------------------------- */

/* Copy the records of all devices. */
static int collect_devices(struct lana_stack *stack, struct lana_device_stats **stats,
			   struct device_record **records, size_t *count, struct lana_error *error)
{
	_cleanup_free_ struct lana_device_stats *all = NULL;
	_cleanup_free_ struct device_record *devices = NULL;
	size_t found = 0;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	all = calloc(stack->registry->limit, sizeof(*all));
	devices = calloc(stack->registry->limit, sizeof(*devices));
	if (!all || !devices)
		return refuse(error, -ENOMEM, "out of memory");
	registry_for_each (stack->registry, idp) {
		const struct record *record = &stack->registry->records[idp];

		if (record->device.hook == LANA_HOOK_NONE)
			continue;
		strcpy(all[found].name, record->name);
		all[found].idp = idp;
		devices[found++] = record->device;
	}
	*stats = TAKE_PTR(all);
	*records = TAKE_PTR(devices);
	*count = found;
	return 0;
}

/* The kernel is asked when the lock is not held any more. */
int lana_device_stats(struct lana_stack *stack, struct lana_device_stats **stats, size_t *count,
		      struct lana_error *error)
{
	_cleanup_free_ struct device_record *records = NULL;
	int err = collect_devices(stack, stats, &records, count, error);

	for (size_t i = 0; !err && i < *count; i++)
		(*stats)[i].gone = device_count(&records[i], &(*stats)[i]);
	return err;
}
