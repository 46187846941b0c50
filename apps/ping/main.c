// SPDX-License-Identifier: GPL-2.0-only
/* lana-ping - measure round trips of frames */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "packet.h"
#include "tally.h"

#define AT_ONCE	   64
#define SEND_WAIT  ((int64_t)(100 * APP_MILLISECOND))
#define STALL	   (10 * APP_MILLISECOND) /* as ping(8) -f has it */
#define WINDOW_MAX 1024
#define FRAME_MAX  (LANA_SOCKET_MTU_MAX + LANA_SOCKET_FRAME_MIN)

static struct {
	uint64_t count, interval, patience, deadline, length, window;
	bool flood, spin, user, quiet, mac_said;
	uint8_t mac[APP_MAC];
} options = {
	.interval = APP_SECOND,
	.patience = APP_SECOND,
	.length = APP_FRAME_LEAST,
	.window = 1,
};

static const struct cli_option ping_options[] = {
	{ 'c', "count", "N", "send so many frames; without it, until a signal comes" },
	{ 'i', "interval", "SECONDS", "between two frames; 1 if not set, 0.000001 at least" },
	{ 'l', "length", "BYTES", "of a frame, with its header; 60 if not set, and at least" },
	{ 'W', "timeout", "SECONDS",
	  "how long to wait for answers after the last frame; 1 if not "
	  "set" },
	{ 'w', "deadline", "SECONDS", "send no more after that time" },
	{ 'f', "flood", NULL,
	  "send the next frame when an answer has come, or after 10 ms without; no line for each" },
	{ 'k', "window", "N",
	  "of a flood: so many frames may be on their way at once; 1 if not "
	  "set" },
	{ 'S', "spin", NULL,
	  "do not sleep while waiting: measures the stack and not how long it "
	  "takes to wake a program, and uses a CPU" },
	{ 'U', "user", NULL,
	  "stop the clock when the program has the answer, not when the socket gets it" },
	{ 'm', "mac", "ADDRESS",
	  "the program's own Ethernet address; if not set, that of the "
	  "device below" },
	{ 'q', "quiet", NULL, "no line for each answer" },
	{ 0 },
};

static bool take(int letter, const char *value)
{
	switch (letter) {
	case 'c':
		return app_whole(value, 1, UINT64_MAX, &options.count);
	case 'i':
		return app_seconds(value, 1e-6, &options.interval);
	case 'l':
		return app_whole(value, APP_FRAME_LEAST, FRAME_MAX, &options.length);
	case 'W':
		return app_seconds(value, 0, &options.patience);
	case 'w':
		return app_seconds(value, 1e-3, &options.deadline);
	case 'k':
		return app_whole(value, 1, WINDOW_MAX, &options.window);
	case 'm':
		options.mac_said = true;
		return app_host(value, options.mac);
	}
	options.flood |= letter == 'f';
	options.quiet |= letter == 'q' || letter == 'f';
	options.spin |= letter == 'S';
	options.user |= letter == 'U';
	return true;
}

struct ping {
	struct app app;
	uint8_t peer[APP_MAC];
	uint8_t frame[FRAME_MAX];
	struct tally tally;
	uint64_t began, next, last_sent, last_news;
	uint64_t away; /* of a flood: frames that may yet come back */
	uint64_t damaged, foreign;
	bool unread; /* nobody reads what is printed */
};

/* ---- what is printed --------------------------------------------------------------------- */

static void report_answer(struct ping *ping, const uint8_t *from, uint64_t sequence, uint64_t ns,
			  bool duplicate)
{
	char address[18];

	if (options.quiet)
		return;
	snprintf(address, sizeof(address), "%02x:%02x:%02x:%02x:%02x:%02x", from[0], from[1],
		 from[2], from[3], from[4], from[5]);
	out_number("sequence", sequence);
	out_as("%" PRIu64 " bytes from %s: seq=%" PRIu64 " time=%.1f us%s", options.length, address,
	       sequence, ns / 1e3, duplicate ? " (duplicate)" : "");
	out_string("from", address);
	out_hide();
	out_real("us", ns / 1e3);
	out_hide();
	out_bool("duplicate", duplicate);
	out_hide();
	ping->unread |= out_print_part(ping->app.json);
}

static const struct {
	const char *name;
	size_t at;
} counts[] = {
	{ "duplicates", offsetof(struct ping, tally.duplicates) },
	{ "reordered", offsetof(struct ping, tally.reordered) },
	{ "late", offsetof(struct ping, tally.late) },
	{ "damaged", offsetof(struct ping, damaged) },
	{ "foreign", offsetof(struct ping, foreign) },
};

static uint64_t count_of(const struct ping *ping, size_t n)
{
	return *(const uint64_t *)((const char *)ping + counts[n].at);
}

