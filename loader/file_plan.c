// SPDX-License-Identifier: GPL-2.0-only
/*
 * file_plan - what is to be done for a stack to become what a file says
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "cleanup.h"
#include "error.h"
#include "file_plan.h"
#include "filter.h"
#include "hook.h"

static void planner_free(struct planner *p)
{
	free(p->types);
	free(p->ports);
	index_free(&p->edges);
}

static int add_step(struct planner *p, struct place place, struct op op)
{
	op.line = place.line;
	op.column = place.column;
	return steps_add(p->steps, op) ? refuse(p->error, -ENOMEM, "out of memory") : 0;
}

static int plan_vlinks(struct planner *p)
{
	return file_plan_vlinks(p->file, p->steps, p->error);
}

static int plan_no_vlinks(struct planner *p)
{
	return file_plan_no_vlinks(p->file, p->steps, p->error);
}

static int plan_hooks(struct planner *p)
{
	for (size_t i = 0; i < p->file->blocks_count; i++) {
		const struct file_block *block = &p->file->blocks[i];
		const struct record *record;
		__u32 idp;
		int err;

		if (block->type)
			continue;
		record = planner_record(p, block->name, &idp);
		if (record && is_attached(p->commit->stack, idp, &record->device))
			continue;
		err = add_step(p, block->place,
			       (struct op){ .run = hook_try,
					    .name = block->name,
					    .other = block->device,
					    .netns = block->netns,
					    .hook = block->hook });
		if (err)
			return err;
	}
	return 0;
}

/* An edge as a step says it: ingress leads up, egress down. */
static struct op edge_step(const char *from, const char *to, int path, const char *port)
{
	bool ingress = path == LANA_INGRESS;

	return (struct op){ .name = ingress ? to : from,
			    .other = ingress ? from : to,
			    .where = { .port = port, .ingress = ingress, .egress = !ingress } };
}

/* NULL: the first, which need not be named. */
static const char *number(char text[16], __u32 port)
{
	snprintf(text, 16, "%u", port);
	return port ? text : NULL;
}

/* At tc what the kernel sends leaves as if nothing were hooked, unless the file says otherwise. */
static bool returns_to_itself(const struct record *record, int path)
{
	return record->device.hook == LANA_HOOK_TC && path == LANA_EGRESS;
}

/* A socket is its program's, and so is how it is bound: unless the block there goes. */
static bool is_left_alone(const struct planner *p, const struct record *from,
			  const struct record *to)
{
	if (!from->device.is_socket && !to->device.is_socket)
		return false;
	return (from->device.is_socket || file_find(p->file, from->name) >= 0) &&
	       (to->device.is_socket || file_find(p->file, to->name) >= 0);
}

static int plan_unbind(struct planner *p, const struct record *record, int path, __u32 port)
{
	const struct record *target = commit_record(p->commit, record->edges[path][port]);
	long edge = planner_edge(p, record->name, path, port);
	bool itself = returns_to_itself(record, path);
	char text[16];
	struct op op;

	if (edge >= 0 || (itself && target == record))
		return 0; /* plan_binds() sees to it */
	if (is_left_alone(p, record, target))
		return 0;
	itself = itself && file_find(p->file, record->name) >= 0;
	op = edge_step(record->name, itself ? record->name : target->name, path,
		       number(text, port));
	op.run = itself ? op_bind : op_unbind;
	return add_step(p, (struct place){}, op);
}

static int plan_unbinds(struct planner *p)
{
	for (__u32 idp = 1; idp < commit_limit(p->commit); idp++) {
		const struct record *record = commit_record(p->commit, idp);

		for (int path = 0; record->name[0] && path < LANA_PATHS; path++)
			for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
				int err = record->edges[path][port]
						  ? plan_unbind(p, record, path, port)
						  : 0;

				if (err)
					return err;
			}
	}
	return 0;
}

/* A block's options as the file has them: what it does not name is zero. */
static int wanted_config(const struct planner *p, size_t i, __u8 *bytes)
{
	const struct file_block *block = &p->file->blocks[i];
	const struct type *type = p->types[i];

	_cleanup_free_ const char **options = file_options(block);

	if (!options)
		return refuse(p->error, -ENOMEM, "out of memory");
	memset(bytes, 0, LANA_CONFIG_MAX);
	return layout_apply(type->btf, &type->config, type->name, options, bytes, p->error);
}

#define OPTION_MAX (LANA_NAME_MAX + LANA_CONFIG_MAX + 2)

/* Options as text: all of them, or those that differ from before. */
static void config_options(const struct type *type, const __u8 *before, const __u8 *wanted,
			   char (*texts)[OPTION_MAX], const char **options)
{
	size_t count = 0;

	for (__u32 i = 0; i < type->config.count; i++) {
		const struct field *field = &type->config.fields[i];
		const struct lana_field *place = &field->field;
		size_t length;

		if (before && !memcmp(before + place->offset, wanted + place->offset, place->size))
			continue;
		length = snprintf(texts[count], OPTION_MAX, "%s=", place->name);
		field_format(type->btf, field, wanted, texts[count] + length, OPTION_MAX - length);
		options[count] = texts[count];
		count++;
	}
	options[count] = NULL;
}

/* Add the option that gives a block's filter, if the block has another one. */
static int plan_filter(const struct planner *p, const struct file_block *block,
		       const struct type *type, const struct record *record, struct op *op,
		       const char **options)
{
	_cleanup_(filter_put_p) struct filter *before = NULL;
	const struct file_option *option = file_filter_option(block);
	int err = record ? filter_read(p->commit->stack, record, &before, p->error) : 0;

	if (err || !type->config.has_filter || filter_same(before, block->filter))
		return err;
	op->filter = block->filter;
	while (*options)
		options++;
	*options = option ? option->text : "expr=";
	return 0;
}

