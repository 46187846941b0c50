// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "convert.h"
#include "error.h"

#define STEPS_MAX 4096
#define DEPTH_MAX 16

struct builder {
	struct convert *convert;
	struct lana_error *error;
	bool summed; /* what is being built is inside a sum */
};

static struct convert_step *add_step(struct builder *b, int kind, __u32 old_bit, __u32 new_bit,
				     const char *field)
{
	struct convert *c = b->convert;
	struct convert_step *grown = NULL;

	if (c->steps_count < STEPS_MAX)
		grown = reallocarray(c->steps, c->steps_count + 1, sizeof(*grown));
	if (!grown) {
		refuse(b->error, -E2BIG, "too many fields");
		return NULL;
	}
	c->steps = grown;
	grown = &c->steps[c->steps_count++];
	*grown = (struct convert_step){ .kind = kind, .old_bit = old_bit, .new_bit = new_bit };
	snprintf(grown->field, sizeof(grown->field), "%s", field);
	return grown;
}

static int note(struct builder *b, const char *field, const struct shape *old,
		const struct shape *new, enum lana_fate fate)
{
	struct convert *c = b->convert;
	struct lana_conversion *grown = reallocarray(c->notes, c->notes_count + 1, sizeof(*grown));

	if (!grown)
		return refuse(b->error, -ENOMEM, "out of memory");
	c->notes = grown;
	grown = &c->notes[c->notes_count++];
	*grown = (struct lana_conversion){ .fate = fate };
	snprintf(grown->field, sizeof(grown->field), "%s", field);
	if (old)
		shape_text(old, grown->from, sizeof(grown->from));
	if (new)
		shape_text(new, grown->to, sizeof(grown->to));
	return 0;
}

/* A field has no place in the new type. A value of zero is no loss where values are what counts. */
static int lose(struct builder *b, const char *field, const struct shape *old, __u32 old_bit,
		const struct shape *new)
{
	struct convert *c = b->convert;
	struct convert_step *step;
	char from[LANA_NAME_MAX], to[LANA_NAME_MAX] = "";

	shape_text(old, from, sizeof(from));
	if (new)
		shape_text(new, to, sizeof(to));
	if (!*c->lost && new)
		snprintf(c->lost, sizeof(c->lost), "field '%s': %s cannot become %s", field, from,
			 to);
	else if (!*c->lost)
		snprintf(c->lost, sizeof(c->lost), "field '%s' has no place in the new type",
			 field);
	step = add_step(b, STEP_ZERO, old_bit, 0, field);
	if (!step)
		return -E2BIG;
	step->old = *old;
	step->size = old->size;
	return note(b, field, old, new, LANA_FATE_LOST);
}

static enum lana_fate number_fate(const struct shape *old, const struct shape *new)
{
	unsigned int from = shape_range(old), to = shape_range(new);

	if (!old->is_signed && new->is_signed)
		to--;
	if (from > to || (old->is_signed && !new->is_signed))
		return LANA_FATE_NARROWED;
	return from < to || old->is_signed != new->is_signed ? LANA_FATE_WIDENED : LANA_FATE_KEPT;
}

static int build(struct builder *b, const char *field, const struct shape *old, __u32 old_bit,
		 const struct shape *new, __u32 new_bit, int depth, enum lana_fate *fate);

static bool is_word(const struct shape *number, __u32 bit)
{
	return number->bits == 8 * number->size && !number->big_endian && bit % number->bits == 0;
}

static int build_number(struct builder *b, const char *field, const struct shape *old,
			__u32 old_bit, const struct shape *new, __u32 new_bit, enum lana_fate *fate)
{
	struct convert_step *step = add_step(b, STEP_NUMBER, old_bit, new_bit, field);

	if (!step)
		return -E2BIG;
	if (b->summed && (!is_word(old, old_bit) || !is_word(new, new_bit) || new->size < 4))
		return refuse(b->error, -EINVAL,
			      "field '%s' is declared a sum, and is not a number of 4 or 8 bytes",
			      field);
	step->old = *old;
	step->new = *new;
	step->is_sum = b->summed;
	*fate = number_fate(old, new);
	return 0;
}

/* What is cut must be zero. */
static int cut(struct builder *b, const char *field, const struct shape *old, __u32 old_bit,
	       const struct shape *element, __u32 kept, const struct shape *new, __u32 new_bit)
{
	struct convert_step *step;

	step = add_step(b, STEP_ZERO, old_bit + 8 * kept * element->size, new_bit, field);
	if (!step)
		return -E2BIG;
	step->old = *old;
	step->new = *new;
	step->size = (old->count - kept) * element->size;
	step->count = new->size;
	return 0;
}

