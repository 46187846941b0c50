// SPDX-License-Identifier: GPL-2.0-only
/*
 * link - links with properties: the user-space half of bpf/blocks/link.bpf.c
 *
 * All links of a worker are in one engine (engine/engine.h), so that one timer serves them all. A
 * block has a road for each path, which is a link of the engine while packets come this way. Beside
 * each frame of the worker's memory lies the engine's record of the packet that is in it.
 */
#include <errno.h>
#include <stdlib.h>

#include "link/link.h"

#define BATCH	      64
#define ROUNDS	      4	  /* batches that leave before the worker looks for new packets again */
#define FRAMES_SPARED 256 /* that links leave for others to come and go */

#define HAND_NS	      1000000ULL  /* what was sent is through the stack by then */
#define LOST_NS	      10000000ULL /* what has not come by then will not */

/* ---- when ----------------------------------------------------------------------------------- */

static void arm(struct hub *hub)
{
	__u64 next = engine_next(hub->engine);

	if (hub->tell && hub->tell < next)
		next = hub->tell;
	if (hub->hand && hub->hand < next)
		next = hub->hand;
	lana_user_timer(hub->blocks, next == ENGINE_NEVER ? 0 : next);
}

/* Take back what the engine has dropped. What a link held that is closed leaves before its time. */
static void clear(struct hub *hub)
{
	struct engine_packet *packet;

	while ((packet = engine_dropped(hub->engine))) {
		struct lana_userpacket *frame = &hub->frames[packet - hub->packets];

		if (packet->drop == ENGINE_CLOSED)
			lana_user_send(frame->owner, frame, LINK_NEXT);
		else
			lana_user_drop(frame->owner, frame, LANA_DROP_POLICY);
	}
}

/* ---- roads ---------------------------------------------------------------------------------- */

/* Packets come this way from now on. */
static int begin_road(struct road *road, __u64 now)
{
	struct lana_userblock *block = road->block;
	struct link *link = link_of(block);
	struct engine_link_options options = { .cookie = road, .path = road->path };
	struct hub *hub = hub_of(block);
	struct lana_fates fates;
	struct lana_error error;
	int err;

	fates_load(link, road->path, &fates);
	options.seed = fates.seed;
	err = engine_link_open(hub->engine, &link->given, &options, now, &road->link, &error);
	if (err) {
		lana_user_log(block, "%s", error.text);
		return err;
	}
	engine_link_resume(road->link, &fates);
	tell_begin(road, now);
	road->next = hub->roads;
	hub->roads = road;
	return 0;
}

static void end_road(struct road *road, __u64 now)
{
	struct hub *hub = hub_of(road->block);
	struct road **at = &hub->roads;

	tell_end(road, now);
	while (*at != road)
		at = &(*at)->next;
	*at = road->next;
	hub->telling = NULL;
	engine_link_close(road->link);
	road->link = NULL;
	clear(hub);
}

/*
 * A link that takes no time any more: give its packets to the kernel half once none that went this
 * way can be overtaken. That takes a pause of HAND_NS. True: it is still to be done.
 */
