// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_socket_forged - who has handed a socket over, and writes what he likes into its rings,
 * cannot have the one who has it now touch memory that is not of its frames; and what is no socket
 * is not taken over
 *
 * The topology is that of sockets.h. "from" is the handle that was handed over, which still has all
 * mapped, "to" the one that has taken it over.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/socket.h"

#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"

#define RING   64
#define ROUNDS 20000

static const struct lana_socket_options small = { .receive_ring = RING,
						  .send_ring = RING,
						  .indirect = true };
static struct side left, right;
static struct lana_socket *from, *to;

static void open_both_as(const struct lana_socket_options *options)
{
	struct lana_error error = {};
	int channel[2];

	from = side_socket(&left, "app", options);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) ||
	    lana_socket_hand_over(from, channel[1], &error) ||
	    lana_socket_take_over(channel[0], &to, &error))
		tap_bail("cannot hand over: %s", error.text);
	close(channel[0]);
	close(channel[1]);
}

static void open_both(void)
{
	open_both_as(&small);
}

static void close_both(void)
{
	lana_socket_close(to);
	lana_socket_close(from);
	inspect_faults(left.stack); /* the next command removes the block */
}

static struct lana_socket_stats stats_of(struct lana_socket *socket)
{
	struct lana_socket_stats stats = {};

	lana_socket_stats(socket, &stats);
	return stats;
}

/* ---- one entry ------------------------------------------------------------------------- */

#define FRAME  2048ULL
#define MEMORY (2 * RING * FRAME)

static void forge_received(__u64 address, __u32 length)
{
	const struct xsk_ring_cons *ring = &from->xsks[0].receive;
	__u32 at = *ring->producer;

	((struct xdp_desc *)ring->ring)[at & ring->mask] =
		(struct xdp_desc){ .addr = address, .len = length };
	__atomic_store_n(ring->producer, at + 1, __ATOMIC_RELEASE);
}

static void forge_completed(__u64 address)
{
	const struct xsk_ring_cons *ring = &from->sending.completion;
	__u32 at = *ring->producer;

	((__u64 *)ring->ring)[at & ring->mask] = address;
	__atomic_store_n(ring->producer, at + 1, __ATOMIC_RELEASE);
}

static void test_received(void)
{
	static const struct {
		const char *what;
		__u64 address;
		__u32 length;
	} cases[] = {
		{ "behind the memory", MEMORY, 60 },
		{ "far behind it", 1ULL << 63, 60 },
		{ "that only its lower half is within", (1ULL << 43) + 256, 60 },
		{ "in a frame for sending", RING * FRAME + 256, 60 },
		{ "that leaves its frame", FRAME - 100, 101 },
		{ "that is longer than 2 GB", 256, UINT32_MAX },
		{ "of no length", 256, 0 },
		{ "of 4 bytes", 256, 4 },
		{ "with a part of a header", 256, LANA_SOCKET_FRAME_MIN - 1 },
		{ "of a byte more than a tagged one of the MTU", 256, 1500 + 18 + 1 },
		{ "longer than the MTU", 256, 1700 },
		{ "without room for a time", 4, 60 },
	};
	struct lana_frame frame;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_both();
		forge_received(cases[i].address, cases[i].length);
		tap_is(lana_socket_borrow(to, &frame, 1, 0), -EAGAIN, "a frame %s is not received",
		       cases[i].what);
		tap_is(stats_of(to).forged, 1, "and counted");
		close_both();
	}
	open_both();
	forge_received(256, 60);
	forge_received(300, 60);
	tap_is(lana_socket_borrow(to, &frame, 1, 0), 1, "a frame that could have come is received");
	tap_is(lana_socket_borrow(to, &frame, 1, 0), -EAGAIN, "but not twice");
	tap_is(stats_of(to).forged, 1, "and that is counted");
	forge_received(FRAME + 256, LANA_SOCKET_FRAME_MIN);
	forge_received(2 * FRAME + 256, 1500 + 18);
	tap_is(lana_socket_borrow(to, &frame, 1, 0) + lana_socket_borrow(to, &frame, 1, 0), 2,
	       "so are the shortest and the longest that there can be");
	close_both();
}

/* All frames for sending can be had, each once, and nothing else. */
static bool has_all_to_send(void)
{
	bool seen[2 * RING] = {};
	struct lana_frame frames[RING], more;
	unsigned int good = 0;
	int got = lana_socket_reserve(to, frames, RING, 0);

	for (int i = 0; i < got; i++) {
		good += frames[i].handle >= RING && frames[i].handle < 2 * RING &&
			!seen[frames[i].handle];
		seen[frames[i].handle % (2 * RING)] = true;
	}
	return good == RING && lana_socket_reserve(to, &more, 1, 0) == -EAGAIN;
}

