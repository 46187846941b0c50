// SPDX-License-Identifier: GPL-2.0-only
/*
 * keep - what the keeper of a network's processes does
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "loader/cleanup.h"
#include "loader/clock.h"
#include "loader/error.h"
#include "enter.h"
#include "keeper.h"
#include "step.h"

#define MS	    1000000ULL
#define DELAY_MIN   (100 * MS) /* before something is started again: at first */
#define DELAY_MAX   (10000 * MS)
#define LONG	    (10000 * MS) /* what ran for so long begins at first again */
#define GRACE	    (1000 * MS)	 /* between SIGTERM and SIGKILL */
#define WORKER_LONG (1000 * MS)	 /* a worker that lived for so long is started again at once */

struct kept {
	char node[NET_NAME_MAX];
	struct net_process process; /* only its name and when it starts again */
	pid_t pid;		    /* 0: it does not run */
	int status;
	__u32 starts;
	__u64 started, again, delay; /* ns; again 0: not to be started again */
	bool ending;		     /* it was told to, and goes then */
};

struct keeper {
	const struct lana_topo_options *options;
	const struct home *home;
	struct net net; /* that processes were started from */
	struct kept *list;
	size_t count;
	struct kept worker;	     /* of links; starts 0: there is none */
	struct properties_need need; /* that it was started for */
	int view;		     /* what its programs see, once there is one; or negative */
	bool quiet;		     /* nothing is started again */
	bool dirty;		     /* the list of processes is to be written */
};

/* ---- the list ------------------------------------------------------------------------------ */

static void write_line(const struct kept *kept, FILE *file)
{
	fprintf(file, "%s %s %d %d %d %u\n", kept->node, kept->process.name,
		kept->pid     ? LANA_TOPO_RUNNING
		: kept->again ? LANA_TOPO_WAITING
			      : LANA_TOPO_ENDED,
		kept->pid, kept->status, kept->starts);
}

static void write_list(struct keeper *keeper)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	for (size_t i = 0; file && i < keeper->count; i++)
		write_line(&keeper->list[i], file);
	if (file && keeper->worker.starts)
		write_line(&keeper->worker, file);
	if (file && !fclose(file))
		home_write(keeper->home, "processes", text, size);
	free(text);
	keeper->dirty = false;
}

static struct kept *find(struct keeper *keeper, const char *node, const char *name)
{
	for (size_t i = 0; i < keeper->count; i++)
		if (!strcmp(keeper->list[i].node, node) &&
		    !strcmp(keeper->list[i].process.name, name))
			return &keeper->list[i];
	return NULL;
}

static struct kept *add(struct keeper *keeper, const struct net_node *node,
			const struct net_process *process)
{
	struct kept *kept = NET_ADD(keeper->list, keeper->count);

	if (!kept)
		return NULL;
	snprintf(kept->node, sizeof(kept->node), "%s", node->name);
	kept->process.name = strdup(process->name);
	if (!kept->process.name)
		keeper->count--;
	return kept->process.name ? kept : NULL;
}

/* ---- starting and ending ------------------------------------------------------------------- */

/* The node and process of the network that something kept is. */
static const struct net_process *process_of(const struct keeper *keeper, const struct kept *kept,
					    const struct net_node **node)
{
	long found = net_find_node(&keeper->net, kept->node);

	*node = found < 0 ? NULL : &keeper->net.nodes[found];
	for (size_t i = 0; *node && i < (*node)->processes_count; i++)
		if (!strcmp((*node)->processes[i].name, kept->process.name))
			return &(*node)->processes[i];
	return NULL;
}

static int start(struct keeper *keeper, struct kept *kept, struct lana_error *error)
{
	const struct net_node *node;
	const struct net_process *process = process_of(keeper, kept, &node);
	int pid;

	kept->again = 0;
	if (!process)
		return 0;
	if (keeper->view < 0)
		keeper->view = node_view(keeper->home);
	pid = keep_start(keeper->home, &keeper->net, node, process, keeper->view, error);
	keeper->dirty = true;
	if (pid < 0)
		return pid;
	kept->process.restart = process->restart;
	kept->pid = pid;
	kept->starts++;
	kept->started = clock_ns(CLOCK_MONOTONIC);
	return 0;
}

