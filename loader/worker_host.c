// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker_host - which blocks the worker has
 *
 * The registry says which blocks there are; a worker looks at it, under the stack's lock, when its
 * generation has changed. To take a block up is to load its half, and then to enter the worker into
 * the maps that kernel halves read.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "log.h"
#include "loop.h"
#include "socket_block.h"
#include "types.h"
#include "worker.h"

/* Where halves are looked up if nobody says otherwise. */
#ifndef LANA_HALVES_DIR
#define LANA_HALVES_DIR "/usr/local/lib/lana/user"
#endif

void worker_log(const struct lana_worker *worker, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!worker->options.log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	worker->options.log(worker->options.cookie, text);
}

/* ---- halves --------------------------------------------------------------------------------- */

/* The type's half, in the first of the folders that has it. */
static int load_half(struct hosted *hosted, struct lana_error *error)
{
	_cleanup_free_ char *folders = strdup(hosted->worker->halves);
	const struct lana_userblock_type *half;
	char *rest = folders, *folder, path[1200];

	while (!hosted->library && (folder = strsep(&rest, ":"))) {
		snprintf(path, sizeof(path), "%s/%s.so", folder, hosted->type);
		if (!access(path, F_OK)) {
			hosted->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
			if (!hosted->library)
				return refuse(error, -ENOEXEC, "%s", dlerror());
		}
	}
	if (!hosted->library)
		return refuse(error, -ENOENT, "no %s.so in %s", hosted->type,
			      hosted->worker->halves);
	half = dlsym(hosted->library, "lana_userblock");
	if (!half || half->abi != LANA_USERBLOCK_ABI || strcmp(half->name, hosted->type) ||
	    !half->process)
		return refuse(error, -ENOEXEC, "%s is no user-space half of '%s' for this lana",
			      path, hosted->type);
	hosted->half = half;
	return 0;
}

static int check_half(const struct hosted *hosted, const struct type *type,
		      struct lana_error *error)
{
	if (hosted->half->config_size != type->config.size ||
	    hosted->half->counters_size != type->counters.size)
		return refuse(error, -EPROTO,
			      "the two halves of '%s' have other options or counters: build them "
			      "anew, and load the type",
			      type->name);
	return 0;
}

/* ---- what blocks of one type share ---------------------------------------------------------- */

static int share(struct hosted *hosted)
{
	struct sharing *place = NULL, *sharing = hosted->worker->sharing;

	for (__u32 i = 0; i < SHARING_MAX; i++) {
		if (sharing[i].half == hosted->half || (!place && !sharing[i].half))
			place = &sharing[i];
		if (sharing[i].half == hosted->half)
			break;
	}
	if (!place)
		return -ENOSPC;
	if (!place->half) {
		place->memory = calloc(1, hosted->half->shared_size + 1);
		if (!place->memory)
			return -ENOMEM;
		place->half = hosted->half;
	}
	place->users++;
	hosted->block.shared = place->memory;
	return 0;
}

static void stop_sharing(struct hosted *hosted)
{
	struct sharing *sharing = hosted->worker->sharing;

	for (__u32 i = 0; hosted->block.shared && i < SHARING_MAX; i++) {
		if (sharing[i].half != hosted->half || --sharing[i].users)
			continue;
		if (sharing[i].half->shared_fini)
			sharing[i].half->shared_fini(sharing[i].memory);
		free(sharing[i].memory);
		sharing[i] = (struct sharing){};
	}
	hosted->block.shared = NULL;
}

static void unload(struct hosted *hosted)
{
	stop_sharing(hosted);
	free(hosted->block.state);
	if (hosted->library)
		dlclose(hosted->library);
	free(hosted);
}

static void unload_p(struct hosted **hosted)
{
	if (*hosted)
		unload(*hosted);
}

/* ---- letting go ----------------------------------------------------------------------------- */

static __u64 count_to_user(const struct lana_stack *stack, const struct hosted *hosted)
{
	struct lana_cell *cell = (void *)hosted->bound;
	__u64 sum = 0;

	for (__u32 cpu = 0; cpu < stack->cpus; cpu++)
		for (int path = 0; path < LANA_PATHS; path++)
			sum += *(const __u64 *)cell_on_cpu(cell, cpu)->path[path].own;
	return sum;
}

/* What the half has not sent is lost. */
static void take_frames(struct lana_worker *worker, const struct hosted *hosted)
{
	for (__u32 i = 0; i < worker->frames; i++)
		if (worker->packets[i].owner == &hosted->block)
			frames_free(worker, &worker->packets[i]);
}

/* gone: the block was removed, and what it sends has no way to go. */
static void let_go(struct lana_worker *worker, struct hosted *hosted, bool gone)
{
	maps_end(worker, hosted->idp);
	hosted->discards = gone;
	if (hosted->half->fini)
		hosted->half->fini(&hosted->block);
	timer_set(hosted, 0);
	take_frames(worker, hosted);
	worker->delivered += count_to_user(worker->stack, hosted) - hosted->to_user;
	worker->hosted[hosted->idp] = NULL;
	worker->hosted_count--;
	maps_leave(worker, hosted->idp);
	unload(hosted);
}

