// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "error.h"
#include "serve.h"
#include "stack.h"
#include "socket.h"

#define SECOND	    1000000000LL
#define ASK_NS	    (3 * SECOND) /* time that a program has to ask */
#define RETRY_NS    SECOND
#define PAUSE_NS    (SECOND / 10)
#define REAP_NS	    (2 * SECOND)
#define RATE_NS	    (10 * SECOND)
#define RATES_MAX   1024 /* users */
#define LINES_MAX   20	 /* that are said of refusals, a second */
#define ACCEPTS_MAX 64	 /* at a time, before others have their turn */

static __s64 now(void)
{
	return socket_deadline(1) - 1;
}

/* ---- what is said -------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say(struct lana_server *server,
						      const char *format, ...)
{
	char text[700];
	va_list args;

	if (!server->log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++) /* names that are refused are quoted, whatever is in them */
		if (!isascii(*c) || iscntrl(*c))
			*c = '?';
	server->log(server->cookie, text);
}

/* Who is refused can come again as often as he likes: that is not to fill anybody's disk. */
static bool may_say(struct lana_server *server)
{
	if (now() >= server->quiet) {
		if (server->unsaid)
			say(server, "refused %u times more", server->unsaid);
		server->said = server->unsaid = 0;
		server->quiet = now() + SECOND;
	}
	if (server->said++ < LINES_MAX)
		return true;
	server->unsaid++;
	return false;
}

