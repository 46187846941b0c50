/* SPDX-License-Identifier: GPL-2.0-only */
/* options.h - what lana-call can be told when it is started */
#ifndef CALL_OPTIONS_H
#define CALL_OPTIONS_H

#include <stdbool.h>

#include "apps/common/app.h"
#include "call.h"

struct options {
	struct call_options call;
	bool mac_said;
	uint8_t mac[APP_MAC];
	const char *in, *out, *control;
	bool echo_said;
	uint64_t interval; /* between two lines of statistics, ns; 0: none */
};

/* CLI_USAGE: something makes no sense, which was said. */
enum cli_status options_parse(int argc, char **argv, struct app *app, struct options *options);

/* man.c; without options and take, which are options.c's */
extern const struct app_program call_program;

extern const struct cli_option call_options[];
bool options_take(int letter, const char *value);

#endif
