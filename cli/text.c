// SPDX-License-Identifier: GPL-2.0-only
/* text - print the tree that out.c collected for people */
#include <ctype.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "out.h"

#define COLUMNS_MAX 40

/* One column of a table. */
struct column {
	const char *name;
	size_t width;
	bool numbers; /* nothing but numbers: aligned to the right */
	bool used;    /* not empty in every row */
	/* OUT_COUNTS: the widest value and name at each position */
	size_t value_width[COLUMNS_MAX * 2], name_width[COLUMNS_MAX * 2];
};

static bool colours(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no_color && *no_color)
		return false;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

/* Columns that text takes on a terminal: one a character, as names and arrows are narrow. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static void pad(FILE *file, size_t from, size_t to)
{
	for (; from < to; from++)
		fputc(' ', file);
}

static const char *separator(enum out_style style)
{
	if (style == OUT_ARROW)
		return strcmp(nl_langinfo(CODESET), "UTF-8") ? "->" : "→";
	return style == OUT_COLON ? ":" : "=";
}

static bool is_number(struct json_object *node)
{
	return json_object_is_type(node, json_type_int) ||
	       json_object_is_type(node, json_type_double);
}

static void print_node(FILE *file, struct json_object *node, const struct column *column);

static void print_counts(FILE *file, struct json_object *node, const struct column *column)
{
	size_t position = 0;

	json_object_object_foreach (node, name, value) {
		const char *number = json_object_get_string(value);

		if (position)
			fputs("  ", file);
		if (column)
			pad(file, strlen(number), column->value_width[position]);
		fprintf(file, "%s %s", number, name);
		if (column)
			pad(file, strlen(name), column->name_width[position]);
		position++;
	}
}

static void print_object(FILE *file, struct json_object *node, enum out_style style)
{
	bool first = true;

	json_object_object_foreach (node, name, value) {
		if (out_look(value)->hidden)
			continue;
		if (!first)
			fputc(' ', file);
		first = false;
		fprintf(file, "%s%s", name, separator(style));
		print_node(file, value, NULL);
	}
}

static void print_list(FILE *file, struct json_object *node)
{
	size_t i;

	for (i = 0; i < json_object_array_length(node); i++) {
		if (i)
			fputc(' ', file);
		print_node(file, json_object_array_get_idx(node, i), NULL);
	}
}

static void print_node(FILE *file, struct json_object *node, const struct column *column)
{
	const struct out_look *look = out_look(node);

	if (!node)
		return; /* unknown */
	if (look->text)
		fputs(look->text, file);
	else if (json_object_is_type(node, json_type_object) && look->style == OUT_COUNTS)
		print_counts(file, node, column);
	else if (json_object_is_type(node, json_type_object))
		print_object(file, node, look->style);
	else if (json_object_is_type(node, json_type_array))
		print_list(file, node);
	else if (json_object_is_type(node, json_type_boolean))
		fputs(json_object_get_boolean(node) ? "yes" : "no", file);
	else
		fputs(json_object_get_string(node), file);
}

/* What a node reads as; the caller frees it. */
static char *text_of(struct json_object *node, const struct column *column)
{
	char *text = NULL;
	size_t size, end;
	FILE *file;

	file = open_memstream(&text, &size);
	if (!file)
		abort();
	print_node(file, node, column);
	if (fclose(file))
		abort();
	for (end = size; end && text[end - 1] == ' '; end--)
		text[end - 1] = 0;
	return text;
}

static void put_toned(FILE *file, const char *text, enum out_tone tone)
{
	static const char *const codes[] = {
		[OUT_GOOD] = "32",
		[OUT_DOUBTFUL] = "33",
		[OUT_BAD] = "31",
	};

	if (tone == OUT_NEUTRAL || !colours())
		fputs(text, file);
	else
		fprintf(file, "\033[%sm%s\033[0m", codes[tone], text);
}

static struct column *column_of(struct column *columns, size_t *count, const char *name)
{
	size_t i;

	for (i = 0; i < *count; i++)
		if (!strcmp(columns[i].name, name))
			return &columns[i];
	if (*count == COLUMNS_MAX)
		abort();
	columns[*count] = (struct column){ .name = name, .numbers = true };
	return &columns[(*count)++];
}

static void measure_counts(struct column *column, struct json_object *node)
{
	size_t position = 0, width;

	json_object_object_foreach (node, name, value) {
		width = strlen(json_object_get_string(value));
		if (width > column->value_width[position])
			column->value_width[position] = width;
		if (strlen(name) > column->name_width[position])
			column->name_width[position] = strlen(name);
		position++;
	}
}

static void measure(struct column *column, struct json_object *node)
{
	char *text = text_of(node, column);
	size_t width = width_of(text);

	if (width) {
		column->used = true;
		column->numbers &= is_number(node) && !out_look(node)->text;
	}
	if (width > column->width)
		column->width = width;
	free(text);
}

/*
 * The columns of all rows in the order in which they appear. What is counted comes first, as the
 * width of such a cell depends on the cells above and below it.
 */
static size_t measure_table(struct json_object *list, struct column *columns)
{
	struct json_object *row;
	size_t count = 0, i;

	for (i = 0; i < json_object_array_length(list); i++) {
		row = json_object_array_get_idx(list, i);
		if (out_look(row)->hidden)
			continue;
		json_object_object_foreach (row, name, value) {
			const struct out_look *look = out_look(value);
			struct column *column = column_of(columns, &count, name);

			if (look->style == OUT_COUNTS && !look->hidden && !look->text)
				measure_counts(column, value);
		}
	}
	for (i = 0; i < json_object_array_length(list); i++) {
		row = json_object_array_get_idx(list, i);
		if (out_look(row)->hidden)
			continue;
		json_object_object_foreach (row, name, value) {
			if (!out_look(value)->hidden)
				measure(column_of(columns, &count, name), value);
		}
	}
	return count;
}

