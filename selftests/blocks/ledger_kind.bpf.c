// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger_kind - keep a ledger in a map of another kind (for the tests of state)
 *
 * in          anything
 * out next    the packet, unchanged; dropped if the ledger has an entry 0
 * config      limit: written to the queue; label: unused
 * counters    packets
 * state       ledger: entries that only the tests write; queue: the last limits
 * see also    ledger
 */
#include <lana/block.h>

struct key {
	__u32 id;
};

struct entry {
	__u32 sum;
	char note[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, struct key);
	__type(value, struct entry);
} ledger SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u32);
} queue SEC(".maps");

struct ledger_kind_config {
	__u16 limit;
	char label[8];
};

struct ledger_kind_counters {
	__u64 packets;
};

enum ledger_kind_port { LEDGER_KIND_NEXT };

static __always_inline int ledger_kind_process(struct lana_pkt *pkt,
					       const struct ledger_kind_config *config,
					       struct ledger_kind_counters *counters)
{
	__u32 limit = config->limit;
	struct key first = {};

	counters->packets++;
	bpf_map_push_elem(&queue, &limit, BPF_EXIST);
	return bpf_map_lookup_elem(&ledger, &first) ? -LANA_DROP_POLICY : LEDGER_KIND_NEXT;
}

LANA_BLOCK(ledger_kind);
