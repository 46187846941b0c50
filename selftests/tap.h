/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tap.h - results of a C test in the Test Anything Protocol, on standard output
 *
 *	tap_ok(err == 0, "a block is added");
 *	tap_is(count, 3, "three packets arrived");
 *	return tap_done();
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <sys/types.h>

#define TAP_FORMAT(string, first) __attribute__((format(printf, string, first)))

/* One test. Returns whether it passed. */
bool tap_ok(bool passed, const char *format, ...) TAP_FORMAT(2, 3);

/* Passes if both are equal; says what they are if not. */
bool tap_is(long long got, long long want, const char *format, ...) TAP_FORMAT(3, 4);
bool tap_is_text(const char *got, const char *want, const char *format, ...) TAP_FORMAT(3, 4);

/* One test that cannot run here. */
void tap_skip(const char *format, ...) TAP_FORMAT(1, 2);

/* The whole test cannot run here: ends the process. Only before the first result. */
void tap_skip_all(const char *format, ...) TAP_FORMAT(1, 2) __attribute__((noreturn));

/* The test cannot go on: ends the process as failed. */
void tap_bail(const char *format, ...) TAP_FORMAT(1, 2) __attribute__((noreturn));

/* fork(), or the test cannot go on; the child is killed when this process ends. */
pid_t tap_fork(void);

/* A comment, a line long. */
void tap_note(const char *format, ...) TAP_FORMAT(1, 2);

/* Print the plan. Returns what main() returns. */
int tap_done(void) __attribute__((warn_unused_result));

#endif
