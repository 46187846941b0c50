// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_gateway - hosts behind one address: NAT, port forwarding, errors, a firewall with states
 *
 * In the topology of gateway_lab.h, with the kernel's own sockets at both ends.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway_lab.h"
#include "tap.h"
#include "topology.h"

/* ---- tests ---------------------------------------------------------------------------------- */

/* What begins nothing that is allowed does not come in, and each such packet is counted once. */
static void test_wall(const char *label)
{
	int world = gateway_connected("world", SOCK_DGRAM, "192.0.2.1", 99);
	int ack = gateway_connected("world", SOCK_STREAM, "192.0.2.1", 98);
	unsigned long long before = gateway_rule_packets(5);
	char byte = 3;

	for (int i = 0; i < 100; i++)
		if (write(world, &byte, 1) != 1)
			tap_bail("write: %s", strerror(errno));
	tap_ok(!gateway_waits_shortly(ack), "%s: no connection to a closed gate", label);
	/* The SYN came before; it may have been sent again. */
	before = gateway_rule_packets(5) - before;
	tap_ok(before == 100 || before == 101, "%s: the last rule has dropped %llu packets", label,
	       before);
	tap_ok(gateway_rule_packets(0) > 0, "%s: answers come in by the first (%llu)", label,
	       gateway_rule_packets(0));
	close(world);
	close(ack);
}

static void test_ping(const char *label)
{
	tap_is(topology_run("ip netns exec inside ping -q -c 3 -i 0.05 -W 2 192.0.2.2"), 0,
	       "%s: ping goes out", label);
	tap_is(topology_run("ip netns exec world ping -q -c 3 -i 0.05 -W 2 192.0.2.1"), 0,
	       "%s: the gate itself answers the world", label);
	tap_is(topology_run("ip netns exec inside ping -q -c 3 -i 0.05 -W 2 10.0.0.1"), 0,
	       "%s: and inside", label);
	tap_ok(topology_run("ip netns exec world ping -q -c 1 -W 1 10.0.0.2") != 0,
	       "%s: the world cannot go inside by itself", label);
}

/* Datagrams have their own answers, and a closed port says so: an error that is translated back. */
static void test_udp(const char *label, const char *address)
{
	int server = gateway_bound("world", SOCK_DGRAM, "192.0.2.2", 9);
	int client = gateway_connected("inside", SOCK_DGRAM, "192.0.2.2", 9);
	int closed = gateway_connected("inside", SOCK_DGRAM, "192.0.2.2", 10);
	unsigned long long errors = gateway_counter("nat", "errors");
	struct sockaddr_in from = {};
	socklen_t size = sizeof(from);
	char byte = 1, text[INET_ADDRSTRLEN] = "";

	tap_ok(write(client, &byte, 1) == 1 && gateway_waits(server, POLLIN) &&
		       recvfrom(server, &byte, 1, 0, (void *)&from, &size) == 1,
	       "%s: a datagram goes out", label);
	inet_ntop(AF_INET, &from.sin_addr, text, sizeof(text));
	tap_is_text(text, address, "%s: from the outside address", label);
	tap_ok(sendto(server, &byte, 1, 0, (void *)&from, size) == 1 &&
		       gateway_waits(client, POLLIN) && read(client, &byte, 1) == 1,
	       "%s: its answer comes back", label);
	tap_ok(write(closed, &byte, 1) == 1 && gateway_waits(closed, POLLERR) &&
		       read(closed, &byte, 1) < 0 && errno == ECONNREFUSED,
	       "%s: a closed port is told of inside", label);
	tap_is(gateway_counter("nat", "errors") - errors, 1, "%s: by an error that was translated",
	       label);
	close(server);
	close(client);
	close(closed);
}

