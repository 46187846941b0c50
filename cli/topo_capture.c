// SPDX-License-Identifier: GPL-2.0-only
/* lanactl topo capture - write the packets of a link to a file */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "loader/clock.h"
#include "loader/netns.h"
#include "pcapng.h"
#include "topo.h"

#define TIMEOUT_MS 100
#define BUFFER	   (16 << 20) /* bytes that wait to be written */

static void close_pcap(pcap_t **pcap)
{
	if (*pcap)
		pcap_close(*pcap);
}

/* Where it is to be captured: NODE:INTERFACE, or the first end of a link. */
struct place {
	char netns[72], interface[16], name[PCAPNG_INTERFACE_MAX];
};

static bool find_interface(const struct lana_topo_info *info, const char *text, struct place *place)
{
	for (size_t i = 0; i < info->nodes_count; i++)
		for (size_t j = 0; j < info->nodes[i].interfaces_count; j++) {
			const struct lana_topo_node *node = &info->nodes[i];

			snprintf(place->name, sizeof(place->name), "%s:%s", node->name,
				 node->interfaces[j].name);
			if (strcmp(place->name, text))
				continue;
			memcpy(place->netns, node->netns, sizeof(place->netns));
			memcpy(place->interface, node->interfaces[j].name,
			       sizeof(place->interface));
			return true;
		}
	return false;
}

static bool find_place(const struct lana_topo_info *info, const char *text, struct place *place)
{
	char end[64];

	for (size_t i = 0; i < info->links_count; i++)
		if (!strcmp(info->links[i].name, text)) {
			snprintf(end, sizeof(end), "%s:%s", info->links[i].ends[0].node,
				 info->links[i].ends[0].interface);
			return find_interface(info, end, place);
		}
	return find_interface(info, text, place);
}

/* Open the interface, from within its namespace. NULL: why not was said. */
static pcap_t *open_interface(const struct place *place, int snaplen)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	struct lana_error error;
	int before = -1, err = netns_enter(place->netns, &before, &error);
	pcap_t *pcap = NULL;

	if (err) {
		cli_refused(err, &error);
		return NULL;
	}
	pcap = pcap_create(place->interface, text);
	if (pcap) {
		pcap_set_snaplen(pcap, snaplen);
		pcap_set_promisc(pcap, 1);
		pcap_set_timeout(pcap, TIMEOUT_MS);
		pcap_set_buffer_size(pcap, BUFFER);
		pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
		err = pcap_activate(pcap);
		if (err >= 0)
			err = pcap_setnonblock(pcap, 1, text);
		if (err < 0) {
			snprintf(text, sizeof(text), "%s", pcap_geterr(pcap));
			pcap_close(pcap);
			pcap = NULL;
		}
	}
	netns_leave(before);
	if (!pcap)
		cli_error("cannot capture at %s: %s", place->name, text);
	return pcap;
}

static bool set_filter(pcap_t *pcap, const char *filter)
{
	struct bpf_program program;
	bool good;

	if (pcap_compile(pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN)) {
		cli_error("'%s' is no filter: %s", filter, pcap_geterr(pcap));
		return false;
	}
	good = !pcap_setfilter(pcap, &program);
	pcap_freecode(&program);
	if (!good)
		cli_error("'%s' cannot be had: %s", filter, pcap_geterr(pcap));
	return good;
}

static int put_packet(struct pcapng *pcapng, const struct place *place,
		      const struct pcap_pkthdr *header, const unsigned char *bytes)
{
	const struct pcapng_packet put = {
		.interface = place->name,
		.time = header->ts.tv_sec * 1000000000ULL + header->ts.tv_usec,
		.length = header->len,
		.captured = header->caplen,
		.bytes = bytes,
	};

	return pcapng_packet(pcapng, &put);
}

/*
 * Until as many have come as were asked for, or a signal has. libpcap goes on waiting after a
 * signal, so the waiting is done here.
 */