static void put_summary(const struct ping *ping, FILE *file)
{
	const struct tally *tally = &ping->tally;
	uint64_t lost = tally->sent - tally->received;
	double seconds = (app_now() - ping->began) / 1e9;

	fprintf(file, "%" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " lost (%.3g %%)",
		tally->sent, tally->received, lost, tally->sent ? 100.0 * lost / tally->sent : 0);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		if (count_of(ping, i))
			fprintf(file, ", %" PRIu64 " %s", count_of(ping, i), counts[i].name);
	fprintf(file, " in %.1f s", seconds);
	if (tally->received)
		fprintf(file, "\nmin/avg/median/p99/max/mdev = %.1f/%.1f/%.1f/%.1f/%.1f/%.1f us",
			tally->least / 1e3, tally->mean / 1e3, tally_quantile(tally, 0.5) / 1e3,
			tally_quantile(tally, 0.99) / 1e3, tally->most / 1e3,
			tally_deviation(tally) / 1e3);
}

static void show_times(const struct tally *tally)
{
	out_open("times", OUT_ASSIGN);
	if (tally->received) {
		out_real("min_us", tally->least / 1e3);
		out_real("avg_us", tally->mean / 1e3);
		out_real("median_us", tally_quantile(tally, 0.5) / 1e3);
		out_real("p99_us", tally_quantile(tally, 0.99) / 1e3);
		out_real("max_us", tally->most / 1e3);
		out_real("mdev_us", tally_deviation(tally) / 1e3);
	}
	out_close();
	out_hide();
}

static void report_end(const struct ping *ping)
{
	const struct tally *tally = &ping->tally;
	char text[512] = "";
	FILE *file = fmemopen(text, sizeof(text), "w");

	if (file) {
		put_summary(ping, file);
		fclose(file);
	}
	out_number("sent", tally->sent);
	out_as("%s", text);
	out_number("received", tally->received);
	out_hide();
	out_number("lost", tally->sent - tally->received);
	out_hide();
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		out_number(counts[i].name, count_of(ping, i));
		out_hide();
	}
	out_real("seconds", (app_now() - ping->began) / 1e9);
	out_hide();
	show_times(tally);
	out_print_part(ping->app.json);
}

/* ---- frames ------------------------------------------------------------------------------ */

static int send_one(struct ping *ping)
{
	uint64_t now = app_now();
	int err;

	ping_packet_stamp(ping->frame, ping->tally.sent, now);
	err = lana_socket_send(ping->app.socket, ping->frame, options.length, SEND_WAIT);
	if (err)
		return err;
	tally_sent(&ping->tally);
	ping->away++;
	ping->last_sent = ping->last_news = now;
	ping->next += options.interval;
	/* What was missed is made up for, but not for ever. */
	if (ping->next + APP_SECOND < now)
		ping->next = now;
	return 0;
}

static void take_frame(struct ping *ping, const struct lana_frame *frame)
{
	uint64_t now = app_now();
	uint64_t arrival = frame->time && !options.user ? frame->time : now;
	const uint8_t *data = frame->data;
	struct ping_stamp stamp;
	enum tally_kind kind;

	switch (ping_packet_read(data, frame->length, ping->frame, options.length, &stamp)) {
	case PING_FOREIGN:
		ping->foreign++;
		return;
	case PING_DAMAGED:
		ping->damaged++;
		return;
	case PING_ANSWER:
		break;
	}
	if (stamp.time > arrival || stamp.time < ping->began) {
		ping->damaged++;
		return;
	}
	kind = tally_received(&ping->tally, stamp.sequence, arrival - stamp.time);
	if (kind == TALLY_BOGUS)
		ping->damaged++;
	if (kind == TALLY_NEW && ping->away)
		ping->away--;
	ping->last_news = now;
	if (kind == TALLY_NEW || kind == TALLY_DUPLICATE)
		report_answer(ping, data + APP_MAC, stamp.sequence, arrival - stamp.time,
			      kind == TALLY_DUPLICATE);
}

static int receive(struct ping *ping, int64_t timeout)
{
	struct lana_frame frames[AT_ONCE];
	int got = lana_socket_borrow(ping->app.socket, frames, AT_ONCE, timeout);

	for (int i = 0; i < got; i++)
		take_frame(ping, &frames[i]);
	if (got > 0)
		lana_socket_give_back(ping->app.socket, frames, got);
	return got < 0 && got != -EAGAIN && got != -EINTR ? got : 0;
}

/* ---- all of it --------------------------------------------------------------------------- */

static bool has_more(const struct ping *ping, uint64_t now)
{
	return !cli_stream_ended() && !ping->unread &&
	       (!options.count || ping->tally.sent < options.count) &&
	       (!options.deadline || now < ping->began + options.deadline);
}

/* When the next frame is due. */
static uint64_t due(struct ping *ping, uint64_t now)
{
	if (!options.flood)
		return ping->next;
	if (now >= ping->last_news + STALL)
		ping->away = 0; /* they will not come any more */
	return ping->away < options.window ? now : ping->last_news + STALL;
}

