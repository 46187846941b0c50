// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "classic_scan.h"
#include "error.h"

int scan_refuse(struct scanner *scan, struct token token, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return refuse(scan->error, -EINVAL, "%s:%u:%u: %s", scan->name, token.line, token.column,
		      text);
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static void skip_line(struct scanner *scan)
{
	scan->at += strcspn(scan->at, "\n");
}

/*
 * Spaces, ; comments, # comments at the beginning of a line, and those of C; false: one of these
 * does not end.
 */
static bool skip(struct scanner *scan)
{
	for (;; scan->at++) {
		if (*scan->at == ';' || (*scan->at == '#' && scan->at == scan->line_start))
			skip_line(scan);
		if (*scan->at == '\n') {
			scan->line++;
			scan->line_start = scan->at + 1;
		} else if (scan->at[0] == '/' && scan->at[1] == '*') {
			const char *end = strstr(scan->at + 2, "*/");

			if (!end)
				return false;
			for (; scan->at < end; scan->at++)
				if (*scan->at == '\n') {
					scan->line++;
					scan->line_start = scan->at + 1;
				}
			scan->at++;
		} else if (!*scan->at || !isspace((unsigned char)*scan->at)) {
			return true;
		}
	}
}

int scan_next(struct scanner *scan)
{
	bool whole = skip(scan);
	struct token token = { END, scan->at, 1, scan->line, scan->at - scan->line_start + 1 };

	if (!whole)
		return scan_refuse(scan, token, "a comment does not end");
	if (is_name(*scan->at)) {
		token.kind = isdigit((unsigned char)*scan->at) ? DIGITS : NAME;
		for (token.length = 0; is_name(token.text[token.length]);)
			token.length++;
	} else if (*scan->at) {
		token.kind = SIGN;
	} else {
		token.length = 0;
	}
	scan->at += token.length;
	scan->token = token;
	return 0;
}

bool token_is(struct token token, const char *word)
{
	return token.kind == NAME && strlen(word) == token.length &&
	       !strncasecmp(token.text, word, token.length);
}

bool token_same(struct token a, struct token b)
{
	return a.length == b.length && !strncmp(a.text, b.text, a.length);
}

bool token_is_sign(struct token token, char sign)
{
	return token.kind == SIGN && *token.text == sign;
}

int scan_unexpected(struct scanner *scan, const char *expected)
{
	if (scan->token.kind == END)
		return scan_refuse(scan, scan->token, "ends where %s is expected", expected);
	return scan_refuse(scan, scan->token, "'%.*s' where %s is expected",
			   (int)scan->token.length, scan->token.text, expected);
}

int scan_sign(struct scanner *scan, char sign)
{
	char expected[] = { '\'', sign, '\'', 0 };

	return token_is_sign(scan->token, sign) ? scan_next(scan) : scan_unexpected(scan, expected);
}

int scan_word(struct scanner *scan, const char *word)
{
	return token_is(scan->token, word) ? scan_next(scan) : scan_unexpected(scan, word);
}

bool scan_value(struct token token, __u64 *value)
{
	bool prefixed = token.length > 2 && *token.text == '0';
	int base = 10;
	size_t from = 0;

	if (prefixed && tolower((unsigned char)token.text[1]) == 'x')
		base = 16, from = 2;
	else if (prefixed && tolower((unsigned char)token.text[1]) == 'b')
		base = 2, from = 2;
	else if (token.length > 1 && *token.text == '0')
		base = 8, from = 1;
	*value = 0;
	for (size_t i = from; i < token.length; i++) {
		char c = tolower((unsigned char)token.text[i]);
		int digit = isdigit((unsigned char)c)	? c - '0'
			    : isalpha((unsigned char)c) ? c - 'a' + 10
							: 99;

		*value = *value * base + digit;
		if (digit >= base || *value > UINT32_MAX)
			return false;
	}
	return true;
}

int scan_number(struct scanner *scan, __u32 *number)
{
	struct token first = scan->token;
	bool negative = token_is_sign(first, '-');
	__u64 value;
	int err = 0;

	if (negative || token_is_sign(first, '+'))
		err = scan_next(scan);
	if (err)
		return err;
	if (scan->token.kind != DIGITS)
		return scan_unexpected(scan, "a number");
	if (!scan_value(scan->token, &value) || (negative && value > 1ULL << 31))
		return scan_refuse(scan, first, "'%.*s' is no number of 32 bits",
				   (int)(scan->token.text + scan->token.length - first.text),
				   first.text);
	*number = negative ? -value : value;
	return scan_next(scan);
}
