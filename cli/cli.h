/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cli.h - what the commands of lanactl have in common
 *
 * A command is a row of the table in main.c. Its help, its paragraph in the manual page, its
 * completion and the check of its words all come from that row.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <lana/lana.h>

#include "out.h"

#define _cleanup_(f)	__attribute__((cleanup(f)))
#define _cleanup_free_	_cleanup_(cli_freep)
#define _cleanup_stack_ _cleanup_(cli_stack_closep)

#define CLI_SLOTS_MAX	16
#define CLI_TOKEN_MAX	32

/* What a command returns, and what lanactl exits with. */
enum cli_status {
	CLI_DONE,
	CLI_REFUSED, /* one line was said; nothing changed */
	CLI_USAGE,   /* the words make no sense; one line was said */
};

struct cli_args;

struct cli_command {
	const char *name; /* one word, or two: "vlink hook" */
	/*
	 * The words that follow, as the synopsis prints them: WORD stands for a value, word for
	 * itself; [..] may be left out; a|b is one of them; ... repeats what is before it.
	 * Values come first and in order, keywords follow in any order.
	 */
	const char *args;
	const char *brief;	     /* the same for lists and errors, if args is long; or NULL */
	const char *summary;	     /* for the list of commands: no capital, no full stop */
	const char *details;	     /* paragraphs, parted by an empty line; 'bold' is in quotes */
	const char *const *examples; /* what to type behind "lanactl"; ends in NULL */
	bool hidden;		     /* left out of help and manual */
	bool foreign;		     /* options behind it are not lanactl's */
	bool names_new;		     /* NAME, or DEV, need not be one that the stack has */
	enum cli_status (*run)(const struct cli_args *args);
};

/* One element of cli_command.args, and what the user said for it. */
struct cli_slot {
	char keywords[CLI_TOKEN_MAX]; /* "ingress|egress", "port", or empty */
	char value[CLI_TOKEN_MAX];    /* "UPPER", "PORT", or empty */
	bool optional, repeat;
	const char *keyword; /* the one that was said */
	const char *word;    /* the value that was said; the last one, if it repeats */
};

/* The words of a command as they are matched against its synopsis, one after the other. */
struct cli_words {
	const struct cli_command *command;
	struct cli_slot slots[CLI_SLOTS_MAX];
	size_t count;
	struct cli_slot *awaits; /* its keyword was said, its value comes next */
	const char **list;	 /* the words of the slot that repeats, ends in NULL; owned */
	size_t list_count;
};

struct cli_options {
	bool json, help, version;
	struct lana_stack_options stack;
};

struct cli_args {
	struct cli_options options;
	struct cli_words words;
};

/* A global option. */
struct cli_option {
	char letter;
	const char *name;
	const char *value; /* NULL: takes none */
	const char *summary;
};

struct cli_variable {
	const char *name;
	const char *summary;
};

/* What a command's synopsis says in one short line. */
static inline const char *cli_brief(const struct cli_command *command)
{
	return command->brief ? command->brief : command->args;
}

/* main.c; each table ends in a row without a name */
extern const struct cli_command *const cli_commands[];
extern const struct cli_option cli_options[];
extern const struct cli_variable cli_variables[];

/*
 * Take the global options out of argv, which is permuted so that argv[*first] begins the rest.
 * Returns 0; or '?' for an unknown option and ':' for one without its value, wrong being the
 * option in question and the rest parsed all the same.
 */
int cli_options_parse(int argc, char **argv, struct cli_options *options, int *first,
		      char wrong[CLI_TOKEN_MAX]);

/* The command that the first one or two of the words name, and how many they are; or NULL. */
const struct cli_command *cli_command_find(int count, char *const *words, int *used);

/* error.c: say one line and return the status to exit with */
enum cli_status cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
enum cli_status cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What liblana refused, in its own words. */
enum cli_status cli_refused(int err, const struct lana_error *error);

/* conversions.c: a table of what becomes of the state of blocks that are replaced */
void cli_show_conversions(const struct lana_commit_result *result);

/* stack.c: false: the reason was said */
bool cli_stack_open(const struct cli_args *args, struct lana_stack **stack);
bool cli_stack_create(const struct cli_args *args, struct lana_stack **stack);
/* As cli_stack_open(), but neither a word nor a stack if there is none. */
bool cli_stack_try(const struct cli_args *args, struct lana_stack **stack);
const char *cli_stack_name(const struct cli_args *args);

/*
 * file.c: what is in a file, and a 0 behind it; "-" is standard input. The caller frees it. NULL:
 * errno says why.
 */
char *cli_read_file(const char *name, size_t *size);
const char *cli_file_name(const char *name); /* for messages */

