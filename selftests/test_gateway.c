// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_gateway - hosts behind one address: NAT, port forwarding, errors, a firewall with states
 *
 *	inside            gate (the kernel routes)           world
 *	10.0.0.2 ─── lan0 10.0.0.1 │ 192.0.2.1 wan0 ─── 192.0.2.2
 *
 * At tc nat is between the kernel and wan0, both ways; at XDP, which has no egress, between the
 * devices and the kernel, which takes no packets from an address of its own, so the outside address
 * is another one. The world has no route to inside.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tap.h"
#include "topology.h"
#include "workbench.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };
static const char *const outside[] = { [LANA_XDP] = "192.0.2.100", [LANA_TC] = "192.0.2.1" };

static struct lana_stack *stack;
static char rules_path[128], table_path[128];

#define WAIT 3000 /* ms, for what is to come */

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		tap_bail("%s: %s", path, strerror(errno));
}

static void must(int err, const struct lana_error *error)
{
	if (err)
		tap_bail("%s", error->text);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static int open_socket(const char *netns, int type)
{
	int home = topology_enter(netns);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	topology_leave(home);
	if (fd < 0)
		tap_bail("socket: %s", strerror(errno));
	return fd;
}

static struct sockaddr_in address_of(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, address, &to.sin_addr);
	return to;
}

static int bound_socket(const char *netns, int type, const char *address, int port)
{
	struct sockaddr_in at = address_of(address, port);
	int fd = open_socket(netns, type), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&at, sizeof(at)) || (type == SOCK_STREAM && listen(fd, 2048)))
		tap_bail("%s:%d: %s", address, port, strerror(errno));
	return fd;
}

static int connected_socket(const char *netns, int type, const char *address, int port)
{
	struct sockaddr_in to = address_of(address, port);
	int fd = open_socket(netns, type), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (void *)&to, sizeof(to)) && errno != EINPROGRESS)
		tap_bail("%s:%d: %s", address, port, strerror(errno));
	return fd;
}

static bool wait_for(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	return poll(&poll_fd, 1, WAIT) == 1 && poll_fd.revents & events;
}

static bool wait_for_short(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, 300) == 1;
}

/* Answers what it is sent, on any number of connections, until *stop. */
struct server {
	int listener;
	volatile bool stop;
	pthread_t thread;
	char peer[INET_ADDRSTRLEN]; /* of the latest connection */
};

static void accept_all(struct server *server, int events)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	int fd;

	while ((fd = accept4(server->listener, (void *)&from, &size, SOCK_NONBLOCK)) >= 0) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

		inet_ntop(AF_INET, &from.sin_addr, server->peer, sizeof(server->peer));
		epoll_ctl(events, EPOLL_CTL_ADD, fd, &event);
	}
}

static void *serve(void *cookie)
{
	struct server *server = cookie;
	int events = epoll_create1(0), count;
	struct epoll_event listening = { .events = EPOLLIN, .data.fd = server->listener }, got[64];
	char bytes[4096];

	epoll_ctl(events, EPOLL_CTL_ADD, server->listener, &listening);
	while (!server->stop) {
		count = epoll_wait(events, got, 64, 50);
		for (int i = 0; i < count; i++) {
			ssize_t length;

			if (got[i].data.fd == server->listener) {
				accept_all(server, events);
				continue;
			}
			length = read(got[i].data.fd, bytes, sizeof(bytes));
			if (length <= 0 || write(got[i].data.fd, bytes, length) != length)
				close(got[i].data.fd);
		}
	}
	close(events);
	return NULL;
}

static void start_server(struct server *server, const char *netns, const char *address, int port)
{
	*server = (struct server){ .listener = bound_socket(netns, SOCK_STREAM, address, port) };
	if (pthread_create(&server->thread, NULL, serve, server))
		tap_bail("no thread");
}

static void stop_server(struct server *server)
{
	server->stop = true;
	pthread_join(server->thread, NULL);
	close(server->listener);
}

/* Send a number by a connection and get it back. */
static bool echoes(int fd, unsigned int number)
{
	unsigned int back = 0;

	return wait_for(fd, POLLOUT) && write(fd, &number, sizeof(number)) == sizeof(number) &&
	       wait_for(fd, POLLIN) && read(fd, &back, sizeof(back)) == sizeof(back) &&
	       back == number;
}

/* ---- the gateway ---------------------------------------------------------------------------- */

static const char rules[] = "accept state established,related\n"
			    "drop state invalid\n"
			    "accept proto icmp\n"
			    "accept proto tcp dport 8080\n"
			    "accept proto udp dport 7\n"
			    "drop\n";

static void bind_block(const char *upper, const char *lower, const char *port, bool egress)
{
	struct lana_bind_options options = { .ingress = !egress, .egress = egress, .port = port };
	struct lana_error error;

	must(lana_bind(stack, upper, lower, &options, &error), &error);
}

static void add_block(const char *name, const char *type, const char *const *options)
{
	struct lana_error error;

	must(lana_block_add(stack, name, type, options, &error), &error);
}

