// SPDX-License-Identifier: GPL-2.0-only
/* man - help and manual pages, made from what a program says of itself */
#include <ctype.h>
#include <string.h>

#include "app.h"
#include "cli/roff.h"

#define WIDTH  80
#define INDENT 27

/* Of the environment, all that programs have in common. */
static const struct cli_variable variables[] = {
	{ "LANA_BPFFS", "where bpffs is mounted; /sys/fs/bpf if not set" },
	{ "LANA_TYPES",
	  "folders with TYPE.bpf.o, separated by colons; the installed one if not set" },
	{ 0 },
};

/* A text, and a line feed, filled into lines; indent: that the first one is at. */
static void put_filled(FILE *file, const char *text, int indent)
{
	int column = indent;

	while (*text) {
		int length = strcspn(text, " ");

		if (column > indent && column + 1 + length > WIDTH) {
			fprintf(file, "\n%*s", indent, "");
			column = indent;
		}
		column += fprintf(file, "%s%.*s", column > indent ? " " : "", length, text);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', file);
}

static void put_options(FILE *file, const struct cli_option *options)
{
	for (const struct cli_option *option = options; option->name; option++) {
		char words[64];

		snprintf(words, sizeof(words), "-%c, --%s %s", option->letter, option->name,
			 option->value ? option->value : "");
		fprintf(file, "  %-24s ", words);
		put_filled(file, option->summary, INDENT);
	}
}

static void list_commands(FILE *file, const struct cli_command *const *commands)
{
	fputs("\nCommands, while it runs:\n", file);
	for (; *commands; commands++)
		fprintf(file, "  %s%s%s\n", (*commands)->name, *(*commands)->args ? " " : "",
			(*commands)->args);
}

void app_help(const struct app_program *program, FILE *file)
{
	fprintf(file, "%s [OPTION ...]%s%s - %s\n\n", program->name, *program->args ? " " : "",
		program->args, program->summary);
	put_options(file, program->options);
	fputc('\n', file);
	put_options(file, app_options);
	if (program->commands)
		list_commands(file, program->commands);
}

static void put_head(const struct app_program *program, FILE *file)
{
	char title[32];
	size_t i;

	for (i = 0; program->name[i] && i < sizeof(title) - 1; i++)
		title[i] = toupper((unsigned char)program->name[i]);
	title[i] = 0;
	fprintf(file, ".\\\" Made by %s --man.\n.TH ", program->name);
	roff_literal(file, title, i);
	fprintf(file, " 1 %s \"lana %s\" lana\n.SH NAME\n", ROFF_DATE, LANA_VERSION);
	roff_literal(file, program->name, strlen(program->name));
	fprintf(file, " \\- %s\n.SH SYNOPSIS\n\\fB", program->summary);
	roff_literal(file, program->name, strlen(program->name));
	fputs("\\fR [\\fIOPTION\\fR ...]", file);
	if (*program->args) {
		fputc(' ', file);
		roff_synopsis(file, program->args);
	}
	fputc('\n', file);
}

static void put_commands(FILE *file, const struct app_program *program)
{
	fprintf(file, ".SH COMMANDS\n%s", program->commands_text);
	for (size_t i = 0; program->commands[i]; i++)
		roff_command(file, program->commands[i], "");
}

static void put_examples(FILE *file, const char *const *examples)
{
	fputs(".SH EXAMPLES\n.EX\n", file);
	for (; *examples; examples++) {
		roff_literal(file, *examples, strlen(*examples));
		fputc('\n', file);
	}
	fputs(".EE\n", file);
}

void app_man(const struct app_program *program, FILE *file)
{
	put_head(program, file);
	fprintf(file, ".SH DESCRIPTION\n%s.PP\n%s", program->description, program->way);
	fputs(".SH OPTIONS\n", file);
	roff_options(file, program->options);
	roff_options(file, app_options);
	if (program->commands)
		put_commands(file, program);
	for (const struct app_section *section = program->sections; section->title; section++)
		fprintf(file, ".SH %s\n%s", section->title, section->text);
	roff_variables(file, variables);
	put_examples(file, program->examples);
	fprintf(file, ".SH SEE ALSO\n%s.BR lanactl (8)\n.PP\nGuide:\n.IR %s .\n", program->see_also,
		program->guide ?: "docs/apps.md");
}
