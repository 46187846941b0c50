// SPDX-License-Identifier: GPL-2.0-only
/*
 * traffic - send numbered frames into a veth, and check how they come out of another
 *
 * Prints one line of JSON when it is done or was told to stop (SIGINT, SIGTERM). "ready" on
 * standard error says that the checker is attached.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ether.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bpf/libbpf.h>

#include "traffic.h"

struct settings {
	struct traffic_options options;
	double seconds;
};

enum kind { TEXT, UNSIGNED, UNSIGNED64, UNSIGNED16, CPU, MAC, ADDRESS, SECONDS };

#define OPTION(member) offsetof(struct settings, options.member)

static const struct key {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *help;
} keys[] = {
	{ "send", TEXT, OPTION(send), "NETNS:DEV where frames go in" },
	{ "check", TEXT, OPTION(check), "NETNS:DEV where they come out" },
	{ "size", UNSIGNED, OPTION(size), "bytes a frame, 60..1514 (64)" },
	{ "count", UNSIGNED64, OPTION(count), "frames (until stopped)" },
	{ "seconds", SECONDS, offsetof(struct settings, seconds), "how long (until stopped)" },
	{ "rate", UNSIGNED64, OPTION(rate), "frames a second (full speed)" },
	{ "cpu", CPU, OPTION(cpu), "CPU that sends (any)" },
	{ "batch", UNSIGNED, OPTION(batch), "frames sent at once (64)" },
	{ "arp_every", UNSIGNED, OPTION(arp_every), "every n-th frame is ARP (none)" },
	{ "flow", UNSIGNED, OPTION(flow), "number that sets this traffic apart (0)" },
	{ "window", UNSIGNED, OPTION(window), "numbers remembered, a power of 2 (64 Mi)" },
	{ "drain", UNSIGNED, OPTION(drain), "ms of silence that end the check (100)" },
	{ "smac", MAC, OPTION(source_mac), "source MAC (02:00:00:00:00:01)" },
	{ "dmac", MAC, OPTION(target_mac), "target MAC (02:00:00:00:00:02)" },
	{ "src", ADDRESS, OPTION(source_ip), "source address (10.0.0.1)" },
	{ "dst", ADDRESS, OPTION(target_ip), "target address (10.0.0.2)" },
	{ "sport", UNSIGNED16, OPTION(source_port), "source port (9)" },
	{ "dport", UNSIGNED16, OPTION(target_port), "target port (9)" },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static int usage(void)
{
	size_t i;

	fputs("usage: traffic KEY=VALUE ...\n", stderr);
	for (i = 0; i < KEYS; i++)
		fprintf(stderr, "  %-10s %s\n", keys[i].name, keys[i].help);
	return 2;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value > max)
		return false;
	*number = value;
	return true;
}

static bool parse_value(const struct key *key, const char *text, struct settings *settings)
{
	void *place = (char *)settings + key->offset;
	uint64_t number;
	char *end;

	switch (key->kind) {
	case TEXT:
		*(const char **)place = text;
		return *text;
	case MAC:
		return ether_aton_r(text, place);
	case ADDRESS:
		return inet_pton(AF_INET, text, place) == 1;
	case SECONDS:
		*(double *)place = strtod(text, &end);
		return end != text && !*end && *(double *)place > 0;
	case UNSIGNED64:
		return parse_number(text, UINT64_MAX, place);
	case UNSIGNED16:
		if (!parse_number(text, UINT16_MAX, &number))
			return false;
		*(uint16_t *)place = number;
		return true;
	case CPU:
		settings->options.pin = true;
		/* fallthrough */
	case UNSIGNED:
		if (!parse_number(text, UINT32_MAX, &number))
			return false;
		*(unsigned int *)place = number;
		return true;
	}
	return false;
}

static bool parse(int argc, char **argv, struct settings *settings)
{
	int i;

	for (i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		size_t k;

		if (!value)
			return false;
		*value++ = '\0';
		for (k = 0; k < KEYS && strcmp(keys[k].name, argv[i]); k++)
			;
		if (k == KEYS || !parse_value(&keys[k], value, settings)) {
			fprintf(stderr, "traffic: bad option %s=%s\n", argv[i], value);
			return false;
		}
	}
	return settings->options.send || settings->options.check;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Without a sender the count is what has to arrive. */
static bool is_done(struct traffic *traffic, const struct settings *settings)
{
	struct traffic_report report;

	if (settings->options.send)
		return traffic_done(traffic);
	return settings->options.count && !traffic_report(traffic, &report) &&
	       report.received >= settings->options.count;
}

static void wait_for_end(struct traffic *traffic, const struct settings *settings,
			 const sigset_t *signals)
{
	const struct timespec tick = { .tv_nsec = 5000000 };
	double end = now() + settings->seconds;

	while (!is_done(traffic, settings)) {
		if (settings->seconds > 0 && now() >= end)
			return;
		if (sigtimedwait(signals, NULL, &tick) > 0)
			return;
	}
}

static void print(const struct traffic_report *r)
{
	printf("{\"sent\":%llu,\"received\":%llu,\"lost\":%lld,\"duplicated\":%llu,"
	       "\"reordered\":%llu,\"stale\":%llu,\"corrupt\":%llu,\"foreign\":%llu,"
	       "\"overrun\":%llu,\"seconds\":%.6f,\"mpps\":%.3f}\n",
	       (unsigned long long)r->sent, (unsigned long long)r->received, (long long)r->lost,
	       (unsigned long long)r->duplicated, (unsigned long long)r->reordered,
	       (unsigned long long)r->stale, (unsigned long long)r->corrupt,
	       (unsigned long long)r->foreign, (unsigned long long)r->overrun, r->seconds,
	       r->seconds > 0 ? (r->received ? r->received : r->sent) / r->seconds / 1e6 : 0);
}

int main(int argc, char **argv)
{
	struct settings settings = {};
	struct traffic_report report;
	struct traffic *traffic;
	sigset_t signals;
	int err;

	if (!parse(argc, argv, &settings))
		return usage();

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	err = traffic_open(&settings.options, &traffic);
	if (err) {
		fprintf(stderr, "traffic: cannot set up: %s\n", strerror(-err));
		return 2;
	}
	fputs("ready\n", stderr);
	err = settings.options.send ? traffic_start(traffic) : 0;
	if (!err) {
		wait_for_end(traffic, &settings, &signals);
		err = traffic_stop(traffic);
	}
	if (!err)
		err = traffic_report(traffic, &report);
	traffic_close(traffic);
	if (err) {
		fprintf(stderr, "traffic: cannot send: %s\n", strerror(-err));
		return 2;
	}
	print(&report);
	return traffic_report_good(&report) ? 0 : 1;
}
