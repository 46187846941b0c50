/* SPDX-License-Identifier: GPL-2.0-only */
/* keys.h - what keys do on a terminal during a call, and commands that are typed there */
#ifndef CALL_KEYS_H
#define CALL_KEYS_H

#include "control.h"

/* Have each key told as it is pressed. False: it is no terminal, and was left alone. */
bool keys_open(int fd);

/* Leave the terminal as it was. */
void keys_close(void);

/* What was read of it. */
void keys_take(const char *bytes, size_t count, struct call *call,
	       const struct control_options *options);

/* Is a command being typed? Then nothing else should be printed. */
bool keys_typing(void);

#endif
