// SPDX-License-Identifier: GPL-2.0-only
/*
 * types - types are looked up, loaded, unloaded and listed
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "types.h"
#include "types_folder.h"

#define OBJECT_MAX    (16 << 20) /* bytes of an object file */
#define FIRST_VERSION 1
#define TYPE_PATH_MAX 1200

/* *version 0: there is none. */
static int find_newest(const struct lana_stack *stack, const char *name, __u32 *version,
		       struct lana_error *error)
{
	_cleanup_(type_pins_free) struct type_pins pins = {};
	int err;

	*version = 0;
	for (const struct type *type = stack->types; type && !*version; type = type->next)
		if (type->is_newest && !strcmp(type->name, name))
			*version = type->version;
	if (*version)
		return 0;
	err = type_pins_read(stack, name, &pins);
	if (err)
		return refuse(error, err, "cannot list the types: %s", strerror(-err));
	if (pins.count)
		*version = pins.list[pins.count - 1].version;
	return 0;
}

__u32 types_version(const struct lana_stack *stack, const char *name)
{
	__u32 version;

	find_newest(stack, name, &version, NULL);
	return version;
}

bool types_any(const struct lana_stack *stack)
{
	_cleanup_(type_pins_free) struct type_pins pins = {};

	return type_pins_read(stack, NULL, &pins) || pins.count;
}

/* ---- the cache ------------------------------------------------------------------------ */

void types_forget(struct lana_stack *stack)
{
	while (stack->types) {
		struct type *next = stack->types->next;

		type_free(stack->types);
		stack->types = next;
	}
}

static int verify(struct lana_stack *stack, struct type *type, struct lana_error *error)
{
	char shared[320];

	return type_verify(type, stack_path(stack, shared, sizeof(shared), "shared"),
			   stack->verbose, stack->cookie, error);
}

/* Of the cache, which gets it if it is not there yet. */
static int get(struct lana_stack *stack, const char *name, __u32 version, struct type **result,
	       struct lana_error *error)
{
	_cleanup_free_ void *image = NULL;
	struct type *type;
	size_t size = 0;
	int err;

	for (type = stack->types; type; type = type->next)
		if (type->version == version && !strcmp(type->name, name)) {
			*result = type;
			return 0;
		}

	err = type_image_read(stack, name, version, &image, &size);
	if (err)
		return refuse(error, err, "type '%s' (version %u) is not loaded: %s", name, version,
			      strerror(-err));
	err = type_parse(image, size, &type, error);
	if (err)
		return err;
	image = NULL;
	type->version = version;
	type->is_newest = version == types_version(stack, name);
	type->next = stack->types;
	stack->types = type;
	*result = type;
	return 0;
}

static void forget(struct lana_stack *stack, struct type *type)
{
	struct type **at = &stack->types;

	while (*at != type)
		at = &(*at)->next;
	*at = type->next;
	type_free(type);
}

int types_read(struct lana_stack *stack, const char *name, __u32 version,
	       const struct type **result, struct lana_error *error)
{
	struct type *type;
	int err = get(stack, name, version, &type, error);

	if (!err)
		*result = type;
	return err;
}

int types_get(struct lana_stack *stack, const char *name, __u32 version, const struct type **result,
	      struct lana_error *error)
{
	struct type *type;
	int err = get(stack, name, version, &type, error);

	if (err)
		return err;
	err = type->verified ? 0 : verify(stack, type, error);
	if (err) {
		forget(stack, type); /* libbpf loads an object once */
		return err;
	}
	*result = type;
	return 0;
}

/* ---- loading -------------------------------------------------------------------------- */