static void test_forward(const char *label, const char *address)
{
	int inside = gateway_bound("inside", SOCK_DGRAM, "10.0.0.2", 7);
	int outside = gateway_connected("world", SOCK_DGRAM, address, 7), tcp;
	struct sockaddr_in from = {};
	socklen_t size = sizeof(from);
	struct gateway_server server;
	char byte = 2;

	tap_ok(write(outside, &byte, 1) == 1 && gateway_waits(inside, POLLIN) &&
		       recvfrom(inside, &byte, 1, 0, (void *)&from, &size) == 1,
	       "%s: a datagram to a forwarded port goes inside", label);
	tap_ok(sendto(inside, &byte, 1, 0, (void *)&from, size) == 1 &&
		       gateway_waits(outside, POLLIN) && read(outside, &byte, 1) == 1,
	       "%s: its answer comes from where it was sent to", label);
	gateway_server_start(&server, "inside", "10.0.0.2", 80);
	tcp = gateway_connected("world", SOCK_STREAM, address, 8080);
	tap_ok(gateway_echoes(tcp, 5), "%s: a connection to a forwarded port too", label);
	tap_is_text(server.peer, "192.0.2.2", "%s: it knows who calls", label);
	gateway_server_stop(&server);
	close(tcp);
	close(inside);
	close(outside);
}

#define FLOWS 1000

/*
 * How many of the connections carry a number there and back. All are asked before any is awaited.
 */
static int count_alive(const int *flows, unsigned int round)
{
	int alive = 0;

	for (int i = 0; i < FLOWS; i++) {
		unsigned int number = round * FLOWS + i;

		if (!gateway_waits(flows[i], POLLOUT) ||
		    write(flows[i], &number, sizeof(number)) != sizeof(number))
			return -1;
	}
	for (int i = 0; i < FLOWS; i++) {
		unsigned int number = 0;

		alive += gateway_waits(flows[i], POLLIN) &&
			 read(flows[i], &number, sizeof(number)) == sizeof(number) &&
			 number == round * FLOWS + i;
	}
	return alive;
}

/* A thousand connections, and all that may be done to the stack meanwhile. */
static void test_flows(const char *label, const char *address)
{
	static const char more[] = "drop proto tcp dport 23\n"
				   "accept state established\naccept proto udp\ndrop\n";
	unsigned long long begun = gateway_counter("nat", "begun");
	struct gateway_server server;
	int flows[FLOWS];

	gateway_server_start(&server, "world", "192.0.2.2", 5000);
	for (int i = 0; i < FLOWS; i++)
		flows[i] = gateway_connected("inside", SOCK_STREAM, "192.0.2.2", 5000);
	tap_is(count_alive(flows, 1), FLOWS, "%s: %d connections at a time", label, FLOWS);
	tap_is(gateway_counter("nat", "begun") - begun, FLOWS, "%s: each begun once", label);
	tap_is(gateway_counter("nat", "failed"), 0, "%s: none failed", label);
	tap_is_text(server.peer, address, "%s: from the outside address", label);
	tap_is(gateway_reload(more), 0, "%s: other rules", label);
	tap_is(count_alive(flows, 2), FLOWS, "%s: they live on", label);
	tap_is(lana_block_replace(gateway_stack, "nat", "nat", NULL, false, NULL), 0,
	       "%s: nat is replaced", label);
	tap_is(lana_block_replace(gateway_stack, "wall", "firewall", NULL, false, NULL), 0,
	       "%s: so is the firewall", label);
	tap_is(count_alive(flows, 3), FLOWS, "%s: they live on", label);
	tap_is(gateway_reload(gateway_rules), 0, "%s: the rules of before", label);
	for (int i = 0; i < FLOWS; i++)
		close(flows[i]);
	gateway_server_stop(&server);
}

/* ---- changes without pause ------------------------------------------------------------------ */

/* What is done to the stack while bytes run, until *stop. */
struct churn {
	volatile bool stop;
	unsigned int changes, failures;
};

static void *churn(void *cookie)
{
	/* Rules that decide on nothing here come and go, so no count goes with them. */
	static const char more[] = "drop proto tcp dport 23\naccept proto udp dport 24-29\n"
				   "accept state established,related\ndrop state invalid\n"
				   "accept proto icmp\naccept proto tcp dport 8080\n"
				   "reject proto tcp dport 25\naccept proto udp dport 7\ndrop\n";
	struct churn *c = cookie;

	while (!c->stop) {
		c->failures += !!gateway_reload(more);
		c->failures += !!lana_block_replace(gateway_stack, "nat", "nat", NULL, false, NULL);
		c->failures += !!gateway_reload(gateway_rules);
		c->failures +=
			!!lana_block_replace(gateway_stack, "wall", "firewall", NULL, false, NULL);
		c->changes += 4;
	}
	return NULL;
}

