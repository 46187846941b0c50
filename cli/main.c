// SPDX-License-Identifier: GPL-2.0-only
/* lanactl - assemble a network stack from BPF blocks and rearrange it while traffic flows */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

const struct cli_command *const cli_commands[] = {
	&load_command,
	&unload_command,
	&types_command,
	&add_command,
	&rm_command,
	&set_command,
	&get_command,
	&bind_command,
	&unbind_command,
	&replace_command,
	&subscribe_command,
	&unsubscribe_command,
	&vlink_hook_command,
	&vlink_unhook_command,
	&vlink_add_command,
	&vlink_rm_command,
	&vlink_show_command,
	&show_command,
	&show_dot_command,
	&show_block_command,
	&show_keys_command,
	&show_peers_command,
	&show_rules_command,
	&apply_command,
	&diff_command,
	&export_command,
	&socket_serve_command,
	&socket_show_command,
	&worker_command,
	&link_command,
	&fuse_command,
	&hot_command,
	&stats_command,
	&top_command,
	&rates_command,
	&paths_command,
	&monitor_command,
	&stats_on_command,
	&stats_off_command,
	&trace_command,
	&capture_command,
	&filter_command,
	&filter_asm_command,
	&filter_code_command,
	&gen_command,
	&gen_block_command,
	&sink_command,
	&topo_up_command,
	&topo_down_command,
	&topo_plan_command,
	&topo_apply_command,
	&topo_show_command,
	&topo_dot_command,
	&topo_exec_command,
	&topo_shell_command,
	&topo_ping_command,
	&topo_link_command,
	&topo_set_command,
	&topo_capture_command,
	&topo_run_command,
	&topo_validate_command,
	&topo_generate_command,
	&topo_import_command,
	&topo_schema_command,
	&check_command,
	&flush_command,
	&doctor_command,
	&help_command,
	&help_man_command,
	&help_completion_command,
	&help_complete_command,
	NULL,
};

const struct cli_option cli_options[] = {
	{ 'j', "json", NULL, "print JSON, errors included" },
	{ 's', "stack", "STACK", "the stack to work on; \"default\" if none is named" },
	{ 'n', "netns", "NETNS",
	  "network namespace of the devices: a name of ip-netns(8) or a path" },
	{ 'v', "verbose", NULL, "print what the verifier says when it refuses a program" },
	{ 'V', "version", NULL, "print the version" },
	{ 'h', "help", NULL, "print help; behind a command, help on it" },
	{ 0 },
};

const struct cli_variable cli_variables[] = {
	{ "LANA_BPFFS", "where bpffs is mounted; /sys/fs/bpf if not set" },
	{ "LANA_TYPES",
	  "folders with TYPE.bpf.o, separated by colons; the installed one if not set" },
	{ "LANA_TOPO", "where networks are noted; /run/lana/topo if not set" },
	{ "LANA_HALVES",
	  "folders with TYPE.so, separated by colons; the installed one if not set" },
	{ "NO_COLOR", "no colours on a terminal if set" },
	{ 0 },
};

#define OPTIONS_COUNT (sizeof(cli_options) / sizeof(cli_options[0]) - 1)

static void print_verifier(void *cookie, const char *text)
{
	(void)cookie;
	fputs(text, stderr);
}

static void take_option(struct cli_options *options, int letter, const char *value)
{
	switch (letter) {
	case 'j':
		options->json = true;
		break;
	case 's':
		options->stack.name = value;
		break;
	case 'n':
		options->stack.netns = value;
		break;
	case 'v':
		options->stack.verbose = print_verifier;
		break;
	case 'V':
		options->version = true;
		break;
	case 'h':
		options->help = true;
		break;
	}
}

/* With leading, only the options in front of the first word, and the order is kept. */
static int parse(int argc, char **argv, bool leading, struct cli_options *options, int *first,
		 char wrong[CLI_TOKEN_MAX])
{
	struct option longs[OPTIONS_COUNT + 1] = { 0 };
	char shorts[2 * OPTIONS_COUNT + 3] = "+:", *end = shorts + 2;
	int letter, result = 0;

	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		longs[i].name = cli_options[i].name;
		longs[i].has_arg = cli_options[i].value ? required_argument : no_argument;
		longs[i].val = cli_options[i].letter;
		*end++ = cli_options[i].letter;
		if (cli_options[i].value)
			*end++ = ':';
	}

	optind = 0;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, shorts + !leading, longs, NULL)) != -1) {
		if (letter != '?' && letter != ':') {
			take_option(options, letter, optarg);
		} else if (!result) {
			result = letter;
			if (optopt)
				snprintf(wrong, CLI_TOKEN_MAX, "-%c", optopt);
			else
				snprintf(wrong, CLI_TOKEN_MAX, "%s", argv[optind - 1]);
		}
	}
	*first = optind;
	return result;
}

