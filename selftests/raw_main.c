// SPDX-License-Identifier: GPL-2.0-only
/*
 * raw - a program with a raw socket, as there are many; it knows nothing of lana but AF_LANA
 *
 *	raw lana NAME | raw packet DEV
 *
 * Somebody sends back what it sends. It prints a line for each thing that it tried: "pass ..." or
 * "fail ...".
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <lana/af_lana.h>

#include "raw.h"

#define OTHER 0x88b6

static int family;
static const char *place;

static int open_raw(int type, unsigned short protocol)
{
	struct sockaddr_lana lana = { .slana_family = AF_LANA };
	struct sockaddr_ll link = { .sll_family = AF_PACKET };
	int fd = socket(family, type, htons(protocol)), err;

	if (fd < 0) {
		perror("raw: socket");
		exit(1);
	}
	snprintf(lana.slana_name, sizeof(lana.slana_name), "%s", place);
	link.sll_ifindex = family == AF_PACKET ? if_nametoindex(place) : 0;
	link.sll_protocol = htons(protocol);
	err = family == AF_LANA ? bind(fd, (void *)&lana, sizeof(lana))
				: bind(fd, (void *)&link, sizeof(link));
	if (err) {
		perror("raw: bind");
		exit(1);
	}
	return fd;
}

static bool wait_by_select(int fd)
{
	struct timeval time = { .tv_sec = 2 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, &time) == 1 && FD_ISSET(fd, &set);
}

static bool wait_by_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 77 }, got = {};
	int epoll = epoll_create1(0), found;
	bool kept;

	errno = EDOM; /* no call that succeeds may clear it */
	kept = !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) && errno == EDOM;
	found = epoll_wait(epoll, &got, 1, 2000);
	close(epoll);
	return kept && found == 1 && got.data.u64 == 77 && got.events == EPOLLIN;
}

/* There and back, waiting so, or (NULL) in the call itself. */
static void exchange(int fd, const char *what, bool (*wait)(int fd))
{
	unsigned char frame[RAW_SIZE], got[2048];
	unsigned int good = 0;

	for (unsigned int i = 0; i < 100; i++) {
		raw_make(frame, RAW_TYPE, i);
		good += send(fd, frame, RAW_SIZE, 0) == RAW_SIZE && (!wait || wait(fd)) &&
			raw_is_back(got, recv(fd, got, sizeof(got), wait ? MSG_DONTWAIT : 0), i);
	}
	raw_say(good == 100, what);
}

static void test_flags(int fd)
{
	unsigned char frame[RAW_SIZE], got[2048];
	struct timeval time = { .tv_usec = 20000 };
	struct sockaddr_storage from = {};
	socklen_t size = sizeof(from);

	raw_say(recv(fd, got, sizeof(got), MSG_DONTWAIT) < 0 && errno == EAGAIN, "MSG_DONTWAIT");
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	raw_say(read(fd, got, sizeof(got)) < 0 && errno == EAGAIN, "O_NONBLOCK");
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	raw_say(recv(fd, got, sizeof(got), 0) < 0 && errno == EAGAIN, "SO_RCVTIMEO");
	time.tv_sec = 2;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));

	raw_make(frame, RAW_TYPE, 1);
	raw_say(write(fd, frame, RAW_SIZE) == RAW_SIZE, "write");
	raw_say(recv(fd, got, sizeof(got), MSG_PEEK) == RAW_SIZE, "MSG_PEEK");
	raw_say(raw_wait_by_poll(fd), "a frame that was looked at can be waited for");
	raw_say(recvfrom(fd, got, 20, MSG_TRUNC, (void *)&from, &size) == RAW_SIZE &&
			!memcmp(got, frame, 20),
		"MSG_TRUNC");
	raw_say(from.ss_family == family, "the source's address");
	raw_say(recv(fd, got, sizeof(got), MSG_DONTWAIT) < 0 && errno == EAGAIN, "it came once");
	raw_say(send(fd, frame, 13, 0) < 0 && errno == EINVAL, "too short a frame");
	raw_say(send(fd, got, sizeof(got), 0) < 0 && errno == EMSGSIZE, "too long a frame");
}

static void test_options(int fd)
{
	int number = 65536, ring[8] = {};
	socklen_t size = sizeof(number);
	struct pollfd wanted = { .fd = fd, .events = POLLIN | POLLOUT };
	struct epoll_event event = { .events = EPOLLOUT, .data.u64 = 7 }, got = {};
	int epoll = epoll_create1(0);

	if (family == AF_PACKET)
		raw_say(socket(AF_INET, SOCK_PACKET, htons(ETH_P_ALL)) < 0 &&
				errno == ESOCKTNOSUPPORT,
			"no SOCK_PACKET of the kernel's");
	raw_say(!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &number, sizeof(number)), "SO_RCVBUF");
	raw_say(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, ring, sizeof(ring)) < 0 &&
			errno == ENOPROTOOPT,
		"no mapped ring");
	raw_say(!getsockopt(fd, SOL_SOCKET, SO_TYPE, &number, &size) && number == SOCK_RAW,
		"SO_TYPE");
	raw_say(poll(&wanted, 1, 2000) == 1 && wanted.revents == POLLOUT, "POLLOUT");
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	raw_say(epoll_wait(epoll, &got, 1, 2000) == 1 && got.events == EPOLLOUT &&
			got.data.u64 == 7,
		"EPOLLOUT");
	event.events = EPOLLIN;
	epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
	raw_say(!epoll_wait(epoll, &got, 1, 0), "EPOLLOUT no more");
	close(epoll);
}

