// SPDX-License-Identifier: GPL-2.0-only
/* victim - processes that work on a stack until they are killed in the midst of it */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "victim.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void pause_ns(uint64_t ns)
{
	const struct timespec time = { ns / 1000000000, ns % 1000000000 };

	nanosleep(&time, NULL);
}

static void live(const struct victim *victim, unsigned int n, int ready)
{
	void *state = victim->begin();
	uint64_t begun = now_ns(), round;

	victim->work(state, n++);
	round = now_ns() - begun;
	if (write(ready, &round, sizeof(round)) != sizeof(round))
		_exit(1);
	for (;;)
		victim->work(state, n++);
}

void victim_kill(const struct victim *victim, unsigned int n, unsigned int *seed)
{
	int ready[2], status = 0;
	uint64_t round;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		tap_bail("no pipe");
	pid = tap_fork();
	if (!pid)
		live(victim, n, ready[1]);
	close(ready[1]);
	if (read(ready[0], &round, sizeof(round)) == sizeof(round))
		pause_ns(rand_r(seed) % (victim->rounds * round + 1));
	kill(pid, SIGKILL);
	close(ready[0]);
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status))
		tap_ok(false, "a victim works until it is killed");
}

size_t victim_run_to(const struct victim *victim, size_t n, void (*look)(pid_t victim), int *status)
{
	size_t stops = 0;
	pid_t pid = tap_fork();

	if (!pid) {
		void *state = victim->begin ? victim->begin() : NULL;

		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		victim->work(state, 0);
		_exit(0);
	}
	while (waitpid(pid, status, 0) == pid && WIFSTOPPED(*status)) {
		if (stops++ != n) {
			ptrace(PTRACE_SYSCALL, pid, 0, 0);
			continue;
		}
		if (look)
			look(pid);
		kill(pid, SIGKILL);
	}
	return stops;
}