static int read_file(const char *path, void **image, size_t *size, struct lana_error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *bytes = NULL;
	size_t length = 0;
	struct stat info;

	if (fd < 0 || fstat(fd, &info))
		return refuse(error, -errno, "cannot read '%s': %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode) || info.st_size > OBJECT_MAX)
		return refuse(error, -EINVAL, "'%s' is not an object file", path);
	bytes = calloc(1, info.st_size + 1);
	if (!bytes)
		return refuse(error, -ENOMEM, "out of memory");
	while (length < (size_t)info.st_size) {
		ssize_t got = read(fd, bytes + length, info.st_size - length);

		if (got < 0)
			return refuse(error, -errno, "cannot read '%s': %s", path, strerror(errno));
		if (!got)
			break;
		length += got;
	}
	*image = TAKE_PTR(bytes);
	*size = length;
	return 0;
}

/* Prefix the error with the file's name. */
static int in_file(int err, const char *path, struct lana_error *error)
{
	struct lana_error inner;

	if (!error || err >= 0)
		return err;
	inner = *error;
	return refuse(error, err, "%s: %.*s", path, 400, inner.text);
}

static bool is_version_used(const struct registry *registry, const struct type_pin *pin)
{
	registry_for_each (registry, idp)
		if (registry->records[idp].version == pin->version &&
		    !strcmp(registry->records[idp].type, pin->name))
			return true;
	return false;
}

/* Remove the versions of a type that neither a block uses nor a new block would use. */
static void drop_stale(struct lana_stack *stack, const char *name)
{
	_cleanup_(type_pins_free) struct type_pins pins = {};

	type_pins_read(stack, name, &pins);
	for (size_t i = 0; i + 1 < pins.count; i++)
		if (!is_version_used(stack->registry, &pins.list[i]))
			type_image_remove(stack, name, pins.list[i].version);
}

static int compare_image(struct lana_stack *stack, const struct type *type, __u32 version,
			 bool *same, struct lana_error *error)
{
	_cleanup_free_ void *image = NULL;
	size_t size = 0;
	int err = version ? type_image_read(stack, type->name, version, &image, &size) : 0;

	if (err)
		return refuse(error, err, "cannot read type '%s' (version %u): %s", type->name,
			      version, strerror(-err));
	*same = version && size == type->image_size && !memcmp(image, type->image, size);
	return 0;
}

/*
 * Add what is in the file to the stack. expected: the name it must have, or NULL. Unseen: the
 * commit for whose sake it is done tells it.
 */
static int load_file(struct lana_stack *stack, const char *path, const char *expected, bool unseen,
		     struct lana_error *error)
{
	_cleanup_(type_free_p) struct type *type = NULL;
	_cleanup_free_ void *image = NULL;
	__u32 version;
	bool same = false;
	size_t size = 0;
	int err;

	err = read_file(path, &image, &size, error);
	if (err)
		return err;
	err = type_parse(image, size, &type, error);
	if (err)
		return in_file(err, path, error);
	image = NULL;
	if (expected && strcmp(type->name, expected))
		return refuse(error, -EINVAL, "'%s' holds type '%s', not '%s'", path, type->name,
			      expected);

	err = find_newest(stack, type->name, &version, error);
	if (!err)
		err = compare_image(stack, type, version, &same, error);
	if (err || same)
		return err;
	err = verify(stack, type, error);
	if (err)
		return in_file(err, path, error);
	type->version = version + 1;
	err = type_image_write(stack, type);
	if (err)
		return refuse(error, err, "cannot keep type '%s': %s", type->name, strerror(-err));

	types_forget(stack);
	stack->types_generation = ++stack->registry->types_generation;
	drop_stale(stack, type->name);
	if (!unseen)
		log_note(stack, LANA_EVENT_TYPE, LOG_LOAD, type->name, type->version);
	return 0;
}

/* Find NAME.bpf.o in folders with ':' between. */
static int find_file(const char *list, const char *name, char path[TYPE_PATH_MAX],
		     struct lana_error *error)
{
	_cleanup_free_ char *folders = strdup(list);
	char *rest = folders, *folder;

	if (!folders)
		return refuse(error, -ENOMEM, "out of memory");
	while ((folder = strsep(&rest, ":"))) {
		snprintf(path, TYPE_PATH_MAX, "%s/%s.bpf.o", folder, name);
		if (*folder && !access(path, F_OK))
			return 0;
	}
	return refuse(error, -ENOENT,
		      "no type '%s' (looked for %s.bpf.o in %s, where each such file is a type)",
		      name, name, list);
}

static int load_name(struct lana_stack *stack, const char *name, bool unseen,
		     struct lana_error *error)
{
	char path[TYPE_PATH_MAX];
	int err = find_file(stack->types_path, name, path, error);

	return err ?: load_file(stack, path, name, unseen, error);
}

int types_parse(const char *folders, const char *name, struct type **type, struct lana_error *error)
{
	_cleanup_free_ void *image = NULL;
	char path[TYPE_PATH_MAX];
	size_t size = 0;
	int err = find_file(folders ?: LANA_TYPES_DIR, name, path, error);

	if (!err)
		err = read_file(path, &image, &size, error);
	if (err)
		return err;
	err = type_parse(image, size, type, error);
	if (err)
		return in_file(err, path, error);
	image = NULL;
	return 0;
}

int types_current(struct lana_stack *stack, const char *name, const struct type **type,
		  struct lana_error *error)
{
	__u32 version;
	int err = find_newest(stack, name, &version, error);

	if (err || version)
		return err ?: types_get(stack, name, version, type, error);
	err = check_name("type", name, error);
	if (!err)
		err = load_name(stack, name, true, error);
	if (err)
		return err;
	err = types_get(stack, name, FIRST_VERSION, type, error);
	if (err)
		types_undo(stack, name);
	return err;
}

static bool is_path(const char *text)
{
	static const char suffix[] = ".bpf.o";
	size_t length = strlen(text);

	return strchr(text, '/') ||
	       (length >= strlen(suffix) && !strcmp(text + length - strlen(suffix), suffix));
}

int lana_type_load(struct lana_stack *stack, const char *name_or_path, struct lana_error *error)
{
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	if (is_path(name_or_path))
		return load_file(stack, name_or_path, NULL, false, error);
	err = check_name("type", name_or_path, error);
	return err ?: load_name(stack, name_or_path, false, error);
}

static void forget_all(struct lana_stack *stack)
{
	types_forget(stack);
	stack->types_generation = ++stack->registry->types_generation;
}

/* Is a block of that type, or will one be? */
static bool is_used(const struct registry *registry, const char *name)
{
	registry_for_each (registry, idp)
		if (!strcmp(registry->records[idp].type, name))
			return true;
	for (__u32 i = 0; i < registry->pending; i++)
		if (!strcmp(registry->journal[i].record.type, name))
			return true;
	return false;
}

/* It is of the first version, as it was not there before. */
void types_undo(struct lana_stack *stack, const char *name)
{
	if (is_used(stack->registry, name))
		return;
	type_image_remove(stack, name, FIRST_VERSION);
	forget_all(stack);
}

/* Remove every version of a type, which no block uses. */
static int remove_all(struct lana_stack *stack, const char *name)
{
	_cleanup_(type_pins_free) struct type_pins pins = {};
	int err = type_pins_read(stack, name, &pins);

	for (size_t i = 0; !err && i < pins.count; i++)
		err = type_image_remove(stack, name, pins.list[i].version);
	forget_all(stack);
	return err;
}

int lana_type_unload(struct lana_stack *stack, const char *name, struct lana_error *error)
{
	__u32 version;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = find_newest(stack, name, &version, error);
	if (err)
		return err;
	if (!version)
		return refuse(error, -ENOENT, "type '%s' is not loaded", name);
	registry_for_each (stack->registry, idp)
		if (!strcmp(stack->registry->records[idp].type, name))
			return refuse(error, -EBUSY, "type '%s' is in use by block '%s'", name,
				      stack->registry->records[idp].name);

	err = remove_all(stack, name);
	if (err)
		return refuse(error, err, "cannot remove type '%s': %s", name, strerror(-err));
	log_note(stack, LANA_EVENT_TYPE, "unload %s", name);
	return 0;
}

/* The options that give a filter are none of the struct's fields. */
static void describe_filter(struct lana_type_info *info)
{
	for (int kind = LANA_FILTER_EXPR; kind <= LANA_FILTER_CODE; kind++) {
		struct lana_field *field = &info->config[info->config_count];

		if (info->config_count == sizeof(info->config) / sizeof(*info->config))
			return;
		strcpy(field->name, lana_filter_kind_name(kind));
		strcpy(field->type, "struct lana_filter");
		info->config_count++;
	}
}

static void describe(const struct lana_stack *stack, const struct type *type,
		     struct lana_type_info *info)
{
	*info = (struct lana_type_info){
		.version = type->version,
		.ports_count = type->ports_count,
		.config_count = type->config.count,
		.counters_count = type->counters.count,
		.events_count = type->events_count,
		.hears = type->event,
	};
	strcpy(info->name, type->name);
	memcpy(info->ports, type->ports, sizeof(info->ports));
	memcpy(info->events, type->events, sizeof(info->events));
	for (__u32 i = 0; i < type->config.count; i++)
		info->config[i] = type->config.fields[i].field;
	if (type->config.has_filter)
		describe_filter(info);
	for (__u32 i = 0; i < type->counters.count; i++)
		info->counters[i] = type->counters.fields[i].field;
	registry_for_each (stack->registry, idp) {
		const struct record *record = &stack->registry->records[idp];

		info->blocks +=
			record->version == type->version && !strcmp(record->type, type->name);
	}
}

int lana_type_list(struct lana_stack *stack, struct lana_type_info **types, size_t *count,
		   struct lana_error *error)
{
	_cleanup_(type_pins_free) struct type_pins pins = {};
	_cleanup_free_ struct lana_type_info *infos = NULL;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = type_pins_read(stack, NULL, &pins);
	if (err)
		return refuse(error, err, "cannot list the types: %s", strerror(-err));
	infos = calloc(pins.count + 1, sizeof(*infos));
	if (!infos)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < pins.count; i++) {
		const struct type *type;

		err = types_read(stack, pins.list[i].name, pins.list[i].version, &type, error);
		if (err)
			return err;
		describe(stack, type, &infos[i]);
	}
	*types = TAKE_PTR(infos);
	*count = pins.count;
	return 0;
}
