// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "gen_plan.h"

#define DEFAULT_PACKET "eth ip4 udp payload(18)"
#define FCS	       4 /* bytes of the check sequence, which sizes of profiles include */

void gen_plan_free(struct gen_plan *plan)
{
	gen_templates_free(&plan->templates);
	free(plan->records);
	*plan = (struct gen_plan){};
}

/* ---- rates ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	double packets, bits;
} units[] = {
	{ "pps", 1, 0 },    { "kpps", 1e3, 0 }, { "mpps", 1e6, 0 }, { "bit", 0, 1 },
	{ "kbit", 0, 1e3 }, { "mbit", 0, 1e6 }, { "gbit", 0, 1e9 },
};

int gen_rate_parse(const char *text, struct gen_rate *rate, struct lana_error *error)
{
	double number;
	char *unit;

	if (!strcmp(text, "max")) {
		*rate = (struct gen_rate){};
		return 0;
	}
	number = strtod(text, &unit);
	if (unit == text || !(number > 0))
		return refuse(error, -EINVAL, "'%.64s' is no rate: say 10kpps, 100mbit or max",
			      text);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		struct gen_rate found = { number * units[i].packets, number * units[i].bits };

		if (strcasecmp(unit, units[i].name))
			continue;
		if (found.packets + found.bits > 1e12 || found.packets + found.bits < 1e-2)
			return refuse(error, -EINVAL, "a rate of %.64s is out of reach", text);
		*rate = found;
		return 0;
	}
	return refuse(error, -EINVAL,
		      "'%.64s' has no unit of a rate: pps, kpps, mpps, bit, kbit, mbit, gbit",
		      text);
}

double gen_plan_pps(const struct gen_plan *plan)
{
	if (plan->timed)
		return plan->records_count * 1e9 * (1 << GEN_TICK_SHIFT) / (plan->period + 1);
	return plan->rate.bits ? plan->rate.bits / 8 / plan->size_mean : plan->rate.packets;
}

__u64 gen_interval(const struct gen_plan *plan, double size, __u32 cpus)
{
	double ns = 0;

	if (plan->rate.packets)
		ns = 1e9 / plan->rate.packets;
	else if (plan->rate.bits)
		ns = 8e9 * size / plan->rate.bits;
	return ns * cpus * (1 << GEN_TICK_SHIFT);
}

/* ---- profiles ------------------------------------------------------------------------------- */

struct share {
	__u32 size; /* with check sequence; 0: the last one */
	__u32 weight;
};

/* RFC 2544, section 9.1: Ethernet. */
static const struct share rfc2544[] = { { 64, 1 },   { 128, 1 },  { 256, 1 },  { 512, 1 },
					{ 1024, 1 }, { 1280, 1 }, { 1518, 1 }, {} };

/*
 * The "simple IMIX" of test equipment: IP packets of 40, 576 and 1500 bytes as 7:4:1, in Ethernet
 * (Wikipedia, "Internet Mix"; RFC 6985 describes such mixes in general).
 */
static const struct share imix[] = { { 64, 7 }, { 594, 4 }, { 1518, 1 }, {} };

static int find_profile(const char *name, const struct share **profile, struct share one[2],
			struct lana_error *error)
{
	unsigned long size;
	char *end;

	if (!strcmp(name, "imix")) {
		*profile = imix;
		return 0;
	}
	if (!strcmp(name, "rfc2544")) {
		*profile = rfc2544;
		return 0;
	}
	size = strtoul(name, &end, 10);
	if (end == name || *end || size < GEN_SIZE_MIN + FCS || size > GEN_SIZE_MAX + FCS)
		return refuse(error, -EINVAL,
			      "'%.64s' is no profile: imix, rfc2544, or a size from %d to %d", name,
			      GEN_SIZE_MIN + FCS, GEN_SIZE_MAX + FCS);
	one[0] = (struct share){ size, 1 };
	one[1] = (struct share){};
	*profile = one;
	return 0;
}

static int copy_template(const struct gen_template *from, struct gen_template *to)
{
	int err = 0;

	*to = *from;
	for (__u32 v = 0; v < to->varies_count; v++) {
		size_t size = from->varies[v].count * sizeof(__u64);

		if (!from->varies[v].list)
			continue;
		to->varies[v].list = malloc(size);
		if (to->varies[v].list)
			memcpy(to->varies[v].list, from->varies[v].list, size);
		else
			err = -ENOMEM;
	}
	return err;
}

/* Each template in each of the sizes. */
static int multiply(struct gen_templates *templates, const struct share *profile, const char *name,
		    struct lana_error *error)
{
	_cleanup_(gen_templates_free) struct gen_templates all = {};
	__u32 sizes = 0;
	int err = 0;

