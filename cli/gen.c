// SPDX-License-Identifier: GPL-2.0-only
/* lanactl gen - make traffic, into a device or a block */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lana/gen.h>

#include "cli.h"

#define TIMEOUT_MS 100
#define TEXT_MAX   (1 << 20) /* bytes of a file in the packet language */

/* The whole of a file ("-": standard input); the caller frees *text. False: why was said. */
static bool read_text(const char *path, char **text, size_t *size)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *bytes = malloc(TEXT_MAX + 1);
	size_t count;
	bool good;

	if (!file || !bytes) {
		cli_error("cannot read %s: %s", path, strerror(errno));
		free(bytes);
		return false;
	}
	count = fread(bytes, 1, TEXT_MAX + 1, file);
	good = !ferror(file) && count <= TEXT_MAX;
	if (!good)
		cli_error("cannot read %s: %s", path,
			  ferror(file) ? strerror(errno) : "it is too large");
	if (file != stdin)
		fclose(file);
	if (!good) {
		free(bytes);
		return false;
	}
	*text = bytes;
	*size = count;
	return true;
}

static enum cli_status read_options(const struct cli_args *args, struct lana_gen_options *options,
				    char **text)
{
	uint64_t cpus = 1, stream = 0;
	double speed = 0;

	if (!cli_count(args, "N", UINT64_MAX, &options->count) ||
	    !cli_time(args, "TIME", &options->time) || !cli_count(args, "CPUS", 1024, &cpus) ||
	    !cli_whole(args, "STREAM", UINT16_MAX, &stream) ||
	    !cli_whole(args, "SEED", UINT64_MAX, &options->seed) ||
	    !cli_number(args, "FACTOR", 1e-6, &speed))
		return CLI_USAGE;
	options->cpus = cpus;
	options->stream = stream;
	options->speed = speed;
	options->rate = cli_word(args, "RATE");
	options->profile = cli_word(args, "PROFILE");
	options->pcap = cli_word(args, "CAPTURE");
	options->stamp = cli_flag(args, "stamp") || cli_flag(args, "stream");
	options->packet = cli_word(args, "PACKET");
	if (options->packet)
		options->packet_size = strlen(options->packet);
	if (!cli_word(args, "FILE"))
		return CLI_DONE;
	if (options->packet)
		return cli_usage("either a packet or a file of them");
	options->packet_name = cli_word(args, "FILE");
	if (!read_text(options->packet_name, text, &options->packet_size))
		return CLI_REFUSED;
	options->packet = *text;
	return CLI_DONE;
}

/* A number a second, with the unit that fits: of units, each is 1000 of the one before. */
static void with_unit(char text[48], double number, const char *const units[3])
{
	int unit = number >= 1e6 ? 2 : number >= 1e3 ? 1 : 0;

	for (int i = 0; i < unit; i++)
		number /= 1e3;
	snprintf(text, 48, "%.6g %s", number, units[unit]);
}

static const char *const pps_units[] = { "pps", "kpps", "Mpps" };
static const char *const bits_units[] = { "bit/s", "kbit/s", "Mbit/s" };

/* The result in words; a second line, if the rate was not kept. */
static void say(const char *to, const struct lana_gen_report *r, double pps, double bits)
{
	const bool in_bits = r->asked_bits > 0;
	char pps_text[48], bits_text[48], asked[48], missed[160] = "";
	char refused[32] = "an unknown number", late[48] = "", why[128];

	with_unit(pps_text, pps, pps_units);
	with_unit(bits_text, bits, bits_units);
	with_unit(asked, in_bits ? r->asked_bits : r->asked, in_bits ? bits_units : pps_units);
	if (r->asked > 0 && !r->rate_kept)
		snprintf(missed, sizeof(missed), "\nthe rate was not kept: %s instead of %s",
			 in_bits ? bits_text : pps_text, asked);
	snprintf(why, sizeof(why), "%s)", r->why ? r->why : "");
	if (r->refused_known)
		snprintf(refused, sizeof(refused), "%" PRIu64, r->refused);
	if (r->late)
		snprintf(late, sizeof(late), "%" PRIu64 " late", r->late);
	out_as("%" PRIu64 " frames sent to %s in %.3f s: %s, %s, %s refused%s%s%s%s%s", r->sent, to,
	       r->seconds, pps_text, bits_text, refused, r->late ? ", " : "", late,
	       r->why ? " (by packet socket: " : "", r->why ? why : "", missed);
}

static void show(const char *to, const struct lana_gen_report *r)
{
	double pps = r->seconds > 0 ? r->sent / r->seconds : 0;
	double bits = r->seconds > 0 ? 8.0 * r->bytes / r->seconds : 0;

	out_open("gen", OUT_ASSIGN);
	out_string("to", to);
	out_string("way", r->way == LANA_GEN_LIVE ? "live" : "socket");
	out_number("sent", r->sent);
	out_number("bytes", r->bytes);
	if (r->refused_known)
		out_number("refused", r->refused);
	else
		out_unknown("refused");
	out_number("late", r->late);
	out_real("seconds", r->seconds);
	out_real("pps", pps);
	out_real("bits_per_second", bits);
	if (r->asked > 0) {
		out_real("asked_pps", r->asked);
		out_bool("rate_kept", r->rate_kept);
	}
	out_close();
	say(to, r, pps, bits);
}

