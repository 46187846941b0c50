// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bytes.h"
#include "cleanup.h"
#include "entries.h"
#include "error.h"
#include "move.h"

/* What it takes to bring entries over. */
struct moving {
	const struct move *move;
	const struct convert *convert;
	struct entries old, new, was;
	__u32 cpus;   /* values of an entry */
	__u32 filled; /* entries of the snapshot */
	__u8 *value;  /* all of an entry, for the new map */
	__u8 *plain;
	struct lana_error *error;

	struct keys old_keys,
		new_keys; /* that are there; new_keys only if a look-up does not tell */
	struct move_layout layout;
	__u8 *work; /* mapped */
	int work_fd, program;
	__u8 *before, *there; /* values of an entry: of the snapshot, of the new map */
};

bool move_knows(enum bpf_map_type type)
{
	return entries_known(type);
}

static const char *pin(const struct move *move, char path[320], const struct state *state,
		       const struct bpf_map *map, const char *suffix)
{
	return stack_path(move->stack, path, 320, "state/%u@%s%s", state->cell, bpf_map__name(map),
			  suffix);
}

static void moving_end(struct moving *m)
{
	close_p(&m->old.fd);
	close_p(&m->new.fd);
	close_p(&m->was.fd);
	close_p(&m->work_fd);
	close_p(&m->program);
	if (m->work)
		munmap(m->work, m->layout.size);
	keys_free(&m->old_keys);
	keys_free(&m->new_keys);
	free(m->value);
	free(m->plain);
	free(m->before);
	free(m->there);
}

/* Maps with a value a CPU have their snapshot like them; all others of keys can be in a hash. */
static enum bpf_map_type was_type(enum bpf_map_type type)
{
	if (type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY)
		return type;
	return entries_per_cpu(type) ? BPF_MAP_TYPE_PERCPU_HASH : BPF_MAP_TYPE_HASH;
}

/* Room for what there is, and for as much that the old code adds later. */
static int create_was(const struct move *move)
{
	enum bpf_map_type type = was_type(bpf_map__type(move->from));
	bool is_array = type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = is_array ? 0 : BPF_F_NO_PREALLOC);
	__u32 entries = bpf_map__max_entries(move->from);
	_cleanup_close_ int fd = -1;
	char path[320];

	if (!is_array)
		entries = entries > 1U << 30 ? 1U << 31 : 2 * entries;
	fd = bpf_map_create(type, "lana_was", bpf_map__key_size(move->from),
			    bpf_map__value_size(move->from), entries, &options);
	if (fd < 0 || bpf_obj_pin(fd, pin(move, path, &move->new, move->to, "@was")))
		return -errno;
	return TAKE_FD(fd);
}

static int open_maps(struct moving *m)
{
	const struct move *move = m->move;
	char path[320];
	int fd;

	fd = bpf_obj_get(pin(move, path, &move->old, move->from, ""));
	if (fd < 0)
		return -errno;
	entries_init(&m->old, fd, move->from);
	fd = bpf_obj_get(pin(move, path, &move->new, move->to, ""));
	if (fd < 0)
		return -errno;
	entries_init(&m->new, fd, move->to);
	return 0;
}

static int open_work(struct moving *m)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	void *work;

	m->layout = move_layout(m->old.key_size, m->convert);
	m->work_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lana_work", sizeof(__u32), m->layout.size,
				    1, &options);
	if (m->work_fd < 0)
		return -errno;
	work = mmap(NULL, m->layout.size, PROT_READ | PROT_WRITE, MAP_SHARED, m->work_fd, 0);
	if (work == MAP_FAILED)
		return -errno;
	m->work = work;
	m->program =
		move_program(m->new.fd, m->was.fd, m->work_fd, &m->layout, m->convert, m->plain);
	return m->program < 0 ? m->program : 0;
}

/* The snapshot is open; the rest. */
static int begin(struct moving *m)
{
	const struct bpf_map *to = m->move->to;
	__u32 id = bpf_map__btf_value_type_id(to);

	m->was = m->old;
	m->was.fd = -1;
	m->was.type = was_type(m->old.type);
	m->cpus = m->new.cpus;
	m->value = calloc(1, m->new.room);
	m->plain = calloc(1, m->convert->new_size);
	m->before = calloc(1, m->old.room);
	m->there = calloc(1, m->new.room);
	if (!m->value || !m->plain || !m->before || !m->there)
		return -ENOMEM;
	if (!id)
		memset(m->plain, 0xff, m->convert->new_size);
	return id ? convert_plain(m->move->new.type->btf, id, m->plain) : 0;
}

/* The values of all CPUs. */
static int convert_all(struct moving *m, const __u8 *old, __u8 *new, enum convert_mode mode)
{
	int err = 0;

	for (__u32 cpu = 0; !err && cpu < m->cpus; cpu++)
		err = convert_run(m->convert, old + cpu * m->old.stride, new + cpu * m->new.stride,
				  mode, m->error);
	return err;
}

/* ---- before ------------------------------------------------------------------------------- */

