// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "carry.h"
#include "cleanup.h"
#include "crypt_key.skel.h"
#include "error.h"
#include "key.h"
#include "sha256.h"
#include "state.h"
#include "types.h"

/* As others can read it: of struct lana_key all but the contexts. */
struct key_entry {
	__u64 contexts[LANA_KEY_USES];
	__u64 fingerprint;
};

/* What all keys are derived from. */
struct secret {
	__u8 bytes[32];
};

static void crypt_key__destroy_p(struct crypt_key **skeleton)
{
	crypt_key__destroy(*skeleton);
}

static void secret_wipe(struct secret *secret)
{
	explicit_bzero(secret, sizeof(*secret));
}

/* ---- files ---------------------------------------------------------------------------------- */

static int check_file(int fd, const char *file, struct lana_error *error)
{
	struct stat stat;

	if (fstat(fd, &stat))
		return refuse(error, -errno, "cannot read '%s': %s", file, strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return refuse(error, -EINVAL, "'%s' is not a file", file);
	if (stat.st_mode & (S_IRWXG | S_IRWXO))
		return refuse(error, -EPERM,
			      "others than its owner may read or change '%s': chmod 600", file);
	if (stat.st_uid && stat.st_uid != geteuid())
		return refuse(error, -EPERM, "'%s' belongs to another user", file);
	if (stat.st_size != LANA_KEY_SIZE)
		return refuse(error, -EINVAL,
			      "'%s' is no key: it has %llu bytes, not %d (head -c 32 /dev/urandom)",
			      file, (unsigned long long)stat.st_size, LANA_KEY_SIZE);
	return 0;
}

/* HKDF of RFC 5869: this is its first half. */
static int read_secret(const char *file, struct secret *secret, struct lana_error *error)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	__u8 key[LANA_KEY_SIZE];
	int err;

	if (fd < 0)
		return refuse(error, -errno, "cannot read '%s': %s", file, strerror(errno));
	err = check_file(fd, file, error);
	if (err)
		return err;
	if (read(fd, key, sizeof(key)) == sizeof(key))
		sha256_extract("lana crypt 1", key, sizeof(key), secret->bytes);
	else
		err = refuse(error, -EIO, "cannot read all of '%s'", file);
	explicit_bzero(key, sizeof(key));
	return err;
}

static __u64 fingerprint_of(const struct secret *secret)
{
	__u64 fingerprint;

	sha256_expand(secret->bytes, "fingerprint", &fingerprint, sizeof(fingerprint));
	return fingerprint;
}

int key_option(const char *name, const char *file, void *bytes, struct lana_error *error)
{
	_cleanup_(secret_wipe) struct secret secret = {};
	struct lana_key_file option = {};

	if (strlen(file) >= sizeof(option.name))
		return refuse(error, -ERANGE, "%s=%s is longer than %zu bytes", name, file,
			      sizeof(option.name) - 1);
	if (*file) {
		int err = read_secret(file, &secret, error);

		if (err)
			return err;
		strcpy(option.name, file);
		option.fingerprint = fingerprint_of(&secret);
	}
	memcpy(bytes, &option, sizeof(option));
	return 0;
}

static void key_format(const struct lana_key_file *option, char text[17])
{
	snprintf(text, 17, "%016llx", (unsigned long long)be64toh(option->fingerprint));
}

/* ---- contexts ------------------------------------------------------------------------------- */

static void derive(const struct secret *secret, int side, __u8 keys[LANA_KEY_USES][LANA_KEY_AES])
{
	static const char *const infos[2][LANA_KEY_USES] = {
		[LANA_SIDE_A] = { "a encrypt", "a iv", "a mac" },
		[LANA_SIDE_B] = { "b encrypt", "b iv", "b mac" },
	};

	for (int use = 0; use < LANA_KEY_USES; use++)
		sha256_expand(secret->bytes, infos[side][use], keys[use], LANA_KEY_AES);
}

static int refuse_contexts(int err, struct lana_error *error)
{
	if (err == -EPERM)
		return refuse(error, err,
			      "not permitted to hand keys to the kernel: root is needed");
	if (err == -ENOENT)
		return refuse(error, err,
			      "this kernel offers BPF no AES (CONFIG_CRYPTO_CBC, _AES)");
	return refuse(error, err, "the kernel takes no keys: %s", strerror(-err));
}

/* Hand the keys of one direction to the kernel; nothing of them is left in the order. */
static int hand_over(int program, struct lana_key_order *order)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = order, .ctx_size_in = sizeof(*order));
	int err = bpf_prog_test_run_opts(program, &options);

	explicit_bzero(order->keys, sizeof(order->keys));
	return err ? -errno : order->error;
}

