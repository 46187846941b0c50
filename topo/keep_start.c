// SPDX-License-Identifier: GPL-2.0-only
/*
 * keep_start - start a process in a node
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/stat.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "enter.h"
#include "keeper.h"
#include "kill.h"

static int open_log(const struct home *home, const struct net_node *node,
		    const struct net_process *process)
{
	char path[HOME_PATH_MAX];
	int fd;

	if (!process->log)
		home_path(home, path, "logs/%s.%s", node->name, process->name);
	fd = open(process->log ?: path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

/* What the child says if it cannot become the program. */
struct failure {
	int err;
	struct lana_error error;
};

void keep_end_with(pid_t keeper)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(126); /* it went before */
}

pid_t keep_fork(int *end, struct lana_error *error)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return refuse(error, -errno, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		pid = refuse(error, -errno, "cannot make a process: %s", strerror(errno));
	*end = ends[!pid];
	close(ends[!!pid]);
	return pid;
}

static void become(const struct home *home, const struct net_node *node,
		   const struct net_process *process, int view, pid_t keeper, int tell)
{
	char mark[3 * NET_NAME_MAX];
	struct failure failure = {};
	int log, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	keep_end_with(keeper);
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	log = open_log(home, node, process);
	if (log < 0)
		failure.err = refuse(&failure.error, log, "log: %s", strerror(-log));
	else
		failure.err = node_enter(home, node, view, &failure.error);
	if (!failure.err) {
		dup2(null, 0);
		dup2(log, 1);
		dup2(log, 2);
		snprintf(mark, sizeof(mark), "%s/%s/%s", home->name, node->name, process->name);
		setenv(KILL_MARK, mark, 1);
		execvp(process->words[0], process->words);
		failure.err = refuse(&failure.error, -errno, "%s: %s", process->words[0],
				     strerror(errno));
	}
	if (write(tell, &failure, sizeof(failure)) < 0)
		_exit(126);
	_exit(127);
}

int keep_start(const struct home *home, const struct net *net, const struct net_node *node,
	       const struct net_process *process, int view, struct lana_error *error)
{
	_cleanup_close_ int end = -1;
	struct failure failure;
	pid_t keeper = getpid(), pid;

	mkdirat(home->fd, "logs", 0755);
	pid = keep_fork(&end, error);
	if (pid < 0)
		return pid;
	if (!pid)
		become(home, node, process, view, keeper, end);
	if (read(end, &failure, sizeof(failure)) != sizeof(failure))
		return pid;
	return file_refuse(&net->file, process->place, error, failure.err,
			   "cannot start process '%s' in '%s': %s", process->name, node->name,
			   failure.error.text);
}
