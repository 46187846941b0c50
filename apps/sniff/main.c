// SPDX-License-Identifier: GPL-2.0-only
/* lana-sniff - write what passes a place in a stack to a file for Wireshark and tcpdump */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "apps/common/app.h"
#include "cli/pcapng.h"
#include "place.h"

#define AT_ONCE	    64
#define RING	    8192
#define FLUSH_NS    (200 * APP_MILLISECOND) /* what came is in the file after so long */
#define STRAGGLE_NS ((int64_t)(20 * APP_MILLISECOND))

static struct {
	const char *file;
	uint64_t count, snaplen, ring;
	bool egress;
} options = { .file = "-" };

static const struct cli_option sniff_options[] = {
	{ 'w', "write", "FILE", "where to write; - (standard output) if not set" },
	{ 'c', "count", "N", "end after so many packets" },
	{ 'l', "snaplen", "BYTES", "of each packet at most; all if not set" },
	{ 'e', "egress", NULL, "of BLOCK, listen at a port of the egress path" },
	{ 'r', "ring", "N",
	  "packets that may wait to be written, a power of two; 8192 if not set, or, with --from, "
	  "what the server gives" },
	{ 0 },
};

static bool take_ring(const char *value)
{
	uint64_t ring = 0;

	if (!app_whole(value, 1, LANA_SOCKET_RING_MAX, &ring) || ring & (ring - 1))
		return app_not("a power of two, %u at most", LANA_SOCKET_RING_MAX);
	options.ring = ring;
	return true;
}

static bool take(int letter, const char *value)
{
	switch (letter) {
	case 'w':
		options.file = value;
		return true;
	case 'c':
		return app_whole(value, 1, UINT64_MAX, &options.count);
	case 'l':
		return app_whole(value, 1, UINT32_MAX, &options.snaplen);
	case 'r':
		return take_ring(value);
	}
	options.egress |= letter == 'e';
	return true;
}

struct sniff {
	struct app app;
	char expression[4096];
	struct place place;
	struct pcapng pcapng;
	int fd;
	int file_error; /* errno of a write */
	bool placed;
	uint64_t written, flushed;
	uint64_t lost, oversized; /* in the end */
};

/* ---- packets ----------------------------------------------------------------------------- */

/* A signal that comes meanwhile may not tear a packet apart. */
static ssize_t write_file(void *cookie, const char *bytes, size_t size)
{
	struct sniff *sniff = cookie;
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(sniff->fd, bytes + done, size - done);

		if (n > 0)
			done += n;
		if (n >= 0 || errno == EINTR)
			continue;
		sniff->file_error = errno;
		return 0;
	}
	return done;
}

static int close_file(void *cookie)
{
	const struct sniff *sniff = cookie;

	return close(sniff->fd);
}

static int flush(struct sniff *sniff)
{
	sniff->flushed = app_now();
	if (fflush(sniff->pcapng.file) || ferror(sniff->pcapng.file))
		return sniff->file_error ? -sniff->file_error : -EIO;
	return 0;
}

static int write_frames(struct sniff *sniff, const struct lana_frame *frames, uint32_t count)
{
	/* Looked at each time, as CLOCK_REALTIME may be set. */
	const uint64_t now = app_now(), offset = clock_ns(CLOCK_REALTIME) - now;
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		uint32_t length = frames[i].length;
		const struct pcapng_packet packet = {
			.interface = lana_socket_name(sniff->app.socket),
			.time = (frames[i].time ?: now) + offset,
			.length = length,
			.captured = length < options.snaplen ? length : options.snaplen,
			.bytes = frames[i].data,
		};

		err = pcapng_packet(&sniff->pcapng, &packet);
		sniff->written += !err;
	}
	return err;
}

static bool is_full(const struct sniff *sniff)
{
	return options.count && sniff->written >= options.count;
}

/* Write what comes in that time, if anything. -EAGAIN: nothing did. */
static int record(struct sniff *sniff, int64_t timeout)
{
	uint64_t left = options.count - sniff->written;
	uint32_t most = options.count && left < AT_ONCE ? left : AT_ONCE;
	struct lana_frame frames[AT_ONCE];
	int got = lana_socket_borrow(sniff->app.socket, frames, most, timeout), err;

	if (got < 0)
		return got;
	err = write_frames(sniff, frames, got);
	lana_socket_give_back(sniff->app.socket, frames, got);
	return err;
}