/* The programs that make contexts in that map, and keep those of the old one; -1: of their own. */
static int open_programs(int map, int old, struct crypt_key **result)
{
	struct crypt_key *skeleton;
	int err;

	libbpf_hush();
	skeleton = crypt_key__open();
	err = skeleton ? 0 : -errno;
	if (!err && map >= 0)
		err = bpf_map__reuse_fd(skeleton->maps.lana_keys, map);
	if (!err && old >= 0)
		err = bpf_map__reuse_fd(skeleton->maps.old_keys, old);
	if (!err)
		err = crypt_key__load(skeleton);
	libbpf_speak();
	if (err)
		crypt_key__destroy(skeleton);
	else
		*result = skeleton;
	return err;
}

int key_try(void)
{
	_cleanup_(crypt_key__destroy_p) struct crypt_key *skeleton = NULL;
	struct lana_key_order order = {};
	int err = open_programs(-1, -1, &skeleton);

	return err ?: hand_over(bpf_program__fd(skeleton->progs.crypt_key), &order);
}

static int make_place(int program, __u32 number, const struct lana_key_file *option,
		      struct lana_error *error)
{
	_cleanup_(secret_wipe) struct secret secret = {};
	int err = read_secret(option->name, &secret, error);

	if (!err && fingerprint_of(&secret) != option->fingerprint)
		err = refuse(error, -EAGAIN, "'%s' holds another key than when it was set",
			     option->name);
	for (int side = LANA_SIDE_A; !err && side <= LANA_SIDE_B; side++) {
		struct lana_key_order order = { .place = 2 * number + side,
						.fingerprint = option->fingerprint };

		derive(&secret, side, order.keys);
		err = hand_over(program, &order);
		if (err)
			return refuse_contexts(err, error);
	}
	return err;
}

/* The number of the option whose key it was in the map that was; -1: it was none's. */
static int find_old(int map, __u64 fingerprint)
{
	for (int number = 0; number < LANA_KEYS_MAX; number++) {
		struct key_entry entry = {};
		__u32 place = 2 * number;

		if (!bpf_map_lookup_elem(map, &place, &entry) && entry.fingerprint == fingerprint)
			return number;
	}
	return -1;
}

static int keep_place(int program, __u32 number, int from, __u64 fingerprint,
		      struct lana_error *error)
{
	for (int side = LANA_SIDE_A; side <= LANA_SIDE_B; side++) {
		struct lana_key_order order = { .place = 2 * number + side,
						.from = 2 * from + side,
						.fingerprint = fingerprint };
		int err = hand_over(program, &order);

		if (err)
			return refuse_contexts(err, error);
	}
	return 0;
}

/* Files are read for keys alone that the kernel has not got from an earlier option. */
static int fill_place(const struct crypt_key *skeleton, __u32 number,
		      const struct lana_key_file *option, struct lana_error *error)
{
	int from = find_old(bpf_map__fd(skeleton->maps.old_keys), option->fingerprint);

	if (from < 0)
		return make_place(bpf_program__fd(skeleton->progs.crypt_key), number, option,
				  error);
	return keep_place(bpf_program__fd(skeleton->progs.crypt_keep), number, from,
			  option->fingerprint, error);
}

/* ---- a block's ------------------------------------------------------------------------------ */

/* The options that are keys, in their order. */
static __u32 options_of(const struct type *type, const __u8 *config,
			struct lana_key_file options[LANA_KEYS_MAX],
			const char *names[LANA_KEYS_MAX])
{
	__u32 count = 0;

	for (__u32 i = 0; i < type->config.count && count < LANA_KEYS_MAX; i++) {
		const struct field *field = &type->config.fields[i];

		if (field->kind != FIELD_KEY)
			continue;
		memcpy(&options[count], config + field->field.offset, sizeof(*options));
		names[count++] = field->field.name;
	}
	return count;
}

/* The number of a type's own map of that name and size; -1: it is not as lana/crypt.h has it. */
static int own_index(const struct type *type, const char *name, __u32 size)
{
	for (__u32 i = 0; i < type->own_count; i++)
		if (!strcmp(bpf_map__name(type->own[i]), name) &&
		    bpf_map__value_size(type->own[i]) == size)
			return i;
	return -1;
}

static int open_map(struct lana_stack *stack, const struct type *type, __u32 cell, int i, int *fd,
		    struct lana_error *error)
{
	struct weave_own own[WEAVE_OWN_MAX];
	int err = state_open(stack, type, cell, own, error);

	if (err)
		return err;
	*fd = own[i].instance;
	state_close(own, i);
	state_close(own + i + 1, type->own_count - i - 1);
	return 0;
}

/* Are the keys of a map those of the options? */
static bool has_keys(int map, const struct lana_key_file *options, __u32 count)
{
	for (__u32 number = 0; number < count; number++) {
		struct key_entry entry = {};
		__u32 place = 2 * number;

		if (bpf_map_lookup_elem(map, &place, &entry) ||
		    entry.fingerprint != options[number].fingerprint)
			return false;
	}
	return true;
}

/*
 * Numbers begin with the time, so that they are higher than those of whoever had the key before;
 * should the clock have been set back meanwhile, a random number in each packet keeps them apart.
 */
