// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_traffic - whether the traffic generator and checker can be believed
 *
 *	  sender        middle         checker
 *	+--------+    +--------+     +--------+
 *	|     g0 |----| m0  m1 |-----| c0     |
 *	+--------+    +--------+     +--------+
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"
#include "tap.h"
#include "topology.h"
#include "traffic.h"
#include "traffic_endpoint.h"

static void open_traffic(const struct traffic_options *options, struct traffic **traffic)
{
	int err = traffic_open(options, traffic);

	if (err)
		tap_bail("traffic_open: %s", strerror(-err));
}

static struct relay *open_relay(unsigned int drop_every)
{
	struct relay *relay;
	int err;

	err = relay_open("middle:m0", "m1", drop_every, &relay);
	if (err)
		tap_bail("relay_open: %s", strerror(-err));
	return relay;
}

/* Let an endless run go on until it has sent that many frames. */
static void await_frames(struct traffic *traffic, uint64_t frames)
{
	struct traffic_report r = {};

	for (int ms = 0; ms < 60000 && r.sent < frames && !traffic_done(traffic); ms++) {
		usleep(1000);
		traffic_report(traffic, &r);
	}
}

/* ---- sending and checking ----------------------------------------------------------------- */

static const struct run {
	const char *name;
	struct traffic_options options;
	bool relayed;
	unsigned int drop_every;
} runs[] = {
	{ .name = "64 bytes, direct", .options = { .count = 5000000 } },
	{ .name = "60 bytes, direct", .options = { .size = 60, .count = 100000 } },
	{ .name = "66 bytes, direct", .options = { .size = 66, .count = 100000 } },
	{ .name = "67 bytes, direct", .options = { .size = 67, .count = 100000 } },
	{ .name = "1514 bytes, direct", .options = { .size = 1514, .count = 1000000 } },
	{ .name = "every third is ARP, direct", .options = { .arp_every = 3, .count = 1000000 } },
	{ .name = "window of 32768 numbers, direct", .options = { .window = 1, .count = 1000000 } },
	{ .name = "relayed", .options = { .count = 5000000 }, .relayed = true },
	{ .name = "1514 bytes, relayed",
	  .options = { .size = 1514, .count = 1000000 },
	  .relayed = true },
	{ .name = "every 1000th dropped",
	  .options = { .count = 5000000 },
	  .relayed = true,
	  .drop_every = 1000 },
	{ .name = "every second dropped",
	  .options = { .count = 99999 },
	  .relayed = true,
	  .drop_every = 2 },
};

static void test_run(const struct run *run)
{
	struct traffic_options options = run->options;
	struct relay *relay = run->relayed ? open_relay(run->drop_every) : NULL;
	struct traffic_report r = {};
	struct traffic *traffic;
	bool good;
	int err;

	options.send = "sender:g0";
	options.check = run->relayed ? "checker:c0" : "middle:m0";
	open_traffic(&options, &traffic);
	err = traffic_start(traffic);
	if (!err)
		err = traffic_wait(traffic);
	if (!err)
		err = traffic_report(traffic, &r);

	good = !err && r.sent && r.sent + r.overrun == options.count && !r.duplicated &&
	       !r.reordered && !r.stale && !r.corrupt && !r.foreign &&
	       r.lost == (int64_t)(run->drop_every ? r.sent / run->drop_every : 0) &&
	       r.received == r.sent - r.lost;
	tap_ok(good, "%s", run->name);
	tap_note("error %d, sent %lu, overrun %lu, lost %ld, duplicated %lu, reordered %lu, "
		 "stale %lu, corrupt %lu, foreign %lu; %.2f Mpps",
		 err, r.sent, r.overrun, r.lost, r.duplicated, r.reordered, r.stale, r.corrupt,
		 r.foreign, r.seconds > 0 ? r.sent / r.seconds / 1e6 : 0);
	traffic_close(traffic);
	relay_close(relay);
}

/*
 * The receiver works on another CPU, so the sender outruns it: sent and received must be equal
 * all the same.
 */
