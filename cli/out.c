// SPDX-License-Identifier: GPL-2.0-only
/* out - collect what a command has to say, then print it as JSON or as text */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "out.h"

#define DEPTH_MAX 8

/* The open containers, outermost first, and the node that was added or opened last. */
static struct json_object *open_nodes[DEPTH_MAX];
static size_t depth;
static struct json_object *last;
/* All that the tree holds is an error. */
static bool failed;

static void look_free(struct json_object *node, void *data)
{
	struct out_look *look = data;

	(void)node;
	free(look->text);
	free(look);
}

static void no_memory(void)
{
	fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
	exit(1);
}

const struct out_look *out_look(struct json_object *node)
{
	static const struct out_look plain;
	const struct out_look *look = json_object_get_userdata(node);

	return look ? look : &plain;
}

static struct out_look *look_of_last(void)
{
	return json_object_get_userdata(last);
}

static struct json_object *root(void)
{
	if (!depth) {
		open_nodes[0] = json_object_new_object();
		if (!open_nodes[0])
			no_memory();
		depth = 1;
	}
	return open_nodes[0];
}

static void add(const char *name, struct json_object *node, enum out_style style)
{
	struct json_object *parent = root();
	struct out_look *look;
	int err;

	look = calloc(1, sizeof(*look));
	if (!node || !look)
		no_memory();

	look->style = style;
	json_object_set_userdata(node, look, look_free);

	parent = open_nodes[depth - 1];
	if (json_object_is_type(parent, json_type_array))
		err = json_object_array_add(parent, node);
	else
		err = json_object_object_add(parent, name, node);
	if (err)
		no_memory();
	last = node;
}

static void add_open(const char *name, struct json_object *node, enum out_style style)
{
	add(name, node, style);
	if (depth == DEPTH_MAX)
		abort();
	open_nodes[depth++] = node;
}

void out_open_list(const char *name, enum out_style style)
{
	add_open(name, json_object_new_array(), style);
}

void out_open(const char *name, enum out_style style)
{
	add_open(name, json_object_new_object(), style);
}

void out_close(void)
{
	last = open_nodes[--depth];
}

/* How many bytes the UTF-8 character at text has; 0: it is none. */
static size_t utf8_length(const unsigned char *text)
{
	size_t length, i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	length = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	for (i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* Keep newlines only if asked to: documents have them, names and messages have not. */
static void clean(char *text, bool newlines)
{
	unsigned char *at = (unsigned char *)text;
	size_t length;

	while (*at) {
		length = utf8_length(at);
		if (!length || *at == 0x7f ||
		    (*at < ' ' && !(newlines && (*at == '\n' || *at == '\t')))) {
			*at++ = '?';
			continue;
		}
		at += length;
	}
}

void out_clean(char *text)
{
	clean(text, false);
}

void out_string(const char *name, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		no_memory();
	clean(copy, true);
	add(name, json_object_new_string(copy), OUT_WORDS);
	free(copy);
}

void out_number(const char *name, uint64_t value)
{
	add(name, json_object_new_uint64(value), OUT_WORDS);
}

void out_real(const char *name, double value)
{
	double tenths = round(value * 10) / 10;

	json_c_set_serialization_double_format("%.10g", JSON_C_OPTION_GLOBAL);
	if (tenths > 0 && tenths < 100)
		add(name, json_object_new_double(tenths), OUT_WORDS);
	else
		out_number(name, llround(value));
}

void out_bool(const char *name, bool value)
{
	add(name, json_object_new_boolean(value), OUT_WORDS);
}

void out_unknown(const char *name)
{
	if (json_object_object_add(open_nodes[depth - 1], name, NULL))
		no_memory();
	last = NULL;
}

void out_value(const char *name, const struct lana_value *value)
{
	if (!value->is_number)
		out_string(name, value->text);
	else if (*value->text == '-')
		add(name, json_object_new_int64(strtoll(value->text, NULL, 10)), OUT_WORDS);
	else
		out_number(name, strtoull(value->text, NULL, 10));
	if (*value->in_effect)
		out_as("%s (%s in effect)", value->text, value->in_effect);
}

void out_as(const char *format, ...)
{
	struct out_look *look = look_of_last();
	va_list list;

	free(look->text);
	va_start(list, format);
	if (vasprintf(&look->text, format, list) < 0)
		no_memory();
	va_end(list);
}

void out_hide(void)
{
	look_of_last()->hidden = true;
}

void out_tone(enum out_tone tone)
{
	look_of_last()->tone = tone;
}

void out_error(const char *text)
{
	if (depth)
		json_object_put(open_nodes[0]);
	depth = 0;
	out_string("error", text);
	failed = true;
}

/* All but errors is printed in parts. */
static bool parted;

void out_begin_parts(void)
{
	parted = true;
}

static int print(bool json, bool pretty)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;
	struct json_object *tree = root();
	const char *text;

	if (json) {
		flags |= pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
				: JSON_C_TO_STRING_PLAIN;
		text = json_object_to_json_string_ext(tree, flags);
		if (!text)
			no_memory();
		puts(text);
	} else if (failed) {
		json_object_object_foreach (tree, name, error) {
			(void)name;
			fprintf(stderr, "%s: %s\n", program_invocation_short_name,
				json_object_get_string(error));
		}
	} else {
		out_print_text(tree, stdout);
	}

	json_object_put(tree);
	depth = 0;
	failed = false;
	if (fflush(stdout))
		return -errno;
	return ferror(stdout) ? -EIO : 0;
}

char *out_text(void)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		no_memory();
	out_print_text(root(), file);
	json_object_put(root());
	depth = 0;
	if (fclose(file))
		no_memory();
	return text;
}

int out_print(bool json)
{
	if (parted && !depth)
		return 0;
	return print(json, !parted && isatty(STDOUT_FILENO));
}

int out_print_part(bool json)
{
	return print(json, false);
}
