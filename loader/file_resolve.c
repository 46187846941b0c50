// SPDX-License-Identifier: GPL-2.0-only
/*
 * file_resolve - check what a stack file says, and resolve its names
 */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "file_plan.h"
#include "filter.h"
#include "settings.h"
#include "tag.h"

/* Say what was refused, and where that stands. */
static int refuse_at(const struct planner *p, struct place place, int err,
		     const struct lana_error *why)
{
	return file_refuse(p->file, place, p->error, err, "%s", why->text);
}

static int check_options(const struct planner *p, const struct file_block *block,
			 const struct type *type)
{
	__u8 bytes[LANA_CONFIG_MAX] = {};
	struct lana_error why = {};
	__u64 done = 0;
	int err;

	for (size_t i = 0; i < block->options_count; i++) {
		err = layout_apply_one(type->btf, &type->config, type->name, block->options[i].text,
				       bytes, &done, &why);
		if (err)
			return refuse_at(p, block->options[i].place, err, &why);
	}
	err = tag_check_options(&type->config, bytes, &why);
	err = err ?: settings_check(&type->config, type->name, bytes, &why);
	if (err)
		return refuse_at(p, block->place, err, &why);
	if (type->config.has_filter && block->filter->err)
		return refuse_at(p, file_filter_option(block)->place, block->filter->err,
				 &block->filter->why);
	return 0;
}

/* Twice: loading a type may move the others. */
int planner_find_types(struct planner *p)
{
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < p->file->blocks_count; i++) {
			const struct file_block *block = &p->file->blocks[i];
			struct lana_error why = {};
			int err;

			if (!block->type)
				continue;
			if (!strcmp(block->type, "device"))
				return file_refuse(p->file, block->type_place, p->error, -EINVAL,
						   "devices stand under hooks");
			if (!strcmp(block->type, "socket"))
				return file_refuse(p->file, block->type_place, p->error, -EINVAL,
						   "sockets are opened by programs");
			if (!strcmp(block->type, "worker"))
				return file_refuse(p->file, block->type_place, p->error, -EINVAL,
						   "workers are processes");
			err = commit_type(p->commit, block->type, &p->types[i], &why);
			if (err)
				return refuse_at(p, block->type_place, err, &why);
			err = round ? check_options(p, block, p->types[i]) : 0;
			if (err)
				return err;
		}
	return 0;
}

int planner_check_kinds(struct planner *p)
{
	for (size_t i = 0; i < p->file->blocks_count; i++) {
		const struct file_block *block = &p->file->blocks[i];
		__u32 idp;
		const struct record *record = planner_record(p, block->name, &idp);

		if (record && is_device(record) != !block->type)
			return file_refuse(p->file, block->place, p->error, -EEXIST,
					   "'%s' is %s in the stack: take that away first",
					   block->name,
					   record->device.is_worker   ? "a worker"
					   : record->device.is_socket ? "a socket"
					   : block->type	      ? "a device"
								      : "a block");
		if (!record || block->type)
			continue;
		if (strcmp(record->device.name, block->device) ||
		    (block->hook != LANA_HOOK_NONE && block->hook != record->device.hook))
			return file_refuse(
				p->file, block->place, p->error, -EEXIST,
				"'%s' is device '%s' hooked at %s in the stack: unhook that "
				"first",
				block->name, record->device.name,
				lana_hook_name(record->device.hook));
		if (block->netns && strcmp(block->netns, record->device.netns_name))
			return file_refuse(p->file, block->place, p->error, -EEXIST,
					   "'%s' is hooked in network namespace '%s' in the stack, "
					   "not '%s': unhook that first",
					   block->name, record->device.netns_name, block->netns);
	}
	return 0;
}

static int find_port(struct planner *p, const struct file_edge *edge, __u32 *port)
{
	long from = file_find(p->file, edge->from), to = file_find(p->file, edge->to);
	const struct type *type;

	if (from < 0 || to < 0)
		return file_refuse(p->file, edge->place, p->error, -ENOENT,
				   "no block '%s' in this file", from < 0 ? edge->from : edge->to);
	type = p->types[from];
	*port = 0;
	if (!type && edge->port && strcmp(edge->port, "next") && strcmp(edge->port, "0"))
		return file_refuse(p->file, edge->place, p->error, -EINVAL,
				   "'%s' is a device: it has no port '%s' (it has next)",
				   edge->from, edge->port);
	if (type && !type->ports_count)
		return file_refuse(p->file, edge->place, p->error, -EINVAL,
				   "'%s' (type '%s') has no ports: nothing leads on from it",
				   edge->from, type->name);
	if (type && edge->port && type_port(type, edge->port, port))
		return file_refuse(p->file, edge->place, p->error, -EINVAL,
				   "'%s' (type '%s') has no port '%s'", edge->from, type->name,
				   edge->port);
	return 0;
}

static __u32 edge_hash(const char *from, int path, __u32 port)
{
	return registry_hash(from) * (LANA_PORTS_MAX * LANA_PATHS + 1) + port * LANA_PATHS + path;
}

long planner_edge(const struct planner *p, const char *from, int path, __u32 port)
{
	index_for_each (&p->edges, edge_hash(from, path, port), number) {
		const struct file_edge *edge = &p->file->edges[number];

		if (edge->path == (enum lana_path)path && p->ports[number] == port &&
		    !strcmp(edge->from, from))
			return number;
	}
	return -1;
}

int planner_find_ports(struct planner *p)
{
	for (size_t i = 0; i < p->file->edges_count; i++) {
		const struct file_edge *edge = &p->file->edges[i];
		int err = find_port(p, edge, &p->ports[i]);

		if (err)
			return err;
		if (planner_edge(p, edge->from, edge->path, p->ports[i]) >= 0)
			return file_refuse(p->file, edge->place, p->error, -EINVAL,
					   "port %u of '%s' is bound twice on %s", p->ports[i],
					   edge->from, lana_path_name(edge->path));
		if (index_add(&p->edges, edge_hash(edge->from, edge->path, p->ports[i])))
			return refuse(p->error, -ENOMEM, "out of memory");
	}
	return 0;
}
