// SPDX-License-Identifier: GPL-2.0-only
/* lana-call - talk to another program over Ethernet, while the stack below is rearranged */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "below.h"
#include "clock.h"
#include "control.h"
#include "keys.h"
#include "options.h"
#include "report.h"

#define LOOK_MS 20 /* how often the call's state is looked at */

struct program {
	struct app app;
	struct options options;
	struct link *link;
	struct source *source;
	struct sink *sink;
	struct call *call;
	atomic_bool stop;
};

/* ---- while it goes on ------------------------------------------------------------ */

/* False: a signal or a command asks for the end. */
static bool look(void)
{
	struct pollfd commands = { .fd = control_fd(), .events = POLLIN };

	if (poll(&commands, 1, LOOK_MS) > 0)
		control_read();
	return !cli_stream_ended() && !control_quit();
}

static enum call_state follow(struct program *program)
{
	const struct options *options = &program->options;
	uint64_t next = clock_now() + options->interval;
	enum call_state state = CALL_CALLING;
	struct call_stats stats;

	while (look()) {
		state = call_state(program->call);
		if (state != CALL_CALLING && state != CALL_TALKING)
			break;
		if (!options->interval || clock_now() < next || keys_typing())
			continue;
		while (next <= clock_now())
			next += options->interval;
		call_read(program->call, true, &stats);
		if (report_now(&stats, program->app.json))
			break;
	}
	return state;
}

/* ---- blocks of the call's own ------------------------------------------------------ */

static bool json;

static void tell(const char *block, const char *why)
{
	out_string("removed", block);
	out_as("%s: removed, %s", block, why);
	out_print_part(json);
}

static void tell_left(const char *block)
{
	tell(block, "as a call of this name has left it");
}

static void tell_ended(const char *block)
{
	tell(block, "as the call has ended");
}

static enum cli_status clear(const struct program *program, void (*say)(const char *block))
{
	struct lana_stack *stack = program->app.stack;
	struct lana_error error = {};
	int err;

	json = program->app.json;
	err = stack ? below_remove_all(stack, program->app.name, say, &error) : 0;
	return err ? cli_error("blocks of the call are left below it: %s",
			       *error.text ? error.text : strerror(-err))
		   : CLI_DONE;
}

/* ---- the call ---------------------------------------------------------------------- */

static enum cli_status judge(const struct call_stats *stats)
{
	switch (stats->state) {
	case CALL_LOST:
		return stats->heard ? cli_error("nothing has come from the other end any more")
				    : cli_error("the other end has not answered");
	case CALL_DOWN:
		return cli_error("the call's block, or its device, has gone");
	case CALL_BROKEN:
		return cli_error("sound can no longer be recorded or played");
	default:
		return CLI_DONE;
	}
}

static enum cli_status talk(struct program *program)
{
	const struct options *options = &program->options;
	enum cli_status cleared, status;
	struct call_stats stats;
	enum call_state state;
	int err;

	err = call_start(&options->call, program->link, program->source, program->sink,
			 &program->stop, &program->call);
	if (err)
		return cli_error("cannot start: %s", strerror(-err));
	control_begin(program->call);
	state = follow(program);
	control_close();
	call_read(program->call, false, &stats);
	stats.state = state;
	call_stop(program->call);
	report_end(&stats, program->app.json);
	cleared = clear(program, tell_ended);
	status = judge(&stats);
	return status ?: cleared;
}

/* ---- beginning and end ------------------------------------------------------------ */

static enum cli_status open_sound(struct program *program)
{
	const struct options *options = &program->options;
	const uint32_t frame = options->call.codec.samples;
	struct audio_error error;

	if (source_open(options->in, frame, &program->stop, &program->source, &error))
		return cli_error("%s", error.text);
	if (sink_open(options->out, frame, &program->stop, &program->sink, &error))
		return cli_error("%s", error.text);
	if (audio_same_file(program->source, program->sink))
		return cli_error("--in and --out are the same file: '%.100s'", options->out);
	/* Where sound goes to standard output all else goes to standard error. */
	if (!strcmp(options->out, "-"))
		dup2(STDERR_FILENO, STDOUT_FILENO);
	return CLI_DONE;
}

static enum cli_status find_address(struct program *program, uint8_t mac[APP_MAC])
{
	const struct options *options = &program->options;

	if (options->mac_said)
		memcpy(mac, options->mac, APP_MAC);
	else if (!app_address(&program->app, mac))
		return cli_error("no device below '%.31s' tells the call's Ethernet address: "
				 "say --mac ADDRESS",
				 program->app.name);
	return CLI_DONE;
}

/* No other call of that name goes on: its socket could not be opened. */
static enum cli_status open_link(struct program *program)
{
	enum cli_status status = app_open(&program->app);
	uint8_t mac[APP_MAC];
	int err;

	status = status ?: clear(program, tell_left);
	status = status ?: app_bind(&program->app);
	status = status ?: find_address(program, mac);
	if (status)
		return status;
	err = link_new(program->app.socket, mac, &program->link);
	if (err == -EMSGSIZE)
		return cli_error("the socket takes frames of %u bytes, without their header, and a "
				 "call has some of %u",
				 lana_socket_mtu(program->app.socket),
				 (unsigned int)(CALL_PACKET_MAX - LANA_SOCKET_FRAME_MIN));
	return err ? cli_error("cannot begin: %s", strerror(-err)) : CLI_DONE;
}

static enum cli_status run(struct program *program)
{
	const struct options *options = &program->options;
	enum cli_status status = open_sound(program);
	struct control_options control = {
		.path = options->control,
		.json = program->app.json,
		.listen = strcmp(options->in, "-"),
		.block = program->app.name,
	};

	status = status ?: open_link(program);
	control.stack = program->app.stack;
	status = status ?: control_open(&control);
	status = status ?: talk(program);
	control_close();
	return status;
}

int main(int argc, char **argv)
{
	static struct program program;
	struct options *options = &program.options;
	enum cli_status status;
	int err;

	setlocale(LC_CTYPE, "");
	status = options_parse(argc, argv, &program.app, options);
	if (!status && program.app.done)
		return CLI_DONE;
	status = status ?: run(&program);
	link_free(program.link);
	source_close(program.source);
	err = sink_close(program.sink);
	if (err && !status)
		status = cli_error("cannot write '%.100s': %s", options->out, strerror(-err));
	return app_end(&program.app, status);
}
