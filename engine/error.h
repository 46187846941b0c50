/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * error - say in one line what was refused and why
 */
#ifndef ENGINE_ERROR_H
#define ENGINE_ERROR_H

#include <stdarg.h>
#include <stdio.h>

#include <lana/stack.h>

/* Write the line (error may be NULL) and return err, a negative errno. */
__attribute__((format(printf, 3, 4))) static inline int
engine_refuse(struct lana_error *error, int err, const char *format, ...)
{
	va_list args;

	if (!error)
		return err;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return err;
}

#endif
