// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "gateway_lab.h"
#include "inspect.h"
#include "tap.h"
#include "topology.h"

const char *const gateway_flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };
const char *const gateway_outside[] = { [LANA_XDP] = "192.0.2.100", [LANA_TC] = "192.0.2.1" };

struct lana_stack *gateway_stack;
static char rules_path[128], table_path[128];

#define WAIT 5000 /* ms, for what is to come */

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

static struct sockaddr_in address_of(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, address, &to.sin_addr);
	return to;
}

int gateway_bound(const char *netns, int type, const char *address, int port)
{
	struct sockaddr_in at = address_of(address, port);
	int fd = topology_socket(netns, AF_INET, type | SOCK_NONBLOCK, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&at, sizeof(at)) || (type == SOCK_STREAM && listen(fd, 2048)))
		tap_bail("%s:%d: %s", address, port, strerror(errno));
	return fd;
}

int gateway_connected(const char *netns, int type, const char *address, int port)
{
	struct sockaddr_in to = address_of(address, port);
	int fd = topology_socket(netns, AF_INET, type | SOCK_NONBLOCK, 0), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (void *)&to, sizeof(to)) && errno != EINPROGRESS)
		tap_bail("%s:%d: %s", address, port, strerror(errno));
	return fd;
}

bool gateway_waits(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	return poll(&poll_fd, 1, WAIT) == 1 && poll_fd.revents & events;
}

bool gateway_waits_shortly(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, 300) == 1;
}

static void accept_all(struct gateway_server *server, int events)
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
	struct gateway_server *server = cookie;
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

void gateway_server_start(struct gateway_server *server, const char *netns, const char *address,
			  int port)
{
	*server = (struct gateway_server){ .listener = gateway_bound(netns, SOCK_STREAM, address,
								     port) };
	if (pthread_create(&server->thread, NULL, serve, server))
		tap_bail("no thread");
}

void gateway_server_stop(struct gateway_server *server)
{
	server->stop = true;
	pthread_join(server->thread, NULL);
	close(server->listener);
}

/* Send a number by a connection and get it back. */
bool gateway_echoes(int fd, unsigned int number)
{
	unsigned int back = 0;

	return gateway_waits(fd, POLLOUT) && write(fd, &number, sizeof(number)) == sizeof(number) &&
	       gateway_waits(fd, POLLIN) && read(fd, &back, sizeof(back)) == sizeof(back) &&
	       back == number;
}

/* ---- the gateway ---------------------------------------------------------------------------- */

const char gateway_rules[] = "accept state established,related\n"
			     "drop state invalid\n"
			     "accept proto icmp\n"
			     "accept proto tcp dport 8080\n"
			     "accept proto udp dport 7\n"
			     "drop\n";

static void bind_block(const char *upper, const char *lower, const char *port, bool egress)
{
	struct lana_bind_options options = { .ingress = !egress, .egress = egress, .port = port };
	struct lana_error error;

	must(lana_bind(gateway_stack, upper, lower, &options, &error), &error);
}

static void add_block(const char *name, const char *type, const char *const *options)
{
	struct lana_error error;

	must(lana_block_add(gateway_stack, name, type, options, &error), &error);
}

static void hook_device(const char *device, enum lana_flavour flavour)
{
	struct lana_hook_options options = { .hook = flavour == LANA_XDP ? LANA_HOOK_XDP
									 : LANA_HOOK_TC };
	struct lana_error error;

	must(lana_hook(gateway_stack, device, &options, &error), &error);
}

void gateway_open(enum lana_flavour flavour)
{
	struct lana_stack_options options = { .bpffs = topology_bpffs(),
					      .types = inspect_build("bpf/blocks"),
					      .netns = "gate",
					      .create = true };
	char rules_option[160], table_option[160], outside_option[32];
	struct lana_error error;

	snprintf(rules_option, sizeof(rules_option), "rules=%s", rules_path);
	snprintf(table_option, sizeof(table_option), "table=%s", table_path);
	snprintf(outside_option, sizeof(outside_option), "outside=%s", gateway_outside[flavour]);
	write_file(rules_path, gateway_rules);
	write_file(table_path, "tcp 8080 to=10.0.0.2 port=80\nudp 7 to=10.0.0.2\n");
	must(lana_stack_open(&options, &gateway_stack, &error), &error);
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
	add_block("is_ip", "filter", (const char *[]){ "expr=ip", NULL });
	add_block("seen", "counter", NULL);
	bind_block("wall", "seen", NULL, false);
	bind_block("seen", "is_ip", "match", false);
	bind_block("kernel", "is_ip", "other", false);
	bind_block("is_ip", "wan0", NULL, false);
}

void gateway_close(void)
{
	lana_stack_flush(gateway_stack, NULL);
	lana_stack_close(gateway_stack);
}

unsigned long long gateway_counter(const char *block, const char *name)
{
	struct lana_error error;
	uint64_t count;

	must(lana_block_count(gateway_stack, block, name, &count, &error), &error);
	return count;
}

unsigned long long gateway_rule_packets(size_t number)
{
	struct lana_rule_info *infos;
	unsigned long long packets;
	struct lana_error error;
	size_t count;

	must(lana_block_rules(gateway_stack, "wall", &infos, &count, &error), &error);
	packets = number < count ? infos[number].packets : 0;
	free(infos);
	return packets;
}

unsigned long long gateway_all_rules(void)
{
	struct lana_rule_info *infos;
	unsigned long long packets = 0;
	struct lana_error error;
	size_t count;

	must(lana_block_rules(gateway_stack, "wall", &infos, &count, &error), &error);
	for (size_t i = 0; i < count; i++)
		packets += infos[i].packets;
	free(infos);
	return packets;
}

int gateway_reload(const char *text)
{
	char option[160];

	snprintf(option, sizeof(option), "rules=%s", rules_path);
	write_file(rules_path, text);
	return lana_block_set(gateway_stack, "wall", (const char *[]){ option, NULL }, NULL);
}

/* ---- where it stands ------------------------------------------------------------------------ */

void gateway_set_up(void)
{
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
}
