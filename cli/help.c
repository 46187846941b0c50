// SPDX-License-Identifier: GPL-2.0-only
/* lanactl help - what the table of commands says of itself */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define WIDTH 80

/* Print text as paragraphs that fit the width. */
static void put_filled(FILE *file, const char *text, int indent)
{
	int column = 0, length;

	while (*text) {
		length = strcspn(text, " \n");
		if (column && column + 1 + length > WIDTH) {
			fputc('\n', file);
			column = 0;
		}
		column += fprintf(file, "%*s%.*s", column ? 1 : indent, column ? " " : "", length,
				  text);
		text += length;
		if (!strncmp(text, "\n\n", 2)) {
			fputs("\n\n", file);
			column = 0;
		}
		text += strspn(text, " \n");
	}
	fputc('\n', file);
}

static void put_command(FILE *file, const struct cli_command *command)
{
	const char *blank = *command->args ? " " : "";

	fprintf(file, "lanactl %s%s%s\n\n", command->name, blank, command->args);
	put_filled(file, command->details, 4);
	for (size_t i = 0; command->examples && command->examples[i]; i++)
		fprintf(file, "%s    lanactl %s\n", i ? "" : "\n", command->examples[i]);
}

static enum cli_status describe(const struct cli_command *command, bool first)
{
	char *text = NULL;
	size_t size;
	FILE *file;

	file = open_memstream(&text, &size);
	if (!file)
		return cli_error("out of memory");
	if (!first)
		fputc('\n', file);
	put_command(file, command);
	if (fclose(file))
		return cli_error("out of memory");
	text[size - 1] = 0; /* each line of a list ends in a newline of its own */

	out_open(NULL, OUT_ASSIGN);
	out_string("name", command->name);
	out_string("args", command->args);
	out_string("summary", command->summary);
	out_string("details", command->details);
	out_open_list("examples", OUT_LINES);
	for (size_t i = 0; command->examples && command->examples[i]; i++)
		out_string(NULL, command->examples[i]);
	out_close();
	out_close();
	out_as("%s", text);
	free(text);
	return CLI_DONE;
}

/* Is the command called name, or does its name begin with that word? */
static bool is_called(const struct cli_command *command, const char *name)
{
	const size_t length = strlen(name);

	return !strncmp(command->name, name, length) &&
	       (!command->name[length] || command->name[length] == ' ');
}

/* Is it a block type that lana comes with? Then its source begins with its manual. */
static bool find_manual(const char *name, char *path, size_t size)
{
	snprintf(path, size, LANA_MANUALS_DIR "/%s.bpf.c", name);
	return !strchr(name, '/') && !access(path, F_OK);
}

static enum cli_status help_on(const char *name)
{
	char path[512];
	enum cli_status status = CLI_DONE;
	bool found = false;

	out_open_list("commands", OUT_LINES);
	for (size_t i = 0; cli_commands[i] && !status; i++) {
		if (cli_commands[i]->hidden || !is_called(cli_commands[i], name))
			continue;
		status = describe(cli_commands[i], !found);
		found = true;
	}
	if (status)
		return status;
	out_close();
	if (!found && find_manual(name, path, sizeof(path)))
		return cli_usage(
			"no command '%s'; the block type is described at the beginning of %s", name,
			path);
	if (!found)
		return cli_usage("no command '%s'; 'lanactl help' lists them", name);
	return CLI_DONE;
}

static void list_options(void)
{
	const struct cli_option *option;

	out_open_list("options", OUT_PLAIN);
	for (option = cli_options; option->name; option++) {
		out_open(NULL, OUT_ASSIGN);
		out_string("name", option->name);
		out_as("-%c, --%s%s%s", option->letter, option->name, option->value ? " " : "",
		       option->value ? option->value : "");
		out_string("summary", option->summary);
		out_close();
	}
	out_close();
}

static void list_commands(void)
{
	const struct cli_command *command;

	out_open_list("commands", OUT_PLAIN);
	for (size_t i = 0; cli_commands[i]; i++) {
		command = cli_commands[i];
		if (command->hidden)
			continue;
		out_open(NULL, OUT_ASSIGN);
		out_string("name", command->name);
		out_as("%s %s", command->name, cli_brief(command));
		out_string("args", command->args);
		out_hide();
		out_string("summary", command->summary);
		out_close();
	}
	out_close();
}

static enum cli_status run_help(const struct cli_args *args)
{
	const char *const *words = cli_list(args);
	char name[2 * CLI_TOKEN_MAX] = "";

	if (words[0]) {
		snprintf(name, sizeof(name), "%s%s%s", words[0], words[1] ? " " : "",
			 words[1] ? words[1] : "");
		return help_on(name);
	}

	out_string("usage", "lanactl [-j] [-s STACK] [-n NETNS] COMMAND ...");
	list_options();
	list_commands();
	out_string("hint", "'lanactl help COMMAND' says more, lanactl(8) says all.");
	return CLI_DONE;
}

const struct cli_command help_command = {
	.name = "help",
	.args = "[COMMAND ...]",
	.summary = "list the commands, or say more of one",
	.details = "List options and commands, or describe one command, as 'lanactl' COMMAND "
		   "'-h' does.",
	.run = run_help,
};
