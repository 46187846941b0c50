/* SPDX-License-Identifier: GPL-2.0-only */
/* fifo.h - a FIFO from which commands are taken */
#ifndef CALL_FIFO_H
#define CALL_FIFO_H

#include <stdbool.h>

#include "cli/cli.h"

/*
 * Open the FIFO at path, for reading without waiting, and make it if it is not there (*made). It
 * has to be the caller's or root's, and writable by its owner alone. CLI_DONE, or it was said why
 * not.
 */
enum cli_status fifo_open(const char *path, int *fd, bool *made);

#endif