/*
 * Print a cell and note the blanks that should follow it: they are printed with the next cell,
 * so that no line ends in blanks.
 */
static void print_cell(FILE *file, const struct column *column, const char *text,
		       enum out_tone tone, size_t *owed)
{
	size_t width = width_of(text);

	if (width) {
		pad(file, 0, *owed + (column->numbers ? column->width - width : 0));
		put_toned(file, text, tone);
		*owed = column->numbers ? 0 : column->width - width;
	} else {
		*owed += column->width;
	}
	*owed += 2;
}

static void print_heading(FILE *file, struct column *columns, size_t count)
{
	size_t owed = 0, i, j;
	char heading[64];

	for (i = 0; i < count; i++) {
		struct column *column = &columns[i];

		if (!column->used)
			continue;
		for (j = 0; column->name[j] && j < sizeof(heading) - 1; j++)
			heading[j] = toupper((unsigned char)column->name[j]);
		heading[j] = 0;
		if (j > column->width)
			column->width = j;
		print_cell(file, column, heading, OUT_NEUTRAL, &owed);
	}
	fputc('\n', file);
}

static void print_row(FILE *file, struct json_object *row, const struct column *columns,
		      size_t count, size_t indent)
{
	size_t owed = indent, i;

	for (i = 0; i < count; i++) {
		struct json_object *node = NULL;
		char *text = NULL;

		if (!columns[i].used)
			continue;
		if (json_object_object_get_ex(row, columns[i].name, &node) &&
		    !out_look(node)->hidden)
			text = text_of(node, &columns[i]);
		print_cell(file, &columns[i], text ? text : "",
			   node ? out_look(node)->tone : OUT_NEUTRAL, &owed);
		free(text);
	}
	fputc('\n', file);
}

static void print_table(FILE *file, struct json_object *list, bool heading)
{
	static struct column columns[COLUMNS_MAX];
	size_t count = measure_table(list, columns), i;
	struct json_object *row;

	if (heading)
		print_heading(file, columns, count);
	for (i = 0; i < json_object_array_length(list); i++) {
		row = json_object_array_get_idx(list, i);
		if (!out_look(row)->hidden)
			print_row(file, row, columns, count, heading ? 0 : 2);
	}
}

/* The members of an object that has several of them, below one another. */
static void print_members(FILE *file, struct json_object *node, size_t indent)
{
	const char *sign = out_look(node)->style == OUT_ARROW ? separator(OUT_ARROW) : NULL;
	size_t width = 0, line = 0;

	json_object_object_foreach (node, name, value) {
		(void)value;
		if (strlen(name) > width)
			width = strlen(name);
	}
	json_object_object_foreach (node, key, member) {
		char *text = text_of(member, NULL);

		if (line++)
			pad(file, 0, indent);
		fputs(key, file);
		pad(file, strlen(key), width + 1);
		if (sign)
			fprintf(file, "%s ", sign);
		fprintf(file, "%s\n", text);
		free(text);
	}
}

static void print_record(FILE *file, struct json_object *record)
{
	size_t width = 0;

	json_object_object_foreach (record, name, value) {
		if (!out_look(value)->hidden && strlen(name) > width)
			width = strlen(name);
	}
	json_object_object_foreach (record, key, member) {
		const struct out_look *look = out_look(member);
		char *text = text_of(member, NULL);

		if (!look->hidden && *text) {
			fputs(key, file);
			pad(file, strlen(key), width + 2);
			if (!look->text && json_object_is_type(member, json_type_object)) {
				print_members(file, member, width + 2);
			} else {
				put_toned(file, text, look->tone);
				fputc('\n', file);
			}
		}
		free(text);
	}
}

static void print_lines(FILE *file, struct json_object *node)
{
	char *text;
	size_t i;

	if (json_object_is_type(node, json_type_object)) {
		json_object_object_foreach (node, name, value) {
			text = text_of(value, NULL);
			fprintf(file, "%s%s%s\n", name, separator(out_look(node)->style), text);
			free(text);
		}
		return;
	}
	for (i = 0; i < json_object_array_length(node); i++) {
		text = text_of(json_object_array_get_idx(node, i), NULL);
		fprintf(file, "%s\n", text);
		free(text);
	}
}

static void print_records(FILE *file, struct json_object *list)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		if (i)
			fputc('\n', file);
		print_record(file, json_object_array_get_idx(list, i));
	}
}

static void print_section(FILE *file, struct json_object *node)
{
	const struct out_look *look = out_look(node);
	char *text;

	if (!look->text && json_object_is_type(node, json_type_array)) {
		if (look->style == OUT_TABLE || look->style == OUT_PLAIN)
			print_table(file, node, look->style == OUT_TABLE);
		else if (look->style == OUT_RECORDS)
			print_records(file, node);
		else
			print_lines(file, node);
		return;
	}
	if (!look->text && json_object_is_type(node, json_type_object)) {
		print_lines(file, node);
		return;
	}
	text = text_of(node, NULL);
	put_toned(file, text, look->tone);
	if (!*text || text[strlen(text) - 1] != '\n')
		fputc('\n', file);
	free(text);
}

static bool is_empty(struct json_object *node)
{
	return (json_object_is_type(node, json_type_array) && !json_object_array_length(node)) ||
	       (json_object_is_type(node, json_type_object) && !json_object_object_length(node));
}

void out_print_text(struct json_object *root, FILE *file)
{
	bool first = true;

	json_object_object_foreach (root, name, node) {
		(void)name;
		if (out_look(node)->hidden || is_empty(node))
			continue;
		if (!first)
			fputc('\n', file);
		first = false;
		print_section(file, node);
	}
}
