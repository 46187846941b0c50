// SPDX-License-Identifier: GPL-2.0-only
#include "kept.h"
#include "loader/socket.h"
#include "loader/stack.h"

static bool kept[FDS_MAX];

void kept_set(int fd, bool on)
{
	if (fd >= 0 && fd < FDS_MAX)
		__atomic_store_n(&kept[fd], on, __ATOMIC_RELEASE);
}

bool kept_is(int fd)
{
	return fd >= 0 && fd < FDS_MAX && __atomic_load_n(&kept[fd], __ATOMIC_ACQUIRE);
}

static void keep_stack(const struct lana_stack *stack, bool on)
{
	kept_set(stack->folder_fd, on);
	kept_set(stack->registry_fd, on);
	kept_set(stack->context_fd, on);
	kept_set(stack->grace_fd, on);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++)
		for (int path = 0; path < LANA_PATHS; path++)
			kept_set(stack->tables[flavour][path], on);
	for (int i = 0; i < PAGES_MAX; i++)
		if (stack->pages[i].cells)
			kept_set(stack->pages[i].fd, on);
}

void kept_socket(const struct lana_socket *socket, bool on)
{
	for (int i = 0; i < SOCKET_FDS_MAX; i++)
		kept_set(socket->parts.fds[i], on);
	kept_set(socket->poll, on);
	kept_set(socket->server, on);
	if (socket->stack)
		keep_stack(socket->stack, on);
}
