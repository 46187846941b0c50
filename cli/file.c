// SPDX-License-Identifier: GPL-2.0-only
/* file - read a file that the user named */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define FILE_MAX (16 << 20) /* bytes */

char *cli_read_file(const char *name, size_t *size)
{
	FILE *file = strcmp(name, "-") ? fopen(name, "re") : stdin;
	char *text = file ? malloc(FILE_MAX + 1) : NULL;
	int err;

	if (!file)
		return NULL;
	*size = text ? fread(text, 1, FILE_MAX, file) : 0;
	err = !text ? ENOMEM : ferror(file) ? errno : getc(file) != EOF ? EFBIG : 0;
	if (file != stdin)
		fclose(file);
	if (err) {
		free(text);
		errno = err;
		return NULL;
	}
	text[*size] = 0;
	return text;
}

const char *cli_file_name(const char *name)
{
	return strcmp(name, "-") ? name : "standard input";
}