static void note_end(struct keeper *keeper, struct kept *kept, int status)
{
	__u64 now = clock_ns(CLOCK_MONOTONIC);
	bool failed = !WIFEXITED(status) || WEXITSTATUS(status);

	kept->pid = 0;
	kept->status = status;
	keeper->dirty = true;
	if (kept->ending || keeper->quiet || kept->process.restart == NET_NEVER ||
	    (kept->process.restart == NET_FAILED && !failed))
		return;
	kept->delay = now - kept->started > LONG || !kept->delay ? DELAY_MIN : 2 * kept->delay;
	if (kept->delay > DELAY_MAX)
		kept->delay = DELAY_MAX;
	kept->again = now + kept->delay;
}

/* One that has lived for a while comes again at once: without it links take no time. */
static void note_worker_end(struct keeper *keeper, int status)
{
	struct kept *worker = &keeper->worker;
	__u64 lived = clock_ns(CLOCK_MONOTONIC) - worker->started;

	note_end(keeper, worker, status);
	if (worker->again && lived > WORKER_LONG) {
		worker->again = 1;
		worker->delay = 0;
	}
}

static int start_worker(struct keeper *keeper, struct lana_error *error)
{
	struct kept *worker = &keeper->worker;
	int pid = keep_worker_start(keeper->options, keeper->home, &keeper->need, error);

	worker->again = 0;
	worker->starts++;
	worker->started = clock_ns(CLOCK_MONOTONIC);
	keeper->dirty = true;
	if (pid < 0)
		return pid;
	worker->pid = pid;
	return 0;
}

static void reap(struct keeper *keeper)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == keeper->worker.pid)
			note_worker_end(keeper, status);
		for (size_t i = 0; i < keeper->count; i++)
			if (keeper->list[i].pid == pid)
				note_end(keeper, &keeper->list[i], status);
	}
}

/* Start it if it is due, or note when that will be. */
static void start_one_due(struct keeper *keeper, struct kept *kept, __u64 now, __u64 *next)
{
	int err = 0;

	if (kept->again && kept->again <= now)
		err = kept == &keeper->worker ? start_worker(keeper, NULL)
					      : start(keeper, kept, NULL);
	if (err)
		note_end(keeper, kept, 127 << 8);
	if (kept->again && (!*next || kept->again < *next))
		*next = kept->again;
}

/* Start what is due. How long until the next one is, ms; -1: for ever. */
static int start_due(struct keeper *keeper)
{
	__u64 now = clock_ns(CLOCK_MONOTONIC), next = 0;

	for (size_t i = 0; i < keeper->count && !keeper->quiet; i++)
		start_one_due(keeper, &keeper->list[i], now, &next);
	if (!keeper->quiet)
		start_one_due(keeper, &keeper->worker, now, &next);
	if (!next)
		return -1;
	return next > now ? (next - now) / MS + 1 : 0;
}

/* All that were told to end have, or are killed. */
static void await_ends(struct keeper *keeper)
{
	__u64 begin = clock_ns(CLOCK_MONOTONIC);
	const struct timespec pause = { .tv_nsec = 2 * MS };
	bool killed = false;

	for (;;) {
		size_t left = 0;

		reap(keeper);
		for (size_t i = 0; i < keeper->count; i++)
			left += keeper->list[i].ending && keeper->list[i].pid;
		left += keeper->worker.ending && keeper->worker.pid;
		if (!left)
			return;
		if (!killed && clock_ns(CLOCK_MONOTONIC) - begin > GRACE) {
			if (keeper->worker.ending && keeper->worker.pid)
				kill(keeper->worker.pid, SIGKILL);
			for (size_t i = 0; i < keeper->count; i++)
				if (keeper->list[i].ending && keeper->list[i].pid)
					kill(-keeper->list[i].pid, SIGKILL);
			killed = true;
		}
		nanosleep(&pause, NULL);
	}
}

/* ---- questions ----------------------------------------------------------------------------- */

/* Forget those that have ended and are not of the network any more. */
static void forget(struct keeper *keeper)
{
	size_t count = 0;

	for (size_t i = 0; i < keeper->count; i++)
		if (keeper->list[i].ending)
			free(keeper->list[i].process.name);
		else
			keeper->list[count++] = keeper->list[i];
	keeper->count = count;
	keeper->dirty = true;
}