static int build_array(struct builder *b, const char *field, const struct shape *old, __u32 old_bit,
		       const struct shape *new, __u32 new_bit, int depth, enum lana_fate *fate)
{
	__u32 count = old->count < new->count ? old->count : new->count;
	struct shape from, to;
	struct convert_step *step;
	char inner[sizeof(step->field)];
	size_t at;
	int err;

	if (shape_read(old->btf, old->element, &from) || shape_read(new->btf, new->element, &to) ||
	    !from.size || !to.size)
		return refuse(b->error, -EINVAL, "field '%s' is of no known size", field);
	if (from.is_char && count && count < old->count)
		count--; /* a text that is cut still ends in 0 */
	if (shape_equal(&from, &to) && from.kind == SHAPE_NUMBER && !b->summed) {
		step = add_step(b, STEP_COPY, old_bit, new_bit, field);
		if (!step)
			return -E2BIG;
		step->size = count * from.size;
		*fate = LANA_FATE_KEPT;
	} else {
		at = b->convert->steps_count;
		step = add_step(b, STEP_ARRAY, old_bit, new_bit, field);
		if (!step)
			return -E2BIG;
		step->count = count;
		step->old = from;
		step->new = to;
		snprintf(inner, sizeof(inner), "%.60s[]", field);
		err = build(b, inner, &from, old_bit, &to, new_bit, depth + 1, fate);
		if (err)
			return err;
		b->convert->steps[at].inner = b->convert->steps_count - at - 1;
	}
	if (old->count > new->count) {
		*fate = LANA_FATE_NARROWED;
		return cut(b, field, old, old_bit, &from, count, new, new_bit);
	}
	if (old->count < new->count &&*fate == LANA_FATE_KEPT)
		*fate = LANA_FATE_WIDENED;
	return 0;
}

static const char *path_of(char path[64], const char *outer, const char *name)
{
	snprintf(path, 64, "%.31s%s%.31s", outer, *outer ? "." : "", name);
	return path;
}

/* A field of the new struct. */
static int build_member(struct builder *b, const char *outer, const struct shape *old,
			__u32 old_bit, const struct shape *new, __u32 new_bit, __u32 index,
			int depth)
{
	struct shape_member to, from;
	enum lana_fate fate = LANA_FATE_KEPT;
	bool was_summed = b->summed;
	char path[64];
	int err;

	if (shape_member(new, index, &to))
		return refuse(b->error, -EINVAL, "a field is not where it can be");
	path_of(path, outer, to.name);
	if (!*to.name || shape_find(old, to.name, &from))
		return note(b, *to.name ? path : "(unnamed)", NULL, &to.shape, LANA_FATE_NEW);
	b->summed |= shape_is_sum(new, index);
	err = build(b, path, &from.shape, old_bit + from.bit, &to.shape, new_bit + to.bit,
		    depth + 1, &fate);
	b->summed = was_summed;
	if (err || fate == LANA_FATE_LOST ||
	    (from.shape.kind == SHAPE_STRUCT && to.shape.kind == SHAPE_STRUCT))
		return err; /* its fields have notes of their own */
	return note(b, path, &from.shape, &to.shape, fate);
}

static int build_struct(struct builder *b, const char *outer, const struct shape *old,
			__u32 old_bit, const struct shape *new, __u32 new_bit, int depth)
{
	struct shape_member member, other;
	char path[64];
	int err = 0;

	for (__u32 i = 0; !err && i < shape_members(new); i++)
		err = build_member(b, outer, old, old_bit, new, new_bit, i, depth);
	for (__u32 i = 0; !err && i < shape_members(old); i++) {
		if (shape_member(old, i, &member))
			return refuse(b->error, -EINVAL, "a field is not where it can be");
		if (!*member.name)
			err = lose(b, "(unnamed)", &member.shape, old_bit + member.bit, NULL);
		else if (shape_find(new, member.name, &other))
			err = lose(b, path_of(path, outer, member.name), &member.shape,
				   old_bit + member.bit, NULL);
	}
	return err;
}

