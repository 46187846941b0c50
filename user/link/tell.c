// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "link.h"

#define TELL_NS	  1000000ULL   /* how often counters are written, */
#define TELL_MAX  32	       /* of so many links, */
#define REPORT_NS 100000000ULL /* and what the meter says */

/* ---- maps ----------------------------------------------------------------------------------- */

/* As bpf/blocks/link.bpf.c has it: bpf_spin_lock is 4 bytes. */
struct place {
	__u32 lock;
	struct lana_fates fates;
};

/* The kernel maps whole pages. */
static size_t status_size(void)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (LANA_PATHS * sizeof(struct link_status) + page - 1) / page * page;
}

int maps_open(struct lana_userblock *block)
{
	struct link *link = link_of(block);
	int fd = lana_user_map(block, "link_status");
	void *status;

	if (fd < 0)
		return fd;
	status = mmap(NULL, status_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (status == MAP_FAILED)
		return -errno;
	link->status = status;
	link->fates = lana_user_map(block, "link_fates");
	return link->fates < 0 ? link->fates : 0;
}

void maps_close(struct link *link)
{
	if (link->status)
		munmap(link->status, status_size());
	if (link->fates >= 0)
		close(link->fates);
}

void fates_load(const struct link *link, __u32 path, struct lana_fates *fates)
{
	struct place place = {};

	if (bpf_map_lookup_elem_flags(link->fates, &path, &place, BPF_F_LOCK))
		place.fates = (struct lana_fates){};
	*fates = place.fates;
	fates->path = path;
	while (!fates->seed)
		if (getrandom(&fates->seed, sizeof(fates->seed), 0) < 0)
			fates->seed = lana_user_now();
}

void fates_save(const struct link *link, const struct road *road)
{
	struct place place = { .fates = *engine_link_fates(road->link) };

	bpf_map_update_elem(link->fates, &road->path, &place, BPF_F_LOCK);
}

static void begin_status(struct link_status *status)
{
	__atomic_store_n(&status->sequence, status->sequence | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void end_status(struct link_status *status)
{
	__atomic_store_n(&status->sequence, status->sequence + 1, __ATOMIC_RELEASE);
}

void tell_settings(struct lana_userblock *block, struct link_status *status, __u64 seed)
{
	const struct link_config *config = &link_of(block)->config;

	begin_status(status);
	status->process = getpid();
	status->limit = config->rate ? config->limit : 0;
	status->frames = lana_user_frames(block, NULL);
	status->need = link_config_need(config);
	if (seed)
		status->seed = seed;
	end_status(status);
}

/* ---- what came of it ------------------------------------------------------------------------ */

/* The first counters that only this half counts are those behind LANA_USER_COUNTERS. */
static struct engine_counters *counted(const struct road *road)
{
	struct link_counters *counters = road->block->counters[road->path];

	_Static_assert(offsetof(struct link_counters, no_room) -
				       offsetof(struct link_counters, packets) ==
			       sizeof(struct engine_counters),
		       "the engine's counters are a part of the block's");
	return (struct engine_counters *)&counters->packets;
}

static void tell_counters(struct road *road, __u64 now)
{
	const __u64 *before = (const __u64 *)&road->before;
	struct engine_counters counters;
	__u64 *to = (__u64 *)counted(road);

	engine_link_counters(road->link, now, &counters);
	for (size_t i = 0; i < sizeof(counters) / sizeof(__u64); i++)
		to[i] = before[i] + ((__u64 *)&counters)[i];
}

/* What it still held has left. */
static void end_counters(struct engine_counters *counters)
{
	counters->sent += counters->backlog + counters->in_flight;
	counters->backlog = counters->backlog_bytes = counters->in_flight = 0;
}

static void read_meter(struct road *road, __u64 now, struct link_report *report)
{
	engine_link_meter(road->link, now, report);
	if (!road->late.count)
		return;
	if (!report->late)
		report->late_last = road->late.last;
	report->late += road->late.count;
	report->late_first = road->late.first;
}

static void keep_late(struct road *road, const struct link_report *report)
{
	road->late = (struct lateness){ .count = report->late,
					.first = report->late_first,
					.last = report->late_last };
}

void tell_anew(struct road *road, __u64 now)
{
	struct link_report report;

	read_meter(road, now, &report);
	keep_late(road, &report);
	engine_link_meter_reset(road->link, now);
}

static void tell_report(struct road *road, __u64 now)
{
	struct link_report report;

	read_meter(road, now, &report);
	begin_status(road->status);
	road->status->report = report;
	end_status(road->status);
	fates_save(link_of(road->block), road);
	road->reported = now;
}

void tell(struct hub *hub, __u64 now)
{
	struct road *due = NULL;

	for (int i = 0; i < TELL_MAX && hub->roads; i++) {
		struct road *road = hub->telling ?: hub->roads;

		hub->telling = road->next;
		if (!road->stirred)
			continue;
		tell_counters(road, now);
		if (now - road->reported >= REPORT_NS && (!due || road->reported < due->reported))
			due = road;
	}
	if (due) {
		tell_report(due, now);
		due->stirred = false;
		hub->stirred--;
	}
	hub->tell = hub->stirred ? now + TELL_NS : 0;
}

void tell_stir(struct hub *hub, struct road *road, __u64 now)
{
	if (road->stirred)
		return;
	road->stirred = true;
	hub->stirred++;
	if (!hub->tell)
		hub->tell = now + TELL_NS;
}

void tell_begin(struct road *road, __u64 now)
{
	keep_late(road, &road->status->report);
	tell_settings(road->block, road->status, engine_link_seed(road->link));
	road->before = *counted(road);
	road->before.backlog = road->before.backlog_bytes = road->before.in_flight = 0;
	road->reported = now;
}

void tell_end(struct road *road, __u64 now)
{
	struct hub *hub = hub_of(road->block);

	tell_report(road, now);
	tell_counters(road, now);
	end_counters(counted(road));
	hub->stirred -= road->stirred;
	road->stirred = false;
}
