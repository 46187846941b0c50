// SPDX-License-Identifier: GPL-2.0-only
/*
 * lanactl help completion, help complete - completion for bash
 *
 * The script that the shell loads only asks "help complete" for the words that may stand where
 * the cursor is: the table of commands knows the grammar, the stack knows the names.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "topo.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define OBJECT_SUFFIX	  ".bpf.o"

/* What is being completed. */
struct cursor {
	struct cli_args args;	  /* what stands before the word */
	const char *word;	  /* as far as it was typed */
	struct lana_stack *stack; /* NULL: there is none, or it may not be read */
};

/* The candidates so far, each of them once. */
static char **offered;
static size_t offered_count;

static bool was_offered(const char *candidate)
{
	for (size_t i = 0; i < offered_count; i++)
		if (!strcmp(offered[i], candidate))
			return true;
	return false;
}

static void offer(const struct cursor *cursor, const char *candidate)
{
	char **larger, *copy;

	if (strncmp(candidate, cursor->word, strlen(cursor->word)) || was_offered(candidate))
		return;
	larger = reallocarray(offered, offered_count + 1, sizeof(*offered));
	if (!larger)
		return;
	offered = larger;
	copy = strdup(candidate);
	if (!copy)
		return;
	offered[offered_count++] = copy;
	out_string(NULL, candidate);
}

static void forget_offers(void)
{
	while (offered_count)
		free(offered[--offered_count]);
	free(offered);
	offered = NULL;
}

static void offer_blocks(const struct cursor *cursor, bool devices)
{
	_cleanup_free_ struct lana_block_info *blocks = NULL;
	size_t count = 0;

	if (!cursor->stack || lana_block_list(cursor->stack, NULL, &blocks, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++)
		if (!devices || blocks[i].device.hook != LANA_HOOK_NONE)
			offer(cursor, blocks[i].name);
}

/* Blocks of types that publish events, or (hears) that are told of them. */
static void offer_parties(const struct cursor *cursor, bool hears)
{
	_cleanup_free_ struct lana_block_info *blocks = NULL;
	_cleanup_free_ struct lana_type_info *types = NULL;
	size_t blocks_count = 0, types_count = 0;

	if (!cursor->stack || lana_block_list(cursor->stack, NULL, &blocks, &blocks_count, NULL) ||
	    lana_type_list(cursor->stack, &types, &types_count, NULL))
		return;
	for (size_t i = 0; i < blocks_count; i++)
		for (size_t j = 0; j < types_count; j++)
			if (!strcmp(types[j].name, blocks[i].type) &&
			    types[j].version == blocks[i].type_version &&
			    (hears ? types[j].hears : types[j].events_count > 0))
				offer(cursor, blocks[i].name);
}

static void complete_publisher(const struct cursor *cursor)
{
	offer_parties(cursor, false);
}

static void complete_block(const struct cursor *cursor)
{
	const struct cli_command *command = cursor->args.words.command;

	if (command == &subscribe_command || command == &unsubscribe_command)
		offer_parties(cursor, true);
	else if (!cursor->args.words.command->names_new)
		offer_blocks(cursor, false);
}

/* This process only completes a word, so that it may move to the network namespace for good. */
static bool enter_netns(const char *netns)
{
	char path[512];
	int fd, err;

	if (!netns)
		return true;
	snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	err = setns(fd, CLONE_NEWNET);
	close(fd);
	return !err;
}

static void complete_device(const struct cursor *cursor)
{
	struct if_nameindex *devices;

	if (!cursor->args.words.command->names_new) {
		offer_blocks(cursor, true);
		return;
	}
	if (!enter_netns(cursor->args.options.stack.netns))
		return;
	devices = if_nameindex();
	for (size_t i = 0; devices && devices[i].if_index; i++)
		offer(cursor, devices[i].if_name);
	if (devices)
		if_freenameindex(devices);
}

static void offer_directory(const struct cursor *cursor, const char *path, const char *suffix,
			    void (*offer_name)(const struct cursor *cursor, const char *name))
{
	char name[NAME_MAX + 1];
	struct dirent *entry;
	size_t length;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		length = strlen(entry->d_name);
		if (*entry->d_name == '.' || length <= strlen(suffix))
			continue;
		length -= strlen(suffix);
		if (strcmp(entry->d_name + length, suffix))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)length, entry->d_name);
		offer_name(cursor, name);
	}
	closedir(dir);
}

/* Types of blocks; blocks of type "device" are made by 'vlink hook' alone. */
static void offer_type(const struct cursor *cursor, const char *type)
{
	const struct cli_command *command = cursor->args.words.command;

	if (command == &unload_command || command == &types_command || strcmp(type, "device"))
		offer(cursor, type);
}

/* Types that could be loaded. */
static void offer_folders(const struct cursor *cursor)
{
	const char *folders = cursor->args.options.stack.types;
	char path[PATH_MAX];
	size_t length;

	for (folders = folders ? folders : LANA_TYPES_DIR; *folders; folders += length) {
		folders += *folders == ':';
		length = strcspn(folders, ":");
		snprintf(path, sizeof(path), "%.*s", (int)length, folders);
		offer_directory(cursor, path, OBJECT_SUFFIX, offer_type);
	}
}