static int plan_block(struct planner *p, size_t i)
{
	const struct file_block *block = &p->file->blocks[i];
	const char *options[LANA_FIELDS_MAX + 2] = {};
	char texts[LANA_FIELDS_MAX][OPTION_MAX];
	const struct type *type = p->types[i];
	__u8 wanted[LANA_CONFIG_MAX];
	const struct record *record;
	struct op op = { .name = block->name, .options = options };
	__u32 idp;
	int err = wanted_config(p, i, wanted);

	if (err)
		return err;
	record = planner_record(p, block->name, &idp);
	if (!record) {
		static const __u8 zero[LANA_CONFIG_MAX];

		op.run = op_add;
		op.other = block->type;
		config_options(type, zero, wanted, texts, options);
	} else if (strcmp(record->type, type->name)) {
		op.run = op_replace;
		op.other = block->type;
		op.on = p->drop_state;
		op.sparing = true;
		config_options(type, NULL, wanted, texts, options);
	} else {
		op.run = op_set;
		config_options(type, record->config, wanted, texts, options);
	}
	err = plan_filter(p, block, type, record, &op, options);
	if (err || (op.run == op_set && !*options))
		return err;
	return add_step(p, block->place, op);
}

static int plan_blocks(struct planner *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->file->blocks_count; i++)
		if (p->types[i])
			err = plan_block(p, i);
	return err;
}

static int plan_binds(struct planner *p)
{
	for (size_t i = 0; i < p->file->edges_count; i++) {
		const struct file_edge *edge = &p->file->edges[i];
		__u32 idp, port = p->ports[i], to;
		const struct record *record = planner_record(p, edge->from, &idp);
		char text[16];
		struct op op;
		int err;

		to = record ? record->edges[edge->path][port] : 0;
		if (to && !strcmp(commit_record(p->commit, to)->name, edge->to))
			continue;
		op = edge_step(edge->from, edge->to, edge->path, edge->port ?: number(text, port));
		op.run = op_bind;
		err = add_step(p, edge->place, op);
		if (err)
			return err;
	}
	return 0;
}

static int plan_hot_port(struct planner *p, const char *name, const struct record *record, int path,
			 __u32 port)
{
	long edge = planner_edge(p, name, path, port);
	bool is = record && record->hot[path] & 1U << port;
	bool shall = edge >= 0 && p->file->edges[edge].hot;
	char text[16];
	struct op op = { .run = op_hot,
			 .name = name,
			 .where = { .port = number(text, port),
				    .ingress = path == LANA_INGRESS,
				    .egress = path == LANA_EGRESS },
			 .on = shall };

	if (is == shall)
		return 0;
	return add_step(p, edge >= 0 ? p->file->edges[edge].place : (struct place){}, op);
}

static int plan_hot(struct planner *p)
{
	for (size_t i = 0; i < p->file->blocks_count; i++) {
		const struct file_block *block = &p->file->blocks[i];
		__u32 idp, ports = p->types[i] ? p->types[i]->ports_count : 1;
		const struct record *record = planner_record(p, block->name, &idp);
		bool is = record && record->hot_block;
		int err = 0;

		if (is != block->hot)
			err = add_step(p, block->place,
				       (struct op){ .run = op_hot,
						    .name = block->name,
						    .on = block->hot });
		for (int path = 0; path < LANA_PATHS; path++)
			for (__u32 port = 0; !err && port < ports; port++)
				err = plan_hot_port(p, block->name, record, path, port);
		if (err)
			return err;
	}
	return 0;
}

static int check_subscribed(struct planner *p)
{
	return file_check_subscriptions(p->file, p->error);
}

static int plan_unsubscribe(struct planner *p)
{
	int err = file_plan_unsubscribe(p->file, p->commit, p->steps);

	return err ? refuse(p->error, err, "out of memory") : 0;
}

static int plan_subscribe(struct planner *p)
{
	int err = file_plan_subscribe(p->file, p->commit, p->steps);

	return err ? refuse(p->error, err, "out of memory") : 0;
}

static int plan_removals(struct planner *p)
{
	for (__u32 idp = 1; idp < commit_limit(p->commit); idp++) {
		const struct record *record = commit_record(p->commit, idp);
		int err;

		if (!record->name[0] || record->device.is_socket ||
		    file_find(p->file, record->name) >= 0)
			continue;
		err = add_step(p, (struct place){},
			       (struct op){ .run = is_device(record) ? op_unhook : op_rm,
					    .name = record->name });
		if (err)
			return err;
	}
	return 0;
}

int file_plan(const struct file *file, struct commit *commit, struct lana_commit *steps,
	      bool drop_state, struct lana_error *error)
{
	_cleanup_(planner_free) struct planner p = {
		.file = file,
		.commit = commit,
		.steps = steps,
		.error = error,
		.types = calloc(file->blocks_count + 1, sizeof(*p.types)),
		.ports = calloc(file->edges_count + 1, sizeof(*p.ports)),
		.drop_state = drop_state,
	};
	static int (*const phases[])(struct planner * p) = {
		planner_find_types, planner_check_kinds, planner_find_ports, check_subscribed,
		plan_vlinks,	    plan_hooks,		 plan_unbinds,	     plan_unsubscribe,
		plan_blocks,	    plan_binds,		 plan_hot,	     plan_subscribe,
		plan_removals,	    plan_no_vlinks,
	};
	int err = 0;

	if (!p.types || !p.ports)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; !err && i < ARRAY_SIZE(phases); i++)
		err = phases[i](&p);
	return err;
}
