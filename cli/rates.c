// SPDX-License-Identifier: GPL-2.0-only
/* lanactl rates - show what devices and CPUs do, a second, time and again */
#include <string.h>

#include "cli.h"
#include "screen.h"

static void lana_meter_closep(struct lana_meter **meter)
{
	lana_meter_close(*meter);
}

/* Two looks, and the seconds between them. */
struct span {
	const struct lana_reading *before, *now;
	double seconds;
};

/* A counter that has fallen has begun anew. */
static double rate(const struct span *span, uint64_t now, uint64_t before)
{
	return (now >= before ? now - before : now) / span->seconds;
}

static const struct lana_cpu_reading *find_cpu(const struct lana_reading *reading, uint32_t cpu)
{
	for (size_t i = 0; i < reading->cpus_count; i++)
		if (reading->cpus[i].cpu == cpu)
			return &reading->cpus[i];
	return NULL;
}

static void show_traffic(const char *const names[4], const struct span *span,
			 const struct lana_traffic *now, const struct lana_traffic *before)
{
	out_real(names[0], rate(span, now->packets, before->packets));
	out_real(names[1], rate(span, now->bytes, before->bytes));
	out_real(names[2], rate(span, now->dropped, before->dropped));
	out_real(names[3], rate(span, now->errors, before->errors));
}

static void show_device(const struct span *span, const struct lana_device_reading *now,
			const struct lana_device_reading *before)
{
	static const char *const received[] = { "received", "rx_bytes", "rx_drops", "rx_errors" };
	static const char *const sent[] = { "sent", "tx_bytes", "tx_drops", "tx_errors" };

	out_open(NULL, OUT_ASSIGN);
	out_string("device", now->name);
	show_traffic(received, span, &now->received, &before->received);
	show_traffic(sent, span, &now->transmitted, &before->transmitted);
	out_close();
}

/* What the driver counts, as far as it went on. */
static void show_own(const struct span *span, const struct lana_device_reading *now,
		     const struct lana_device_reading *before)
{
	for (size_t i = 0; i < now->own_count && i < before->own_count; i++) {
		const struct lana_count *own = &now->own[i];

		if (own->value == before->own[i].value || strcmp(own->name, before->own[i].name))
			continue;
		out_open(NULL, OUT_ASSIGN);
		out_string("device", now->name);
		out_string("driver", own->name);
		out_real("rate", rate(span, own->value, before->own[i].value));
		out_close();
	}
}

static void show_share(const char *name, uint64_t now, uint64_t before, uint64_t all)
{
	double percent = all && now > before ? 100.0 * (now - before) / all : 0;

	out_real(name, percent);
	out_as("%.0f%%", percent);
}

static uint64_t time_of(const struct lana_cpu_reading *cpu)
{
	return cpu->user + cpu->system + cpu->irq + cpu->idle + cpu->stolen;
}

static void show_cpu(const struct span *span, const struct lana_cpu_reading *now,
		     const struct lana_cpu_reading *before)
{
	uint64_t all = time_of(now) - time_of(before);

	out_open(NULL, OUT_ASSIGN);
	out_number("cpu", now->cpu);
	show_share("busy", all, now->idle - before->idle, all);
	show_share("user", now->user, before->user, all);
	show_share("system", now->system, before->system, all);
	show_share("irq", now->irq, before->irq, all);
	show_share("stolen", now->stolen, before->stolen, all);
	out_real("net_rx", rate(span, now->net_rx, before->net_rx));
	out_real("net_tx", rate(span, now->net_tx, before->net_tx));
	out_real("interrupts", rate(span, now->interrupts, before->interrupts));
	if (now->has_switches && before->has_switches)
		out_real("switches", rate(span, now->switches, before->switches));
	else
		out_unknown("switches");
	out_close();
}

