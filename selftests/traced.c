// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "traced.h"

#define WORDS_MAX 32

const char *traced_file(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", topology_scratch(), name);
	return path;
}

static char *slurp(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return strdup("");
	if (getdelim(&text, &size, 0, file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

static void exec_words(char **words)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	dup2(open(traced_file("said"), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
	execvp(words[0], words);
	_exit(127);
}

bool traced_works(void)
{
	return !topology_run("strace -f --seccomp-bpf -qq -o /dev/null true 2>/dev/null");
}

/* Words in front of lanactl's; how many. */
static int strace_words(char **words, const char *call, const char *inject)
{
	static char trace[64], injection[128];
	/* Where seccomp stops a call, strace cannot send a signal. */
	bool signals = inject && !strncmp(inject, "signal=", strlen("signal="));
	const char *own[] = { "strace", "-f",  signals ? "-q" : "--seccomp-bpf",
			      "-qq",	"-o",  traced_file("trace"),
			      "-e",	trace, "-e",
			      injection };
	int count = call ? 8 : 0;

	snprintf(trace, sizeof(trace), "trace=%s", call);
	if (inject) {
		snprintf(injection, sizeof(injection), "inject=%s:%s", call, inject);
		count = 10;
	}
	for (int i = 0; i < count; i++)
		words[i] = (char *)own[i];
	return count;
}

static int await(pid_t pid)
{
	int status;

	while (pid < 0 || waitpid(pid, &status, 0) < 0)
		if (pid < 0 || errno != EINTR)
			tap_bail("no process: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void read_trace(struct outcome *outcome)
{
	char *trace = slurp(traced_file("trace"));

	outcome->injected = strstr(trace, "(INJECTED)");
	for (const char *line = trace; (line = strchr(line, '\n')); line++)
		outcome->calls++;
	free(trace);
}

struct outcome traced_run(const char *command, const char *call, const char *inject)
{
	char text[256], *rest = text, *words[WORDS_MAX], *word, *said;
	int count = strace_words(words, call, inject);
	struct outcome outcome = {};
	pid_t pid;

	snprintf(text, sizeof(text), "%s", command);
	words[count++] = (char *)inspect_lanactl();
	while (count < WORDS_MAX - 1 && (word = strsep(&rest, " "))) {
		if (*word == '<') {
			word[strlen(word) - 1] = 0;
			word = (char *)traced_file(word + 1);
		}
		words[count++] = word;
	}
	words[count] = NULL;

	pid = fork();
	if (!pid)
		exec_words(words);
	outcome.status = await(pid);
	said = slurp(traced_file("said"));
	snprintf(outcome.said, sizeof(outcome.said), "%s", said);
	free(said);
	if (call)
		read_trace(&outcome);
	return outcome;
}
