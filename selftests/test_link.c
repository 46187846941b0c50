// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_link - links as packets see them: fates, and changes while numbered frames pass
 *
 * What the engine makes of settings is for test_engine_*; here are the two halves of block "link"
 * and what passes from one to the other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lana/random.h>

#include "account.h"
#include "engine_lab.h"
#include "tap.h"
#include "topology.h"
#include "workbench.h"
#include "workers.h"

#define RATE	20000
#define PAUSING 500 /* a batch of 8, and 16 ms without any: more than links wait if one was lost */

/* ---- fates, one by one ----------------------------------------------------------------------- */

#define FRAMES	   600
#define FRAME_TYPE 0x88b5 /* for experiments, IEEE 802 */
#define SEED	   77

struct frame {
	unsigned char addresses[2 * ETH_ALEN];
	unsigned short type;
	unsigned short number;
	unsigned char rest[100];
} __attribute__((packed));

static int open_raw(const char *netns, const char *device)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(FRAME_TYPE),
		.sll_ifindex = topology_ifindex(netns, device),
	};
	const struct timeval patience = { .tv_sec = 10 };
	const int room = 8 << 20;
	int home = topology_enter(netns);
	int fd = socket(AF_PACKET, SOCK_RAW, htons(FRAME_TYPE));

	topology_leave(home);
	if (fd < 0 || bind(fd, (const void *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		tap_bail("no packet socket: %s", strerror(errno));
	return fd;
}

static void send_frames(int fd)
{
	struct frame frame = { .addresses = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 },
			       .type = htons(FRAME_TYPE) };

	for (frame.number = 0; frame.number < FRAMES; frame.number++)
		if (send(fd, &frame, sizeof(frame), 0) != sizeof(frame))
			tap_bail("cannot send: %s", strerror(errno));
}

/* How often does each frame arrive? So many are waited for, and a moment for more. */
static void receive_frames(int fd, unsigned int count, unsigned char copies[FRAMES])
{
	const struct timeval moment = { .tv_usec = 50000 };
	struct frame frame;

	memset(copies, 0, FRAMES);
	for (unsigned int n = 0; recv(fd, &frame, sizeof(frame), 0) > 0; n++) {
		if (frame.type == htons(FRAME_TYPE) && frame.number < FRAMES)
			copies[frame.number]++;
		if (n + 1 == count)
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
	}
}

/* Do frames arrive as often as they are to? */
static bool arrive(const unsigned char want[FRAMES])
{
	int to = open_raw("generator", "g0"), from = open_raw("checker", "c0");
	unsigned char copies[FRAMES];
	unsigned int count = 0;

	for (unsigned int i = 0; i < FRAMES; i++)
		count += want[i];
	send_frames(to);
	receive_frames(from, count, copies);
	close(to);
	close(from);
	return !memcmp(copies, want, FRAMES);
}

/* What lana/random.h says they do, as blocks loss and duplicate have it, one behind the other. */
static void foretell(double loss, double duplicate, unsigned char *copies, unsigned int count)
{
	unsigned long long gone = 0;

	for (unsigned long long n = 0; n < count; n++) {
		bool lost = lana_random_happens(
			lana_random(SEED, LANA_STREAM_LOSS + LANA_INGRESS, n) >> 32, loss * 1e9);
		bool twice = lana_random_happens(
			lana_random(SEED, LANA_STREAM_DUPLICATE + LANA_INGRESS, n - gone) >> 32,
			duplicate * 1e9);

		copies[n] = lost ? 0 : twice ? 2 : 1;
		gone += lost;
	}
}

/* The worker has the block as it is now. */
static void wait_taken(struct lana_stack *stack)
{
	struct lana_link_info *links;
	struct lana_error error;
	bool taken = false;
	size_t count;

	for (int i = 0; i < 5000 && !taken; i++, usleep(1000)) {
		if (lana_link_list(stack, "b", &links, &count, &error))
			tap_bail("%s", error.text);
		taken = count && links->status.process && *links->worker;
		free(links);
	}
	if (!taken)
		tap_bail("no worker takes the link up");
}

/* The same in the kernel and in the worker. */
static void test_fates(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "link loss=20% duplicate=10% seed=77");
	pid_t worker = worker_start(stack, "live", NULL, "b");
	unsigned char want[FRAMES];

	foretell(0.2, 0.1, want, FRAMES);
	tap_ok(arrive(want), "%s: fates in the kernel, by the seed", account_hook);
	tap_is(worker_count(stack, "b", "to_user"), 0, "%s: none leaves it", account_hook);
	live_do(stack, "replace b link delay=1ms drop-state");
	wait_taken(stack);
	tap_ok(arrive(want), "%s: the same in the worker", account_hook);
	tap_is(worker_count(stack, "b", "to_user"), FRAMES, "%s: all went there", account_hook);
	worker_end(worker, SIGTERM);
	account_close(stack);
}