static void show(const struct span *span)
{
	const struct lana_reading *now = span->now, *before = span->before;

	out_number("interval_us", (now->time - before->time) / 1000);
	out_as("per second over the last %.2f s", span->seconds);
	out_real("switches", rate(span, now->switches, before->switches));
	out_hide();
	out_open_list("devices", OUT_TABLE);
	for (size_t i = 0; i < now->devices_count; i++)
		show_device(span, &now->devices[i], &before->devices[i]);
	out_close();
	out_open_list("cpus", OUT_TABLE);
	for (size_t i = 0; i < now->cpus_count; i++) {
		const struct lana_cpu_reading *was = find_cpu(before, now->cpus[i].cpu);

		if (was) /* or it has just come online */
			show_cpu(span, &now->cpus[i], was);
	}
	out_close();
	out_open_list("drivers", OUT_TABLE);
	for (size_t i = 0; i < now->devices_count; i++)
		show_own(span, &now->devices[i], &before->devices[i]);
	out_close();
}

static enum cli_status watch(const struct cli_args *args, struct lana_meter *meter,
			     struct lana_reading readings[2], double interval, uint64_t count)
{
	enum cli_status status = CLI_DONE;

	for (uint64_t n = 1; n <= count; n++) {
		struct lana_reading *before = &readings[!(n % 2)], *now = &readings[n % 2];
		struct lana_error error = {};
		int err;

		if (!screen_wait(before->time + interval * 1e9))
			break;
		lana_reading_free(now);
		err = lana_meter_read(meter, now, &error);
		if (err) {
			status = cli_refused(err, &error);
			break;
		}
		show(&(struct span){ before, now, (now->time - before->time) / 1e9 });
		if (!screen_print(args, n == 1, &status))
			break;
	}
	return status;
}

static enum cli_status run_rates(const struct cli_args *args)
{
	_cleanup_(lana_meter_closep) struct lana_meter *meter = NULL;
	struct lana_reading readings[2] = {};
	uint64_t count = UINT64_MAX;
	struct lana_error error = {};
	enum cli_status status;
	double interval = 1;
	int err;

	if (!cli_number(args, "SECONDS", 0.1, &interval) ||
	    !cli_count(args, "N", UINT32_MAX, &count))
		return CLI_USAGE;
	err = lana_meter_open(args->options.stack.netns, cli_list(args), &meter, &error);
	if (!err)
		err = lana_meter_read(meter, &readings[0], &error);
	if (err)
		return cli_refused(err, &error);

	cli_stream_begin();
	screen_begin(!args->options.json);
	status = watch(args, meter, readings, interval, count);
	screen_end();
	for (size_t i = 0; i < 2; i++)
		lana_reading_free(&readings[i]);
	return status;
}

static const char *const examples[] = { "rates eth0", "-n lab rates west east interval 0.5",
					"-j rates eth0 count 1", NULL };

const struct cli_command rates_command = {
	.name = "rates",
	.args = "DEV ... [interval SECONDS] [count N]",
	.summary = "show what devices and CPUs do, a second, time and again",
	.details =
		"Show of each DEV, hooked or not, the packets and bytes that it receives and sends "
		"a second, and what was dropped and erroneous; of each CPU how much of its time "
		"it is busy and with what, the softirqs that receive and transmit (NET_RX, "
		"NET_TX), interrupts and context switches; and of what the driver counts, as "
		"'ethtool -S' shows it, often for each queue, what went on. It needs no stack. "
		"Context switches of each CPU come from perf, and are left out where that is "
		"not permitted; with '-j' there are also those of all CPUs together.\n\n"
		"Rates are what was counted between two looks, divided by the time between them: "
		"'interval' SECONDS, 1 if not said. On a terminal the tables are drawn in place, "
		"and q ends it. Elsewhere each look is printed below the one before, and with "
		"'-j' it is an object on a line of its own. With 'count', end after N looks. It "
		"also ends when a device goes.",
	.examples = examples,
	.names_new = true,
	.run = run_rates,
};
