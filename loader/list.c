// SPDX-License-Identifier: GPL-2.0-only
/*
 * list - describe blocks and read their counters
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach.h"
#include "cleanup.h"
#include "copies.h"
#include "device.h"
#include "error.h"
#include "filter.h"
#include "graph.h"
#include "log.h"
#include "measure.h"
#include "names.h"
#include "settings.h"
#include "state.h"
#include "types.h"

/* IDPs of the blocks asked for: one, or all. *limit is one past the last to look at. */
static int range(const struct lana_stack *stack, const char *name, __u32 *first, __u32 *limit,
		 struct lana_error *error)
{
	*first = 1;
	*limit = stack->registry->limit;
	if (name) {
		int err = stack_find(stack, name, first, error);

		if (err)
			return err;
		*limit = *first + 1;
	}
	return 0;
}

static void describe_edges(const struct lana_stack *stack, const struct record *record,
			   const struct type *type, struct lana_block_info *info)
{
	for (int path = 0; path < LANA_PATHS; path++)
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
			struct lana_edge *edge = &info->edges[info->edges_count];
			__u32 to = record->edges[path][port];

			if (!to)
				continue;
			*edge = (struct lana_edge){
				.path = path,
				.port = port,
				.fused = record->fused[path] & 1U << port,
				.to = to,
			};
			snprintf(edge->port_name, sizeof(edge->port_name), "%s", type->ports[port]);
			snprintf(edge->to_name, sizeof(edge->to_name), "%s",
				 stack->registry->records[to].name);
			info->edges_count++;
		}
}

static void describe_device(struct lana_stack *stack, __u32 idp, struct lana_device_info *info)
{
	struct device_record *device = &stack->registry->records[idp].device;

	if (device->hook == LANA_HOOK_NONE)
		return;
	*info = (struct lana_device_info){
		.ifindex = device->ifindex,
		.hook = device->hook,
		.gone = !is_attached(stack, idp, device),
	};
	if (info->gone && !device->gone) {
		device->gone = true;
		log_note(stack, LANA_EVENT_DEVICE, "device %s has gone", device->name);
	}
	strcpy(info->name, device->name);
	strcpy(info->netns, device->netns_name);
	if (device->is_worker)
		snprintf(info->note, sizeof(info->note), "worker, process %u", device->process);
	else if (device->is_socket)
		snprintf(info->note, sizeof(info->note), "socket of process %u", device->process);
	else if (device->peer_gro)
		snprintf(info->note, sizeof(info->note), "switched GRO on at the peer");
	else if (device->clsact != CLSACT_NONE)
		snprintf(info->note, sizeof(info->note), "attached by clsact filters");
}

static void describe_config(const struct record *record, const struct type *type,
			    struct lana_block_info *info)
{
	__u8 in_effect[LANA_CONFIG_MAX];
	bool differs = settings_in_effect(&type->config, record->type, record->config, in_effect);

	for (size_t i = 0; i < info->config_count; i++) {
		const struct field *field = &type->config.fields[i];
		struct lana_value *value = &info->config[i];

		strcpy(value->name, field->field.name);
		value->is_number = field->kind == FIELD_INTEGER;
		field_format(type->btf, field, record->config, value->text, sizeof(value->text));
		if (differs && memcmp(record->config + field->field.offset,
				      in_effect + field->field.offset, field->field.size))
			field_format(type->btf, field, in_effect, value->in_effect,
				     sizeof(value->in_effect));
	}
}

static int describe(struct lana_stack *stack, __u32 idp, struct lana_block_info *info,
		    struct lana_error *error)
{
	const struct record *record = &stack->registry->records[idp];
	const struct type *type;
	int err = types_get(stack, record->type, record->version, &type, error);

	if (err)
		return err;
	*info = (struct lana_block_info){
		.type_version = record->version,
		.type_current = record->version == types_version(stack, record->type),
		.idp = idp,
		.references = record->references[LANA_INGRESS] + record->references[LANA_EGRESS] -
			      !!(record->probes & PROBE_ENTERED),
		.config_count = record->device.hook == LANA_HOOK_NONE ? type->config.count : 0,
	};
	strcpy(info->name, record->name);
	strcpy(info->type, record->type);
	info->user = record->user;
	if (info->user)
		info->silent_ms =
			stack_silence_of(stack, stack_worker_of(stack, idp, info->worker));
	describe_config(record, type, info);
	describe_edges(stack, record, type, info);
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX && record->subscribers[i]; i++)
		strcpy(info->subscribers[info->subscribers_count++],
		       stack->registry->records[record->subscribers[i]].name);
	describe_device(stack, idp, &info->device);
	if (!info->user && !info->device.gone)
		info->silent_ms = stack_silence_of(stack, idp);
	return 0;
}

