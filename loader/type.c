// SPDX-License-Identifier: GPL-2.0-only
/*
 * type - read a type from its object file
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "elf.h"
#include "error.h"
#include "kfunc.h"
#include "table.h"
#include "type.h"

/* The sections and maps that LANA_BLOCK makes, and where their descriptors belong. */
static const struct {
	const char *name;
	size_t place; /* in struct weave_maps */
} own_maps[] = {
	{ "lana_table_xdp", offsetof(struct weave_maps, tables[LANA_XDP]) },
	{ "lana_table_tc", offsetof(struct weave_maps, tables[LANA_TC]) },
	{ ".data.config", offsetof(struct weave_maps, config) },
	{ ".data.counters", offsetof(struct weave_maps, counters) },
	{ ".data.context", offsetof(struct weave_maps, context) },
	{ ".data.ports", offsetof(struct weave_maps, ports) },
	{ ".data.filter", offsetof(struct weave_maps, filter) },
};

static int *own_map(struct weave_maps *maps, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_maps); i++)
		if (!strcmp(name, own_maps[i].name))
			return (void *)maps + own_maps[i].place;
	return NULL;
}

void type_maps(const struct bpf_object *object, struct weave_maps *maps)
{
	struct bpf_map *map;

	*maps = (struct weave_maps){ { -1, -1 }, -1, -1, -1, -1, -1 };
	bpf_object__for_each_map (map, object) {
		int *place = own_map(maps, bpf_map__name(map));

		if (place)
			*place = bpf_map__fd(map);
	}
}

static int read_descriptor(struct type *type, struct lana_error *error)
{
	struct bpf_map *map = bpf_object__find_map_by_name(type->object, ".rodata.lana");
	const struct lana_type_descriptor *descriptor;
	size_t size = 0;

	descriptor = map ? bpf_map__initial_value(map, &size) : NULL;
	if (!descriptor || size < sizeof(*descriptor))
		return refuse(error, -EINVAL, "the object holds no block (LANA_BLOCK is missing)");
	if (descriptor->abi != LANA_ABI)
		return refuse(error, -EINVAL,
			      "built for ABI %u of lana, this is ABI %u: rebuild it",
			      descriptor->abi, LANA_ABI);
	if (!isalpha((unsigned char)descriptor->name[0]) ||
	    !memchr(descriptor->name, 0, sizeof(descriptor->name)))
		return refuse(error, -EINVAL, "the type's name is not a C identifier");
	for (const char *c = descriptor->name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			return refuse(error, -EINVAL, "the type's name is not a C identifier");
	strcpy(type->name, descriptor->name);
	type->turns = descriptor->turns;
	type->copies = descriptor->copies;
	type->user = descriptor->user;
	if (LANA_COPYING_KIND(type->copies) >= LANA_COPYING_KINDS ||
	    LANA_COPYING_PORT(type->copies) >= LANA_PORTS_MAX)
		return refuse(error, -EINVAL, "it sends packets on in a way that is not known");
	return 0;
}

/* Names that an enum of a type gives to numbers. */
struct names {
	const char *kind; /* "port" */
	__u32 max;
	char (*list)[LANA_NAME_MAX];
	__u32 *count;
};

/* Enumerator TTL_DEAD of type ttl is "dead". */
static int read_names(const struct type *type, const struct names *names, struct lana_error *error)
{
	const struct btf_enum *value;
	const struct btf_type *t;
	char name[LANA_NAME_MAX + 8];
	size_t prefix = strlen(type->name) + 1;
	__s32 id;

	snprintf(name, sizeof(name), "%s_%s", type->name, names->kind);
	id = btf__find_by_name_kind(type->btf, name, BTF_KIND_ENUM);
	if (id < 0)
		return 0;

	t = btf__type_by_id(type->btf, id);
	value = btf_enum(t);
	if (btf_vlen(t) > names->max)
		return refuse(error, -EINVAL, "type '%s' has %u %ss, at most %u are possible",
			      type->name, btf_vlen(t), names->kind, names->max);
	for (__u32 number = 0; number < btf_vlen(t); number++, value++) {
		const char *text = btf__name_by_offset(type->btf, value->name_off);

		if (value->val != (__s32)number || !text || strlen(text) <= prefix ||
		    strlen(text) - prefix >= LANA_NAME_MAX ||
		    strncasecmp(text, type->name, prefix - 1) || text[prefix - 1] != '_')
			return refuse(error, -EINVAL,
				      "enum %s must be named %s_… and count up from 0", name,
				      type->name);
		for (size_t i = 0; text[prefix + i]; i++)
			names->list[number][i] = tolower((unsigned char)text[prefix + i]);
	}
	*names->count = btf_vlen(t);
	return 0;
}

static int read_ports(struct type *type, struct lana_error *error)
{
	const struct names ports = { "port", LANA_PORTS_MAX, type->ports, &type->ports_count };

	return read_names(type, &ports, error);
}

static int read_events(struct type *type, struct lana_error *error)
{
	const struct names events = { "event", LANA_EVENTS_MAX, type->events, &type->events_count };

	return read_names(type, &events, error);
}

/* The section is the struct, a byte and what aligns it: more would lie in a neighbour's place. */
static bool fits(const struct type *type, const char *section, __u32 size)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(type->object, section);

	return !map || bpf_map__value_size(map) <= size + sizeof(__u64);
}