	while (profile[sizes].size)
		sizes++;
	if (templates->count * sizes > GEN_FRAMES_MAX)
		return refuse(error, -E2BIG, "%s: more than %d packets, with each in all sizes",
			      name, GEN_FRAMES_MAX);
	all.list = calloc(templates->count * sizes, sizeof(*all.list));
	if (!all.list)
		return refuse(error, -ENOMEM, "out of memory");
	for (__u32 s = 0; s < sizes; s++)
		for (__u32 i = 0; i < templates->count; i++) {
			err = copy_template(&templates->list[i], &all.list[all.count]) ?: err;
			all.list[all.count++].weight *= profile[s].weight;
		}
	if (err)
		return refuse(error, err, "out of memory");
	gen_templates_free(templates);
	*templates = all;
	all = (struct gen_templates){};
	return 0;
}

/* ---- order ---------------------------------------------------------------------------------- */

static __u64 gcd(__u64 a, __u64 b)
{
	return b ? gcd(b, a % b) : a;
}

/* Frames of a template are spread: each time the one that is furthest behind its share. */
static int make_order(struct gen_plan *plan, const char *name, struct lana_error *error)
{
	const struct gen_templates *templates = &plan->templates;
	__s64 behind[GEN_FRAMES_MAX] = {};
	__u64 total = 0, common = 0, sizes = 0;

	for (__u32 i = 0; i < templates->count; i++)
		common = gcd(templates->list[i].weight, common);
	for (__u32 i = 0; i < templates->count; i++) {
		total += templates->list[i].weight / common;
		sizes += templates->list[i].weight / common * templates->list[i].size;
		if (templates->list[i].size > plan->size_max)
			plan->size_max = templates->list[i].size;
	}
	if (total > GEN_ORDER_MAX)
		return refuse(error, -E2BIG, "%s: a round has %llu packets, of %d at most", name,
			      (unsigned long long)total, GEN_ORDER_MAX);
	plan->size_mean = (double)sizes / total;
	for (plan->order_count = 0; plan->order_count < total; plan->order_count++) {
		__u32 next = 0;

		for (__u32 i = 0; i < templates->count; i++) {
			behind[i] += templates->list[i].weight / common;
			if (behind[i] > behind[next])
				next = i;
		}
		behind[next] -= total;
		plan->order[plan->order_count] = next;
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

static int make_templates(const struct lana_gen_options *options, struct gen_plan *plan,
			  struct lana_error *error)
{
	const char *text = options->packet ?: DEFAULT_PACKET;
	struct gen_completion completion = { .stamp = options->stamp,
					     .name = options->packet_name ?: "packet" };
	const struct share *profile = NULL;
	struct share one[2];
	__u32 originals, varies = 0;
	int err = 0;

	if (options->profile)
		err = find_profile(options->profile, &profile, one, error);
	if (!err)
		err = gen_parse(completion.name, text,
				options->packet ? options->packet_size : strlen(text),
				&plan->templates, error);
	if (err)
		return err;
	originals = plan->templates.count;
	if (profile)
		err = multiply(&plan->templates, profile, completion.name, error);
	for (__u32 i = 0; !err && i < plan->templates.count; i++) {
		if (profile)
			completion.size = profile[i / originals].size - FCS;
		err = gen_complete(&plan->templates.list[i], &completion, error);
		varies += plan->templates.list[i].varies_count;
	}
	if (!err && varies > GEN_FIELDS_ALL)
		err = refuse(error, -E2BIG, "%s: more than %d fields vary", completion.name,
			     GEN_FIELDS_ALL);
	return err ?: make_order(plan, completion.name, error);
}

int gen_plan_make(const struct lana_gen_options *options, struct gen_plan *plan,
		  struct lana_error *error)
{
	struct gen_plan made = {};
	int err = 0;

	if (options->pcap && (options->packet || options->profile || options->stamp))
		return refuse(error, -EINVAL,
			      "the frames of a file are sent as they are: no packet, profile or "
			      "stamp with it");
	if (!options->pcap && options->speed)
		return refuse(error, -EINVAL, "only a file has a speed");
	if (options->rate)
		err = gen_rate_parse(options->rate, &made.rate, error);
	if (err)
		return err;
	if (options->pcap) {
		made.timed = !options->rate;
		if (options->rate && options->speed)
			return refuse(error, -EINVAL, "either a rate or a speed");
		err = gen_pcap_read(options->pcap, options->speed ?: 1, &made, error);
	} else {
		err = make_templates(options, &made, error);
	}
	if (err) {
		gen_plan_free(&made);
		return err;
	}
	*plan = made;
	return 0;
}
