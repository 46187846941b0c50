// SPDX-License-Identifier: GPL-2.0-only
#include "dot.h"

void dot_put(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', file);
		fputc(*text, file);
	}
	fputc('"', file);
}

enum cli_status dot_show(void (*put)(FILE *file, const void *thing), const void *thing)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return cli_error("out of memory");
	put(file, thing);
	if (fclose(file))
		return cli_error("out of memory");
	out_string("dot", text);
	return CLI_DONE;
}
