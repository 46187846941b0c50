// SPDX-License-Identifier: GPL-2.0-only
/* paths_probe - ask by each path, and hear whether there is an answer */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "loader/clock.h"
#include "loader/internet.h"
#include "paths.h"

#define ICMP_FILTER_OPTION 1 /* ICMP_FILTER of linux/icmp.h, of SOL_RAW */
#define UP_AFTER	   3 /* answers in a row */
#define MAGIC		   0x6c616e61

struct probe {
	struct icmphdr icmp;
	uint32_t magic, port;
	uint64_t time;
};

int paths_open(struct paths *paths)
{
	uint32_t but_answers = ~(1U << ICMP_ECHOREPLY);
	int one = 1;

	paths->socket = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
	if (paths->socket < 0)
		return -errno;
	if (setsockopt(paths->socket, SOL_RAW, ICMP_FILTER_OPTION, &but_answers,
		       sizeof(but_answers)) ||
	    setsockopt(paths->socket, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    connect(paths->socket, (void *)&paths->target, sizeof(paths->target)))
		return -errno;
	return getrandom(&paths->id, sizeof(paths->id), 0) < 0 ? -errno : 0;
}

void paths_close(struct paths *paths)
{
	if (paths->socket >= 0)
		close(paths->socket);
	paths->socket = -1;
}

/* What cannot be sent has no answer either. */
static void ask(struct paths *paths, uint32_t port)
{
	struct probe probe = { .magic = MAGIC, .port = port, .time = clock_ns(CLOCK_MONOTONIC) };
	uint32_t mark = paths->mark + port + 1;
	struct path *path = &paths->path[port];

	probe.icmp.type = ICMP_ECHO;
	probe.icmp.un.echo.id = paths->id;
	probe.icmp.un.echo.sequence = htons(paths->sequence);
	probe.icmp.checksum = internet_checksum(&probe, sizeof(probe));
	if (!setsockopt(paths->socket, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		(void)!send(paths->socket, &probe, sizeof(probe), 0);
	path->sent++;
	path->probes[paths->sequence % PATHS_ASKED] = (struct path_probe){
		.sent = probe.time, .bytes = path->bytes, .packets = path->packets
	};
	if (!path->silent)
		path->silent = probe.time;
}

void paths_ask(struct paths *paths)
{
	for (uint32_t port = 0; port < PATHS_MAX; port++)
		if (paths->path[port].used)
			ask(paths, port);
	paths->sequence++;
}

static void answer(struct path *path, double rtt)
{
	path->received++;
	path->answers++;
	path->silent = 0;
	path->rtt = path->rtt ? path->rtt + (rtt - path->rtt) / 4 : rtt;
	if (!path->least || rtt < path->least)
		path->least = rtt;
	else
		path->least += (rtt - path->least) / 1000;
}

/* A raw socket gets the header of IP, and answers to whoever asks. */
static void hear(struct paths *paths, const uint8_t *packet, ssize_t size, uint64_t came)
{
	const struct iphdr *ip = (const void *)packet;
	struct probe probe;

	if (size < (ssize_t)sizeof(*ip) || size < (ssize_t)(ip->ihl * 4 + sizeof(probe)))
		return;
	memcpy(&probe, packet + ip->ihl * 4, sizeof(probe));
	if (probe.icmp.type != ICMP_ECHOREPLY || probe.icmp.un.echo.id != paths->id ||
	    probe.magic != MAGIC || probe.port >= PATHS_MAX || probe.time > came)
		return;
	answer(&paths->path[probe.port], came - probe.time);
	paths_note(&paths->path[probe.port], ntohs(probe.icmp.un.echo.sequence), probe.time, came);
}

/* The kernel has noted when it came; this process may have been doing something else since. */
static uint64_t came_at(struct msghdr *message)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), wall = clock_ns(CLOCK_REALTIME);
	uint64_t noted = clock_stamp(message);

	return noted < wall && wall - noted < PATHS_SECOND ? now - (wall - noted) : now;
}

static void hear_all(struct paths *paths)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	uint8_t packet[512];
	struct iovec room = { packet, sizeof(packet) };
	ssize_t size;

	for (;;) {
		struct msghdr message = { .msg_iov = &room,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };

		size = recvmsg(paths->socket, &message, 0);
		if (size < 0)
			return;
		hear(paths, packet, size, came_at(&message));
	}
}

void paths_hear(struct paths *paths, uint64_t until)
{
	struct pollfd ready = { .fd = paths->socket, .events = POLLIN };
	uint64_t now;

	hear_all(paths); /* also if the time is over: silence is nobody's answer */
	while ((now = clock_ns(CLOCK_MONOTONIC)) < until) {
		struct timespec left = { (until - now) / PATHS_SECOND,
					 (until - now) % PATHS_SECOND };

		if (ppoll(&ready, 1, &left, NULL) < 0)
			return;
		hear_all(paths);
	}
}

bool paths_judge(struct paths *paths)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	bool changed = false;

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		struct path *path = &paths->path[port];
		uint64_t patience = paths->timeout + 2 * (uint64_t)path->rtt;
		bool silent = path->silent && now - path->silent > patience;

		if (!path->used)
			continue;
		if (silent)
			path->answers = 0;
		if (path->up ? silent : path->answers >= UP_AFTER) {
			path->up = !path->up;
			changed = true;
		}
	}
	return changed;
}