static int record(pcap_t *pcap, struct pcapng *pcapng, const struct place *place, uint64_t most,
		  uint64_t *count)
{
	struct pollfd packets = { .fd = pcap_get_selectable_fd(pcap), .events = POLLIN };
	struct pcap_pkthdr *header;
	const unsigned char *bytes;
	int err = 0;

	while (!err && *count < most && !cli_stream_ended()) {
		int got = pcap_next_ex(pcap, &header, &bytes);

		if (got < 0)
			return got == PCAP_ERROR_BREAK ? 0 : -ENODEV;
		if (got) {
			err = put_packet(pcapng, place, header, bytes);
			++*count;
		} else if (fflush(pcapng->file)) {
			err = -errno;
		} else {
			poll(&packets, 1, TIMEOUT_MS);
		}
		if (!err && ferror(pcapng->file))
			err = -EIO;
	}
	return err;
}

static enum cli_status capture(const struct cli_args *args, const struct place *place, pcap_t *pcap,
			       FILE *file, uint64_t snaplen, uint64_t most)
{
	_cleanup_(pcapng_free) struct pcapng pcapng = { .file = file, .snaplen = snaplen };
	struct pcap_stat counts = {};
	uint64_t count = 0;
	int err;

	pcapng_begin(&pcapng);
	err = pcapng_interface(&pcapng, place->name);
	if (!err && fflush(file))
		err = -errno;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "capturing at %s; ^C ends it\n", place->name);
	if (!err)
		err = record(pcap, &pcapng, place, most, &count);
	pcap_stats(pcap, &counts);
	if (!err)
		err = pcapng_end(&pcapng, place->name, clock_ns(CLOCK_REALTIME), counts.ps_recv,
				 counts.ps_drop);
	if (!err && fflush(file))
		err = -errno;
	if (err == -EPIPE)
		return CLI_DONE;
	if (err)
		return cli_error("cannot capture at %s to %s: %s", place->name,
				 cli_word(args, "FILE"), strerror(-err));
	if (file == stdout) {
		fprintf(stderr, "%" PRIu64 " packets captured, %u lost\n", count, counts.ps_drop);
		return CLI_DONE;
	}
	out_open("capture", OUT_ASSIGN);
	out_number("packets", count);
	out_number("lost", counts.ps_drop);
	out_close();
	out_as("%" PRIu64 " packets captured, %u lost", count, counts.ps_drop);
	return CLI_DONE;
}

static enum cli_status run_capture(const struct cli_args *args)
{
	_cleanup_(topo_info_free) struct lana_topo_info *info = NULL;
	_cleanup_(cli_capture_close) FILE *file = NULL;
	_cleanup_(close_pcap) pcap_t *pcap = NULL;
	uint64_t most = UINT64_MAX, snaplen = LANA_SNAPLEN_MAX;
	const char *to = cli_word(args, "FILE");
	struct place place;

	if (!cli_capture_words(args, &snaplen, &most))
		return CLI_USAGE;
	info = topo_look(args);
	if (!info)
		return CLI_REFUSED;
	if (!find_place(info, cli_word(args, "PLACE"), &place))
		return cli_error(
			"network '%s' has neither a link nor an interface '%s' (a-b, a:eth0)",
			info->name, cli_word(args, "PLACE"));
	cli_stream_begin();
	pcap = open_interface(&place, snaplen);
	if (!pcap || (cli_word(args, "FILTER") && !set_filter(pcap, cli_word(args, "FILTER"))))
		return CLI_REFUSED;
	file = strcmp(to, "-") ? fopen(to, "we") : stdout;
	if (!file)
		return cli_error("cannot write %s: %s", to, strerror(errno));
	return capture(args, &place, pcap, file, snaplen, most);
}

static const char *const examples[] = { "topo capture lab a-b a-b.pcapng",
					"topo capture lab r1:eth0 icmp count 10 pings.pcapng",
					"topo capture lab a-b - | tcpdump -n -r -", NULL };

const struct cli_command topo_capture_command = {
	.name = "topo capture",
	.args = "NETWORK PLACE [FILTER] [snaplen BYTES] [count N] FILE",
	.brief = "NETWORK PLACE [OPTION ...] FILE",
	.summary = "write the packets of a link to a file",
	.details =
		"Write what passes PLACE, a link (both directions, at its first end) or NODE:"
		"INTERFACE, to FILE ('-': standard output) in the format pcapng. FILTER is an "
		"expression of pcap-filter(7); 'snaplen' and 'count' are as with 'capture'. SIGINT "
		"(^C) ends it.",
	.examples = examples,
	.run = run_capture,
};
