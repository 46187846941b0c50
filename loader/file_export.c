// SPDX-License-Identifier: GPL-2.0-only
/*
 * file_export - a stack as a stack file
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "bytes.h"
#include "cleanup.h"
#include "error.h"
#include "filter.h"
#include "stack.h"
#include "types.h"
#include "vlink.h"

struct writer {
	struct lana_stack *stack;
	struct lana_error *error;
	yaml_emitter_t emitter;
	char *text;
	size_t size;
	bool failed;
};

/* libyaml asks for the text piece by piece. */
static int take_output(void *cookie, unsigned char *bytes, size_t size)
{
	struct writer *writer = cookie;
	char *grown = realloc(writer->text, writer->size + size + 1);

	if (!grown)
		return 0;
	writer->text = grown;
	memcpy(grown + writer->size, bytes, size);
	writer->size += size;
	grown[writer->size] = 0;
	return 1;
}

static void emit(struct writer *writer, yaml_event_t *event, int made)
{
	if (!made || writer->failed || !yaml_emitter_emit(&writer->emitter, event))
		writer->failed = true;
}

static void put_styled(struct writer *writer, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;
	int made = yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)text,
						strlen(text), 1, 1, style);

	emit(writer, &event, made);
}

static void put(struct writer *writer, const char *text)
{
	put_styled(writer, text, YAML_ANY_SCALAR_STYLE);
}

static void open_mapping(struct writer *writer, bool flow)
{
	yaml_event_t event;
	int made = yaml_mapping_start_event_initialize(
		&event, NULL, NULL, 1, flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE);

	emit(writer, &event, made);
}

static void close_mapping(struct writer *writer)
{
	yaml_event_t event;

	emit(writer, &event, yaml_mapping_end_event_initialize(&event));
}

static void put_pair(struct writer *writer, const char *key, const char *value)
{
	put(writer, key);
	put(writer, value);
}

/* ---- parts -------------------------------------------------------------------------------- */

static bool is_device(const struct record *record)
{
	return record->device.hook != LANA_HOOK_NONE;
}

/* Nothing is said where there is none. */
static int put_vlinks(struct writer *writer)
{
	_cleanup_(vlink_pages_free) struct vlink_pages pages = {};
	int err = vlink_pages_open(writer->stack, &pages, writer->error);
	bool open = false;
	char number[16];

	for_each_page (page, &pages)
		for_each_vlink (id, page) {
			if (!open)
				put(writer, "vlinks");
			if (!open)
				open_mapping(writer, false);
			open = true;
			put(writer, page->vlinks->records[id].name);
			open_mapping(writer, true);
			put_pair(writer, "carrier", page->vlinks->name);
			snprintf(number, sizeof(number), "%u", id);
			put_pair(writer, "id", number);
			if (*page->vlinks->netns_name)
				put_pair(writer, "netns", page->vlinks->netns_name);
			close_mapping(writer);
		}
	if (open)
		close_mapping(writer);
	return err;
}

static void put_hooks(struct writer *writer)
{
	put(writer, "hooks");
	open_mapping(writer, false);
	registry_for_each (writer->stack->registry, idp) {
		const struct record *record = &writer->stack->registry->records[idp];

		if (!is_device(record) || record->device.is_socket)
			continue;
		put(writer, record->name);
		open_mapping(writer, true);
		put_pair(writer, "dev", record->device.name);
		put_pair(writer, "hook", lana_hook_name(record->device.hook));
		if (record->device.netns_name[0])
			put_pair(writer, "netns", record->device.netns_name);
		close_mapping(writer);
	}
	close_mapping(writer);
}

static bool is_reserved(const char *option)
{
	return !strcmp(option, "type") || !strcmp(option, "hot") || !strcmp(option, "config");
}

static void put_options(struct writer *writer, const struct record *record, const struct type *type,
			bool reserved)
{
	for (__u32 i = 0; i < type->config.count; i++) {
		const struct field *field = &type->config.fields[i];
		char text[LANA_CONFIG_MAX + 1];

		if (is_zero(record->config + field->field.offset, field->field.size) ||
		    is_reserved(field->field.name) != reserved)
			continue;
		field_format(type->btf, field, record->config, text, sizeof(text));
		put_pair(writer, field->field.name, text);
	}
}

/* A text of several lines is one in the file too. */
static void put_filter(struct writer *writer, const struct filter *filter)
{
	put(writer, lana_filter_kind_name(filter->kind));
	put_styled(writer, filter->text,
		   strchr(filter->text, '\n') ? YAML_LITERAL_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE);
}

static void put_block(struct writer *writer, const struct record *record, const struct type *type,
		      const struct filter *filter)
{
	put(writer, record->name);
	if (is_zero(record->config, type->config.size) && !record->hot_block && !filter) {
		put(writer, record->type);
		return;
	}
	open_mapping(writer, !filter || !strchr(filter->text, '\n'));
	put_pair(writer, "type", record->type);
	if (filter)
		put_filter(writer, filter);
	put_options(writer, record, type, false);
	for (__u32 i = 0; i < type->config.count; i++)
		if (is_reserved(type->config.fields[i].field.name)) {
			put(writer, "config");
			open_mapping(writer, true);
			put_options(writer, record, type, true);
			close_mapping(writer);
			break;
		}
	if (record->hot_block)
		put_pair(writer, "hot", "true");
	close_mapping(writer);
}

