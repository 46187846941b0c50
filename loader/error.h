/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * error - say in one line what was refused and why
 */
#ifndef LOADER_ERROR_H
#define LOADER_ERROR_H

#include <lana/lana.h>

/* Write the line (error may be NULL) and return err, a negative errno. */
__attribute__((format(printf, 3, 4))) int refuse(struct lana_error *error, int err,
						 const char *format, ...);

#endif
