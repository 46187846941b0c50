/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_parse - what the reading of the packet language shares: where it is, words, values
 */
#ifndef LOADER_GEN_PARSE_H
#define LOADER_GEN_PARSE_H

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

/* Refuse what begins at p->token, with its place. */
__attribute__((format(printf, 2, 3))) int parser_wrong(const struct parser *p, const char *format,
						       ...);

/* Go to where the next word or sign begins: it is the token. */
void parser_skip_blank(struct parser *p);

/* Is that sign next? And if so, step over it. */
bool parser_next_is(struct parser *p, char c);
bool parser_take(struct parser *p, char c);

/* Step over a sign that must be there. */
int parser_expect(struct parser *p, char c);

/* A word, number or address, and its length; empty if there is none. */
size_t parser_atom(struct parser *p, char atom[ATOM_MAX]);
int parser_number(struct parser *p, const char *what, __u64 most, __u64 *number);

/* Two halves, of which only IPv6 addresses use the upper one. */
struct number {
	__u64 high, low;
};

/* What is behind a field's "=". */
struct value {
	bool varies;
	struct number from; /* and the only one, if it does not */
	struct gen_vary vary;
	__u64 *high; /* upper halves of a list; owned */
};

void parser_value_free(struct value *value);

/* A value of a field, in any form. */
int parser_value(struct parser *p, const struct gen_field_type *field, struct value *value);

#endif
