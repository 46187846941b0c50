/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * out.h - one output call serves text and JSON
 *
 * A command describes what it found as a tree of named values. Nothing is printed before it is
 * done, so a command that fails half-way prints its error and nothing else. The tree printed
 * as it is makes the JSON; its styles say how it reads as text.
 */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <lana/lana.h>

struct json_object;

enum out_style {
	OUT_TABLE,   /* list of objects: a row each, a column a member, a heading */
	OUT_PLAIN,   /* the same, indented and without a heading */
	OUT_RECORDS, /* list of objects: a line a member */
	OUT_LINES,   /* list: a line each */
	OUT_WORDS,   /* list: "a b c" */
	OUT_ASSIGN,  /* object: "name=value" */
	OUT_COLON,   /* object: "name:value" */
	OUT_ARROW,   /* object: "name→value" */
	OUT_COUNTS,  /* object of numbers: "value name", aligned from row to row */
};

enum out_tone { OUT_NEUTRAL, OUT_GOOD, OUT_DOUBTFUL, OUT_BAD };

/* What hangs on a node of the tree besides its value. */
struct out_look {
	enum out_style style;
	enum out_tone tone;
	bool hidden; /* not in text */
	char *text;  /* what it reads as; NULL: derived from the value */
};

/* Names are NULL inside lists. */
void out_open_list(const char *name, enum out_style style);
void out_open(const char *name, enum out_style style);
void out_close(void);

void out_string(const char *name, const char *value);
void out_number(const char *name, uint64_t value);
/* With so many digits as make sense of something measured. */
void out_real(const char *name, double value);
void out_bool(const char *name, bool value);
/* Nothing, where other rows have something: null in JSON. */
void out_unknown(const char *name);
/* A number or a string, as the option is; for a person, with what is in effect by default. */
void out_value(const char *name, const struct lana_value *value);

/* These speak of the value that was added or the container that was opened last. */
void out_as(const char *format, ...) __attribute__((format(printf, 1, 2)));
void out_hide(void);
void out_tone(enum out_tone tone);

/* Forget everything and say {"error": text} instead. */
void out_error(const char *text);

/* Print the tree. -ENOSPC, -EIO, …: standard output does not take it. */
int out_print(bool json);

/*
 * From here on out_print_part() prints what was described, as JSON on a line of its own, and begins
 * another tree; what out_print() finds in the end is an error, or nothing.
 */
void out_begin_parts(void);
int out_print_part(bool json);

/* The tree as text, instead of printing it. The caller frees it. */
char *out_text(void);

/* text.c: print the tree as text */
void out_print_text(struct json_object *root, FILE *file);
const struct out_look *out_look(struct json_object *node);

/* Make one printable line of text that came from outside, in place. */
void out_clean(char *text);

#endif
