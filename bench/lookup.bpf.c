// SPDX-License-Identifier: GPL-2.0-only
/*
 * lookup - look addresses up in the table of a route block, many in one run
 */
#include <linux/bpf.h>
#include <lana/trie.h>

#include "bench/lookup.h"

/* The block's own, which is put in its place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LANA_TRIE_FIRST);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, LANA_TRIE_STEP * sizeof(__u32));
} ipv4 SEC(".maps");

const volatile __u32 spread = 0; /* the addresses looked up differ in these bits */
__u64 found, state = 1;

static long look(__u32 i, void *unused)
{
	/* Numerical Recipes' generator: costs nothing beside the look-up. */
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	found += lana_find_prefix4(&ipv4, 0x0201000a ^ ((__u32)(state >> 32) & spread));
	return 0;
}

/* LOOKUPS of them. */
SEC("xdp")
int lookup(struct xdp_md *ctx)
{
	bpf_loop(LOOKUPS, look, NULL, 0);
	return XDP_DROP;
}

/* The same without a look-up. */
static long nothing(__u32 i, void *unused)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	found += (__u32)(state >> 32) & spread;
	return 0;
}

SEC("xdp")
int loop(struct xdp_md *ctx)
{
	bpf_loop(LOOKUPS, nothing, NULL, 0);
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
