// SPDX-License-Identifier: GPL-2.0-only
/* lana-cat - a pipe through stacks: standard input to the other end's standard output */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session.h"

#define AT_ONCE	   64
#define ROUNDS	   8 /* of receiving, before something else has its turn */
#define SEND_WAIT  ((int64_t)(100 * APP_MILLISECOND))
#define READ_MAX   65536
#define WRITE_MAX  4096 /* PIPE_BUF: a pipe that poll() calls writable takes it at once */
#define FAREWELLS  3
#define LINGER	   (500 * APP_MILLISECOND)
#define LEAVE_EACH (20 * APP_MILLISECOND)

static struct {
	uint64_t window, timeout, wait;
	bool verbose, mac_said;
	uint8_t mac[APP_MAC];
} options = { .window = 128, .timeout = 5 * APP_SECOND };

static const struct cli_option cat_options[] = {
	{ 'T', "timeout", "SECONDS",
	  "how long nothing may come from the other end before it is given up; 5 if not set" },
	{ 'w', "wait", "SECONDS",
	  "wait so long for the other end to be there; without it, for "
	  "ever" },
	{ 'k', "window", "N",
	  "frames that may be on their way to this end at once; 128 if not "
	  "set" },
	{ 'm', "mac", "ADDRESS",
	  "the program's own Ethernet address; if not set, that of the "
	  "device below" },
	{ 'v', "verbose", NULL, "say in the end how much was sent and received" },
	{ 0 },
};

static bool take(int letter, const char *value)
{
	switch (letter) {
	case 'T':
		return app_seconds(value, 0.5, &options.timeout);
	case 'w':
		return app_seconds(value, 1e-3, &options.wait);
	case 'k':
		return app_whole(value, 1, 1024, &options.window);
	case 'm':
		options.mac_said = true;
		return app_host(value, options.mac);
	}
	options.verbose |= letter == 'v';
	return true;
}

struct cat {
	struct app app;
	struct session session;
	int out;
	bool out_waits; /* writing may have to wait */
	uint8_t in[READ_MAX];
	size_t in_at, in_end;
	uint64_t began;
	uint64_t read_bytes, written_bytes;
	int in_error, out_error;
};

static bool has_input(const struct cat *cat)
{
	return cat->in_at < cat->in_end;
}

/* ---- the stack --------------------------------------------------------------------------- */

static int send_all(struct cat *cat, const struct lana_frame *frames, uint32_t count)
{
	uint32_t done = 0;

	while (done < count) {
		int n = lana_socket_submit(cat->app.socket, frames + done, count - done, SEND_WAIT);

		if (n < 0 && n != -EAGAIN && n != -EINTR)
			return n;
		done += n > 0 ? n : 0;
	}
	return 0;
}

/* A frame that finds no room is not missed: the next one tells the same. */
static int tell(struct cat *cat, uint8_t flags)
{
	uint8_t frame[CAT_HEADER];
	int err;

	session_tell(&cat->session, frame, flags, app_now());
	err = lana_socket_send(cat->app.socket, frame, sizeof(frame), SEND_WAIT);
	return err == -EAGAIN || err == -EINTR ? 0 : err;
}

/* As many frames of the input as may be sent. */
static int send_input(struct cat *cat)
{
	struct session *session = &cat->session;
	uint32_t room = session_room(session), used = 0;
	struct lana_frame frames[AT_ONCE];
	uint64_t now = app_now();
	int got;

	if (!room || !has_input(cat))
		return 0;
	got = lana_socket_reserve(cat->app.socket, frames, room < AT_ONCE ? room : AT_ONCE,
				  SEND_WAIT);
	if (got < 0)
		return got == -EAGAIN || got == -EINTR ? 0 : got;
	for (int i = 0; i < got; i++) {
		size_t left = cat->in_end - cat->in_at;
		size_t length = left < session->send_max ? left : session->send_max;
		uint8_t *frame = frames[i].data;

		frames[i].length = length ? CAT_HEADER + length : 0; /* 0: it was not needed */
		if (!length)
			continue;
		session_data(session, frame, length, now);
		memcpy(frame + CAT_HEADER, cat->in + cat->in_at, length);
		cat->in_at += length;
		used++;
	}
	return send_all(cat, frames, got);
}

