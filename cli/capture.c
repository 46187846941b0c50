// SPDX-License-Identifier: GPL-2.0-only
/* lanactl capture - have packets as they leave a block */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "pcapng.h"
#include "loader/clock.h"
#include "way.h"

#define TIMEOUT_MS 100

void cli_capture_close(FILE **file)
{
	if (*file && *file != stdout)
		fclose(*file);
}

bool cli_capture_words(const struct cli_args *args, uint64_t *snaplen, uint64_t *most)
{
	if (!cli_count(args, "N", UINT32_MAX, most) ||
	    !cli_count(args, "BYTES", LANA_SNAPLEN_MAX, snaplen))
		return false;
	if (args->options.json && !strcmp(cli_word(args, "FILE"), "-")) {
		cli_usage("JSON and a capture cannot both be on standard output");
		return false;
	}
	return true;
}

/* Take NAME:WAY apart; way is NULL if nothing but a block is named. */
static void split_name(char *name, struct lana_capture_options *options)
{
	char *colon = strchr(name, ':');

	if (colon)
		*colon = 0;
	options->block = name;
	options->way = colon ? colon + 1 : NULL;
}

/* Each way out of a block is an interface; a comment names the block and the way. */
static int put_packet(struct pcapng *pcapng, const struct lana_captured *packet)
{
	char name[PCAPNG_INTERFACE_MAX], comment[3 * LANA_NAME_MAX], way[CLI_WAY_MAX];
	const struct pcapng_packet put = { .interface = name,
					   .comment = comment,
					   .time = packet->time,
					   .length = packet->length,
					   .captured = packet->captured,
					   .bytes = packet->bytes };

	snprintf(name, sizeof(name), "%s:%s", packet->block,
		 packet->way.kind == LANA_WAY_DROP ? "drop" : packet->way.name);
	snprintf(comment, sizeof(comment), "%s %s %s", packet->block, lana_path_name(packet->path),
		 cli_way(&packet->way, packet->path, way));
	return pcapng_packet(pcapng, &put);
}

#define FLUSH_NS \
	200000000 /* what is captured is in the file after so long, should lanactl be killed */

/* Write what comes, up to count packets. */
static int record(struct lana_capture *capture, struct pcapng *pcapng, uint64_t *count,
		  uint64_t most, struct lana_error *error)
{
	uint64_t flushed = clock_ns(CLOCK_REALTIME);
	bool stopping = false;
	int err = 0;

	while (!err && *count < most) {
		struct lana_captured packet;

		if (cli_stream_ended() && !stopping) {
			err = lana_capture_stop(capture, error);
			stopping = true;
			if (err)
				break;
		}
		err = lana_capture_next(capture, stopping ? 0 : TIMEOUT_MS, &packet, error);
		if (err == -EAGAIN || clock_ns(CLOCK_REALTIME) - flushed > FLUSH_NS) {
			bool idle = err == -EAGAIN;

			if (fflush(pcapng->file))
				return -errno;
			flushed = clock_ns(CLOCK_REALTIME);
			if (idle && stopping)
				return 0;
			if (idle) {
				err = 0;
				continue;
			}
		}
		if (!err)
			err = put_packet(pcapng, &packet);
		if (!err && ferror(pcapng->file))
			err = errno ? -errno : -EIO;
		*count += !err;
	}
	return err;
}

/* A stack that has been flushed has no probes to be woven out, but the counts are there. */
static int finish(struct lana_capture *capture, struct pcapng *pcapng, const char *block,
		  struct lana_capture_counts *counts, struct lana_error *error)
{
	int stopped = lana_capture_stop(capture, error), err;

	*counts = lana_capture_counts(capture);
	err = pcapng_end(pcapng, block, clock_ns(CLOCK_REALTIME), counts->seen, counts->lost);
	if (!err && fflush(pcapng->file))
		err = -errno;
	return err ? err : stopped;
}

