// SPDX-License-Identifier: GPL-2.0-only
/* error - the one place where lanactl says why it refuses something */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void say(const char *format, va_list list)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, list);
	out_clean(text);
	out_error(text);
}

enum cli_status cli_error(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(format, list);
	va_end(list);
	return CLI_REFUSED;
}

enum cli_status cli_usage(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(format, list);
	va_end(list);
	return CLI_USAGE;
}

enum cli_status cli_refused(int err, const struct lana_error *error)
{
	return cli_error("%s", *error->text ? error->text : strerror(-err));
}