static void complete_type(const struct cursor *cursor)
{
	const struct cli_command *command = cursor->args.words.command;
	_cleanup_free_ struct lana_type_info *types = NULL;
	size_t count = 0;

	if (command != &unload_command && command != &types_command)
		offer_folders(cursor);
	if (!cursor->stack || lana_type_list(cursor->stack, &types, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++)
		offer_type(cursor, types[i].name);
}

/* The shell completes names of files better than we could. */
static void complete_file(const struct cursor *cursor)
{
	(void)cursor;
	out_string(NULL, ":files");
}

/*
 * The newest version of a type, or (type NULL) the version that a block is of; false: there is
 * none.
 */
static bool find_type(const struct cursor *cursor, const char *type, const char *block,
		      struct lana_type_info *found)
{
	_cleanup_free_ struct lana_block_info *blocks = NULL;
	_cleanup_free_ struct lana_type_info *types = NULL;
	size_t count = 0, i;
	bool any = false;

	if (!cursor->stack || !(type || block))
		return false;
	if (!type && lana_block_list(cursor->stack, block, &blocks, &count, NULL))
		return false;
	if (lana_type_list(cursor->stack, &types, &count, NULL))
		return false;
	for (i = 0; i < count; i++) {
		if (strcmp(types[i].name, type ? type : blocks->type))
			continue;
		if (!type && types[i].version != blocks->type_version)
			continue;
		*found = types[i];
		any = true;
	}
	return any;
}

static void complete_port(const struct cursor *cursor)
{
	const bool egress = cli_flag(&cursor->args, "egress");
	struct lana_type_info type;

	if (!find_type(cursor, NULL, cli_word(&cursor->args, egress ? "UPPER" : "LOWER"), &type))
		return;
	for (size_t i = 0; i < type.ports_count; i++)
		offer(cursor, type.ports[i]);
}

/* Is there a word that begins with key already? */
static bool was_said(const struct cursor *cursor, const char *key)
{
	const char *const *word;

	for (word = cli_list(&cursor->args); *word; word++)
		if (!strncmp(*word, key, strlen(key)))
			return true;
	return false;
}

static void offer_keys(const struct cursor *cursor, const char *suffix)
{
	char key[LANA_NAME_MAX + 1];
	struct lana_type_info type;

	if (!find_type(cursor, cli_word(&cursor->args, "TYPE"), cli_word(&cursor->args, "NAME"),
		       &type))
		return;
	for (size_t i = 0; i < type.config_count; i++) {
		snprintf(key, sizeof(key), "%s%s", type.config[i].name, suffix);
		if (!was_said(cursor, key))
			offer(cursor, key);
	}
}

static void complete_key(const struct cursor *cursor)
{
	offer_keys(cursor, "");
}

static void complete_assignment(const struct cursor *cursor)
{
	offer_keys(cursor, "=");
}

static void complete_netns(const struct cursor *cursor)
{
	offer_directory(cursor, "/run/netns", "", offer);
}

static void complete_stack(const struct cursor *cursor)
{
	const char *bpffs = cursor->args.options.stack.bpffs;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lana", bpffs ? bpffs : "/sys/fs/bpf");
	offer_directory(cursor, path, "", offer);
}

/* The first words of the commands, or the second words of those that begin with first. */
static void offer_commands(const struct cursor *cursor, const char *first)
{
	const size_t skip = first ? strlen(first) : 0;
	char word[CLI_TOKEN_MAX];
	const char *name;

	for (size_t i = 0; cli_commands[i]; i++) {
		name = cli_commands[i]->name;
		if (cli_commands[i]->hidden || strncmp(name, first ? first : "", skip))
			continue;
		if (first && name[skip] != ' ')
			continue;
		name += first ? skip + 1 : 0;
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, " "), name);
		offer(cursor, word);
	}
}

static void complete_command(const struct cursor *cursor)
{
	const char *const *words = cli_list(&cursor->args);

	if (!words[0] || !words[1])
		offer_commands(cursor, words[0]);
}

