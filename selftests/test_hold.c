// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_hold - packets that are held leave in their order, and not before their time
 *
 *	 right                left
 *	"app" ── r0 ───────── l0 ── "hold" ── "app"
 */
#include <net/ethernet.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"
#include "workers.h"

#define FRAMES 50
#define DELAY  100000000LL /* ns */

static struct side left, right;

static void send_frame(unsigned int number)
{
	unsigned char frame[60];
	uint64_t now = lana_user_now();

	frame_make(frame, sizeof(frame), number);
	memcpy(frame + ETH_HLEN, &number, sizeof(number));
	memcpy(frame + ETH_HLEN + sizeof(number), &now, sizeof(now));
	if (lana_socket_send(right.socket, frame, sizeof(frame), SECOND))
		tap_bail("a frame cannot be sent");
}

/* How many come, one after the other, none before it was held so long. */
static unsigned int take(unsigned int first, int64_t delay)
{
	unsigned int got = 0, number;
	unsigned char frame[2048];
	uint64_t sent;

	for (; got < FRAMES; got++) {
		if (lana_socket_recv(left.socket, frame, sizeof(frame), NULL, 5 * SECOND) <= 0)
			break;
		memcpy(&number, frame + ETH_HLEN, sizeof(number));
		memcpy(&sent, frame + ETH_HLEN + sizeof(number), sizeof(sent));
		if (number != first + got || (int64_t)(lana_user_now() - sent) < delay)
			break;
	}
	return got;
}

static void test_hook(enum lana_hook hook)
{
	const char *name = lana_hook_name(hook);
	pid_t worker;

	sides_open(&left, &right, hook);
	left.socket = side_socket(&left, "app", NULL);
	right.socket = side_socket(&right, "app", NULL);
	side_do(&right, "bind app r0");
	side_do(&left, "add hold hold delay=%lld", DELAY);
	side_do(&left, "bind app hold ingress");
	side_do(&left, "bind hold l0 ingress");
	worker = worker_start(left.stack, "l0", NULL, "hold");

	for (unsigned int i = 0; i < FRAMES; i++, usleep(1000))
		send_frame(i);
	tap_is(take(0, DELAY), FRAMES, "%s: in order, and none before its time", name);
	tap_is(worker_count(left.stack, "hold", "held"), FRAMES, "%s: they were held", name);

	/* What comes once the delay is gone is not to overtake what is held. */
	for (unsigned int i = 0; i < FRAMES / 2; i++)
		send_frame(i);
	side_do(&left, "set hold delay=0");
	for (unsigned int i = FRAMES / 2; i < FRAMES; i++)
		send_frame(i);
	tap_is(take(0, 0), FRAMES, "%s: in order, whatever is set", name);

	side_do(&left, "set hold delay=%lld", 60 * SECOND);
	for (int i = 0; i < FRAMES; i++)
		send_frame(i);
	for (int i = 0; i < 5000 && worker_count(left.stack, "hold", "held") < 3 * FRAMES; i++)
		usleep(1000);
	side_do(&left, "replace hold forward drop-state");
	tap_is(take(0, 0), FRAMES, "%s: what is held leaves when the block is replaced", name);
	tap_is(worker_end(worker, SIGTERM), 0, "%s: the worker ends", name);
	sides_close(&left, &right);
}

int main(void)
{
	topology_begin();
	test_hook(LANA_HOOK_XDP);
	test_hook(LANA_HOOK_TC);
	return tap_done();
}
