// SPDX-License-Identifier: GPL-2.0-only
/* app - open a program's socket, and what its main() needs else */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
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

enum cli_status app_open(struct app *app)
{
	struct lana_error error = {};
	int err;

	cli_stream_begin();
	/* The default slack of timers is 50 us. */
	prctl(PR_SET_TIMERSLACK, 1);
	err = app->from ? lana_socket_request(app->from, app->name, &app->socket_options,
					      &app->socket, &error)
			: lana_stack_open(&app->stack_options, &app->stack, &error);
	if (!err && !app->from)
		err = lana_socket_open(app->stack, app->name, &app->socket_options, &app->socket,
				       &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

enum cli_status app_bind(struct app *app)
{
	struct lana_error error = {};
	int err = app->below
			  ? lana_socket_bind(app->stack, app->name, app->below, app->port, &error)
			  : 0;

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
	return stats.overruns + (settled ? stats.link_full : 0);
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
