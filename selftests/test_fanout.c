// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_fanout - which port each mode of fanout chooses
 *
 * Its ports lead to counters, and packets enter one by one at XDP and at tc. Shares are exact, on
 * each CPU. test_fanout_hash has more of mode=hash.
 */
#include <sched.h>

#include "fanned.h"
#include "tap.h"
#include "topology.h"

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

/* ---- shares ----------------------------------------------------------------------------- */

static const struct test {
	const char *options;
	unsigned int ports; /* bound: bit n for port n */
	unsigned int packets;
	unsigned int counts[LANA_PORTS_MAX]; /* wanted */
} tests[] = {
	{ "mode=first", 0x1, 10, { 10 } },
	{ "mode=first", 0x8030, 10, { [4] = 10 } },
	{ "mode=first", 0x8000, 10, { [15] = 10 } },
	{ "mode=round-robin", 0x3, 10, { 5, 5 } },
	{ "mode=round-robin", 0x8021, 9, { [0] = 3, [5] = 3, [15] = 3 } },
	{ "mode=round-robin", 0x80, 9, { [7] = 9 } },
	{ "mode=weighted", 0x7, 9, { 3, 3, 3 } },
	{ "mode=weighted weights=3,1,1", 0x7, 5, { 3, 1, 1 } },
	{ "mode=weighted weights=3,1,1", 0x7, 1000, { 600, 200, 200 } },
	{ "mode=weighted weights=3,1,1", 0x6, 10, { [1] = 5, [2] = 5 } },
	{ "mode=weighted weights=7,0,3,5", 0xf, 150, { 70, 0, 30, 50 } },
	{ "mode=weighted weights=65535,1", 0x3, 65536, { 65535, 1 } },
	{ "mode=weighted weights=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
	  0xffff,
	  1360,
	  { 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160 } },
	{ "mode=weighted weights=1", 0x6, 10, {} }, /* no bound port has a weight */
	{ "mode=weighted weights=0,0 down=0xfff8", 0x7, 9, { 3, 3, 3 } },
	{ "mode=weighted weights=3,1,1 down=1", 0x7, 10, { [1] = 5, [2] = 5 } },
	{ "mode=round-robin weights=1,0,9", 0x7, 10, { 5, 0, 5 } },
	{ "mode=round-robin down=5", 0xf, 10, { [1] = 5, [3] = 5 } },
	{ "mode=first weights=0,0,1", 0x7, 10, { [2] = 10 } },
	{ "mode=first down=1", 0x7, 10, { [1] = 10 } },
	{ "mode=first down=7", 0x7, 10, {} },
	{ "mode=hash weights=0,1", 0x3, 10, { [1] = 10 } },
	{ "mode=hash down=2", 0x3, 10, { 10 } },
	{ "mode=earliest weights=0,1", 0x3, 10, { [1] = 10 } },
	{ "mode=hash", 0x8, 10, { [3] = 10 } },
	{ "", 0x4000, 10, { [14] = 10 } },
};

static void test_shares(struct workbench *bench, enum lana_flavour flavour, const struct test *test)
{
	struct fanned_counts before, after;
	struct packet packet;
	unsigned int wrong = 0;

	fanned_ipv4(&packet, 1, 2, 3, 4);
	fanned_begin(bench, test->options, test->ports);
	before = fanned_count(bench);
	fanned_run(bench, flavour, &packet, test->packets);
	after = fanned_count(bench);
	for (int port = 0; port < LANA_PORTS_MAX; port++)
		wrong += after.ports[port] - before.ports[port] != test->counts[port];
	tap_is(wrong, 0, "%s: %s, ports %#x, %u packets: every share is exact", flavours[flavour],
	       test->options, test->ports, test->packets);
	fanned_end(bench, test->ports);
}

/* The ports that so many packets take, up to 9. */
static const char *order_of(struct workbench *bench, enum lana_flavour flavour, unsigned int count)
{
	static char order[10];
	struct packet packet;

	fanned_ipv4(&packet, 1, 2, 3, 4);
	for (unsigned int i = 0; i < count; i++)
		order[i] = '0' + fanned_port(bench, flavour, &packet);
	order[count] = 0;
	return order;
}

/* Smooth: no port waits longer than its share says, by a packet. */
static void test_smooth(struct workbench *bench, enum lana_flavour flavour)
{
	fanned_begin(bench, "mode=weighted weights=5,1,1", 0x7);
	tap_is_text(order_of(bench, flavour, 7), "0010200", "%s: weights 5,1,1 are spread evenly",
		    flavours[flavour]);
	order_of(bench, flavour, 3);
	fanned_set(bench, "weights=5,1,2");
	tap_is_text(order_of(bench, flavour, 8), "02001020",
		    "%s: with other weights it begins anew", flavours[flavour]);
	fanned_end(bench, 0x7);
	fanned_begin(bench, "mode=weighted", 0x3);
	order_of(bench, flavour, 1);
	fanned_bind(bench, 2, true);
	fanned_bind(bench, 1, false);
	tap_is_text(order_of(bench, flavour, 4), "0202", "%s: and so it does with other ports",
		    flavours[flavour]);
	fanned_end(bench, 0x5);
}

