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
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "gen_template.h"

#define ATOM_MAX 64

struct parser {
	const char *name, *at, *end;
	const char *token; /* where what is being read begins, for messages */
	const char *begin;
	struct gen_templates *templates;
	struct gen_template *template; /* the one that is being read */
	__u32 randoms;		       /* so far */
	struct lana_error *error;
};

/* Two halves, of which only IPv6 addresses use the upper one. */
struct number {
	__u64 high, low;
};

void gen_templates_free(struct gen_templates *templates)
{
	for (__u32 i = 0; i < templates->count; i++)
		for (__u32 v = 0; v < templates->list[i].varies_count; v++)
			free(templates->list[i].varies[v].list);
	free(templates->list);
	*templates = (struct gen_templates){};
}

__attribute__((format(printf, 2, 3))) static int wrong(const struct parser *p, const char *format,
						       ...)
{
	__u32 line = 1, column = 1;
	char text[256];
	va_list list;

	for (const char *c = p->begin; c < p->token; c++) {
		column = *c == '\n' ? 1 : column + 1;
		line += *c == '\n';
	}
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return refuse(p->error, -EINVAL, "%s:%u:%u: %s", p->name, line, column, text);
}

/* ---- scanning ----------------------------------------------------------------------------- */

static void skip_blank(struct parser *p)
{
	while (p->at < p->end && (isspace((unsigned char)*p->at) || *p->at == '#'))
		if (*p->at++ == '#')
			while (p->at < p->end && *p->at != '\n')
				p->at++;
	p->token = p->at;
}

static bool next_is(struct parser *p, char c)
{
	skip_blank(p);
	return p->at < p->end && *p->at == c;
}

static bool take(struct parser *p, char c)
{
	if (!next_is(p, c))
		return false;
	p->at++;
	return true;
}

/* Two dots: between the ends of a range. */
static bool next_is_dots(struct parser *p)
{
	skip_blank(p);
	return p->end - p->at >= 2 && p->at[0] == '.' && p->at[1] == '.';
}

static int expect(struct parser *p, char c)
{
	if (take(p, c))
		return 0;
	if (p->at == p->end)
		return wrong(p, "the text ends where '%c' is expected", c);
	return wrong(p, "'%c' is expected", c);
}

/* A word, number or address; empty if there is none. */
static size_t scan_atom(struct parser *p, char atom[ATOM_MAX])
{
	size_t length = 0;

	skip_blank(p);
	while (p->at < p->end && (isalnum((unsigned char)*p->at) || strchr("_.:|", *p->at))) {
		if (!*p->at || (p->at[0] == '.' && p->end - p->at > 1 && p->at[1] == '.'))
			break;
		if (length < ATOM_MAX - 1)
			atom[length++] = *p->at;
		p->at++;
	}
	atom[length] = 0;
	return length;
}

static bool number_of(const char *text, __u64 *number)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	if (!isdigit((unsigned char)*text) || *end || errno)
		return false;
	*number = value;
	return true;
}

static int parse_number(struct parser *p, const char *what, __u64 most, __u64 *number)
{
	char atom[ATOM_MAX];

	scan_atom(p, atom);
	if (!number_of(atom, number) || *number > most)
		return wrong(p, "'%s' is not %s, a number from 0 to %llu", atom, what,
			     (unsigned long long)most);
	return 0;
}

/* ---- values ------------------------------------------------------------------------------- */

static bool mac_of(const char *text, __u64 *number)
{
	unsigned int part[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &part[0], &part[1], &part[2], &part[3],
		   &part[4], &part[5], &end) != 6 ||
	    text[end])
		return false;
	for (int i = 0; i < 6; i++)
		*number = *number << 8 | part[i];
	return true;
}

static bool flags_of(const char *text, __u64 *number)
{
	for (const char *end; *text; text = end + (*end == '|')) {
		int bit;

		end = text + strcspn(text, "|");
		bit = gen_flag_find(text, end - text);
		if (bit < 0)
			return false;
		*number |= 1ULL << bit;
	}
	return true;
}

