/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * addresses.h - the state that learn and recall have in common
 */
#ifndef ADDRESSES_H
#define ADDRESSES_H

struct address {
	__u8 bytes[8]; /* six of them used */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct address);
	__type(value, __u64);
} addresses SEC(".maps");

static __always_inline int read_source(struct lana_pkt *pkt, struct address *address)
{
	struct ethhdr *eth = lana_eth(pkt);

	if (!eth)
		return -1;
	__builtin_memset(address, 0, sizeof(*address));
	__builtin_memcpy(address->bytes, eth->h_source, ETH_ALEN);
	return 0;
}

#endif
