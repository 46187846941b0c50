// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_parse - read the packet language
 *
 *	text    = packet { ";" packet } [ ";" ]
 *	packet  = [ number "*" ] layer { layer }
 *	layer   = name [ "(" [ item { "," item } ] ")" ]
 *	item    = field "=" value, or of payload and bytes: number, "text", hexadecimal digits
 *	value   = atom | atom "+" [ step ] | atom ".." atom [ "+" step ]
 *	        | "random" [ "(" [ atom ".." atom ] [ "," ] [ "seed" "=" number ] ")" ]
 *	        | "[" atom { "," atom } "]"
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "gen_parse.h"

void gen_templates_free(struct gen_templates *templates)
{
	for (__u32 i = 0; i < templates->count; i++)
		for (__u32 v = 0; v < templates->list[i].varies_count; v++)
			free(templates->list[i].varies[v].list);
	free(templates->list);
	*templates = (struct gen_templates){};
}

/* ---- fields ------------------------------------------------------------------------------- */

static int add_vary(struct parser *p, const struct gen_vary *vary)
{
	struct gen_template *template = p->template;

	if (template->varies_count == GEN_VARIES_MAX)
		return parser_wrong(p, "more than %d fields of a packet vary", GEN_VARIES_MAX);
	template->varies[template->varies_count++] = *vary;
	return 0;
}

/* The upper halves of a list of IPv6 addresses go with the lower ones. */
static int add_upper(struct parser *p, __u16 at, struct value *value)
{
	struct gen_vary upper = value->vary;
	int err;

	upper.at = at;
	upper.size = 8;
	upper.list = value->high;
	err = add_vary(p, &upper);
	if (!err)
		value->high = NULL;
	return err;
}

/* Write a value, or note that and how it varies; then the list is the template's. */
static int store_value(struct parser *p, const struct gen_layer *layer,
		       const struct gen_field_type *field, struct value *value)
{
	struct gen_vary *vary = &value->vary;
	__u8 *bytes = p->template->bytes;
	int err = 0;

	gen_place(layer, field, &vary->at, &vary->size, &vary->shift, &vary->shared);
	if (field->kind == GEN_IP6) {
		bool upper = value->varies && vary->form == GEN_LIST;

		gen_put(bytes + vary->at, 8, 0, 64, upper ? 0 : value->from.high);
		if (upper)
			err = add_upper(p, vary->at, value);
		vary->at += 8;
		vary->size = 8;
	}
	gen_put(bytes + vary->at, vary->size, vary->shift, field->width,
		value->varies ? 0 : value->from.low);
	if (!err && value->varies)
		err = add_vary(p, vary);
	if (!err && value->varies)
		vary->list = NULL;
	return err;
}

static int parse_field(struct parser *p, struct gen_layer *layer)
{
	const struct gen_layer_type *type = layer->type;
	_cleanup_(parser_value_free) struct value value = {};
	const struct gen_field_type *field;
	char name[ATOM_MAX];
	int err;

	parser_atom(p, name);
	for (field = type->fields; field->name && strcmp(field->name, name); field++)
		;
	if (!field->name)
		return parser_wrong(p, *name ? "%s has no field '%s'" : "a field of %s is expected",
				    type->name, name);
	if (layer->given & 1U << (field - type->fields))
		return parser_wrong(p, "'%s' is given twice", name);
	layer->given |= 1U << (field - type->fields);
	err = parser_expect(p, '=');
	if (!err)
		err = parser_value(p, field, &value);
	return err ?: store_value(p, layer, field, &value);
}

/* ---- layers ------------------------------------------------------------------------------- */

static int grow(struct parser *p, const void *bytes, size_t size, int fill)
{
	struct gen_template *template = p->template;

	if (size > GEN_SIZE_MAX - template->size)
		return parser_wrong(p, "a packet has %d bytes at most", GEN_SIZE_MAX);
	if (bytes)
		memcpy(template->bytes + template->size, bytes, size);
	else
		memset(template->bytes + template->size, fill, size);
	template->size += size;
	return 0;
}

static int parse_string(struct parser *p)
{
	const char *first = ++p->at;
	int err;

	while (p->at < p->end && *p->at != '"' && *p->at != '\n')
		p->at++;
	if (p->at == p->end || *p->at != '"')
		return parser_wrong(p, "the text has no closing '\"'");
	err = grow(p, first, p->at - first, 0);
	p->at++;
	return err;
}

/* Two digits a byte, with blanks or colons between bytes as one likes. */
static int parse_hex(struct parser *p)
{
	bool any = false;
	int err = 0;

	while (!err) {
		char digits[3] = {};
		__u8 byte;

		parser_skip_blank(p);
		if (any && parser_take(p, ':'))
			parser_skip_blank(p);
		if (p->at == p->end || !isxdigit((unsigned char)*p->at))
			break;
		if (p->end - p->at < 2 || !isxdigit((unsigned char)p->at[1]))
			return parser_wrong(p, "a byte has two hexadecimal digits");
		memcpy(digits, p->at, 2); /* the text has no end that others would see */
		byte = strtoul(digits, NULL, 16);
		err = grow(p, &byte, 1, 0);
		p->at += 2;
		any = true;
	}
	return err ?: any ? 0 : parser_wrong(p, "bytes are expected: two hexadecimal digits each");
}

