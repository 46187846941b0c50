// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker_maps - the maps that kernel halves read: which worker has a block (maps/users.h)
 *
 * What is on its way when a block is let go of comes a moment later. It is sent back untouched, for
 * which the device maps still have to name the worker.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "clock.h"
#include "netns.h"
#include "worker.h"

#define LEAVING_NS 200000000ULL

enum { USERS_XDP, USERS_TC, USER_XSKS };

int maps_open(struct lana_worker *worker)
{
	static const char *const names[] = { "lana_users_xdp", "lana_users_tc", "lana_user_xsks" };
	char path[320];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		worker->maps[i] = bpf_obj_get(
			stack_path(worker->stack, path, sizeof(path), "shared/%s", names[i]));
		if (worker->maps[i] < 0)
			return -errno;
	}
	return 0;
}

/*
 * To where the worker's device is, which is not held on to: it goes with its namespace. The kernel
 * looks a device up in the namespace of who enters it into a map.
 */
static int enter_netns(const struct lana_worker *worker, int *before)
{
	_cleanup_close_ int netns = -1;

	if (worker->netns == netns_inode())
		return 0;
	netns = netns_by_inode(worker->netns);
	return netns < 0 ? netns : netns_enter_fd(netns, before);
}

int maps_enter(struct lana_worker *worker, __u32 idp)
{
	const struct bpf_devmap_val device = { .ifindex = worker->ifindex };
	_cleanup_(netns_leave_p) int before = -1;
	int err = enter_netns(worker, &before);

	if (err)
		return err;

	/* The one that says that the worker lives comes last. */
	for (int i = USERS_XDP; i <= USERS_TC; i++)
		if (bpf_map_update_elem(worker->maps[i], &idp, &device, BPF_ANY))
			return -errno;
	return bpf_map_update_elem(worker->maps[USER_XSKS], &idp,
				   &worker->socket->parts.fds[SOCKET_FD_XSK], BPF_ANY)
		       ? -errno
		       : 0;
}

bool maps_are_taken(const struct lana_worker *worker, __u32 idp)
{
	struct bpf_devmap_val device = {};

	return !bpf_map_lookup_elem(worker->maps[USERS_XDP], &idp, &device) && device.ifindex &&
	       device.ifindex != worker->ifindex;
}

static void clear(const struct lana_worker *worker, __u32 idp)
{
	if (maps_are_taken(worker, idp))
		return;
	bpf_map_delete_elem(worker->maps[USERS_XDP], &idp);
	bpf_map_delete_elem(worker->maps[USERS_TC], &idp);
}

void maps_forget(struct lana_worker *worker, __u64 now)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < worker->leaving_count; i++) {
		const struct leaving *leaving = &worker->leaving[i];

		if (now < leaving->until)
			worker->leaving[kept++] = *leaving;
		else if (!worker->hosted[leaving->idp])
			clear(worker, leaving->idp);
	}
	worker->leaving_count = kept;
}

void maps_leave(struct lana_worker *worker, __u32 idp)
{
	if (worker->leaving_count == LEAVING_MAX) { /* the one that has had most time goes */
		if (!worker->hosted[worker->leaving[0].idp])
			clear(worker, worker->leaving[0].idp);
		memmove(worker->leaving, worker->leaving + 1,
			--worker->leaving_count * sizeof(*worker->leaving));
	}
	worker->leaving[worker->leaving_count++] =
		(struct leaving){ idp, clock_ns(CLOCK_MONOTONIC) + LEAVING_NS };
}

void maps_end(const struct lana_worker *worker, __u32 idp)
{
	bpf_map_delete_elem(worker->maps[USER_XSKS], &idp);
}
