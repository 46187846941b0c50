// SPDX-License-Identifier: GPL-2.0-only
/* lana-call - talk to another program over Ethernet, while the stack below is rearranged */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "call.h"
#include "clock.h"
#include "control.h"
#include "options.h"
#include "report.h"

#define LOOK_MS 20 /* how often the call's state is looked at */

struct program {
	struct options options;
	struct link *link;
	struct source *source;
	struct sink *sink;
	struct call *call;
	atomic_bool stop;
	int signals;
};

/* ---- while it goes on ------------------------------------------------------------ */

/* False: a signal asks for the end. */
static bool look(struct program *program)
{
	struct pollfd fds[] = {
		{ .fd = program->signals, .events = POLLIN },
		{ .fd = control_fd(), .events = POLLIN },
	};

	if (poll(fds, 2, LOOK_MS) <= 0)
		return true;
	if (fds[0].revents)
		return false;
	if (fds[1].revents)
		control_read();
	return true;
}

static enum call_state follow(struct program *program)
{
	const struct options *options = &program->options;
	uint64_t next = clock_now() + options->interval;
	enum call_state state = CALL_CALLING;
	struct call_stats stats;

	while (look(program) && !control_quit()) {
		state = call_state(program->call);
		if (state != CALL_CALLING && state != CALL_TALKING)
			break;
		if (!options->interval || clock_now() < next)
			continue;
		next += options->interval;
		call_read(program->call, true, &stats);
		if (report_now(&stats, options->json))
			break;
	}
	return state;
}

static enum cli_status judge(enum call_state state)
{
	switch (state) {
	case CALL_LOST:
		return cli_error("nothing has come from the other end any more");
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
	const struct control_options control = {
		.path = options->control,
		.json = options->json,
		.listen = strcmp(options->in, "-"),
		.block = options->link.name,
	};
	struct call_stats stats;
	enum call_state state;
	int err;

	err = call_start(&options->call, program->link, program->source, program->sink,
			 &program->stop, &program->call);
	if (err)
		return cli_error("cannot start: %s", strerror(-err));
	err = control_open(&control, program->call, program->link);
	if (err) {
		call_stop(program->call);
		return cli_error("cannot take commands from '%.100s': %s", options->control,
				 strerror(-err));
	}
	state = follow(program);
	control_close();
	call_read(program->call, false, &stats);
	stats.state = state;
	call_stop(program->call);
	report_end(&stats, options->json);
	return judge(state);
}

/* ---- beginning and end ------------------------------------------------------------ */

static void catch_signals(struct program *program)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	program->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	signal(SIGPIPE, SIG_IGN);
}

static enum cli_status open_sound(struct program *program)
{
	const struct options *options = &program->options;
	const uint32_t frame = options->call.codec.samples;
	struct audio_error error;

	if (source_open(options->in, frame, &program->stop, &program->source, &error))
		return cli_error("%s", error.text);
	if (sink_open(options->out, frame, &program->stop, &program->sink, &error))
		return cli_error("%s", error.text);
	/* Where sound goes to standard output all else goes to standard error. */
	if (!strcmp(options->out, "-"))
		dup2(STDERR_FILENO, STDOUT_FILENO);
	return CLI_DONE;
}

static enum cli_status run(struct program *program)
{
	const struct options *options = &program->options;
	struct lana_error error = {};
	enum cli_status status;
	int err;

	status = open_sound(program);
	if (status)
		return status;
	err = link_open(&options->link, &program->link, &error);
	if (err)
		return cli_refused(err, &error);
	return talk(program);
}

int main(int argc, char **argv)
{
	struct program program = { .signals = -1 };
	struct options *options = &program.options;
	enum cli_status status;
	int err;

	setlocale(LC_CTYPE, "");
	status = options_parse(argc, argv, options);
	if (!status && options->help) {
		options_help(stdout);
		return CLI_DONE;
	}
	if (!status && options->man) {
		options_man(stdout);
		return CLI_DONE;
	}
	if (!status && options->version) {
		printf("lana-call %s\n", LANA_VERSION);
		return CLI_DONE;
	}
	if (!status) {
		out_begin_parts();
		catch_signals(&program);
		status = run(&program);
	}
	link_close(program.link);
	source_close(program.source);
	err = sink_close(program.sink);
	if (err && !status)
		status = cli_error("cannot write '%.100s': %s", options->out, strerror(-err));
	if (status)
		out_print(options->json);
	return status;
}
