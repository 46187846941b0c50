// SPDX-License-Identifier: GPL-2.0-only
/* lana-echo - turn frames round, where they lie */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "apps/common/app.h"

#define AT_ONCE	  64
#define SEND_WAIT ((int64_t)(100 * APP_MILLISECOND))

struct totals {
	uint64_t frames, bytes;
	uint64_t unsent; /* as the way back was full all the while */
	uint64_t own;	 /* from our own address: they have come round once */
};

struct echo {
	struct app app;
	uint8_t mac[APP_MAC];
	struct totals totals, before; /* before: at the latest report */
	uint64_t began, reported;
};

static struct {
	uint64_t count, duration, interval;
	bool spin, mac_said;
	uint8_t mac[APP_MAC];
} options;

static const struct cli_option echo_options[] = {
	{ 'c', "count", "N", "end after so many frames" },
	{ 'd', "duration", "SECONDS", "end after that time" },
	{ 'I', "interval", "SECONDS", "between two lines of statistics; without it only the last" },
	{ 'm', "mac", "ADDRESS",
	  "from which frames come back that were sent to all; if not set, that of the device "
	  "below" },
	{ 'S', "spin", NULL, "do not sleep while nothing comes: answers sooner, and uses a CPU" },
	{ 0 },
};

static bool take(int letter, const char *value)
{
	switch (letter) {
	case 'c':
		return app_whole(value, 1, UINT64_MAX, &options.count);
	case 'd':
		return app_seconds(value, 1e-3, &options.duration);
	case 'I':
		return app_seconds(value, 1e-2, &options.interval);
	case 'm':
		options.mac_said = true;
		return app_host(value, options.mac);
	}
	options.spin |= letter == 'S';
	return true;
}

/* ---- frames ------------------------------------------------------------------------------ */

/* No frame may come from the address of many. */
static void turn(const struct echo *echo, uint8_t *frame)
{
	uint8_t to[APP_MAC];

	memcpy(to, frame[0] & 1 ? echo->mac : frame, APP_MAC);
	memcpy(frame, frame + APP_MAC, APP_MAC);
	memcpy(frame + APP_MAC, to, APP_MAC);
}

static bool is_own(const struct echo *echo, const struct lana_frame *frame)
{
	return !memcmp((uint8_t *)frame->data + APP_MAC, echo->mac, APP_MAC);
}

/* Turn those round that are not our own, which are given back. Returns how many are left. */
static uint32_t sort(struct echo *echo, struct lana_frame *frames, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (is_own(echo, &frames[i])) {
			lana_socket_give_back(echo->app.socket, &frames[i], 1);
			echo->totals.own++;
			continue;
		}
		turn(echo, frames[i].data);
		frames[kept++] = frames[i];
	}
	return kept;
}

/* -ENETDOWN; what finds no room is lost. */
static int answer(struct echo *echo, struct lana_frame *frames, uint32_t count)
{
	struct lana_socket *socket = echo->app.socket;
	int done = count ? lana_socket_submit(socket, frames, count, SEND_WAIT) : 0;
	uint32_t sent = done > 0 ? done : 0;

	for (uint32_t i = 0; i < sent; i++)
		echo->totals.bytes += frames[i].length;
	echo->totals.frames += sent;
	echo->totals.unsent += count - sent;
	if (sent < count)
		lana_socket_give_back(socket, frames + sent, count - sent);
	return done == -ENETDOWN ? done : 0;
}

/* ---- statistics -------------------------------------------------------------------------- */

static int report(struct echo *echo, bool final)
{
	const struct totals *now = &echo->totals,
			    *then = final ? &(struct totals){} : &echo->before;
	uint64_t time = app_now(), since = final ? echo->began : echo->reported;
	uint64_t overruns = app_overruns(&echo->app, final);
	double seconds = (time - since) / 1e9, frames, bits;

	frames = seconds > 0 ? (now->frames - then->frames) / seconds : 0;
	bits = seconds > 0 ? (now->bytes - then->bytes) * 8 / seconds : 0;
	echo->before = *now;
	echo->reported = time;

	out_real("seconds", (time - echo->began) / 1e9);
	out_as("%.1f s: %" PRIu64 " frames turned round, %.0f a second, %.1f Mbit/s; %" PRIu64
	       " not sent, %" PRIu64 " overrun",
	       (time - echo->began) / 1e9, now->frames, frames, bits / 1e6, now->unsent, overruns);
	out_number("frames", now->frames);
	out_hide();
	out_number("bytes", now->bytes);
	out_hide();
	out_real("frames_per_second", frames);
	out_hide();
	out_real("bits_per_second", bits);
	out_hide();
	out_number("unsent", now->unsent);
	out_hide();
	out_number("own", now->own);
	out_hide();
	out_number("overruns", overruns);
	out_hide();
	out_bool("final", final);
	out_hide();
	return out_print_part(echo->app.json);
}