/* Name the program that begins with a node in all blocks that it holds. */
static void describe_program(struct graph *graph, __u32 head, struct lana_block_info *const *infos)
{
	const struct record *record = graph_record(graph, node_idp(head));
	struct segment segment;

	if (!record || !record->entries[node_path(head)] || !graph_segment(graph, head, &segment))
		return;
	for (size_t i = 0; i < segment.count; i++) {
		struct lana_block_info *info = infos[node_idp(segment.nodes[i])];
		struct lana_programs *programs;

		if (!info)
			continue;
		programs = &info->programs[node_path(segment.nodes[i])];
		if (programs->count < LANA_COPIES_MAX)
			strcpy(programs->first[programs->count++], record->name);
	}
}

/* At XDP copies are made only where packets come. */
static void describe_copies(const struct lana_stack *stack, const struct graph *graph, __u32 node,
			    bool at_xdp, struct lana_copies *copies)
{
	struct copying copying;

	if (!copies_here(graph_record(graph, node_idp(node))))
		return;
	copies_of(graph, node, &copying);
	copies->inlined = __builtin_popcount(copying.inlined);
	if (stack_uses(stack, LANA_TC, node_path(node)) &&
	    copying_of(graph_record(graph, node_idp(node))) != LANA_COPYING_PARTS)
		copies->cloned = __builtin_popcount(copying.copied);
	if (at_xdp && stack_uses(stack, LANA_XDP, node_path(node)) && copying.copied)
		copies->broadcast = __builtin_popcount(copying.copied) + 1;
}

static int describe_programs(struct lana_stack *stack, struct lana_block_info *list, size_t count,
			     struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	_cleanup_free_ struct lana_block_info **infos = calloc(LANA_BLOCKS_MAX, sizeof(*infos));
	_cleanup_(walk_free) struct walk walk = {};

	commit.graph = graph_new(&commit);
	if (!infos || !commit.graph || copies_reach_xdp(commit.graph, &walk))
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		infos[list[i].idp] = &list[i];
		for (int path = 0; path < LANA_PATHS; path++) {
			__u32 node = node_of(list[i].idp, path);

			describe_copies(stack, commit.graph, node, walk.seen[node],
					&list[i].copies[path]);
		}
	}
	for (__u32 node = 0; node < graph_limit(commit.graph) * LANA_PATHS; node++)
		describe_program(commit.graph, node, infos);
	return 0;
}

static void put_filters(struct filter ***filters)
{
	for (size_t i = 0; *filters && (*filters)[i]; i++)
		filter_put((*filters)[i]);
	free(*filters);
}

/* Describe the blocks' filters. Their texts come behind the blocks, into the same memory. */
static int describe_filters(const struct lana_stack *stack, struct lana_block_info **infos,
			    size_t count, struct lana_error *error)
{
	_cleanup_(put_filters) struct filter **filters = calloc(count + 1, sizeof(*filters));
	size_t size = count * sizeof(**infos), found = 0;
	struct lana_block_info *grown;
	char *text;

	if (!filters)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		const struct record *record = &stack->registry->records[(*infos)[i].idp];
		int err = filter_read(stack, record, &filters[found], error);

		if (err)
			return err;
		if (filters[found])
			size += strlen(filters[found++]->text) + 1;
	}
	grown = realloc(*infos, size + 1);
	if (!grown)
		return refuse(error, -ENOMEM, "out of memory");
	*infos = grown;
	text = (char *)(grown + count);
	found = 0;
	for (size_t i = 0; i < count; i++) {
		if (!stack->registry->records[grown[i].idp].filter)
			continue;
		grown[i].filter.kind = filters[found]->kind;
		grown[i].filter.instructions = filters[found]->program.count;
		grown[i].filter.text = strcpy(text, filters[found]->text);
		text += strlen(text) + 1;
		found++;
	}
	return 0;
}

int lana_block_list(struct lana_stack *stack, const char *name, struct lana_block_info **blocks,
		    size_t *count, struct lana_error *error)
{
	_cleanup_free_ struct lana_block_info *infos = NULL;
	__u32 first, limit;
	size_t found = 0;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = range(stack, name, &first, &limit, error);
	if (err)
		return err;
	infos = calloc(limit - first + 1, sizeof(*infos));
	if (!infos)
		return refuse(error, -ENOMEM, "out of memory");
	for (__u32 idp = first; idp < limit; idp++) {
		if (!stack->registry->records[idp].name[0])
			continue;
		err = describe(stack, idp, &infos[found++], error);
		if (err)
			return err;
	}
	err = describe_programs(stack, infos, found, error);
	if (!err)
		err = describe_filters(stack, &infos, found, error);
	if (err)
		return err;
	*blocks = TAKE_PTR(infos);
	*count = found;
	return 0;
}

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

int stats_read(struct lana_stack *stack, __u32 idp, struct lana_block_stats *stats,
	       struct lana_error *error)
{
	const struct record *record = &stack->registry->records[idp];
	struct lana_cell *cell = stack_cell(stack, record->cell);
	const struct type *type;
	int err;

	if (!cell)
		return refuse(error, -errno, "the counters of '%s' are missing: %s", record->name,
			      strerror(errno));
	err = types_get(stack, record->type, record->version, &type, error);
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

	err = range(stack, name, &first, &limit, error);
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