/* payload(SIZE), payload(SIZE, BYTE), payload("text"). */
static int parse_payload(struct parser *p)
{
	__u64 size, fill = 0;
	int err;

	if (parser_next_is(p, '"'))
		return parse_string(p);
	err = parser_number(p, "a size", GEN_SIZE_MAX, &size);
	if (!err && parser_take(p, ','))
		err = parser_number(p, "a byte", 255, &fill);
	return err ?: grow(p, NULL, size, fill);
}

static int parse_bytes(struct parser *p, struct gen_layer *layer)
{
	struct gen_template *template = p->template;
	bool payload = !strcmp(layer->type->name, "payload");
	int err = parser_expect(p, '(');

	if (err)
		return err;
	if (payload)
		err = parse_payload(p);
	else
		err = parser_next_is(p, '"') ? parse_string(p) : parse_hex(p);
	if (err)
		return err;
	layer->size = template->size - layer->at;
	if (payload) {
		template->has_payload = true;
		template->payload_at = layer->at;
		template->payload_size = layer->size;
	}
	return parser_expect(p, ')');
}

static int parse_header(struct parser *p, struct gen_layer *layer)
{
	__u8 bytes[64] = {};
	int err;

	for (size_t i = 0; i < layer->type->size; i++)
		sscanf(layer->type->bytes + 2 * i, "%2hhx", &bytes[i]);
	err = grow(p, bytes, layer->type->size, 0);
	if (err || !parser_take(p, '('))
		return err;
	if (parser_take(p, ')'))
		return 0;
	do
		err = parse_field(p, layer);
	while (!err && parser_take(p, ','));
	return err ?: parser_expect(p, ')');
}

static int parse_layer(struct parser *p)
{
	struct gen_template *template = p->template;
	struct gen_layer *layer = &template->layers[template->layers_count];
	char name[ATOM_MAX];

	parser_atom(p, name);
	if (!*name)
		return p->at == p->end
			       ? parser_wrong(p, "the text ends where a protocol is expected")
			       : parser_wrong(p, "a protocol is expected, not '%c'", *p->at);
	if (template->has_payload)
		return parser_wrong(p, "nothing can follow the payload");
	if (template->layers_count == GEN_LAYERS_MAX)
		return parser_wrong(p, "more than %d protocols in a packet", GEN_LAYERS_MAX);
	*layer = (struct gen_layer){ .type = gen_layer_find(name, strlen(name)),
				     .at = template->size };
	if (!layer->type)
		return parser_wrong(p, "no protocol '%s'", name);
	layer->size = layer->type->size;
	template->layers_count++;
	return layer->type->size ? parse_header(p, layer) : parse_bytes(p, layer);
}

/* ------------------------------------------------------------------------------------------- */

static int begin_packet(struct parser *p)
{
	struct gen_templates *templates = p->templates;
	void *grown;

	if (templates->count == GEN_FRAMES_MAX)
		return parser_wrong(p, "more than %d packets", GEN_FRAMES_MAX);
	grown = reallocarray(templates->list, templates->count + 1, sizeof(*templates->list));
	if (!grown)
		return refuse(p->error, -ENOMEM, "out of memory");
	templates->list = grown;
	p->template = &templates->list[templates->count++];
	*p->template = (struct gen_template){ .weight = 1 };
	return 0;
}

static int parse_packet(struct parser *p)
{
	__u64 weight;
	int err = begin_packet(p);

	if (err)
		return err;
	if (p->at < p->end && isdigit((unsigned char)*p->at)) {
		err = parser_number(p, "how many in a row", GEN_WEIGHT_MAX, &weight);
		if (!err && !weight)
			err = parser_wrong(p, "none of a packet is no packet");
		if (!err)
			err = parser_expect(p, '*');
		if (err)
			return err;
		p->template->weight = weight;
	}
	do
		err = parse_layer(p);
	while (!err && !parser_next_is(p, ';') && p->at < p->end);
	return err;
}

int gen_parse(const char *name, const char *text, size_t size, struct gen_templates *templates,
	      struct lana_error *error)
{
	struct gen_templates found = {};
	struct parser p = { .name = name,
			    .at = text,
			    .begin = text,
			    .end = text + size,
			    .templates = &found,
			    .error = error };
	int err = 0;

	parser_skip_blank(&p);
	do {
		err = parse_packet(&p);
		if (!err && parser_take(&p, ';'))
			parser_skip_blank(&p);
	} while (!err && p.at < p.end);
	if (err) {
		gen_templates_free(&found);
		return err;
	}
	*templates = found;
	return 0;
}
