// SPDX-License-Identifier: GPL-2.0-only
/*
 * hand_over STACK NETNS NAME LOWER PATH - open a socket NAME on LOWER, and hand it over to whoever
 * comes to the Unix socket PATH
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <lana/socket.h>

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "hand_over: %s: %s\n", what, why);
	return 1;
}

/* The first one who comes. */
static int wait_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (void *)&address, sizeof(address)) || listen(fd, 1))
		return -1;
	return accept(fd, NULL, NULL);
}

int main(int argc, char **argv)
{
	struct lana_stack_options options = { .bpffs = getenv("LANA_BPFFS"),
					      .types = getenv("LANA_TYPES") };
	struct lana_error error = {};
	struct lana_socket *socket;
	struct lana_stack *stack;
	int channel;

	if (argc != 6)
		return fail("five words are needed", "STACK NETNS NAME LOWER PATH");
	options.name = argv[1];
	options.netns = argv[2];
	if (lana_stack_open(&options, &stack, &error) ||
	    lana_socket_open(stack, argv[3], NULL, &socket, &error) ||
	    lana_bind(stack, argv[3], argv[4], NULL, &error))
		return fail(argv[3], error.text);
	channel = wait_at(argv[5]);
	if (channel < 0)
		return fail(argv[5], strerror(errno));
	if (lana_socket_hand_over(socket, channel, &error))
		return fail(argv[3], error.text);
	lana_socket_close(socket);
	lana_stack_close(stack);
	return 0;
}
