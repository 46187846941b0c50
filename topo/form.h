/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * form - what shape the parts of a topology file have
 *
 * One table of forms says which keys there are and which values they take. The parser checks a
 * file against it (form_check()), and the JSON Schema is printed from it (form_schema()): so the
 * two agree. What a shape cannot say, such as that the end of a link is a node of the file, is
 * looked at when the network is read.
 */
#ifndef TOPO_FORM_H
#define TOPO_FORM_H

#include <stdio.h>

#include "loader/file_yaml.h"

enum form_kind {
	FORM_WORD,   /* a text or a number */
	FORM_BOOL,   /* true or false */
	FORM_NUMBER, /* whole, from least to most */
	FORM_LIST,   /* of items */
	FORM_MAP,    /* names that the user chooses, each with an item */
	FORM_RECORD, /* names out of keys */
};

struct form_key {
	const char *name;
	const struct form *form;
	bool required;
	const char *help; /* for the schema; no full stop */
	const char *with; /* a key that has to be there, too; NULL: none */
};

struct form {
	enum form_kind kind;
	const char *what;	     /* what messages call it: "a name" */
	const char *pattern;	     /* of a word: means the same to regex(7) and to ECMA-262 */
	long least, most;	     /* of a number */
	const struct form *item;     /* of a list or a map */
	const struct form *names;    /* of a map */
	const struct form_key *keys; /* of a record; ends in one without a name */
	const struct form * or ;     /* what it may be instead: of another kind */
	bool empty;		     /* it may be left empty */
	bool later;		     /* of a word: whoever reads it knows more than the pattern */
};

/* The form of a whole file: forms.c. */
extern const struct form topology_form;

/* Is a text what a pattern (or NULL) says? */
bool form_matches(const char *pattern, const char *text);

/* Has the node that form? -EINVAL: no, and where and why. */
int form_check(struct reader *reader, const struct form *form, const yaml_node_t *node);

/* The value of a key; NULL: it is not there, or is empty. */
yaml_node_t *form_get(struct reader *reader, const yaml_node_t *mapping, const char *key);

/* Print the form of a file as JSON Schema (draft 7). */
void form_schema(const struct form *form, FILE *file);

#endif
