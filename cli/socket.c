// SPDX-License-Identifier: GPL-2.0-only
/* lanactl socket - show the sockets of a stack, and hand them to programs without privilege */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <lana/serve.h>
#include <lana/socket.h>

#include "cli.h"

#define LOOK_MS	     1000 /* a signal that comes before the wait begins is seen then */
#define LISTEN_FIRST 3	  /* the first descriptor that systemd hands to a unit */

/* ---- serve --------------------------------------------------------------------------------- */

static volatile sig_atomic_t reload;

static void note_reload(int signal)
{
	(void)signal;
	reload = 1;
}

/* What a server says is printed line by line; a reader that has gone is no reason to end. */
static void print_line(void *cookie, const char *text)
{
	enum cli_status status;

	out_string("text", text);
	out_as("%s", text);
	cli_stream_print(cookie, &status);
}

/* sd_listen_fds(3): one socket that is meant for this very process. 0: there is none. */
static int listener(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	return pid && count && atol(pid) == getpid() && atol(count) == 1 ? LISTEN_FIRST : 0;
}

static void read_again(const struct cli_args *args, struct lana_server *server)
{
	struct lana_error error = {};
	char text[600];

	reload = 0;
	if (lana_server_reload(server, &error)) {
		snprintf(text, sizeof(text), "the policy stays as it was: %s", error.text);
		print_line((void *)args, text);
	} else {
		print_line((void *)args, "read the policy again");
	}
}

static enum cli_status run_serve(const struct cli_args *args)
{
	const struct sigaction action = { .sa_handler = note_reload };
	struct lana_stack_options stack = args->options.stack;
	const struct lana_server_options options = { .stack = &stack,
						     .policy = cli_word(args, "FILE"),
						     .path = cli_word(args, "PATH"),
						     .listener = listener(),
						     .log = print_line,
						     .cookie = (void *)args };
	struct lana_error error = {};
	struct lana_server *server;
	int err;

	stack.fuse = true;
	cli_stream_begin();
	sigaction(SIGHUP, &action, NULL);
	err = lana_server_open(&options, &server, &error);
	if (err)
		return cli_refused(err, &error);
	print_line((void *)args, "ready");
	while (!err && !cli_stream_ended()) {
		err = lana_server_serve(server, LOOK_MS, &error);
		if (reload)
			read_again(args, server);
	}
	lana_server_close(server);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

/* ---- show ---------------------------------------------------------------------------------- */

static void show_socket(const struct lana_socket_info *info)
{
	out_open(NULL, OUT_ASSIGN);
	out_string("name", info->name);
	out_number("process", info->process);
	if (info->alive)
		out_string("user", info->user);
	else
		out_unknown("user");
	if (info->alive)
		out_string("command", info->command);
	else
		out_unknown("command");
	out_string("device", info->device);
	out_string("hook", lana_hook_name(info->hook));
	out_number("delivered", info->delivered);
	out_number("direct", info->direct);
	out_number("oversized", info->oversized);
	out_close();
}

static enum cli_status run_show(const struct cli_args *args)
{
	_cleanup_free_ struct lana_socket_info *sockets = NULL;
	_cleanup_stack_ struct lana_stack *stack = NULL;
	const char *name = cli_word(args, "NAME");
	struct lana_error error = {};
	size_t count, shown = 0;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_socket_list(stack, &sockets, &count, &error);
	if (err)
		return cli_refused(err, &error);

	out_open_list("sockets", name ? OUT_RECORDS : OUT_TABLE);
	for (size_t i = 0; i < count; i++)
		if (!name || !strcmp(sockets[i].name, name)) {
			show_socket(&sockets[i]);
			shown++;
		}
	out_close();
	return name && !shown ? cli_error("no socket '%s'", name) : CLI_DONE;
}

static const char *const serve_examples[] = {
	"socket serve policy /etc/lana/default.policy",
	"-s lab socket serve policy lab.policy path /run/lab.sock", NULL
};
static const char *const show_examples[] = { "socket show", "-j socket show app", NULL };

const struct cli_command socket_serve_command = {
	.name = "socket serve",
	.args = "policy FILE [path PATH]",
	.summary = "hand sockets to programs without privilege",
	.details =
		"Listen at PATH (/run/lana/STACK.sock if not said) for programs that want a socket "
		"of the stack, by lana_socket_request() or liblana-preload.so. They need no "
		"capability. FILE says who may have which: a rule a line, of which the first one "
		"that has the user and the name decides:\n\n"
		"'user' WHO NAME ... ['bind' LOWER] ['port' PORT] ['mtu' BYTES] ['rings' FRAMES] "
		"['sockets' COUNT] ['indirect']\n\n"
		"'group' WHO NAME ... (the same)\n\n"
		"'limit' ['sockets' COUNT] ['connections' COUNT] ['waiting' COUNT] "
		"['rate' COUNT]\n\n"
		"WHO is a name or a number, NAME the name of a block, with * and ? in it if it is "
		"to be many. 'bind' puts the block on top of LOWER when it is opened; a port that "
		"leads somewhere already is not taken away. MTU (1500) and rings (2048) are the "
		"largest that may be asked for, sockets (4) how many the user may have, those that "
		"were closed included as long as he keeps AF_XDP sockets of theirs; indirect ones "
		"take no frames from devices but by their own. The limits "
		"are those of the whole server: open sockets (64), connections that ask for "
		"nothing (256), those of one user (16), sockets that one user opens in ten seconds "
		"(50). What is behind a # is a comment. Only its owner, root or who runs the "
		"server, may be able to write FILE.\n\n"
		"A program that is refused is told why. When it closes its socket or ends, the "
		"block goes at once, with its edges and devices. SIGHUP: FILE is read again, and "
		"if it is wrong, which is said, the old rules stay. SIGTERM, SIGINT: it ends. "
		"Sockets that were given, also by a server that was killed, work on until their "
		"programs end; then the next command on the stack, or server, removes their "
		"blocks.\n\n"
		"It prints a line for each socket that is given, removed or refused (of "
		"refusals twenty a second). A socket of systemd.socket(5) is taken instead of "
		"PATH.",
	.examples = serve_examples,
	.run = run_serve,
};

const struct cli_command socket_show_command = {
	.name = "socket show",
	.args = "[NAME]",
	.summary = "show the sockets of programs",
	.details = "Show each socket of the stack: its block, the process that has opened it, or "
		   "that a server has given it to, that one's user and command, its device, where "
		   "what it sends enters the stack, how many frames its block has let through, how "
		   "many of them came straight from a device, and how many were dropped for being "
		   "too long. With NAME, show that one, a line a property.",
	.examples = show_examples,
	.run = run_show,
};