static int receive(struct cat *cat)
{
	struct lana_frame frames[AT_ONCE];
	int got = AT_ONCE;

	for (int round = 0; round < ROUNDS && got == AT_ONCE; round++) {
		uint64_t now = app_now();

		got = lana_socket_borrow(cat->app.socket, frames, AT_ONCE, 0);
		for (int i = 0; i < got; i++)
			session_take(&cat->session, frames[i].data, frames[i].length, now);
		if (got > 0)
			lana_socket_give_back(cat->app.socket, frames, got);
	}
	return got < 0 && got != -EAGAIN && got != -EINTR ? got : 0;
}

/* ---- files ------------------------------------------------------------------------------- */

static void read_input(struct cat *cat)
{
	ssize_t size = read(STDIN_FILENO, cat->in, sizeof(cat->in));

	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (size <= 0) {
		cat->in_error = size < 0 ? errno : 0;
		cat->session.ended = !cat->in_error;
		cat->session.urgent = true;
		return;
	}
	cat->in_at = 0;
	cat->in_end = size;
	cat->read_bytes += size;
}

static bool may_write(const struct cat *cat)
{
	struct pollfd fd = { .fd = cat->out, .events = POLLOUT };

	return !cat->out_waits || poll(&fd, 1, 0) > 0;
}

/* Write what there is, or (patient) all of it; without that only as much as goes at once. */
static void write_output(struct cat *cat, bool patient)
{
	struct session *session = &cat->session;

	while (session->used && !cat->out_error && (patient || may_write(cat))) {
		size_t size;
		const uint8_t *data = session_peek(session, &size);
		ssize_t done;

		if (cat->out_waits && size > WRITE_MAX)
			size = WRITE_MAX;
		done = write(cat->out, data, size);
		if (done < 0 && errno != EAGAIN && errno != EINTR)
			cat->out_error = errno;
		if (done < 0)
			return;
		cat->written_bytes += done;
		session_wrote(session, done);
	}
}

/* ---- all of it --------------------------------------------------------------------------- */

/* Something is to be sent, and the other end has to let us. */
static bool is_blocked(const struct cat *cat)
{
	return has_input(cat) && !session_room(&cat->session);
}

static void wait_for(const struct cat *cat)
{
	const struct session *session = &cat->session;
	uint64_t now = app_now(), until = session_due(session, is_blocked(cat));
	bool reads = !session->ended && !has_input(cat) && session_room(session);
	struct pollfd fds[] = {
		{ .fd = lana_socket_fd(cat->app.socket), .events = POLLIN },
		{ .fd = session->used ? cat->out : -1, .events = POLLOUT },
		{ .fd = reads ? STDIN_FILENO : -1, .events = POLLIN },
	};
	struct timespec time = {};

	if (has_input(cat) && session_room(session))
		until = now;
	if (until > now)
		time.tv_nsec = until - now;
	ppoll(fds, 3, &time, NULL);
}

