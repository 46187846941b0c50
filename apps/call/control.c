// SPDX-License-Identifier: GPL-2.0-only
/* control - what can be said during a call */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "below.h"
#include "clock.h"
#include "control.h"
#include "report.h"

#define LINE_MAX_BYTES 1024
#define WORDS_MAX      64

static struct {
	struct control_options options;
	struct call *call;
	struct link *link;
	int fd;
	bool made, quit;     /* the FIFO was made here; the end was asked for */
	bool keys, inserted; /* on a terminal: keys are commands; 'f' has inserted its block */
	bool encrypted;
	struct termios terminal; /* as it was */
	char line[LINE_MAX_BYTES];
	size_t length;
	bool too_long;
} control = { .fd = -1 };

/* ---- commands ------------------------------------------------------------ */

static enum cli_status done(int err, const struct lana_error *error)
{
	return err ? cli_refused(err, error) : CLI_DONE;
}

static enum cli_status run_insert(const struct cli_args *args)
{
	struct lana_error error = {};

	return done(below_insert(link_stack(control.link), control.options.block,
				 cli_word(args, "NAME"), cli_word(args, "TYPE"), cli_list(args),
				 &error),
		    &error);
}

static enum cli_status run_remove(const struct cli_args *args)
{
	struct lana_error error = {};

	return done(below_remove(link_stack(control.link), cli_word(args, "NAME"), &error), &error);
}

static enum cli_status run_replace(const struct cli_args *args)
{
	struct lana_error error = {};

	return done(lana_block_replace(link_stack(control.link), cli_word(args, "NAME"),
				       cli_word(args, "TYPE"), cli_list(args),
				       cli_flag(args, "drop-state"), &error),
		    &error);
}

static enum cli_status run_set(const struct cli_args *args)
{
	struct lana_error error = {};

	return done(lana_block_set(link_stack(control.link), cli_word(args, "NAME"), cli_list(args),
				   &error),
		    &error);
}

static void key_block(char name[LANA_NAME_MAX])
{
	snprintf(name, LANA_NAME_MAX, "%.20s-crypt", control.options.block);
}

static enum cli_status run_key(const struct cli_args *args)
{
	struct lana_error error = {};
	char name[LANA_NAME_MAX];
	struct call_stats stats;
	bool first;

	/* The two ends have to be different sides; by their addresses, they know which is which. */
	call_read(control.call, false, &stats);
	first = memcmp(link_address(control.link), stats.peer, sizeof(stats.peer)) < 0;
	if (cli_flag(args, "side"))
		first = !strcmp(cli_word(args, "SIDE"), "a");
	key_block(name);
	return done(below_key(link_stack(control.link), control.options.block, name,
			      cli_word(args, "FILE"), first, &error),
		    &error);
}

static enum cli_status run_encrypt(const struct cli_args *args)
{
	struct lana_error error = {};
	char name[LANA_NAME_MAX];
	bool on = !cli_flag(args, "off");
	int err;

	key_block(name);
	err = below_encrypt(link_stack(control.link), name, on, &error);
	if (!err)
		control.encrypted = on;
	return done(err, &error);
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
		   "commit. What led to the call leads to the block, and its first ports lead on.",
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
		"the "
		"key in FILE, and lets through what comes in clear. Say it at both ends before "
		"'encrypt' at either of them. SIDE is a at one end and b at the other; if it is "
		"not said the one with the lower Ethernet address is a. The block is called as the "
		"call is, with -crypt behind it; 'remove' takes it out.",
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
	char *words[WORDS_MAX], said[LINE_MAX_BYTES];
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

/* ---- keys ------------------------------------------------------------ */

static void say(const char *command)
{
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof(line), "%s", command);
	run_line(line);
}

static void set_keys(bool keys)
{
	struct termios terminal = control.terminal;

	if (keys) {
		terminal.c_lflag &= ~(ICANON | ECHO);
		terminal.c_cc[VMIN] = 1;
		terminal.c_cc[VTIME] = 0;
	}
	tcsetattr(control.fd, TCSADRAIN, &terminal);
	control.keys = keys;
}

static void take_key(char key)
{
	struct call_stats stats;

	switch (key) {
	case 'f':
		say(control.inserted ? "remove call-forward" : "insert call-forward forward");
		control.inserted = !control.inserted;
		break;
	case 'e':
		say(control.encrypted ? "encrypt off" : "encrypt on");
		break;
	case 'm':
		call_read(control.call, false, &stats);
		say(stats.muted ? "mute off" : "mute on");
		break;
	case 's':
		say("stats");
		break;
	case 'q':
	case 4: /* ^D */
		control.quit = true;
		break;
	case ':':
		fputs(":", stderr);
		set_keys(false);
		break;
	default:
		fputs("f forward block in or out, e encrypt or not, m mute or not, s stats, : "
		      "command, q hang up\n",
		      stderr);
	}
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
	for (ssize_t i = 0; i < got; i++) {
		if (control.keys) {
			take_key(bytes[i]);
			continue;
		}
		take_byte(bytes[i]);
		if (bytes[i] == '\n' && isatty(control.fd))
			set_keys(true);
	}
}

/* ---- beginning and end ------------------------------------------------------------ */

static int open_fifo(const char *path)
{
	struct stat status;
	int fd;

	if (!mkfifo(path, 0600))
		control.made = true;
	else if (errno != EEXIST)
		return -errno;
	/* For writing as well, so that it does not end when a writer goes. */
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) || !S_ISFIFO(status.st_mode)) {
		close(fd);
		return -EEXIST;
	}
	control.fd = fd;
	return 0;
}

int control_open(const struct control_options *options, struct call *call, struct link *link)
{
	control.options = *options;
	control.call = call;
	control.link = link;
	if (options->path)
		return open_fifo(options->path);
	if (!options->listen)
		return 0;
	control.fd = STDIN_FILENO;
	if (isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &control.terminal))
		set_keys(true);
	return 0;
}

void control_close(void)
{
	/* Before it is closed: who opened a FIFO that nobody reads would wait for ever. */
	if (control.made)
		unlink(control.options.path);
	if (control.fd == STDIN_FILENO && isatty(STDIN_FILENO))
		set_keys(false);
	else if (control.fd >= 0)
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
