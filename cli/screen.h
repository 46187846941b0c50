/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * screen.h - a terminal that is redrawn in place, and keys
 *
 * Signals of cli_stream_begin() and those of the window are held back but for the time that
 * screen_wait() takes, so that none comes between a look and the wait.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"

/* Take the terminal over, if that is wanted and standard output is one. */
void screen_begin(bool wanted);

/* Give it back. */
void screen_end(void);

/* Was it taken over? */
bool screen_is_terminal(void);

/*
 * Draw text over what was drawn before: as many lines as there is room for, and how many of its
 * lines are left out. The screen keeps text, for when the window changes, and frees it. -EPIPE,
 * -EIO, …
 */
int screen_draw(char *text);

/*
 * Draw what was described or, elsewhere than on a terminal, print it, parted from what came before.
 * False: there is no use going on; *status says how it ends.
 */
bool screen_print(const struct cli_args *args, bool first, enum cli_status *status);

/* Until that time (CLOCK_MONOTONIC, ns). False: to end, by a signal or by the key q. */
bool screen_wait(uint64_t until);

#endif
