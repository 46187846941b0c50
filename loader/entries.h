/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * entries - go through the entries of a map, while programs change it or not
 */
#ifndef LOADER_ENTRIES_H
#define LOADER_ENTRIES_H

#include <stdbool.h>

#include <bpf/libbpf.h>

struct entries {
	int fd;
	enum bpf_map_type type;
	__u32 key_size, value_size, max;
	__u32 cpus;   /* values of an entry: 1, or one a CPU */
	__u32 stride; /* bytes from one to the next */
	__u32 room;   /* bytes of all */
};

/* Is the map of a type that these functions know? */
bool entries_known(enum bpf_map_type type);

/* Are the keys indices? */
bool entries_indexed(enum bpf_map_type type);

/* Has an entry a value for each CPU? */
bool entries_per_cpu(enum bpf_map_type type);

/* Does the map let entries go to have room for others? */
bool entries_forget(enum bpf_map_type type);

/* The descriptor is the caller's; map tells what it is like. */
void entries_init(struct entries *entries, int fd, const struct bpf_map *map);

/*
 * Visit each entry that is there all the time, and perhaps others, some more than once. Of the keys
 * of a trie the bits behind the prefix are zero. Ends with what visit returns, if not 0.
 */
int entries_each(const struct entries *entries,
		 int (*visit)(void *cookie, const void *key, const void *value), void *cookie);

/* The keys of a map that nobody changes. */
struct keys {
	__u8 *list;
	size_t count, room;
	__u32 size;
};

int keys_read(struct keys *keys, const struct entries *entries);
bool keys_have(const struct keys *keys, const void *key);
void keys_free(struct keys *keys);

#endif