/* stream.c: commands that print time and again, until they are told to end */
void cli_stream_begin(void);
bool cli_stream_ended(void);
/* Print what was described. False: there is no use going on; *status says how it ends. */
bool cli_stream_print(const struct cli_args *args, enum cli_status *status);
/* The number said for "N", if any was, into *value. False: it is none, which was said. */
bool cli_number(const struct cli_args *args, const char *name, double least, double *value);
/* The same of a whole number from 1 to most. */
bool cli_count(const struct cli_args *args, const char *name, uint64_t most, uint64_t *count);
/* The same of a time, which has a unit: "10s", "500ms", "20us". */
bool cli_time(const struct cli_args *args, const char *name, uint64_t *ns);
/* As cli_count(), but from 0 on. */
bool cli_whole(const struct cli_args *args, const char *name, uint64_t most, uint64_t *value);

/* capture.c: what captures of all kinds have in common */

/* "snaplen" and "count", where they are said. False: they, or -j, do not fit, which was said. */
bool cli_capture_words(const struct cli_args *args, uint64_t *snaplen, uint64_t *most);
/* A file, unless it is standard output or NULL. */
void cli_capture_close(FILE **file);

/* get.c: options whose defaults are in effect, those or one: in JSON only. */
void cli_show_in_effect(const struct lana_block_info *block, const char *key);

/* words.c */
void cli_words_init(struct cli_words *words, const struct cli_command *command);
/* -EINVAL: the word does not fit, and *why says so. */
int cli_words_take(struct cli_words *words, const char *word, char why[256]);
/*
 * Is anything missing? A value that must be said and stands behind one that may be left out has the
 * last word.
 */
int cli_words_end(struct cli_words *words, char why[256]);
/* Call visit for all that may come next: keywords and names of values, one at a time. */
void cli_words_next(const struct cli_words *words, void (*visit)(void *cookie, const char *token),
		    void *cookie);
void cli_words_free(struct cli_words *words);

/* The value said for "UPPER", or NULL. */
const char *cli_word(const struct cli_args *args, const char *name);
/* Was this keyword said? */
bool cli_flag(const struct cli_args *args, const char *keyword);
/* The words of the slot that repeats, ended by NULL. */
const char *const *cli_list(const struct cli_args *args);

/* complete.c, man.c */
extern const struct cli_command help_complete_command;
extern const struct cli_command help_completion_command;
extern const struct cli_command help_man_command;

/* a file each */
extern const struct cli_command add_command;
extern const struct cli_command apply_command;
extern const struct cli_command bind_command;
extern const struct cli_command capture_command;
extern const struct cli_command check_command;
extern const struct cli_command diff_command;
extern const struct cli_command doctor_command;
extern const struct cli_command export_command;
extern const struct cli_command filter_command;
extern const struct cli_command filter_asm_command;
extern const struct cli_command filter_code_command;
extern const struct cli_command flush_command;
extern const struct cli_command fuse_command;
extern const struct cli_command gen_command;
extern const struct cli_command gen_block_command;
extern const struct cli_command get_command;
extern const struct cli_command help_command;
extern const struct cli_command hot_command;
extern const struct cli_command load_command;
extern const struct cli_command monitor_command;
extern const struct cli_command paths_command;
extern const struct cli_command rates_command;
extern const struct cli_command replace_command;
extern const struct cli_command rm_command;
extern const struct cli_command set_command;
extern const struct cli_command show_command;
extern const struct cli_command show_block_command;
extern const struct cli_command show_dot_command;
extern const struct cli_command show_keys_command;
extern const struct cli_command show_peers_command;
extern const struct cli_command show_rules_command;
extern const struct cli_command sink_command;
extern const struct cli_command socket_serve_command;
extern const struct cli_command socket_show_command;
extern const struct cli_command stats_command;
extern const struct cli_command stats_off_command;
extern const struct cli_command stats_on_command;
extern const struct cli_command subscribe_command;
extern const struct cli_command top_command;
extern const struct cli_command topo_apply_command;
extern const struct cli_command topo_capture_command;
extern const struct cli_command topo_dot_command;
extern const struct cli_command topo_down_command;
extern const struct cli_command topo_exec_command;
extern const struct cli_command topo_generate_command;
extern const struct cli_command topo_import_command;
extern const struct cli_command topo_link_command;
extern const struct cli_command topo_set_command;
extern const struct cli_command topo_ping_command;
extern const struct cli_command topo_plan_command;
extern const struct cli_command topo_run_command;
extern const struct cli_command topo_schema_command;
extern const struct cli_command topo_shell_command;
extern const struct cli_command topo_show_command;
extern const struct cli_command topo_up_command;
extern const struct cli_command topo_validate_command;
extern const struct cli_command trace_command;
extern const struct cli_command types_command;
extern const struct cli_command unbind_command;
extern const struct cli_command unload_command;
extern const struct cli_command unsubscribe_command;
extern const struct cli_command vlink_add_command;
extern const struct cli_command vlink_hook_command;
extern const struct cli_command vlink_rm_command;
extern const struct cli_command vlink_show_command;
extern const struct cli_command vlink_unhook_command;
extern const struct cli_command link_command;
extern const struct cli_command worker_command;

static inline void cli_freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cli_stack_closep(struct lana_stack **stack)
{
	if (*stack)
		lana_stack_close(*stack);
}

#endif
