// SPDX-License-Identifier: GPL-2.0-only
/* options - the words that a program is started with */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

#define OPTIONS_MAX 64
#define SECONDS_MAX 1e6

const struct cli_option app_options[] = {
	{ 'b', "below", "BLOCK",
	  "the block that the program stands on; without it the program waits until its block is "
	  "bound (lanactl bind)" },
	{ 'p', "port", "PORT", "port of that block by which frames come up; the first if not set" },
	{ 'N', "name", "NAME",
	  "name of the program's own block; its own name without \"lana-\" if not set" },
	{ 'F', "from", "PATH",
	  "ask the server at this Unix socket for the program's socket, see lanactl socket serve" },
	{ 'u', "mtu", "BYTES", "of the program's frames, without their header; 1500 if not set" },
	{ 'j', "json", NULL, "print JSON, an object a line" },
	{ 's', "stack", "STACK", "the stack; \"default\" if none is named" },
	{ 'n', "netns", "NETNS",
	  "network namespace of the stack's devices: a name of ip-netns(8) or a path" },
	{ 'M', "man", NULL, "print the manual page" },
	{ 'V', "version", NULL, "print the version" },
	{ 'h', "help", NULL, "print help" },
	{ 0 },
};

/* ---- values ------------------------------------------------------------------------------ */

static char reason[128];

bool app_not(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return false;
}

const char *app_why(void)
{
	return reason;
}

bool app_whole(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	unsigned long long value;
	char *rest;

	errno = 0;
	value = strtoull(text, &rest, 10);
	if (!isdigit((unsigned char)*text) || *rest || errno || value < least || value > most)
		return most == UINT64_MAX ? app_not("a whole number, %" PRIu64 " at least", least)
					  : app_not("a whole number from %" PRIu64 " to %" PRIu64,
						    least, most);
	*number = value;
	return true;
}

/* Without an exponent, which --interval's least would have. */
static bool not_seconds(double least)
{
	char from[32];
	size_t end = snprintf(from, sizeof(from), "%.6f", least);

	while (from[end - 1] == '0')
		from[--end] = 0;
	if (from[end - 1] == '.')
		from[--end] = 0;
	return app_not("seconds, from %s to %.0f", from, SECONDS_MAX);
}

bool app_seconds(const char *text, double least, uint64_t *ns)
{
	char *rest;
	double value = strtod(text, &rest);

	if (!(isdigit((unsigned char)*text) || *text == '.') || *rest ||
	    !(value >= least && value <= SECONDS_MAX))
		return not_seconds(least);
	*ns = value * APP_SECOND;
	return true;
}

bool app_mac(const char *text, uint8_t mac[APP_MAC])
{
	uint8_t bytes[APP_MAC];
	int end = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &bytes[0], &bytes[1], &bytes[2],
		   &bytes[3], &bytes[4], &bytes[5], &end) != APP_MAC ||
	    text[end])
		return app_not("an Ethernet address is six bytes such as 02:00:00:00:00:01");
	memcpy(mac, bytes, APP_MAC);
	return true;
}

bool app_host(const char *text, uint8_t mac[APP_MAC])
{
	uint8_t found[APP_MAC];

	if (!app_mac(text, found))
		return false;
	if (found[0] & 1)
		return app_not("a group address, of many, as its first byte is odd; one "
			       "host's is wanted");
	memcpy(mac, found, APP_MAC);
	return true;
}

/* ---- options ----------------------------------------------------------------------------- */

static bool take_common(struct app *app, int letter, const char *value)
{
	uint64_t mtu;

	switch (letter) {
	case 'b':
		app->below = value;
		return true;
	case 'p':
		app->port = value;
		return true;
	case 'N':
		app->name = value;
		return true;
	case 'F':
		app->from = value;
		return true;
	case 'u':
		if (!app_whole(value, 68, LANA_SOCKET_MTU_MAX, &mtu))
			return false;
		app->socket_options.mtu = mtu;
		return true;
	case 's':
		app->stack_options.name = value;
		return true;
	case 'n':
		app->stack_options.netns = value;
		return true;
	}
	app->json |= letter == 'j';
	return true;
}

/* Help, or whatever else is no work. */
static bool answer(struct app *app, int letter)
{
	switch (letter) {
	case 'M':
		app_man(app->program, stdout);
		break;
	case 'V':
		printf("%s %s\n", app->program->name, LANA_VERSION);
		break;
	case 'h':
		app_help(app->program, stdout);
		break;
	default:
		return false;
	}
	return app->done = true;
}

static unsigned int count(const struct cli_option *options)
{
	unsigned int n = 0;

	while (options[n].name)
		n++;
	return n;
}

/* One's own options first, then those of all. */
static const struct cli_option *option_at(const struct app_program *program, unsigned int n)
{
	unsigned int own = count(program->options);

	return n < own ? &program->options[n] : &app_options[n - own];
}

static const struct cli_option *find(const struct app_program *program, int letter)
{
	unsigned int n = 0;

	while (option_at(program, n)->letter != letter)
		n++;
	return option_at(program, n);
}

/* The same for getopt_long(). */
static void describe(const struct app_program *program, struct option *longs, char *shorts)
{
	unsigned int n = count(program->options) + count(app_options);

	if (n >= OPTIONS_MAX)
		abort();
	*shorts++ = ':';
	for (unsigned int i = 0; i < n; i++) {
		const struct cli_option *option = option_at(program, i);

		longs[i] = (struct option){ option->name,
					    option->value ? required_argument : no_argument, NULL,
					    option->letter };
		*shorts++ = option->letter;
		if (option->value)
			*shorts++ = ':';
	}
	longs[n] = (struct option){ 0 };
	*shorts = 0;
}

static enum cli_status check(const struct app *app)
{
	if (app->from && app->below)
		return cli_usage("a socket from a server is bound as that has been told: --below "
				 "does not go with --from");
	if (app->port && !app->below)
		return cli_usage("--port is one of the block that --below names");
	return CLI_DONE;
}

enum cli_status app_parse(struct app *app, const struct app_program *program, int argc, char **argv)
{
	struct option longs[OPTIONS_MAX];
	char shorts[2 * OPTIONS_MAX + 2];
	int letter;

	*app = (struct app){ .program = program,
			     .name = program->block,
			     .stack_options = { .bpffs = getenv("LANA_BPFFS"),
						.types = getenv("LANA_TYPES"),
						.fuse = true } };
	describe(program, longs, shorts);
	optind = 0;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const char *said = argv[optind - 1];
		const struct cli_option *option;
		bool own, good;

		if (letter == '?')
			return cli_usage("unknown option '%.64s'; '%s -h' lists them", said,
					 program->name);
		if (letter == ':')
			return cli_usage("option '%.64s' needs a value", said);
		if (answer(app, letter))
			return CLI_DONE;
		option = find(program, letter);
		own = option < app_options || option >= app_options + count(app_options);
		good = own ? program->take(letter, optarg) : take_common(app, letter, optarg);
		if (!good)
			return cli_usage("'%.64s' is no value of --%s: %s", optarg, option->name,
					 app_why());
	}
	app->argc = argc - optind;
	app->argv = argv + optind;
	return check(app);
}
