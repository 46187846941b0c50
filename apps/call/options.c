// SPDX-License-Identifier: GPL-2.0-only
/* options - what lana-call can be told when it is started */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "options.h"

#define DEFAULT_BITRATE 96000
#define DEFAULT_SAMPLES 240
#define DELAY_LEAST	1    /* ms */
#define DELAY_MOST	2000 /* ms; a buffer of 2.5 ms frames holds that long */

const struct cli_option call_options[] = {
	{ 'b', "below", "BLOCK", "the block that the call stands on; a device's, as a rule" },
	{ 'p', "port", "PORT", "port of that block by which frames come up; the first if not set" },
	{ 'N', "name", "NAME", "name of the call's own block; \"call\" if not set" },
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
	  "how long nothing may come from the other end before the call is over; 10 if not set" },
	{ 'C', "control", "PATH",
	  "take commands from this FIFO, which is made if it is not there; without it from "
	  "standard input" },
	{ 'I', "interval", "SECONDS",
	  "between two lines of statistics, 0 for none but the last; 1 if not set" },
	{ 'j', "json", NULL, "print JSON, an object a line" },
	{ 's', "stack", "STACK", "the stack; \"default\" if none is named" },
	{ 'n', "netns", "NETNS",
	  "network namespace of the stack's devices: a name of ip-netns(8) or a path" },
	{ 'M', "man", NULL, "print the manual page" },
	{ 'V', "version", NULL, "print the version" },
	{ 'h', "help", NULL, "print help" },
	{ 0 },
};

#define OPTIONS_COUNT (sizeof(call_options) / sizeof(call_options[0]) - 1)

/* ---- values ------------------------------------------------------------ */

static bool take_number(const char *text, double least, double most, double *number)
{
	char *rest;
	double value = strtod(text, &rest);

	if (!(isdigit((unsigned char)*text) || *text == '.') || *rest ||
	    !(value >= least && value <= most))
		return false;
	*number = value;
	return true;
}

static bool take_whole(const char *text, unsigned long least, unsigned long most, uint32_t *number)
{
	char *rest;
	unsigned long value = strtoul(text, &rest, 0);

	if (!isdigit((unsigned char)*text) || *rest || value < least || value > most)
		return false;
	*number = value;
	return true;
}

static bool take_seconds(const char *text, double least, uint64_t *ns)
{
	double seconds;

	if (!take_number(text, least, 1e6, &seconds))
		return false;
	*ns = seconds * CLOCK_SECOND;
	return true;
}

static bool take_address(const char *text, uint8_t address[6])
{
	uint8_t bytes[6];
	int end = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &bytes[0], &bytes[1], &bytes[2],
		   &bytes[3], &bytes[4], &bytes[5], &end) != 6 ||
	    text[end] || bytes[0] & 1)
		return false;
	memcpy(address, bytes, sizeof(bytes));
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
	return false;
}

static bool take_jitter(const char *text, struct jitter_options *jitter)
{
	const char *dash = strchr(text, '-');
	double least, most;
	char first[32];

	snprintf(first, sizeof(first), "%.*s", dash ? (int)(dash - text) : 31, text);
	if (!take_number(first, DELAY_LEAST, DELAY_MOST, &least) ||
	    (dash && !take_number(dash + 1, least, DELAY_MOST, &most)))
		return false;
	jitter->adaptive = dash;
	jitter->delay = jitter->min = least * CLOCK_MILLISECOND;
	jitter->max = dash ? most * CLOCK_MILLISECOND : jitter->delay;
	return true;
}

static bool take_switch(const char *text, bool *on)
{
	*on = !strcmp(text, "on");
	return *on || !strcmp(text, "off");
}

/* ---- options ------------------------------------------------------------ */

/* False: the value is none. */
static bool take_sound(struct options *options, int letter, const char *value)
{
	struct call_options *call = &options->call;

	switch (letter) {
	case 'i':
		options->in = value;
		return true;
	case 'o':
		options->out = value;
		return true;
	case 'f':
		return take_frame(value, &call->codec.samples);
	case 'r':
		return take_whole(value, 6000, 510000, &call->codec.bitrate);
	case 'c':
		return take_whole(value, 0, 10, &call->codec.complexity);
	case 'J':
		return take_jitter(value, &call->jitter);
	case 'e':
		options->echo_said = true;
		return take_switch(value, &call->echo);
	}
	return false;
}