static bool is_readable(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

/* One turn of everything. */
static int turn(struct cat *cat)
{
	struct session *session = &cat->session;
	int err = receive(cat);

	if (err)
		return err;
	write_output(cat, false);
	if (!session->ended && !cat->in_error && !has_input(cat) && session_room(session) &&
	    is_readable())
		read_input(cat);
	err = send_input(cat);
	if (!err && app_now() >= session_due(session, is_blocked(cat)))
		err = tell(cat, is_blocked(cat) || (session->ended && !session->got) ? CAT_ASK : 0);
	return err;
}

/* What both have is what both know: until the other end says so too, or for a while. */
static int leave(struct cat *cat)
{
	struct session *session = &cat->session;
	uint64_t end = app_now() + LINGER;
	int err = 0;

	while (!err && !session->leaving && app_now() < end) {
		struct pollfd fd = { .fd = lana_socket_fd(cat->app.socket), .events = POLLIN };

		err = tell(cat, CAT_LEAVING);
		if (!err && poll(&fd, 1, LEAVE_EACH / APP_MILLISECOND) > 0)
			err = receive(cat);
	}
	for (int i = 0; i < FAREWELLS && !err; i++)
		err = tell(cat, CAT_LEAVING);
	return err == -ENETDOWN ? 0 : err;
}

static void give_up(struct cat *cat)
{
	for (int i = 0; i < FAREWELLS; i++)
		tell(cat, CAT_ABORT);
	write_output(cat, true);
}

static bool is_silent(const struct cat *cat)
{
	const struct session *session = &cat->session;

	if (session->open)
		return app_now() > session->heard_at + options.timeout;
	return options.wait && app_now() > cat->began + options.wait;
}

static enum cli_status judge(const struct cat *cat)
{
	const struct session *session = &cat->session;

	if (session->lost)
		return cli_error("%" PRIu64 " frames with %" PRIu64
				 " bytes from the other end were lost",
				 session->lost, session->lost_bytes);
	if (session->peer_lost)
		return cli_error("%" PRIu64 " frames to the other end were lost",
				 session->peer_lost);
	return CLI_DONE;
}

static enum cli_status unfinished(struct cat *cat)
{
	const struct session *session = &cat->session;

	give_up(cat);
	if (cat->in_error)
		return cli_error("cannot read standard input: %s", strerror(cat->in_error));
	if (cat->out_error)
		return cli_error("cannot write standard output: %s", strerror(cat->out_error));
	if (session->restarted)
		return cli_error("the other end is another one now: it was started again");
	if (session->aborted)
		return cli_error("the other end has given up");
	if (cli_stream_ended())
		return cli_error("ended by a signal, before all was through");
	if (!session->open)
		return cli_error("there is no other end");
	return cli_error("nothing has come from the other end for %.1f s", options.timeout / 1e9);
}

static enum cli_status copy(struct cat *cat)
{
	const struct session *session = &cat->session;
	enum session_state state;
	int err = 0;

	for (;;) {
		err = turn(cat);
		if (err)
			return app_broken(&cat->app, err);
		state = session_state(session);
		if (state == SESSION_COMPLETE)
			break;
		if (state == SESSION_ABORTED || state == SESSION_RESTARTED || cat->in_error ||
		    cat->out_error || cli_stream_ended() || is_silent(cat))
			return unfinished(cat);
		wait_for(cat);
	}
	err = leave(cat);
	return err ? app_broken(&cat->app, err) : judge(cat);
}

/* ---- beginning and end ------------------------------------------------------------------- */

static void report(const struct cat *cat)
{
	const struct session *session = &cat->session;
	double seconds = (app_now() - cat->began) / 1e9;

	if (!options.verbose && !cat->app.json)
		return;
	out_number("sent_bytes", session->offset);
	out_as("sent %" PRIu64 " bytes in %" PRIu64 " frames, received %" PRIu64 " in %" PRIu64
	       "; lost %" PRIu64 " and %" PRIu64 " frames; %.2f s",
	       session->offset, session->number, cat->written_bytes,
	       session->next_number - session->lost, session->peer_lost, session->lost, seconds);
	out_number("sent_frames", session->number);
	out_hide();
	out_number("sent_lost_frames", session->peer_lost);
	out_hide();
	out_number("received_bytes", cat->written_bytes);
	out_hide();
	out_number("received_frames", session->next_number - session->lost);
	out_hide();
	out_number("lost_frames", session->lost);
	out_hide();
	out_number("lost_bytes", session->lost_bytes);
	out_hide();
	out_number("late", session->late);
	out_hide();
	out_number("foreign", session->foreign);
	out_hide();
	out_real("seconds", seconds);
	out_hide();
	out_print_part(cat->app.json);
}

static bool may_wait(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) || !S_ISREG(stat.st_mode);
}

static enum cli_status prepare(struct cat *cat)
{
	struct app *app = &cat->app;
	struct session *session = &cat->session;
	enum cli_status status;
	uint8_t peer[APP_MAC];
	int err;