static bool address_of(const char *text, int family, struct number *number)
{
	__be64 bytes[2];
	struct in_addr ip4;

	if (family == AF_INET) {
		if (inet_pton(AF_INET, text, &ip4) != 1)
			return false;
		number->low = ntohl(ip4.s_addr);
		return true;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	number->high = __builtin_bswap64(bytes[0]);
	number->low = __builtin_bswap64(bytes[1]);
	return true;
}

static const char *const kinds[] = {
	[GEN_NUMBER] = "a number",
	[GEN_MAC] = "a MAC address",
	[GEN_IP4] = "an IPv4 address",
	[GEN_IP6] = "an IPv6 address",
	[GEN_FLAGS] = "flags, such as syn|ack, or a number",
};

static __u64 most_of(const struct gen_field_type *field)
{
	return field->width >= 64 ? ~0ULL : (1ULL << field->width) - 1;
}

static int parse_atom(struct parser *p, const struct gen_field_type *field, struct number *number)
{
	struct number found = {};
	char atom[ATOM_MAX];
	bool good = false;

	scan_atom(p, atom);
	switch ((enum gen_kind)field->kind) {
	case GEN_MAC:
		good = mac_of(atom, &found.low);
		break;
	case GEN_IP4:
		good = address_of(atom, AF_INET, &found);
		break;
	case GEN_IP6:
		good = address_of(atom, AF_INET6, &found);
		break;
	case GEN_FLAGS:
		good = (*atom && flags_of(atom, &found.low)) || number_of(atom, &found.low);
		break;
	case GEN_NUMBER:
		good = number_of(atom, &found.low);
		break;
	}
	if (!good)
		return wrong(p, "'%s' is not %s", atom, kinds[field->kind]);
	if (found.low > most_of(field))
		return wrong(p, "%s is more than '%s' holds: %llu at most", atom, field->name,
			     (unsigned long long)most_of(field));
	*number = found;
	return 0;
}

/* What is behind a field's "=". */
struct value {
	bool varies;
	struct number from; /* and the only one, if it does not */
	struct gen_vary vary;
	__u64 *high; /* upper halves of a list; owned */
};

static void value_free(struct value *value)
{
	free(value->vary.list);
	free(value->high);
}

static void set_counter(struct value *value, __u64 to, __u64 step)
{
	struct gen_vary *vary = &value->vary;
	__u64 steps = (to - value->from.low) / step;

	value->varies = true;
	vary->form = GEN_COUNTER;
	vary->from = value->from.low;
	vary->step = step;
	vary->to = value->from.low + steps * step;
	vary->count = 0;
}

/* ".. TO" behind an atom, into *to. */
static int parse_range_end(struct parser *p, const struct gen_field_type *field,
			   const struct number *from, __u64 *to)
{
	struct number end;
	int err;

	skip_blank(p);
	p->at += 2;
	err = parse_atom(p, field, &end);
	if (err)
		return err;
	if (end.high != from->high)
		return wrong(p, "the upper 64 bits of both addresses must be the same");
	if (end.low < from->low)
		return wrong(p, "the range ends before it begins");
	*to = end.low;
	return 0;
}

static int parse_counter(struct parser *p, const struct gen_field_type *field, struct value *value)
{
	__u64 to = most_of(field), step = 1;
	bool ranged = next_is_dots(p);
	char after;
	int err;

	err = ranged ? parse_range_end(p, field, &value->from, &to) : 0;
	if (err)
		return err;
	if (take(p, '+')) {
		skip_blank(p);
		after = p->at < p->end ? *p->at : 0;
		if (isdigit((unsigned char)after)) {
			err = parse_number(p, "a step", ~0ULL, &step);
			if (!err && !step)
				err = wrong(p, "a step of 0 leads nowhere");
		}
	} else if (!ranged) {
		return 0;
	}
	if (!err)
		set_counter(value, to, step);
	return err;
}

static int parse_random(struct parser *p, const struct gen_field_type *field, struct value *value)
{
	struct gen_vary *vary = &value->vary;
	const char *back;
	char word[ATOM_MAX];
	bool ranged = false;
	int err = 0;

	value->varies = true;
	vary->form = GEN_RANDOM;
	vary->to = most_of(field);
	vary->seed = ++p->randoms;
	if (take(p, '(')) {
		skip_blank(p);
		back = p->at;
		if (scan_atom(p, word) && strcmp(word, "seed")) {
			p->at = back;
			err = parse_atom(p, field, &value->from);
			if (!err && !next_is_dots(p))
				err = wrong(p, "a range is expected: FROM..TO");
			if (!err)
				err = parse_range_end(p, field, &value->from, &vary->to);
			vary->from = value->from.low;
			ranged = true;
			*word = 0;
			if (!err && take(p, ',') && (!scan_atom(p, word) || strcmp(word, "seed")))
				err = wrong(p, "'seed' is expected");
		}
		if (!err && *word)
			err = expect(p, '=');
		if (!err && *word)
			err = parse_number(p, "a seed", ~0ULL, &vary->seed);
		if (!err)
			err = expect(p, ')');
	}
	if (!err && field->kind == GEN_IP6 && !ranged)
		err = wrong(p, "random IPv6 addresses need a range: random(FROM..TO)");
	return err;
}

static int parse_list(struct parser *p, const struct gen_field_type *field, struct value *value)
{
	struct gen_vary *vary = &value->vary;
	struct number number;
	int err;

	value->varies = true;
	vary->form = GEN_LIST;
	vary->list = calloc(GEN_LIST_MAX, sizeof(*vary->list));
	value->high = calloc(GEN_LIST_MAX, sizeof(*value->high));
	if (!vary->list || !value->high)
		return refuse(p->error, -ENOMEM, "out of memory");
	do {
		if (vary->count == GEN_LIST_MAX)
			return wrong(p, "more than %d values", GEN_LIST_MAX);
		err = parse_atom(p, field, &number);
		if (err)
			return err;
		vary->list[vary->count] = number.low;
		value->high[vary->count++] = number.high;
	} while (take(p, ','));
	return expect(p, ']');
}

static int parse_value(struct parser *p, const struct gen_field_type *field, struct value *value)
{
	const char *back;
	char word[ATOM_MAX];
	int err;

	if (take(p, '['))
		return parse_list(p, field, value);
	skip_blank(p);
	back = p->at;
	if (scan_atom(p, word) && !strcmp(word, "random"))
		return parse_random(p, field, value);
	p->at = back;
	err = parse_atom(p, field, &value->from);
	return err ?: parse_counter(p, field, value);
}

/* ---- fields ------------------------------------------------------------------------------- */

static int add_vary(struct parser *p, const struct gen_vary *vary)
{
	struct gen_template *template = p->template;

	if (template->varies_count == GEN_VARIES_MAX)
		return wrong(p, "more than %d fields of a packet vary", GEN_VARIES_MAX);
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
	_cleanup_(value_free) struct value value = {};
	const struct gen_field_type *field;
	char name[ATOM_MAX];
	int err;

	scan_atom(p, name);
	for (field = type->fields; field->name && strcmp(field->name, name); field++)
		;
	if (!field->name)
		return wrong(p, *name ? "%s has no field '%s'" : "a field of %s is expected",
			     type->name, name);
	if (layer->given & 1U << (field - type->fields))
		return wrong(p, "'%s' is given twice", name);
	layer->given |= 1U << (field - type->fields);
	err = expect(p, '=');
	if (!err)
		err = parse_value(p, field, &value);
	return err ?: store_value(p, layer, field, &value);
}

/* ---- layers ------------------------------------------------------------------------------- */

static int grow(struct parser *p, const void *bytes, size_t size, int fill)
{
	struct gen_template *template = p->template;

	if (size > GEN_SIZE_MAX - template->size)
		return wrong(p, "a packet has %d bytes at most", GEN_SIZE_MAX);
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
		return wrong(p, "the text has no closing '\"'");
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
		unsigned int byte;
		__u8 value;

		skip_blank(p);
		if (any && take(p, ':'))
			skip_blank(p);
		if (p->at == p->end || !isxdigit((unsigned char)*p->at))
			break;
		if (p->end - p->at < 2 || !isxdigit((unsigned char)p->at[1]))
			return wrong(p, "a byte has two hexadecimal digits");
		sscanf(p->at, "%2x", &byte);
		value = byte;
		err = grow(p, &value, 1, 0);
		p->at += 2;
		any = true;
	}
	return err ?: any ? 0 : wrong(p, "bytes are expected: two hexadecimal digits each");
}

