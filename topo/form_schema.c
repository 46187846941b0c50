// SPDX-License-Identifier: GPL-2.0-only
/*
 * form_schema - the form of a topology file as JSON Schema (draft 7: json-schema.org)
 */
#include "form.h"

static void put_form(const struct form *form, const char *help, int depth, FILE *file);

/* A text in quotes; those of the forms have no control characters. */
static void put_text(const char *text, FILE *file)
{
	putc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', file);
		putc(*text, file);
	}
	putc('"', file);
}

static void put_tabs(int depth, FILE *file)
{
	putc('\n', file);
	while (depth--)
		putc('\t', file);
}

/* Begin the next member of an object. */
static void put_member(const char *name, bool *first, int depth, FILE *file)
{
	if (!*first)
		putc(',', file);
	*first = false;
	put_tabs(depth, file);
	put_text(name, file);
	fputs(": ", file);
}

static void put_dependencies(const struct form *form, bool *first, int depth, FILE *file)
{
	bool none = true, first_key = true;

	for (const struct form_key *key = form->keys; key->name; key++) {
		if (!key->with)
			continue;
		if (none) {
			put_member("dependencies", first, depth, file);
			putc('{', file);
		}
		none = false;
		put_member(key->name, &first_key, depth + 1, file);
		putc('[', file);
		put_text(key->with, file);
		putc(']', file);
	}
	if (!none) {
		put_tabs(depth, file);
		putc('}', file);
	}
}

static void put_record(const struct form *form, bool *first, int depth, FILE *file)
{
	bool none = true, first_key = true;

	put_member("additionalProperties", first, depth, file);
	fputs("false", file);
	for (const struct form_key *key = form->keys; key->name; key++)
		if (key->required) {
			if (none)
				put_member("required", first, depth, file);
			fputs(none ? "[" : ", ", file);
			put_text(key->name, file);
			none = false;
		}
	if (!none)
		putc(']', file);
	put_dependencies(form, first, depth, file);
	put_member("properties", first, depth, file);
	putc('{', file);
	for (const struct form_key *key = form->keys; key->name; key++) {
		put_member(key->name, &first_key, depth + 1, file);
		put_form(key->form, key->help, depth + 1, file);
	}
	put_tabs(depth, file);
	putc('}', file);
}

/* What is asked of a value of the kind beside its type. */
static void put_demands(const struct form *form, bool *first, int depth, FILE *file)
{
	switch (form->kind) {
	case FORM_WORD:
		put_member("minLength", first, depth, file);
		putc('1', file);
		if (form->pattern) {
			put_member("pattern", first, depth, file);
			put_text(form->pattern, file);
		}
		if (form->pattern &&
		    (form_matches(form->pattern, "0") || form_matches(form->pattern, "5"))) {
			put_member("minimum", first, depth, file);
			putc('0', file);
			if (!form_matches(form->pattern, "5")) {
				put_member("maximum", first, depth, file);
				putc('0', file);
			}
		}
		break;
	case FORM_BOOL:
		break;
	case FORM_NUMBER:
		put_member("minimum", first, depth, file);
		fprintf(file, "%ld", form->least);
		put_member("maximum", first, depth, file);
		fprintf(file, "%ld", form->most);
		break;
	case FORM_LIST:
		put_member("items", first, depth, file);
		put_form(form->item, NULL, depth, file);
		break;
	case FORM_MAP:
		put_member("propertyNames", first, depth, file);
		put_form(form->names, NULL, depth, file);
		put_member("additionalProperties", first, depth, file);
		put_form(form->item, NULL, depth, file);
		break;
	case FORM_RECORD:
		put_record(form, first, depth, file);
		break;
	}
}

/*
 * Types as JSON knows them. YAML makes a number or a truth value of a word that looks like one, and
 * so these are words here too, if the pattern allows them.
 */
static void put_type(const struct form *form, FILE *file)
{
	static const char *const types[] = {
		[FORM_WORD] = "\"string\"",    [FORM_BOOL] = "\"boolean\"",
		[FORM_NUMBER] = "\"integer\"", [FORM_LIST] = "\"array\"",
		[FORM_MAP] = "\"object\"",     [FORM_RECORD] = "\"object\"",
	};

	fputs(types[form->kind], file);
	if (form->kind != FORM_WORD)
		return;
	if (form_matches(form->pattern, "1.5"))
		fputs(", \"number\"", file);
	else if (form_matches(form->pattern, "5") || form_matches(form->pattern, "0"))
		fputs(", \"integer\"", file);
	if (form_matches(form->pattern, "true"))
		fputs(", \"boolean\"", file);
}

/* A value that may be one of two is of different types, so that all demands can stand together. */
static void put_form(const struct form *form, const char *help, int depth, FILE *file)
{
	bool first = true;

	putc('{', file);
	put_member("description", &first, depth + 1, file);
	put_text(help ?: form->what, file);
	put_member("type", &first, depth + 1, file);
	putc('[', file);
	put_type(form, file);
	if (form->or) {
		fputs(", ", file);
		put_type(form->or, file);
	}
	fprintf(file, "%s]", form->empty ? ", \"null\"" : "");
	put_demands(form, &first, depth + 1, file);
	if (form->or)
		put_demands(form->or, &first, depth + 1, file);
	put_tabs(depth, file);
	putc('}', file);
}

void form_schema(const struct form *form, FILE *file)
{
	bool first = true;

	putc('{', file);
	put_member("$schema", &first, 1, file);
	put_text("http://json-schema.org/draft-07/schema#", file);
	put_member("title", &first, 1, file);
	put_text("lana topology file", file);
	put_member("description", &first, 1, file);
	put_text("A network on one machine, for lanactl topo; made by lanactl topo schema", file);
	put_member("type", &first, 1, file);
	put_text("object", file);
	put_demands(form, &first, 1, file);
	fputs("\n}\n", file);
}
