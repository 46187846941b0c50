// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect.h"
#include "sockets.h"
#include "tap.h"
#include "topology.h"

static void must(int err, const struct lana_error *error, const char *what)
{
	if (err)
		tap_bail("%s: %s", what, *error->text ? error->text : strerror(-err));
}

static void side_open(struct side *side, enum lana_hook hook)
{
	const struct lana_stack_options options = { .name = side->device,
						    .bpffs = topology_bpffs(),
						    .types = inspect_build("bpf/blocks"),
						    .netns = side->netns,
						    .create = true };
	const struct lana_hook_options how = { .hook = hook };
	struct lana_error error = {};

	must(lana_stack_open(&options, &side->stack, &error), &error, "cannot open a stack");
	must(lana_hook(side->stack, side->device, &how, &error), &error, side->device);
}

void sides_open(struct side *left, struct side *right, enum lana_hook hook)
{
	*left = (struct side){ .netns = "left", .device = "l0" };
	*right = (struct side){ .netns = "right", .device = "r0" };
	topology_netns(left->netns);
	topology_netns(right->netns);
	topology_veth(left->netns, left->device, right->netns, right->device);
	side_open(left, hook);
	side_open(right, hook);
}

static void side_close(struct side *side)
{
	lana_socket_close(side->socket);
	lana_stack_flush(side->stack, NULL);
	lana_stack_close(side->stack);
	topology_run("ip netns del %s 2>/dev/null", side->netns);
}

void sides_close(struct side *left, struct side *right)
{
	side_close(left);
	side_close(right);
}

struct lana_socket *side_socket(struct side *side, const char *name,
				const struct lana_socket_options *options)
{
	struct lana_socket *socket;
	struct lana_error error = {};

	must(lana_socket_open(side->stack, name, options, &socket, &error), &error, name);
	return socket;
}

void sides_connect(struct side *left, struct side *right, enum lana_hook hook,
		   const struct lana_socket_options *options)
{
	sides_open(left, right, hook);
	left->socket = side_socket(left, "app", NULL);
	right->socket = side_socket(right, "app", options);
	side_do(left, "bind app %s", left->device);
	side_do(right, "bind app %s", right->device);
}

void side_do(struct side *side, const char *format, ...)
{
	char step[256];
	va_list args;

	va_start(args, format);
	vsnprintf(step, sizeof(step), format, args);
	va_end(args);
	if (topology_run("%s -n %s -s %s %s", inspect_lanactl(), side->netns, side->device, step))
		tap_bail("refused: %s", step);
}

void side_bind_two(struct side *side)
{
	side_do(side, "bind y %s", side->device);
	side_do(side, "bind x %s", side->device);
	side_do(side, "bind app y");
	side_do(side, "bind app x");
}

void side_rebind(struct side *side, unsigned int turn)
{
	const struct lana_bind_options up = { .ingress = true }, down = { .egress = true };
	const char *block = turn & 2 ? "x" : "y";
	struct lana_error error = {};
	int err = turn & 1 ? lana_bind(side->stack, block, side->device, &up, &error)
			   : lana_bind(side->stack, "app", block, &down, &error);

	if (err)
		tap_bail("bind: %s", error.text);
}

/* Lines that a command prints with these words in them. */
__attribute__((format(printf, 2, 3))) static int count_lines(const char *words, const char *format,
							     ...)
{
	char command[512], line[512];
	va_list args;
	FILE *list;
	int count = 0;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	list = popen(command, "r");
	while (list && fgets(line, sizeof(line), list))
		count += !!strstr(line, words);
	if (list)
		pclose(list);
	return count;
}

int side_devices(const struct side *side)
{
	return count_lines("lana.s", "ip -n %s -o link show 2>/dev/null", side->netns);
}

bool side_await_devices(const struct side *side, int count)
{
	for (int i = 0; i < 1000 && side_devices(side) != count; i++)
		usleep(10000);
	return side_devices(side) == count;
}

int side_pins(const struct side *side, const char *folder)
{
	return count_lines("", "ls %s/lana/%s/%s 2>/dev/null", topology_bpffs(), side->device,
			   folder);
}

bool side_has_block(const struct side *side, const char *name)
{
	struct lana_block_info *blocks;
	size_t count;

	if (lana_block_list(side->stack, name, &blocks, &count, NULL))
		return false;
	free(blocks);
	return true;
}

static unsigned char byte_of(unsigned int length, unsigned int seed, unsigned int i)
{
	return (i + 1) * 167 + length * 31 + seed * 13 + (i >> 8);
}

void frame_make(unsigned char *frame, unsigned int length, unsigned int seed)
{
	for (unsigned int i = 0; i < length; i++)
		frame[i] = byte_of(length, seed, i);
	memcpy(frame + 12, "\x88\xb5", 2); /* for experiments, IEEE 802 */
}

bool frame_is(const unsigned char *frame, unsigned int length, unsigned int seed)
{
	unsigned char want[4096];

	frame_make(want, length, seed);
	return !memcmp(frame, want, length);
}

int frame_send(struct lana_socket *socket, unsigned int length, unsigned int seed)
{
	unsigned char frame[4096];

	frame_make(frame, length, seed);
	return lana_socket_send(socket, frame, length, SECOND);
}

bool frame_receive(struct lana_socket *socket, unsigned int length, unsigned int seed)
{
	unsigned char frame[4096];

	return lana_socket_recv(socket, frame, sizeof(frame), NULL, SECOND) == length &&
	       frame_is(frame, length, seed);
}