/* ---- all of it --------------------------------------------------------------------------- */

static bool is_over(const struct echo *echo, uint64_t now)
{
	return cli_stream_ended() || (options.count && echo->totals.frames >= options.count) ||
	       (options.duration && now >= echo->began + options.duration);
}

/* How many frames may be taken, so that count is not exceeded. */
static uint32_t room(const struct echo *echo)
{
	uint64_t left = options.count - echo->totals.frames;

	return options.count && left < AT_ONCE ? left : AT_ONCE;
}

static int64_t wait_for(const struct echo *echo, uint64_t now)
{
	uint64_t until = now + APP_LOOK;

	if (options.spin)
		return 0;
	if (options.interval && echo->reported + options.interval < until)
		until = echo->reported + options.interval;
	if (options.duration && echo->began + options.duration < until)
		until = echo->began + options.duration;
	return until > now ? until - now : 0;
}

static int serve(struct echo *echo)
{
	struct lana_frame frames[AT_ONCE];
	uint64_t now;

	while (!is_over(echo, now = app_now())) {
		int got = lana_socket_borrow(echo->app.socket, frames, room(echo),
					     wait_for(echo, now));

		if (got > 0)
			got = answer(echo, frames, sort(echo, frames, got));
		if (got < 0 && got != -EAGAIN && got != -EINTR)
			return got;
		if (options.interval && app_now() >= echo->reported + options.interval &&
		    report(echo, false))
			return 0;
	}
	return 0;
}

static enum cli_status run(struct echo *echo)
{
	enum cli_status status = app_open(&echo->app);
	int err;

	status = status ?: app_bind(&echo->app);
	if (status)
		return status;
	if (options.mac_said)
		memcpy(echo->mac, options.mac, APP_MAC);
	else
		app_address(&echo->app, echo->mac);
	echo->began = echo->reported = app_now();
	err = serve(echo);
	report(echo, true);
	return err ? app_broken(&echo->app, err) : CLI_DONE;
}

static const struct app_section sections[] = {
	{ "EXIT STATUS", ".TP\n.B 0\nA signal, --count or --duration has ended it.\n"
			 ".TP\n.B 1\nIt could not begin, or its block has gone.\n"
			 ".TP\n.B 2\nThe words make no sense.\n" },
	{ 0 },
};

static const char *const examples[] = { "lana-echo --below eth1",
					"lana-echo --below eth1 --spin --interval 1", NULL };

static const struct app_program program = {
	.name = "lana-echo",
	.summary = "turn frames round",
	.args = "",
	.block = "echo",
	.options = echo_options,
	.take = take,
	.description =
		"Sends each frame that its block receives back: the Ethernet addresses are\n"
		"exchanged, and nothing else is touched or copied.\n"
		"A frame that was sent to many comes back from the program's own address.\n"
		"Frames from that address are not answered, as they have come round already.\n"
		".PP\n"
		"Two programs that answer everything, facing each other, send a frame to and fro\n"
		"for ever: put a\n.B filter\nblock below one of them.\n",
	.way = "With \\fB\\-\\-below\\fR its block is put on top of BLOCK, on both paths.\n"
	       "Without it the program begins when its block has been bound.\n",
	.sections = sections,
	.examples = examples,
	.see_also = ".BR lana\\-ping (1),\n",
};

int main(int argc, char **argv)
{
	struct echo echo;
	enum cli_status status = app_parse(&echo.app, &program, argc, argv);

	if (!status && echo.app.done)
		return CLI_DONE;
	if (!status && echo.app.argc)
		status = cli_usage("'%.64s' is one word too many; 'lana-echo -h' helps",
				   echo.app.argv[0]);
	if (!status) {
		echo.totals = echo.before = (struct totals){};
		status = run(&echo);
	}
	return app_end(&echo.app, status);
}