static int build(struct builder *b, const char *field, const struct shape *old, __u32 old_bit,
		 const struct shape *new, __u32 new_bit, int depth, enum lana_fate *fate)
{
	struct convert_step *step;

	if (depth > DEPTH_MAX)
		return refuse(b->error, -E2BIG, "types are nested too deeply");
	if (old->kind == SHAPE_NUMBER && new->kind == SHAPE_NUMBER)
		return build_number(b, field, old, old_bit, new, new_bit, fate);
	if (old->kind == SHAPE_ARRAY && new->kind == SHAPE_ARRAY)
		return build_array(b, field, old, old_bit, new, new_bit, depth, fate);
	if (old->kind == SHAPE_STRUCT && new->kind == SHAPE_STRUCT)
		return build_struct(b, field, old, old_bit, new, new_bit, depth);
	if (!shape_equal(old, new) || (old->type && !btf_is_union(old->type))) {
		*fate = LANA_FATE_LOST;
		return lose(b, field, old, old_bit, new);
	}
	step = add_step(b, STEP_COPY, old_bit, new_bit, field);
	if (!step)
		return -E2BIG;
	step->size = old->size;
	*fate = LANA_FATE_KEPT;
	return 0;
}

/* List the sums, those in arrays one by one. */
static int list_sums(struct convert *c, size_t first, size_t count, __u32 old_base, __u32 new_base,
		     struct lana_error *error)
{
	for (size_t i = first; i < first + count; i++) {
		const struct convert_step *step = &c->steps[i];

		for (__u32 n = 0; step->kind == STEP_ARRAY && n < step->count; n++) {
			size_t before = c->sums_count;
			int err =
				list_sums(c, i + 1, step->inner, old_base + 8 * n * step->old.size,
					  new_base + 8 * n * step->new.size, error);

			if (err)
				return err;
			if (c->sums_count == before)
				break;
		}
		if (step->kind == STEP_ARRAY)
			i += step->inner;
		if (!step->is_sum)
			continue;
		if (c->sums_count == CONVERT_SUMS_MAX)
			return refuse(error, -E2BIG, "more than %d sums", CONVERT_SUMS_MAX);
		c->sums[c->sums_count++] = (struct convert_sum){
			.old_at = (old_base + step->old_bit) / 8,
			.new_at = (new_base + step->new_bit) / 8,
			.old_size = step->old.size,
			.new_size = step->new.size,
			.old_signed = step->old.is_signed,
		};
	}
	return 0;
}

int convert_new(const struct btf *old, __u32 old_id, const struct btf *new, __u32 new_id,
		struct convert **result, struct lana_error *error)
{
	_cleanup_(convert_free_p) struct convert *convert = calloc(1, sizeof(*convert));
	struct builder b = { convert, error, false };
	enum lana_fate fate = LANA_FATE_KEPT;
	struct shape from, to;
	int err;

	if (!convert)
		return refuse(error, -ENOMEM, "out of memory");
	if (shape_read(old, old_id, &from) || shape_read(new, new_id, &to))
		return refuse(error, -EINVAL, "the type information makes no sense");
	convert->same = shape_equal(&from, &to);
	convert->old_size = from.size;
	convert->new_size = to.size;
	if ((from.kind == SHAPE_STRUCT || from.kind == SHAPE_NOTHING) &&
	    (to.kind == SHAPE_STRUCT || to.kind == SHAPE_NOTHING)) {
		err = build_struct(&b, "", &from, 0, &to, 0, 0);
	} else {
		err = build(&b, "value", &from, 0, &to, 0, 0, &fate);
		if (!err && fate != LANA_FATE_LOST)
			err = note(&b, "", &from, &to, fate);
	}
	if (!err)
		err = list_sums(convert, 0, convert->steps_count, 0, 0, error);
	if (err)
		return err;
	*result = TAKE_PTR(convert);
	return 0;
}

int convert_bytes(__u32 size, struct convert **result)
{
	_cleanup_(convert_free_p) struct convert *convert = calloc(1, sizeof(*convert));
	struct builder b = { .convert = convert };
	struct convert_step *step = convert ? add_step(&b, STEP_COPY, 0, 0, "") : NULL;

	if (!step || note(&b, "", NULL, NULL, LANA_FATE_KEPT))
		return -ENOMEM;
	step->size = convert->old_size = convert->new_size = size;
	convert->same = true;
	*result = TAKE_PTR(convert);
	return 0;
}

void convert_free(struct convert *convert)
{
	if (!convert)
		return;
	free(convert->steps);
	free(convert->notes);
	free(convert);
}

void convert_free_p(struct convert **convert)
{
	convert_free(*convert);
}
