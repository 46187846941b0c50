// SPDX-License-Identifier: GPL-2.0-only
/* keys - what keys do on a terminal during a call, and commands that are typed there */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "below.h"
#include "keys.h"

#define END_OF_INPUT 4	/* ^D */
#define ERASE_ALL    21 /* ^U */
#define ESCAPE	     27
#define BACKSPACE    '\b'
#define DELETE	     127

static struct {
	int fd;
	struct termios terminal; /* as it was */
	bool typing;		 /* a command, behind a colon */
	char line[CONTROL_LINE_MAX];
	size_t length;
} keys;

bool keys_open(int fd)
{
	struct termios terminal;

	if (!isatty(fd) || tcgetattr(fd, &keys.terminal))
		return false;
	keys.fd = fd;
	terminal = keys.terminal;
	terminal.c_lflag &= ~(ICANON | ECHO);
	terminal.c_cc[VMIN] = 1;
	terminal.c_cc[VTIME] = 0;
	return !tcsetattr(fd, TCSADRAIN, &terminal);
}

void keys_close(void)
{
	if (keys.typing)
		fputc('\n', stderr);
	keys.typing = false;
	tcsetattr(keys.fd, TCSADRAIN, &keys.terminal);
}

bool keys_typing(void)
{
	return keys.typing;
}

/* ---- a line ------------------------------------------------------------ */

static void begin_line(void)
{
	keys.typing = true;
	keys.length = 0;
	fputc(':', stderr);
}

/* Take the colon and what follows it off the screen: whatever is printed next stands there. */
static void cancel_line(void)
{
	keys.typing = false;
	fputs("\r\033[K", stderr);
}

/* A character of UTF-8 is several bytes and one column. */
static void erase_one(void)
{
	if (!keys.length)
		return;
	do
		keys.length--;
	while (keys.length && (keys.line[keys.length] & 0xc0) == 0x80);
	fputs("\b \b", stderr);
}

static void end_line(void)
{
	keys.typing = false;
	keys.line[keys.length] = 0;
	fputc('\n', stderr);
	control_say(keys.line);
}

static void type(char key)
{
	switch (key) {
	case '\n':
	case '\r':
		end_line();
		return;
	case ESCAPE:
		cancel_line();
		return;
	case BACKSPACE:
	case DELETE:
		erase_one();
		return;
	case ERASE_ALL:
		while (keys.length)
			erase_one();
		return;
	}
	if ((unsigned char)key < ' ' || keys.length == sizeof(keys.line) - 1)
		return;
	keys.line[keys.length++] = key;
	fputc(key, stderr);
}

/* ---- a key ------------------------------------------------------------ */

static void press(char key, struct call *call, const struct control_options *options)
{
	struct lana_stack *stack = options->stack;
	struct call_stats stats;

	switch (key) {
	case 'f':
		control_say(stack && below_has(stack, options->block, "forward")
				    ? "remove forward"
				    : "insert forward forward");
		break;
	case 'e':
		control_say(stack && below_encrypts(stack, options->block) ? "encrypt off"
									   : "encrypt on");
		break;
	case 'm':
		call_read(call, false, &stats);
		control_say(stats.muted ? "mute off" : "mute on");
		break;
	case 's':
		control_say("stats");
		break;
	case 'q':
	case END_OF_INPUT:
		control_hang_up();
		break;
	case ':':
		begin_line();
		break;
	default:
		fputs("f forward block in or out, e encrypt or not, m mute or not, s stats, : "
		      "command (Esc cancels it), q hang up\n",
		      stderr);
	}
}

/* Keys such as arrows come as an escape and more, all at once: ECMA-48, 5.4. How much more. */
static size_t sequence(const char *bytes, size_t count)
{
	size_t n = 1;

	if (count < 2 || *bytes != ESCAPE || (bytes[1] != '[' && bytes[1] != 'O'))
		return 0;
	while (++n < count && (bytes[n] < '@' || bytes[n] > '~'))
		;
	return n < count ? n : count - 1;
}

void keys_take(const char *bytes, size_t count, struct call *call,
	       const struct control_options *options)
{
	for (size_t i = 0; i < count; i++) {
		size_t more = sequence(bytes + i, count - i);

		if (more)
			i += more;
		else if (keys.typing)
			type(bytes[i]);
		else
			press(bytes[i], call, options);
	}
}