static int put_blocks(struct writer *writer)
{
	put(writer, "blocks");
	open_mapping(writer, false);
	registry_for_each (writer->stack->registry, idp) {
		const struct record *record = &writer->stack->registry->records[idp];
		_cleanup_(filter_put_p) struct filter *filter = NULL;
		const struct type *type;
		int err;

		if (is_device(record))
			continue;
		err = types_read(writer->stack, record->type, record->version, &type,
				 writer->error);
		if (!err)
			err = filter_read(writer->stack, record, &filter, writer->error);
		if (err)
			return err;
		put_block(writer, record, type, filter);
	}
	close_mapping(writer);
	return 0;
}

/* What both ways of an edge between two blocks say in one line. */
static bool is_both(const struct registry *registry, __u32 lower, __u32 port)
{
	const struct record *record = &registry->records[lower];
	__u32 upper = record->edges[LANA_INGRESS][port];
	const struct record *other = &registry->records[upper];

	return !port && upper && upper != lower && other->edges[LANA_EGRESS][0] == lower &&
	       !(record->hot[LANA_INGRESS] & 1) == !(other->hot[LANA_EGRESS] & 1);
}

static int put_edge(struct writer *writer, __u32 idp, int path, __u32 port)
{
	const struct registry *registry = writer->stack->registry;
	const struct record *record = &registry->records[idp];
	__u32 to = record->edges[path][port];
	const char *other = registry->records[to].name;
	const char *hot = record->hot[path] & 1U << port ? " hot" : "";
	char text[3 * LANA_NAME_MAX + 32], from[2 * LANA_NAME_MAX + 2];
	const struct type *type;
	int err;

	if (record->device.is_socket || registry->records[to].device.is_socket)
		return 0; /* it is its program's affair */
	if (path == LANA_EGRESS &&
	    ((to == idp && is_device(record)) || (!port && is_both(registry, to, 0))))
		return 0; /* goes without saying, or was said with ingress */
	err = types_read(writer->stack, record->type, record->version, &type, writer->error);
	if (err)
		return err;
	snprintf(from, sizeof(from), "%s%s%s%s", record->name, port ? "[" : "",
		 port ? type->ports[port] : "", port ? "]" : "");
	if (path == LANA_EGRESS)
		snprintf(text, sizeof(text), "%s <- %s%s", other, from, hot);
	else
		snprintf(text, sizeof(text), "%s %s %s%s", from,
			 is_both(registry, idp, port) ? "<->" : "->", other, hot);
	put(writer, text);
	return 0;
}

static int put_edges(struct writer *writer)
{
	yaml_event_t event;
	int err = 0;

	put(writer, "bind");
	emit(writer, &event,
	     yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						  YAML_BLOCK_SEQUENCE_STYLE));
	registry_for_each (writer->stack->registry, idp)
		for (int path = 0; path < LANA_PATHS; path++)
			for (__u32 port = 0; !err && port < LANA_PORTS_MAX; port++)
				if (writer->stack->registry->records[idp].edges[path][port])
					err = put_edge(writer, idp, path, port);
	emit(writer, &event, yaml_sequence_end_event_initialize(&event));
	return err;
}

static bool is_subscriber(const struct record *publisher, __u32 idp)
{
	for (int i = 0; i < LANA_SUBSCRIBERS_MAX; i++)
		if (publisher->subscribers[i] == idp)
			return true;
	return false;
}

/* Those that a block is subscribed to, if any. */
static void put_subscription(struct writer *writer, __u32 idp)
{
	const struct registry *registry = writer->stack->registry;
	yaml_event_t event;
	bool any = false;

	registry_for_each (registry, publisher) {
		if (!is_subscriber(&registry->records[publisher], idp))
			continue;
		if (!any) {
			put(writer, registry->records[idp].name);
			emit(writer, &event,
			     yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
								  YAML_FLOW_SEQUENCE_STYLE));
		}
		any = true;
		put(writer, registry->records[publisher].name);
	}
	if (any)
		emit(writer, &event, yaml_sequence_end_event_initialize(&event));
}

/* Left out where no block is subscribed to any. */
static void put_subscriptions(struct writer *writer)
{
	const struct registry *registry = writer->stack->registry;
	bool any = false;

	registry_for_each (registry, idp)
		any |= registry->records[idp].subscribers[0];
	if (!any)
		return;
	put(writer, "subscribe");
	open_mapping(writer, false);
	registry_for_each (registry, idp)
		if (registry->records[idp].hears)
			put_subscription(writer, idp);
	close_mapping(writer);
}

static int write_all(struct writer *writer)
{
	yaml_event_t event;
	int err;

	emit(writer, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(writer, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	open_mapping(writer, false);
	err = put_vlinks(writer);
	put_hooks(writer);
	if (!err)
		err = put_blocks(writer);
	if (!err)
		err = put_edges(writer);
	if (err)
		return err;
	put_subscriptions(writer);
	close_mapping(writer);
	emit(writer, &event, yaml_document_end_event_initialize(&event, 1));
	emit(writer, &event, yaml_stream_end_event_initialize(&event));
	return writer->failed ? refuse(writer->error, -ENOMEM, "out of memory") : 0;
}

int lana_export(struct lana_stack *stack, char **text, struct lana_error *error)
{
	struct writer writer = { .stack = stack, .error = error };
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	if (!yaml_emitter_initialize(&writer.emitter))
		return refuse(error, -ENOMEM, "out of memory");
	yaml_emitter_set_output(&writer.emitter, take_output, &writer);
	yaml_emitter_set_unicode(&writer.emitter, 1);
	yaml_emitter_set_width(&writer.emitter, 100);
	err = write_all(&writer);
	yaml_emitter_delete(&writer.emitter);
	if (err)
		free(writer.text);
	else
		*text = writer.text;
	return err;
}
