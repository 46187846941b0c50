// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done rarely: engines and links are made, changed, looked at and closed.
 */
#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "link.h"

int engine_open(__u64 now, struct engine **engine)
{
	struct engine *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	wheel_init(&opened->wheel, now);
	jitter_make_tables(&opened->tables);
	*engine = opened;
	return 0;
}

static void free_link(struct engine_link *link)
{
	if (link->next)
		link->next->prev = link->prev;
	if (link->prev)
		link->prev->next = link->next;
	else
		link->engine->links = link->next;
	if (link->queue.flows)
		slab_give(&link->engine->flows_slab, link->queue.flows);
	slab_give(&link->engine->link_slab, link);
}

void engine_close(struct engine *engine)
{
	if (!engine)
		return;
	slab_close(&engine->link_slab);
	slab_close(&engine->flows_slab);
	free(engine);
}

/* ---- settings ------------------------------------------------------------------------------- */

/* Nanoseconds a byte, times 2^32, rounded. */
static __u64 byte_time_of(__u64 rate)
{
	return rate ? (((unsigned __int128)8 * 1000000000 << 32) + rate / 2) / rate : 0;
}

static void derive(struct engine_link *link, const struct jitter_table *table)
{
	const struct link_config *config = &link->config;

	link->config = link_config_effective(&link->given);
	link->byte_time = byte_time_of(config->rate);
	link->overhead = config->overhead;
	link->mpu = config->mpu;
	link->overtake = config->overtake;
	link->delay = config->delay;
	link->late = config->late;
	fate_configure(&link->fate, config, &link->engine->tables, table);
	link->delay_min = fate_delay_min(link);
	queue_configure(link);
}

/* The rest of the packet on the wire goes at the new rate. */
static void change_rate(struct engine_link *link, __u64 before, __u64 now)
{
	if (!link->wire || before == link->byte_time)
		return;
	link->wire_end =
		now + (__u64)((long double)(link->wire_end - now) / before * link->byte_time);
	link->wire_part = 0;
}

int engine_link_configure(struct engine_link *link, const struct link_config *config,
			  const struct jitter_table *table, __u64 now, struct lana_error *error)
{
	const struct link_config before = link->config;
	__u64 byte_time = link->byte_time;
	struct line queued = {};
	int err;

	err = link_config_check(config, error);
	if (err)
		return err;
	if (queue_kind_of(config)->flows && !link->queue.flows &&
	    flows_make(&link->engine->flows_slab, &link->queue.flows))
		return engine_refuse(error, -ENOMEM, "no memory for the flows of a queue");

	/* What came before is stamped so, even if it is handed over later. */
	if (now < link->time)
		now = link->time;
	link->time = now;
	link_advance(link, now);
	if (config->queue != before.queue || config->overhead != before.overhead ||
	    config->mpu != before.mpu)
		queue_empty(link, &queued);
	link->given = *config;
	derive(link, table);
	queue_refill(link, &queued);
	change_rate(link, byte_time, now);
	link_arm(link);
	return 0;
}

static struct engine_link *make_link(struct engine *engine, const struct link_config *config,
				     __u64 now)
{
	struct engine_link *link = slab_take(&engine->link_slab, sizeof(*link));

	if (!link)
		return NULL;
	if (queue_kind_of(config)->flows && flows_make(&engine->flows_slab, &link->queue.flows)) {
		slab_give(&engine->link_slab, link);
		return NULL;
	}
	link->meter.delay = &link->delays;
	link->meter.error = &link->errors;
	meter_reset(&link->meter, now);
	return link;
}

int engine_link_open(struct engine *engine, const struct link_config *config,
		     const struct engine_link_options *options, __u64 now,
		     struct engine_link **link, struct lana_error *error)
{
	struct engine_link *opened;
	int err;

	err = link_config_check(config, error);
	if (err)
		return err;
	opened = make_link(engine, config, now);
	if (!opened)
		return engine_refuse(error, -ENOMEM, "no memory for a link");
	opened->link = opened;
	opened->engine = engine;
	opened->given = *config;
	opened->cookie = options->cookie;
	opened->fate.state.seed = options->seed;
	opened->fate.state.path = options->path;
	opened->run = RUN_NONE;
	derive(opened, options->table);
	opened->next = engine->links;
	if (opened->next)
		opened->next->prev = opened;
	engine->links = opened;
	*link = opened;
	return 0;
}

/* ---- closing -------------------------------------------------------------------------------- */

static void drop_alone(struct wheel_entry *entry, void *cookie)
{
	struct engine_link *link = cookie;

	if (((struct waiting *)entry)->link != link || entry == &link->timer)
		return;
	wheel_remove(&link->engine->wheel, entry);
	link_drop(link, (struct engine_packet *)entry, ENGINE_CLOSED);
}

void engine_link_close(struct engine_link *link)
{
	struct wheel *wheel = &link->engine->wheel;
	struct line queued = {};
	struct engine_packet *packet;

	if (wheel_waits(&link->timer))
		wheel_remove(wheel, &link->timer);
	while ((packet = line_pop(&link->way)))
		link_drop(link, packet, ENGINE_CLOSED);
	if (link->alone)
		wheel_walk(wheel, drop_alone, link);
	if (link->wire)
		link_drop(link, link->wire, ENGINE_CLOSED);
	queue_empty(link, &queued);
	while ((packet = line_pop(&queued)))
		link_drop(link, packet, ENGINE_CLOSED);
	free_link(link);
}

/* ---- questions ------------------------------------------------------------------------------ */

void *engine_link_cookie(const struct engine_link *link)
{
	return link->cookie;
}

const struct link_config *engine_link_config(const struct engine_link *link)
{
	return &link->given;
}

__u64 engine_link_seed(const struct engine_link *link)
{
	return link->fate.seed;
}

const struct lana_fates *engine_link_fates(const struct engine_link *link)
{
	return &link->fate.state;
}

void engine_link_resume(struct engine_link *link, const struct lana_fates *fates)
{
	link->metered_packets += fates->packets - link->fate.state.packets;
	link->fate.state = *fates;
	fate_configure(&link->fate, &link->config, &link->engine->tables, NULL);
}

void engine_link_counters(struct engine_link *link, __u64 now, struct engine_counters *counters)
{
	link_advance(link, now);
	link_arm(link);
	*counters = link->counters;
	counters->backlog = link->queue.packets;
	counters->backlog_bytes = link->queue.bytes;
	counters->in_flight = link->way.packets + link->alone + !!link->wire;
}

void engine_link_meter(struct engine_link *link, __u64 now, struct link_report *report)
{
	const struct link_config *config = &link->config;
	__u64 lost;

	link_advance(link, now);
	link_arm(link);
	lost = link->counters.lost - link->metered_lost;
	*report = (struct link_report){
		.now = now,
		.rate_configured = config->rate,
		.delay_configured = config->delay,
		.jitter_configured = config->jitter,
		.loss_configured = link_loss(config),
		.passed = link->fate.state.packets - link->metered_packets,
		.left = link->counters.sent - link->metered_sent,
	};
	meter_tell(&link->meter, report);
	if (report->passed)
		report->loss_achieved = (unsigned __int128)lost * LANA_CERTAIN / report->passed;
}

void engine_link_meter_reset(struct engine_link *link, __u64 now)
{
	meter_reset(&link->meter, now);
	link->metered_lost = link->counters.lost;
	link->metered_packets = link->fate.state.packets;
	link->metered_sent = link->counters.sent;
}