/* ---- taking up ------------------------------------------------------------------------------ */

/* Where the block counts. */
static int find_cell(struct hosted *hosted, struct lana_stack *stack, __u32 number)
{
	struct lana_cell *cell = stack_cell(stack, number);

	if (!cell)
		return -errno;
	hosted->cell = number;
	hosted->bound = cell;
	hosted->counts = cell_on_cpu(cell, stack_user_part(stack));
	for (int path = 0; path < LANA_PATHS; path++)
		hosted->block.counters[path] = hosted->counts->path[path].own;
	hosted->to_user = count_to_user(stack, hosted);
	return 0;
}

static int begin(struct hosted *hosted, const struct record *record, struct lana_error *error)
{
	struct lana_stack *stack = hosted->worker->stack;
	const struct type *type;
	int err = types_get(stack, record->type, record->version, &type, error);

	if (!err)
		err = load_half(hosted, error);
	if (!err)
		err = check_half(hosted, type, error);
	if (err)
		return err;
	hosted->turns = type->turns;
	hosted->block.state = calloc(1, hosted->half->state_size + 1);
	err = hosted->block.state ? share(hosted) : -ENOMEM;
	if (!err)
		err = find_cell(hosted, stack, record->cell);
	if (!err && hosted->half->init)
		err = hosted->half->init(&hosted->block);
	if (err) {
		timer_set(hosted, 0);
		return refuse(error, err, "it cannot begin: %s", strerror(-err));
	}
	return 0;
}

static int take_up(struct lana_worker *worker, __u32 idp, const struct record *record,
		   struct lana_error *error)
{
	_cleanup_(unload_p) struct hosted *hosted = calloc(1, sizeof(*hosted));
	int err;

	if (!hosted)
		return refuse(error, -ENOMEM, "out of memory");
	hosted->worker = worker;
	hosted->idp = idp;
	hosted->life = (__u16)loops_life(worker->stack, idp);
	hosted->version = record->version;
	strcpy(hosted->name, record->name);
	strcpy(hosted->type, record->type);
	memcpy(hosted->config, record->config, sizeof(hosted->config));
	hosted->block.name = hosted->name;
	hosted->block.config = hosted->config;
	err = begin(hosted, record, error);
	if (err)
		return err;
	worker->hosted[idp] = hosted;
	worker->hosted_count++;
	err = maps_enter(worker, idp);
	if (err) {
		let_go(worker, hosted, true);
		refuse(error, err, "cannot lead packets to it: %s", strerror(-err));
	}
	hosted = NULL;
	return err;
}

/* ---- looking -------------------------------------------------------------------------------- */

static bool is_wanted(const struct lana_worker *worker, const char *name)
{
	const char *const *names = worker->options.blocks;

	for (size_t i = 0; names && names[i]; i++)
		if (!strcmp(names[i], name))
			return true;
	return !names;
}

static bool is_same(const struct lana_worker *worker, const struct hosted *hosted,
		    const struct record *record)
{
	return record->user && !strcmp(record->type, hosted->type) &&
	       record->version == hosted->version && record->cell == hosted->cell &&
	       (__u16)loops_life(worker->stack, hosted->idp) == hosted->life;
}

static void see_options(struct hosted *hosted, const struct record *record)
{
	__u8 before[LANA_CONFIG_MAX];

	if (!memcmp(hosted->config, record->config, sizeof(hosted->config)))
		return;
	memcpy(before, hosted->config, sizeof(before));
	memcpy(hosted->config, record->config, sizeof(hosted->config));
	if (hosted->half->set)
		hosted->half->set(&hosted->block, before);
}

static void look_at(struct lana_worker *worker, __u32 idp, const struct record *record)
{
	struct hosted *hosted = worker->hosted[idp];
	struct lana_error error = {};
	__u32 refusal;

	if (hosted && is_same(worker, hosted, record)) {
		see_options(hosted, record);
		return;
	}
	if (hosted) {
		bool gone =
			!record->name[0] || (__u16)loops_life(worker->stack, idp) != hosted->life;

		worker_log(worker, "let go of %s (%s)", hosted->name, hosted->type);
		let_go(worker, hosted, gone);
	}
	if (!record->name[0] || !record->user || !is_wanted(worker, record->name) ||
	    maps_are_taken(worker, idp))
		return;
	if (!take_up(worker, idp, record, &error)) {
		worker->refused[idp] = 0;
		worker_log(worker, "took %s (%s) up", record->name, record->type);
		return;
	}
	/* It is tried again and again, and said once. */
	refusal = registry_hash(record->name) ^ registry_hash(error.text);
	if (worker->refused[idp] != refusal)
		worker_log(worker, "cannot take %s (%s) up: %s", record->name, record->type,
			   error.text);
	worker->refused[idp] = refusal;
}

