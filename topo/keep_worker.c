// SPDX-License-Identifier: GPL-2.0-only
/*
 * keep_worker - the worker of a network's links: a child of the keeper's, in the namespace of wires
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <lana/worker.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "keeper.h"
#include "stacks.h"

#define LOOK_MS	   200 /* a signal that comes while it does not sleep is seen then */
#define FRAMES_MIN 16384
#define FRAMES_MAX 131072 /* 256 MB, or twice that with MTUs above 1734 */

__u32 keep_worker_frames(const struct properties_need *need)
{
	__u64 wanted = need->frames + FRAMES_MIN / 8; /* what comes and goes takes some, too */

	return wanted < FRAMES_MIN ? FRAMES_MIN : wanted > FRAMES_MAX ? FRAMES_MAX : wanted;
}

/* What the child says when it is ready, or cannot be. */
struct news {
	int err;
	struct lana_error error;
};

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static void write_log(void *cookie, const char *text)
{
	fprintf(cookie, "%s\n", text);
	fflush(cookie);
}

/* Nothing of the keeper's goes along: its lock would be held, and its socket seem to be heard. */
static int leave_keeper(struct home *home, pid_t keeper, int tell)
{
	struct sigaction action = { .sa_handler = end };
	sigset_t none;

	keep_end_with(keeper);
	prctl(PR_SET_NAME, "lana-worker");
	setsid();
	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (tell > 3)
		syscall(SYS_close_range, 3, tell - 1, 0);
	syscall(SYS_close_range, tell + 1, ~0U, 0);
	home->fd = open(home->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return home->fd < 0 ? -errno : 0;
}

static int enter_wires(const struct home *home, struct lana_error *error)
{
	char path[HOME_PATH_MAX];
	_cleanup_close_ int netns =
		open(home_path(home, path, "ns/" HOME_WIRES), O_RDONLY | O_CLOEXEC);

	return netns < 0 || setns(netns, CLONE_NEWNET)
		       ? refuse(error, -errno, "cannot enter %s: %s", path, strerror(errno))
		       : 0;
}

static int open_worker(const struct lana_topo_options *options, const struct home *home,
		       const struct properties_need *need, struct lana_worker **worker,
		       struct lana_error *error)
{
	struct lana_worker_options wish = { .halves = options ? options->halves : NULL,
					    .mtu = need->mtu,
					    .frames = keep_worker_frames(need),
					    .log = write_log };
	struct lana_stack *stack = NULL;
	char path[HOME_PATH_MAX];
	int err;

	mkdirat(home->fd, "logs", 0755);
	wish.cookie = fopen(home_path(home, path, "logs/" HOME_WIRES ".worker"), "ae");
	if (!wish.cookie)
		return refuse(error, -errno, "%s: %s", path, strerror(errno));
	err = enter_wires(home, error)
		      ?: stacks_open(options, home, HOME_WIRES, false, &stack, error);
	if (err)
		return err;
	err = lana_worker_open(stack, &wish, worker, error);
	lana_stack_close(stack);
	return err;
}

static void become(const struct lana_topo_options *options, const struct home *home,
		   const struct properties_need *need, pid_t keeper, int tell)
{
	struct lana_worker *worker = NULL;
	struct home own = *home;
	struct news news = {};

	news.err = leave_keeper(&own, keeper, tell);
	if (!news.err)
		news.err = open_worker(options, &own, need, &worker, &news.error);
	if (write(tell, &news, sizeof(news)) < 0 || news.err)
		_exit(1);
	close(tell);
	while (!ended && !lana_worker_run(worker, LOOK_MS, NULL))
		;
	lana_worker_close(worker);
	_exit(!ended);
}

int keep_worker_start(const struct lana_topo_options *options, const struct home *home,
		      const struct properties_need *need, struct lana_error *error)
{
	_cleanup_close_ int end = -1;
	struct news news;
	pid_t keeper = getpid(), pid = keep_fork(&end, error);

	if (pid < 0)
		return pid;
	if (!pid)
		become(options, home, need, keeper, end);
	if (read(end, &news, sizeof(news)) != sizeof(news))
		news = (struct news){ .err = -EPIPE, .error = { "it ended at once" } };
	return news.err ? refuse(error, news.err, "cannot start the worker of links: %.400s",
				 news.error.text)
			: pid;
}
