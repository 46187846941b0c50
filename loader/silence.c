// SPDX-License-Identifier: GPL-2.0-only
/*
 * silence - which worker has a block, and does that come round?
 */
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "clock.h"
#include "stack.h"

/* By its device, which kernel halves send packets to. */
__u32 stack_worker_of(const struct lana_stack *stack, __u32 idp, char name[LANA_NAME_MAX])
{
	_cleanup_close_ int map = -1;
	struct bpf_devmap_val device = {};
	char path[320];

	map = bpf_obj_get(stack_path(stack, path, sizeof(path), "shared/lana_users_xdp"));
	if (map < 0 || bpf_map_lookup_elem(map, &idp, &device))
		return 0;
	registry_for_each (stack->registry, other) {
		const struct record *record = &stack->registry->records[other];

		if (!record->device.is_worker || record->device.ifindex != device.ifindex)
			continue;
		strcpy(name, record->name);
		return other;
	}
	return 0;
}

__u32 stack_silence_of(struct lana_stack *stack, __u32 worker)
{
	const struct record *record = &stack->registry->records[worker];
	struct lana_cell *cell;
	__u64 beat, silence;

	if (!worker || !record->device.is_worker)
		return 0;
	cell = stack_cell(stack, record->cell);
	if (!cell)
		return 0;
	beat = __atomic_load_n(&cell_on_cpu(cell, stack_user_part(stack))->events.beat,
			       __ATOMIC_RELAXED);
	silence = (clock_ns(CLOCK_MONOTONIC) - beat) / 1000000;
	return beat && silence >= STACK_SILENT_MS ? silence : 0;
}