/* What is bound and unbound meanwhile takes part at once, and nothing is lost. */
static void test_live(struct workbench *bench, enum lana_flavour flavour, const char *options)
{
	struct fanned_counts before, after;
	unsigned long long sum = 0;
	struct packet packet;

	fanned_ipv4(&packet, 1, 2, 3, 4);
	fanned_begin(bench, options, 0);
	before = fanned_count(bench);
	fanned_run(bench, flavour, &packet, 10);
	after = fanned_count(bench);
	tap_is(after.lost - before.lost, 10, "%s: %s: with no port bound packets are lost, counted",
	       flavours[flavour], options);
	for (int port = 0; port < LANA_PORTS_MAX; port++) {
		fanned_bind(bench, port, true);
		fanned_run(bench, flavour, &packet, 16);
		if (port >= 2)
			fanned_bind(bench, port - 2, false);
		fanned_run(bench, flavour, &packet, 16);
	}
	before = after;
	after = fanned_count(bench);
	for (int port = 0; port < LANA_PORTS_MAX; port++)
		sum += after.ports[port] - before.ports[port];
	tap_is(sum, 16 * 2 * LANA_PORTS_MAX, "%s: %s: ports come and go, each packet takes one",
	       flavours[flavour], options);
	tap_is(after.lost, before.lost, "%s: %s: and none is lost", flavours[flavour], options);
	fanned_end(bench, 0xc000);
}

/* More than both can carry is sent: in the proportion of their rates, whatever the time. */
static void test_earliest(struct workbench *bench, enum lana_flavour flavour)
{
	struct fanned_counts before, after;
	struct packet packet;
	unsigned long long slow;

	fanned_ipv4(&packet, 1, 2, 3, 4);
	packet.size = 1000;
	fanned_begin(bench, "mode=earliest weights=10,1", 0x3);
	before = fanned_count(bench);
	fanned_run(bench, flavour, &packet, 1100);
	after = fanned_count(bench);
	slow = after.ports[1] - before.ports[1];
	tap_ok(slow >= 90 && slow <= 110, "%s: earliest: by rates, 1:10 of 1100 (%llu)",
	       flavours[flavour], slow);
	fanned_set(bench, "weights=1,1");
	fanned_set(bench, "delays=50000,0"); /* half a second, more than is ever thought to wait */
	before = fanned_count(bench);
	fanned_run(bench, flavour, &packet, 100);
	after = fanned_count(bench);
	tap_is(after.ports[1] - before.ports[1], 100, "%s: earliest: by delays", flavours[flavour]);
	fanned_end(bench, 0x3);
}

/* ---- CPUs ------------------------------------------------------------------------------- */

static int cpus[2]; /* that the test may use; the second one is -1 if there is none */

static void find_cpus(void)
{
	cpu_set_t all;
	int found = 0;

	cpus[1] = -1;
	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &all))
			cpus[found++] = cpu;
}

static void go_to(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* Turns are each CPU's own, and so exact on each, whatever the others do. */
static void test_turns(struct workbench *bench, enum lana_flavour flavour, const char *options,
		       const char *want)
{
	char orders[2][8] = {};

	fanned_begin(bench, options, 0x7);
	for (int i = 0; i < 7; i++)
		for (int cpu = 0; cpu < 2; cpu++) {
			go_to(cpus[cpu]);
			orders[cpu][i] = *order_of(bench, flavour, 1);
		}
	for (int cpu = 0; cpu < 2; cpu++)
		tap_is_text(orders[cpu], want, "%s: %s: on one of two CPUs", flavours[flavour],
			    options);
	fanned_end(bench, 0x7);
}

/* What one CPU has sent by a port the others know. */
static void test_common(struct workbench *bench, enum lana_flavour flavour)
{
	struct packet packet;
	bool differ = false;

	fanned_ipv4(&packet, 1, 2, 3, 4);
	packet.size = 3000;
	fanned_begin(bench, "mode=earliest", 0x3);
	for (int i = 0; i < 5 && !differ; i++) { /* the port is busy for 200 ms */
		int ports[2];

		for (int cpu = 0; cpu < 2; cpu++) {
			go_to(cpus[cpu]);
			ports[cpu] = fanned_port(bench, flavour, &packet);
		}
		differ = ports[0] + ports[1] == 1;
	}
	tap_ok(differ, "%s: earliest: a port is busy for all CPUs", flavours[flavour]);
	fanned_end(bench, 0x3);
}

static void test_cpus(struct workbench *bench, enum lana_flavour flavour)
{
	if (cpus[1] < 0) {
		tap_skip("%s: there is one CPU", flavours[flavour]);
		return;
	}
	test_turns(bench, flavour, "mode=weighted weights=5,1,1", "0010200");
	test_turns(bench, flavour, "mode=round-robin", "1201201");
	test_common(bench, flavour);
	go_to(cpus[0]);
}

static void test_mark(struct workbench *bench)
{
	static const struct {
		unsigned int mark;
		const char *where;
	} marks[] = { { 0x701, "0" }, { 0x703, "2" }, { 0x710, "15" }, { 0x700, "0" },
		      { 0x711, "0" }, { 0x723, "0" }, { 3, "0" } };
	struct packet packet;
	char where[64];

	workbench_add(bench, "fanout", "mode=first mark=0x705 down=4", NULL);
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		fanned_ipv4(&packet, 1, 2, 3, 4);
		packet.mark = marks[i].mark;
		workbench_run(bench, LANA_TC, &packet, where, sizeof(where));
		tap_is_text(where, marks[i].where, "tc: mark %#x", marks[i].mark);
	}
	workbench_rm(bench);
}

int main(void)
{
	struct workbench bench;

	topology_begin();
	find_cpus();
	go_to(cpus[0]); /* shares are exact on each CPU */
	fanned_open(&bench);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
			test_shares(&bench, flavour, &tests[i]);
		test_smooth(&bench, flavour);
		test_live(&bench, flavour, "mode=hash");
		test_live(&bench, flavour, "mode=round-robin");
		test_live(&bench, flavour, "mode=weighted");
		test_live(&bench, flavour, "mode=first");
		test_live(&bench, flavour, "mode=earliest");
		test_earliest(&bench, flavour);
		test_cpus(&bench, flavour);
	}
	test_mark(&bench);
	workbench_close(&bench);
	return tap_done();
}