#define PIECE 2048

/* What byte n of a flow is. */
static unsigned char byte_of(unsigned int flow, unsigned long n)
{
	return n * 167 + flow * 31 + (n >> 8) + (n >> 16);
}

/* A piece of a flow comes back as it was sent, all of it. */
static bool returns(int fd, unsigned int flow, unsigned long from)
{
	unsigned char bytes[PIECE];
	size_t size = 0;
	ssize_t more;

	while (size < PIECE && gateway_waits(fd, POLLIN)) {
		more = read(fd, bytes + size, PIECE - size);
		if (more <= 0)
			return false;
		size += more;
	}
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != byte_of(flow, from + i))
			return false;
	return size == PIECE;
}

static bool sends(int fd, unsigned int flow, unsigned long from)
{
	unsigned char bytes[PIECE];

	for (size_t i = 0; i < PIECE; i++)
		bytes[i] = byte_of(flow, from + i);
	return gateway_waits(fd, POLLOUT) && write(fd, bytes, PIECE) == PIECE;
}

#define ROUNDS	    4
#define CHANGES_MIN 8

/* Wait until nothing passes any more. What the wall has got, less what its rules have counted. */
static unsigned long long uncounted(void)
{
	unsigned long long seen = gateway_counter("seen", "packets"), before;

	do {
		before = seen;
		usleep(200000);
		seen = gateway_counter("seen", "packets");
	} while (seen != before);
	return seen - gateway_all_rules();
}

/* A thousand flows carry bytes there and back while rules and code change all the time. */
static void test_churn(const char *label)
{
	unsigned int whole = 0, rounds = 0;
	unsigned long long before = uncounted();
	struct gateway_server server;
	struct churn c = {};
	pthread_t thread;
	int flows[FLOWS];

	gateway_server_start(&server, "world", "192.0.2.2", 5001);
	for (int i = 0; i < FLOWS; i++)
		flows[i] = gateway_connected("inside", SOCK_STREAM, "192.0.2.2", 5001);
	if (pthread_create(&thread, NULL, churn, &c))
		tap_bail("no thread");
	while (rounds < ROUNDS || (c.changes < CHANGES_MIN && rounds < 10 * ROUNDS)) {
		for (int i = 0; i < FLOWS; i++)
			whole += sends(flows[i], i, (unsigned long)rounds * PIECE) ? 0 : FLOWS;
		for (int i = 0; i < FLOWS; i++)
			whole += returns(flows[i], i, (unsigned long)rounds * PIECE);
		rounds++;
	}
	c.stop = true;
	pthread_join(thread, NULL);
	tap_is(whole, rounds * FLOWS, "%s: each byte of %d flows comes back while all changes",
	       label, FLOWS);
	tap_ok(c.changes >= CHANGES_MIN && !c.failures, "%s: %u changes were made, %u refused",
	       label, c.changes, c.failures);
	for (int i = 0; i < FLOWS; i++)
		close(flows[i]);
	gateway_server_stop(&server);
	tap_is(uncounted() - before, 0, "%s: the rules have counted each packet once", label);
}

int main(void)
{
	const struct rlimit files = { 8192, 8192 };

	topology_begin();
	setrlimit(RLIMIT_NOFILE, &files);
	gateway_set_up();
	for (int flavour = LANA_FLAVOURS - 1; flavour >= 0; flavour--) {
		gateway_open(flavour);
		test_ping(gateway_flavours[flavour]);
		test_udp(gateway_flavours[flavour], gateway_outside[flavour]);
		test_forward(gateway_flavours[flavour], gateway_outside[flavour]);
		test_wall(gateway_flavours[flavour]);
		test_flows(gateway_flavours[flavour], gateway_outside[flavour]);
		test_churn(gateway_flavours[flavour]);
		gateway_close();
	}
	return tap_done();
}
