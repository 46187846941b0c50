/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classic_scan - the words of a filter that is written as text; for the files classic*.c alone
 *
 * Spaces, new lines and comments lie between words: those of C, from ; to the end of a line, and
 * from a # that begins a line.
 */
#ifndef LOADER_CLASSIC_SCAN_H
#define LOADER_CLASSIC_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <lana/lana.h>

struct token {
	enum { END, NAME, DIGITS, SIGN } kind;
	const char *text;
	size_t length;
	unsigned int line, column;
};

/*
 * Begins with name, at and line_start (both the text), line (1) and error set, and one scan_next().
 */
struct scanner {
	const char *name; /* of the text, for error */
	const char *at, *line_start;
	unsigned int line;
	struct lana_error *error;
	struct token token; /* the next one */
};

/* Go on to the token behind the next one. -EINVAL: a comment does not end. */
int scan_next(struct scanner *scan);

/* A name, be it in capitals or not. */
bool token_is(struct token token, const char *word);
bool token_is_sign(struct token token, char sign);

/* Both are of the same letters. */
bool token_same(struct token a, struct token b);

/* Go on if the next token is the one named, or of that kind. -EINVAL: it is not. */
int scan_sign(struct scanner *scan, char sign);
int scan_word(struct scanner *scan, const char *word);
int scan_number(struct scanner *scan, __u32 *number); /* of 32 bits, signed or not */

/*
 * What DIGITS are: decimal, behind 0x or 0b, or octal behind a 0. False: nothing that 32 bits hold.
 */
bool scan_value(struct token token, __u64 *value);

/* Say what is wrong at a token, or that the next one should be something else. -EINVAL */
__attribute__((format(printf, 3, 4))) int scan_refuse(struct scanner *scan, struct token token,
						      const char *format, ...);
int scan_unexpected(struct scanner *scan, const char *expected);

#endif
