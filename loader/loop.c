// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "copies.h"
#include "error.h"
#include "loop.h"
#include "netns.h"

#define PAGE_PIN "loops@page"

/* NULL: the stack has never had loops, or (errno) the page cannot be mapped. */
static struct lana_loops *loops_of(struct lana_stack *stack, bool make)
{
	char path[320];
	int err = 0;

	errno = 0;
	if (!stack->loops.cells &&
	    (make || !access(stack_path(stack, path, sizeof(path), PAGE_PIN), F_OK)))
		err = stack_map_page(stack, "lana_loops", PAGE_PIN, sizeof(struct lana_loops),
				     &stack->loops);
	errno = -err;
	return stack->loops.cells;
}

int loops_count_lives(struct lana_stack *stack, struct lana_error *error)
{
	return loops_of(stack, true)
		       ? 0
		       : refuse(error, -errno, "no memory for the lives of blocks: %s",
				strerror(errno));
}

void loops_new_life(struct lana_stack *stack, __u32 idp)
{
	struct lana_loops *loops = loops_of(stack, false);

	if (loops)
		__atomic_add_fetch(&loops->lives[idp], 1, __ATOMIC_RELEASE);
}

__u32 loops_life(struct lana_stack *stack, __u32 idp)
{
	const struct lana_loops *loops = loops_of(stack, false);

	return loops ? loops->lives[idp] : 0;
}

int lana_stale_copies(struct lana_stack *stack, uint64_t *packets, struct lana_error *error)
{
	const struct lana_loops *loops;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	loops = loops_of(stack, false);
	if (!loops && errno)
		return refuse(error, -errno, "cannot read what copies did: %s", strerror(errno));
	*packets = loops ? __atomic_load_n(&loops->stale, __ATOMIC_RELAXED) : 0;
	return 0;
}

/* ---- maps ----------------------------------------------------------------------------------- */

static const char *map_path(const struct lana_stack *stack, char path[320], __u32 copies)
{
	return stack_path(stack, path, 320, "loops@%u", copies);
}

int loops_map(const struct lana_stack *stack, __u32 copies)
{
	char path[320];
	int fd = bpf_obj_get(map_path(stack, path, copies));

	return fd < 0 ? -errno : fd;
}

/* The frame is sent to the one end of a pair, for it to come in by the other. */
static int fill_map(const struct lana_stack *stack, const struct lana_loops *loops, __u32 copies)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	_cleanup_close_ int map = loops_map(stack, copies);
	bool made = map == -ENOENT;
	char path[320];

	if (made) {
		map = bpf_map_create(BPF_MAP_TYPE_DEVMAP, "lana_copies", sizeof(__u32),
				     sizeof(__u32), copies, &options);
		if (map < 0)
			return -errno;
	}
	if (map < 0)
		return map;
	for (__u32 n = 0; n < copies; n++)
		if (bpf_map_update_elem(map, &n, &loops->ends[n ^ 1], BPF_ANY))
			return -errno;
	return made && bpf_obj_pin(map, map_path(stack, path, copies)) ? -errno : 0;
}

/* ---- making --------------------------------------------------------------------------------- */

static int enter(const struct lana_loops *loops, int *before)
{
	_cleanup_close_ int netns = -1;

	if (netns_inode() == loops->netns)
		return 0;
	netns = netns_by_inode(loops->netns);
	return netns < 0 ? netns : netns_enter_fd(netns, before);
}

/*
 * How many loops are there. The kernel takes a device that goes, or moves, out of the map: so this
 * is known of those in a namespace that has no name any more, too.
 */
static __u32 count_alive(const struct lana_stack *stack, const struct lana_loops *loops)
{
	_cleanup_close_ int map = loops_map(stack, loops->complete);
	__u32 alive = 0;

	for (__u32 n = 0; n < loops->complete; n++) {
		__u32 ifindex;

		alive += !bpf_map_lookup_elem(map, &n, &ifindex);
	}
	return alive;
}

/* Both ends of a pair are made, the second perhaps for nobody. */
static int make_all(const struct lana_stack *stack, struct lana_loops *loops)
{
	for (__u32 n = 0; n < loops->count; n++) {
		__u32 ifindex;
		int err = loop_make(stack, loops, n, &ifindex);

		if (!err && loops->ends[n] != ifindex) {
			loops->ends[n] = ifindex;
			err = loop_attach(stack, n, ifindex);
			if (err)
				loops->ends[n] = 0; /* next time anew */
		}
		if (err)
			return err;
	}
	for (__u32 copies = 2; copies <= loops->count; copies++) {
		int err = fill_map(stack, loops, copies);

		if (err)
			return err;
	}
	return 0;
}