static int record_all(struct sniff *sniff)
{
	int err = 0;

	while (!err && !cli_stream_ended() && !is_full(sniff)) {
		err = record(sniff, APP_LOOK);
		if (!err && sniff->file_error)
			err = -sniff->file_error;
		if (err == -EAGAIN || err == -EINTR || app_now() > sniff->flushed + FLUSH_NS)
			err = err && err != -EAGAIN && err != -EINTR ? err : flush(sniff);
	}
	return err;
}

/* ---- beginning and end ------------------------------------------------------------------- */

static int open_file(struct sniff *sniff)
{
	const cookie_io_functions_t functions = { .write = write_file, .close = close_file };

	sniff->fd = !strcmp(options.file, "-")
			    ? app_claim_output()
			    : open(options.file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	sniff->pcapng.file = sniff->fd < 0 ? NULL : fopencookie(sniff, "w", functions);
	if (!sniff->pcapng.file)
		return -errno;
	setvbuf(sniff->pcapng.file, NULL, _IOFBF, 1 << 18);
	sniff->pcapng.snaplen = options.snaplen;
	pcapng_begin(&sniff->pcapng);
	return pcapng_interface(&sniff->pcapng, lana_socket_name(sniff->app.socket))
		       ?: flush(sniff);
}

static enum cli_status take_place(struct sniff *sniff)
{
	const struct app *app = &sniff->app;
	struct lana_error error = {};
	int err;

	if (!app->below)
		return CLI_DONE;
	sniff->place = (struct place){
		.stack = app->stack,
		.name = app->name,
		.below = app->below,
		.port = app->port,
		.expression = *sniff->expression ? sniff->expression : NULL,
		.path = options.egress ? LANA_EGRESS : LANA_INGRESS,
	};
	err = place_take(&sniff->place, &error);
	sniff->placed = !err;
	return err ? cli_refused(err, &error) : CLI_DONE;
}

/* A stack that was flushed meanwhile has no place to leave. */
static void leave_place(struct sniff *sniff)
{
	struct lana_error error = {};

	if (sniff->placed && place_leave(&sniff->place, &error) && *error.text)
		fprintf(stderr, "%s: %s\n", sniff->app.program->name, error.text);
	sniff->placed = false;
}

/* Packets that were longer than the socket's frames may be. */
static uint64_t read_oversized(const struct app *app)
{
	uint64_t count;

	if (!app->stack || lana_block_count(app->stack, app->name, "oversized", &count, NULL))
		return 0;
	return count;
}

/* Nothing more comes; what is on its way is written. Then the counts are final. */
static int finish(struct sniff *sniff)
{
	uint64_t seen;
	int err = 0;

	leave_place(sniff);
	while (!err && !is_full(sniff))
		err = record(sniff, sniff->app.below ? STRAGGLE_NS : 0);
	if (err == -EAGAIN || err == -EINTR || err == -ENETDOWN)
		err = 0;
	sniff->lost = is_full(sniff) ? 0 : app_overruns(&sniff->app, true);
	sniff->oversized = read_oversized(&sniff->app);
	seen = sniff->written + sniff->lost + sniff->oversized;
	err = err
		      ?: pcapng_end(&sniff->pcapng, lana_socket_name(sniff->app.socket),
				    clock_ns(CLOCK_REALTIME), seen, sniff->lost + sniff->oversized);
	return err ?: flush(sniff);
}

static void report(const struct sniff *sniff)
{
	uint64_t lost = sniff->lost + sniff->oversized;

	out_number("packets", sniff->written);
	out_as("%" PRIu64 " packets captured, %" PRIu64 " lost of %" PRIu64 "%s", sniff->written,
	       lost, sniff->written + lost,
	       sniff->oversized ? ": some are longer than --mtu allows" : "");
	out_number("seen", sniff->written + lost);
	out_hide();
	out_number("lost", lost);
	out_hide();
	out_number("oversized", sniff->oversized);
	out_hide();
	out_print_part(sniff->app.json);
}

static enum cli_status end(struct sniff *sniff, int err)
{
	int ended = finish(sniff);
	bool down = err == -ENETDOWN;

	err = down || !err ? ended : err;
	if (err == -EPIPE) /* nobody reads on */
		return CLI_DONE;
	if (err)
		return cli_error("cannot write '%.100s': %s", options.file, strerror(-err));
	report(sniff);
	return down ? app_broken(&sniff->app, -ENETDOWN) : CLI_DONE;
}

static enum cli_status run(struct sniff *sniff)
{
	struct app *app = &sniff->app;
	enum cli_status status;
	int err;

	app->socket_options.timestamps = true;
	app->socket_options.receive_ring = options.ring ?: app->from ? 0 : RING;
	status = app_open(app);
	if (status)
		return status;
	if (!options.snaplen)
		options.snaplen = LANA_SNAPLEN_MAX;
	err = open_file(sniff);
	if (err)
		return cli_error("cannot write '%.100s': %s", options.file, strerror(-err));
	status = take_place(sniff);
	if (status)
		return status;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "capturing to %s; ^C ends it\n", options.file);
	return end(sniff, record_all(sniff));
}