static void test_overrun(void)
{
	const struct traffic_options options = {
		.send = "sender:g0",
		.check = "middle:m0",
		.count = 5000000,
		.pin = true,
		.cpu = 0,
	};
	struct traffic_report r = {};
	struct traffic *traffic;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		tap_skip("overrun needs two CPUs");
		return;
	}
	open_traffic(&options, &traffic);
	if (topology_run("ip netns exec middle sh -c 'echo 1 >/sys/class/net/m0/threaded' && "
			 "taskset -pc 1 $(pgrep napi/m0-) >/dev/null")) {
		tap_skip("overrun needs threaded NAPI");
	} else {
		traffic_start(traffic);
		traffic_wait(traffic);
		traffic_report(traffic, &r);
		tap_ok(r.overrun && r.sent + r.overrun == options.count,
		       "%lu overrun frames are known", r.overrun);
		tap_ok(r.received == r.sent && traffic_report_good(&r),
		       "and not taken for lost ones: %ld", r.lost);
	}
	topology_run("ip netns exec middle sh -c 'echo 0 >/sys/class/net/m0/threaded'");
	traffic_close(traffic);
}

static void test_stop_and_rate(void)
{
	const struct traffic_options options = {
		.send = "sender:g0",
		.check = "middle:m0",
		.rate = 100000,
	};
	struct traffic_report r = {};
	struct traffic *traffic;

	open_traffic(&options, &traffic);
	tap_is(traffic_start(traffic), 0, "an endless run starts");
	tap_is(traffic_start(traffic), -EBUSY, "but once");
	await_frames(traffic, 20000);
	tap_ok(!traffic_done(traffic), "it goes on");
	tap_is(traffic_stop(traffic), 0, "it can be stopped");
	traffic_report(traffic, &r);
	tap_ok(r.sent && r.sent <= options.rate * r.seconds + 1.01,
	       "no more than 100,000 frames a second, as asked for: %lu in %f s", r.sent,
	       r.seconds);
	tap_ok(traffic_report_good(&r) && r.received == r.sent, "all came");

	tap_is(traffic_start(traffic), 0, "it starts again");
	await_frames(traffic, r.sent + 10000);
	traffic_stop(traffic);
	traffic_report(traffic, &r);
	tap_ok(traffic_report_good(&r), "and numbers go on");

	tap_is(traffic_reset(traffic), 0, "it is reset");
	traffic_report(traffic, &r);
	tap_ok(!r.sent && !r.received && !r.lost, "and knows nothing of the past");
	traffic_start(traffic);
	await_frames(traffic, 10000);
	traffic_stop(traffic);
	traffic_report(traffic, &r);
	tap_ok(r.sent && traffic_report_good(&r), "numbers begin at 0 again");
	traffic_close(traffic);
}

/* ---- faults, made by hand ------------------------------------------------------------------- */

#define WINDOW 32768

enum fault { SOUND, BAD_CHECKSUM, BAD_STAMP, BAD_LENGTH, OTHER_FLOW, SHORT, SWAPPED_MACS, TTL };

static const struct injection {
	const char *name;
	unsigned int count;
	uint64_t numbers[8];
	enum fault faults[8];
	struct traffic_report want;
} injections[] = {
	{ "in order", 3, { 0, 1, 2 }, {}, { .received = 3 } },
	{ "a hole", 3, { 0, 1, 3 }, {}, { .received = 3, .lost = 1 } },
	{ "twice", 4, { 0, 1, 1, 2 }, {}, { .received = 4, .duplicated = 1 } },
	{ "late", 4, { 0, 2, 1, 3 }, {}, { .received = 4, .reordered = 1 } },
	{ "late and twice",
	  4,
	  { 0, 2, 1, 1 },
	  {},
	  { .received = 4, .reordered = 1, .duplicated = 1 } },
	{ "more than a window late",
	  3,
	  { 0, WINDOW + 7, 7 },
	  {},
	  { .received = 2, .lost = WINDOW + 6, .stale = 1 } },
	{ "wrong IPv4 checksum",
	  2,
	  { 0, 1 },
	  { SOUND, BAD_CHECKSUM },
	  { .received = 2, .corrupt = 1 } },
	{ "wrong IPv4 length", 2, { 0, 1 }, { BAD_LENGTH }, { .received = 2, .corrupt = 1 } },
	{ "damaged stamp",
	  3,
	  { 0, 1, 2 },
	  { SOUND, BAD_STAMP },
	  { .received = 2, .lost = 1, .corrupt = 1 } },
	{ "foreign frames",
	  4,
	  { 0, 1, 0, 1 },
	  { SOUND, OTHER_FLOW, SHORT },
	  { .received = 2, .foreign = 2 } },
	{ "MACs swapped", 2, { 0, 1 }, { SOUND, SWAPPED_MACS }, { .received = 2 } },
	{ "TTL decremented", 2, { 0, 1 }, { TTL }, { .received = 2 } },
};

