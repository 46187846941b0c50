/* SPDX-License-Identifier: GPL-2.0-only */
/* roff.h - pieces of manual pages, made from tables of commands and options */
#ifndef ROFF_H
#define ROFF_H

#include <stdio.h>

#include "cli.h"

/* When the words of the pages were last revised. */
#define ROFF_DATE "2026-11-29"

/* What is typed, as it is. */
void roff_literal(FILE *file, const char *text, size_t length);

/* What follows a command's name: values in italics, keywords in bold. */
void roff_synopsis(FILE *file, const char *args);
void roff_command_synopsis(FILE *file, const struct cli_command *command);

/* Paragraphs, as cli_command.details has them; args tells what stands for a value. */
void roff_prose(FILE *file, const char *text, const char *args);

/* A command and its examples, before each of which stands what else is typed. */
void roff_command(FILE *file, const struct cli_command *command, const char *before);

void roff_options(FILE *file, const struct cli_option *options);
void roff_variables(FILE *file, const struct cli_variable *variables);

#endif
