// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_socket_frames - whose a frame is, which ones may be sent, and how long that may take
 *
 * The topology is that of sockets.h.
 */
#include <errno.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_packet.h>

#include "sockets.h"
#include "tap.h"
#include "topology.h"

#define SIZE 100
#define MANY 1000

static struct side left, right;
static unsigned char bytes[SIZE];

/* ---- whose frames are ------------------------------------------------------------------- */

static void test_twice(void)
{
	struct lana_frame frame, both[2];
	struct lana_frame nowhere = { .data = bytes, .length = SIZE, .handle = 1 << 20 };

	frame_send(left.socket, SIZE, 1);
	lana_socket_borrow(right.socket, &frame, 1, SECOND);
	tap_is(lana_socket_give_back(right.socket, &frame, 1), 0, "a frame is given back");
	tap_is(lana_socket_give_back(right.socket, &frame, 1), -EINVAL, "not twice");
	tap_is(lana_socket_submit(right.socket, &frame, 1, 0), -EINVAL, "nor is it sent then");

	frame_send(left.socket, SIZE, 2);
	lana_socket_borrow(right.socket, &frame, 1, SECOND);
	both[0] = both[1] = frame;
	tap_is(lana_socket_submit(right.socket, both, 2, SECOND), 1, "a frame is sent once");
	tap_is(lana_socket_submit(right.socket, &frame, 1, SECOND), -EINVAL, "not twice");
	tap_is(lana_socket_give_back(right.socket, &frame, 1), -EINVAL,
	       "nor is it given back then");
	tap_ok(frame_receive(left.socket, SIZE, 2), "it comes once");
	tap_is(lana_socket_recv(left.socket, bytes, SIZE, NULL, 0), -EAGAIN, "and not again");

	lana_socket_reserve(right.socket, &frame, 1, SECOND);
	tap_is(lana_socket_give_back(right.socket, &frame, 1), -EINVAL,
	       "one that was reserved was not borrowed");
	both[0] = both[1] = frame;
	both[0].length = both[1].length = 0;
	tap_is(lana_socket_submit(right.socket, both, 2, 0), 1, "one that is not wanted goes once");
	frame.length = SIZE;
	tap_is(lana_socket_submit(right.socket, &frame, 1, 0), -EINVAL, "and is not sent then");

	tap_is(lana_socket_submit(right.socket, &nowhere, 1, 0), -EINVAL, "no frame");
	lana_socket_reserve(right.socket, both, 2, SECOND);
	frame = both[0];
	both[0].data = both[1].data;
	both[0].length = both[1].length = SIZE;
	tap_is(lana_socket_submit(right.socket, both, 2, 0), -EINVAL, "one with another's data");
	both[0] = frame;
	both[0].length = both[1].length = 0;
	tap_is(lana_socket_submit(right.socket, both, 2, 0), 2, "both are the program's still");
}

/* ---- lengths ---------------------------------------------------------------------------- */

/* The kernel's own answer, at a device of the same MTU. */
static int send_by_kernel(const void *frame, size_t length)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_ifindex = topology_ifindex("left", "l0") };
	int home = topology_enter("left");
	int packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), err = 0;

	topology_leave(home);
	if (packet < 0)
		tap_bail("no packet socket: %s", strerror(errno));
	if (sendto(packet, frame, length, 0, (void *)&address, sizeof(address)) < 0)
		err = -errno;
	close(packet);
	return err;
}

