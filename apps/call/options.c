// SPDX-License-Identifier: GPL-2.0-only
/* options - what lana-call can be told when it is started */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "options.h"

#define DEFAULT_BITRATE 96000
#define DEFAULT_SAMPLES 240
#define TYPE_LEAST	0x600 /* less is a length: IEEE 802.3, 3.2.6 */
#define TYPE_MOST	0xffff
#define DELAY_LEAST	1    /* ms */
#define DELAY_MOST	2000 /* ms; a buffer of 2.5 ms frames holds that long */

const struct cli_option call_options[] = {
	{ 'm', "mac", "ADDRESS",
	  "the call's own Ethernet address; if not set, that of the device below" },
	{ 't', "ethertype", "TYPE", "Ethernet type of its frames; 0x88b6 if not set" },
	{ 'i', "in", "SOURCE",
	  "what is heard of this end: alsa, alsa:PCM, a WAV file, a file of raw samples, - "
	  "(standard input), or silence; alsa if not set" },
	{ 'o', "out", "SINK",
	  "where the other end is heard: alsa, alsa:PCM, FILE.wav, a file for raw samples, - "
	  "(standard output), or none; alsa if not set" },
	{ 'f', "frame", "MS", "length of a frame: 2.5, 5, 10 or 20 ms; 5 if not set" },
	{ 'r', "bitrate", "BITS", "bits a second of sound, 6000 to 510000; 96000 if not set" },
	{ 'c', "complexity", "N", "how hard the encoder thinks, 0 to 10; 10 if not set" },
	{ 'J', "jitter", "DELAY",
	  "how long frames wait to be played, in ms: MIN-MAX, by the jitter, or one number; 5-200 "
	  "if not set" },
	{ 'e', "echo", "on|off", "cancel echo; on if not set and both in and out are alsa" },
	{ 'd', "duration", "SECONDS", "say no more after that time" },
	{ 'T', "timeout", "SECONDS",
	  "how long nothing may come from the other end before the call is over, from the "
	  "beginning on if PEER is said; 10 if not set" },
	{ 'C', "control", "PATH",
	  "take commands from this FIFO, which is made if it is not there, or is the caller's or "
	  "root's, writable by its owner alone; without it from standard input" },
	{ 'I', "interval", "SECONDS",
	  "between two lines of statistics, 0 for none but the last; 1 if not set" },
	{ 0 },
};

static struct options said;

/* ---- values ------------------------------------------------------------ */

static bool take_number(const char *text, uint64_t least, uint64_t most, uint32_t *number)
{
	uint64_t value;

	if (!app_whole(text, least, most, &value))
		return false;
	*number = value;
	return true;
}

/* As it is written: decimal or 0x.... */
static bool take_type(const char *text, uint16_t *type)
{
	char *rest;
	unsigned long value = strtoul(text, &rest, 0);

	if (!isdigit((unsigned char)*text) || *rest || value < TYPE_LEAST || value > TYPE_MOST)
		return app_not("a number from %#x to %#x", TYPE_LEAST, TYPE_MOST);
	*type = value;
	return true;
}

static bool take_delay(const char *text, double least, double *ms)
{
	char *rest;
	double value = strtod(text, &rest);

	if (!(isdigit((unsigned char)*text) || *text == '.') || *rest ||
	    !(value >= least && value <= DELAY_MOST))
		return false;
	*ms = value;
	return true;
}

static bool take_frame(const char *text, uint32_t *samples)
{
	static const char *const frames[] = { "2.5", "5", "10", "20" };

	for (unsigned int i = 0; i < 4; i++)
		if (!strcmp(text, frames[i])) {
			*samples = CODEC_UNIT << i;
			return true;
		}
	return app_not("2.5, 5, 10 or 20 (ms)");
}

static bool take_jitter(const char *text, struct jitter_options *jitter)
{
	const char *dash = strchr(text, '-');
	double least, most;
	char first[32];

	snprintf(first, sizeof(first), "%.*s", dash ? (int)(dash - text) : 31, text);
	if (!take_delay(first, DELAY_LEAST, &least) ||
	    (dash && !take_delay(dash + 1, least, &most)))
		return app_not("MIN-MAX or one number, in ms, from %u to %u, MIN not above MAX",
			       DELAY_LEAST, DELAY_MOST);
	jitter->adaptive = dash;
	jitter->delay = jitter->min = least * CLOCK_MILLISECOND;
	jitter->max = dash ? most * CLOCK_MILLISECOND : jitter->delay;
	return true;
}

static bool take_switch(const char *text, bool *on)
{
	*on = !strcmp(text, "on");
	return *on || !strcmp(text, "off") || app_not("on or off");
}

/* ---- options ------------------------------------------------------------ */

static bool take_sound(int letter, const char *value)
{
	struct call_options *call = &said.call;

	switch (letter) {
	case 'i':
		said.in = value;
		return true;
	case 'o':
		said.out = value;
		return true;
	case 'f':
		return take_frame(value, &call->codec.samples);
	case 'r':
		return take_number(value, 6000, 510000, &call->codec.bitrate);
	case 'c':
		return take_number(value, 0, 10, &call->codec.complexity);
	case 'J':
		return take_jitter(value, &call->jitter);
	case 'e':
		said.echo_said = true;
		return take_switch(value, &call->echo);
	}
	return false;
}

bool options_take(int letter, const char *value)
{
	switch (letter) {
	case 'm':
		said.mac_said = true;
		return app_host(value, said.mac);
	case 't':
		return take_type(value, &said.call.ethertype);
	case 'd':
		return app_seconds(value, 1e-3, &said.call.duration);
	case 'T':
		return app_seconds(value, 1, &said.call.timeout);
	case 'C':
		said.control = value;
		return true;
	case 'I':
		return app_seconds(value, 0, &said.interval);
	}
	return take_sound(letter, value);
}

static bool is_alsa(const char *name)
{
	return !strcmp(name, "alsa") || !strncmp(name, "alsa:", 5);
}

static enum cli_status check(const struct app *app)
{
	struct call_options *call = &said.call;

	if (app->argc > 1)
		return cli_usage("'%.64s' is one word too many; 'lana-call -h' helps",
				 app->argv[1]);
	call->has_peer = app->argc;
	if (call->has_peer && !app_host(app->argv[0], call->peer))
		return cli_usage("'%.64s' is no PEER: %s", app->argv[0], app_why());
	if (app->from && !said.mac_said)
		return cli_usage("a server does not tell the address of the device below: --from "
				 "goes with --mac ADDRESS");
	return CLI_DONE;
}

enum cli_status options_parse(int argc, char **argv, struct app *app, struct options *options)
{
	enum cli_status status;

	said = (struct options){
		.call = { .ethertype = CALL_ETHERTYPE,
			  .codec = { DEFAULT_SAMPLES, DEFAULT_BITRATE, 10 },
			  .timeout = 10 * CLOCK_SECOND },
		.in = "alsa",
		.out = "alsa",
		.interval = CLOCK_SECOND,
	};
	take_jitter("5-200", &said.call.jitter);
	status = app_parse(app, &call_program, argc, argv);
	if (status || app->done)
		return status;
	status = check(app);
	if (!said.echo_said)
		said.call.echo = is_alsa(said.in) && is_alsa(said.out);
	app->socket_options.timestamps = true; /* by which jitter is told */
	*options = said;
	return status;
}