/* Is there no place for that key of an array? */
static bool beyond(const struct moving *m, const void *key)
{
	return entries_indexed(m->new.type) && *(const __u32 *)key >= m->new.max;
}

static int refuse_room(const struct moving *m)
{
	return refuse(m->error, -ENOSPC, "its entries do not fit into %u", m->new.max);
}

static int copy_entry(void *cookie, const void *key, const void *value)
{
	struct moving *m = cookie;
	int err;

	if (beyond(m, key))
		return is_zero(value, m->old.room) ? 0 : refuse_room(m);
	if (m->filled == m->old.max && !entries_indexed(m->old.type))
		return 0; /* they come and go: this one is as if added later */
	err = convert_all(m, value, m->value, CONVERT_CHECK);
	if (err)
		return err;
	if (entries_forget(m->new.type) && m->filled == m->new.max)
		return refuse_room(m);
	if (bpf_map_update_elem(m->new.fd, key, m->value, BPF_ANY))
		return errno == E2BIG || errno == ENOSPC ? refuse_room(m) : -errno;
	if (!bpf_map_update_elem(m->was.fd, key, value, BPF_NOEXIST))
		m->filled++;
	else if (bpf_map_update_elem(m->was.fd, key, value, BPF_ANY))
		return -errno;
	return 0;
}

/* Can this thread run wherever a program may change values of the map? */
static int check_cpus(const struct moving *m)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t home, one;

	if (m->cpus == 1)
		return 0;
	if (sched_getaffinity(0, sizeof(home), &home))
		return -errno;
	for (__u32 cpu = 0; cpu < m->cpus; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		online -= !sched_setaffinity(0, sizeof(one), &one);
	}
	sched_setaffinity(0, sizeof(home), &home);
	return online > 0 ? refuse(m->error, -EPERM, "this process may not run on every CPU") : 0;
}

static int fill(struct moving *m)
{
	int err = open_maps(m);

	if (!err)
		err = begin(m);
	if (err)
		return err;
	m->was.fd = create_was(m->move);
	if (m->was.fd < 0)
		return m->was.fd;
	err = open_work(m); /* it will be needed when nothing can be refused any more */
	if (!err)
		err = check_cpus(m);
	return err ?: entries_each(&m->old, copy_entry, m);
}

static struct moving moving(const struct move *move, struct lana_error *error)
{
	return (struct moving){
		.move = move,
		.convert = move->convert,
		.old = { .fd = -1 },
		.new = { .fd = -1 },
		.was = { .fd = -1 },
		.error = error,
		.work_fd = -1,
		.program = -1,
	};
}

int move_begin(const struct move *move, struct lana_error *error)
{
	struct lana_error why = {};
	_cleanup_(moving_end) struct moving m = moving(move, &why);
	int err;

	if (bpf_map__key_size(move->from) + move->convert->old_size > MOVE_SIZE_MAX ||
	    bpf_map__key_size(move->from) + move->convert->new_size > MOVE_SIZE_MAX)
		return refuse(error, -E2BIG, "its entries are of more than %d bytes",
			      MOVE_SIZE_MAX);
	err = fill(&m);
	if (!err)
		return 0;
	return refuse(error, err, "%s", *why.text ? why.text : strerror(-err));
}

/* ---- after -------------------------------------------------------------------------------- */

/* A number, as a program would load it. */
static __u64 load(const __u8 *value, __u32 at, __u32 size, bool is_signed)
{
	unsigned int unused = 64 - 8 * size;
	__u64 number = 0;

	memcpy(&number, value + at, size);
	number <<= unused;
	return is_signed ? (__u64)((__s64)number >> unused) : number >> unused;
}

/*
 * What a sum of the snapshot is to become. Less than what is there cannot be taken away: then the
 * new code has deleted the entry and made it anew.
 */
static __u64 sum_now(const struct convert_sum *sum, const __u8 *before, const __u8 *now,
		     const __u8 *there)
{
	__u64 from = load(before, sum->old_at, sum->old_size, sum->old_signed);
	__u64 to = now ? load(now, sum->old_at, sum->old_size, sum->old_signed) : 0;

	if (!sum->old_signed && to < from &&
	    load(there, sum->new_at, sum->new_size, false) < from - to)
		return from;
	return to;
}

/* Is the entry in the new map? */
static bool is_there(struct moving *m, const void *key)
{
	if (m->new.type == BPF_MAP_TYPE_LPM_TRIE && !keys_have(&m->new_keys, key))
		return false;
	return !bpf_map_lookup_elem(m->new.fd, key, m->there);
}

/*
 * One CPU's value of an entry: lead it from what the snapshot has to what the old map has, or (now
 * NULL: it is not there) take away what came from the snapshot.
 */