static int read_structs(struct type *type, struct lana_error *error)
{
	char name[LANA_NAME_MAX + 16];
	int err;

	snprintf(name, sizeof(name), "%s_config", type->name);
	err = layout_read(type->btf, name, LANA_CONFIG_MAX, &type->config, error);
	if (err)
		return err;

	snprintf(name, sizeof(name), "%s_counters", type->name);
	err = layout_read(type->btf, name, LANA_COUNTERS_MAX, &type->counters, error);
	if (err)
		return err;
	if (type->config.has_filter != !!bpf_object__find_map_by_name(type->object, ".data.filter"))
		return refuse(error, -EINVAL,
			      type->config.has_filter
				      ? "type '%s' has a filter and never asks lana_match()"
				      : "type '%s' asks lana_match() and has no struct lana_filter "
					"among its options",
			      type->name);
	if (!fits(type, ".data.config", type->config.size) ||
	    !fits(type, ".data.counters", type->counters.size))
		return refuse(error, -EINVAL,
			      "type '%s' has variables beside its config or counters", type->name);
	for (__u32 i = 0; i < type->counters.count; i++)
		if (type->counters.fields[i].kind != FIELD_INTEGER ||
		    type->counters.fields[i].field.size != sizeof(__u64))
			return refuse(error, -EINVAL, "counter '%s' of type '%s' is not a __u64",
				      type->counters.fields[i].field.name, type->name);
	return 0;
}

static int find_programs(struct type *type, struct lana_error *error)
{
	static const char *const suffixes[LANA_FLAVOURS] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };
	static const enum bpf_prog_type kinds[LANA_FLAVOURS] = {
		[LANA_XDP] = BPF_PROG_TYPE_XDP, [LANA_TC] = BPF_PROG_TYPE_SCHED_CLS
	};
	char name[LANA_NAME_MAX + 8];

	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		struct bpf_program *program;

		snprintf(name, sizeof(name), "%s_%s", type->name, suffixes[flavour]);
		program = bpf_object__find_program_by_name(type->object, name);
		if (!program || bpf_program__type(program) != kinds[flavour])
			return refuse(error, -EINVAL, "type '%s' lacks its program %s", type->name,
				      name);
		type->programs[flavour] = program;
	}
	snprintf(name, sizeof(name), "%s_event", type->name);
	type->event = bpf_object__find_program_by_name(type->object, name);
	if (type->event && bpf_program__type(type->event) != BPF_PROG_TYPE_SCHED_CLS)
		return refuse(error, -EINVAL, "program %s of type '%s' is of another kind", name,
			      type->name);
	return 0;
}

static bool holds_maps(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
	       bpf_map__type(map) == BPF_MAP_TYPE_HASH_OF_MAPS ||
	       bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY;
}