/* payload(SIZE), payload(SIZE, BYTE), payload("text"). */
static int parse_payload(struct parser *p)
{
	__u64 size, fill = 0;
	int err;

	if (next_is(p, '"'))
		return parse_string(p);
	err = parse_number(p, "a size", GEN_SIZE_MAX, &size);
	if (!err && take(p, ','))
		err = parse_number(p, "a byte", 255, &fill);
	return err ?: grow(p, NULL, size, fill);
}

static int parse_bytes(struct parser *p, struct gen_layer *layer)
{
	struct gen_template *template = p->template;
	bool payload = !strcmp(layer->type->name, "payload");
	int err = expect(p, '(');

	if (err)
		return err;
	if (payload)
		err = parse_payload(p);
	else
		err = next_is(p, '"') ? parse_string(p) : parse_hex(p);
	if (err)
		return err;
	layer->size = template->size - layer->at;
	if (payload) {
		template->has_payload = true;
		template->payload_at = layer->at;
		template->payload_size = layer->size;
	}
	return expect(p, ')');
}

static int parse_header(struct parser *p, struct gen_layer *layer)
{
	__u8 bytes[64] = {};
	int err;

	for (size_t i = 0; i < layer->type->size; i++)
		sscanf(layer->type->bytes + 2 * i, "%2hhx", &bytes[i]);
	err = grow(p, bytes, layer->type->size, 0);
	if (err || !take(p, '('))
		return err;
	if (take(p, ')'))
		return 0;
	do
		err = parse_field(p, layer);
	while (!err && take(p, ','));
	return err ?: expect(p, ')');
}

