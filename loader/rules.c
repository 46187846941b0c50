// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "carry.h"
#include "cleanup.h"
#include "error.h"
#include "rules.h"
#include "state.h"
#include "table.h"
#include "types.h"

/* ---- the option ----------------------------------------------------------------------------- */

static int parse_text(char *text, size_t size, const char *file, struct rules *rules,
		      struct lana_error *error)
{
	if (strlen(text) != size)
		return refuse(error, -EINVAL, "'%s' is no text", file);
	return rules_parse(text, file, rules, error);
}

/* All of the option follows from the file, so that a stack file says whether it is another. */
int rules_option(const char *name, const char *file, void *bytes, struct lana_error *error)
{
	_cleanup_(rules_free) struct rules rules = {};
	_cleanup_free_ char *text = NULL;
	struct lana_rules_file option = {};
	size_t size = 0;
	int err;

	if (strlen(file) >= sizeof(option.name))
		return refuse(error, -ERANGE, "%s=%s is longer than %zu bytes", name, file,
			      sizeof(option.name) - 1);
	if (*file) {
		err = table_read(file, &text, &size, error);
		if (err)
			return err;
		strcpy(option.name, file);
		option.sum = table_sum(text, size);
		err = parse_text(text, size, file, &rules, error);
		if (err)
			return err;
	}
	for (__u32 i = 0; i < rules.count; i++)
		option.states |= rules.all[i].states;
	memcpy(bytes, &option, sizeof(option));
	return 0;
}

static const struct field *option_of(const struct type *type)
{
	for (__u32 i = 0; i < type->config.count; i++)
		if (type->config.fields[i].kind == FIELD_RULES)
			return &type->config.fields[i];
	return NULL;
}

/* ---- maps ----------------------------------------------------------------------------------- */

/*
 * Which of a type's own maps has that name; -1: none, and the type is not as lana/rules.h has it.
 */
static int own_index(const struct type *type, const char *name)
{
	for (__u32 i = 0; i < type->own_count; i++)
		if (!strcmp(bpf_map__name(type->own[i]), name))
			return i;
	return -1;
}

/* Open a map of a cell. -ENOENT: there is none. */
static int open_map(struct lana_stack *stack, const struct type *type, __u32 cell, const char *name,
		    int *fd)
{
	struct weave_own own[WEAVE_OWN_MAX];
	int i = own_index(type, name), err;

	if (i < 0)
		return -ENOENT;
	err = state_open(stack, type, cell, own, NULL);
	if (err)
		return err;
	*fd = own[i].instance;
	own[i].instance = -1;
	for (__u32 j = 0; j < type->own_count; j++)
		if (own[j].instance >= 0)
			close(own[j].instance);
	return 0;
}

/* What a block's cell holds. Rules that were never filled in are none. */
static int read_rules(struct lana_stack *stack, const struct type *type, __u32 cell,
		      struct rules *rules)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info), count, batch;
	_cleanup_free_ __u32 *keys = NULL;
	_cleanup_close_ int fd = -1;
	int err = open_map(stack, type, cell, "rules_list", &fd);

	if (err)
		return err;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.value_size != sizeof(*rules->all))
		return -ENOENT;
	count = info.max_entries;
	rules->all = calloc(count, sizeof(*rules->all));
	keys = calloc(count, sizeof(*keys));
	if (!rules->all || !keys)
		return -ENOMEM;
	if (bpf_map_lookup_batch(fd, NULL, &batch, keys, rules->all, &count, NULL) &&
	    errno != ENOENT)
		return -errno;
	while (count && !rules->all[count - 1].line)
		count--;
	rules->count = count;
	return 0;
}

static int update(int fd, const void *keys, const void *values, __u32 count)
{
	__u32 done = count;

	return count && bpf_map_update_batch(fd, keys, values, &done, NULL) ? -errno : 0;
}

/* Make a map anew and fill it. keys NULL: it is an array. */
static int fill(struct lana_stack *stack, const struct type *type, __u32 cell, const char *name,
		const void *keys, const void *values, __u32 count, __u32 entries,
		struct lana_error *error)
{
	_cleanup_free_ __u32 *numbers = calloc(count + 1, sizeof(*numbers));
	_cleanup_close_ int fd = -1;
	int i = own_index(type, name), err;

	if (i < 0)
		return refuse(error, -EINVAL, "type '%s' has no map %s (see lana/rules.h)",
			      type->name, name);
	if (!numbers)
		return refuse(error, -ENOMEM, "out of memory");
	for (__u32 n = 0; n < count; n++)
		numbers[n] = n;
	err = state_renew(stack, type, i, cell, entries, &fd, error);
	if (err)
		return err;
	err = update(fd, keys ?: numbers, values, count);
	return err ? refuse(error, err, "cannot fill map %s: %s", name, strerror(-err)) : 0;
}

static int fill_all(struct lana_stack *stack, const struct type *type, __u32 cell,
		    const struct rules *rules, const struct rules_tables *t,
		    struct lana_error *error)
{
	const struct {
		const char *name;
		const void *keys, *values;
		__u32 count, entries; /* 0: as many as the type says */
	} maps[] = {
		{ "rules_from", t->from.keys, t->from.values, t->from.count, 0 },
		{ "rules_to", t->to.keys, t->to.values, t->to.count, 0 },
		{ "rules_ports", NULL, t->ports, 2 * (LANA_RULE_NO_PORT + 1), 0 },
		{ "rules_kinds", NULL, t->kinds, 256 * LANA_CT_STATES, 0 },
		{ "rules_vectors", NULL, t->vectors, t->vectors_count, t->vectors_count },
		{ "rules_list", NULL, rules->all, rules->count, rules->count ?: 1 },
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(maps); i++)
		err = fill(stack, type, cell, maps[i].name, maps[i].keys, maps[i].values,
			   maps[i].count, maps[i].entries, error);
	return err;
}

