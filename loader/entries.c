// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "entries.h"

bool entries_indexed(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

bool entries_per_cpu(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

bool entries_forget(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

bool entries_known(enum bpf_map_type type)
{
	return entries_indexed(type) || entries_per_cpu(type) || entries_forget(type) ||
	       type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LPM_TRIE;
}

void entries_init(struct entries *entries, int fd, const struct bpf_map *map)
{
	*entries = (struct entries){
		.fd = fd,
		.type = bpf_map__type(map),
		.key_size = bpf_map__key_size(map),
		.value_size = bpf_map__value_size(map),
		.max = bpf_map__max_entries(map),
		.cpus = 1,
		.stride = bpf_map__value_size(map),
	};
	if (entries_per_cpu(entries->type)) {
		entries->cpus = libbpf_num_possible_cpus();
		entries->stride = (entries->value_size + 7) & ~7U;
	}
	entries->room = entries->cpus * entries->stride;
}

typedef int entry_visitor(void *cookie, const void *key, const void *value);

static int each_index(const struct entries *entries, entry_visitor *visit, void *cookie)
{
	_cleanup_free_ void *value = calloc(1, entries->room);
	int err = value ? 0 : -ENOMEM;

	for (__u32 i = 0; !err && i < entries->max; i++)
		err = bpf_map_lookup_elem(entries->fd, &i, value) ? -errno
								  : visit(cookie, &i, value);
	return err;
}

/* Bits behind the prefix may be anything in a trie. */
static void trim_key(__u8 *key, __u32 size)
{
	__u32 length;

	memcpy(&length, key, sizeof(length));
	for (__u32 i = sizeof(length); i < size; i++) {
		__u32 bits = length > 8 ? 8 : length;

		key[i] &= 0xff00 >> bits;
		length -= bits;
	}
}

/* A trie begins anew if the key that was seen last has gone: this ends if that goes on. */
static int each_prefix(const struct entries *entries, entry_visitor *visit, void *cookie)
{
	_cleanup_free_ void *value = calloc(1, entries->room);
	_cleanup_free_ void *key = calloc(1, entries->key_size);
	_cleanup_free_ void *last = calloc(1, entries->key_size);
	__u64 left = 4ULL * entries->max;
	int err = value && key && last ? 0 : -ENOMEM;

	for (bool first = true; !err; first = false) {
		if (bpf_map_get_next_key(entries->fd, first ? NULL : last, key))
			return errno == ENOENT ? 0 : -errno;
		memcpy(last, key, entries->key_size);
		trim_key(key, entries->key_size);
		if (!left--)
			return -EAGAIN;
		if (!bpf_map_lookup_elem(entries->fd, key, value))
			err = visit(cookie, key, value);
		else if (errno != ENOENT)
			err = -errno;
	}
	return err;
}

/* The kernel hands hash maps out by buckets, so that nothing is missed whatever comes and goes. */
struct batch {
	__u32 room, count;
	__u32 next; /* bucket */
	__u8 *keys, *values;
};

static void batch_free(struct batch *batch)
{
	free(batch->keys);
	free(batch->values);
}

static int batch_grow(struct batch *batch, const struct entries *entries)
{
	__u32 room = batch->room ? 4 * batch->room : 256;
	void *keys = reallocarray(batch->keys, room, entries->key_size), *values;

	if (!keys)
		return -ENOMEM;
	batch->keys = keys;
	values = reallocarray(batch->values, room, entries->room);
	if (!values)
		return -ENOMEM;
	batch->values = values;
	batch->room = room;
	return 0;
}

static int each_bucket(const struct entries *entries, entry_visitor *visit, void *cookie)
{
	_cleanup_(batch_free) struct batch batch = {};
	bool first = true, last = false;
	int err = batch_grow(&batch, entries);

	while (!err && !last) {
		__u32 next = 0;

		batch.count = batch.room;
		if (bpf_map_lookup_batch(entries->fd, first ? NULL : &batch.next, &next, batch.keys,
					 batch.values, &batch.count, NULL)) {
			if (errno == ENOSPC) { /* less than a bucket */
				err = batch_grow(&batch, entries);
				continue;
			}
			if (errno != ENOENT)
				return errno == EINTR ? -EAGAIN : -errno;
			last = true;
		}
		batch.next = next;
		first = false;
		for (__u32 i = 0; !err && i < batch.count; i++)
			err = visit(cookie, batch.keys + (size_t)i * entries->key_size,
				    batch.values + (size_t)i * entries->room);
	}
	return err;
}

int entries_each(const struct entries *entries,
		 int (*visit)(void *cookie, const void *key, const void *value), void *cookie)
{
	if (entries_indexed(entries->type))
		return each_index(entries, visit, cookie);
	if (entries->type == BPF_MAP_TYPE_LPM_TRIE)
		return each_prefix(entries, visit, cookie);
	return each_bucket(entries, visit, cookie);
}

/* ---- keys --------------------------------------------------------------------------------- */

static int add_key(void *cookie, const void *key, const void *value)
{
	struct keys *keys = cookie;

	(void)value;
	if (keys->count == keys->room) {
		size_t room = keys->room ? 2 * keys->room : 256;
		void *grown = reallocarray(keys->list, room, keys->size);

		if (!grown)
			return -ENOMEM;
		keys->list = grown;
		keys->room = room;
	}
	memcpy(keys->list + keys->count++ * keys->size, key, keys->size);
	return 0;
}

static int compare(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const __u32 *)size);
}

int keys_read(struct keys *keys, const struct entries *entries)
{
	int err;

	*keys = (struct keys){ .size = entries->key_size };
	err = entries_indexed(entries->type) ? 0 : entries_each(entries, add_key, keys);
	if (!err && keys->count)
		qsort_r(keys->list, keys->count, keys->size, compare, &keys->size);
	return err;
}

bool keys_have(const struct keys *keys, const void *key)
{
	size_t low = 0, high = keys->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = memcmp(key, keys->list + middle * keys->size, keys->size);

		if (!order)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

void keys_free(struct keys *keys)
{
	free(keys->list);
}