static bool is_per_cpu(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_HASH ||
	       bpf_map__type(map) == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* The kernel would try, for a minute, and take the memory of others for it. */
static int check_size(const struct type *type, const struct bpf_map *map, struct lana_error *error)
{
	__u64 entry = (__u64)bpf_map__key_size(map) + bpf_map__value_size(map);
	__u64 memory = (__u64)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	if (is_per_cpu(map))
		entry *= libbpf_num_possible_cpus();
	if (entry && bpf_map__max_entries(map) > memory / 2 / entry)
		return refuse(error, -E2BIG,
			      "type '%s': map '%s' would take more than half of the memory",
			      type->name, bpf_map__name(map));
	return 0;
}

/*
 * Maps pinned by name are the stack's; of all others each block gets a copy. Variables cannot be
 * copied (the program holds their addresses), so they may only be constant.
 */
static int sort_maps(struct type *type, struct lana_error *error)
{
	struct weave_maps unused;
	struct bpf_map *map;

	bpf_object__for_each_map (map, type->object) {
		const char *name = bpf_map__name(map);
		int err = check_size(type, map, error);

		if (err)
			return err;
		/*
		 * Not even as one of ours: libbpf, when it loads them, takes their BTF for granted.
		 */
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			return refuse(error, -EINVAL,
				      "type '%s': map '%s' is of a kind that blocks cannot have",
				      type->name, name);
		if (own_map(&unused, name) && bpf_map__max_entries(map) != 1)
			return refuse(error, -EINVAL,
				      "type '%s': map '%s' is not as lana/block.h declares it",
				      type->name, name);
		if (own_map(&unused, name) || bpf_map__pin_path(map) ||
		    !strncmp(name, ".rodata", strlen(".rodata")))
			continue;
		if (bpf_map__is_internal(map))
			return refuse(error, -EINVAL,
				      "type '%s' keeps state in variables: use a map", type->name);
		if (holds_maps(map))
			return refuse(error, -EINVAL,
				      "type '%s': map '%s' is of a kind that blocks cannot have",
				      type->name, name);
		if (type->own_count == WEAVE_OWN_MAX)
			return refuse(error, -EINVAL, "type '%s' has more than %d maps", type->name,
				      WEAVE_OWN_MAX);
		type->own[type->own_count++] = map;
	}
	return 0;
}

static int parse(struct type *type, struct lana_error *error)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "lana");
	int err;

	err = elf_check(type->image, type->image_size, error);
	if (err)
		return err;
	type->object = bpf_object__open_mem(type->image, type->image_size, &options);
	err = libbpf_get_error(type->object);
	if (err) {
		type->object = NULL;
		if (err == -ENOENT &&
		    !memmem(type->image, type->image_size, ".BTF", sizeof(".BTF")))
			return refuse(error, -EINVAL, "the object has no BTF (compile it with -g)");
		return refuse(error, -EINVAL, "not a BPF object file (%s)",
			      err == -LIBBPF_ERRNO__FORMAT || err == -EINVAL ? "broken or cut short"
									     : strerror(-err));
	}
	type->btf = bpf_object__btf(type->object);
	if (!type->btf)
		return refuse(error, -EINVAL, "the object has no BTF (compile it with -g)");

	err = read_descriptor(type, error);
	if (!err)
		err = find_programs(type, error);
	if (!err)
		err = read_ports(type, error);
	if (!err)
		err = read_events(type, error);
	if (!err)
		err = read_structs(type, error);
	if (!err)
		err = sort_maps(type, error);
	if (!err)
		err = table_find(type, error);
	return err;
}

int type_parse(void *image, size_t size, struct type **result, struct lana_error *error)
{
	_cleanup_(type_free_p) struct type *type = calloc(1, sizeof(*type));
	int err;

	if (!type)
		return -ENOMEM;

	type->image = image;
	type->image_size = size;
	libbpf_hush();
	err = parse(type, error);
	libbpf_speak();
	if (err) {
		type->image = NULL; /* still the caller's */
		return err;
	}
	*result = TAKE_PTR(type);
	return 0;
}

void type_free(struct type *type)
{
	if (!type)
		return;
	kfunc_close_modules(type);
	bpf_object__close(type->object);
	free(type->image);
	free(type);
}

void type_free_p(struct type **type)
{
	type_free(*type);
}

int type_port(const struct type *type, const char *text, __u32 *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (isdigit((unsigned char)*text) && !*end && number < type->ports_count) {
		*port = number;
		return 0;
	}
	for (__u32 i = 0; i < type->ports_count; i++)
		if (!strcmp(type->ports[i], text)) {
			*port = i;
			return 0;
		}
	return -ENOENT;
}