static int begin_numbers(int map)
{
	struct lana_crypt_numbers numbers = {};
	struct timespec now;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(map, &zero, &numbers))
		return -errno;
	if (numbers.next)
		return 0;
	if (getrandom(&numbers.salt, sizeof(numbers.salt), 0) != sizeof(numbers.salt) ||
	    clock_gettime(CLOCK_REALTIME, &now))
		return -errno;
	numbers.next = now.tv_sec * 1000000000ULL + now.tv_nsec;
	return bpf_map_update_elem(map, &zero, &numbers, BPF_ANY) ? -errno : 0;
}

/* A packet names its key by one byte. */
static int check_ids(const struct lana_key_file *options, const char *const *names, __u32 count,
		     struct lana_error *error)
{
	for (__u32 i = 0; i < count; i++)
		for (__u32 j = 0; j < i; j++)
			if (*options[i].name && *options[j].name &&
			    options[i].fingerprint != options[j].fingerprint &&
			    (__u8)options[i].fingerprint == (__u8)options[j].fingerprint)
				return refuse(error, -EINVAL,
					      "packets could not tell the keys of %s and %s apart: "
					      "make another one",
					      names[j], names[i]);
	return 0;
}

/* keys, numbers: of the type's maps; old: a map of keys, which another one takes the place of. */
static int install(struct commit *commit, struct change *change, const struct type *type, int keys,
		   int numbers, int old, const struct lana_key_file *options, __u32 count,
		   struct lana_error *error)
{
	_cleanup_(crypt_key__destroy_p) struct crypt_key *skeleton = NULL;
	_cleanup_close_ int map = -1, state = -1;
	int err = carry_apart(commit, change, type, error);

	if (!err)
		err = state_renew(commit->stack, type, keys, change->new.cell, 0, &map, error);
	if (!err)
		err = open_map(commit->stack, type, change->new.cell, numbers, &state, error);
	if (err)
		return err;
	err = begin_numbers(state);
	if (err)
		return refuse(error, err, "cannot begin a sequence: %s", strerror(-err));
	err = open_programs(map, old, &skeleton);
	if (err)
		return refuse_contexts(err, error);
	for (__u32 number = 0; !err && number < count; number++)
		if (*options[number].name)
			err = fill_place(skeleton, number, &options[number], error);
	return err;
}

int key_fill(struct commit *commit, __u32 idp, const struct type *type, struct lana_error *error)
{
	struct change *change = commit_change(commit, idp);
	struct lana_key_file options[LANA_KEYS_MAX];
	const char *names[LANA_KEYS_MAX];
	_cleanup_close_ int map = -1;
	int keys, numbers, err;
	__u32 count;

	count = change ? options_of(type, change->new.config, options, names) : 0;
	if (!count)
		return 0;
	keys = own_index(type, "lana_keys", sizeof(struct key_entry));
	numbers = own_index(type, "lana_numbers", sizeof(struct lana_crypt_numbers));
	if (keys < 0 || numbers < 0)
		return refuse(error, -EINVAL,
			      "type '%s' has keys, and not the maps of lana/crypt.h", type->name);
	err = check_ids(options, names, count, error);
	if (!err)
		err = open_map(commit->stack, type, change->new.cell, keys, &map, error);
	if (err || has_keys(map, options, count))
		return err;
	return install(commit, change, type, keys, numbers, map, options, count, error);
}

/* ---- telling -------------------------------------------------------------------------------- */

static int list(struct lana_stack *stack, const struct record *record, struct lana_key_info **keys,
		size_t *result, struct lana_error *error)
{
	struct lana_key_file options[LANA_KEYS_MAX];
	const char *names[LANA_KEYS_MAX];
	struct lana_key_info *infos;
	const struct type *type;
	size_t used = 0;
	__u32 count;
	int err = types_get(stack, record->type, record->version, &type, error);

	if (err)
		return err;
	count = options_of(type, record->config, options, names);
	if (!count)
		return refuse(error, -EINVAL, "block '%s' is of type '%s', which has no keys",
			      record->name, type->name);
	infos = calloc(count, sizeof(*infos));
	if (!infos)
		return refuse(error, -ENOMEM, "out of memory");
	for (__u32 i = 0; i < count; i++) {
		if (!*options[i].name)
			continue;
		snprintf(infos[used].option, sizeof(infos[used].option), "%s", names[i]);
		snprintf(infos[used].file, sizeof(infos[used].file), "%.47s", options[i].name);
		key_format(&options[i], infos[used].fingerprint);
		used++;
	}
	*keys = infos;
	*result = used;
	return 0;
}

int lana_block_keys(struct lana_stack *stack, const char *name, struct lana_key_info **keys,
		    size_t *count, struct lana_error *error)
{
	__u32 idp;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = stack_find(stack, name, &idp, error);
	return err ?: list(stack, &stack->registry->records[idp], keys, count, error);
}
