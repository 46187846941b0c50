// SPDX-License-Identifier: GPL-2.0-only
/* raw_life - what becomes of a raw socket by closing, fork and signals */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "raw.h"

/* ---- descriptors ---------------------------------------------------------------------------- */

/* Close all descriptors but the usual three and one; one of them, which could not be, is told. */
static int close_others(int fd)
{
	int left = -1;

	for (int other = 3; other < 1024; other++)
		if (other != fd && close(other) && fcntl(other, F_GETFD) >= 0)
			left = other;
	return left;
}

static void test_closing(int fd)
{
	const struct rlimit limit = { 70000, 70000 };
	int left, copy;

	left = close_others(fd);
	raw_say(raw_works(fd, 10), "it works when a program closes what it does not know");
	errno = 0;
	raw_say(left >= 0 && dup2(fd, left) < 0 && errno == EBUSY && raw_works(fd, 11),
		"or puts something else there");
	close_range(3, fd - 1, 0);
	close_range(fd + 1, ~0U, 0);
	raw_say(raw_works(fd, 12), "close_range() around it leaves it alone");
	copy = dup(fd);
	close_range(copy, copy, CLOSE_RANGE_CLOEXEC);
	raw_say(raw_works(copy, 13), "with CLOSE_RANGE_CLOEXEC nothing is closed");
	close_range(copy, copy, 0);
	raw_say(send(copy, "", 1, 0) < 0 && errno == EBADF && raw_works(fd, 14),
		"without it a copy is, and only that");
	raw_say(close_range(fd, fd - 1, 0) < 0 && errno == EINVAL && raw_works(fd, 15),
		"a range that is none is refused");

	if (!setrlimit(RLIMIT_NOFILE, &limit))
		raw_say(fcntl(fd, F_DUPFD, 65536) < 0 && errno == EMFILE && raw_works(fd, 16),
			"copies have smaller numbers than 65536");
	else
		printf("note not so many descriptors may be open\n");
}

/* ---- fork ----------------------------------------------------------------------------------- */

/* Its memory is the parent's, its descriptors are not. */
static void test_vfork(int fd)
{
	volatile int the_same = fd;
	int status = 1;
	pid_t child = vfork();

	if (!child) {
		close(the_same);
		close_range(3, ~0U, 0);
		_exit(0);
	}
	waitpid(child, &status, 0);
	raw_say(!status && raw_works(fd, 20), "a child of vfork() has closed its own descriptor");
}

struct receiving {
	int fd;
	pid_t thread; /* 0: it has not begun */
	bool good;
};

static void *receive_one(void *cookie)
{
	struct receiving *receiving = cookie;
	unsigned char got[2048];

	__atomic_store_n(&receiving->thread, gettid(), __ATOMIC_RELEASE);
	receiving->good = raw_is_back(got, recv(receiving->fd, got, sizeof(got), 0), 21);
	return NULL;
}

/* Does a thread of this process sleep? As proc(5) has it. */
static bool sleeps(pid_t thread)
{
	char path[64], text[256] = "";
	const char *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	file = fopen(path, "re");
	if (file && !fgets(text, sizeof(text), file))
		text[0] = 0;
	if (file)
		fclose(file);
	state = strrchr(text, ')');
	return state && state[1] == ' ' && state[2] == 'S';
}

/* Within some seconds. */
static void await_sleep(const struct receiving *receiving)
{
	for (int i = 0; i < 5000; i++) {
		pid_t thread = __atomic_load_n(&receiving->thread, __ATOMIC_ACQUIRE);

		if (thread && sleeps(thread))
			return;
		usleep(1000);
	}
}

/* It can neither receive nor send, as it cannot know what the other thread had begun. */
static int use_as_child(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	unsigned char frame[RAW_SIZE];
	bool refused;

	raw_make(frame, RAW_TYPE, 22);
	refused = send(fd, frame, RAW_SIZE, 0) < 0 && errno == EBUSY;
	refused &= recv(fd, frame, RAW_SIZE, MSG_DONTWAIT) < 0 && errno == EBUSY;
	refused &= poll(&wanted, 1, 1000) == 1;
	return !refused || close(fd);
}

