// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inspect.h"
#include "tap.h"
#include "workers.h"

#define TRIES 5000 /* of a millisecond */

/* Split words in place; NULL behind the last one. */
static void split(char *words, const char **list, size_t max)
{
	size_t count = 0;
	char *word;

	while (count < max && (word = strsep(&words, " ")))
		if (*word)
			list[count++] = word;
	list[count] = NULL;
}

pid_t worker_start(struct lana_stack *stack, const char *name, const char *words, const char *block)
{
	const char *list[32] = { inspect_lanactl(), "-s", name, "worker" };
	char halves[1024], copy[256];
	pid_t pid;

	snprintf(halves, sizeof(halves), "%s:", inspect_build("user"));
	snprintf(halves + strlen(halves), sizeof(halves) - strlen(halves), "%s",
		 inspect_build("selftests/user"));
	setenv("LANA_HALVES", halves, 1);
	snprintf(copy, sizeof(copy), "%s", words ?: "");
	split(copy, list + 4, 24);
	pid = tap_fork();
	if (!pid) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execv(list[0], (char **)list);
		_exit(127);
	}
	if (block)
		worker_wait(stack, block, "worker");
	return pid;
}

static bool is_with(struct lana_stack *stack, const char *name, const char *worker)
{
	struct lana_block_info *block;
	struct lana_error error = {};
	size_t count;
	bool is;

	if (lana_block_list(stack, name, &block, &count, &error))
		tap_bail("%s", error.text);
	is = !strcmp(block->worker, worker ?: "");
	free(block);
	return is;
}

void worker_wait(struct lana_stack *stack, const char *block, const char *worker)
{
	for (unsigned int i = 0; i < TRIES; i++, usleep(1000))
		if (is_with(stack, block, worker))
			return;
	tap_bail("block '%s' is not with worker '%s'", block, worker ?: "(none)");
}

int worker_end(pid_t worker, int signal)
{
	int status = -1;

	kill(worker, signal);
	waitpid(worker, &status, 0);
	return status;
}

unsigned long long worker_count(struct lana_stack *stack, const char *block, const char *counter)
{
	struct lana_error error = {};
	uint64_t count;

	if (lana_block_count(stack, block, counter, &count, &error))
		tap_bail("%s", error.text);
	return count;
}
