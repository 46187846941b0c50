// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "keeper.h"
#include "kill.h"

#define ANSWER_SECONDS 20   /* ending and starting a thousand processes takes less */
#define PID_MS	       5000 /* between two steps of a new keeper's parent */

/* The socket by way of the folder's descriptor, as paths of sockets are short. */
static void address_of(const struct home *home, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/socket", home->fd);
}

/* The lock, if nobody has it; -EWOULDBLOCK: a keeper lives. */
static int take_lock(const struct home *home)
{
	_cleanup_close_ int fd = openat(home->fd, "keeper", O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return -errno;
	return TAKE_FD(fd);
}

/* The pid of whoever has the lock; 0: nobody, -EAGAIN: it is not written yet. */
static int look(const struct home *home)
{
	_cleanup_free_ char *text = NULL;
	int lock = take_lock(home);

	if (lock >= 0)
		close(lock);
	if (lock != -EWOULDBLOCK || home_read(home, "keeper", &text, NULL))
		return 0;
	return strchr(text, '\n') ? atoi(text) : -EAGAIN;
}

int keeper_find(const struct home *home)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int pid = 0;

	if (faccessat(home->fd, "keeper", F_OK, 0))
		return 0;
	for (int i = 0; i < PID_MS && (pid = look(home)) == -EAGAIN; i++)
		nanosleep(&pause, NULL);
	return pid < 0 ? 0 : pid;
}

static int listen_there(const struct home *home)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;

	address_of(home, &address);
	unlinkat(home->fd, "socket", 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 4))
		return -errno;
	return TAKE_FD(fd);
}

static void close_others(unsigned int low, unsigned int high)
{
	if (low > 3)
		syscall(SYS_close_range, 3, low - 1, 0);
	if (high > low + 1)
		syscall(SYS_close_range, low + 1, high - 1, 0);
	syscall(SYS_close_range, high + 1, ~0U, 0);
}

/*
 * Nothing of the caller's goes along but the two descriptors. The one between the two notes the
 * pid, so that it is there when he has ended.
 */
static void become_keeper(const struct lana_topo_options *options, const struct home *home,
			  int lock, int listener)
{
	struct home own = *home;
	char text[20];
	pid_t pid;
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	setsid();
	pid = fork();
	if (pid) {
		snprintf(text, sizeof(text), "%d\n", pid);
		_exit(pid < 0 || pwrite(lock, text, strlen(text), 0) < 0);
	}
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close_others(lock < listener ? lock : listener, lock < listener ? listener : lock);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir("/"))
		_exit(1);
	own.fd = open(own.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own.fd < 0)
		_exit(1);
	keep(options, &own, listener);
}

int keeper_begin(const struct lana_topo_options *options, const struct home *home,
		 struct lana_error *error)
{
	_cleanup_close_ int lock = take_lock(home), listener = -1;
	int status = 1, err;
	pid_t pid;

	if (lock < 0)
		return refuse(error, lock, "cannot start the keeper of processes: %s",
			      strerror(-lock));
	/* The number of one before is nobody's now: it goes before another process has the lock. */
	if (ftruncate(lock, 0))
		return home_refuse(home, -errno, error);
	err = kill_left(home);
	if (err)
		return refuse(error, err, "cannot end processes that a keeper has left: %s",
			      strerror(-err));
	listener = listen_there(home);
	pid = listener < 0 ? -1 : fork();
	if (!pid) {
		become_keeper(options, home, lock, listener);
		_exit(1);
	}
	if (pid < 0)
		return refuse(error, -errno, "cannot start the keeper of processes: %s",
			      strerror(errno));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? refuse(error, -EIO, "cannot start the keeper of processes") : 0;
}

int keeper_ask(const struct home *home, enum keeper_question question, struct lana_error *error)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval most = { .tv_sec = ANSWER_SECONDS };
	struct keeper_answer answer;
	struct sockaddr_un address;
	char byte = question;
	ssize_t size;

	address_of(home, &address);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most)) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return refuse(error, -errno, "the keeper of processes does not listen: %s",
			      strerror(errno));
	do
		size = recv(fd, &answer, sizeof(answer), 0);
	while (size < 0 && errno == EINTR);
	if (size != sizeof(answer))
		return refuse(error, -EPIPE, "the keeper of processes does not answer");
	return answer.err ? refuse(error, answer.err, "%s", answer.error.text) : 0;
}

int keeper_kill(const struct home *home)
{
	_cleanup_close_ int process = -1;
	struct pollfd ended = { .events = POLLIN };
	int pid = keeper_find(home);

	if (!pid)
		return 0;
	process = syscall(SYS_pidfd_open, pid, 0);
	/* It has the lock still, so the number is its own. */
	if (process < 0 || keeper_find(home) != pid)
		return 0;
	syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
	ended.fd = process;
	while (poll(&ended, 1, -1) < 0 && errno == EINTR)
		;
	return 0;
}