static void test_threads(int fd)
{
	struct receiving receiving = { .fd = fd };
	unsigned char frame[RAW_SIZE];
	pthread_t thread;
	int status = 1;
	pid_t child;

	pthread_create(&thread, NULL, receive_one, &receiving);
	await_sleep(&receiving); /* if it does not wait, the child is not refused */
	child = fork();
	if (!child) {
		alarm(5); /* it must not wait for a lock that nobody has */
		_exit(use_as_child(fd));
	}
	waitpid(child, &status, 0);
	raw_say(!status, "a child is refused a socket that another thread was using");
	raw_make(frame, RAW_TYPE, 21);
	send(fd, frame, RAW_SIZE, 0);
	pthread_join(thread, NULL);
	raw_say(receiving.good && raw_works(fd, 23), "the parent has it as before");
}

/* ---- two threads that look at what comes ----------------------------------------------------- */

#define POLLED 4096 /* frames */
#define BURST  32

struct polling {
	int fd;
	bool done;
};

static void *poll_on(void *cookie)
{
	struct polling *polling = cookie;

	while (!__atomic_load_n(&polling->done, __ATOMIC_ACQUIRE)) {
		struct pollfd wanted = { .fd = polling->fd, .events = POLLIN };

		poll(&wanted, 1, 1);
	}
	return NULL;
}

/* Receive one in its place, looking at it before if asked to. */
static bool receive_next(int fd, unsigned int number, bool peek)
{
	unsigned char got[2048];

	if (peek && !raw_is_back(got, recv(fd, got, sizeof(got), MSG_PEEK), number))
		return false;
	return raw_is_back(got, recv(fd, got, sizeof(got), 0), number);
}

/* How many come back, each in its place, while another thread polls. */
static unsigned int count_polled(int fd, bool peek)
{
	struct polling polling = { .fd = fd };
	unsigned char frame[RAW_SIZE];
	unsigned int good = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, poll_on, &polling);
	for (unsigned int i = 0; i < POLLED && good == i; i += BURST) {
		for (unsigned int j = i; j < i + BURST; j++) {
			raw_make(frame, RAW_TYPE, j);
			send(fd, frame, RAW_SIZE, 0);
		}
		while (good < i + BURST && receive_next(fd, good, peek))
			good++;
	}
	__atomic_store_n(&polling.done, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	while (good < POLLED && recv(fd, frame, RAW_SIZE, 0) > 0)
		;
	return good;
}

static void test_polled(int fd)
{
	raw_say(count_polled(fd, false) == POLLED,
		"nothing is lost or overtaken while another thread polls");
	raw_say(count_polled(fd, true) == POLLED, "nor of what is looked at before");
}

/* ---- signals -------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted++;
}

struct disturbing {
	int fd;
	pthread_t whom;
	bool done;
};

/* Signals until ten have come or nobody waits any more; then there is something to be received. */
static void *disturb(void *cookie)
{
	struct disturbing *disturbing = cookie;
	unsigned char frame[RAW_SIZE];

	for (int i = 0; i < 1000 && interrupted < 10; i++) {
		if (__atomic_load_n(&disturbing->done, __ATOMIC_ACQUIRE))
			break;
		pthread_kill(disturbing->whom, SIGUSR1);
		usleep(5000);
	}
	raw_make(frame, RAW_TYPE, 30);
	send(disturbing->fd, frame, RAW_SIZE, 0);
	return NULL;
}

/* Receive while signals come, with these flags of their handler. Returns errno, 0: a frame. */
static int receive_disturbed(int fd, int flags, time_t seconds)
{
	const struct sigaction action = { .sa_handler = interrupt, .sa_flags = flags };
	struct timeval time = { .tv_sec = seconds };
	struct disturbing disturbing = { .fd = fd, .whom = pthread_self() };
	unsigned char got[2048];
	pthread_t thread;
	int result;

	interrupted = 0;
	sigaction(SIGUSR1, &action, NULL);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	pthread_create(&thread, NULL, disturb, &disturbing);
	result = recv(fd, got, sizeof(got), 0) == RAW_SIZE ? 0 : errno;
	__atomic_store_n(&disturbing.done, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	time.tv_sec = 2;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	if (result && recv(fd, got, sizeof(got), 0) != RAW_SIZE)
		result = -1;
	signal(SIGUSR1, SIG_DFL);
	return result;
}

static void test_restart(int fd)
{
	raw_say(!receive_disturbed(fd, SA_RESTART, 0) && interrupted >= 10,
		"a handler with SA_RESTART lets recv() go on");
	raw_say(receive_disturbed(fd, 0, 0) == EINTR, "one without does not");
	raw_say(receive_disturbed(fd, SA_RESTART, 10) == EINTR, "nor if there is a time limit");
}

void raw_test_life(int fd)
{
	test_restart(fd);
	test_closing(fd);
	test_vfork(fd);
	test_threads(fd);
	test_polled(fd);
}