static void hook_device(const char *device, enum lana_flavour flavour)
{
	struct lana_hook_options options = { .hook = flavour == LANA_XDP ? LANA_HOOK_XDP
									 : LANA_HOOK_TC };
	struct lana_error error;

	must(lana_hook(stack, device, &options, &error), &error);
}

static void open_gateway(enum lana_flavour flavour)
{
	struct lana_stack_options options = {
		.bpffs = topology_bpffs(), .types = LANA_TYPES_DIR, .netns = "gate", .create = true
	};
	char rules_option[160], table_option[160], outside_option[32];
	struct lana_error error;

	snprintf(rules_option, sizeof(rules_option), "rules=%s", rules_path);
	snprintf(table_option, sizeof(table_option), "table=%s", table_path);
	snprintf(outside_option, sizeof(outside_option), "outside=%s", outside[flavour]);
	write_file(rules_path, rules);
	write_file(table_path, "tcp 8080 to=10.0.0.2 port=80\nudp 7 to=10.0.0.2\n");
	must(lana_stack_open(&options, &stack, &error), &error);
	hook_device("lan0", flavour);
	hook_device("wan0", flavour);
	add_block("kernel", "pass", NULL);
	add_block("wall", "firewall", (const char *[]){ rules_option, NULL });
	add_block("nat", "nat",
		  (const char *[]){ outside_option, "inside=10.0.0.0", "inside_length=24",
				    table_option, NULL });
	bind_block("kernel", "nat", NULL, false);
	bind_block("kernel", "nat", "other", false);
	bind_block("nat", "wall", NULL, false);
	if (flavour == LANA_TC) {
		bind_block("nat", "wan0", NULL, true);
		bind_block("wan0", "nat", NULL, true);
		bind_block("kernel", "lan0", NULL, false);
	} else {
		bind_block("nat", "lan0", NULL, false);
	}
	bind_block("wall", "wan0", NULL, false);
}

static void close_gateway(void)
{
	lana_stack_flush(stack, NULL);
	lana_stack_close(stack);
}

static unsigned long long counter(const char *block, const char *name)
{
	struct lana_block_stats *stats;
	unsigned long long sum = 0;
	struct lana_error error;
	size_t count;

	must(lana_block_stats(stack, block, &stats, &count, &error), &error);
	for (int path = 0; path < LANA_PATHS; path++)
		for (size_t i = 0; i < stats->path[path].own_count; i++)
			if (!strcmp(stats->path[path].own[i].name, name))
				sum += stats->path[path].own[i].value;
	free(stats);
	return sum;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static unsigned long long packets_of_rule(size_t number)
{
	struct lana_rule_info *infos;
	unsigned long long packets;
	struct lana_error error;
	size_t count;

	must(lana_block_rules(stack, "wall", &infos, &count, &error), &error);
	packets = number < count ? infos[number].packets : 0;
	free(infos);
	return packets;
}

/* What begins nothing that is allowed does not come in, and each such packet is counted once. */
static void test_wall(const char *label)
{
	int world = connected_socket("world", SOCK_DGRAM, "192.0.2.1", 99);
	int ack = connected_socket("world", SOCK_STREAM, "192.0.2.1", 98);
	unsigned long long before = packets_of_rule(5);
	char byte = 3;

	for (int i = 0; i < 100; i++)
		if (write(world, &byte, 1) != 1)
			tap_bail("write: %s", strerror(errno));
	tap_ok(!wait_for_short(ack), "%s: no connection to a closed gate", label);
	/* The SYN came before; it may have been sent again. */
	before = packets_of_rule(5) - before;
	tap_ok(before == 100 || before == 101, "%s: the last rule has dropped %llu packets", label,
	       before);
	tap_ok(packets_of_rule(0) > 0, "%s: answers come in by the first (%llu)", label,
	       packets_of_rule(0));
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
	int server = bound_socket("world", SOCK_DGRAM, "192.0.2.2", 9);
	int client = connected_socket("inside", SOCK_DGRAM, "192.0.2.2", 9);
	int closed = connected_socket("inside", SOCK_DGRAM, "192.0.2.2", 10);
	unsigned long long errors = counter("nat", "errors");
	struct sockaddr_in from = {};
	socklen_t size = sizeof(from);
	char byte = 1, text[INET_ADDRSTRLEN] = "";

	tap_ok(write(client, &byte, 1) == 1 && wait_for(server, POLLIN) &&
		       recvfrom(server, &byte, 1, 0, (void *)&from, &size) == 1,
	       "%s: a datagram goes out", label);
	inet_ntop(AF_INET, &from.sin_addr, text, sizeof(text));
	tap_is_text(text, address, "%s: from the outside address", label);
	tap_ok(sendto(server, &byte, 1, 0, (void *)&from, size) == 1 && wait_for(client, POLLIN) &&
		       read(client, &byte, 1) == 1,
	       "%s: its answer comes back", label);
	tap_ok(write(closed, &byte, 1) == 1 && wait_for(closed, POLLERR) &&
		       read(closed, &byte, 1) < 0 && errno == ECONNREFUSED,
	       "%s: a closed port is told of inside", label);
	tap_is(counter("nat", "errors") - errors, 1, "%s: by an error that was translated", label);
	close(server);
	close(client);
	close(closed);
}

static void test_forward(const char *label, const char *address)
{
	int inside = bound_socket("inside", SOCK_DGRAM, "10.0.0.2", 7);
	int outside = connected_socket("world", SOCK_DGRAM, address, 7), tcp;
	struct sockaddr_in from = {};
	socklen_t size = sizeof(from);
	struct server server;
	char byte = 2;

	tap_ok(write(outside, &byte, 1) == 1 && wait_for(inside, POLLIN) &&
		       recvfrom(inside, &byte, 1, 0, (void *)&from, &size) == 1,
	       "%s: a datagram to a forwarded port goes inside", label);
	tap_ok(sendto(inside, &byte, 1, 0, (void *)&from, size) == 1 && wait_for(outside, POLLIN) &&
		       read(outside, &byte, 1) == 1,
	       "%s: its answer comes from where it was sent to", label);
	start_server(&server, "inside", "10.0.0.2", 80);
	tcp = connected_socket("world", SOCK_STREAM, address, 8080);
	tap_ok(echoes(tcp, 5), "%s: a connection to a forwarded port too", label);
	tap_is_text(server.peer, "192.0.2.2", "%s: it knows who calls", label);
	stop_server(&server);
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

		if (!wait_for(flows[i], POLLOUT) ||
		    write(flows[i], &number, sizeof(number)) != sizeof(number))
			return -1;
	}
	for (int i = 0; i < FLOWS; i++) {
		unsigned int number = 0;

		alive += wait_for(flows[i], POLLIN) &&
			 read(flows[i], &number, sizeof(number)) == sizeof(number) &&
			 number == round * FLOWS + i;
	}
	return alive;
}