/* What goes with a file on standard output must not be on it. */
static void report(bool to_stdout, uint64_t count, const struct lana_capture_counts *counts)
{
	if (to_stdout) {
		fprintf(stderr, "%" PRIu64 " packets captured, %" PRIu64 " lost of %" PRIu64 "\n",
			count, counts->lost, counts->seen);
		return;
	}
	out_open("capture", OUT_ASSIGN);
	out_number("packets", count);
	out_number("seen", counts->seen);
	out_number("lost", counts->lost);
	out_close();
	out_as("%" PRIu64 " packets captured, %" PRIu64 " lost of %" PRIu64, count, counts->lost,
	       counts->seen);
}

static enum cli_status run_capture(const struct cli_args *args)
{
	struct lana_capture_options options = { .filter = cli_word(args, "FILTER"),
						.ingress = cli_flag(args, "ingress"),
						.egress = cli_flag(args, "egress") };
	_cleanup_(cli_capture_close) FILE *file = NULL;
	_cleanup_(pcapng_free) struct pcapng pcapng = {};
	_cleanup_stack_ struct lana_stack *stack = NULL;
	const char *to = cli_word(args, "FILE");
	uint64_t count = 0, most = UINT64_MAX, snaplen = LANA_SNAPLEN_MAX;
	_cleanup_free_ char *name = strdup(cli_word(args, "NAME"));
	struct lana_capture_counts counts = {};
	struct lana_capture *capture;
	struct lana_error error = {};
	int err;

	if (!cli_capture_words(args, &snaplen, &most))
		return CLI_USAGE;
	if (!name)
		return cli_error("out of memory");
	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	split_name(name, &options);
	options.snaplen = snaplen;
	cli_stream_begin();
	err = lana_capture_open(stack, &options, &capture, &error);
	if (err)
		return cli_refused(err, &error);
	file = strcmp(to, "-") ? fopen(to, "we") : stdout;
	if (!file) {
		err = errno;
		lana_capture_close(capture);
		return cli_error("cannot write %s: %s", to, strerror(err));
	}
	pcapng.file = file;
	pcapng.snaplen = snaplen;
	pcapng_begin(&pcapng);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "capturing %s to %s; ^C ends it\n", cli_word(args, "NAME"), to);
	err = fflush(file) ? -errno : record(capture, &pcapng, &count, most, &error);
	if (!err || err == -ENOENT)
		err = finish(capture, &pcapng, options.block, &counts, &error) ?: err;
	lana_capture_close(capture);
	if (err == -EPIPE) /* nobody reads on */
		return CLI_DONE;
	if (err && !*error.text)
		return cli_error("cannot write %s: %s", to, strerror(-err));
	if (err)
		return cli_refused(err, &error);
	report(file == stdout, count, &counts);
	return CLI_DONE;
}

static const char *const examples[] = { "capture n4 n4.pcapng",
					"capture split:match icmp count 10 pings.pcapng",
					"capture t1:drop snaplen 96 - | tcpdump -n -r -", NULL };

const struct cli_command capture_command = {
	.name = "capture",
	.args = "NAME [FILTER] [ingress|egress] [snaplen BYTES] [count N] FILE",
	.brief = "NAME [FILTER] [OPTION ...] FILE",
	.summary = "write the packets that leave a block to a file",
	.details =
		"Write the packets that leave block NAME to FILE ('-': standard output), as they "
		"are "
		"then, in the format pcapng, which Wireshark and tcpdump read. NAME:PORT takes "
		"those "
		"that leave by that port, NAME:pass those that go up to the kernel, NAME:sent "
		"those "
		"that are transmitted, NAME:all those that are sent on by all ports at once, and "
		"NAME:drop those that the block drops. A path word takes "
		"only the edges of that path. A comment on each packet tells block, path and port. "
		"Of a device's block, what leaves it by port next is what the device receives.\n\n"
		"FILTER is an expression of pcap-filter(7), 'snaplen' cuts packets after so many "
		"bytes, and 'count' N ends the capture after N packets; SIGINT (^C) ends it at any "
		"time. Packets that came faster than they could be written are lost to the capture "
		"alone, and counted: in the file too.\n\n"
		"The probes are woven into the block, and out again at the end, however that "
		"comes.",
	.examples = examples,
	.run = run_capture,
};
