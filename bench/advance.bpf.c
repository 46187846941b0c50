// SPDX-License-Identifier: GPL-2.0-only
/*
 * advance - make of one TCP segment that comes again and again a stream that is in order
 *
 * in          TCP over IPv4 without options
 * out next    the segment, with the sequence number behind that of the one before
 * config      none
 * counters    none
 * state       advance_next: that number, of each CPU
 * see also    reorder
 */
#include <lana/block.h>

struct advance_config {
};

struct advance_counters {
};

enum advance_port { ADVANCE_NEXT };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} advance_next SEC(".maps");

#define SEQ (ETH_HLEN + sizeof(struct iphdr) + 4)

static __always_inline int advance_process(struct lana_pkt *pkt,
					   const struct advance_config *config,
					   struct advance_counters *counters)
{
	__be32 *seq = lana_header(pkt, SEQ, sizeof(*seq));
	__u32 zero = 0, *next;

	next = bpf_map_lookup_elem(&advance_next, &zero);
	if (!seq || !next)
		return -LANA_DROP_SHORT;
	*seq = bpf_htonl(*next);
	*next += lana_len(pkt) - ETH_HLEN - 40;
	return ADVANCE_NEXT;
}

LANA_BLOCK(advance);
