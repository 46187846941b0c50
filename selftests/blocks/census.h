/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * census.h - what census and survey have in common: count each packet in maps of several kinds
 *
 * struct entry is theirs. The key is made of the frame's number: half of the frames have one of 16
 * keys, the others one that changes every 32768 frames, so that entries come all the time.
 */
struct prefix {
	__u32 length;
	__u8 bytes[4];
};

#define CENSUS_MAP(name, kind, key_type, entries)  \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, entries);      \
		__uint(map_flags, CENSUS_##kind);  \
		__type(key, key_type);             \
		__type(value, struct entry);       \
	} name SEC(".maps")

#define CENSUS_HASH	       0
#define CENSUS_PERCPU_HASH     0
#define CENSUS_LPM_TRIE	       BPF_F_NO_PREALLOC
#define CENSUS_ARRAY	       0
#define CENSUS_PERCPU_ARRAY    0
#define CENSUS_LRU_HASH	       0
#define CENSUS_LRU_PERCPU_HASH 0

CENSUS_MAP(flows, HASH, __u32, 8192);
CENSUS_MAP(lanes, PERCPU_HASH, __u32, 8192);
CENSUS_MAP(prefixes, LPM_TRIE, struct prefix, 8192);
CENSUS_MAP(slots, ARRAY, __u32, 16);
CENSUS_MAP(cells, PERCPU_ARRAY, __u32, 16);

/* For test_move alone. */
CENSUS_MAP(recent, LRU_HASH, __u32, 1024);
CENSUS_MAP(recents, LRU_PERCPU_HASH, __u32, 1024);

static __always_inline int count_entry(void *map, const void *key)
{
	struct entry *entry = bpf_map_lookup_elem(map, key), empty = {};

	if (!entry) {
		bpf_map_update_elem(map, key, &empty, BPF_NOEXIST);
		entry = bpf_map_lookup_elem(map, key);
	}
	if (!entry)
		return -LANA_DROP_NO_MEMORY;
	__sync_fetch_and_add(&entry->packets, 1);
	entry->last = 1234;
	return 0;
}

static __always_inline int count_all(const struct lana_pkt *pkt)
{
	__u8 *frame = lana_header(pkt, 0, 58);
	__u32 sequence, id, slot;
	struct prefix prefix = { .length = 32 };
	int err;

	if (!frame)
		return -LANA_DROP_SHORT;
	if (((struct ethhdr *)frame)->h_proto != bpf_htons(ETH_P_IP))
		return -LANA_DROP_PROTOCOL;
	__builtin_memcpy(&sequence, frame + 50, sizeof(sequence));
	slot = sequence >> 1 & 15;
	id = sequence & 1 ? slot : 0x10000 + (sequence >> 15);
	__builtin_memcpy(prefix.bytes, &id, sizeof(id));

	err = count_entry(&flows, &id);
	if (!err)
		err = count_entry(&lanes, &id);
	if (!err)
		err = count_entry(&prefixes, &prefix);
	if (!err)
		err = count_entry(&slots, &slot);
	return err ?: count_entry(&cells, &slot);
}