/* ---- words ------------------------------------------------------------------------------- */

/* As with tcpdump, the expression may be one word or several. */
static bool join(const struct app *app, char *text, size_t size)
{
	size_t used = 0;

	for (int i = 0; i < app->argc && used < size; i++)
		used += snprintf(text + used, size - used, "%s%s", i ? " " : "", app->argv[i]);
	return used < size;
}

static enum cli_status check(struct sniff *sniff)
{
	static struct lana_filter_program compiled;
	const struct app *app = &sniff->app;
	struct lana_error error = {};
	int err;

	if (!join(app, sniff->expression, sizeof(sniff->expression)))
		return cli_usage("the expression is too long");
	if (*sniff->expression && app->from)
		return cli_usage("an expression is put into the stack, and a program with --from "
				 "cannot: leave it to the reader, such as tcpdump -r - "
				 "EXPRESSION");
	if (*sniff->expression && !app->below)
		return cli_usage("an expression is put into the stack, and so needs --below");
	if (options.egress && !app->below)
		return cli_usage("--egress is a path of the block that --below names");
	if (!strcmp(options.file, "-") && isatty(STDOUT_FILENO))
		return cli_usage("packets are not for a terminal: --write FILE, or a pipe");
	if (!*sniff->expression)
		return CLI_DONE;
	err = lana_filter_compile(LANA_FILTER_EXPR, sniff->expression, &compiled, &error);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const struct app_section sections[] = {
	{ "STATISTICS",
	  "In the end it says how many packets were captured, and how many were lost since\n"
	  "they came faster than they could be written, or were longer than \\fB\\-\\-mtu\\fR\n"
	  "allows; the file's interface statistics say so, too.\n"
	  "What goes with a capture on standard output is said on standard error.\n" },
	{ "EXIT STATUS", ".TP\n.B 0\nA signal, --count or the reader's end has ended it.\n"
			 ".TP\n.B 1\nIt could not begin or write, or its block has gone.\n"
			 ".TP\n.B 2\nThe words make no sense.\n" },
	{ 0 },
};

static const char *const examples[] = {
	"lana-sniff --below eth1 --write all.pcapng",
	"lana-sniff --below copies --port 1 tcp port 80 | tcpdump -n -r -",
	"lana-sniff --below eth1 icmp | wireshark -k -i -",
	NULL,
};

static const struct app_program program = {
	.name = "lana-sniff",
	.summary = "capture what passes a place in a stack",
	.args = "[EXPRESSION ...]",
	.block = "sniff",
	.options = sniff_options,
	.take = take,
	.description = "Writes the packets that its block receives, in the format pcapng, which\n"
		       ".BR wireshark (1)\nand\n.BR tcpdump (8)\nread.\n"
		       "EXPRESSION is one of\n.BR pcap\\-filter (7):\n"
		       "the kernel gives the program only those packets that match.\n"
		       "Their time is when the program's socket got them.\n",
	.way = "With \\fB\\-\\-below\\fR it listens at a port of BLOCK, and all goes on as "
	       "before:\n"
	       "if the port leads somewhere, a block\n.B tee\nis put behind it, of which the\n"
	       "program has one port.\n"
	       "Of a tee or a fanout it takes the first port that is free, if none is named.\n"
	       "These blocks, and that of EXPRESSION, are called NAME\\-tee and NAME\\-filter,\n"
	       "and go when the program ends; if it is killed, when it is run again.\n"
	       ".PP\n"
	       "A tee copies packets: at XDP that costs about as much as forwarding them twice,\n"
	       "and they wait in a queue of 256, which loses what is too much.\n"
	       "Where that matters, use \\fBlanactl capture\\fR: a probe, without a copy.\n",
	.sections = sections,
	.examples = examples,
	.see_also = ".BR tcpdump (8),\n.BR wireshark (1),\n",
};

int main(int argc, char **argv)
{
	static struct sniff sniff;
	enum cli_status status = app_parse(&sniff.app, &program, argc, argv);

	if (!status && sniff.app.done)
		return CLI_DONE;
	status = status ?: check(&sniff);
	status = status ?: run(&sniff);
	leave_place(&sniff);
	if (sniff.pcapng.file)
		fclose(sniff.pcapng.file);
	pcapng_free(&sniff.pcapng);
	return app_end(&sniff.app, status);
}
