// SPDX-License-Identifier: GPL-2.0-only
/* app - open a program's socket, and what its main() needs else */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app.h"

int app_claim_output(void)
{
	int fd;

	fflush(stdout);
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -errno;
	return fd;
}

/* ---- opening ----------------------------------------------------------------------------- */

/* Whoever opened the socket is at the other end of a Unix socket, of either kind. */
static int connect_to(const char *path, int *channel)
{
	static const int kinds[] = { SOCK_SEQPACKET, SOCK_STREAM };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err = -EPROTOTYPE;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	for (unsigned int i = 0; i < 2 && err == -EPROTOTYPE; i++) {
		int fd = socket(AF_UNIX, kinds[i] | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return -errno;
		err = connect(fd, (void *)&address, sizeof(address)) ? -errno : 0;
		if (err)
			close(fd);
		else
			*channel = fd;
	}
	return err;
}

static enum cli_status take_over(struct app *app)
{
	struct lana_error error = {};
	int channel = -1, err = connect_to(app->from, &channel);

	if (err)
		return cli_error("cannot reach '%.100s': %s", app->from, strerror(-err));
	err = lana_socket_take_over(channel, &app->socket, &error);
	close(channel);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

enum cli_status app_open(struct app *app)
{
	struct lana_error error = {};
	int err;

	cli_stream_begin();
	/* The default slack of timers is 50 us. */
	prctl(PR_SET_TIMERSLACK, 1);
	if (app->from)
		return take_over(app);
	err = lana_stack_open(&app->stack_options, &app->stack, &error);
	if (!err)
		err = lana_socket_open(app->stack, app->name, &app->socket_options, &app->socket,
				       &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

enum cli_status app_bind(struct app *app)
{
	const struct lana_bind_options up = { .port = app->port, .ingress = true };
	const struct lana_bind_options down = { .egress = true };
	struct lana_error error = {};
	struct lana_commit *commit;
	int err;

	if (!app->below)
		return CLI_DONE;
	err = lana_commit_begin(app->stack, &commit);
	if (err)
		return cli_refused(err, &error);
	err = lana_commit_bind(commit, app->name, app->below, &up);
	err = err ?: lana_commit_bind(commit, app->name, app->below, &down);
	err = err ?: lana_commit_commit(commit, NULL, NULL, &error);
	lana_commit_free(commit);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

/* ---- the end ------------------------------------------------------------------------------ */

enum cli_status app_broken(const struct app *app, int err)
{
	if (err == -ENETDOWN)
		return cli_error("block '%s', or its device, has gone",
				 lana_socket_name(app->socket));
	return cli_error("socket '%s': %s", lana_socket_name(app->socket), strerror(-err));
}

uint64_t app_overruns(const struct app *app, bool settled)
{
	struct lana_socket_stats stats = {};

	lana_socket_stats(app->socket, &stats);
	return stats.overruns + stats.link_down + (settled ? stats.link_full : 0);
}

enum cli_status app_end(struct app *app, enum cli_status status)
{
	lana_socket_close(app->socket);
	if (app->stack)
		lana_stack_close(app->stack);
	if (status)
		out_print(app->json);
	return status;
}
