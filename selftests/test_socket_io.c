// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_socket_io - all ways to send and receive, what is counted, and sockets that are handed on
 *
 * The topology is that of sockets.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loader/socket.h"

#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"

#define SIZE 100

static struct side left, right;

static void begin(enum lana_hook hook, const struct lana_socket_options *options)
{
	sides_connect(&left, &right, hook, options);
}

static void end(void)
{
	sides_close(&left, &right);
}

static int send_one(unsigned int seed)
{
	return frame_send(left.socket, SIZE, seed);
}

static bool receive_one(struct lana_socket *socket, unsigned int seed)
{
	return frame_receive(socket, SIZE, seed);
}

static struct lana_socket_stats stats_of(struct lana_socket *socket)
{
	struct lana_socket_stats stats;

	lana_socket_stats(socket, &stats);
	return stats;
}

/* ---- many at a time ------------------------------------------------------------------ */

#define MANY 1000

static unsigned char bytes[MANY][SIZE];
static struct lana_frame frames[MANY];

static void fill_frames(bool make)
{
	for (unsigned int i = 0; i < MANY; i++) {
		frames[i] = (struct lana_frame){ .data = bytes[i], .length = SIZE, .size = SIZE };
		if (make)
			frame_make(bytes[i], SIZE, i);
		else
			memset(bytes[i], 0, SIZE);
	}
}

static unsigned int count_right(void)
{
	unsigned int good = 0;

	for (unsigned int i = 0; i < MANY; i++)
		good += frames[i].length == SIZE && frame_is(frames[i].data, SIZE, i);
	return good;
}

static int receive_many(struct lana_socket *socket)
{
	int done = 0;

	while (done < MANY) {
		int got = lana_socket_recvm(socket, frames + done, MANY - done, SECOND);

		if (got <= 0)
			return got;
		done += got;
	}
	return done;
}

static void test_many(void)
{
	fill_frames(true);
	tap_is(lana_socket_sendm(left.socket, frames, MANY, SECOND), MANY, "1000 frames are sent");
	fill_frames(false);
	tap_is(receive_many(right.socket), MANY, "and received");
	tap_is(count_right(), MANY, "in order");
	fill_frames(true);
	frames[7].length = 5;
	tap_is(lana_socket_sendm(left.socket, frames, MANY, SECOND), 7,
	       "those before one that is too short are sent");
	for (unsigned int i = 0; i < 7; i++)
		receive_one(right.socket, i);
}

/* Back and forth without a copy, until they are home again. */
static void test_turned(void)
{
	struct lana_frame some[64];
	unsigned int good = 0;
	int got, taken;

	for (unsigned int round = 0; round < 100; round++) {
		got = lana_socket_reserve(left.socket, some, 64, SECOND);
		for (int i = 0; i < got; i++) {
			frame_make(some[i].data, SIZE, i);
			some[i].length = i == 63 ? 0 : SIZE; /* that one is not wanted */
		}
		taken = lana_socket_submit(left.socket, some, got, SECOND);
		if (got != 64 || taken != 64)
			break;
		for (unsigned int i = 0; i < 63; i++) {
			/* Four bytes off the front and six on again, as a tunnel's end would. */
			if (lana_socket_borrow(right.socket, some, 1, SECOND) != 1 ||
			    !frame_is(some->data, SIZE, i))
				break;
			memmove((char *)some->data + 4, some->data, 12);
			some->data = (char *)some->data + 4;
			some->length -= 4;
			if (lana_socket_submit(right.socket, some, 1, SECOND) != 1)
				break;
			good += lana_socket_recv(left.socket, bytes[0], SIZE, NULL, SECOND) ==
				SIZE - 4;
		}
	}
	tap_is(good, 6300, "6300 frames were turned round where they were");
	tap_is(lana_socket_reserve(left.socket, frames, MANY, SECOND), MANY,
	       "none is missing afterwards");
	for (int i = 0; i < MANY; i++)
		frames[i].length = 0;
	tap_is(lana_socket_submit(left.socket, frames, MANY, 0), MANY, "unwanted ones go back");
}

/* ---- what is counted ----------------------------------------------------------------- */