/* Tell why, if that is possible without waiting. The connection is the caller's to close. */
static void turn_away(struct lana_server *server, int fd, const struct policy_peer *peer, int err,
		      const struct lana_error *error)
{
	struct serve_refusal refusal = { .magic = SERVE_REFUSAL,
					 .version = SERVE_VERSION,
					 .error = err };

	snprintf(refusal.text, sizeof(refusal.text), "%s", error->text);
	send(fd, &refusal, sizeof(refusal), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (may_say(server))
		say(server, "refused user %u, process %d: %s", peer->uid, peer->pid, error->text);
}

/* ---- clients ------------------------------------------------------------------------------- */

static struct serve_client *add_client(struct lana_server *server)
{
	if (server->count == server->room) {
		__u32 room = server->room * 2 ?: 16;
		void *clients = reallocarray(server->clients, room, sizeof(*server->clients));

		if (!clients)
			return NULL;
		server->clients = clients;
		server->room = room;
	}
	return &server->clients[server->count++];
}

static void remove_client(struct lana_server *server, struct serve_client *client)
{
	close_p(&client->fd);
	free(client->peer.groups);
	serve_memory_free(client->memory);
	*client = server->clients[--server->count];
}

/* How many have a socket, or (has is false) have not asked yet; of one user, or of all: -1. */
static __u32 count_clients(const struct lana_server *server, bool has, uid_t uid)
{
	__u32 count = 0;

	for (__u32 i = 0; i < server->count; i++)
		count += !!*server->clients[i].device == has &&
			 (uid == (uid_t)-1 || server->clients[i].peer.uid == uid);
	return count;
}

/* A place for what one more user opens. The oldest goes, if need be: nobody is locked out. */
static struct serve_rate *add_rate(struct lana_server *server)
{
	struct serve_rate *oldest = server->rates;
	void *rates;

	if (server->rates_count < RATES_MAX) {
		rates = reallocarray(server->rates, server->rates_count + 1, sizeof(*oldest));
		if (!rates)
			return NULL;
		server->rates = rates;
		return &server->rates[server->rates_count++];
	}
	for (__u32 i = 1; i < server->rates_count; i++)
		if (server->rates[i].until < oldest->until)
			oldest = &server->rates[i];
	return oldest;
}

/* Has the user opened too many of late? If not, this is one more. */
static bool is_too_fast(struct lana_server *server, uid_t uid)
{
	struct serve_rate *rate = NULL;
	__s64 time = now();

	for (__u32 i = 0; i < server->rates_count; i++) {
		if (server->rates[i].until < time)
			server->rates[i--] = server->rates[--server->rates_count];
		else if (server->rates[i].uid == uid)
			rate = &server->rates[i];
	}
	if (rate)
		return rate->opened++ >= server->policy.rate;
	rate = add_rate(server);
	if (!rate)
		return true;
	*rate = (struct serve_rate){ .uid = uid, .opened = 1, .until = time + RATE_NS };
	return false;
}

/* ---- requests ------------------------------------------------------------------------------ */

static bool is_request(const struct serve_request *request, ssize_t size)
{
	size_t length = strnlen(request->name, sizeof(request->name));

	if (size != sizeof(*request) || request->magic != SERVE_REQUEST || !length ||
	    length == sizeof(request->name) || request->zero || request->flags & ~SERVE_FLAGS)
		return false;
	for (size_t i = length; i < sizeof(request->name); i++)
		if (request->name[i])
			return false;
	return true;
}

/* What programs keep of sockets that have been removed counts, too. */
static int check_limits(struct lana_server *server, uid_t uid, const struct policy_rule *rule,
			struct lana_error *error)
{
	__u32 all_kept = serve_memory_kept(server, -1), kept = serve_memory_kept(server, uid);
	__u32 all = count_clients(server, true, -1), has = count_clients(server, true, uid);
	char of_them[64] = "";

	if (kept)
		snprintf(of_them, sizeof(of_them), ", %u of them closed but kept in part", kept);
	if (has + kept >= rule->sockets)
		return refuse(error, -EUSERS, "user %u has %u sockets already%s, as many as he may",
			      uid, has + kept, of_them);
	if (all + all_kept >= server->policy.sockets)
		return refuse(error, -EUSERS, "there are %u sockets already, as many as may be",
			      all + all_kept);
	if (is_too_fast(server, uid))
		return refuse(error, -EUSERS, "user %u opens sockets too fast: %u in %lld s", uid,
			      server->policy.rate, RATE_NS / SECOND);
	return 0;
}

static int check_request(struct lana_server *server, const struct serve_client *client,
			 const struct serve_request *request, ssize_t size,
			 struct lana_error *error)
{
	const struct policy_rule *rule;

	if (size >= 8 && request->magic == SERVE_REQUEST && request->version != SERVE_VERSION)
		return refuse(error, -EPROTO, "the server speaks version %u, not %u", SERVE_VERSION,
			      request->version);
	if (!is_request(request, size))
		return refuse(error, -EPROTO, "what came is no request for a socket");
	if (check_name("block", request->name, error))
		return -EINVAL;
	rule = policy_find(&server->policy, &client->peer, request->name);
	if (!rule)
		return refuse(error, -EACCES, "user %u may not have a socket '%s'",
			      client->peer.uid, request->name);
	return check_limits(server, client->peer.uid, rule, error);
}

/* Descriptors that come along are closed by the kernel, as there is no room for them. */
static bool answer(struct lana_server *server, struct serve_client *client)
{
	struct serve_request request = {};
	struct lana_error error = {};
	ssize_t size = recv(client->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);
	int err;

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (size <= 0)
		return false;
	err = check_request(server, client, &request, size, &error);
	if (!err)
		err = serve_open(server, client, &request, &error);
	if (err) {
		turn_away(server, client->fd, &client->peer, err, &error);
		return false;
	}
	say(server, "gave socket '%s' to user %u, process %d", client->name, client->peer.uid,
	    client->peer.pid);
	return true;
}

/* ---- ends ---------------------------------------------------------------------------------- */

/* Has a program that has a socket closed it, or ended? There is nothing else that it has to say. */
static bool has_ended(const struct serve_client *client)
{
	char byte;

	return recv(client->fd, &byte, 1, MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* Its block goes first: a program may wait for that. False: it is to be tried again. */
static bool end_socket(struct lana_server *server, struct serve_client *client)
{
	struct lana_error error = {};
	int err = serve_drop(server, client->device, &error);

	if (err && !client->gone)
		say(server, "cannot remove socket '%s' yet: %s", client->name, error.text);
	client->gone = true;
	client->deadline = now() + RETRY_NS;
	if (err)
		return false;
	serve_memory_end(server, TAKE_PTR(client->memory));
	say(server, "removed socket '%s' of user %u, process %d", client->name, client->peer.uid,
	    client->peer.pid);
	return true;
}

/* ---- connections --------------------------------------------------------------------------- */

static int check_peer(struct lana_server *server, const struct policy_peer *peer,
		      struct lana_error *error)
{
	const struct policy *policy = &server->policy;

	if (!policy_find(policy, peer, NULL))
		return refuse(error, -EACCES, "user %u may have no socket", peer->uid);
	if (count_clients(server, false, peer->uid) >= policy->waiting)
		return refuse(error, -EUSERS, "user %u has %u connections that ask for nothing",
			      peer->uid, policy->waiting);
	if (count_clients(server, false, -1) >= policy->connections)
		return refuse(error, -EUSERS, "there are %u connections that ask for nothing",
			      policy->connections);
	return 0;
}

static void meet(struct lana_server *server, int fd)
{
	struct policy_peer peer = {};
	struct serve_client *client;
	struct lana_error error = {};
	int err = policy_peer(fd, &peer);

	if (err)
		refuse(&error, err, "it cannot be said who it is: %s", strerror(-err));
	else
		err = check_peer(server, &peer, &error);
	client = err ? NULL : add_client(server);
	if (!err && !client)
		err = refuse(&error, -ENOMEM, "no memory");
	if (err) {
		turn_away(server, fd, &peer, err, &error);
		free(peer.groups);
		close(fd);
		return;
	}
	*client = (struct serve_client){ .fd = fd, .peer = peer, .deadline = now() + ASK_NS };
}

static void accept_some(struct lana_server *server)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			meet(server, fd);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			server->pause = now() + PAUSE_NS;
		return;
	}
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int time_left(const struct lana_server *server, int timeout_ms)
{
	__s64 until = server->pause ?: server->reap, left;

	for (__u32 i = 0; i < server->count; i++) {
		const struct serve_client *client = &server->clients[i];

		if ((!*client->device || client->gone) && client->deadline < until)
			until = client->deadline;
	}
	left = (until - now()) / 1000000 + 1;
	left = left > 0 ? left : 0;
	return timeout_ms >= 0 && timeout_ms < left ? timeout_ms : left;
}

/* fds: the listener, then the clients in their order. */
static void wait_for_some(const struct lana_server *server, struct pollfd *fds, int timeout_ms)
{
	fds[0] = (struct pollfd){ .fd = server->pause ? -1 : server->listener, .events = POLLIN };
	for (__u32 i = 0; i < server->count; i++)
		fds[1 + i] = (struct pollfd){
			.fd = server->clients[i].gone ? -1 : server->clients[i].fd,
			.events = POLLIN,
		};
	if (poll(fds, 1 + server->count, time_left(server, timeout_ms)) < 0)
		for (__u32 i = 0; i <= server->count; i++)
			fds[i].revents = 0; /* a signal */
}

/*
 * Should the client stay? ready: it has something to say. Those that end come first, for a name
 * that one program lets go may be what the next one asks for.
 */
static bool attend(struct lana_server *server, struct serve_client *client, bool ready, bool ends)
{
	struct lana_error error = {};

	if (ends != !!*client->device)
		return true;
	if (*client->device) {
		if (client->gone ? now() < client->deadline : !ready || !has_ended(client))
			return true;
		return !end_socket(server, client);
	}
	if (ready)
		return answer(server, client);
	if (now() < client->deadline)
		return true;
	refuse(&error, -ETIMEDOUT, "nothing was asked for");
	turn_away(server, client->fd, &client->peer, -ETIMEDOUT, &error);
	return false;
}

/* From the last one on: removing moves the last one to where one was, and that has been seen. */
static void attend_all(struct lana_server *server, struct pollfd *fds, bool ends)
{
	for (__u32 i = server->count; i-- > 0;) {
		if (attend(server, &server->clients[i], fds[1 + i].revents, ends))
			continue;
		remove_client(server, &server->clients[i]);
		fds[1 + i] = fds[1 + server->count];
	}
}

int lana_server_serve(struct lana_server *server, int timeout_ms, struct lana_error *error)
{
	_cleanup_free_ struct pollfd *fds = calloc(1 + server->count, sizeof(*fds));

	if (!fds)
		return refuse(error, -ENOMEM, "no memory");
	wait_for_some(server, fds, timeout_ms);
	attend_all(server, fds, true);
	attend_all(server, fds, false);
	if (fds[0].revents)
		accept_some(server);
	if (server->pause && now() >= server->pause)
		server->pause = 0;
	if (now() >= server->reap) {
		serve_reap(server);
		serve_memory_kept(server, -1);
		server->reap = now() + REAP_NS;
	}
	return 0;
}

/* ---- beginning and end --------------------------------------------------------------------- */

int lana_server_open(const struct lana_server_options *options, struct lana_server **result,
		     struct lana_error *error)
{
	struct lana_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return refuse(error, -ENOMEM, "no memory");
	server->listener = -1;
	server->probe = -1;
	if (options->stack)
		server->stack = *options->stack;
	server->log = options->log;
	server->cookie = options->cookie;
	server->reap = now();
	snprintf(server->stack_name, sizeof(server->stack_name), "%s",
		 server->stack.name ?: "default");
	snprintf(server->policy_path, sizeof(server->policy_path), "%s", options->policy);
	server->stack.name = server->stack_name;
	server->stack.create = false;
	err = check_name("stack", server->stack_name, error);
	if (!err)
		err = policy_read(server->policy_path, &server->policy, error);
	if (!err)
		err = serve_listen(server, options, error);
	if (err)
		lana_server_close(server);
	else
		*result = server;
	return err;
}

int lana_server_reload(struct lana_server *server, struct lana_error *error)
{
	struct policy policy;
	int err = policy_read(server->policy_path, &policy, error);

	if (err)
		return err;
	policy_free(&server->policy);
	server->policy = policy;
	return 0;
}

void lana_server_close(struct lana_server *server)
{
	struct serve_memory *memory;

	if (!server)
		return;
	serve_listen_end(server);
	while (server->count)
		remove_client(server, &server->clients[0]);
	while ((memory = server->kept)) {
		server->kept = memory->next;
		serve_memory_free(memory);
	}
	close_p(&server->probe);
	policy_free(&server->policy);
	free(server->clients);
	free(server->rates);
	free(server);
}