static int exchange(struct ping *ping)
{
	for (;;) {
		uint64_t now = app_now(), until;
		int err;

		if (has_more(ping, now)) {
			until = due(ping, now);
			if (until <= now) {
				err = send_one(ping);
				if (err && err != -EAGAIN && err != -EINTR)
					return err;
				until = due(ping, app_now());
			}
		} else {
			until = ping->last_sent + options.patience;
			if (ping->tally.received == ping->tally.sent || now >= until)
				return 0;
		}
		if (until > now + APP_LOOK)
			until = now + APP_LOOK;
		err = receive(ping, options.spin || until <= now ? 0 : (int64_t)(until - now));
		if (err)
			return err;
	}
}

static enum cli_status prepare(struct ping *ping)
{
	enum cli_status status;
	uint64_t run;

	ping->app.socket_options.timestamps = !options.user;
	status = app_open(&ping->app);
	status = status ?: app_bind(&ping->app);
	if (status)
		return status;
	if (options.length > lana_socket_mtu(ping->app.socket) + LANA_SOCKET_FRAME_MIN)
		return cli_error("frames of %" PRIu64 " bytes are longer than --mtu %u allows",
				 options.length, lana_socket_mtu(ping->app.socket));
	if (!options.mac_said)
		app_address(&ping->app, options.mac);
	if (getrandom(&run, sizeof(run), 0) != sizeof(run))
		return cli_error("the kernel gives no random number");
	ping_packet_init(ping->frame, options.length, ping->peer, options.mac, run);
	return CLI_DONE;
}

static enum cli_status run(struct ping *ping)
{
	enum cli_status status = prepare(ping);
	int err;

	if (status)
		return status;
	ping->began = ping->next = app_now();
	err = exchange(ping);
	report_end(ping);
	if (err)
		return app_broken(&ping->app, err);
	return ping->tally.received ? CLI_DONE : cli_error("nothing has come back");
}

static const struct app_section sections[] = {
	{ "STATISTICS",
	  ".TP\n.B received, lost\nFrames that came back, each counted once; and those that did "
	  "not.\n"
	  ".TP\n.B duplicates\nAnswers beyond the first one to a frame: as many come as there are\n"
	  "that answer, if PEER is left out.\n"
	  ".TP\n.B reordered\nAnswers that came after one to a frame that was sent later.\n"
	  ".TP\n.B late\nAnswers to frames before the last 65536, which count as lost.\n"
	  ".TP\n.B damaged\nAnswers that are not as they were sent.\n"
	  ".TP\n.B foreign\nFrames that are no answers to this program.\n"
	  ".TP\n.B median, p99\nThe times that half of the answers, and 99 of 100, have not\n"
	  "exceeded, to one part in 128.\n"
	  ".TP\n.B mdev\nThe standard deviation.\n" },
	{ "EXIT STATUS", ".TP\n.B 0\nAt least one answer came.\n"
			 ".TP\n.B 1\nNone came, or it could not begin, or its block has gone.\n"
			 ".TP\n.B 2\nThe words make no sense.\n" },
	{ 0 },
};

static const char *const examples[] = { "lana-ping --below eth1 02:00:00:00:00:02",
					"lana-ping --below eth1 --flood --spin --count 100000",
					NULL };

static const struct app_program program = {
	.name = "lana-ping",
	.summary = "measure round trips of frames",
	.args = "[PEER]",
	.block = "ping",
	.options = ping_options,
	.take = take,
	.description =
		"Sends Ethernet frames of its own to PEER, an Ethernet address, or to all if PEER\n"
		"is left out; and tells how long it takes until they come back.\n"
		".BR lana\\-echo (1),\nor a block\n.BR swap_mac ,\nanswers.\n"
		"An answer ends at the moment at which the socket gets it.\n",
	.way = "With \\fB\\-\\-below\\fR its block is put on top of BLOCK, on both paths.\n"
	       "Without it the program begins when its block has been bound.\n",
	.sections = sections,
	.examples = examples,
	.see_also = ".BR lana\\-echo (1),\n.BR ping (8),\n",
};

int main(int argc, char **argv)
{
	static struct ping ping = { .peer = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	enum cli_status status = app_parse(&ping.app, &program, argc, argv);

	if (!status && ping.app.done)
		return CLI_DONE;
	if (!status && ping.app.argc > 1)
		status = cli_usage("'%.64s' is one word too many; 'lana-ping -h' helps",
				   ping.app.argv[1]);
	if (!status && ping.app.argc && !app_mac(ping.app.argv[0], ping.peer))
		status = cli_usage("'%.64s' is no PEER: %s", ping.app.argv[0], app_why());
	if (!status)
		status = run(&ping);
	return app_end(&ping.app, status);
}
