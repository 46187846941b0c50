// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "serve.h"
#include "socket.h"
#include "socket_block.h"

static void stack_close_p(struct lana_stack **stack)
{
	lana_stack_close(*stack);
}

static void socket_close_p(struct lana_socket **socket)
{
	lana_socket_close(*socket);
}

/* Each time anew: the stack may have been flushed, and another one made. */
static int open_stack(const struct lana_server *server, struct lana_stack **stack,
		      struct lana_error *error)
{
	return lana_stack_open(&server->stack, stack, error);
}

static void free_memory_p(struct serve_memory **memory)
{
	serve_memory_free(*memory);
}

/* ---- what is asked for --------------------------------------------------------------------- */

/* The usual number, or what was asked for, within what is allowed. */
static int choose(const char *what, __u32 asked, __u32 usual, __u32 most, __u32 *number,
		  struct lana_error *error)
{
	if (asked > most)
		return refuse(error, -EACCES, "%s %u: the policy allows %u", what, asked, most);
	*number = asked ?: usual < most ? usual : most;
	return 0;
}

static int choose_options(const struct policy_rule *rule, const struct serve_request *request,
			  struct lana_socket_options *options, struct lana_error *error)
{
	int err = choose("MTU", request->mtu, rule->mtu, rule->mtu, &options->mtu, error);

	if (!err)
		err = choose("a receive ring of", request->receive_ring, 2048, rule->rings,
			     &options->receive_ring, error);
	if (!err)
		err = choose("a send ring of", request->send_ring, 2048, rule->rings,
			     &options->send_ring, error);
	options->hook = request->hook;
	options->timestamps = request->flags & SERVE_TIMESTAMPS;
	options->indirect = rule->indirect || request->flags & SERVE_INDIRECT;
	return err;
}

/* ---- its place in the stack ---------------------------------------------------------------- */

/* Whose it is, for who looks at the stack. */
static void note_process(struct lana_stack *stack, const char *device, pid_t process)
{
	if (stack_lock(stack, NULL))
		return;
	LOCKED(stack);

	registry_for_each (stack->registry, idp) {
		struct device_record *record = &stack->registry->records[idp].device;

		if (record->is_socket && !strcmp(record->name, device))
			record->process = process;
	}
}

int serve_open(struct lana_server *server, struct serve_client *client,
	       const struct serve_request *request, struct lana_error *error)
{
	const struct policy_rule *rule = policy_find(&server->policy, &client->peer, request->name);
	_cleanup_(stack_close_p) struct lana_stack *stack = NULL;
	_cleanup_(socket_close_p) struct lana_socket *socket = NULL;
	_cleanup_(free_memory_p) struct serve_memory *memory = NULL;
	struct lana_socket_options options = {};
	int err;

	if (!rule)
		return refuse(error, -EACCES, "user %u may not have a socket '%s'",
			      client->peer.uid, request->name);
	err = choose_options(rule, request, &options, error);
	if (!err)
		err = open_stack(server, &stack, error);
	if (!err)
		err = lana_socket_open(stack, request->name, &options, &socket, error);
	if (!err && *rule->lower)
		err = lana_socket_bind(stack, request->name, rule->lower, rule->port, error);
	if (!err) {
		err = serve_memory_note(socket, client->peer.uid, &memory);
		if (err)
			refuse(error, err, "cannot keep account of socket '%s': %s", request->name,
			       strerror(-err));
	}
	if (!err)
		err = lana_socket_hand_over(socket, client->fd, error);
	if (err)
		return err;
	note_process(stack, socket->device, client->peer.pid);
	strcpy(client->device, socket->device);
	strcpy(client->name, request->name);
	client->memory = TAKE_PTR(memory);
	return 0;
}

/* ---- its end ------------------------------------------------------------------------------- */

int serve_drop(const struct lana_server *server, const char *device, struct lana_error *error)
{
	_cleanup_(stack_close_p) struct lana_stack *stack = NULL;
	int err = open_stack(server, &stack, error);

	if (err)
		return err == -ENOENT ? 0 : err;
	return socket_drop_device(stack, device, error);
}

/* Whoever locks the stack removes them. */
void serve_reap(const struct lana_server *server)
{
	_cleanup_(stack_close_p) struct lana_stack *stack = NULL;

	if (open_stack(server, &stack, NULL) || !stack->registry->sockets ||
	    stack_lock(stack, NULL))
		return;
	stack_unlock(stack);
}
