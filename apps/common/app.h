/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * app.h - what programs have in common that are blocks of a stack
 *
 * A program describes itself by a struct app_program, from which its help and its manual page are
 * made too. app_parse() takes the words that it was started with, app_open() opens its socket and
 * binds it, app_end() says how it went.
 */
#ifndef APP_H
#define APP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <lana/lana.h>
#include <lana/socket.h>

#include "cli/cli.h"
#include "loader/clock.h"

#define APP_SECOND	1000000000ULL /* ns */
#define APP_MILLISECOND 1000000ULL
#define APP_LOOK	((int64_t)(100 * APP_MILLISECOND)) /* between looks for a signal */

#define APP_ETHERTYPE	0x88b5 /* for experiments within a site: IEEE 802, clause 9 */
#define APP_FRAME_LEAST 60     /* bytes, without the checksum: IEEE 802.3 */
#define APP_MAC		6

struct app_section {
	const char *title;
	const char *text; /* in the language of man(7) */
};

struct app_program {
	const char *name;    /* "lana-ping" */
	const char *summary; /* no capital, no full stop */
	const char *args;    /* what may follow the options, as cli_command.args has it */
	const char *block;   /* how its block is called if nothing is said */
	const char *way;     /* how it is bound if --below is said, for its help */

	const struct cli_option
		*options; /* its own, in front of those of all; end as cli_options */
	/* False: the value is none, as app_not() was told. Called for its own options only. */
	bool (*take)(int letter, const char *value);

	const char *description; /* in the language of man(7) */
	/* What may be said to it while it runs: a text, and rows that end in NULL. NULL: nothing */
	const char *commands_text;
	const struct cli_command *const *commands;
	const struct app_section *sections; /* behind the options; end without a title */
	const char *const *examples;	    /* whole lines; end in NULL */
	const char *see_also;		    /* the same language */
	const char *guide;		    /* NULL: docs/apps.md */
};

struct app {
	const struct app_program *program;
	struct lana_stack_options stack_options;
	struct lana_socket_options socket_options;
	const char *name, *below, *port, *from;
	bool json, done; /* done: help, the manual page or the version was asked for and said */
	int argc;	 /* what follows the options */
	char **argv;

	struct lana_stack *stack; /* NULL: the socket is a server's */
	struct lana_socket *socket;
};

/* ---- options.c ------------------------------------------------------------------------- */

extern const struct cli_option app_options[];

/* CLI_USAGE: something makes no sense, which was said. */
enum cli_status app_parse(struct app *app, const struct app_program *program, int argc,
			  char **argv);

/*
 * Values of options and arguments. False: it is none, nothing was written, and app_why() says what
 * would be one.
 */
bool app_whole(const char *text, uint64_t least, uint64_t most, uint64_t *number);
bool app_seconds(const char *text, double least, uint64_t *ns);
bool app_mac(const char *text, uint8_t mac[APP_MAC]);
bool app_host(const char *text, uint8_t mac[APP_MAC]); /* not that of a group */

/* For a program's own kinds of values: note what app_why() is to say, and return false. */
bool app_not(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *app_why(void);

/* ---- man.c ------------------------------------------------------------------------------- */

void app_help(const struct app_program *program, FILE *file);
void app_man(const struct app_program *program, FILE *file);

/* ---- app.c ------------------------------------------------------------------------------- */

/*
 * Open the socket, or ask a server for it, and catch signals. It is not bound yet, but by a server.
 * What was refused was said.
 */
enum cli_status app_open(struct app *app);

/*
 * Bind it both ways to --below; or, if that was not said, wait until somebody has led its egress
 * path somewhere. (For a server's socket that cannot be seen, and is not waited for.)
 */
enum cli_status app_bind(struct app *app);

/* What main() ends with: close the socket, and print the error if there is one. */
enum cli_status app_end(struct app *app, enum cli_status status);

/* What a call on the socket has returned, for people. */
enum cli_status app_broken(const struct app *app, int err);

/* From here on standard output is for data: what is said goes to standard error. */
int app_claim_output(void);

/* CLOCK_MONOTONIC, ns */
static inline uint64_t app_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/*
 * Frames that came to the socket and are lost, as they were not received in time. settled: nothing
 * is on its way to it, and so what the block has let through and has not come is lost, too.
 */
uint64_t app_overruns(const struct app *app, bool settled);

/* ---- address.c ------------------------------------------------------------------------- */

/*
 * The Ethernet address of the device that the socket stands on, in however many steps. False: it
 * stands on none, or that cannot be told; then the address is a random one.
 */
bool app_address(const struct app *app, uint8_t mac[APP_MAC]);

/* ---- bytes ------------------------------------------------------------------------------- */

/* Numbers in frames are big-endian. */
static inline void app_put(uint8_t *at, unsigned int size, uint64_t value)
{
	while (size--) {
		at[size] = value;
		value >>= 8;
	}
}

static inline uint64_t app_get(const uint8_t *at, unsigned int size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | *at++;
	return value;
}

#endif