/* Generate until all is sent, or a signal comes. */
static enum cli_status generate(const struct lana_gen_options *options, const char *to)
{
	struct lana_gen_report report;
	struct lana_error error = {};
	struct lana_gen *gen;
	int err = lana_gen_open(options, &gen, &error);

	if (err)
		return cli_refused(err, &error);
	cli_stream_begin();
	err = lana_gen_start(gen, &error);
	while (!err && (err = lana_gen_wait(gen, TIMEOUT_MS, &error)) == -EAGAIN)
		err = cli_stream_ended() ? lana_gen_stop(gen, &error) : 0;
	lana_gen_report(gen, &report);
	lana_gen_close(gen);
	if (err)
		return cli_refused(err, &error);
	show(to, &report);
	return CLI_DONE;
}

static enum cli_status run_gen(const struct cli_args *args)
{
	struct lana_gen_options options = { .device = cli_word(args, "DEV"),
					    .netns = args->options.stack.netns };
	_cleanup_free_ char *text = NULL;
	enum cli_status status = read_options(args, &options, &text);

	return status ? status : generate(&options, options.device);
}

static enum cli_status run_gen_block(const struct cli_args *args)
{
	struct lana_gen_options options = { .block = cli_word(args, "NAME") };
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ char *text = NULL;
	enum cli_status status = read_options(args, &options, &text);

	if (status)
		return status;
	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	options.stack = stack;
	return generate(&options, options.block);
}

#define WORDS                                                                               \
	"[PACKET] [file FILE] [pcap CAPTURE] [profile PROFILE] [rate RATE] [speed FACTOR] " \
	"[count N] [time TIME] [cpus CPUS] [stamp] [stream STREAM] [seed SEED]"

static const char *const examples[] = {
	"gen eth0 count 1000 rate 10kpps",
	"gen eth0 'eth(dst=02:00:00:00:00:02) ip4(dst=10.0.0.2+) udp(sport=random) payload(64)'",
	"gen eth0 profile imix rate 100mbit time 10s stamp", "gen eth0 pcap call.pcapng speed 2",
	NULL
};

const struct cli_command gen_command = {
	.name = "gen",
	.args = "DEV " WORDS,
	.brief = "DEV [OPTION ...] [PACKET]",
	.summary = "make traffic",
	.details =
		"Send frames by device DEV: as PACKET says, in a language of lana's own, or a FILE "
		"of "
		"it ('-': standard input); or those of CAPTURE, a pcap or pcapng file; or UDP "
		"packets "
		"of the shortest kind. docs/gen.md describes the language: "
		"'eth ip4(dst=10.0.0.2+) udp(sport=random) payload(64)' counts addresses up and "
		"draws "
		"ports, and lengths, types and checksums are filled in.\n\n"
		"PROFILE sets the sizes of frames, check sequence included: 'imix' (64, 594 and "
		"1518 "
		"bytes as 7:4:1), 'rfc2544' (all sizes of that RFC in turn), or a number. 'count' "
		"N "
		"and 'time' TIME ('10s', '500ms') end it, as does SIGINT (^C); a capture is sent "
		"once "
		"if neither is said.\n\n"
		"RATE is '10kpps', '100mbit' (bits of frames without check sequences) or 'max', "
		"and "
		"gaps are even; without it, frames go as fast as they can, and those of a capture "
		"as "
		"they came, or FACTOR times as fast. 'cpus' CPUS send at once, each all of what is "
		"described, RATE and N divided among them.\n\n"
		"'stamp' puts a number and the time into each payload, for 'sink' to check; "
		"'stream' "
		"STREAM does so too, with another number of stream than 0. CPU n sends stream + n. "
		"The same 'seed' SEED gives the same random fields again.\n\n"
		"Frames are made in the kernel as XDP makes them, and bypass queueing disciplines. "
		"Where the device takes no such frames, and at rates of less than 1000 a second, "
		"they "
		"are sent by a packet socket, and the result says so. What the device refused, for "
		"want of room, is counted and not in what was sent. A paced generator keeps its "
		"CPU "
		"busy.",
	.examples = examples,
	.names_new = true,
	.run = run_gen,
};

static const char *const block_examples[] = { "gen block split stamp count 1000",
					      "gen block 7 pcap bad.pcap", NULL };

const struct cli_command gen_block_command = {
	.name = "gen block",
	.args = "NAME " WORDS,
	.brief = "NAME [OPTION ...] [PACKET]",
	.summary = "make traffic that enters a stack at a block",
	.details =
		"The same as 'gen', but frames enter the stack at block NAME, which may be an IDP "
		"too, on ingress, as if a hook of XDP had led to it. The block begins a program of "
		"its own for as long; what the stack does with frames is seen in its counters.",
	.examples = block_examples,
	.run = run_gen_block,
};
