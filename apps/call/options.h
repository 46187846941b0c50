/* SPDX-License-Identifier: GPL-2.0-only */
/* options.h - what lana-call can be told when it is started */
#ifndef CALL_OPTIONS_H
#define CALL_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "call.h"
#include "cli/cli.h"

struct options {
	struct call_options call;
	struct link_options link;
	uint8_t address[6]; /* what link.address points at, if it was said */
	const char *in, *out, *control;
	bool echo_said;
	uint64_t interval; /* between two lines of statistics, ns; 0: none */
	bool json, help, version, man;
};

extern const struct cli_option call_options[];

/* CLI_USAGE: something is no option, which was said. */
enum cli_status options_parse(int argc, char **argv, struct options *options);
void options_help(FILE *file);

/* man.c */
void options_man(FILE *file);

#endif
