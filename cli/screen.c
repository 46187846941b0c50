// SPDX-License-Identifier: GPL-2.0-only
/* screen - a terminal that is redrawn in place, and keys */
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "screen.h"
#include "loader/clock.h"

#define CURSOR_HOME   "\033[H"
#define CURSOR_HIDE   "\033[?25l"
#define CURSOR_SHOW   "\033[?25h"
#define CLEAR_LINE    "\033[K"
#define CLEAR_DOWN    "\033[J"
#define DEFAULT_LINES 24

static volatile sig_atomic_t resized, stopped;
static sigset_t waiting; /* what is held back while screen_wait() waits */
static bool terminal;
static bool keys; /* standard input is the terminal, and gives keys as they are pressed */
static struct termios usual;
static char *drawn;

static void note(int signal)
{
	if (signal == SIGTSTP)
		stopped = 1;
	else
		resized = 1;
}

/* One in the background must leave the terminal alone. */
static bool is_ours(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void take_terminal(void)
{
	struct termios raw;

	keys = is_ours() && !tcgetattr(STDIN_FILENO, &usual);
	if (keys) {
		raw = usual;
		raw.c_lflag &= ~(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	fputs(CURSOR_HIDE, stdout);
}

static void give_terminal(void)
{
	fputs(CURSOR_SHOW, stdout);
	fflush(stdout);
	if (keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &usual);
	keys = false;
}

void screen_begin(bool wanted)
{
	static const int held[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP };
	const struct sigaction action = { .sa_handler = note };
	sigset_t hold;

	terminal = wanted && isatty(STDOUT_FILENO);
	sigemptyset(&hold);
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		sigaddset(&hold, held[i]);
	sigprocmask(SIG_BLOCK, &hold, &waiting);
	if (!terminal)
		return;
	sigaction(SIGWINCH, &action, NULL);
	sigaction(SIGTSTP, &action, NULL);
	take_terminal();
	fputs(CURSOR_HOME CLEAR_DOWN, stdout);
}

void screen_end(void)
{
	if (terminal)
		give_terminal();
	free(drawn);
	drawn = NULL;
}

bool screen_is_terminal(void)
{
	return terminal;
}

/* ---- drawing -------------------------------------------------------------------------- */

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* Bytes of a line that fit into so many columns. */
static size_t fitting(const char *line, size_t length, size_t columns)
{
	size_t bytes = 0;

	for (; bytes < length; bytes++) {
		if ((line[bytes] & 0xc0) == 0x80) /* of the character before */
			continue;
		if (!columns--)
			break;
	}
	return bytes;
}

static int draw(void)
{
	const char *dots = strcmp(nl_langinfo(CODESET), "UTF-8") ? "..." : "…";
	size_t lines = count_lines(drawn), columns = SIZE_MAX, room = DEFAULT_LINES, shown;
	const char *line = drawn;
	struct winsize window;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) && window.ws_row) {
		room = window.ws_row;
		columns = window.ws_col;
	}
	/* The cursor stands below the last line; one more says what is left out. */
	shown = lines < room ? lines : room > 2 ? room - 2 : 0;
	fputs(CURSOR_HOME, stdout);
	for (size_t i = 0; i < shown; i++) {
		size_t length = strcspn(line, "\n");

		fwrite(line, 1, fitting(line, length, columns), stdout);
		fputs(CLEAR_LINE "\n", stdout);
		line += length + 1;
	}
	if (shown < lines)
		printf("%s %zu more" CLEAR_LINE "\n", dots, lines - shown);
	fputs(CLEAR_DOWN, stdout);
	return fflush(stdout) ? -errno : 0;
}

int screen_draw(char *text)
{
	free(drawn);
	drawn = text;
	return draw();
}

bool screen_print(const struct cli_args *args, bool first, enum cli_status *status)
{
	int err;

	if (!screen_is_terminal()) {
		if (!first && !args->options.json)
			putchar('\n');
		return cli_stream_print(args, status);
	}
	err = screen_draw(out_text());
	if (err && err != -EPIPE && err != -EIO)
		*status = cli_error("cannot write to the terminal: %s", strerror(-err));
	return !err;
}

/* ---- waiting -------------------------------------------------------------------------- */

/* As a shell expects it: the terminal is as usual while the process is stopped. */
static void stop(void)
{
	stopped = 0;
	give_terminal();
	raise(SIGSTOP);
	take_terminal();
	resized = 1;
}

static struct timespec time_left(uint64_t until)
{
	uint64_t time = clock_ns(CLOCK_MONOTONIC);
	struct timespec left = {};

	if (time < until) {
		left.tv_sec = (until - time) / 1000000000;
		left.tv_nsec = (until - time) % 1000000000;
	}
	return left;
}

/* Was it q? */
static bool read_key(void)
{
	char key;
	ssize_t got = read(STDIN_FILENO, &key, 1);

	if (got <= 0 && !(got < 0 && errno == EINTR))
		keys = false; /* the terminal is gone */
	return got == 1 && key == 'q';
}

bool screen_wait(uint64_t until)
{
	for (;;) {
		struct pollfd key = { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN };
		struct timespec left = time_left(until);
		int ready = ppoll(&key, 1, &left, &waiting);

		if (cli_stream_ended() || (ready > 0 && read_key()))
			return false;
		if (!ready)
			return true;
		if (stopped)
			stop();
		if (resized && drawn)
			draw();
		resized = 0;
	}
}