static void test_lengths(void)
{
	static const struct {
		unsigned int length, type;
		int err;
	} cases[] = {
		{ 14, 0x88b5, 0 },	     { 1514, 0x88b5, 0 },
		{ 1515, 0x88b5, -EMSGSIZE }, { 1518, 0x88b5, -EMSGSIZE },
		{ 1514, 0x8100, 0 },	     { 1515, 0x8100, 0 },
		{ 1518, 0x8100, 0 },	     { 1519, 0x8100, -EMSGSIZE },
		{ 1518, 0x88a8, -EMSGSIZE }, { 1518, 0x0081, -EMSGSIZE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned char frame[2048] = { 2 };
		unsigned int length = cases[i].length;
		struct lana_frame reserved;

		frame[12] = cases[i].type >> 8;
		frame[13] = cases[i].type;
		tap_is(send_by_kernel(frame, length), cases[i].err,
		       "%u bytes of type %04x, by the kernel", length, cases[i].type);
		tap_is(lana_socket_send(left.socket, frame, length, SECOND), cases[i].err,
		       "the same by a socket");
		lana_socket_reserve(left.socket, &reserved, 1, SECOND);
		memcpy(reserved.data, frame, length);
		reserved.length = length;
		tap_is(lana_socket_submit(left.socket, &reserved, 1, SECOND), cases[i].err ?: 1,
		       "and without a copy");
		reserved.length = 0;
		lana_socket_submit(left.socket, &reserved, 1, 0);
	}
	while (lana_socket_recv(right.socket, bytes, SIZE, NULL, SECOND / 10) > 0)
		;
}

/* ---- the kernel takes none ---------------------------------------------------------------- */

/* What the kernel is asked to send by, which is no more while something else is in its place. */
static int find_sender(void)
{
	socklen_t size = sizeof(int);
	int domain = 0, fd = 256;

	while (fd-- && (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || domain != AF_XDP))
		;
	return fd;
}

/* The ring is full of frames that were turned round, and others are to be sent. */
static void test_full(void)
{
	const struct lana_socket_options options = { 0, 8, 8, .indirect = true };
	struct lana_frame some[8];
	int sender, kept;

	sides_connect(&left, &right, LANA_HOOK_XDP, &options); /* its descriptors are the latest */
	for (int i = 0; i < 8; i++) {
		frame_send(left.socket, SIZE, i);
		lana_socket_borrow(right.socket, &some[i], 1, SECOND);
	}
	sender = find_sender();
	kept = dup(sender);
	dup2(STDIN_FILENO, sender);
	tap_is(lana_socket_submit(right.socket, some, 8, 0), 8, "frames wait to be sent");
	tap_is(lana_socket_reserve(right.socket, some, 8, 0), 8, "the ring is full");
	for (int i = 0; i < 8; i++)
		some[i].length = 0;
	tap_is(lana_socket_submit(right.socket, some, 8, 0), 8,
	       "frames that are not wanted need no room in it");
	for (int i = 0; i < 8; i++)
		lana_socket_send(right.socket, bytes, SIZE, 0);
	dup2(kept, sender);
	close(kept);
	tap_is(lana_socket_flush(right.socket, SECOND), 0, "they are sent");
	tap_is(lana_socket_reserve(right.socket, some, 8, 0), 8, "and no frame is missing");
	sides_close(&left, &right);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* The time to wait is that of the call, not of each batch that it is made of. */
static void test_deadline(void)
{
	const struct lana_socket_options options = { .indirect = true };
	struct lana_frame some[MANY], copied[MANY];
	uint64_t begun;
	int sender, kept, got;

	sides_connect(&left, &right, LANA_HOOK_XDP, &options);
	sender = find_sender();
	kept = dup(sender);
	dup2(STDIN_FILENO, sender);
	for (int i = 0; i < MANY; i++)
		copied[i] = (struct lana_frame){ .data = bytes, .length = SIZE };
	begun = now();
	tap_is(lana_socket_sendm(right.socket, copied, MANY, SECOND / 2), MANY, "1000 frames wait");
	got = lana_socket_reserve(right.socket, some, MANY, 0);
	for (int i = 0; i < got; i++)
		some[i].length = SIZE;
	tap_is(lana_socket_submit(right.socket, some, got, SECOND / 2), MANY, "and 1000 more");
	tap_ok(now() - begun < 2 * SECOND, "for the time that was said, twice");
	dup2(kept, sender);
	close(kept);
	sides_close(&left, &right);
}

int main(void)
{
	topology_begin();
	sides_connect(&left, &right, LANA_HOOK_XDP, NULL);
	test_twice();
	test_lengths();
	sides_close(&left, &right);
	test_full();
	test_deadline();
	return tap_done();
}