static int parse_layer(struct parser *p)
{
	struct gen_template *template = p->template;
	struct gen_layer *layer = &template->layers[template->layers_count];
	char name[ATOM_MAX];

	scan_atom(p, name);
	if (!*name)
		return p->at == p->end ? wrong(p, "the text ends where a protocol is expected")
				       : wrong(p, "a protocol is expected, not '%c'", *p->at);
	if (template->has_payload)
		return wrong(p, "nothing can follow the payload");
	if (template->layers_count == GEN_LAYERS_MAX)
		return wrong(p, "more than %d protocols in a packet", GEN_LAYERS_MAX);
	*layer = (struct gen_layer){ .type = gen_layer_find(name, strlen(name)),
				     .at = template->size };
	if (!layer->type)
		return wrong(p, "no protocol '%s'", name);
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
		return wrong(p, "more than %d packets", GEN_FRAMES_MAX);
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
		err = parse_number(p, "how many in a row", GEN_WEIGHT_MAX, &weight);
		if (!err && !weight)
			err = wrong(p, "none of a packet is no packet");
		if (!err)
			err = expect(p, '*');
		if (err)
			return err;
		p->template->weight = weight;
	}
	do
		err = parse_layer(p);
	while (!err && !next_is(p, ';') && p->at < p->end);
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

	skip_blank(&p);
	do {
		err = parse_packet(&p);
		if (!err && take(&p, ';'))
			skip_blank(&p);
	} while (!err && p.at < p.end);
	if (err) {
		gen_templates_free(&found);
		return err;
	}
	*templates = found;
	return 0;
}