/* Numbers go on where the other half was, whichever way. */
static void test_handing_over(enum lana_hook hook)
{
	static const char *const turns[] = { "delay=0", "delay=2ms", "delay=0",
					     "rate=1gbit limit=1mb" };
	struct lana_stack *stack = account_open(hook, "link loss=20% duplicate=10% seed=77");
	pid_t worker = worker_start(stack, "live", NULL, "b");
	unsigned char want[4 * FRAMES];

	foretell(0.2, 0.1, want, 4 * FRAMES);
	for (int i = 0; i < 4; i++) {
		live_do(stack, "set b %s", turns[i]);
		tap_ok(arrive(want + i * FRAMES), "%s: %s, and fates go on", account_hook,
		       turns[i]);
	}
	worker_end(worker, SIGTERM);
	account_close(stack);
}

/* A worker that is told to end lets go of what it holds. */
static void test_end(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "link delay=60s dead=closed");
	pid_t worker = worker_start(stack, "live", NULL, "b");
	int to = open_raw("generator", "g0"), from = open_raw("checker", "c0");
	unsigned char copies[FRAMES];

	send_frames(to);
	for (int i = 0; i < 5000 && worker_count(stack, "b", "in_flight") < FRAMES; i++)
		usleep(1000);
	tap_is(worker_count(stack, "b", "in_flight"), FRAMES, "%s: a worker holds them",
	       account_hook);
	tap_is(worker_end(worker, SIGTERM), 0, "%s: it is told to end", account_hook);
	receive_frames(from, FRAMES, copies);
	tap_ok(!memchr(copies, 0, FRAMES), "%s: all have left before", account_hook);
	tap_is(worker_count(stack, "b", "in_flight"), 0, "%s: and are counted so", account_hook);
	tap_is(worker_count(stack, "b", "sent"), FRAMES, "%s: as sent", account_hook);
	close(to);
	close(from);
	account_close(stack);
}

/* ---- fates, many ----------------------------------------------------------------------------- */

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

#define MANY 200000
#define BITS (8 * 125)

static const struct {
	const char *options, *counter;
	double chance;
} rates[] = {
	{ "loss=2%", "lost", 0.02 },
	{ "loss=0.01%", "lost", 0.0001 },
	{ "ge_good=5%", "lost", 0.05 },
	{ "duplicate=3%", "duplicated", 0.03 },
	{ "ber=1e-5", "corrupt_dropped", 0 },
	{ "ber=1e-3", "corrupt_dropped", 0 },
	{ "ber=1e-5 ber_mode=flip", "corrupted", 0 },
};

static void test_rates(struct workbench *bench, enum lana_flavour flavour)
{
	struct packet packet = { .size = BITS / 8 };
	struct lana_error error;

	packet.bytes[12] = 0x88;
	packet.bytes[13] = 0xb5;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const char *ber = strstr(rates[i].options, "ber=");
		double chance = ber ? 1 - pow(1 - strtod(ber + 4, NULL), BITS) : rates[i].chance;
		char options[80];

		snprintf(options, sizeof(options), "%s seed=%zu", rates[i].options, 3 + i);
		if (workbench_add(bench, "link", options, &error))
			tap_bail("%s: %s", options, error.text);
		workbench_repeat(bench, flavour, &packet, MANY);
		tap_ok(lab_binomial(workbench_counter(bench, rates[i].counter), MANY, chance),
		       "%s: %s: %llu of %d packets, where %.0f are to be expected",
		       flavours[flavour], rates[i].options,
		       workbench_counter(bench, rates[i].counter), MANY, MANY * chance);
		tap_is(workbench_counter(bench, "packets"), MANY, "%s: all are counted",
		       flavours[flavour]);
		workbench_rm(bench);
	}
}

