// SPDX-License-Identifier: GPL-2.0-only
/* control - what can be said during a call */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "below.h"
#include "clock.h"
#include "control.h"
#include "fifo.h"
#include "keys.h"
#include "report.h"

#define WORDS_MAX 64

static struct {
	struct control_options options;
	struct call *call;
	int fd;
	bool made, quit; /* the FIFO was made here; the end was asked for */
	bool keys;	 /* on a terminal: keys are commands */
	char line[CONTROL_LINE_MAX];
	size_t length;
	bool too_long;
} control = { .fd = -1 };

/* ---- commands ------------------------------------------------------------ */

static enum cli_status done(int err, const struct lana_error *error)
{
	return err ? cli_refused(err, error) : CLI_DONE;
}

/* False: it was said why not. */
static bool may_change(void)
{
	if (!control.options.stack)
		cli_error("the call's socket is from a server (--from): who has the privileges "
			  "changes what is below it, by lanactl");
	return control.options.stack;
}

static enum cli_status run_insert(const struct cli_args *args)
{
	struct lana_error error = {};

	if (!may_change())
		return CLI_REFUSED;
	return done(below_insert(control.options.stack, control.options.block,
				 cli_word(args, "NAME"), cli_word(args, "TYPE"), cli_list(args),
				 &error),
		    &error);
}

static enum cli_status run_remove(const struct cli_args *args)
{
	struct lana_error error = {};

	if (!may_change())
		return CLI_REFUSED;
	return done(below_remove(control.options.stack, control.options.block,
				 cli_word(args, "NAME"), &error),
		    &error);
}

static enum cli_status run_replace(const struct cli_args *args)
{
	struct lana_error error = {};
	char name[LANA_NAME_MAX];

	if (!may_change())
		return CLI_REFUSED;
	below_resolve(control.options.stack, control.options.block, cli_word(args, "NAME"), name);
	return done(lana_block_replace(control.options.stack, name, cli_word(args, "TYPE"),
				       cli_list(args), cli_flag(args, "drop-state"), &error),
		    &error);
}

static enum cli_status run_set(const struct cli_args *args)
{
	struct lana_error error = {};
	char name[LANA_NAME_MAX];

	if (!may_change())
		return CLI_REFUSED;
	below_resolve(control.options.stack, control.options.block, cli_word(args, "NAME"), name);
	return done(lana_block_set(control.options.stack, name, cli_list(args), &error), &error);
}

/*
 * The two ends have to be different sides; by their addresses, they know which is which. False: the
 * other one's is not known.
 */
static bool find_side(bool *first)
{
	static const uint8_t unknown[6];
	struct call_stats stats;

	call_read(control.call, false, &stats);
	*first = memcmp(stats.own, stats.peer, sizeof(stats.peer)) < 0;
	return memcmp(stats.peer, unknown, sizeof(unknown));
}

static enum cli_status run_key(const struct cli_args *args)
{
	struct lana_error error = {};
	const char *side = cli_word(args, "SIDE");
	bool first = side && !strcmp(side, "a");

	if (!may_change())
		return CLI_REFUSED;
	if (side && !first && strcmp(side, "b"))
		return cli_usage("'%.64s' is no SIDE: a or b", side);
	if (!side && !find_side(&first))
		return cli_error("the other end's address is not known yet: say side a or side b");
	return done(below_key(control.options.stack, control.options.block, cli_word(args, "FILE"),
			      first, &error),
		    &error);
}

static enum cli_status run_encrypt(const struct cli_args *args)
{
	struct lana_error error = {};

	if (!may_change())
		return CLI_REFUSED;
	return done(below_encrypt(control.options.stack, control.options.block,
				  !cli_flag(args, "off"), &error),
		    &error);
}

static enum cli_status run_mute(const struct cli_args *args)
{
	call_mute(control.call, !cli_flag(args, "off"));
	return CLI_DONE;
}

static enum cli_status run_stats(const struct cli_args *args)
{
	struct call_stats stats;

	(void)args;
	call_read(control.call, false, &stats);
	report_now(&stats, control.options.json);
	return CLI_DONE;
}

static enum cli_status run_quit(const struct cli_args *args)
{
	(void)args;
	control.quit = true;
	return CLI_DONE;
}

static const struct cli_command insert_row = {
	.name = "insert",
	.args = "NAME TYPE [KEY=VALUE ...]",
	.summary = "put a new block right below the call",
	.details = "Put a new block of that type right below the call, on both paths, in one "
		   "commit. What led to the call leads to the block, and its first ports lead on. "
		   "It is the call's own, and goes with it.",
	.run = run_insert,
};

static const struct cli_command remove_row = {
	.name = "remove",
	.args = "NAME",
	.summary = "take a block out",
	.details = "Take a block out: what led to it leads to where its first port led.",
	.run = run_remove,
};

static const struct cli_command replace_row = {
	.name = "replace",
	.args = "NAME TYPE [KEY=VALUE ...] [drop-state]",
	.summary = "put another type behind a block's name",
	.details = "Put another type behind a block's name, as 'lanactl' does.",
	.run = run_replace,
};

static const struct cli_command set_row = {
	.name = "set",
	.args = "NAME KEY=VALUE ...",
	.summary = "change a block's options",
	.details = "Change a block's options, all at one instant.",
	.run = run_set,
};

static const struct cli_command key_row = {
	.name = "key",
	.args = "FILE [side SIDE]",
	.summary = "take in what comes encrypted, too",
	.details =
		"Put a block of type crypt below the call that decrypts what comes encrypted by "
		"the key in FILE, and lets through what comes in clear; or give it that key, if it "
		"is there. Say it at both ends, and wait for 'done' at both, before 'encrypt' at "
		"either of them. SIDE is a at one end and b at the other; if it is not said the "
		"one with the lower Ethernet address is a. For other commands the block's NAME is "
		"crypt: 'remove' takes it out.",
	.run = run_key,
};

