// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "carry.h"
#include "cleanup.h"
#include "convert.h"
#include "error.h"
#include "filter.h"
#include "move.h"
#include "state.h"
#include "types.h"

/* ---- what the user is told ---------------------------------------------------------------- */

static int add_note(struct commit *commit, const char *block, const char *place,
		    const struct lana_conversion *conversion)
{
	struct lana_conversion *grown =
		reallocarray(commit->conversions, commit->conversions_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	commit->conversions = grown;
	grown += commit->conversions_count++;
	*grown = *conversion;
	snprintf(grown->block, sizeof(grown->block), "%s", block);
	snprintf(grown->place, sizeof(grown->place), "%s", place);
	return 0;
}

static int note_whole(struct commit *commit, const char *block, const char *place,
		      enum lana_fate fate)
{
	return add_note(commit, block, place, &(struct lana_conversion){ .fate = fate });
}

/* Whether fields are lost or dropped the caller knows. */
static int note_fields(struct commit *commit, const char *block, const char *place,
		       const struct convert *convert, enum lana_fate loss)
{
	int err = 0;

	if (convert->same && convert->notes_count)
		return note_whole(commit, block, place, LANA_FATE_KEPT);
	for (size_t i = 0; !err && i < convert->notes_count; i++) {
		struct lana_conversion note = convert->notes[i];

		if (note.fate == LANA_FATE_LOST)
			note.fate = loss;
		err = add_note(commit, block, place, &note);
	}
	return err;
}

/* A block may be replaced twice by one commit: what counts is the last time. */
static void forget_notes(struct commit *commit, const char *block, bool of_options)
{
	size_t kept = 0;

	for (size_t i = 0; i < commit->conversions_count; i++) {
		const struct lana_conversion *note = &commit->conversions[i];

		if (strcmp(note->block, block) || !strcmp(note->place, "options") != of_options)
			commit->conversions[kept++] = *note;
	}
	commit->conversions_count = kept;
}

static int refuse_loss(struct lana_error *error, int err, const char *what, const char *block,
		       const char *why)
{
	return refuse(error, err, "%s of '%s' would be lost: %s (drop-state permits that)", what,
		      block, why);
}

/* ---- options ------------------------------------------------------------------------------ */

static __u32 config_id(const struct type *type)
{
	char name[LANA_NAME_MAX + 16];
	__s32 id;

	snprintf(name, sizeof(name), "%s_config", type->name);
	id = btf__find_by_name_kind(type->btf, name, BTF_KIND_STRUCT);
	return id > 0 && type->config.count ? id : 0;
}

int carry_config(struct commit *commit, const struct record *record, const struct type *old,
		 const struct type *new, bool may_lose, __u8 *config, struct lana_error *error)
{
	_cleanup_(convert_free_p) struct convert *convert = NULL;
	struct lana_error why = {};
	int err = convert_new(old->btf, config_id(old), new->btf, config_id(new), &convert, &why);

	if (!err) {
		forget_notes(commit, record->name, true);
		err = note_fields(commit, record->name, "options", convert, LANA_FATE_DROPPED);
	}
	if (!err)
		err = convert_run(convert, record->config, config,
				  may_lose ? CONVERT_LOSE : CONVERT_CHECK, &why);
	return err ? refuse_loss(error, err, "an option", record->name, why.text) : 0;
}

int carry_filter(struct commit *commit, struct record *record, const struct type *new,
		 bool may_lose, struct lana_error *error)
{
	struct lana_conversion note = { .field = "filter",
					.from = "struct lana_filter",
					.to = "struct lana_filter",
					.fate = LANA_FATE_KEPT };
	char why[64];

	if (!record->filter)
		return 0;
	if (!new->config.has_filter) {
		snprintf(why, sizeof(why), "type '%s' has none", new->name);
		if (!may_lose)
			return refuse_loss(error, -EINVAL, "the filter", record->name, why);
		note.fate = LANA_FATE_DROPPED;
		*note.to = 0;
		filter_drop(commit, record);
		record->filter = 0;
	}
	if (add_note(commit, record->name, "options", &note))
		return refuse(error, -ENOMEM, "out of memory");
	return 0;
}

/* ---- counters and maps: what can be ------------------------------------------------------- */

static int convert_counters(const struct type *old, const struct type *new,
			    struct convert **convert, struct lana_error *error)
{
	return convert_new(old->btf, state_counters_id(old), new->btf, state_counters_id(new),
			   convert, error);
}

static int convert_map(const struct type *old, const struct bpf_map *from, const struct type *new,
		       const struct bpf_map *to, struct convert **convert, struct lana_error *error)
{
	__u32 old_id = bpf_map__btf_value_type_id(from), new_id = bpf_map__btf_value_type_id(to);
	int err;

	if (!old_id && !new_id && bpf_map__value_size(from) == bpf_map__value_size(to))
		return convert_bytes(bpf_map__value_size(from), convert);
	if (!old_id || !new_id)
		return refuse(error, -EINVAL, "its source does not say what its values are");
	err = convert_new(old->btf, old_id, new->btf, new_id, convert, error);
	if (!err && ((*convert)->old_size != bpf_map__value_size(from) ||
		     (*convert)->new_size != bpf_map__value_size(to))) {
		convert_free(TAKE_PTR(*convert));
		return refuse(error, -EINVAL, "its values are not of the size of their type");
	}
	return err;
}

static int refuse_map(struct lana_error *error, const char *block, const struct bpf_map *map,
		      const char *why)
{
	char what[96];

	snprintf(what, sizeof(what), "map '%.60s'", bpf_map__name(map));
	return refuse_loss(error, -EINVAL, what, block, why);
}

static const char *map_kind(const struct bpf_map *map)
{
	return libbpf_bpf_map_type_str(bpf_map__type(map)) ?: "map";
}

/* Why entries of the one cannot be entries of the other, whatever they are; or NULL. */
static const char *why_not(const struct type *old, const struct bpf_map *from,
			   const struct type *new, const struct bpf_map *to, char text[160])
{
	if (!to)
		return "the new type has no such map";
	if (bpf_map__type(from) != bpf_map__type(to)) {
		snprintf(text, 160, "it is of type %s and would be of type %s", map_kind(from),
			 map_kind(to));
		return text;
	}
	if (!move_knows(bpf_map__type(from))) {
		snprintf(text, 160, "maps of type %s are kept only if they are declared alike",
			 map_kind(from));
		return text;
	}
	if (!state_keys_equal(old, from, new, to))
		return "its keys are laid out differently";
	return NULL;
}

static int plan_map(struct commit *commit, const char *block, const struct type *old,
		    const struct bpf_map *from, const struct type *new, struct lana_error *error)
{
	_cleanup_(convert_free_p) struct convert *convert = NULL;
	const struct bpf_map *to = state_twin(new, from);
	const char *name = bpf_map__name(from), *why;
	struct lana_error inner = {};
	char text[160];
	int err;

	if (to && state_maps_equal(old, from, new, to))
		return note_whole(commit, block, name, LANA_FATE_KEPT);
	why = why_not(old, from, new, to, text);
	if (!why && convert_map(old, from, new, to, &convert, &inner))
		why = inner.text;
	if (why) {
		err = note_whole(commit, block, name, LANA_FATE_LOST);
		return err ?: refuse_map(error, block, from, why);
	}
	err = note_fields(commit, block, name, convert, LANA_FATE_LOST);
	if (!err && *convert->lost)
		return refuse_map(error, block, from, convert->lost);
	return err;
}

static int plan_counters(struct commit *commit, const char *block, const struct type *old,
			 const struct type *new, struct lana_error *error)
{
	_cleanup_(convert_free_p) struct convert *convert = NULL;
	int err = convert_counters(old, new, &convert, error);

	if (!err)
		err = note_fields(commit, block, "counters", convert, LANA_FATE_LOST);
	if (!err && *convert->lost)
		return refuse_loss(error, -EINVAL, "counters", block, convert->lost);
	return err;
}

/* All of it is told, and what would be lost first is refused. */
static int plan(struct commit *commit, const char *block, const struct type *old,
		const struct type *new, struct lana_error *error)
{
	int first = plan_counters(commit, block, old, new, error);

	for (__u32 i = 0; i < old->own_count; i++) {
		int err = plan_map(commit, block, old, old->own[i], new, first ? NULL : error);

		first = first ?: err;
	}
	for (__u32 i = 0; i < new->own_count; i++)
		if (!state_twin(old, new->own[i]))
			first = first
					?: note_whole(commit, block, bpf_map__name(new->own[i]),
						      LANA_FATE_NEW);
	return first;
}

static int plan_dropping(struct commit *commit, const char *block, const struct type *old)
{
	int err =
		old->counters.count ? note_whole(commit, block, "counters", LANA_FATE_DROPPED) : 0;

	for (__u32 i = 0; !err && i < old->own_count; i++)
		err = note_whole(commit, block, bpf_map__name(old->own[i]), LANA_FATE_DROPPED);
	return err;
}

/* ---- doing it ----------------------------------------------------------------------------- */

typedef int mover(const struct move *move, struct lana_error *error);

static int finish_move(const struct move *move, struct lana_error *error)
{
	(void)error;
	return move_finish(move);
}

/* For each map whose entries have to be brought to another one. */
static int each_move(struct lana_stack *stack, const struct state *old, const struct state *new,
		     mover *run, const char *block, struct lana_error *error)
{
	for (__u32 i = 0; i < new->type->own_count; i++) {
		_cleanup_(convert_free_p) struct convert *convert = NULL;
		const struct bpf_map *to = new->type->own[i], *from = state_twin(old->type, to);
		struct lana_error why = {};
		struct move move = { stack, *old, *new, from, to, NULL };
		int err;

		if (!from || state_maps_equal(old->type, from, new->type, to))
			continue;
		err = convert_map(old->type, from, new->type, to, &convert, &why);
		move.convert = convert;
		if (!err)
			err = run(&move, &why);
		if (err) {
			refuse_map(error, block, from, why.text);
			return err;
		}
	}
	return 0;
}

/* Another cell, and maps for it. */
static int make_cell(struct commit *commit, struct change *change, const struct type *old,
		     const struct type *new, struct lana_error *error)
{
	const struct state before = { old, change->old.cell };
	struct state after = { new, state_free_cell(commit) };
	int err;

	change->new.cell = after.cell;
	commit->made_cells = true;
	err = state_create(commit->stack, new, after.cell, change->carries ? &before : NULL, error);
	if (err || !change->carries)
		return err;
	return each_move(commit->stack, &before, &after, move_begin, change->new.name, error);
}

void carry_forget(struct commit *commit, struct change *change)
{
	bool is_new = !change->old.name[0];

	change->carries = false;
	if (change->new.name[0] && (is_new || change->new.cell != change->old.cell))
		state_remove(commit->stack, change->new.cell);
	forget_notes(commit, change->new.name, false);
}

int carry_begin(struct commit *commit, __u32 idp, const struct type *type, bool drop,
		struct lana_error *error)
{
	struct change *change = commit_change(commit, idp);
	bool is_new = !change->old.name[0];
	const struct type *old = NULL;
	int err = 0;

	carry_forget(commit, change);
	change->dropped |= drop;
	if (!is_new)
		err = types_get(commit->stack, change->old.type, change->old.version, &old, error);
	if (!err && old && change->dropped)
		err = plan_dropping(commit, change->new.name, old);
	else if (!err && old)
		err = plan(commit, change->new.name, old, type, error);
	if (err)
		return err;

	change->carries = old && !change->dropped;
	if (change->carries && state_equal(old, type)) {
		change->carries = false;
		change->new.cell = change->old.cell;
		return 0;
	}
	return make_cell(commit, change, old, type, error);
}

int carry_apart(struct commit *commit, struct change *change, const struct type *type,
		struct lana_error *error)
{
	const struct type *old;
	int err;

	if (!change->old.name[0] || change->new.cell != change->old.cell)
		return 0;
	err = types_get(commit->stack, change->old.type, change->old.version, &old, error);
	if (err)
		return err;
	change->carries = true;
	return make_cell(commit, change, old, type, error);
}

/* ---- afterwards --------------------------------------------------------------------------- */

/*
 * Write down what the old code has counted: not added, so it may be done again. What the engine
 * counts goes by number, as edges do.
 */
static int finish_counters(struct lana_stack *stack, const struct state *old,
			   const struct state *new)
{
	struct lana_cell *from = stack_cell(stack, old->cell), *to = stack_cell(stack, new->cell);
	_cleanup_(convert_free_p) struct convert *convert = NULL;
	int err = from && to ? convert_counters(old->type, new->type, &convert, NULL) : -ENOMEM;

	for (int path = 0; !err && path < LANA_PATHS; path++) {
		struct lana_path_cell *place = &cell_on_cpu(to, stack->cpus)->path[path];
		struct lana_path_cell sum;

		state_sum(stack, from, path, &sum);
		memcpy(place->drops, sum.drops, sizeof(place->drops));
		memcpy(place->unbound, sum.unbound, sizeof(place->unbound));
		err = convert_run(convert, sum.own, place->own, CONVERT_SATURATE, NULL);
	}
	if (!err)
		state_sum_events(stack, from, &cell_on_cpu(to, stack->cpus)->events);
	return err;
}

static int finish_change(struct lana_stack *stack, const struct change *change)
{
	struct state old = { .cell = change->old.cell }, new = { .cell = change->new.cell };
	int err;

	err = types_get(stack, change->old.type, change->old.version, &old.type, NULL);
	if (!err)
		err = types_get(stack, change->new.type, change->new.version, &new.type, NULL);
	if (!err)
		err = finish_counters(stack, &old, &new);
	return err ?: each_move(stack, &old, &new, finish_move, change->new.name, NULL);
}

static bool carries(const struct change *change)
{
	return change->carries && change->old.cell != change->new.cell;
}

int carry_finish(struct commit *commit)
{
	struct lana_stack *stack = commit->stack;
	bool any = false;
	int err = 0;

	for (size_t i = 0; i < commit->changes_count; i++)
		any |= carries(commit->changes[i]);
	if (any && stack->registry->switches_count) /* a switch counts where the old code does */
		err = stack_grace(stack);
	for (size_t i = 0; !err && i < commit->changes_count; i++)
		if (carries(commit->changes[i]))
			err = finish_change(stack, commit->changes[i]);
	if (!err)
		__atomic_store_n(&stack->registry->carried, 1, __ATOMIC_RELEASE);
	return err;
}

static const char *const fates[] = {
	[LANA_FATE_KEPT] = "kept",	   [LANA_FATE_WIDENED] = "widened",
	[LANA_FATE_NARROWED] = "narrowed", [LANA_FATE_NEW] = "new",
	[LANA_FATE_DROPPED] = "dropped",   [LANA_FATE_LOST] = "lost",
};

const char *lana_fate_name(enum lana_fate fate)
{
	return fate < ARRAY_SIZE(fates) ? fates[fate] : "?";
}