int cli_options_parse(int argc, char **argv, struct cli_options *options, int *first,
		      char wrong[CLI_TOKEN_MAX])
{
	int result = parse(argc, argv, true, options, first, wrong), used;
	const struct cli_command *command = cli_command_find(argc - *first, argv + *first, &used);

	/* The first of its words is none of a program: an option there is lanactl's. */
	if (command && command->foreign && argc > *first + used && *argv[*first + used] != '-')
		return result;
	return parse(argc, argv, false, options, first, wrong);
}

const struct cli_command *cli_command_find(int count, char *const *words, int *used)
{
	char two[2 * CLI_TOKEN_MAX];

	for (*used = count < 2 ? count : 2; *used; --*used) {
		snprintf(two, sizeof(two), "%s%s%s", words[0], *used == 2 ? " " : "",
			 *used == 2 ? words[1] : "");
		for (size_t i = 0; cli_commands[i]; i++)
			if (!strcmp(cli_commands[i]->name, two))
				return cli_commands[i];
	}
	return NULL;
}

/* Single-character edits that make b of a, where neither is longer than a command. */
static size_t distance(const char *a, const char *b)
{
	size_t row[CLI_TOKEN_MAX + 1], i, j, corner, above;

	if (strlen(b) > CLI_TOKEN_MAX)
		return CLI_TOKEN_MAX;
	for (j = 0; j <= strlen(b); j++)
		row[j] = j;
	for (i = 1; i <= strlen(a); i++) {
		corner = row[0];
		row[0] = i;
		for (j = 1; j <= strlen(b); j++) {
			above = row[j];
			row[j] = corner + (a[i - 1] != b[j - 1]);
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			corner = above;
		}
	}
	return row[strlen(b)];
}

static enum cli_status unknown_command(int count, char *const *words)
{
	const char *best = NULL, *name;
	size_t length = strlen(words[0]), least = 3, far;

	for (size_t i = 0; cli_commands[i]; i++) {
		name = cli_commands[i]->name;
		if (cli_commands[i]->hidden)
			continue;
		if (!strncmp(name, words[0], length) && name[length] == ' ' && count > 1)
			return cli_usage("unknown command '%s %s'; 'lanactl help' lists them",
					 words[0], words[1]);
		if (!strncmp(name, words[0], length) && name[length] == ' ')
			return cli_usage("'%s' needs a second word, as in '%s %s'", words[0], name,
					 cli_brief(cli_commands[i]));
		far = distance(name, words[0]);
		if (far < least && far < length) {
			least = far;
			best = name;
		}
	}
	if (best)
		return cli_usage("unknown command '%s'; did you mean '%s'?", words[0], best);
	return cli_usage("unknown command '%s'; 'lanactl help' lists them", words[0]);
}

static enum cli_status run(struct cli_args *args, const struct cli_command *command, int count,
			   char *const *words)
{
	enum cli_status status = CLI_DONE;
	char why[256];
	int i;

	cli_words_init(&args->words, command);
	for (i = 0; i < count && !status; i++)
		if (cli_words_take(&args->words, words[i], why))
			status = cli_usage("%s", why);
	if (!status && cli_words_end(&args->words, why))
		status = cli_usage("%s", why);
	if (!status)
		status = command->run(args);
	cli_words_free(&args->words);
	return status;
}

static enum cli_status dispatch(int argc, char **argv, struct cli_args *args)
{
	const struct cli_command *command;
	char wrong[CLI_TOKEN_MAX];
	int first, used, problem;

	problem = cli_options_parse(argc, argv, &args->options, &first, wrong);
	if (problem == ':')
		return cli_usage("option '%s' needs a value", wrong);
	if (problem)
		return cli_usage("unknown option '%s'; 'lanactl help' lists them", wrong);

	argc -= first;
	argv += first;
	if (args->options.version) {
		out_string("version", LANA_VERSION);
		out_as("lanactl %s", LANA_VERSION);
		return CLI_DONE;
	}
	if (args->options.help) {
		command = cli_command_find(argc, argv, &used);
		return run(args, &help_command, command ? used : argc, argv);
	}
	if (!argc)
		return cli_usage("no command; 'lanactl help' lists them");

	command = cli_command_find(argc, argv, &used);
	if (!command)
		return unknown_command(argc, argv);
	return run(args, command, argc - used, argv + used);
}

int main(int argc, char **argv)
{
	struct cli_args args = {
		.options.stack.bpffs = getenv("LANA_BPFFS"),
		.options.stack.types = getenv("LANA_TYPES"),
	};
	enum cli_status status;
	int err;

	setlocale(LC_CTYPE, "");
	status = dispatch(argc, argv, &args);
	err = out_print(args.options.json);
	if (err && !status) {
		fprintf(stderr, "lanactl: cannot write the output: %s\n", strerror(-err));
		status = CLI_REFUSED;
	}
	return status;
}