static void complete_vlink(const struct cursor *cursor)
{
	_cleanup_free_ struct lana_vlink_info *vlinks = NULL;
	size_t count = 0;

	if (!cursor->stack || lana_vlink_list(cursor->stack, &vlinks, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++)
		offer(cursor, vlinks[i].name);
}

static void complete_profile(const struct cursor *cursor)
{
	offer(cursor, "imix");
	offer(cursor, "rfc2544");
}

/* What the names of values in synopses and options stand for. */
static const struct {
	const char *token;
	void (*complete)(const struct cursor *cursor);
} values[] = {
	{ "COMMAND", complete_command },      { "DEV", complete_device },
	{ "FILE.bpf.o", complete_file },      { "KEY", complete_key },
	{ "KEY=VALUE", complete_assignment }, { "LOWER", complete_block },
	{ "NAME", complete_block },	      { "PUBLISHER", complete_publisher },
	{ "NETNS", complete_netns },	      { "PORT", complete_port },
	{ "CAPTURE", complete_file },	      { "PROFILE", complete_profile },
	{ "STACK", complete_stack },	      { "TYPE", complete_type },
	{ "UPPER", complete_block },	      { "VLINK", complete_vlink },
};

static void offer_name(const void *cookie, const char *name)
{
	offer(cookie, name);
}

static void complete_token(void *cookie, const char *token)
{
	const struct cursor *cursor = cookie;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (strcmp(values[i].token, token))
			continue;
		values[i].complete(cursor);
		return;
	}
	if (*token >= 'a' && *token <= 'z')
		offer(cursor, token);
	else
		topo_complete(&cursor->args, token, offer_name, cursor);
}

static void complete_options(const struct cursor *cursor)
{
	char text[CLI_TOKEN_MAX];

	for (const struct cli_option *option = cli_options; option->name; option++) {
		snprintf(text, sizeof(text), "-%c", option->letter);
		offer(cursor, text);
		snprintf(text, sizeof(text), "--%s", option->name);
		offer(cursor, text);
	}
}

static void complete_words(struct cursor *cursor, int count, char **words)
{
	const struct cli_command *command;
	char why[256];
	int used, i;

	if (*cursor->word == '-') {
		complete_options(cursor);
		return;
	}
	if (count < 2)
		offer_commands(cursor, count ? words[0] : NULL);
	command = cli_command_find(count, words, &used);
	if (!command)
		return;

	cli_words_init(&cursor->args.words, command);
	for (i = used; i < count; i++)
		if (cli_words_take(&cursor->args.words, words[i], why))
			break;
	if (i == count) {
		cursor->args.options.stack.create = false;
		if (lana_stack_open(&cursor->args.options.stack, &cursor->stack, NULL))
			cursor->stack = NULL;
		cli_words_next(&cursor->args.words, complete_token, cursor);
	}
	if (cursor->stack)
		lana_stack_close(cursor->stack);
	cli_words_free(&cursor->args.words);
}

static void complete_option_value(const struct cursor *cursor, const char *wrong)
{
	for (const struct cli_option *option = cli_options; option->name; option++)
		if (option->letter == wrong[1] && option->value)
			complete_token((void *)cursor, option->value);
}

static enum cli_status run_complete(const struct cli_args *args)
{
	const size_t count = args->words.list_count;
	const char *const *words = cli_list(args);
	struct cursor cursor = {
		.args.options.stack.bpffs = args->options.stack.bpffs,
		.args.options.stack.types = args->options.stack.types,
		.word = count ? words[count - 1] : "",
	};
	_cleanup_free_ char **argv = calloc(count + 2, sizeof(*argv));
	char wrong[CLI_TOKEN_MAX];
	int argc = count ? count : 1, first, problem;

	if (!argv)
		return cli_error("out of memory");
	argv[0] = (char *)"lanactl";
	for (int i = 1; i < argc; i++)
		argv[i] = (char *)words[i - 1];

	out_open_list("candidates", OUT_LINES);
	problem = cli_options_parse(argc, argv, &cursor.args.options, &first, wrong);
	if (problem == ':')
		complete_option_value(&cursor, wrong);
	else if (!problem)
		complete_words(&cursor, argc - first, argv + first);
	out_close();
	forget_offers();
	return CLI_DONE;
}

const struct cli_command help_complete_command = {
	.name = "help complete",
	.args = "[WORD ...]",
	.summary = "list what may stand in place of the last word",
	.details = "List what may stand in place of the last WORD; ':files' means names of "
		   "files.",
	.hidden = true,
	.run = run_complete,
};

/*
 * The line is split at blanks, not by COMP_WORDS, which would split KEY=VALUE. A word that ends
 * in '=' wants its value at once.
 */
static const char script[] =
	"# Completion of lanactl(8) for bash. Made by: lanactl help completion\n"
	"# shellcheck shell=bash\n"
	"_lanactl()\n"
	"{\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} words\n"
	"\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line == *[[:blank:]] ]] && words+=(\"\")\n"
	"\tmapfile -t COMPREPLY < <(\"$1\" help complete -- \"${words[@]:1}\" 2>/dev/null)\n"
	"\tif [[ ${#COMPREPLY[@]} -gt 0 && ${COMPREPLY[-1]} == :files ]]; then\n"
	"\t\tcompopt -o default\n"
	"\t\tunset 'COMPREPLY[-1]'\n"
	"\tfi\n"
	"\t[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
	"}\n"
	"complete -F _lanactl lanactl\n";

static enum cli_status run_completion(const struct cli_args *args)
{
	(void)args;
	out_string("completion", script);
	return CLI_DONE;
}

const struct cli_command help_completion_command = {
	.name = "help completion",
	.args = "",
	.summary = "print the completion for bash",
	.details = "Print the script that makes bash complete lanactl's words.",
	.hidden = true,
	.run = run_completion,
};
