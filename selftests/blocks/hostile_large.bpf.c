// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_large - a block whose map does not fit into any memory
 *
 * in          anything
 * out next    never
 * config      none
 * counters    none
 * state       large: two billion entries
 * see also    tally
 */
#include <lana/block.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 0x7fffffff);
	__type(key, __u32);
	__type(value, __u64[16]);
} large SEC(".maps");

struct hostile_large_config {
};

struct hostile_large_counters {
};

enum hostile_large_port { HOSTILE_LARGE_NEXT };

static __always_inline int hostile_large_process(struct lana_pkt *pkt,
						 const struct hostile_large_config *config,
						 struct hostile_large_counters *counters)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&large, &zero) ? HOSTILE_LARGE_NEXT : -LANA_DROP_NO_MEMORY;
}

LANA_BLOCK(hostile_large);