/* Frames of one type only, by a filter; the others are not there for whoever waits either. */
static void test_filter(int fd)
{
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
				      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RAW_TYPE, 0, 1),
				      BPF_STMT(BPF_RET | BPF_K, 65535),
				      BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { 4, code };
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	unsigned char frame[RAW_SIZE], got[2048];

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	raw_make(frame, OTHER, 1);
	send(fd, frame, RAW_SIZE, 0);
	raw_say(!poll(&wanted, 1, 50), "a filter keeps frames out");
	raw_make(frame, RAW_TYPE, 2);
	send(fd, frame, RAW_SIZE, 0);
	raw_say(raw_wait_by_poll(fd) && raw_is_back(got, recv(fd, got, sizeof(got), 0), 2),
		"and lets some in");
	setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, NULL, 0);
}

static void test_copies(int fd)
{
	int copy = dup(fd), status = 1;
	pid_t child;

	close(fd);
	raw_say(raw_works(copy, 3), "a copy works when the first one is closed");
	child = fork();
	if (!child) {
		close(copy);
		_exit(0);
	}
	waitpid(child, &status, 0);
	raw_say(raw_works(copy, 4), "it works when a child has closed it");
	child = fork();
	if (!child)
		_exit(!raw_works(copy, 5));
	waitpid(child, &status, 0);
	raw_say(!status, "and in a child, if it is used there from now on");
	close(copy);
	raw_say(send(copy, "", 1, 0) < 0 && errno == EBADF, "closed is closed");
}

/* A frame that was looked at is held, and epoll(7) tells of it until it is received. */
static void test_peek(int fd)
{
	struct epoll_event event = { .events = EPOLLIN }, got = {};
	int before = epoll_create1(0), after = epoll_create1(0);
	unsigned char frame[RAW_SIZE];

	epoll_ctl(before, EPOLL_CTL_ADD, fd, &event);
	raw_make(frame, RAW_TYPE, 8);
	send(fd, frame, RAW_SIZE, 0);
	raw_say(recv(fd, frame, RAW_SIZE, MSG_PEEK) == RAW_SIZE &&
			epoll_wait(before, &got, 1, 0) == 1 && got.events == EPOLLIN &&
			epoll_wait(before, &got, 1, 0) == 1,
		"epoll tells of a frame that was looked at");
	epoll_ctl(after, EPOLL_CTL_ADD, fd, &event);
	raw_say(epoll_wait(after, &got, 1, 0) == 1, "also who asks only then");
	raw_say(recv(fd, frame, RAW_SIZE, MSG_DONTWAIT) == RAW_SIZE &&
			!epoll_wait(before, &got, 1, 0) && !epoll_wait(after, &got, 1, 0),
		"and no more when it has been received");
	close(before);
	close(after);
}

static int ends[2];
static volatile sig_atomic_t signals;

static void note_signal(int signal)
{
	(void)signal;
	signals += write(ends[1], "", 1) == 1;
}

/* In a child: signals come while other descriptors are used, and their handler uses some too. */
static void take_signals(void)
{
	const struct itimerval often = { { 0, 700 }, { 0, 700 } };
	char byte;

	if (pipe(ends) || signal(SIGALRM, note_signal) == SIG_ERR)
		_exit(1);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	setitimer(ITIMER_REAL, &often, NULL);
	while (signals < 1000)
		if (read(ends[0], &byte, 1) < 0 && errno != EAGAIN && errno != EINTR)
			_exit(1);
	_exit(0);
}

static void test_signals(void)
{
	int fd = socket(family, SOCK_RAW, 0), status = 1;
	pid_t child = fork();

	if (!child)
		take_signals();
	for (int i = 0; i < 1000 && !waitpid(child, &status, WNOHANG); i++)
		poll(NULL, 0, 10);
	if (status) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	raw_say(!status, "handlers of signals may write to what they like");
	close(fd);
}

/* One side of a fork ends, as daemons do, and the other one has the socket. */
static void test_daemon(void)
{
	int fd = open_raw(SOCK_RAW, ETH_P_ALL);

	fflush(stdout);
	if (fork())
		_exit(0);
	raw_say(raw_works(fd, 6), "a daemon's");
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 3)
		return 2;
	family = !strcmp(argv[1], "lana") ? AF_LANA : AF_PACKET;
	place = argv[2];
	fd = open_raw(SOCK_RAW, ETH_P_ALL);
	exchange(fd, "recv", NULL);
	exchange(fd, "poll", raw_wait_by_poll);
	exchange(fd, "select", wait_by_select);
	exchange(fd, "epoll", wait_by_epoll);
	test_flags(fd);
	test_options(fd);
	test_filter(fd);
	test_peek(fd);
	raw_test_life(fd);
	test_copies(fd);
	test_signals();
	if (argc > 3 && !strcmp(argv[3], "daemon"))
		test_daemon();
	return raw_failures > 0;
}