	if (app->argc && !app_host(app->argv[0], peer))
		return cli_usage("'%.64s' is no PEER: %s", app->argv[0], app_why());
	status = app_open(app);
	status = status ?: app_bind(app);
	if (status)
		return status;
	err = session_init(session, options.window,
			   lana_socket_mtu(app->socket) + LANA_SOCKET_FRAME_MIN - CAT_HEADER);
	if (err)
		return cli_error("cannot begin: %s", strerror(-err));
	session->peer_said = app->argc;
	if (app->argc)
		memcpy(session->peer, peer, APP_MAC);
	if (options.mac_said)
		memcpy(session->mac, options.mac, APP_MAC);
	else
		app_address(app, session->mac);
	return CLI_DONE;
}

static enum cli_status run(struct cat *cat)
{
	enum cli_status status;

	cat->out = app_claim_output();
	if (cat->out < 0)
		return cli_error("there is no standard output: %s", strerror(-cat->out));
	cat->out_waits = may_wait(cat->out);
	status = prepare(cat);
	if (status)
		return status;
	cat->began = app_now();
	status = copy(cat);
	if (status) {
		out_print(cat->app.json); /* in front of the numbers */
		report(cat);
		return status;
	}
	report(cat);
	return CLI_DONE;
}

static const struct app_section sections[] = {
	{ "HOW IT WORKS",
	  "Frames of the Ethernet type 0x88b5 are numbered, and carry the offset of their data:\n"
	  "so what was lost, and how much, is known, at both ends.\n"
	  "Nothing is sent again.\n"
	  "An end has at most \\fB\\-\\-window\\fR frames on their way to it, less what waits to "
	  "be\nwritten: a slow reader slows the sender down, and loses nothing.\n"
	  "A frame that was overtaken counts as lost.\n"
	  ".PP\n"
	  "It is over when both inputs have ended and all was written at the other end, which\n"
	  "both ends tell each other.\n"
	  "An end without anything to say reads from\n.IR /dev/null .\n"
	  "Each end says every 0.2 s that it is there.\n"
	  "Frames are as long as the lesser \\fB\\-\\-mtu\\fR of the two ends allows.\n" },
	{ "EXIT STATUS",
	  ".TP\n.B 0\nAll was written at the other end, in both directions.\n"
	  ".TP\n.B 1\nSomething was lost in either direction, the other end gave up, vanished or\n"
	  "was started again, a signal came, or the block has gone: one line on standard error\n"
	  "says what.\nWhat came until then was written.\n"
	  ".TP\n.B 2\nThe words make no sense.\n" },
	{ 0 },
};

static const char *const examples[] = {
	"lana-cat --below eth1 <disk.img >/dev/null",
	"lana-cat --below eth1 </dev/null >disk.img",
	NULL,
};

static const struct app_program program = {
	.name = "lana-cat",
	.summary = "a pipe through stacks",
	.args = "[PEER]",
	.block = "cat",
	.options = cat_options,
	.take = take,
	.description =
		"Copies standard input to the standard output of another lana\\-cat, and the "
		"other\n"
		"way round, in order.\n"
		"Whatever was lost on the way is told, and is the exit status.\n"
		"PEER is the Ethernet address of the other end; without it, it is whoever answers\n"
		"first.\n"
		"Either end may be started first.\n",
	.way = "With \\fB\\-\\-below\\fR its block is put on top of BLOCK, on both paths.\n"
	       "Without it the program begins when its block has been bound.\n",
	.sections = sections,
	.examples = examples,
	.see_also = ".BR cat (1),\n.BR lana\\-ping (1),\n",
};

int main(int argc, char **argv)
{
	static struct cat cat;
	enum cli_status status = app_parse(&cat.app, &program, argc, argv);

	if (!status && cat.app.done)
		return CLI_DONE;
	if (!status && cat.app.argc > 1)
		status = cli_usage("'%.64s' is one word too many; 'lana-cat -h' helps",
				   cat.app.argv[1]);
	status = status ?: run(&cat);
	session_free(&cat.session);
	return app_end(&cat.app, status);
}
