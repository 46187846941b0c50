// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker - a process that has blocks in user space: their packets go by its device
 *
 * Made by "lanactl worker", not by "add", and gone with its process. It is not to be bound to: what
 * reaches it by an edge is dropped. Packets for its blocks, and from them, do not pass through this
 * code.
 *
 * in          nothing
 * out next    nothing
 * config      slot: of the worker's device in the device map
 *             frame_max: bytes of a frame that its blocks can be given
 * counters    as of some time in the last second:
 *             bypassed: packets that it was sent when it was gone, and that went on by port next
 *             closed: those of them that were dropped, as their block wants it
 *             rejected: what it has sent with no header, or in the name of blocks that it has not
 *             stale: what it has sent for blocks that had gone, or by ports that led nowhere
 *             overruns: what its ring, or its memory, had no room for
 *             short_of_memory: packets that a block wanted to make, and there was no frame for
 * state       none
 * see also    hold, docs/userblock.md
 */
#include <lana/block.h>
#include <maps/devices.h> /* where the loader enters its device */

struct worker_config {
	__u32 slot;
	__u32 frame_max;
};

struct worker_counters {
	__u64 bypassed;
	__u64 closed;
	__u64 rejected;
	__u64 stale;
	__u64 overruns;
	__u64 short_of_memory;
};

enum worker_port { WORKER_NEXT };

static __always_inline int worker_process(struct lana_pkt *pkt, const struct worker_config *config,
					  struct worker_counters *counters)
{
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(worker);
