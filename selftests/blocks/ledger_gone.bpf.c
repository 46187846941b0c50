// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger_gone - keep a ledger without notes (for the tests of state)
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
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct key);
	__type(value, struct entry);
} ledger SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u32);
} queue SEC(".maps");

struct ledger_gone_config {
	__u16 limit;
	char label[8];
};

struct ledger_gone_counters {
	__u64 packets;
};

enum ledger_gone_port { LEDGER_GONE_NEXT };

static __always_inline int ledger_gone_process(struct lana_pkt *pkt,
					       const struct ledger_gone_config *config,
					       struct ledger_gone_counters *counters)
{
	__u32 limit = config->limit;
	struct key first = {};

	counters->packets++;
	bpf_map_push_elem(&queue, &limit, BPF_EXIST);
	return bpf_map_lookup_elem(&ledger, &first) ? -LANA_DROP_POLICY : LEDGER_GONE_NEXT;
}

LANA_BLOCK(ledger_gone);
