/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control.h - what can be said during a call: keys on a terminal, else lines of commands
 *
 * Commands are rows of a table, as lanactl's are; their check, their help and their part of the
 * manual page come from it.
 */
#ifndef CALL_CONTROL_H
#define CALL_CONTROL_H

#include <stdio.h>

#include "call.h"
#include "cli/cli.h"

#define CONTROL_LINE_MAX 1024 /* bytes of a command */

struct control_options {
	const char *path; /* of a FIFO; NULL: standard input */
	bool json;
	bool listen;		  /* standard input is not taken by something else */
	const char *block;	  /* of the call */
	struct lana_stack *stack; /* NULL: it is not the call's to change */
};

extern const struct cli_command *const control_commands[];

/* Open the FIFO, or take the terminal. What was refused was said. */
enum cli_status control_open(const struct control_options *options);

/* Commands are this call's from now on; before, none may be read. */
void control_begin(struct call *call);

/* Give the terminal back, and remove a FIFO that was made. Once more does nothing. */
void control_close(void);

/* For poll(2); -1: there is nothing to listen to. */
int control_fd(void);

/* It is readable: do what was said. */
void control_read(void);

/* Carry a command out, and say how it went. */
void control_say(const char *command);

void control_hang_up(void);

/* Was the end asked for? */
bool control_quit(void);

#endif
