// SPDX-License-Identifier: GPL-2.0-only
#include <net/ethernet.h>
#include <string.h>
#include <unistd.h>

#include "flow.h"
#include "sockets.h"
#include "tap.h"

#define LEAST 60

static unsigned int length_of(uint64_t number)
{
	return LEAST + number % (1500 + ETH_HLEN - LEAST + 1);
}

static bool is_stopping(const struct flow *flow)
{
	return __atomic_load_n(&flow->stopping, __ATOMIC_RELAXED);
}

static void *run_sender(void *cookie)
{
	struct flow *flow = cookie;
	unsigned int window = flow->window ?: FLOW_WINDOW;
	unsigned char frame[2048];

	while (!is_stopping(flow)) {
		unsigned int length = length_of(flow->sent);

		if (flow->sent - __atomic_load_n(&flow->received, __ATOMIC_RELAXED) >= window) {
			usleep(50);
			continue;
		}
		frame_make(frame, length, flow->sent);
		memcpy(frame + ETH_HLEN, &flow->sent, sizeof(flow->sent));
		if (lana_socket_send(flow->from, frame, length, SECOND))
			flow->wrong++;
		__atomic_add_fetch(&flow->sent, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static bool is_due(const struct flow *flow, unsigned char *frame, unsigned int length)
{
	unsigned char want[2048];
	uint64_t number;

	if (length != length_of(flow->received))
		return false;
	memcpy(&number, frame + ETH_HLEN, sizeof(number));
	if (number != flow->received)
		return false;
	/* As frame_make() has written it, before the number was put there. */
	frame_make(want, length, number);
	memcpy(want + ETH_HLEN, &number, sizeof(number));
	return !memcmp(frame, want, length);
}

static void *run_receiver(void *cookie)
{
	struct flow *flow = cookie;
	struct lana_frame frames[32];
	int got;

	do {
		got = lana_socket_borrow(flow->to, frames, 32, SECOND);
		for (int i = 0; i < got; i++) {
			flow->wrong += !is_due(flow, frames[i].data, frames[i].length);
			__atomic_add_fetch(&flow->received, 1, __ATOMIC_RELAXED);
		}
		if (got > 0)
			lana_socket_give_back(flow->to, frames, got);
	} while (got > 0 || !is_stopping(flow));
	return NULL;
}

void flow_start(struct flow *flow)
{
	flow->stopping = false;
	pthread_create(&flow->receiver, NULL, run_receiver, flow);
	pthread_create(&flow->sender, NULL, run_sender, flow);
}

void flow_wait(const struct flow *flow, uint64_t frames)
{
	uint64_t last = 0;

	for (unsigned int idle = 0; idle < 10000; idle++, usleep(1000)) {
		uint64_t received = __atomic_load_n(&flow->received, __ATOMIC_RELAXED);

		if (received >= frames)
			return;
		if (received != last)
			idle = 0;
		last = received;
	}
	tap_bail("%s: nothing comes after %lu frames of %lu", flow->name, last, flow->sent);
}

void flow_finish(struct flow *flow, const char *where)
{
	struct lana_socket_stats stats;

	__atomic_store_n(&flow->stopping, true, __ATOMIC_RELAXED);
	pthread_join(flow->sender, NULL);
	pthread_join(flow->receiver, NULL);
	lana_socket_stats(flow->to, &stats);
	tap_note("%s, %s: %lu frames, %lu overruns, %lu link_full", flow->name, where, flow->sent,
		 stats.overruns, stats.link_full);
	tap_ok(flow->sent > FLOW_WINDOW, "%s, %s: frames were sent", flow->name, where);
	tap_is(flow->received, flow->sent, "%s, %s: all came", flow->name, where);
	tap_is(flow->wrong, 0, "%s, %s: whole, and in order", flow->name, where);
}
