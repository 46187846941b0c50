// SPDX-License-Identifier: GPL-2.0-only
/* lanactl gen - make traffic, into a device */
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

static bool read_options(const struct cli_args *args, struct lana_gen_options *options, char **text)
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

static void show(const char *to, const struct lana_gen_report *r)
{
	char refused[32] = "an unknown number", late[48] = "", why[128];

	snprintf(why, sizeof(why), "%s)", r->why ? r->why : "");
	if (r->refused_known)
		snprintf(refused, sizeof(refused), "%" PRIu64, r->refused);
	if (r->late)
		snprintf(late, sizeof(late), "%" PRIu64 " late", r->late);
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
	if (r->asked > 0)
		out_real("asked_pps", r->asked);
	out_close();
	out_as("%" PRIu64 " frames sent to %s in %.3f s: %.6g %s, %.6g Mbit/s, %s refused%s%s%s%s",
	       r->sent, to, r->seconds, pps / (pps >= 1e6 ? 1e6 : 1e3),
	       pps >= 1e6 ? "Mpps" : "kpps", bits / 1e6, refused, r->late ? ", " : "", late,
	       r->why ? " (by packet socket: " : "", r->why ? why : "");
}

static enum cli_status run_gen(const struct cli_args *args)
{
	struct lana_gen_options options = { .device = cli_word(args, "DEV"),
					    .netns = args->options.stack.netns };
	_cleanup_free_ char *text = NULL;
	struct lana_gen_report report;
	struct lana_error error = {};
	enum cli_status status;
	struct lana_gen *gen;
	int err;

	status = read_options(args, &options, &text);
	if (status)
		return status;
	err = lana_gen_open(&options, &gen, &error);
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
	show(cli_word(args, "DEV"), &report);
	return CLI_DONE;
}

static const char *const examples[] = {
	"gen eth0 count 1000 rate 10kpps",
	"gen eth0 'eth(dst=02:00:00:00:00:02) ip4(dst=10.0.0.2+) udp(sport=random) payload(64)'",
	"gen eth0 profile imix rate 100mbit time 10s stamp", "gen eth0 pcap call.pcapng speed 2",
	NULL
};

const struct cli_command gen_command = {
	.name = "gen",
	.args = "DEV [PACKET] [file FILE] [pcap CAPTURE] [profile PROFILE] [rate RATE] "
		"[speed FACTOR] [count N] [time TIME] [cpus CPUS] [stamp] [stream STREAM] "
		"[seed SEED]",
	.summary = "make traffic",
	.details = "",
	.examples = examples,
	.run = run_gen,
};
