// SPDX-License-Identifier: GPL-2.0-only
/* stream - what commands that run until they are told to end have in common */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

void cli_stream_begin(void)
{
	const struct sigaction action = { .sa_handler = end }; /* calls that wait return */

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	out_begin_parts();
}

bool cli_stream_ended(void)
{
	return ended;
}

bool cli_stream_print(const struct cli_args *args, enum cli_status *status)
{
	int err = out_print_part(args->options.json);

	*status = CLI_DONE;
	if (err && err != -EPIPE) {
		fprintf(stderr, "%s: cannot write the output: %s\n", program_invocation_short_name,
			strerror(-err));
		*status = CLI_REFUSED;
	}
	return !err;
}

bool cli_number(const struct cli_args *args, const char *name, double least, double *value)
{
	const char *word = cli_word(args, name);
	double number;
	char *rest;

	if (!word)
		return true;
	number = strtod(word, &rest);
	if (!*word || *rest || !(number >= least && number <= 1e9)) {
		cli_usage("'%.64s' is not %s: a number from %g on", word, name, least);
		return false;
	}
	*value = number;
	return true;
}

static bool whole(const struct cli_args *args, const char *name, uint64_t least, uint64_t most,
		  uint64_t *number)
{
	const char *word = cli_word(args, name);
	unsigned long long value;
	char *rest;

	if (!word)
		return true;
	errno = 0;
	value = strtoull(word, &rest, 10);
	if (!isdigit((unsigned char)*word) || *rest || errno || value < least || value > most) {
		cli_usage("'%.64s' is not %s: a whole number from %llu to %llu", word, name,
			  (unsigned long long)least, (unsigned long long)most);
		return false;
	}
	*number = value;
	return true;
}

bool cli_count(const struct cli_args *args, const char *name, uint64_t most, uint64_t *count)
{
	return whole(args, name, 1, most, count);
}

bool cli_whole(const struct cli_args *args, const char *name, uint64_t most, uint64_t *value)
{
	return whole(args, name, 0, most, value);
}

bool cli_time(const struct cli_args *args, const char *name, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "m", 60e9 }, { "h", 3600e9 } };
	const char *word = cli_word(args, name);
	double number;
	char *unit;

	if (!word)
		return true;
	number = strtod(word, &unit);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double time = number * units[i].ns;

		if (unit == word || strcmp(unit, units[i].name) || !(time >= 1 && time <= 1e17))
			continue;
		*ns = time;
		return true;
	}
	cli_usage("'%.64s' is not %s: a time with its unit, such as 10s, 500ms, 2m", word, name);
	return false;
}