/* ---- filling -------------------------------------------------------------------------------- */

/* The rules that the block has in the stack as it is; none if those are not to be carried. */
static int rules_before(struct lana_stack *stack, const struct change *change,
			const struct type *type, struct rules *rules,
			struct lana_rules_file *option)
{
	const struct type *old;
	const struct field *field;
	int err;

	if (!change->old.name[0] || change->dropped ||
	    types_get(stack, change->old.type, change->old.version, &old, NULL))
		return 0;
	field = option_of(old);
	if (!field || strcmp(old->name, type->name))
		return 0;
	memcpy(option, change->old.config + field->field.offset, sizeof(*option));
	err = read_rules(stack, old, change->old.cell, rules);
	return err == -ENOENT ? 0 : err;
}

static int parse(const struct lana_rules_file *option, struct rules *rules,
		 struct lana_error *error)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int err;

	if (!*option->name)
		return 0;
	err = table_read(option->name, &text, &size, error);
	if (!err && table_sum(text, size) != option->sum)
		err = refuse(error, -EAGAIN, "'%s' was changed while it was read", option->name);
	return err ?: parse_text(text, size, option->name, rules, error);
}

static int install(struct commit *commit, struct change *change, const struct type *type,
		   const struct rules *old, struct rules *rules, struct lana_error *error)
{
	_cleanup_(rules_tables_free) struct rules_tables tables = {};
	_cleanup_close_ int hits = -1;
	int err = rules_compile(rules, &tables);

	if (err)
		return refuse(error, err, "no memory for so many rules");
	err = carry_apart(commit, change, type, error);
	if (err)
		return err;
	err = open_map(commit->stack, type, change->new.cell, "rules_hits", &hits);
	if (!err)
		err = rules_give_slots(hits, old, rules);
	if (err)
		return refuse(error, err, "cannot count the rules of '%s': %s", change->new.name,
			      strerror(-err));
	return fill_all(commit->stack, type, change->new.cell, rules, &tables, error);
}

int rules_fill(struct commit *commit, __u32 idp, const struct type *type, struct lana_error *error)
{
	_cleanup_(rules_free) struct rules rules = {}, old = {};
	const struct field *field = option_of(type);
	struct lana_rules_file option, before = {};
	struct change *change = commit_change(commit, idp);
	int err;

	if (!field || !change)
		return 0;
	memcpy(&option, change->new.config + field->field.offset, sizeof(option));
	err = rules_before(commit->stack, change, type, &old, &before);
	if (err)
		return refuse(error, err, "cannot read the rules of '%s': %s", change->new.name,
			      strerror(-err));
	if (!strcmp(option.name, before.name) && option.sum == before.sum)
		return 0;
	err = parse(&option, &rules, error);
	return err ?: install(commit, change, type, &old, &rules, error);
}

/* ---- telling -------------------------------------------------------------------------------- */

static __u64 packets_of(int hits, __u32 slot, __u64 *values)
{
	__u64 sum = 0;

	if (bpf_map_lookup_elem(hits, &slot, values))
		return 0;
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += values[cpu];
	return sum;
}

static int describe(int hits, const struct rules *rules, struct lana_rule_info **result)
{
	_cleanup_free_ struct lana_rule_info *infos = calloc(rules->count + 1, sizeof(*infos));
	_cleanup_free_ __u64 *values = calloc(libbpf_num_possible_cpus(), sizeof(*values));

	if (!infos || !values)
		return -ENOMEM;
	for (__u32 i = 0; i < rules->count; i++) {
		infos[i].line = rules->all[i].line;
		infos[i].packets = packets_of(hits, rules->all[i].slot, values);
		rules_format(&rules->all[i], infos[i].text, sizeof(infos[i].text));
	}
	*result = TAKE_PTR(infos);
	return 0;
}

static int list(struct lana_stack *stack, const struct record *record,
		struct lana_rule_info **infos, size_t *count, struct lana_error *error)
{
	_cleanup_(rules_free) struct rules rules = {};
	_cleanup_close_ int hits = -1;
	const struct type *type;
	int err = types_get(stack, record->type, record->version, &type, error);

	if (err)
		return err;
	if (!option_of(type))
		return refuse(error, -EINVAL, "block '%s' is of type '%s', which has no rules",
			      record->name, type->name);
	err = read_rules(stack, type, record->cell, &rules);
	if (!err)
		err = open_map(stack, type, record->cell, "rules_hits", &hits);
	if (!err)
		err = describe(hits, &rules, infos);
	if (err)
		return refuse(error, err, "cannot read the rules of '%s': %s", record->name,
			      strerror(-err));
	*count = rules.count;
	return 0;
}

int lana_block_rules(struct lana_stack *stack, const char *name, struct lana_rule_info **rules,
		     size_t *count, struct lana_error *error)
{
	__u32 idp;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = stack_find(stack, name, &idp, error);
	return err ?: list(stack, &stack->registry->records[idp], rules, count, error);
}