static const struct cli_command encrypt_row = {
	.name = "encrypt",
	.args = "[on|off]",
	.summary = "send encrypted, or in clear",
	.details = "Lead what is sent through the block that 'key' has put there, or past it. The "
		   "two ends need not do so at the same time.",
	.run = run_encrypt,
};

static const struct cli_command mute_row = {
	.name = "mute",
	.args = "[on|off]",
	.summary = "send silence instead of what is heard here",
	.details = "Send silence instead of what is heard here, or no more.",
	.run = run_mute,
};

static const struct cli_command stats_row = {
	.name = "stats",
	.args = "",
	.summary = "print how the call is",
	.details = "Print how the call is, since its beginning.",
	.run = run_stats,
};

static const struct cli_command quit_row = {
	.name = "quit",
	.args = "",
	.summary = "hang up",
	.details = "Hang up, as SIGINT and SIGTERM do.",
	.run = run_quit,
};

const struct cli_command *const control_commands[] = {
	&insert_row,  &remove_row, &replace_row, &set_row,  &key_row,
	&encrypt_row, &mute_row,   &stats_row,	 &quit_row, NULL,
};

/* ---- lines ------------------------------------------------------------ */

static const struct cli_command *find(const char *name)
{
	for (size_t i = 0; control_commands[i]; i++)
		if (!strcmp(control_commands[i]->name, name))
			return control_commands[i];
	return NULL;
}

static enum cli_status run_words(char **words, size_t count)
{
	const struct cli_command *command = find(words[0]);
	struct cli_args args = {};
	enum cli_status status = CLI_DONE;
	char why[256];

	if (!command)
		return cli_usage("no command '%.64s'", words[0]);
	cli_words_init(&args.words, command);
	for (size_t i = 1; i < count && !status; i++)
		if (cli_words_take(&args.words, words[i], why))
			status = cli_usage("%s", why);
	if (!status && cli_words_end(&args.words, why))
		status = cli_usage("%s", why);
	if (!status)
		status = command->run(&args);
	cli_words_free(&args.words);
	return status;
}

/* Words are parted by blanks; within quotes they may have some. */
static size_t split(char *line, char **words)
{
	size_t count = 0;
	char *to = line;

	while (count < WORDS_MAX) {
		bool quoted = false;

		while (*line == ' ' || *line == '\t')
			line++;
		if (!*line)
			break;
		words[count++] = to;
		for (; *line && (quoted || (*line != ' ' && *line != '\t')); line++) {
			if (*line == '"')
				quoted = !quoted;
			else
				*to++ = *line;
		}
		if (*line)
			line++;
		*to++ = 0;
	}
	return count;
}

static void run_line(char *line)
{
	char *words[WORDS_MAX], said[CONTROL_LINE_MAX];
	uint64_t began = clock_now();
	enum cli_status status;
	size_t count;

	snprintf(said, sizeof(said), "%s", line);
	count = split(line, words);
	if (!count || *words[0] == '#')
		return;
	status = run_words(words, count);
	/* A refusal is to be printed already. */
	if (!status || control.options.json)
		out_string("command", said);
	if (!status) {
		out_as("%s: done in %.1f ms", said, (clock_now() - began) / 1e6);
		out_real("us", (clock_now() - began) / 1e3);
		out_hide();
	}
	out_print_part(control.options.json);
}

static void take_byte(char byte)
{
	if (byte != '\n') {
		if (control.length < sizeof(control.line) - 1)
			control.line[control.length++] = byte;
		else
			control.too_long = true;
		return;
	}
	control.line[control.length] = 0;
	if (control.too_long)
		snprintf(control.line, sizeof(control.line), "line-that-is-too-long");
	control.length = 0;
	control.too_long = false;
	run_line(control.line);
}

/* ---- input ------------------------------------------------------------ */

void control_say(const char *command)
{
	char line[CONTROL_LINE_MAX];

	snprintf(line, sizeof(line), "%s", command);
	run_line(line);
}

void control_hang_up(void)
{
	control.quit = true;
}

void control_read(void)
{
	char bytes[256];
	ssize_t got = read(control.fd, bytes, sizeof(bytes));

	/* The end of standard input is no reason to hang up. */
	if (!got || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		if (control.fd != STDIN_FILENO)
			close(control.fd);
		control.fd = -1;
	}
	if (got > 0 && control.keys)
		keys_take(bytes, got, control.call, &control.options);
	for (ssize_t i = 0; i < got && !control.keys; i++)
		take_byte(bytes[i]);
}

/* ---- beginning and end ------------------------------------------------------------ */

enum cli_status control_open(const struct control_options *options)
{
	control.options = *options;
	if (options->path)
		return fifo_open(options->path, &control.fd, &control.made);
	if (!options->listen)
		return CLI_DONE;
	control.fd = STDIN_FILENO;
	control.keys = keys_open(STDIN_FILENO);
	return CLI_DONE;
}

void control_begin(struct call *call)
{
	control.call = call;
}

void control_close(void)
{
	/* Before it is closed: who opened a FIFO that nobody reads would wait for ever. */
	if (control.made)
		unlink(control.options.path);
	control.made = false;
	if (control.keys)
		keys_close();
	control.keys = false;
	if (control.fd != STDIN_FILENO && control.fd >= 0)
		close(control.fd);
	control.fd = -1;
}

int control_fd(void)
{
	return control.fd;
}

bool control_quit(void)
{
	return control.quit;
}
