// SPDX-License-Identifier: GPL-2.0-only
/*
 * tap - results of a C test in the Test Anything Protocol
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tap.h"

static unsigned int run, failed;

/* Every line goes out at once: a test that crashes must not take earlier results with it. */
static void line(const char *head, const char *format, va_list args)
{
	fputs(head, stdout);
	vprintf(format, args);
	putchar('\n');
	fflush(stdout);
}

static bool result(bool passed, const char *format, va_list args)
{
	char head[32];

	run++;
	failed += !passed;
	snprintf(head, sizeof(head), "%s %u - ", passed ? "ok" : "not ok", run);
	line(head, format, args);
	return passed;
}

bool tap_ok(bool passed, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	result(passed, format, args);
	va_end(args);
	return passed;
}

bool tap_is(long long got, long long want, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	result(got == want, format, args);
	va_end(args);
	if (got != want)
		tap_note("got %lld, want %lld", got, want);
	return got == want;
}

bool tap_is_text(const char *got, const char *want, const char *format, ...)
{
	bool same = got && want ? !strcmp(got, want) : got == want;
	va_list args;

	va_start(args, format);
	result(same, format, args);
	va_end(args);
	if (!same)
		tap_note("got '%s', want '%s'", got ? got : "(null)", want ? want : "(null)");
	return same;
}

void tap_skip(const char *format, ...)
{
	char head[32];
	va_list args;

	snprintf(head, sizeof(head), "ok %u # SKIP ", ++run);
	va_start(args, format);
	line(head, format, args);
	va_end(args);
}

void tap_skip_all(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line("1..0 # SKIP ", format, args);
	va_end(args);
	exit(0);
}

void tap_bail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line("Bail out! ", format, args);
	va_end(args);
	exit(1);
}

pid_t tap_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		tap_bail("no process: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
	}
	return pid;
}

void tap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line("# ", format, args);
	va_end(args);
}

int tap_done(void)
{
	printf("1..%u\n", run);
	fflush(stdout);
	return failed || !run;
}