static void test_overruns(enum lana_hook hook)
{
	const struct lana_socket_options options = { .receive_ring = 64 };
	struct lana_socket_stats stats;
	int received = 0;

	begin(hook, &options);
	for (unsigned int i = 0; i < 1000; i++)
		send_one(i);
	usleep(100000);
	stats = stats_of(right.socket);
	tap_is(stats.waiting, 64, "at %s 64 frames wait", lana_hook_name(hook));
	tap_is(stats.overruns + stats.link_full, 936, "all others are counted as lost");
	while (receive_one(right.socket, received))
		received++;
	stats = stats_of(right.socket);
	tap_is(received, 64, "what waits can be received: the oldest ones");
	tap_is(stats.received, 64, "and is counted");
	tap_is(stats_of(left.socket).sent, 1000, "so is what was sent");
	tap_is(stats_of(left.socket).refused, 0, "of which nothing was refused");
	tap_ok(!send_one(5) && receive_one(right.socket, 5), "then it goes on");
	end();
}

/* Frames that are too long for the receiver never reach it. */
static void test_oversized(void)
{
	const struct lana_socket_options options = { .mtu = SIZE - ETH_HLEN };
	struct lana_block_stats *stats;
	unsigned char frame[200];
	size_t count;

	begin(LANA_HOOK_XDP, &options);
	frame_make(frame, sizeof(frame), 1);
	lana_socket_send(left.socket, frame, sizeof(frame), SECOND);
	tap_ok(!send_one(2) && receive_one(right.socket, 2), "a frame that fits is received");
	if (lana_block_stats(right.stack, "app", &stats, &count, NULL))
		tap_bail("no statistics");
	tap_is(stats->path[LANA_INGRESS].own[0].value, 1, "and counted as delivered");
	tap_is(stats->path[LANA_INGRESS].own[2].value, 1, "a longer one as oversized");
	free(stats);
	end();
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void test_timestamps(enum lana_hook hook)
{
	const struct lana_socket_options options = { .timestamps = true };
	uint64_t before, time = 0;
	unsigned char frame[SIZE];
	bool good = true;

	begin(hook, &options);
	for (unsigned int i = 0; i < 100; i++) {
		before = now();
		send_one(i);
		good &= lana_socket_recv(right.socket, frame, SIZE, &time, SECOND) == SIZE &&
			time >= before && time <= now();
	}
	tap_ok(good, "frames bear the time of their arrival at %s", lana_hook_name(hook));
	end();
}

/* ---- descriptors and threads --------------------------------------------------------- */

static void test_poll(void)
{
	struct pollfd ready = { .fd = lana_socket_fd(right.socket), .events = POLLIN };

	tap_is(poll(&ready, 1, 0), 0, "nothing came: not readable");
	send_one(1);
	tap_is(poll(&ready, 1, 1000), 1, "readable when something has come");
	receive_one(right.socket, 1);
	tap_is(poll(&ready, 1, 0), 0, "and no more when it has been received");
}

#define THREAD_FRAMES 20000
#define WINDOW	      128

static unsigned int threads_sent, threads_received;

static void *send_many(void *cookie)
{
	(void)cookie;
	for (unsigned int i = 0; i < THREAD_FRAMES; i++) {
		while (__atomic_load_n(&threads_sent, __ATOMIC_RELAXED) -
			       __atomic_load_n(&threads_received, __ATOMIC_RELAXED) >
		       WINDOW)
			usleep(20);
		__atomic_add_fetch(&threads_sent, !send_one(i), __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *receive_all(void *cookie)
{
	unsigned char frame[SIZE];

	(void)cookie;
	while (lana_socket_recv(right.socket, frame, SIZE, NULL, SECOND) == SIZE)
		__atomic_add_fetch(&threads_received, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, i < 2 ? send_many : receive_all, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	tap_is(threads_received, 2 * THREAD_FRAMES, "two threads send what two others receive");
}

/* Frames that a socket has memory for. */
static long frames_of(const struct lana_socket *socket)
{
	struct stat memory = {};

	fstat(socket->parts.fds[SOCKET_FD_MEMORY], &memory);
	return memory.st_size / socket->parts.frame_size;
}

/* ---- several sockets on one queue ---------------------------------------------------- */

static void test_several(void)
{
	struct lana_socket *other = side_socket(&right, "other", NULL);
	unsigned char frame[SIZE] = {};

	side_do(&right, "unbind app r0");
	side_do(&right, "add split ethertype type=%u", 0x88b5);
	side_do(&right, "bind split r0 ingress");
	side_do(&right, "bind app split port match");
	side_do(&right, "bind other split port other");
	memcpy(frame + 12, "\x88\xb6", 2);
	tap_is(lana_socket_send(left.socket, frame, SIZE, SECOND), 0, "to the one");
	tap_is(send_one(3), 0, "and the other");
	tap_is(lana_socket_recv(other, frame, SIZE, NULL, SECOND), SIZE, "the one receives");
	tap_ok(receive_one(right.socket, 3), "and the other");
	tap_is(lana_socket_recv(other, frame, SIZE, NULL, 0), -EAGAIN, "nothing else");
	tap_is(stats_of(other).direct, 0, "a queue belongs to one of them, and both are served");
	tap_is(frames_of(other), 2 * 2048, "for the queue that it has not it has no frames either");
	tap_is(frames_of(right.socket), 3 * 2048, "the one that has it has some for it");
	side_do(&right, "bind other app egress");
	tap_ok(!lana_socket_send(other, frame, SIZE, SECOND) &&
		       lana_socket_recv(right.socket, frame, SIZE, NULL, SECOND) == SIZE,
	       "one socket can stand on another");
	lana_socket_close(other);
	side_do(&right, "unbind app split port match");
	side_do(&right, "unbind split r0 ingress");
	side_do(&right, "bind app r0");
}

/* A device of another namespace may have the same index: no index is trusted from then on. */
static void test_namespaces(void)
{
	tap_is(stats_of(right.socket).direct, 1, "frames come directly");
	topology_veth("left", "l1", "right", "r1");
	tap_is(topology_run("%s -n left -s r0 vlink hook l1 xdp", inspect_lanactl()), 0,
	       "the stack gets a device of another namespace");
	tap_ok(!send_one(4) && receive_one(right.socket, 4), "frames still come");
	tap_is(topology_run("%s -s r0 show app | grep -q 'device0=0'", inspect_lanactl()), 1,
	       "by the other way");
	tap_is(inspect_faults(right.stack), 0, "the stack is consistent");
}

/* ---- handing on ---------------------------------------------------------------------- */

/* Does a descriptor lead to folders above it, as none may that is handed to a container? */
static bool leads_up(int fd)
{
	struct stat here, above;
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d/..", fd);
	return !fstat(fd, &here) && S_ISDIR(here.st_mode) &&
	       (stat(link, &above) || here.st_ino != above.st_ino || here.st_dev != above.st_dev);
}

/* How many do, of those that came with a socket; as root, whom no mode of a folder stops. */
static int count_leading_up(int channel)
{
	bool before[256];
	struct lana_socket *socket;
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		before[fd] = fcntl(fd, F_GETFD) >= 0;
	if (lana_socket_take_over(channel, &socket, NULL))
		return -1;
	for (int fd = 0; fd < 256; fd++)
		count += !before[fd] && leads_up(fd);
	return count;
}

/* In a process that may do nothing: send back what comes. */
static void serve(int channel)
{
	struct lana_socket *socket;
	unsigned char frame[SIZE];
	ssize_t got;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || setgid(65534) || setuid(65534) ||
	    lana_socket_take_over(channel, &socket, NULL))
		_exit(1);
	while ((got = lana_socket_recv(socket, frame, SIZE, NULL, 10 * SECOND)) > 0)
		if (lana_socket_send(socket, frame, got, SECOND))
			_exit(2);
	_exit(3);
}

/* The handle that was handed over is of no more use. */
static void check_handed(struct lana_socket *socket, int channel)
{
	unsigned char frame[SIZE] = {};
	struct lana_frame one = { .data = frame, .length = SIZE, .size = SIZE };
	const struct {
		const char *name;
		int result;
	} calls[] = {
		{ "recv", lana_socket_recv(socket, frame, SIZE, NULL, SECOND) },
		{ "recvm", lana_socket_recvm(socket, &one, 1, 0) },
		{ "borrow", lana_socket_borrow(socket, &one, 1, 0) },
		{ "send", lana_socket_send(socket, frame, SIZE, SECOND) },
		{ "sendm", lana_socket_sendm(socket, &one, 1, 0) },
		{ "reserve", lana_socket_reserve(socket, &one, 1, 0) },
		{ "submit", lana_socket_submit(socket, &one, 1, 0) },
		{ "flush", lana_socket_flush(socket, 0) },
		{ "hand_over", lana_socket_hand_over(socket, channel, NULL) },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		tap_is(calls[i].result, -EBADF, "%s by who has handed it over", calls[i].name);
}

static void test_hand_over(void)
{
	struct lana_error error = {};
	struct lana_frame frame;
	int channel[2], bad;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel))
		tap_bail("socketpair: %s", strerror(errno));
	bad = write(channel[1], "nonsense", 8);
	tap_is(lana_socket_take_over(channel[0], &left.socket, &error), -EPROTO,
	       "nonsense is refused: %s", error.text);
	(void)bad;
	send_one(1);
	lana_socket_borrow(right.socket, &frame, 1, SECOND);
	tap_is(lana_socket_hand_over(right.socket, channel[1], &error), -EBUSY,
	       "not while a frame is borrowed: %s", error.text);
	lana_socket_give_back(right.socket, &frame, 1);

	tap_is(lana_socket_hand_over(right.socket, channel[1], &error), 0, "it is handed over");
	send_one(3);
	check_handed(right.socket, channel[1]);
	child = fork();
	if (!child)
		serve(channel[0]);
	tap_ok(receive_one(left.socket, 3), "what waits is the other one's");
	lana_socket_close(right.socket);
	right.socket = NULL;
	tap_ok(!send_one(2) && receive_one(left.socket, 2),
	       "a process without privileges sends and receives");
	tap_is(topology_run("%s -s r0 show app >/dev/null", inspect_lanactl()), 0,
	       "the block is there");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	tap_is(topology_run("%s -s r0 show app >/dev/null 2>&1", inspect_lanactl()), 1,
	       "and goes with that process");
	close(channel[0]);
	close(channel[1]);
}

static void test_way_up(void)
{
	struct lana_socket *third = side_socket(&right, "third", NULL);
	int channel[2], status = -1;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel))
		tap_bail("socketpair: %s", strerror(errno));
	child = fork();
	if (!child)
		_exit(count_leading_up(channel[0]));
	tap_is(lana_socket_hand_over(third, channel[1], NULL), 0, "another one is handed over");
	lana_socket_close(third);
	waitpid(child, &status, 0);
	tap_is(status, 0, "nothing that came with it leads to folders of the other side");
	close(channel[0]);
	close(channel[1]);
}

/* ---- devices that go ----------------------------------------------------------------- */

static void test_device_back(void)
{
	begin(LANA_HOOK_XDP, NULL);
	topology_run("ip -n left link del l0");
	tap_is(send_one(1), 0, "a frame for a device that has gone is sent, and dropped there");
	topology_veth("left", "l0", "right", "r0");
	side_do(&left, "vlink hook l0 xdp");
	side_do(&right, "vlink hook r0 xdp");
	tap_ok(!send_one(2) && receive_one(right.socket, 2), "it goes on when the device is back");
	end();
}

int main(void)
{
	topology_begin();
	begin(LANA_HOOK_XDP, NULL);
	test_many();
	test_turned();
	test_poll();
	test_threads();
	test_several();
	test_hand_over();
	test_way_up();
	end();
	begin(LANA_HOOK_XDP, NULL);
	test_namespaces();
	end();
	test_overruns(LANA_HOOK_XDP);
	test_overruns(LANA_HOOK_TC);
	test_oversized();
	test_timestamps(LANA_HOOK_XDP);
	test_timestamps(LANA_HOOK_TC);
	test_device_back();
	return tap_done();
}