/* Packets that are made come by a device: of a stack at tc the first one that is hooked there. */
static void choose_device(struct lana_worker *worker, const struct device_record *own)
{
	worker->flavour = own->hook == LANA_HOOK_TC ? LANA_TC : LANA_XDP;
	worker->made_device = 0;
	registry_for_each (worker->stack->registry, idp) {
		const struct device_record *device = &worker->stack->registry->records[idp].device;

		if (worker->flavour == LANA_TC && device->hook == LANA_HOOK_TC &&
		    !device->is_socket) {
			worker->made_device = device->ifindex;
			return;
		}
	}
}

/* The stack is locked. */
static int look(struct lana_worker *worker)
{
	const struct registry *registry = worker->stack->registry;
	__u32 own = registry_find(registry, worker->socket->parts.name);

	if (!own || !registry->records[own].device.is_worker ||
	    registry->records[own].device.ifindex != worker->ifindex)
		return -ENETDOWN;
	choose_device(worker, &registry->records[own].device);
	for (__u32 idp = 1; idp < registry->limit; idp++)
		if (registry->records[idp].user || worker->hosted[idp])
			look_at(worker, idp, &registry->records[idp]);
	worker->generation = registry->generation;
	return 0;
}

int host_look(struct lana_worker *worker)
{
	struct lana_error error = {};
	int err = stack_try_lock(worker->stack, &error);

	if (err == -EWOULDBLOCK)
		return err;
	if (err) {
		worker_log(worker, "%s", error.text);
		return -ENETDOWN;
	}
	/* What came before the change is still what it was. */
	for (__u32 left = worker->socket->parts.receive_ring / WORKER_BATCH; left; left--)
		if (!worker_receive(worker))
			break;
	err = look(worker);
	stack_unlock(worker->stack);
	return err;
}

void host_count(struct lana_worker *worker, __u64 now)
{
	/* As struct worker_counters of bpf/blocks/worker.bpf.c. */
	enum { BYPASSED, CLOSED, REJECTED, STALE, OVERRUNS, SHORT_OF_MEMORY };
	__u64 *own = (__u64 *)worker->counts->path[LANA_INGRESS].own;
	const struct lana_channel_counts *channel = worker->channel;
	__u64 delivered = worker->delivered, arrived;
	struct xdp_statistics counts = {};
	socklen_t size = sizeof(counts);

	arrived = __atomic_load_n(&channel->arrived, __ATOMIC_ACQUIRE);
	for (__u32 idp = 1, left = worker->hosted_count; left && idp < LANA_BLOCKS_MAX; idp++) {
		const struct hosted *hosted = worker->hosted[idp];

		if (!hosted)
			continue;
		delivered += count_to_user(worker->stack, hosted) - hosted->to_user;
		left--;
	}
	getsockopt(worker->socket->parts.fds[SOCKET_FD_XSK], SOL_XDP, XDP_STATISTICS, &counts,
		   &size);
	__atomic_store_n(&worker->counts->events.beat, now, __ATOMIC_RELAXED);
	own[BYPASSED] = channel->bypassed;
	own[CLOSED] = channel->closed;
	own[REJECTED] = channel->rejected;
	own[STALE] = channel->stale;
	own[OVERRUNS] = counts.rx_dropped + counts.rx_ring_full +
			(delivered > arrived ? delivered - arrived : 0);
	own[SHORT_OF_MEMORY] = worker->short_of_memory;
}

static int open_counts(struct lana_worker *worker, __u32 cell)
{
	struct lana_cell *own = stack_cell(worker->stack, cell);
	void *counts = mmap(NULL, sizeof(*worker->channel), PROT_READ, MAP_SHARED,
			    worker->socket->parts.fds[SOCKET_FD_COUNTS], 0);

	if (counts == MAP_FAILED)
		return -errno;
	worker->channel = counts;
	if (!own)
		return -errno;
	worker->counts = cell_on_cpu(own, stack_user_part(worker->stack));
	worker->counts->events.beat = clock_ns(CLOCK_MONOTONIC);
	return 0;
}

int host_open(struct lana_worker *worker, struct lana_error *error)
{
	struct lana_stack *stack = worker->stack;
	__u32 own;
	int err;

	snprintf(worker->halves, sizeof(worker->halves), "%s",
		 worker->options.halves ?: LANA_HALVES_DIR);
	worker->heap = calloc(LANA_BLOCKS_MAX + 1, sizeof(*worker->heap));
	worker->watch = log_watch(stack);
	err = worker->heap ? maps_open(worker) : -ENOMEM;
	if (!err)
		err = open_counts(worker, worker->socket->cell);
	if (err)
		return refuse(error, err, "cannot make worker '%s': %s", worker->socket->parts.name,
			      strerror(-err));
	err = stack_lock(stack, error);
	if (err)
		return err;
	own = registry_find(stack->registry, worker->socket->parts.name);
	worker->ifindex = stack->registry->records[own].device.ifindex;
	worker->netns = stack->registry->records[own].device.netns;
	err = look(worker);
	stack_unlock(stack);
	return err ? refuse(error, err, "worker '%s' was removed", worker->socket->parts.name) : 0;
}

void host_close(struct lana_worker *worker)
{
	for (__u32 idp = 1; worker->hosted_count && idp < LANA_BLOCKS_MAX; idp++)
		if (worker->hosted[idp])
			let_go(worker, worker->hosted[idp], false);
}