/* What a change of the network ends: its steps say so. */
static int end_some(struct keeper *keeper, struct lana_error *error)
{
	_cleanup_(net_free) struct net next = {};
	_cleanup_free_ char *text = NULL;
	struct lana_topo_source source = { .name = "next", .network = keeper->home->name };
	struct steps steps;
	char *folder;
	int err = home_read(keeper->home, "next", &text, &source.size);

	folder = text; /* its first line */
	source.text = err ? NULL : strchr(text, '\n');
	if (err || !source.text)
		return refuse(error, err ?: -EINVAL, "cannot read what is to change");
	text[source.text++ - folder] = 0;
	source.size -= source.text - folder;
	err = net_read(&source, folder, NULL, &next, error);
	if (!err)
		err = steps_find(&keeper->net, &next, &steps);
	if (err)
		return err;
	for (size_t i = 0; i < steps.first_add; i++) {
		const struct step *step = &steps.list[i];
		struct kept *kept;

		if (step->kind != STEP_PROCESS)
			continue;
		kept = find(keeper, step_node(step)->name,
			    step_node(step)->processes[step->item].name);
		if (!kept)
			continue;
		kept->ending = true;
		kept->again = 0;
		if (kept->pid)
			kill(-kept->pid, SIGTERM);
	}
	free(steps.list);
	await_ends(keeper);
	forget(keeper);
	return 0;
}

/*
 * A worker if a link takes time. One that is there stays as long as there are wires: links that
 * take no time any more may hold packets still; and that it has fewer frames than it would get now
 * is told by the meter; only packets that it could not take would be lost.
 */
static int see_to_worker(struct keeper *keeper, struct lana_error *error)
{
	struct kept *worker = &keeper->worker;
	struct properties_need need;
	int err = properties_need_of(keeper->options, &keeper->net, &need, error);

	if (err || (worker->pid && net_has_wires(&keeper->net) && need.mtu <= keeper->need.mtu))
		return err;
	worker->again = 0;
	if (worker->pid) {
		worker->ending = true;
		kill(worker->pid, SIGTERM);
		await_ends(keeper);
		worker->ending = false;
	}
	keeper->need = need;
	return need.frames ? start_worker(keeper, error) : 0;
}

static int start_all(struct keeper *keeper, struct lana_error *error)
{
	struct net net = {};
	int err = home_load(keeper->home, &net, error);

	if (err)
		return err;
	net_free(&keeper->net);
	keeper->net = net;
	keeper->net.file.name = keeper->net.file_name;
	err = see_to_worker(keeper, error);
	for (size_t i = 0; !err && i < net.nodes_count; i++)
		for (size_t j = 0; !err && j < net.nodes[i].processes_count; j++) {
			struct net_node *node = &net.nodes[i];
			struct kept *kept = find(keeper, node->name, node->processes[j].name);

			if (kept)
				continue;
			kept = add(keeper, node, &node->processes[j]);
			err = kept ? start(keeper, kept, error)
				   : refuse(error, -ENOMEM, "out of memory");
			if (kept && err) {
				free(kept->process.name);
				keeper->count--;
			}
		}
	return err;
}

static void answer(struct keeper *keeper, int listener)
{
	_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct keeper_answer said = {};
	char question = 0;

	if (fd < 0 || recv(fd, &question, 1, 0) != 1)
		return;
	if (question == KEEPER_QUIT)
		keeper->quiet = true;
	else if (question == KEEPER_END)
		said.err = end_some(keeper, &said.error);
	else if (question == KEEPER_START)
		said.err = start_all(keeper, &said.error);
	write_list(keeper);
	send(fd, &said, sizeof(said), MSG_NOSIGNAL);
}

void keep(const struct lana_topo_options *options, const struct home *home, int listener)
{
	struct keeper keeper = { .options = options,
				 .home = home,
				 .view = -1,
				 .worker = {
					 .node = HOME_WIRES,
					 .process = { .name = "worker", .restart = NET_ALWAYS } } };
	struct signalfd_siginfo info;
	struct pollfd fds[2] = { { .fd = listener, .events = POLLIN }, { .events = POLLIN } };
	sigset_t children;

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	fds[1].fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[1].fd < 0)
		_exit(1);
	for (;;) {
		int timeout = start_due(&keeper);

		if (keeper.dirty)
			write_list(&keeper);
		if (poll(fds, 2, timeout) < 0)
			continue;
		if (fds[1].revents && read(fds[1].fd, &info, sizeof(info)) > 0)
			reap(&keeper);
		if (fds[0].revents)
			answer(&keeper, listener);
	}
}
