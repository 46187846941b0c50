/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dot - what pictures of stacks and of networks have in common
 *
 * The DOT language: https://graphviz.org/doc/info/lang.html
 */
#ifndef CLI_DOT_H
#define CLI_DOT_H

#include <stdio.h>

#include "cli.h"

/* Print text as an ID. */
void dot_put(FILE *file, const char *text);

/* Show what put draws of a thing. */
enum cli_status dot_show(void (*put)(FILE *file, const void *thing), const void *thing);

#endif
