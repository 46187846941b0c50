// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter_text - the text of a filter, as files and terminals can have it
 *
 * It is printed, and stands in stack files, where YAML has no tabs and no other control characters
 * in plain text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "filter.h"

#define TAB_STOP 8

/* Bytes of the character of UTF-8 (RFC 3629) that text begins with; 0: it is none. */
static size_t character(const unsigned char *text)
{
	size_t size = *text < 0x80 ? 1 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;
	__u32 code = *text & (size == 1 ? 0x7f : 0x7f >> size);

	if (*text >= 0x80 && (*text < 0xc2 || *text > 0xf4))
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if ((size == 3 && code < 0x800) || (size == 4 && (code < 0x10000 || code > 0x10ffff)) ||
	    (code >= 0xd800 && code < 0xe000) || (code >= 0x7f && code < 0xa0) ||
	    (code & 0xfffe) == 0xfffe)
		return 0;
	return size;
}

int filter_clean(const char *text, char **result, struct lana_error *error)
{
	_cleanup_free_ char *clean = calloc(TAB_STOP, strlen(text) + 1);
	size_t length = 0, line = 0; /* bytes so far, and where the line begins */

	if (!clean)
		return refuse(error, -ENOMEM, "out of memory");
	while (*text) {
		size_t size = character((const unsigned char *)text);

		if (*text == '\t') {
			do
				clean[length++] = ' ';
			while ((length - line) % TAB_STOP);
		} else if (text[0] == '\r' && text[1] == '\n') {
			; /* as other systems end lines */
		} else if (!size || (*text > 0 && *text < ' ' && *text != '\n')) {
			return refuse(error, -EINVAL,
				      "a filter is a text: byte 0x%02x has no place in it",
				      (unsigned char)*text);
		} else {
			memcpy(clean + length, text, size);
			length += size;
			if (*text == '\n')
				line = length;
		}
		text += size;
	}
	*result = TAKE_PTR(clean);
	return 0;
}