/* ---- changes under load ---------------------------------------------------------------------- */

/* The kernel has the packets again. */
static bool is_in_kernel(struct lana_stack *stack)
{
	struct lana_link_info *links;
	struct lana_error error;
	bool is = true;
	size_t count;

	if (lana_link_list(stack, "b", &links, &count, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < count; i++)
		is &= !(links[i].status.turn & LINK_IN_USER);
	free(links);
	return is;
}

/* From time to none and back while frames pass: none is lost, doubled or overtaken. */
static void test_setting(enum lana_hook hook)
{
	static const char *const turns[] = {
		"delay=1ms", "delay=3ms rate=500mbit",		 "delay=100us jitter=50us rate=0",
		"delay=2ms", "queue=fq rate=300mbit limit=10mb", "queue=fifo rate=0 delay=50us",
	};
	struct lana_stack *stack = account_open(hook, "link");
	pid_t worker = worker_start(stack, "live", NULL, "b");
	struct traffic *traffic = account_start(PAUSING);
	struct traffic_report report;
	unsigned int returned = 0;

	for (int i = 0; i < 60; i++) {
		live_do(stack, "set b %s", turns[i % 6]);
		usleep(5000);
		if (i % 2 == 0)
			continue;
		live_do(stack, "set b delay=0 rate=0 jitter=0");
		for (int tries = 0; tries < 200 && !is_in_kernel(stack); tries++)
			usleep(1000);
		if (is_in_kernel(stack) && account_goes_on(traffic, 20))
			returned++;
	}
	tap_ok(account_goes_on(traffic, 200), "%s: traffic goes on", account_hook);
	tap_ok(returned > 0, "%s: the kernel had them again, %u times of 30", account_hook,
	       returned);
	report = account_stop(traffic);
	account_expect(stack, &report, true, "set 90 times");
	tap_is(report.lost, 0, "%s: none is lost", account_hook);
	tap_is(report.reordered, 0, "%s: none is overtaken", account_hook);
	tap_ok(worker_count(stack, "b", "to_user") > 0 &&
		       worker_count(stack, "b", "to_user") < worker_count(stack, "b", "packets"),
	       "%s: the worker had some, and the kernel had some", account_hook);
	worker_end(worker, SIGTERM);
	account_close(stack);
}

/* A worker that runs low drops, and counts. */
static void test_memory(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "link delay=300ms");
	pid_t worker = worker_start(stack, "live", "ring 512 frames 1024", "b");
	struct traffic *traffic = account_start(RATE);
	struct traffic_report report;

	for (int i = 0; i < 5000 && !worker_count(stack, "b", "no_room"); i++)
		usleep(1000);
	tap_ok(worker_count(stack, "b", "no_room") > 0, "%s: 300 ms do not fit into 1,024 frames",
	       account_hook);
	report = account_stop(traffic);
	account_expect(stack, &report, true, "little memory");
	worker_end(worker, SIGTERM);
	account_close(stack);
}

int main(void)
{
	static const enum lana_hook hooks[] = { LANA_HOOK_XDP, LANA_HOOK_TC };
	struct workbench bench;

	live_begin();
	for (int i = 0; i < 2; i++) {
		test_fates(hooks[i]);
		test_handing_over(hooks[i]);
		test_setting(hooks[i]);
		test_memory(hooks[i]);
		test_end(hooks[i]);
	}
	workbench_open(&bench, LANA_TYPES_DIR);
	test_rates(&bench, LANA_XDP);
	test_rates(&bench, LANA_TC);
	workbench_close(&bench);
	return tap_done();
}
