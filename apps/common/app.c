// SPDX-License-Identifier: GPL-2.0-only
/* app - open a program's socket, and what its main() needs else */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
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

/* 1: what its block sends goes somewhere; 0: not yet; -errno: there is no such block. */
static int is_bound(const struct app *app)
{
	_cleanup_free_ struct lana_block_info *block = NULL;
	size_t count = 0;
	int err = lana_block_list(app->stack, app->name, &block, &count, NULL);

	for (size_t i = 0; !err && i < block->edges_count; i++)
		if (block->edges[i].path == LANA_EGRESS && !block->edges[i].port)
			return 1;
	return err;
}

static enum cli_status await_bind(const struct app *app)
{
	const struct timespec look = { .tv_nsec = APP_LOOK };
	bool told = !isatty(STDERR_FILENO);
	int bound;

	while (!(bound = is_bound(app))) {
		if (cli_stream_ended())
			return cli_error("ended by a signal, before block '%s' was bound",
					 app->name);
		if (!told)
			fprintf(stderr, "waiting until block '%s' is bound; ^C ends it\n",
				app->name);
		told = true;
		nanosleep(&look, NULL);
	}
	return bound < 0 ? app_broken(app, -ENETDOWN) : CLI_DONE;
}

enum cli_status app_bind(struct app *app)
{
	struct lana_error error = {};
	int err;

	if (!app->below)
		return app->stack ? await_bind(app) : CLI_DONE;
	err = lana_socket_bind(app->stack, app->name, app->below, app->port, &error);
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