static int open_packet_socket(void)
{
	struct traffic_endpoint endpoint;
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	int home, fd;

	if (traffic_endpoint_open(&endpoint, "sender:g0") ||
	    traffic_endpoint_enter(&endpoint, &home))
		tap_bail("sender:g0 is not there");
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	traffic_endpoint_leave(home);
	address.sll_ifindex = endpoint.ifindex;
	traffic_endpoint_close(&endpoint);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		tap_bail("no packet socket: %s", strerror(errno));
	return fd;
}

static void inject(int fd, uint64_t sequence, enum fault fault)
{
	const struct traffic_options options = { .size = 100, .flow = fault == OTHER_FLOW };
	unsigned char frame[100], mac[ETH_ALEN];
	int size = traffic_frame(&options, sequence, frame, sizeof(frame));

	switch (fault) {
	case BAD_CHECKSUM:
		frame[24]++;
		break;
	case BAD_LENGTH: /* one more than there is, and a checksum that says so too */
		frame[17]++;
		frame[25]--;
		break;
	case BAD_STAMP:
		frame[50] ^= 2;
		break;
	case SHORT:
		size = 50;
		break;
	case SWAPPED_MACS:
		memcpy(mac, frame, ETH_ALEN);
		memcpy(frame, frame + ETH_ALEN, ETH_ALEN);
		memcpy(frame + ETH_ALEN, mac, ETH_ALEN);
		break;
	case TTL:
		frame[22]--;
		frame[24]++;
		break;
	default:
		break;
	}
	if (send(fd, frame, size, 0) != size)
		tap_bail("cannot inject a frame: %s", strerror(errno));
}

static bool same(const struct traffic_report *a, const struct traffic_report *b)
{
	return a->received == b->received && a->lost == b->lost && a->duplicated == b->duplicated &&
	       a->reordered == b->reordered && a->stale == b->stale && a->corrupt == b->corrupt &&
	       a->foreign == b->foreign;
}

static void test_injection(int fd, const struct injection *injection)
{
	const struct traffic_options options = { .check = "checker:c0", .window = WINDOW };
	const struct traffic_report *want = &injection->want;
	struct traffic_report r = {};
	struct traffic *traffic;
	unsigned int i;

	open_traffic(&options, &traffic);
	for (i = 0; i < injection->count; i++)
		inject(fd, injection->numbers[i], injection->faults[i]);
	for (i = 0; i < 1000 && !same(&r, want); i++) {
		usleep(1000);
		traffic_report(traffic, &r);
	}
	usleep(2000); /* what should not come would come now */
	traffic_report(traffic, &r);
	if (!tap_ok(same(&r, want), "injected: %s", injection->name))
		tap_note("received %lu, lost %ld, duplicated %lu, reordered %lu, stale %lu, "
			 "corrupt %lu, foreign %lu",
			 r.received, r.lost, r.duplicated, r.reordered, r.stale, r.corrupt,
			 r.foreign);
	traffic_close(traffic);
}

int main(void)
{
	struct relay *relay;
	size_t i;
	int fd;

	topology_begin();
	topology_netns("sender");
	topology_netns("middle");
	topology_netns("checker");
	topology_veth("sender", "g0", "middle", "m0");
	topology_veth("middle", "m1", "checker", "c0");

	for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		test_run(&runs[i]);
	test_overrun();
	test_stop_and_rate();

	relay = open_relay(0);
	fd = open_packet_socket();
	for (i = 0; i < sizeof(injections) / sizeof(injections[0]); i++)
		test_injection(fd, &injections[i]);
	close(fd);
	relay_close(relay);
	return tap_done();
}
