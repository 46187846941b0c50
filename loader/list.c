// SPDX-License-Identifier: GPL-2.0-only
/*
 * list - describe blocks
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach.h"
#include "cleanup.h"
#include "copies.h"
#include "error.h"
#include "filter.h"
#include "graph.h"
#include "log.h"
#include "settings.h"
#include "types.h"

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
	int err = types_read(stack, record->type, record->version, &type, error);

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

	err = stack_range(stack, name, &first, &limit, error);
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
