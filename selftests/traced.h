/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * traced.h - run lanactl, and let strace(1) have system calls of it fail
 *
 *	outcome = traced_run("rm spare", "bpf", "error=ENOMEM:when=12+");
 */
#ifndef TRACED_H
#define TRACED_H

#include <stdbool.h>
#include <stddef.h>

struct outcome {
	int status; /* of its exit, or -signal */
	bool injected;
	char said[1024]; /* on standard error */
	size_t calls;	 /* of the kind asked for */
};

/* May strace trace here? */
bool traced_works(void);

/* The path of a file in topology_scratch(); in a static buffer, one of a few. */
const char *traced_file(const char *name);

/*
 * Run a command of lanactl, of which a word in <> stands for a file of traced_file(). call: a kind
 * of system call to be counted, or NULL; inject: what is to become of calls of it, as strace(1) has
 * it, or NULL.
 */
struct outcome traced_run(const char *command, const char *call, const char *inject);

#endif