static void test_completed(void)
{
	static const struct {
		const char *what;
		__u64 address;
	} cases[] = {
		{ "behind the memory", MEMORY },
		{ "far behind it", UINT64_MAX },
		{ "that only its lower half is within", (1ULL << 43) + RING * FRAME },
		{ "that was not sent", RING * FRAME },
		{ "that is received into", 0 },
	};
	struct lana_frame frames[2];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_both();
		forge_completed(cases[i].address);
		tap_ok(has_all_to_send(), "the kernel is not through with a frame %s",
		       cases[i].what);
		tap_is(stats_of(to).forged, 1, "and that is counted");
		close_both();
	}
	open_both();
	lana_socket_reserve(to, frames, 2, 0);
	forge_completed(frames[0].handle * FRAME);
	frames[1].length = 0;
	lana_socket_submit(to, &frames[1], 1, 0);
	lana_socket_reserve(to, &frames[1], 1, 0);
	tap_ok(frames[0].handle != frames[1].handle && stats_of(to).forged == 1,
	       "nor with one that the program has");
	close_both();
}

static void test_counts(void)
{
	unsigned char bytes[60] = {};
	struct lana_frame frames[2 * RING];
	struct lana_socket_stats stats;

	open_both();
	*from->xsks[0].receive.producer += 1000000;
	*from->sending.ring.consumer -= 1000000;
	*from->sending.completion.producer += 1000000;
	tap_is(lana_socket_borrow(to, frames, 2 * RING, 0) <= RING, true,
	       "no more frames are received than there are");
	tap_ok(lana_socket_send(to, bytes, sizeof(bytes), 0) <= 0, "sending ends");
	stats = stats_of(to);
	tap_ok(stats.waiting <= RING && stats.unsent <= RING,
	       "no more wait than rings have places");
	close_both();
}

/* ---- at random --------------------------------------------------------------------------- */

static __u32 any(unsigned int *seed)
{
	static const __u32 some[] = { 0, 1, RING, UINT32_MAX, FRAME, MEMORY, 1U << 31 };
	__u32 number = rand_r(seed);

	switch (number % 3) {
	case 0:
		return some[number / 3 % (sizeof(some) / sizeof(some[0]))];
	case 1:
		return number % (2 * MEMORY);
	}
	return number << 1 ^ rand_r(seed);
}

/* All rings: their counts and their entries. */
static void scribble(void)
{
	const struct socket_mapping *const mappings[] = { &from->xsks[0].mappings[0],
							  &from->xsks[0].mappings[1],
							  &from->sending.mappings[0],
							  &from->sending.mappings[1] };
	unsigned int seed = 1;

	for (;;) {
		const struct socket_mapping *mapping = mappings[rand_r(&seed) % 4];
		__u32 words = mapping->size / sizeof(__u32);

		__atomic_store_n((__u32 *)mapping->start + rand_r(&seed) % words, any(&seed),
				 __ATOMIC_RELAXED);
	}
}

/* Frames that were borrowed lie in memory and apart from each other. */
static bool are_sound(const struct lana_frame *frames, int count)
{
	const char *memory = to->memory;
	bool seen[RING] = {};
	unsigned int sum = 0;

	for (int i = 0; i < count; i++) {
		const char *data = frames[i].data;

		if (frames[i].handle >= RING || seen[frames[i].handle] || data < memory ||
		    data + frames[i].length > memory + RING * FRAME)
			return false;
		seen[frames[i].handle] = true;
		for (__u32 j = 0; j < frames[i].length; j++)
			sum += data[j];
	}
	__asm__ volatile("" : : "r"(sum));
	return true;
}

static bool use(unsigned int *seed)
{
	unsigned char bytes[100] = {};
	struct lana_frame frames[16];
	bool good = true;
	int got;

	if (rand_r(seed) % 2)
		lana_socket_send(to, bytes, sizeof(bytes), 0);
	got = lana_socket_borrow(to, frames, 16, 0);
	if (got > 0) {
		good = are_sound(frames, got);
		if (rand_r(seed) % 2)
			lana_socket_submit(to, frames, got, 0);
		lana_socket_give_back(to, frames, got); /* those that were not sent */
	}
	got = lana_socket_reserve(to, frames, 16, 0);
	for (int i = 0; i < got; i++) {
		good &= frames[i].handle >= RING && frames[i].handle < 2 * RING;
		frames[i].length = i % 2 ? 60 : 0;
	}
	if (got > 0)
		lana_socket_submit(to, frames, got, 0);
	return good && to->sending.free_count <= RING && to->returns.count <= RING;
}

