// SPDX-License-Identifier: GPL-2.0-only
/* roff - pieces of manual pages, made from tables of commands and options */
#include <ctype.h>
#include <string.h>

#include "roff.h"

/* Print what is typed as it is: no hyphens for minus signs, no escapes. */
void roff_literal(FILE *file, const char *text, size_t length)
{
	for (; length; length--, text++) {
		if (*text == '-')
			fputs("\\-", file);
		else if (*text == '\\')
			fputs("\\e", file);
		else if (*text == '\'')
			fputs("\\(aq", file);
		else
			fputc(*text, file);
	}
}

static char font(unsigned char first)
{
	if (isupper(first))
		return 'I';
	return isalpha(first) ? 'B' : 'R';
}

/* Words that stand for a value in italics, words that stand for themselves in bold. */
void roff_synopsis(FILE *file, const char *args)
{
	size_t length;

	while (*args) {
		length = strcspn(args, " []|=");
		if (length) {
			fprintf(file, "\\f%c", font(*args));
			roff_literal(file, args, length);
			fputs("\\fR", file);
		} else {
			length = 1;
			fputc(*args, file);
		}
		args += length;
	}
}

void roff_command_synopsis(FILE *file, const struct cli_command *command)
{
	roff_synopsis(file, command->name);
	fputs(*command->args ? " " : "", file);
	roff_synopsis(file, command->args);
	fputc('\n', file);
}

/* How long a value's name of the synopsis is that text begins with, if it does. */
static size_t value_length(const char *text, const char *args)
{
	const size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ=");
	const char *at;

	if (length < 2 || text[length] == '_')
		return 0;
	for (at = args; *at; at += strcspn(at, " []|"), at += strspn(at, " []|"))
		if (!strncmp(at, text, length) && !isupper((unsigned char)at[length]))
			return length;
	return 0;
}

/* One word of prose, which blanks end unless they are within quotes, with its markup. */
static void put_word(FILE *file, const char *word, const char **rest, const char *args)
{
	size_t length;

	for (; *word == '('; word++)
		fputc('(', file);
	length = value_length(word, args);
	if (length) {
		fputs("\\fI", file);
	} else if (*word == '\'' && strchr(word + 1, '\'')) {
		length = strcspn(++word, "'");
		fputs("\\fB", file);
	}
	if (length) {
		roff_literal(file, word, length);
		fputs("\\fR", file);
		word += length;
		word += *word == '\'' && word[1] != 's';
	}
	length = strcspn(word, " \n");
	fprintf(file, "%.*s", (int)length, word);
	*rest = word + length;
}

/* Paragraphs of a command. As the format likes it, a sentence begins a line. */
void roff_prose(FILE *file, const char *text, const char *args)
{
	const char *rest;
	long column = 0;
	bool ends;

	while (*text) {
		put_word(file, text, &rest, args);
		column += rest - text + 1;
		text = rest + strspn(rest, " \n");
		ends = !*text || *rest == '\n' || strchr(".:;", rest[-1]) || column > 48;
		fputc(ends ? '\n' : ' ', file);
		if (*rest == '\n')
			fputs(".IP\n", file);
		if (ends)
			column = 0;
	}
}

void roff_command(FILE *file, const struct cli_command *command, const char *before)
{
	fputs(".TP\n", file);
	roff_command_synopsis(file, command);
	roff_prose(file, command->details, command->args);
	if (!command->examples)
		return;
	fputs(".IP\n.EX\n", file);
	for (size_t i = 0; command->examples[i]; i++) {
		roff_literal(file, before, strlen(before));
		roff_literal(file, command->examples[i], strlen(command->examples[i]));
		fputc('\n', file);
	}
	fputs(".EE\n", file);
}

void roff_options(FILE *file, const struct cli_option *options)
{
	const struct cli_option *option;

	for (option = options; option->name; option++) {
		fprintf(file, ".TP\n\\fB\\-%c\\fR, \\fB\\-\\-%s\\fR", option->letter, option->name);
		if (option->value)
			fprintf(file, " \\fI%s\\fR", option->value);
		fprintf(file, "\n%c%s.\n", toupper((unsigned char)*option->summary),
			option->summary + 1);
	}
}

void roff_variables(FILE *file, const struct cli_variable *variables)
{
	const struct cli_variable *variable;

	fputs(".SH ENVIRONMENT\n", file);
	for (variable = variables; variable->name; variable++)
		fprintf(file, ".TP\n.B %s\n%c%s.\n", variable->name,
			toupper((unsigned char)*variable->summary), variable->summary + 1);
}