static int bring_value(struct moving *m, const void *key, const __u8 *before, const __u8 *now,
		       const __u8 *there)
{
	__u8 *expected = m->work + m->layout.expected, *value = m->work + m->layout.value;
	__u64 *sums = (void *)(m->work + m->layout.sums);

	memcpy(m->work, key, m->old.key_size);
	convert_run(m->convert, before, expected, CONVERT_SATURATE, NULL);
	convert_run(m->convert, now ?: before, value, CONVERT_SATURATE, NULL);
	for (size_t i = 0; i < m->convert->sums_count; i++)
		sums[i] = sum_now(&m->convert->sums[i], before, now, there);
	return move_run(m->program);
}

/*
 * A value is brought over on the CPU that it belongs to. One that is not online cannot have changed
 * it.
 */
static int bring_values(struct moving *m, const void *key, const __u8 *before, const __u8 *now)
{
	cpu_set_t home, one;
	int err = 0;

	if (m->cpus == 1)
		return bring_value(m, key, before, now, m->there);
	if (sched_getaffinity(0, sizeof(home), &home))
		return -errno;
	for (__u32 cpu = 0; !err && cpu < m->cpus; cpu++) {
		__u32 at = cpu * m->old.stride;

		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (now && !memcmp(before + at, now + at, m->old.value_size))
			continue;
		if (!sched_setaffinity(0, sizeof(one), &one))
			err = bring_value(m, key, before + at, now ? now + at : NULL,
					  m->there + cpu * m->new.stride);
	}
	sched_setaffinity(0, sizeof(home), &home);
	return err;
}

/* Has the new code left the entry as it came from the snapshot? */
static bool is_untouched(const struct moving *m, const __u8 *before)
{
	for (__u32 cpu = 0; cpu < m->cpus; cpu++) {
		const __u8 *there = m->there + cpu * m->new.stride;

		convert_run(m->convert, before + cpu * m->old.stride, m->value, CONVERT_SATURATE,
			    NULL);
		for (__u32 i = 0; i < m->convert->new_size; i++)
			if (m->plain[i] && there[i] != m->value[i])
				return false;
		for (size_t i = 0; i < m->convert->sums_count; i++) {
			const struct convert_sum *sum = &m->convert->sums[i];

			if (memcmp(there + sum->new_at, m->value + sum->new_at, sum->new_size))
				return false;
		}
	}
	return true;
}

/* The old code has deleted an entry since the snapshot was made. */
static int bring_deletion(void *cookie, const void *key, const void *before)
{
	struct moving *m = cookie;

	if (keys_have(&m->old_keys, key) || !is_there(m, key))
		return 0;
	if (!is_untouched(m, before))
		return bring_values(m, key, before, NULL);
	return bpf_map_delete_elem(m->new.fd, key) && errno != ENOENT ? -errno : 0;
}

/* The new map lacks an entry that the old code has added. Sums are added to it later. */
static int add_entry(struct moving *m, const void *key, const void *now)
{
	convert_all(m, now, m->value, CONVERT_SATURATE);
	for (__u32 cpu = 0; cpu < m->cpus; cpu++)
		for (size_t i = 0; i < m->convert->sums_count; i++)
			memset(m->value + cpu * m->new.stride + m->convert->sums[i].new_at, 0,
			       m->convert->sums[i].new_size);
	return bpf_map_update_elem(m->new.fd, key, m->value, BPF_NOEXIST) ? -errno : 0;
}

static int bring_entry(void *cookie, const void *key, const void *now)
{
	struct moving *m = cookie;
	bool known = !bpf_map_lookup_elem(m->was.fd, key, m->before);
	int err = 0;

	if (beyond(m, key) || (known && !memcmp(m->before, now, m->old.room)))
		return 0;
	if (!is_there(m, key)) {
		if (known)
			return 0; /* the new code has deleted it */
		err = add_entry(m, key, now);
	}
	if (err == -E2BIG || err == -ENOSPC)
		return 0; /* the new code could not have added it either */
	if (err && err != -EEXIST)
		return err;
	if (!known) {
		memset(m->before, 0, m->old.room);
		if (bpf_map_update_elem(m->was.fd, key, m->before, BPF_NOEXIST))
			return -errno;
	}
	return bring_values(m, key, m->before, now);
}

/* Deletions first: they make room. */
static int bring_all(struct moving *m)
{
	int err = keys_read(&m->old_keys, &m->old);

	if (!err && m->new.type == BPF_MAP_TYPE_LPM_TRIE)
		err = keys_read(&m->new_keys, &m->new);
	if (!err && !entries_indexed(m->old.type))
		err = entries_each(&m->was, bring_deletion, m);
	return err ?: entries_each(&m->old, bring_entry, m);
}

int move_finish(const struct move *move)
{
	_cleanup_(moving_end) struct moving m = moving(move, NULL);
	char path[320];
	int was, err;

	was = bpf_obj_get(pin(move, path, &move->new, move->to, "@was"));
	if (was < 0)
		return errno == ENOENT ? 0 : -errno; /* done, by one that was killed later */
	err = open_maps(&m);
	if (!err)
		err = begin(&m);
	m.was.fd = was;
	if (!err)
		err = open_work(&m);
	if (!err)
		err = check_cpus(&m);
	if (!err)
		err = bring_all(&m);
	if (err)
		return err;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}