static int reload(const char *text)
{
	char option[160];

	snprintf(option, sizeof(option), "rules=%s", rules_path);
	write_file(rules_path, text);
	return lana_block_set(stack, "wall", (const char *[]){ option, NULL }, NULL);
}

/* A thousand connections, and all that may be done to the stack meanwhile. */
static void test_flows(const char *label, const char *address)
{
	static const char more[] = "drop proto tcp dport 23\n"
				   "accept state established\naccept proto udp\ndrop\n";
	unsigned long long begun = counter("nat", "begun");
	struct server server;
	int flows[FLOWS];

	start_server(&server, "world", "192.0.2.2", 5000);
	for (int i = 0; i < FLOWS; i++)
		flows[i] = connected_socket("inside", SOCK_STREAM, "192.0.2.2", 5000);
	tap_is(count_alive(flows, 1), FLOWS, "%s: %d connections at a time", label, FLOWS);
	tap_is(counter("nat", "begun") - begun, FLOWS, "%s: each begun once", label);
	tap_is(counter("nat", "failed"), 0, "%s: none failed", label);
	tap_is_text(server.peer, address, "%s: from the outside address", label);
	tap_is(reload(more), 0, "%s: other rules", label);
	tap_is(count_alive(flows, 2), FLOWS, "%s: they live on", label);
	tap_is(lana_block_replace(stack, "nat", "nat", NULL, false, NULL), 0, "%s: nat is replaced",
	       label);
	tap_is(lana_block_replace(stack, "wall", "firewall", NULL, false, NULL), 0,
	       "%s: so is the firewall", label);
	tap_is(count_alive(flows, 3), FLOWS, "%s: they live on", label);
	tap_is(reload(rules), 0, "%s: the rules of before", label);
	for (int i = 0; i < FLOWS; i++)
		close(flows[i]);
	stop_server(&server);
}

int main(void)
{
	const struct rlimit files = { 8192, 8192 };

	topology_begin();
	setrlimit(RLIMIT_NOFILE, &files);
	snprintf(rules_path, sizeof(rules_path), "%s/rules", topology_scratch());
	snprintf(table_path, sizeof(table_path), "%s/ports", topology_scratch());
	topology_netns("inside");
	topology_netns("gate");
	topology_netns("world");
	topology_veth("inside", "in0", "gate", "lan0");
	topology_veth("gate", "wan0", "world", "out0");
	topology_address("inside", "in0", "10.0.0.2/24");
	topology_address("gate", "lan0", "10.0.0.1/24");
	topology_address("gate", "wan0", "192.0.2.1/24");
	topology_address("world", "out0", "192.0.2.2/24");
	if (topology_run("ip -n inside route add default via 10.0.0.1") ||
	    topology_run("ip netns exec gate sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'"))
		tap_bail("no routing");
	if (topology_run("ip -n world neighbour replace 192.0.2.100 dev out0 lladdr "
			 "$(ip netns exec gate cat /sys/class/net/wan0/address)"))
		tap_bail("no neighbour");
	for (int flavour = LANA_FLAVOURS - 1; flavour >= 0; flavour--) {
		open_gateway(flavour);
		test_ping(flavours[flavour]);
		test_udp(flavours[flavour], outside[flavour]);
		test_forward(flavours[flavour], outside[flavour]);
		test_wall(flavours[flavour]);
		test_flows(flavours[flavour], outside[flavour]);
		close_gateway();
	}
	return tap_done();
}
