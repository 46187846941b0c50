// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_lab.h"
#include "tap.h"

struct lab *engine_lab_open(__u64 count)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab || engine_open(0, &lab->engine))
		tap_bail("no memory");
	lab->count = count;
	lab->packets = calloc(count, sizeof(*lab->packets));
	lab->order = calloc(count, sizeof(*lab->order));
	if (!lab->packets || !lab->order)
		tap_bail("no memory");
	return lab;
}

void engine_lab_close(struct lab *lab)
{
	engine_close(lab->engine);
	free(lab->packets);
	free(lab->order);
	free(lab->frames);
	free(lab);
}

/* The settings as block "link" has them: its BTF is the only list of them. */
const struct layout *lab_layout(const struct btf **types)
{
	static struct btf *btf;
	static struct layout layout;
	struct lana_error error;

	if (!btf) {
		btf = btf__parse_elf(LANA_TYPES_DIR "/link.bpf.o", NULL);
		if (!btf || layout_read(btf, "link_config", LANA_CONFIG_MAX, &layout, &error))
			tap_bail("no settings in %s/link.bpf.o", LANA_TYPES_DIR);
	}
	*types = btf;
	return &layout;
}

int lab_try(struct link_config *config, const char *settings, struct lana_error *error)
{
	char text[512], *rest = text;
	const char *options[64] = {};
	const struct btf *btf;
	const struct layout *layout = lab_layout(&btf);

	snprintf(text, sizeof(text), "%s", settings);
	for (size_t i = 0; (options[i] = strtok_r(rest, " ", &rest)); i++)
		;
	return layout_apply(btf, layout, "link", options, config, error);
}

void lab_parse(struct link_config *config, const char *settings)
{
	struct lana_error error;

	if (lab_try(config, settings, &error))
		tap_bail("%s: %s", settings, error.text);
}

struct engine_link *lab_link_with(struct lab *lab, const char *settings,
				  const struct engine_link_options *options)
{
	struct link_config config = {};
	struct lana_error error;
	struct engine_link *link;

	lab_parse(&config, settings);
	if (engine_link_open(lab->engine, &config, options, 0, &link, &error))
		tap_bail("%s: %s", settings, error.text);
	return link;
}

struct engine_link *lab_link(struct lab *lab, const char *settings)
{
	const struct engine_link_options options = { .seed = 1 };

	return lab_link_with(lab, settings, &options);
}

void lab_set(struct engine_link *link, const char *settings, __u64 now)
{
	struct link_config config = *engine_link_config(link);
	struct lana_error error;

	lab_parse(&config, settings);
	if (engine_link_configure(link, &config, NULL, now, &error))
		tap_bail("%s: %s", settings, error.text);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void take_dropped(struct lab *lab, __u64 now)
{
	struct engine_packet *packet;

	while ((packet = engine_dropped(lab->engine))) {
		struct lab_packet *gone = (struct lab_packet *)packet;

		lab->dropped++;
		gone->left = now;
		if (lab->gone)
			lab->gone(lab, gone, now);
	}
}

static void run_at(struct lab *lab, __u64 now)
{
	struct engine_packet *packets[64];
	size_t count;

	do {
		count = engine_run(lab->engine, now, packets, 64);
		for (size_t i = 0; i < count; i++) {
			struct lab_packet *packet = (struct lab_packet *)packets[i];

			packet->left = now;
			lab->off += packet->engine.timer.when != now;
			packet->copies = packet->engine.copies;
			lab->order[lab->left++] = packet - lab->packets;
			if (lab->gone)
				lab->gone(lab, packet, now);
		}
		take_dropped(lab, now);
	} while (count == 64);
}

void lab_run(struct lab *lab, __u64 until)
{
	__u64 next;

	while ((next = engine_next(lab->engine)) <= until)
		run_at(lab, next);
	take_dropped(lab, until);
}

static void *make_frame(struct lab *lab)
{
	if (!lab->frames)
		lab->frames = calloc(lab->count, sizeof(*lab->frames));
	if (!lab->frames)
		tap_bail("no memory");
	return memcpy(lab->frames[lab->sent], lab->frame, LAB_FRAME);
}

void lab_send(struct lab *lab, struct engine_link *link, __u32 length, __u64 now)
{
	struct lab_packet *packet;

	lab_run(lab, now);
	if (lab->sent == lab->count)
		tap_bail("more packets than room");
	packet = &lab->packets[lab->sent];
	packet->sent = now;
	packet->stream = lab->stream;
	packet->engine.length = length;
	packet->engine.flow = lab->flow;
	if (lab->frame)
		packet->engine.bytes = make_frame(lab);
	lab->sent++;
	engine_link_enqueue(link, &packet->engine, now);
	take_dropped(lab, now);
}

struct engine_counters lab_counters(struct engine_link *link)
{
	struct engine_counters counters;

	engine_link_counters(link, 0, &counters);
	return counters;
}

__u64 lab_disorder(const struct lab *lab)
{
	__u64 behind = 0, latest = 0;

	for (__u64 i = 0; i < lab->left; i++) {
		if (lab->order[i] < latest)
			behind++;
		else
			latest = lab->order[i];
	}
	return behind;
}

/* ---- statistics ----------------------------------------------------------------------------- */

bool lab_binomial(__u64 hits, __u64 trials, double p)
{
	double band = 2.5758 * sqrt(trials * p * (1 - p)) + 0.5;

	return fabs(hits - trials * p) <= band;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double lab_distance(double *samples, size_t count, double (*cdf)(double x))
{
	double distance = 0;

	qsort(samples, count, sizeof(*samples), compare);
	for (size_t i = 0; i < count; i++) {
		double p = cdf(samples[i]);

		distance = fmax(distance, fmax(fabs(p - (double)i / count),
					       fabs(p - (double)(i + 1) / count)));
	}
	return distance * sqrt(count);
}

double lab_uniform(double x)
{
	return fmin(fmax((x + 1) / 2, 0), 1);
}

double lab_normal(double x)
{
	return erfc(-x * M_SQRT1_2) / 2;
}

/* Exponent 3, mean 3/2, variance 3/4. */
double lab_pareto(double x)
{
	double y = x * sqrt(0.75) + 1.5;

	return y <= 1 ? 0 : 1 - pow(y, -3);
}