static bool take_link(struct options *options, int letter, const char *value)
{
	uint32_t type;

	switch (letter) {
	case 'b':
		options->link.below = value;
		return true;
	case 'p':
		options->link.port = value;
		return true;
	case 'N':
		options->link.name = value;
		return true;
	case 'm':
		options->link.address = options->address;
		return take_address(value, options->address);
	case 't':
		if (!take_whole(value, 0x600, 0xffff, &type))
			return false;
		options->call.ethertype = type;
		return true;
	case 's':
		options->link.stack.name = value;
		return true;
	case 'n':
		options->link.stack.netns = value;
		return true;
	}
	return take_sound(options, letter, value);
}

static bool take(struct options *options, int letter, const char *value)
{
	switch (letter) {
	case 'd':
		return take_seconds(value, 1e-3, &options->call.duration);
	case 'T':
		return take_seconds(value, 1, &options->call.timeout);
	case 'C':
		options->control = value;
		return true;
	case 'I':
		return take_seconds(value, 0, &options->interval);
	case 'j':
		options->json = true;
		return true;
	case 'M':
		options->man = true;
		return true;
	case 'V':
		options->version = true;
		return true;
	case 'h':
		options->help = true;
		return true;
	}
	return take_link(options, letter, value);
}

static const struct cli_option *find(int letter)
{
	const struct cli_option *option = call_options;

	while (option->name && option->letter != letter)
		option++;
	return option;
}

static enum cli_status parse_all(int argc, char **argv, struct options *options)
{
	struct option longs[OPTIONS_COUNT + 1] = { 0 };
	char shorts[2 * OPTIONS_COUNT + 2] = ":", *end = shorts + 1;
	int letter;

	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		longs[i].name = call_options[i].name;
		longs[i].has_arg = call_options[i].value ? required_argument : no_argument;
		longs[i].val = call_options[i].letter;
		*end++ = call_options[i].letter;
		if (call_options[i].value)
			*end++ = ':';
	}
	optind = 0;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const char *said = argv[optind - 1];

		if (letter == '?')
			return cli_usage("unknown option '%.64s'; 'lana-call -h' lists them", said);
		if (letter == ':')
			return cli_usage("option '%.64s' needs a value", said);
		if (!take(options, letter, optarg))
			return cli_usage("'%.64s' is no value of --%s", optarg, find(letter)->name);
	}
	return CLI_DONE;
}

static bool is_alsa(const char *name)
{
	return !strcmp(name, "alsa") || !strncmp(name, "alsa:", 5);
}

enum cli_status options_parse(int argc, char **argv, struct options *options)
{
	struct call_options *call = &options->call;
	enum cli_status status;

	*options = (struct options){
		.call = { .ethertype = CALL_ETHERTYPE,
			  .codec = { DEFAULT_SAMPLES, DEFAULT_BITRATE, 10 },
			  .timeout = 10 * CLOCK_SECOND },
		.link = { .name = "call",
			  .stack = { .bpffs = getenv("LANA_BPFFS"),
				     .types = getenv("LANA_TYPES"),
				     .fuse = true } },
		.in = "alsa",
		.out = "alsa",
		.interval = CLOCK_SECOND,
	};
	take_jitter("5-200", &call->jitter);

	status = parse_all(argc, argv, options);
	if (status || options->help || options->version || options->man)
		return status;
	if (argc - optind > 1)
		return cli_usage("'%.64s' is one word too many; 'lana-call -h' helps",
				 argv[optind + 1]);
	call->has_peer = argc > optind;
	if (call->has_peer && !take_address(argv[optind], call->peer))
		return cli_usage("'%.64s' is no PEER: an Ethernet address", argv[optind]);
	if (!options->link.below)
		return cli_usage("the block to stand on is missing: --below eth0, for instance");
	if (!options->echo_said)
		call->echo = is_alsa(options->in) && is_alsa(options->out);
	return CLI_DONE;
}