static void test_scribbled(void)
{
	unsigned int seed = 2, bad = 0;
	pid_t child;

	open_both();
	child = tap_fork();
	if (!child)
		scribble();
	for (int i = 0; i < ROUNDS; i++)
		bad += !use(&seed);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	tap_is(bad, 0, "another process scribbles into the rings, and all is within bounds");
	tap_ok(stats_of(to).forged > 0, "what it wrote was met");
	close_both();
}

/* ---- what is taken over -------------------------------------------------------------------- */

/* Hand over what "from" consists of with another descriptor in one place, and another name. */
static int pass(int place, int fd, const char *name)
{
	char control[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))] = {};
	struct socket_parts parts = from->parts;
	struct iovec bytes = { &parts, sizeof(parts) };
	size_t size = (SOCKET_FD_XSK + parts.xsks) * sizeof(int);
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct lana_socket *taken = NULL;
	int channel[2], err;

	if (fd >= 0)
		parts.fds[place] = fd;
	if (name)
		snprintf(parts.name, sizeof(parts.name), "%s", name);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), parts.fds, size);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) || sendmsg(channel[1], &message, 0) < 0)
		tap_bail("cannot send: %s", strerror(errno));
	err = lana_socket_take_over(channel[0], &taken, NULL);
	lana_socket_leave(taken);
	close(channel[0]);
	close(channel[1]);
	return err;
}

static int make_file(off_t size, unsigned int seals)
{
	int fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, size) || (seals && fcntl(fd, F_ADD_SEALS, seals)))
		tap_bail("no memory");
	return fd;
}

/* Its pages may be missing when they are touched, which ends the program. -1: there is no such. */
static int make_huge(off_t size)
{
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	if (fd >= 0 && (ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void test_huge(void)
{
	const struct lana_socket_options options = { .receive_ring = 512,
						     .send_ring = 512,
						     .indirect = true };
	int huge = make_huge((options.receive_ring + options.send_ring) * FRAME);

	if (huge < 0) {
		tap_skip("no memory of huge pages");
		return;
	}
	open_both_as(&options);
	tap_is(pass(SOCKET_FD_MEMORY, huge, NULL), -EPROTO, "taken over: memory of huge pages");
	close_both();
	close(huge);
}

static void test_taken(void)
{
	int open = make_file(MEMORY, 0), shorter = make_file(MEMORY - FRAME, F_SEAL_SHRINK);
	int stream = socket(AF_UNIX, SOCK_STREAM, 0);
	const struct {
		const char *what;
		int place, fd;
		const char *name;
		int err;
	} cases[] = {
		{ "all as it was", 0, -1, NULL, 0 },
		{ "memory that can be cut short", SOCKET_FD_MEMORY, open, NULL, -EPROTO },
		{ "too little memory", SOCKET_FD_MEMORY, shorter, NULL, -EPROTO },
		{ "no memory", SOCKET_FD_MEMORY, stream, NULL, -EPROTO },
		{ "a file in place of a map", SOCKET_FD_COUNTS, open, NULL, -EPROTO },
		{ "another kind of socket", SOCKET_FD_XSK, stream, NULL, -EPROTO },
		{ "a name for terminals", 0, -1, "a\033[2J", -EPROTO },
		{ "no name", 0, -1, "", -EPROTO },
	};

	open_both();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		tap_is(pass(cases[i].place, cases[i].fd, cases[i].name), cases[i].err,
		       "taken over: %s", cases[i].what);
	close_both();
	close(open);
	close(shorter);
	close(stream);
}

/* Who gets it cannot cut it short, or the next one would be ended by that, nor have it grow. */
static void test_sealed(void)
{
	const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd;

	open_both();
	fd = to->parts.fds[SOCKET_FD_MEMORY];
	tap_is(fcntl(fd, F_GET_SEALS) & wanted, wanted, "memory that was handed over is sealed");
	tap_ok(ftruncate(fd, 0) && errno == EPERM, "it cannot be cut short");
	tap_ok(ftruncate(fd, 2 * MEMORY) && errno == EPERM, "nor made longer");
	close_both();
}

int main(void)
{
	topology_begin();
	sides_open(&left, &right, LANA_HOOK_XDP);
	test_received();
	test_completed();
	test_counts();
	test_scribbled();
	test_taken();
	test_huge();
	test_sealed();
	sides_close(&left, &right);
	return tap_done();
}