static bool hand_over(struct road *road, __u64 now)
{
	__u64 turn = __atomic_load_n(&road->status->turn, __ATOMIC_ACQUIRE);
	struct engine_counters counters;

	engine_link_counters(road->link, now, &counters);
	if (turn != road->turn || counters.backlog || counters.in_flight ||
	    !lana_user_is_sent(road->block)) {
		road->turn = turn;
		road->quiet = now;
		return true;
	}
	if (now - road->quiet < ((turn & ~LINK_IN_USER) == road->received ? HAND_NS : LOST_NS))
		return true;
	fates_save(link_of(road->block), road);
	if (!__atomic_compare_exchange_n(&road->status->turn, &turn, 0, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return true;
	road->received = 0;
	end_road(road, now);
	return false;
}

static void hand_over_all(struct hub *hub, __u64 now)
{
	bool any = false;

	for (struct road *road = hub->roads, *next; road; road = next) {
		next = road->next;
		if (!link_takes_time(&link_of(road->block)->config))
			any |= hand_over(road, now);
	}
	hub->hand = any ? now + HAND_NS : 0;
}

/* ---- packets -------------------------------------------------------------------------------- */

static void leave(struct hub *hub, struct engine_packet *packet, __u64 now)
{
	struct lana_userpacket *frame = &hub->frames[packet - hub->packets], *copy = NULL;
	struct lana_userblock *block = frame->owner;

	tell_stir(hub, &link_of(block)->roads[frame->path], now);
	if (packet->copies > 1)
		copy = lana_user_copy(block, frame);
	lana_user_send(block, frame, LINK_NEXT);
	if (copy)
		lana_user_send(block, copy, LINK_NEXT);
}

static void run(struct hub *hub, __u64 now)
{
	struct engine_packet *packets[BATCH];
	size_t count = BATCH;

	for (int round = 0; round < ROUNDS && count == BATCH; round++) {
		count = engine_run(hub->engine, now, packets, BATCH);
		for (size_t i = 0; i < count; i++)
			leave(hub, packets[i], now);
	}
	clear(hub);
}

static void timer(struct lana_userblock *block, uint64_t now)
{
	struct hub *hub = hub_of(block);

	run(hub, now);
	if (hub->hand && now >= hub->hand)
		hand_over_all(hub, now);
	if (hub->tell && now >= hub->tell)
		tell(hub, now);
	arm(hub);
}

static void enqueue(struct road *road, struct hub *hub, struct lana_userpacket *packet)
{
	struct engine_packet *record = &hub->packets[packet->frame];
	struct link_counters *counters = road->block->counters[road->path];
	uint32_t unused;

	lana_user_frames(road->block, &unused);
	if (unused < FRAMES_SPARED) {
		counters->no_room++;
		lana_user_drop(road->block, packet, LANA_DROP_NO_MEMORY);
		return;
	}
	record->bytes = packet->data;
	record->length = packet->length;
	record->flow = 0;
	tell_stir(hub, road, packet->time);
	engine_link_enqueue(road->link, record, packet->time);
}

static void process(struct lana_userblock *block, struct lana_userpacket **packets, uint32_t count)
{
	struct link *link = link_of(block);
	struct hub *hub = hub_of(block);
	__u64 now = packets[0]->time;

	hub->frames = packets[0] - packets[0]->frame;
	for (uint32_t i = 0; i < count; i++) {
		struct road *road = &link->roads[packets[i]->path];

		road->received++;
		if (road->link || !begin_road(road, now))
			enqueue(road, hub, packets[i]);
		else
			lana_user_drop(block, packets[i], LANA_DROP_NO_MEMORY);
	}
	clear(hub);
	if (!hub->hand && !link_takes_time(&link->config))
		hub->hand = now + HAND_NS;
	arm(hub);
}

/* ---- settings ------------------------------------------------------------------------------- */

static void warn(struct lana_userblock *block)
{
	uint64_t need = link_config_need(&link_of(block)->config),
		 frames = lana_user_frames(block, NULL);

	if (need > frames)
		lana_user_log(block,
			      "busy, it holds %llu full frames, and the worker has room for %llu: "
			      "what finds none is dropped and counted as no_room",
			      (unsigned long long)need, (unsigned long long)frames);
}

static void set(struct lana_userblock *block, const void *before)
{
	struct link *link = link_of(block);
	const struct link_config *config = block->config;
	struct hub *hub = hub_of(block);
	__u64 now = lana_user_now();
	struct lana_error error;

	(void)before;
	if (link_config_check(config, &error)) {
		lana_user_log(block, "goes on as it was: %s", error.text);
		return;
	}
	link->given = *config;
	link->config = link_config_effective(config);
	for (int path = 0; path < LANA_PATHS; path++) {
		struct road *road = &link->roads[path];

		if (road->link && engine_link_configure(road->link, config, NULL, now, &error))
			lana_user_log(block, "goes on as it was: %s", error.text);
		else if (road->link)
			tell_anew(road, now); /* it compares with config */
		tell_settings(block, road->status,
			      road->link ? engine_link_seed(road->link) : config->seed);
	}
	clear(hub);
	if (!hub->hand && !link_takes_time(config))
		hub->hand = now;
	warn(block);
	arm(hub);
}

static int open_hub(struct hub *hub, const struct lana_userblock *block)
{
	size_t size = lana_user_frames(block, NULL) * sizeof(*hub->packets);
	int err;

	if (hub->engine)
		return 0;
	hub->packets = aligned_alloc(sizeof(*hub->packets), size);
	if (!hub->packets)
		return -ENOMEM;
	err = engine_open(lana_user_now(), &hub->engine);
	if (err)
		free(hub->packets);
	return err;
}

static void shared_fini(void *shared)
{
	struct hub *hub = shared;

	engine_close(hub->engine);
	free(hub->packets);
}

static int init(struct lana_userblock *block)
{
	struct hub *hub = hub_of(block);
	struct link *link = link_of(block);
	struct lana_error error;
	int err;

	link->fates = -1;
	link->given = *(const struct link_config *)block->config;
	link->config = link_config_effective(block->config);
	err = link_config_check(block->config, &error);
	if (err)
		lana_user_log(block, "%s", error.text);
	err = err ?: open_hub(hub, block);
	err = err ?: maps_open(block);
	if (err) {
		maps_close(link);
		return err;
	}
	for (__u32 path = 0; path < LANA_PATHS; path++) {
		link->roads[path] = (struct road){
			.block = block,
			.status = &link->status[path],
			.path = path,
		};
		tell_settings(block, &link->status[path], link->config.seed);
	}
	link->next = hub->blocks;
	hub->blocks = block;
	warn(block);
	return 0;
}

/* What it holds leaves now. */
static void fini(struct lana_userblock *block)
{
	struct link *link = link_of(block);
	struct hub *hub = hub_of(block);
	struct lana_userblock **at = &hub->blocks;
	__u64 now = lana_user_now();

	run(hub, now);
	for (int path = 0; path < LANA_PATHS; path++)
		if (link->roads[path].link)
			end_road(&link->roads[path], now);
	while (*at != block)
		at = &link_of(*at)->next;
	*at = link->next;
	if (hub->blocks)
		arm(hub);
	maps_close(link);
}

LANA_USERBLOCK(link, .state_size = sizeof(struct link), .shared_size = sizeof(struct hub),
	       .init = init, .process = process, .timer = timer, .set = set, .fini = fini,
	       .shared_fini = shared_fini);