/* Those that have gone with another namespace are forgotten. */
static int begin(const struct lana_stack *stack, struct lana_loops *loops,
		 const struct loop_need *need)
{
	if (loops->count && loops->netns != need->netns) {
		if (count_alive(stack, loops))
			return -EBUSY;
		loops->count = 0;
	}
	if (!loops->count) {
		loops->complete = 0;
		memset(loops->ends, 0, sizeof(loops->ends));
		loops->netns = need->netns;
		if (getrandom(&loops->tag, sizeof(loops->tag), 0) != sizeof(loops->tag))
			return -EIO;
	}
	if (loops->count < need->count)
		__atomic_store_n(&loops->count, (need->count + 1) & ~1U, __ATOMIC_RELEASE);
	return 0;
}

/* Make what is missing. If all has gone with its namespace no packet comes that could be copied. */
static int complete(const struct lana_stack *stack, struct lana_loops *loops, bool grown)
{
	_cleanup_(netns_leave_p) int before = -1;
	__u32 alive = count_alive(stack, loops);
	int err;

	if (!grown && alive == loops->complete)
		return 0;
	err = enter(loops, &before);
	if (err == -ENOENT && loops->complete && !alive)
		return 0;
	if (!err)
		err = make_all(stack, loops);
	if (!err)
		__atomic_store_n(&loops->complete, loops->count, __ATOMIC_RELEASE);
	return err;
}

int loops_ensure(struct lana_stack *stack, const struct loop_need *need, bool *grown,
		 struct lana_error *error)
{
	struct lana_loops *loops = loops_of(stack, true);
	int err;

	*grown = false;
	if (!loops)
		return refuse(error, -errno, "no memory for copies at XDP: %s", strerror(errno));
	err = begin(stack, loops, need);
	*grown = loops->complete < need->count;
	if (!err)
		err = complete(stack, loops, *grown);
	if (err == -EBUSY)
		return refuse(error, err,
			      "packets are copied at XDP in one network namespace only: "
			      "the devices that lead to copies are in several");
	if (err == -ENOENT)
		return refuse(error, err,
			      "cannot make the devices that copies at XDP need: their network "
			      "namespace has lost its name");
	return err ? refuse(error, err, "cannot make the devices that copies at XDP need: %s",
			    strerror(-err))
		   : 0;
}

/* ---- removing ------------------------------------------------------------------------------- */

int loops_flush(struct lana_stack *stack)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct lana_loops *loops = loops_of(stack, false);
	int err;

	if (!loops || !loops->count)
		return 0;
	err = enter(loops, &before);
	if (err && err != -ENOENT) /* they have gone with their namespace */
		return err;
	for (__u32 n = 0; !err && n < loops->count && n < LANA_LOOPS_MAX; n++)
		err = loop_remove(loops, n);
	if (err && err != -ENOENT)
		return err;
	__atomic_store_n(&loops->complete, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&loops->count, 0, __ATOMIC_RELEASE);
	return 0;
}

/*
 * As long as there is a block that copies and an XDP hook, or a generator, they stay: they may be
 * needed again soon, and what waits in them is not lost. The grace period before a block's number
 * is free is longer than that takes.
 */
static bool are_needed(const struct registry *registry)
{
	bool hooked = false, copies = false;

	registry_for_each (registry, idp) {
		hooked |= registry->records[idp].device.hook == LANA_HOOK_XDP ||
			  registry->records[idp].probes & PROBE_ENTERED;
		copies |= copies_here(&registry->records[idp]);
	}
	return hooked && copies;
}

void loops_settle(struct lana_stack *stack)
{
	const struct lana_loops *loops = loops_of(stack, false);

	if (loops && loops->count && !are_needed(stack->registry) && loops_flush(stack))
		stack->unfinished = true;
}

/* What there is to be said of a stack in which packets are copied at XDP. */
static void check(struct lana_stack *stack, const char *copying, __u32 most,
		  struct findings *findings)
{
	_cleanup_(netns_leave_p) int before = -1;
	const struct lana_loops *loops = loops_of(stack, false);

	if (!loops || loops->complete < most)
		findings_add(findings, LANA_FAIL, copying,
			     "drops what it should copy at XDP, for want of devices: the next "
			     "change makes them");
	else if (count_alive(stack, loops) < loops->complete)
		findings_add(findings, LANA_FAIL, "copies",
			     "a device that copies at XDP come back by is gone: %s",
			     enter(loops, &before)
				     ? "its network namespace cannot be found either"
				     : "what is copied is lost until the next change, which makes "
				       "it anew");
}

void loops_check(struct lana_stack *stack, struct findings *findings)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	struct copied copied = {};

	commit.graph = graph_new(&commit);
	if (!commit.graph || copies_find_xdp(commit.graph, &copied))
		findings->failed = true;
	else if (copied.at_xdp && stack_uses(stack, LANA_XDP, LANA_INGRESS))
		check(stack, graph_record(commit.graph, node_idp(copied.at_xdp))->name, copied.most,
		      findings);
}
